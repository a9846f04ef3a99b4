"""What the portfolio is heading for: capacity by month, worst slips, order-by dates ahead, alerts by age, vendors.

Every figure is of what the reader may see, and each function is a fixed number of queries.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Count, Min, Q, QuerySet

from procurement.models import Alert, LogLine, LotForecast, Requirement, RequirementForecast
from procurement.queries.alert import Age, aged
from procurement.queries.block import BlockRow, Plan
from procurement.vocabulary import Severity
from sites.accounts.models import User
from sites.models import Site

ORDER_BY_DAYS: Final = 120
WORST_SLIPS: Final = 10
_TAGS_A_WEEK: Final = 6
_HEATED_VENDORS: Final = 15
_WEEK: Final = timedelta(days=7)


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
    """The last open lots of the lines whose contract step is forecast furthest behind its baseline. Two queries: the
    lines are found in the rows of the log, which are narrow.
    """
    lines = _open_lines(actor).filter(slip_days__gt=0).order_by("-slip_days", "float_days", "pk")
    keys = list(lines.values_list("answer", flat=True)[:WORST_SLIPS])
    rows = LotForecast.objects.select_related(
        "lot__schedule_line__line__order__seller", "lot__schedule_line__line__equipment_class",
        "lot__schedule_line__site",
    ).in_bulk(keys)  # fmt: skip
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


def order_by_calendar(actor: User, as_of: date) -> tuple[OrderByWeek, ...]:
    """What must be ordered in the days ahead, week by week, and what should have been. Weeks without any are left out.
    `mw_days` is what being late with them costs, as far as it is known. One query.
    """
    rows = (
        RequirementForecast.objects.filter(
            current=True,
            ordered=False,
            requirement__in=Requirement.objects.visible_to(actor),
            requirement__cancelled_at__isnull=True,
            order_by_on__lt=as_of + timedelta(days=ORDER_BY_DAYS),
        )
        .select_related("requirement__site", "requirement__equipment_class")
        .order_by("order_by_on", "requirement__tag", "pk")
    )
    weeks: dict[date | None, list[RequirementForecast]] = defaultdict(list)
    for row in rows:
        if row.order_by_on is not None:
            past = row.order_by_on < as_of
            weeks[None if past else row.order_by_on - timedelta(days=row.order_by_on.weekday())].append(row)
    return tuple(
        OrderByWeek(
            monday,
            len(found),
            sum((row.costs_mw_days or Decimal(0) for row in found), Decimal(0)),
            tuple(found[:_TAGS_A_WEEK]),
        )
        for monday, found in weeks.items()
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
    of_age = {age.value: Count("pk", filter=aged(age, as_of)) for age in Age}
    rows = Alert.objects.visible_to(actor).needing_action().order_by().values("severity").annotate(**of_age)
    counted = {row["severity"]: row for row in rows}
    return tuple(
        AlertAge(age, tuple((each, counted.get(each.value, {}).get(age.value, 0)) for each in reversed(Severity)))
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
    """Sellers with open lines, those with most late ones first. One query."""
    rows = (
        _open_lines(actor)
        .values_list("seller", "seller__code", "seller__name", "site_code")
        .annotate(open=Count("pk"), late=Count("pk", filter=Q(is_late=True)), worst=Min("float_days"))
        .order_by()
    )
    names: dict[UUID, tuple[str, str]] = {}
    cells: dict[UUID, dict[str, Heat]] = defaultdict(dict)
    for key, code, name, site, number, late, worst in rows:
        names[key] = (code, name)
        cells[key][site] = Heat(number, late, worst)
    sites = tuple(sorted({site for found in cells.values() for site in found}))
    vendors = [
        VendorHeat(key, *names[key], _together(list(found.values())), tuple((site, found.get(site)) for site in sites))
        for key, found in cells.items()
    ]
    vendors.sort(key=lambda each: (-each.together.late, each.name, each.key))
    return HeatTable(sites, tuple(vendors[:_HEATED_VENDORS]), max(0, len(vendors) - _HEATED_VENDORS))


def _together(cells: list[Heat]) -> Heat:
    worst = min((each.worst_float_days for each in cells if each.worst_float_days is not None), default=None)
    return Heat(sum(each.open for each in cells), sum(each.late for each in cells), worst)


def _open_lines(actor: User) -> QuerySet[LogLine]:
    """With an answer, at the sites that the actor sees."""
    return LogLine.objects.filter(shown="open", answer__isnull=False, site__in=Site.objects.visible_to(actor))
