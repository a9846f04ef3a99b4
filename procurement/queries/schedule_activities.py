"""The activities of one revision: filtered, paged, and one of them with its links and the path that drives it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet

from procurement.queries.schedule_revisions import float_days
from sites.models import Activity, ActivityLink, ScheduleCalendar, ScheduleRevision
from sites.queries.site_network import network_of_revision
from sites.vocabulary import ActivityStatus

ACTIVITIES_A_PAGE = 100
LONGEST_PATH_SHOWN = 120


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """As it stands in the address of the page."""

    text: str = ""
    status: str = ""
    wbs: str = ""
    is_late: bool = False
    is_driving: bool = False
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "ActivityFilter":
        status = given.get("status", "")
        return cls(
            text=_plain(given.get("q", ""))[:80],
            status=status if status in ActivityStatus.values else "",
            wbs=_plain(given.get("wbs", ""))[:300],
            is_late=given.get("late") == "1",
            is_driving=given.get("driving") == "1",
            page=_page(given.get("page", "")),
        )


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """`total` counts what the filter leaves. Floats are days of the activity's own calendar."""

    rows: tuple[tuple[Activity, Decimal | None], ...]
    total: int
    page: int
    pages: int


def activity_page(revision: ScheduleRevision, wanted: ActivityFilter) -> ActivityPage:
    """Three queries, whatever the size of the schedule."""
    found, days = activities(revision, wanted)
    total = found.count()
    pages = max(1, -(-total // ACTIVITIES_A_PAGE))
    page = min(wanted.page, pages)
    first = (page - 1) * ACTIVITIES_A_PAGE
    return ActivityPage(tuple((row, days(row)) for row in found[first : first + ACTIVITIES_A_PAGE]), total, page, pages)


def activities(
    revision: ScheduleRevision, wanted: ActivityFilter
) -> tuple[QuerySet[Activity], Callable[[Activity], Decimal | None]]:
    """Those that the filter leaves, in the order of the file, and what their float is in days."""
    hours = dict(ScheduleCalendar.objects.filter(revision=revision).values_list("key", "hours_per_day"))
    return (
        _filtered(revision, wanted).order_by("place", "code"),
        lambda row: float_days(row.total_float_hours, hours.get(row.calendar_key)),
    )


def _filtered(revision: ScheduleRevision, wanted: ActivityFilter) -> QuerySet[Activity]:
    rows = Activity.objects.filter(revision=revision)
    if wanted.text:
        rows = rows.filter(Q(code__icontains=wanted.text) | Q(name__icontains=wanted.text))
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    if wanted.wbs:
        rows = rows.filter(Q(wbs=wanted.wbs) | Q(wbs__startswith=f"{wanted.wbs} / "))
    if wanted.is_late:
        rows = rows.filter(total_float_hours__lt=0)
    if wanted.is_driving:
        rows = rows.filter(is_driving=True)
    return rows


@dataclass(frozen=True, slots=True)
class LinkRow:
    """`activity` is null where it is in another project, which `label` then names. `drives` where it places ours."""

    activity: Activity | None
    label: str
    link: ActivityLink
    lag_days: Decimal
    drives: bool


@dataclass(frozen=True, slots=True)
class PathStep:
    """One activity of the driving path, by the dates of the file, else by ours."""

    activity: Activity
    start_on: date
    finish_on: date
    float_days: Decimal | None
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ActivityView:
    """`path` ends with the activity itself; `left_out` counts the first of a path too long to show. `why_not` says why
    the schedule cannot be calculated."""

    activity: Activity
    float_days: Decimal | None
    calendar: ScheduleCalendar | None
    before: tuple[LinkRow, ...]
    after: tuple[LinkRow, ...]
    path: tuple[PathStep, ...]
    left_out: int
    why_not: str
    not_followed: tuple[str, ...]


def activity_view(revision: ScheduleRevision, code: str) -> ActivityView | None:
    """For somebody who may see the site; None where the revision has no such activity."""
    row = Activity.objects.filter(revision=revision, code=code).first()
    if row is None:
        return None
    network = network_of_revision(revision)
    codes: tuple[str, ...] = ()
    if network.calculation is not None:
        codes = tuple(key.rpartition("\t")[2] for key in network.calculation.driving_path(network.key_of(code)))
    calendars = {each.key: each for each in ScheduleCalendar.objects.filter(revision=revision)}
    shown = codes[-LONGEST_PATH_SHOWN:]
    known = {each.code: each for each in Activity.objects.filter(revision=revision, code__in=shown)}
    driver = shown[-2] if len(shown) > 1 else ""

    def days(each: Activity) -> Decimal | None:
        calendar = calendars.get(each.calendar_key)
        return float_days(each.total_float_hours, calendar.hours_per_day if calendar else None)

    steps = []
    for name in shown:
        each = known[name]
        assert network.calculation is not None
        start, finish = each.start_on, each.finish_on
        steps.append(
            PathStep(
                each,
                start or network.calculation.start(network.key_of(name)).date(),
                finish or network.calculation.finish(network.key_of(name)).date(),
                days(each),
                name == code,
            )
        )
    before = ActivityLink.objects.filter(successor=row).select_related("predecessor").order_by("predecessor__code")
    after = ActivityLink.objects.filter(predecessor=row).select_related("successor").order_by("successor__code")
    return ActivityView(
        activity=row,
        float_days=days(row),
        calendar=calendars.get(row.calendar_key),
        before=tuple(_before(link, driver) for link in before),
        after=tuple(_after(link) for link in after),
        path=tuple(steps),
        left_out=len(codes) - len(shown),
        why_not=network.why_not,
        not_followed=network.not_followed,
    )


def _before(link: ActivityLink, driver: str) -> LinkRow:
    first = link.predecessor
    label = first.code if first else f"{link.predecessor_project} {link.predecessor_code}"
    return LinkRow(first, label, link, float_days(link.lag_hours) or Decimal(0), bool(first and first.code == driver))


def _after(link: ActivityLink) -> LinkRow:
    return LinkRow(link.successor, link.successor.code, link, float_days(link.lag_hours) or Decimal(0), False)


def _plain(text: str) -> str:
    return text.replace("\x00", "").strip()


def _page(text: str) -> int:
    return max(1, min(int(text), 100_000)) if text.isascii() and text.isdigit() else 1
