"""A stored schedule as the rows its file was read into."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from sites.domain.site_schedule import (
    ScheduleActivity,
    ScheduleBaselineActivity,
    ScheduleCalendar,
    ScheduleLink,
    ScheduleOptions,
    ScheduleProject,
    ScheduleWbs,
    Shifts,
)
from sites.models import Activity, ActivityLink, ScheduleRevision
from sites.vocabulary import ActivityKind, ActivityStatus, ConstraintKind, LagCalendar, LinkKind, PercentKind

_OPTIONS = TypeAdapter(ScheduleOptions)
_COLUMNS = (
    "code", "name", "wbs", "kind", "status", "calendar_key", "wbs_key", "planned_start", "planned_finish",
    "early_start", "early_finish", "late_start", "late_finish", "actual_start", "actual_finish", "remaining_start",
    "remaining_finish", "suspended", "resumed", "expected_finish", "external_early_start", "external_late_finish",
    "original_hours", "remaining_hours", "at_completion_hours", "total_float_hours", "free_float_hours",
    "percent_kind", "percent_complete", "constraint", "constraint_moment", "second_constraint",
    "second_constraint_moment", "is_driving", "is_manual", "codes",
)  # fmt: skip
_KIND, _STATUS, _PERCENT, _FIRST, _SECOND = map(
    _COLUMNS.index, ("kind", "status", "percent_kind", "constraint", "second_constraint")
)
_CONSTRAINTS = {kind.value: kind for kind in ConstraintKind}


def stored_project(revision: ScheduleRevision) -> ScheduleProject:
    """All that the file said of the project, in five queries; its id is the revision's project code."""
    links = ActivityLink.objects.filter(successor__revision=revision).order_by("pk")
    return ScheduleProject(
        id=revision.project_code,
        key=revision.file_project_code,
        name=revision.project_name,
        data_moment=revision.data_moment,
        planned_start=revision.planned_start,
        must_finish=revision.must_finish,
        calendar_id=revision.calendar_key,
        currency=revision.currency,
        options=_OPTIONS.validate_python(revision.options),
        warnings=tuple(revision.warnings),
        calendars=tuple(map(_calendar, revision.calendars.order_by("pk"))),
        wbs=tuple(
            ScheduleWbs(row.key, row.code, row.name, row.parent_key, row.is_project)
            for row in revision.wbs_nodes.order_by("place")
        ),
        activities=tuple(stored_activities(revision.pk)),
        links=tuple(
            ScheduleLink(
                there or revision.project_code,
                here or elsewhere,
                successor,
                LinkKind(kind),
                lag,
                LagCalendar(calendar) if calendar else None,
            )
            for there, here, elsewhere, successor, kind, lag, calendar in links.values_list(
                "predecessor_project", "predecessor__code", "predecessor_code", "successor__code", "kind",
                "lag_hours", "lag_calendar",
            )
        ),
        baselines=tuple(
            ScheduleBaselineActivity(row.baseline, row.code, row.start, row.finish, row.duration_hours)
            for row in revision.baseline_activities.order_by("baseline", "code")
        ),
    )  # fmt: skip


def stored_activities(revision_id: UUID, codes: Iterable[str] | None = None) -> list[ScheduleActivity]:
    """The activities in the order of the file, or those of these codes. One query."""
    rows = Activity.objects.filter(revision=revision_id)
    if codes is not None:
        rows = rows.filter(code__in=set(codes))
    return [_activity(list(row)) for row in rows.order_by("place", "code").values_list(*_COLUMNS).iterator(5000)]


def _activity(row: list[Any]) -> ScheduleActivity:
    row[_KIND], row[_STATUS] = ActivityKind(row[_KIND]), ActivityStatus(row[_STATUS])
    row[_PERCENT] = PercentKind(row[_PERCENT]) if row[_PERCENT] else None
    row[_FIRST] = _CONSTRAINTS.get(row[_FIRST], row[_FIRST])
    row[_SECOND] = _CONSTRAINTS.get(row[_SECOND], row[_SECOND])
    return ScheduleActivity(*row)


def _calendar(row: Any) -> ScheduleCalendar:
    return ScheduleCalendar(
        id=row.key,
        name=row.name,
        hours_per_day=row.hours_per_day,
        week=tuple(map(_shifts, row.week)),
        exceptions={date.fromisoformat(day): _shifts(shifts) for day, shifts in row.exceptions.items()},
        base_id=row.base_key,
        is_of_resource=row.is_of_resource,
    )


def _shifts(raw: list[list[int]]) -> Shifts:
    return tuple((begin, end) for begin, end in raw)
