"""The procurement log: one row a schedule line, sorted and cut by PostgreSQL, in a fixed number of queries."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower

from procurement.models import Company, EquipmentClass, RequirementForecast, ScheduleLine
from procurement.queries.steps import Step, date_state, read_step
from procurement.vocabulary import DateState
from sites.accounts.models import User
from sites.models import Site

PAGE_SIZES: Final = (50, 100, 250, 500)
PAGE_SIZE: Final = 100
_TAGS_SHOWN: Final = 2


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
    `among` narrows it to these schedule lines.
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
    and the reason code of its promise.
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


@dataclass(frozen=True, slots=True)
class Totals:
    """`mw_days_at_risk` is that of the blocks that the late lines serve, each block once."""

    lines: int
    late: int
    mw_days_at_risk: Decimal


@dataclass(frozen=True, slots=True)
class LogPage:
    filter: LogFilter
    rows: tuple[LogRow, ...]
    totals: Totals
    pages: int


# What a column sorts by, in terms of `_FOUND`; the page adds the words.
SORTS: Final[Mapping[str, str]] = {
    "site": "site",
    "line": "order_number",
    "tags": """(
        SELECT min(r.tag) FROM procurement_deliverylot lot
        JOIN procurement_allocation alloc ON alloc.lot_id = lot.id AND alloc.ended_at IS NULL
        JOIN procurement_requirement r ON r.id = alloc.requirement_id
        WHERE lot.schedule_line_id = found.id)""",
    "class": "class_name",
    "vendor": "seller",
    "maker": "maker",
    "quantity": "quantity",
    "ros": "required_on_site",
    "contract": "contract_on",
    "promise": "promised_on",
    "forecast": "forecast_on",
    "actual": "delivered_on",
    "float": "worst_float_days",
    "slip": "slip_days",
    "mw_days": "GREATEST(recovers_mw_days, costs_mw_days)",
    "why": "driver",
    "next": "next_on",
}

# One row a schedule line: the last of its open lots, with the worst float of all of them. Joined flat and then cut to
# one row, because a join with a grouped subquery has no index and sent PostgreSQL into a nested loop of seconds.
_LINES = """
SELECT DISTINCT ON (s.id)
    s.id, site.code AS site, o.id AS order_key, o.number AS order_number, l.number AS line_number,
    s.number AS schedule_number, l.description, c.name AS class_name, seller.name AS seller, maker.name AS maker,
    {was}.quantity, l.unit, f.required_on_site, {was}.contract_on, {was}.contract_step, f.promised_on, f.forecast_on,
    f.delivered_on, f.slip_days, f.next_code, f.next_on, f.recovers_mw_days, f.costs_mw_days, f.id AS answer_id,
    f.driver, f.driver_code, ({was}.status = 'cancelled' OR {line_was}.status = 'cancelled') AS is_cancelled,
    count(f.id) OVER line_lots AS lots,
    CASE WHEN f.delivered_on IS NULL
         THEN min(f.float_days) FILTER (WHERE f.delivered_on IS NULL) OVER line_lots
         ELSE f.float_days END AS worst_float_days
