"""What the portfolio is heading for: capacity by month, worst slips, order-by dates ahead, alerts by age, vendors.

Every figure is of what the reader may see, and each function is a fixed number of queries.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, Min, Q, QuerySet

from procurement.models import Alert, Company, LogLine, LotForecast, RequirementForecast
from procurement.queries.alert import Age, aged
from procurement.queries.block import BlockRow, Plan
from procurement.queries.log import Shown
from procurement.vocabulary import Severity
from sites.accounts.models import User
from sites.models import Site
from sites.models.site import sight_of

ORDER_BY_DAYS: Final = 120
WORST_SLIPS: Final = 10
_TAGS_A_WEEK: Final = 6
_HEATED_VENDORS: Final = 15


@dataclass(frozen=True, slots=True)
class RfsMonth:
    """`month` is its first day; megawatts of IT load whose RFS falls into it, as in the baseline and as forecast.

    What has become ready counts in the month of its actual. By the end of the month `baseline_so_far_mw` and
    `forecast_so_far_mw` are there in all.
    """

    month: date
    baseline_mw: Decimal
    forecast_mw: Decimal
    baseline_so_far_mw: Decimal
    forecast_so_far_mw: Decimal


@dataclass(frozen=True, slots=True)
class RfsOutlook:
    """`unknown_mw` has no forecast."""

    months: tuple[RfsMonth, ...]
    unknown_mw: Decimal


def rfs_by_month(blocks: tuple[BlockRow, ...]) -> RfsOutlook:
    """From the first to the last month in which a block becomes ready, months without one included."""
    totals: dict[Plan, Counter[date]] = {plan: Counter() for plan in Plan}
    unknown = Decimal(0)
    for row in blocks:
        for plan in Plan:
            on = row.on(plan)
            if on is not None:
                totals[plan][on.replace(day=1)] += row.block.it_mw  # type: ignore[assignment]
        if row.on(Plan.FORECAST) is None:
            unknown += row.block.it_mw
    baseline, forecast = totals[Plan.BASELINE], totals[Plan.FORECAST]
    months: list[RfsMonth] = []
    told = baseline.keys() | forecast.keys()
    month = min(told, default=None)
    so_far = (Decimal(0), Decimal(0))
    while month is not None and month <= max(told):
        here = (Decimal(baseline[month]), Decimal(forecast[month]))
        so_far = (so_far[0] + here[0], so_far[1] + here[1])
        months.append(RfsMonth(month, *here, *so_far))
        month = (month + timedelta(days=31)).replace(day=1)
    return RfsOutlook(tuple(months), unknown)


def worst_slips(actor: User) -> tuple[LotForecast, ...]:
    """Of the open lines whose contract step is forecast furthest behind its baseline, the answer that the log shows:
    that of the last open lot. Two queries: what is around an answer is looked up for those few only.
    """
    worst = _open_lines(actor).filter(slip_days__gt=0).order_by("-slip_days", "float_days", "pk")
    keys = list(worst.values_list("answer", flat=True)[:WORST_SLIPS])
    line = "lot__schedule_line__line"
    rows = LotForecast.objects.select_related(
        f"{line}__order__seller", f"{line}__equipment_class", "lot__schedule_line__site"
    ).in_bulk(keys)
    return tuple(rows[key] for key in keys)


@dataclass(frozen=True, slots=True)
class OrderByWeek:
    """`from_on` is a Monday; None: the days before `as_of`. `shown` are the first ones, by day and tag."""

    from_on: date | None
    number: int
    mw_days: Decimal
    shown: tuple[RequirementForecast, ...]

    @property
    def more(self) -> int:
        return self.number - len(self.shown)


# Numbers of each week, and of its first rows the keys: an index is in the order of the date, so that no week is sorted
# whole. An answer is of the site of its run.
_WEEKS = """
WITH counted AS (
    SELECT CASE WHEN answer.order_by_on >= %(as_of)s THEN date_trunc('week', answer.order_by_on)::date END AS monday,
        count(*) AS number, coalesce(sum(answer.costs_mw_days), 0) AS mw_days
    FROM procurement_requirementforecast answer
    JOIN procurement_forecastrun run ON run.id = answer.run_id
    WHERE {wanted} AND answer.order_by_on < %(until)s
    GROUP BY monday
),
due AS (
    SELECT *, CASE WHEN monday IS NULL THEN '-infinity' ELSE greatest(monday, %(as_of)s) END AS from_on,
        CASE WHEN monday IS NULL THEN %(as_of)s ELSE least(monday + 7, %(until)s) END AS until_on
    FROM counted
)
SELECT due.monday, due.number, due.mw_days, ARRAY(
    SELECT answer.id FROM procurement_requirementforecast answer
    JOIN procurement_forecastrun run ON run.id = answer.run_id
    JOIN procurement_requirement needed ON needed.id = answer.requirement_id
    WHERE {wanted} AND answer.order_by_on >= due.from_on AND answer.order_by_on < due.until_on
    ORDER BY answer.order_by_on, needed.tag, answer.id LIMIT %(shown)s
) AS keys
FROM due ORDER BY due.monday NULLS FIRST
"""
_DUE = """answer.current AND NOT answer.ordered AND (%(whole)s OR run.site_id = ANY(%(sites)s))
        AND answer.requirement_id NOT IN (SELECT id FROM procurement_requirement WHERE cancelled_at IS NOT NULL)"""


def order_by_calendar(actor: User, as_of: date) -> tuple[OrderByWeek, ...]:
    """What must be ordered in the days ahead, week by week, and what should have been. Weeks without any are left out.
    `mw_days` is what being late with them costs, as far as it is known. Two queries, and those of the actor's sight.
    """
    sight = sight_of(actor)
    with connection.cursor() as cursor:
        cursor.execute(
            _WEEKS.format(wanted=_DUE),
            {
                "as_of": as_of, "until": as_of + timedelta(days=ORDER_BY_DAYS), "shown": _TAGS_A_WEEK,
                "whole": sight.whole, "sites": list(sight.sites),
            },
        )  # fmt: skip
        weeks = cursor.fetchall()
    rows = (
        RequirementForecast.objects.select_related("requirement__site")
        .defer("steps")
        .in_bulk([key for *_counted, keys in weeks for key in keys])
    )
    return tuple(
        OrderByWeek(monday, number, mw_days, tuple(rows[key] for key in keys))
        for monday, number, mw_days, keys in weeks
    )


@dataclass(frozen=True, slots=True)
class AlertAge:
    age: Age
    by_severity: tuple[tuple[Severity, int], ...]

    @property
    def number(self) -> int:
        return sum(number for _severity, number in self.by_severity)


def alerts_by_age(actor: User, as_of: date) -> tuple[AlertAge, ...]:
    """Those that wait for an answer, the youngest first. One query."""
    of_age = {age.value: Count("opened_on", filter=aged(age, as_of)) for age in Age}
    rows = Alert.objects.visible_to(actor).needing_action().order_by().values("severity").annotate(**of_age)
    told = rows.values_list("severity", *of_age)
    counted: dict[tuple[str, str], int] = {
        (severity, age): number for severity, *numbers in told for age, number in zip(of_age, numbers, strict=True)
    }
    return tuple(
        AlertAge(age, tuple((each, counted.get((each.value, age.value), 0)) for each in reversed(Severity)))
        for age in Age
    )


@dataclass(frozen=True, slots=True)
class Heat:
    """Open lines of a vendor at a site, and how many of them are forecast after they are required."""

    open: int
    late: int
    worst_float_days: int | None

    @property
    def level(self) -> int:
        """0: nothing late, 1: up to a quarter of it, 2: up to a half, 3: more."""
        return 0 if not self.late else 1 if self.late * 4 <= self.open else 2 if self.late * 2 <= self.open else 3


@dataclass(frozen=True, slots=True)
class VendorHeat:
    """`cells` by the code of the site, in the order of all sites; None where the vendor has nothing open."""

    key: UUID
    code: str
    name: str
    together: Heat
    cells: tuple[tuple[str, Heat | None], ...]


@dataclass(frozen=True, slots=True)
class HeatTable:
    sites: tuple[str, ...]
    vendors: tuple[VendorHeat, ...]
    more: int


def vendor_heat(actor: User) -> HeatTable:
    """Sellers with open lines, those with most late ones first. Three queries."""
    rows = (
        _open_lines(actor)
        .values_list("seller", "site")
        .annotate(open=Count("*"), late=Count("is_late", filter=Q(is_late=True)), worst=Min("float_days"))
        .order_by()
    )
    found = list(rows)
    sellers = {key: (code, name) for key, code, name in _named(Company, {row[0] for row in found})}
    codes = {key: code for key, code, _name in _named(Site, {row[1] for row in found})}
    cells: dict[UUID, dict[str, Heat]] = defaultdict(dict)
    for key, site, number, late, worst in found:
        cells[key][codes[site]] = Heat(number, late, worst)
    sites = tuple(sorted({site for found in cells.values() for site in found}))
    vendors = [
        VendorHeat(
            key, *sellers[key], _together(list(found.values())), tuple((site, found.get(site)) for site in sites)
        )
        for key, found in cells.items()
    ]
    vendors.sort(key=lambda each: (-each.together.late, each.name, each.key))
    return HeatTable(sites, tuple(vendors[:_HEATED_VENDORS]), max(0, len(vendors) - _HEATED_VENDORS))


def _named(model: type[Company | Site], keys: Collection[UUID]) -> Iterable[tuple[UUID, str, str]]:
    return model._default_manager.filter(pk__in=keys).values_list("pk", "code", "name")


def _together(cells: list[Heat]) -> Heat:
    worst = min((each.worst_float_days for each in cells if each.worst_float_days is not None), default=None)
    return Heat(sum(each.open for each in cells), sum(each.late for each in cells), worst)


def _open_lines(actor: User) -> QuerySet[LogLine]:
    return LogLine.objects.filter(shown=Shown.OPEN, site__in=Site.objects.visible_to(actor))
