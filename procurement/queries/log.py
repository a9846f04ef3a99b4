"""The procurement log: one row a schedule line, found, sorted and cut by the stored rows of the log."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import BooleanField, Count, F, Func, Model, Q, QuerySet, Subquery, Sum, UUIDField, Value
from django.db.models.functions import Lower

from procurement.models import BlockForecast, Company, EquipmentClass, LogLine, RequirementForecast
from procurement.queries.steps import Step, date_state, read_step
from procurement.vocabulary import DateState
from sites.accounts.models import User
from sites.models import Site
from sites.models.site import Sight, sight_of

PAGE_SIZES: Final = (50, 100, 250, 500)
PAGE_SIZE: Final = 100
TAGS_SHOWN: Final = 2


class Shown(StrEnum):
    """Which lines: those still to come, those on site, those taken back, or all; or what is not ordered at all."""

    OPEN = "open"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Empty means any. `site` and `equipment_class` are codes, `vendor` the code of a seller or a maker.

    `as_known_on` asks for the end of a past day at each line's site: the answers of the runs by then, and quantity,
    contract date and status from the history of the lines. What a line serves is as allocated today.
    `among` narrows it to these schedule lines, or requirements where nothing is ordered.
    """

    site: str = ""
    equipment_class: str = ""
    vendor: str = ""
    late: bool = False
    text: str = ""
    shown: Shown = Shown.OPEN
    as_known_on: date | None = None
    sort: str = "float"
    descending: bool = False
    page: int = 1
    size: int = PAGE_SIZE
    among: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class LogRow:
    """Dates and days are those of the last open lot, but `float_days` and so the state are those of the worst one.

    `promised_as` is what the vendor said, empty where it was a whole day; `why` the step that decides, with the day
    and the reason code of its promise. While futures `are_being_drawn` there are no odds.
    """

    key: UUID
    site: str
    order_key: UUID
    order: str
    line: int
    schedule: int
    description: str
    tags: tuple[str, ...]
    more_tags: int
    equipment_class: str
    seller: str
    maker: str
    quantity: Decimal
    unit: str
    required_on_site: date | None
    contract_on: date | None
    contract_step: str
    promised_on: date | None
    promised_as: str
    forecast_on: date | None
    delivered_on: date | None
    float_days: int | None
    slip_days: int | None
    lots: int
    next_code: str
    next_on: date | None
    recovers_mw_days: Decimal | None
    costs_mw_days: Decimal | None
    why: Step | None
    stated_on: date | None
    reason_code: str
    state: DateState
    p80_on: date | None
    on_time_percent: int | None
    are_being_drawn: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """`mw_days_at_risk` is that of the blocks that the late lines serve, each block once; None where no run had
    answered for them. `answered` are the lines that a run had answered for by the past day asked for.
    """

    lines: int
    late: int
    mw_days_at_risk: Decimal | None
    answered: int | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    filter: LogFilter
    rows: tuple[LogRow, ...]
    totals: Totals
    pages: int


@dataclass(frozen=True, slots=True)
class KeyPage:
    """The lines of a page alone; `lines` are those of the whole list."""

    page: int
    pages: int
    lines: int
    keys: tuple[UUID, ...]


# What a column sorts by: a column of the stored rows, and of those of a past day.
SORTS: Final[Mapping[str, str]] = {
    "site": "site_code",
    "line": "order_number",
    "tags": "tags",
    "class": "class_name",
    "vendor": "seller_name",
    "maker": "maker_name",
    "quantity": "quantity",
    "ros": "required_on_site",
    "contract": "contract_on",
    "promise": "promised_on",
    "forecast": "forecast_on",
    "actual": "delivered_on",
    "float": "float_days",
    "slip": "slip_days",
    "mw_days": "mw_days",
    "why": "driver",
    "next": "next_on",
}
_TIES: Final = ("order_number", "line_number", "schedule_number")