FROM procurement_scheduleline s
JOIN procurement_orderline l ON l.id = s.line_id
JOIN procurement_purchaseorder o ON o.id = l.order_id
JOIN procurement_company seller ON seller.id = o.seller_id
JOIN procurement_equipmentclass c ON c.id = l.equipment_class_id
LEFT JOIN procurement_plant plant ON plant.id = l.plant_id
LEFT JOIN procurement_company maker ON maker.id = plant.company_id
LEFT JOIN sites_site site ON site.id = s.site_id
LEFT JOIN procurement_deliverylot lot ON lot.schedule_line_id = s.id
{answers}
WHERE {conditions}
WINDOW line_lots AS (PARTITION BY s.id)
ORDER BY s.id, (f.id IS NULL), (f.delivered_on IS NULL) DESC, f.forecast_on DESC NULLS FIRST, lot.number DESC
"""
_NOW = {
    "was": "s", "line_was": "l", "answers": "LEFT JOIN procurement_lotforecast f ON f.lot_id = lot.id AND f.current",
}  # fmt: skip
# The last event of a row by the end of the day where the site is; a line that was not there yet has none.
_EVENT = """JOIN LATERAL (
    SELECT event.* FROM {table}event event
    WHERE event.pgh_obj_id = {row}.id AND event.pgh_created_at
        < ((%(as_known_on)s::date + 1)::timestamp AT TIME ZONE coalesce(site.time_zone, 'UTC'))
    ORDER BY event.pgh_created_at DESC, event.pgh_id DESC LIMIT 1
) {name} ON {name}.pgh_label <> 'delete'"""
_THEN = {
    "was": "was",
    "line_was": "line_was",
    "answers": "\n".join((
        _EVENT.format(table="procurement_scheduleline", row="s", name="was"),
        _EVENT.format(table="procurement_orderline", row="l", name="line_was"),
        """LEFT JOIN LATERAL (
            SELECT answer.* FROM procurement_lotforecast answer
            WHERE answer.lot_id = lot.id AND answer.as_of <= %(as_known_on)s::date
            ORDER BY answer.as_of DESC, answer.created_at DESC, answer.id DESC LIMIT 1
        ) f ON TRUE""",
    )),
}  # fmt: skip
_LATE = "(worst_float_days < 0 AND delivered_on IS NULL AND NOT is_cancelled)"
_SHOWN = {
    Shown.OPEN: "(delivered_on IS NULL AND NOT is_cancelled)",
    Shown.DELIVERED: "(delivered_on IS NOT NULL AND NOT is_cancelled)",
    Shown.CANCELLED: "is_cancelled",
    Shown.ALL: "TRUE",
}
# A page beyond the last one is the last. What only the rows of the page need is looked up for them alone.
_PAGE = """
WITH found AS MATERIALIZED (SELECT *, {late} AS is_late FROM ({lines}) line WHERE {kept}),
totals AS (SELECT count(*) AS lines, count(*) FILTER (WHERE is_late) AS late FROM found),
at_risk AS (
    SELECT coalesce(sum(block.mw_days_at_risk), 0) AS mw_days
    FROM {blocks} block
    WHERE block.block_id IN (
        SELECT need.block_id
        FROM found
        JOIN procurement_deliverylot lot ON lot.schedule_line_id = found.id
        JOIN procurement_allocation alloc ON alloc.lot_id = lot.id AND alloc.ended_at IS NULL
        JOIN procurement_requirement r ON r.id = alloc.requirement_id
        JOIN procurement_groupneed need ON need.group_id = r.group_id
        WHERE found.is_late
    )
),
page AS (
    SELECT *, row_number() OVER (ORDER BY {order}) AS place FROM (
        SELECT * FROM found ORDER BY {order}
        LIMIT %(size)s OFFSET (SELECT LEAST(%(start)s, (GREATEST(lines, 1) - 1) / %(size)s * %(size)s) FROM totals)
    ) found
)
SELECT totals.lines AS all_lines, totals.late AS all_late, at_risk.mw_days AS all_mw_days, page.*, served.tags,
    promise.value AS promised_value, promise.precision AS promised_precision, step.why,
    decides.stated_on AS decided_stated_on, decides.reason_code AS decided_reason, odds.p80_on, odds.on_time_percent