# What only the rows of a page need, looked up for them alone.
_ROWS = """
SELECT page.*, o.id AS order_key, line.description, line.unit, f.required_on_site, f.promised_on, f.forecast_on,
    f.delivered_on, f.slip_days, f.next_code, f.next_on, f.recovers_mw_days, f.costs_mw_days,
    promise.value AS promised_value, promise.precision AS promised_precision, step.why,
    decides.stated_on AS decided_stated_on, decides.reason_code AS decided_reason, odds.p80_on,
    CASE WHEN odds.required_on_site = f.required_on_site THEN odds.on_time_percent END AS on_time_percent,
    due.id IS NOT NULL AND f.delivered_on IS NULL AS are_being_drawn
FROM ({page}) page
JOIN procurement_scheduleline s ON s.id = page.schedule_line_id
JOIN procurement_orderline line ON line.id = s.line_id
JOIN procurement_purchaseorder o ON o.id = line.order_id
LEFT JOIN procurement_lotforecast f ON f.id = page.answer_id
LEFT JOIN procurement_duedraw due ON due.lot_id = f.lot_id AND {has_odds}
LEFT JOIN procurement_lotprobability odds ON odds.lot_id = f.lot_id AND odds.current AND due.id IS NULL AND {has_odds}
LEFT JOIN LATERAL (
    SELECT jsonb_path_query_first(f.steps, '$[*] ? (@.code == $code)', jsonb_build_object('code', f.driver_code))
               AS why,
           jsonb_path_query_first(f.steps, '$[*] ? (@.code == $code)', jsonb_build_object('code', page.contract_step))
               AS contract
) step ON TRUE
LEFT JOIN sites_promise promise ON promise.id = (step.contract ->> 'promise_id')::uuid
LEFT JOIN sites_promise decides ON decides.id = (step.why ->> 'promise_id')::uuid
ORDER BY page.place
"""
_NAMES = """stored.site_code, stored.order_number, stored.line_number, stored.schedule_number, stored.class_name,
    stored.seller_name, stored.maker_name, stored.tags, stored.blocks"""
_NOW = f"""
SELECT wanted.place, stored.schedule_line_id, {_NAMES}, stored.answer_id, stored.shown, stored.lots, stored.quantity,
    stored.contract_on, today.contract_step, stored.float_days
FROM unnest(%(keys)s::uuid[]) WITH ORDINALITY AS wanted(key, place)
JOIN procurement_logline stored ON stored.schedule_line_id = wanted.key
JOIN procurement_scheduleline today ON today.id = wanted.key"""  # noqa: S608

# -- as known on a past day ------------------------------------------------------------------------------------------

# The last event of a row by the end of the day where the site is.
_LAST_EVENT = """FROM {table}event event
    WHERE event.pgh_obj_id = {key} AND event.pgh_created_at
        < ((%(day)s::date + 1)::timestamp AT TIME ZONE stored.time_zone)
    ORDER BY event.pgh_created_at DESC, event.pgh_id DESC LIMIT 1"""
# A line that was not there yet has none.
_EVENT = f"""JOIN LATERAL (
    SELECT event.* {_LAST_EVENT}
) {{name}} ON {{name}}.pgh_label <> 'delete'"""
# A lot without units is in no forecast; what it was answered while it had some is not the line's.
_HAD_UNITS = f"""(
    SELECT event.quantity > 0 {_LAST_EVENT.format(table="procurement_deliverylot", key="lot.id")}
)"""
# Lines of which anything may be other than at the end of a day: every answer and every event is kept only where
# something changed. One too many does no harm, one missing would: a day has ended everywhere after 14 hours.
_ANSWERED_SINCE = """
SELECT lot.schedule_line_id FROM procurement_lotforecast answer
JOIN procurement_deliverylot lot ON lot.id = answer.lot_id
WHERE answer.current AND answer.as_of > %(day)s AND lot.schedule_line_id {wanted}
"""
_WRITTEN_SINCE = """
SELECT event.pgh_obj_id AS schedule_line_id FROM procurement_schedulelineevent event
WHERE event.pgh_created_at >= %(day)s::date + 1 - interval '14 hours' AND event.pgh_obj_id {wanted}
UNION
SELECT line.id FROM procurement_orderlineevent event
JOIN procurement_scheduleline line ON line.line_id = event.pgh_obj_id
WHERE event.pgh_created_at >= %(day)s::date + 1 - interval '14 hours' AND line.id {wanted}
"""
# All others stand as they stood, so the stored rows of today tell; their contract step is looked up where it is shown.
_UNCHANGED: Final = (
    "schedule_line", "site_code", "order_number", "line_number", "schedule_number", "class_name", "seller_name",
    "maker_name", "tags", "blocks", "answer", "quantity", "contract_on", "required_on_site", "promised_on",
    "forecast_on", "delivered_on", "slip_days", "next_on", "driver", "mw_days", "shown", "lots", "float_days",
)  # fmt: skip
# The last of a line's open lots then, with the worst float of all of them. Joined flat and then cut to one row, because
# a join with a grouped subquery has no index and sent PostgreSQL into a nested loop of seconds.
_KNOWN = f"""
SELECT DISTINCT ON (stored.schedule_line_id)
    stored.schedule_line_id, {_NAMES}, f.id AS answer_id, was.quantity, was.contract_on,
    f.required_on_site, f.promised_on, f.forecast_on, f.delivered_on, f.slip_days, f.next_on, f.driver,
    GREATEST(f.recovers_mw_days, f.costs_mw_days) AS mw_days,
    CASE WHEN was.status = 'cancelled' OR line_was.status = 'cancelled' THEN 'cancelled'
         WHEN f.delivered_on IS NULL THEN 'open' ELSE 'delivered' END AS shown,
    count(f.id) OVER line_lots AS lots,
    CASE WHEN f.delivered_on IS NULL
         THEN min(f.float_days) FILTER (WHERE f.delivered_on IS NULL) OVER line_lots
         ELSE f.float_days END AS float_days,
    was.contract_step
FROM (
    SELECT now.*, s.line_id, coalesce(site.time_zone, 'UTC') AS time_zone FROM changed
    JOIN procurement_logline now ON now.schedule_line_id = changed.schedule_line_id
    JOIN procurement_scheduleline s ON s.id = now.schedule_line_id
    LEFT JOIN sites_site site ON site.id = s.site_id
    OFFSET 0 -- else the past of all lines would be read first
) stored
LEFT JOIN procurement_deliverylot lot ON lot.schedule_line_id = stored.schedule_line_id
{_EVENT.format(table="procurement_scheduleline", key="stored.schedule_line_id", name="was")}
{_EVENT.format(table="procurement_orderline", key="stored.line_id", name="line_was")}
LEFT JOIN LATERAL (
    SELECT answer.* FROM procurement_lotforecast answer
    WHERE answer.lot_id = lot.id AND answer.as_of <= %(day)s::date AND (lot.quantity > 0 OR {_HAD_UNITS})
    ORDER BY answer.as_of DESC, answer.created_at DESC, answer.id DESC LIMIT 1
) f ON TRUE
WINDOW line_lots AS (PARTITION BY stored.schedule_line_id)
ORDER BY stored.schedule_line_id, (f.id IS NULL), (f.delivered_on IS NULL) DESC, f.forecast_on DESC NULLS FIRST,
    lot.number DESC
"""  # noqa: S608
_FOUND = """WITH changed AS MATERIALIZED ({changed})
    SELECT {columns} FROM (
        SELECT *, shown = 'open' AND coalesce(float_days < 0, false) AS is_late FROM (
            ({known})
            UNION ALL
            SELECT unchanged.*, NULL FROM ({unchanged}) unchanged
            WHERE NOT EXISTS (SELECT FROM changed WHERE changed.schedule_line_id = unchanged.schedule_line)
        ) known
    ) line WHERE {kept}"""
# A page beyond the last one is the last. Its rows and the totals come together: without any rows, of the totals alone.
_THEN = """
WITH found AS MATERIALIZED (
    {found}
),
totals AS (SELECT count(*) AS lines, count(*) FILTER (WHERE is_late) AS late,
    count(answer_id) AS answered FROM found),
at_risk AS (
    SELECT sum(block.mw_days_at_risk) AS mw_days
    FROM (SELECT DISTINCT ON (block_id) * FROM procurement_blockforecast WHERE as_of <= %(day)s::date
        ORDER BY block_id, as_of DESC, created_at DESC, id DESC) block
    WHERE block.block_id IN (SELECT unnest(blocks) FROM found WHERE is_late)
)
SELECT totals.lines AS all_lines, totals.late AS all_late, at_risk.mw_days AS all_mw_days,
    totals.answered AS all_answered, page.*
FROM totals CROSS JOIN at_risk LEFT JOIN (
    {rows}
) page ON TRUE
ORDER BY page.place
"""
_THEN_PAGE = """
    SELECT schedule_line_id, site_code, order_number, line_number, schedule_number, class_name, seller_name, maker_name,
        tags, answer_id, shown, lots, quantity, contract_on, float_days,
        coalesce(contract_step, (SELECT contract_step FROM procurement_scheduleline WHERE id = schedule_line_id))
            AS contract_step,
        row_number() OVER (ORDER BY {order}) AS place
    FROM (SELECT * FROM found ORDER BY {order}
        LIMIT %(size)s OFFSET (SELECT LEAST(%(start)s, (GREATEST(lines, 1) - 1) / %(size)s * %(size)s) FROM totals)
    ) found"""