FROM totals CROSS JOIN at_risk
LEFT JOIN page ON TRUE
LEFT JOIN procurement_lotforecast f ON f.id = page.answer_id
LEFT JOIN procurement_lotprobability odds ON odds.lot_id = f.lot_id AND odds.current AND {has_odds}
LEFT JOIN LATERAL (
    SELECT jsonb_path_query_first(f.steps, '$[*] ? (@.code == $code)', jsonb_build_object('code', page.driver_code))
               AS why,
           jsonb_path_query_first(f.steps, '$[*] ? (@.code == $code)', jsonb_build_object('code', page.contract_step))
               AS contract
) step ON TRUE
LEFT JOIN sites_promise promise ON promise.id = (step.contract ->> 'promise_id')::uuid
LEFT JOIN sites_promise decides ON decides.id = (step.why ->> 'promise_id')::uuid
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT r.tag) AS tags
    FROM procurement_deliverylot lot
    JOIN procurement_allocation alloc ON alloc.lot_id = lot.id AND alloc.ended_at IS NULL
    JOIN procurement_requirement r ON r.id = alloc.requirement_id
    WHERE lot.schedule_line_id = page.id
) served ON TRUE
ORDER BY page.place
"""
_BLOCKS_NOW = "(SELECT * FROM procurement_blockforecast WHERE current)"
_BLOCKS_THEN = """(SELECT DISTINCT ON (block_id) * FROM procurement_blockforecast WHERE as_of <= %(as_known_on)s::date
    ORDER BY block_id, as_of DESC, created_at DESC, id DESC)"""
# A union and not a chain of ORs: each part is found by itself. Where few are found, their keys are what the rest joins:
# of a subquery PostgreSQL expects many, and joins all lines first.
_FEW = 2000
_SEARCHED = """
    SELECT each.id FROM procurement_purchaseorder po
    JOIN procurement_orderline line ON line.order_id = po.id
    JOIN procurement_scheduleline each ON each.line_id = line.id
    WHERE po.number ILIKE %(word{n})s OR po.seller_id IN (
        SELECT company.id FROM procurement_company company WHERE company.name ILIKE %(word{n})s)
    UNION ALL
    SELECT each.id FROM procurement_orderline line
    JOIN procurement_scheduleline each ON each.line_id = line.id
    WHERE line.description ILIKE %(word{n})s
    UNION ALL
    SELECT each.id FROM procurement_company company
    JOIN procurement_plant plant ON plant.company_id = company.id
    JOIN procurement_orderline line ON line.plant_id = plant.id
    JOIN procurement_scheduleline each ON each.line_id = line.id
    WHERE company.name ILIKE %(word{n})s
    UNION ALL
    SELECT each.schedule_line_id FROM procurement_requirement r
    JOIN procurement_allocation alloc ON alloc.requirement_id = r.id AND alloc.ended_at IS NULL
    JOIN procurement_deliverylot each ON each.id = alloc.lot_id
    WHERE r.tag ILIKE %(word{n})s"""


def log_page(actor: User, wanted: LogFilter) -> LogPage:
    """A page of the lines that the actor may see; a page beyond the last one is the last. One query; a search: two."""
    lines, values = _lines(actor, wanted)
    kept = f"{_SHOWN[wanted.shown]} AND {_LATE}" if wanted.late else _SHOWN[wanted.shown]
    blocks = _BLOCKS_NOW if wanted.as_known_on is None else _BLOCKS_THEN
    # The odds are those of today's answers; of a past day there are none.
    has_odds = "TRUE" if wanted.as_known_on is None else "FALSE"
    statement = _PAGE.format(late=_LATE, lines=lines, kept=kept, order=_order(wanted), blocks=blocks, has_odds=has_odds)
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, "size": wanted.size, "start": (wanted.page - 1) * wanted.size})
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    totals = Totals(rows[0]["all_lines"], rows[0]["all_late"], rows[0]["all_mw_days"])
    pages = max(1, -(-totals.lines // wanted.size))
    found = tuple(_row(row) for row in rows if row["id"] is not None)
    return LogPage(replace(wanted, page=min(wanted.page, pages)), found, totals, pages)


def _lines(actor: User, wanted: LogFilter) -> tuple[str, dict[str, Any]]:
    """The statement that finds lines, and its values. The door is the same as everywhere: the actor's own lines."""
    visible, params = ScheduleLine.objects.visible_to(actor).values("pk").query.sql_with_params()
    values: dict[str, Any] = {f"door{place}": value for place, value in enumerate(params)}
    conditions = [f"s.id IN ({visible % tuple(f'%(door{place})s' for place in range(len(params)))})"]
    for column, value in (("site.code", wanted.site), ("c.code", wanted.equipment_class)):
        if value:
            conditions.append(f"{column} = %({column})s")
            values[column] = value
    if wanted.vendor:
        conditions.append("(seller.code = %(vendor)s OR maker.code = %(vendor)s)")
        values["vendor"] = wanted.vendor
    if words := {f"word{place}": _like(word) for place, word in enumerate(wanted.text.split())}:
        values |= words
        searched = [f"({_SEARCHED.format(n=place)})" for place in range(len(words))]
        values["few"] = _few(" INTERSECT ".join(searched), words)
        conditions += (
            ["s.id = ANY(%(few)s::uuid[])"] if values["few"] is not None else [f"s.id IN {each}" for each in searched]
        )
    if wanted.among is not None:
        conditions.append("s.id = ANY(%(among)s::uuid[])")
        values["among"] = list(wanted.among)
    if wanted.as_known_on is not None:
        values["as_known_on"] = wanted.as_known_on
    then_or_now = _NOW if wanted.as_known_on is None else _THEN
    return _LINES.format(conditions=" AND ".join(conditions), **then_or_now), values