def log_page(actor: User, wanted: LogFilter, sight: Sight | None = None) -> LogPage:
    """A page of the lines that the actor may see; a page beyond the last one is the last. Four statements, one of a
    past day, and those of the actor's sight where it is not given.
    """
    mine = LogLine.objects.within(sight or sight_of(actor))
    return _page_now(mine, wanted) if wanted.as_known_on is None else _page_then(mine, wanted, wanted.as_known_on)


def _page_now(mine: QuerySet[LogLine], wanted: LogFilter) -> LogPage:
    lines = _of_today(mine, wanted)
    totals = _totals(lines)
    pages = _pages(totals.lines, wanted)
    shown = replace(wanted, page=min(wanted.page, pages))
    return LogPage(shown, _read(_keys(lines, shown, totals.lines)), totals, pages)


def key_page(actor: User, wanted: LogFilter) -> KeyPage:
    """As `log_page`, in two statements and those of the actor's sight; of a past day that page itself."""
    if wanted.as_known_on is not None:
        page = log_page(actor, wanted)
        return KeyPage(page.filter.page, page.pages, page.totals.lines, tuple(row.key for row in page.rows))
    lines = _seen_today(actor, wanted)
    count = lines.count()
    pages = _pages(count, wanted)
    shown = replace(wanted, page=min(wanted.page, pages))
    return KeyPage(shown.page, pages, count, tuple(_keys(lines, shown, count)))


def log_totals(actor: User, wanted: LogFilter, sight: Sight | None = None) -> Totals:
    """Of the list of today. Two statements, and those of the actor's sight where it is not given."""
    return _totals(_seen_today(actor, wanted, sight))


def log_rows(actor: User, wanted: LogFilter, sight: Sight | None = None) -> tuple[LogRow, ...]:
    """The first page of the list of today, nothing counted. Two statements, and those of the actor's sight where it is
    not given.
    """
    lines = _seen_today(actor, wanted, sight)
    return _read(list(_in_order(lines, wanted).values_list("pk", flat=True)[: wanted.size]))


def _totals(lines: QuerySet[LogLine]) -> Totals:
    count = lines.aggregate(lines=Count("*"), late=Count("pk", filter=Q(is_late=True)))
    blocks = lines.filter(is_late=True).annotate(block=Func(F("blocks"), function="unnest")).values("block")
    at_risk = BlockForecast.objects.filter(current=True, block__in=blocks).aggregate(days=Sum("mw_days_at_risk"))
    return Totals(count["lines"], count["late"], at_risk["days"] or Decimal(0))


def _read(keys: list[UUID]) -> tuple[LogRow, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_ROWS.format(page=_NOW, has_odds="TRUE"), {"keys": keys})
        return tuple(_row(row) for row in _dicts(cursor))


def _keys(lines: QuerySet[LogLine], wanted: LogFilter, count: int) -> list[UUID]:
    """Of the page's lines. In the second half of the list they are counted from its end, so that no page skips more
    than half of it. What is not known comes last either way; the order's own numbers break ties, so that pages never
    overlap.
    """
    start = (wanted.page - 1) * wanted.size
    stop = min(start + wanted.size, count)
    from_the_end = start > count - stop
    window = slice(count - stop, count - start) if from_the_end else slice(start, stop)
    keys = list(_in_order(lines, wanted, from_the_end=from_the_end).values_list("pk", flat=True)[window])
    return keys[::-1] if from_the_end else keys