def _few(statement: str, words: Mapping[str, str]) -> list[UUID] | None:
    """The keys of the lines that a search finds; None where they are many."""
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} LIMIT {_FEW + 1}", words)
        found = [key for (key,) in cursor.fetchall()]
    return list(set(found)) if len(found) <= _FEW else None


def _like(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _order(wanted: LogFilter) -> str:
    """What is not known comes last either way; the order's own numbers break ties, so that pages never overlap."""
    way = "DESC" if wanted.descending else "ASC"
    return f"{SORTS[wanted.sort]} {way} NULLS LAST, order_number {way}, line_number {way}, schedule_number {way}"


def _row(row: Mapping[str, Any]) -> LogRow:
    tags: Sequence[str] = row["tags"] or ()
    why = row["why"]
    has_forecast = row["answer_id"] is not None
    imprecise = row["promised_precision"] not in {None, "day", "tbd"}
    return LogRow(
        key=row["id"],
        site=row["site"] or "",
        order_key=row["order_key"],
        order=row["order_number"],
        line=row["line_number"],
        schedule=row["schedule_number"],
        description=row["description"],
        tags=tuple(tags[:_TAGS_SHOWN]),
        more_tags=max(0, len(tags) - _TAGS_SHOWN),
        equipment_class=row["class_name"],
        seller=row["seller"],
        maker=row["maker"] or "",
        quantity=row["quantity"],
        unit=row["unit"],
        required_on_site=row["required_on_site"],
        contract_on=row["contract_on"],
        contract_step=row["contract_step"],
        promised_on=row["promised_on"],
        promised_as=row["promised_value"] if imprecise else "",
        forecast_on=row["forecast_on"],
        delivered_on=row["delivered_on"],
        float_days=row["worst_float_days"],
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
            is_cancelled=row["is_cancelled"],
            is_delivered=row["delivered_on"] is not None,
            has_forecast=has_forecast,
            float_days=row["worst_float_days"],
        ),
        p80_on=row["p80_on"],
        on_time_percent=row["on_time_percent"],
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
    """(code, name) of what the actor's lines hold; three queries."""

    sites: tuple[tuple[str, str], ...]
    classes: tuple[tuple[str, str], ...]
    vendors: tuple[tuple[str, str], ...]


def choices(actor: User) -> Choices:
    mine = ScheduleLine.objects.visible_to(actor)
    sites = Site.objects.visible_to(actor).order_by("code")
    classes = EquipmentClass.objects.filter(
        Exists(mine.filter(line__equipment_class=OuterRef("pk")))
        | Exists(unordered(actor).filter(requirement__equipment_class=OuterRef("pk")))
    ).order_by(Lower("name"))
    vendors = Company.objects.filter(
        Exists(mine.filter(line__order__seller=OuterRef("pk")))
        | Exists(mine.filter(line__plant__company=OuterRef("pk")))
    ).order_by(Lower("name"))
    return Choices(
        tuple(sites.values_list("code", "name")),
        tuple(classes.values_list("code", "name")),
        tuple(vendors.values_list("code", "name")),
    )