def _in_order(lines: QuerySet[LogLine], wanted: LogFilter, *, from_the_end: bool = False) -> QuerySet[LogLine]:
    first = F(SORTS[wanted.sort])
    if wanted.descending != from_the_end:
        return lines.order_by(first.desc(**_LAST[from_the_end]), *(F(each).desc() for each in _TIES))
    return lines.order_by(first.asc(**_LAST[from_the_end]), *(F(each).asc() for each in _TIES))


_LAST: Final[Mapping[bool, Mapping[str, bool]]] = {False: {"nulls_last": True}, True: {"nulls_first": True}}


def _page_then(mine: QuerySet[LogLine], wanted: LogFilter, day: date) -> LogPage:
    found_then, values = _known(mine, wanted, day, "*")
    # The odds are those of today's answers; of a past day there are none.
    rows = _ROWS.format(page=_THEN_PAGE.format(order=_order(wanted)), has_odds="FALSE")
    with connection.cursor() as cursor:
        cursor.execute(
            _THEN.format(found=found_then, rows=rows),
            {**values, "size": wanted.size, "start": (wanted.page - 1) * wanted.size},
        )
        found = _dicts(cursor)
    totals = Totals(*(found[0][f"all_{name}"] for name in ("lines", "late", "mw_days", "answered")))
    pages = _pages(totals.lines, wanted)
    shown = tuple(_row(row) for row in found if row["schedule_line_id"] is not None)
    return LogPage(replace(wanted, page=min(wanted.page, pages)), shown, totals, pages)


def _known(mine: QuerySet[LogLine], wanted: LogFilter, day: date, columns: str) -> tuple[str, dict[str, Any]]:
    """The statement of the whole list as it was, and its values."""
    mine = narrowed(mine, wanted)
    values: dict[str, Any] = {"day": day}
    unchanged = named(mine.values(*_UNCHANGED), values)
    # What is asked for line by line is looked up line by line.
    lines = named(mine.values("schedule_line_id"), values) if wanted.among else " UNION ".join(since(mine, values))
    kept = "TRUE" if wanted.shown is Shown.ALL else f"shown = '{wanted.shown.value}'"
    if wanted.late:
        kept += " AND is_late"
    return _FOUND.format(columns=columns, changed=lines, known=_KNOWN, unchanged=unchanged, kept=kept), values


def since(mine: QuerySet[LogLine], values: dict[str, Any]) -> tuple[str, str]:
    """The statements of these lines that were answered for, and that were written, since the end of the `day` that
    `values` say.
    """
    lines = named(mine.values("schedule_line_id"), values) if mine.query.has_filters() else ""
    wanted = f"IN ({lines})" if lines else "IS NOT NULL"
    return _ANSWERED_SINCE.format(wanted=wanted), _WRITTEN_SINCE.format(wanted=wanted)


def named(rows: QuerySet[Any, Any], values: dict[str, Any]) -> str:
    """The statement of these rows with names for its values, which are added to `values`."""
    statement, params = rows.query.sql_with_params()
    told = {f"door{place}": value for place, value in enumerate(params, len(values))}
    values.update(told)
    doors = iter(told)
    return re.sub("%(%|s)", lambda found: found[0] if found[1] == "%" else f"%({next(doors)})s", statement)


def log_keys(wanted: LogFilter, sight: Sight) -> set[UUID]:
    """Of all the lines of the list, whatever its page. One statement."""
    mine = LogLine.objects.within(sight)
    if wanted.as_known_on is None:
        return set(_of_today(mine, wanted).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(*_known(mine, wanted, wanted.as_known_on, "schedule_line_id"))
        return {key for (key,) in cursor.fetchall()}


def _order(wanted: LogFilter) -> str:
    way = "DESC" if wanted.descending else "ASC"
    return f"{SORTS[wanted.sort]} {way} NULLS LAST, " + ", ".join(f"{each} {way}" for each in _TIES)


def _pages(lines: int, wanted: LogFilter) -> int:
    return max(1, -(-lines // wanted.size))


def _dicts(cursor: Any) -> list[dict[str, Any]]:
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def lines_of_today(actor: User, wanted: LogFilter) -> QuerySet[LogLine]:
    """The actor's own lines as the filter narrows them, in no order; a past day is left out of it."""
    return _of_today(LogLine.objects.visible_to(actor), wanted)


def first_lines(actor: User, wanted: LogFilter, most: int) -> QuerySet[LogLine]:
    """The list of today from its beginning and in its order, whatever its page."""
    return _in_order(_seen_today(actor, wanted), wanted)[:most]


def _seen_today(actor: User, wanted: LogFilter, sight: Sight | None = None) -> QuerySet[LogLine]:
    return _of_today(LogLine.objects.within(sight or sight_of(actor)), wanted)


def _of_today(mine: QuerySet[LogLine], wanted: LogFilter) -> QuerySet[LogLine]:
    lines = narrowed(mine, wanted)
    if wanted.shown is not Shown.ALL:
        lines = lines.filter(shown=wanted.shown.value)
    return lines.filter(is_late=True) if wanted.late else lines


def narrowed(lines: QuerySet[LogLine], wanted: LogFilter) -> QuerySet[LogLine]:
    """Those of this site, class and vendor, with every word. A code is looked up once, so that the index of its key
    serves.
    """
    if wanted.site:
        lines = lines.filter(site=_key_of(Site, wanted.site))
    if wanted.equipment_class:
        lines = lines.filter(equipment_class=_key_of(EquipmentClass, wanted.equipment_class))
    if wanted.vendor:
        vendor = _key_of(Company, wanted.vendor)
        lines = lines.filter(Q(seller=vendor) | Q(maker=vendor))
    for word in wanted.text.split():
        lines = lines.filter(words__contains=Lower(Value(word)))
    if wanted.among is not None:
        keys = Value(list(wanted.among), output_field=ArrayField(UUIDField()))
        lines = lines.filter(_IsAmong(F("pk"), keys, output_field=BooleanField()))
    return lines


class _IsAmong(Func):
    """Thousands of keys as one value of the statement; IN would make each its own."""

    arg_joiner = " = ANY("
    template = "%(expressions)s)"


def _key_of(model: type[Model], code: str) -> Subquery:
    return Subquery(model._default_manager.filter(code=code).values("pk"))


def _row(row: Mapping[str, Any]) -> LogRow:
    tags: Sequence[str] = row["tags"] or ()
    why = row["why"]
    imprecise = row["promised_precision"] not in {None, "day", "tbd"}
    return LogRow(
        key=row["schedule_line_id"],
        site=row["site_code"] or "",
        order_key=row["order_key"],
        order=row["order_number"],
        line=row["line_number"],
        schedule=row["schedule_number"],
        description=row["description"],
        tags=tuple(tags[:TAGS_SHOWN]),
        more_tags=max(0, len(tags) - TAGS_SHOWN),
        equipment_class=row["class_name"],
        seller=row["seller_name"],
        maker=row["maker_name"] or "",
        quantity=row["quantity"],
        unit=row["unit"],
        required_on_site=row["required_on_site"],
        contract_on=row["contract_on"],
        contract_step=row["contract_step"],
        promised_on=row["promised_on"],
        promised_as=row["promised_value"] if imprecise else "",
        forecast_on=row["forecast_on"],
        delivered_on=row["delivered_on"],
        float_days=row["float_days"],
        slip_days=row["slip_days"],
        lots=row["lots"] or 0,
        next_code=row["next_code"] or "",
        next_on=row["next_on"],
        recovers_mw_days=row["recovers_mw_days"],
        costs_mw_days=row["costs_mw_days"],
        why=read_step(json.loads(why) if isinstance(why, str) else why) if why else None,
        stated_on=row["decided_stated_on"],
        reason_code=row["decided_reason"] or "",
        state=date_state(
            is_cancelled=row["shown"] == Shown.CANCELLED,
            is_delivered=row["delivered_on"] is not None,
            has_forecast=row["answer_id"] is not None,
            float_days=row["float_days"],
        ),
        p80_on=row["p80_on"],
        on_time_percent=row["on_time_percent"],
        are_being_drawn=row["are_being_drawn"],
    )


# -- what is not ordered yet -----------------------------------------------------------------------------------------

UNORDERED_SORTS: Final[Mapping[str, str]] = {
    "site": "requirement__site__code",
    "tags": "requirement__tag",
    "class": "requirement__equipment_class__name",
    "ros": "required_on_site",
    "order_by": "order_by_on",
    "forecast": "forecast_on",
    "float": "float_days",
    "mw_days": "costs_mw_days",
}


@dataclass(frozen=True, slots=True)
class UnorderedPage:
    filter: LogFilter
    rows: tuple[RequirementForecast, ...]
    total: int
    past: int
    pages: int


def unordered_page(actor: User, wanted: LogFilter) -> UnorderedPage:
    """Requirements with nothing ordered, the earliest order-by date first, and of one day what costs most MW-days.
    `past` counts those whose date is over as of their own calculation. Three queries.
    """
    rows = unordered(actor)
    if wanted.site:
        rows = rows.filter(requirement__site__code=wanted.site)
    if wanted.equipment_class:
        rows = rows.filter(requirement__equipment_class__code=wanted.equipment_class)
    for word in wanted.text.split():
        rows = rows.filter(Q(requirement__tag__icontains=word) | Q(requirement__description__icontains=word))
    if wanted.among is not None:
        rows = rows.filter(requirement__in=wanted.among)
    past = rows.filter(order_by_on__lt=F("as_of"))
    late = past.count()
    if wanted.late:
        rows = past
    total = rows.count()
    pages = max(1, -(-total // wanted.size))
    shown = replace(wanted, page=min(wanted.page, pages))
    sort = F(UNORDERED_SORTS.get(shown.sort, "order_by_on"))
    order = sort.desc(nulls_last=True) if shown.descending else sort.asc(nulls_last=True)
    found = rows.select_related(
        "requirement__site", "requirement__equipment_class", "requirement__lead_time", "requirement__block__phase"
    ).order_by(order, F("costs_mw_days").desc(nulls_last=True), "requirement__site__code", "requirement__tag")
    start = (shown.page - 1) * shown.size
    return UnorderedPage(shown, tuple(found[start : start + shown.size]), total, late, pages)


def unordered(actor: User) -> Any:
    """Current answers for the visible requirements that nothing is ordered for."""
    return RequirementForecast.objects.filter(
        current=True,
        ordered=False,
        requirement__cancelled_at__isnull=True,
        requirement__site__in=Site.objects.visible_to(actor),
    )


# -- what can be chosen ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choices:
    """(code, name) of what the actor's lines hold."""

    sites: tuple[tuple[str, str], ...]
    classes: tuple[tuple[str, str], ...]
    vendors: tuple[tuple[str, str], ...]


# Of each class and company one line is enough, which an index finds; at some sites, all their lines are gone through
# once. EXISTS would go through all lines either way.
_HELD: Final[Mapping[bool, str]] = {
    True: "(SELECT TRUE FROM procurement_logline WHERE {column} = named.id LIMIT 1)",
    False: "named.id IN (SELECT {column} FROM procurement_logline WHERE site_id = ANY(%(sites)s))",
}
_CHOICES = """
SELECT 'sites' AS kind, code, name, code AS place FROM sites_site named WHERE %(whole)s OR id = ANY(%(sites)s)
UNION ALL
SELECT 'classes', code, name, lower(name) FROM procurement_equipmentclass named WHERE {equipment_class_id} OR (
    SELECT TRUE FROM procurement_requirement needed
    JOIN procurement_requirementforecast answer ON answer.requirement_id = needed.id
    WHERE needed.equipment_class_id = named.id AND needed.cancelled_at IS NULL AND answer.current
        AND NOT answer.ordered AND (%(whole)s OR needed.site_id = ANY(%(sites)s))
    LIMIT 1)
UNION ALL
SELECT 'vendors', code, name, lower(name) FROM procurement_company named WHERE {seller_id} OR {maker_id}
ORDER BY kind, place
"""


def choices(actor: User, sight: Sight | None = None) -> Choices:
    """One statement, and those of the actor's sight where it is not given."""
    sight = sight or sight_of(actor)
    held = {name: _HELD[sight.whole].format(column=name) for name in ("equipment_class_id", "seller_id", "maker_id")}
    found: dict[str, list[tuple[str, str]]] = {"sites": [], "classes": [], "vendors": []}
    with connection.cursor() as cursor:
        cursor.execute(_CHOICES.format(**held), {"whole": sight.whole, "sites": list(sight.sites)})
        for kind, code, name, _place in cursor.fetchall():
            found[kind].append((code, name))
    return Choices(**{kind: tuple(named) for kind, named in found.items()})
