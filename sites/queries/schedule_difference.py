"""A quarantined schedule against the accepted one of its project, in a fixed number of queries."""

import json
from uuid import UUID

from sites.domain.schedule_difference import ActivityState, ScheduleDifference, ScheduleState, compare
from sites.models import Activity, Gate, ScheduleCalendar, ScheduleRevision
from sites.vocabulary import ActivityStatus, RevisionState


def accepted_of(site_id: UUID, project_code: str) -> ScheduleRevision | None:
    return ScheduleRevision.objects.filter(
        site=site_id, project_code=project_code, state=RevisionState.ACCEPTED
    ).first()


def difference(
    revision: ScheduleRevision, before: ScheduleRevision | None, *, bound: frozenset[str] = frozenset()
) -> ScheduleDifference:
    """What `revision` changes against `before`, null for the first of its project.

    `bound` are the activity codes of the project that requirements follow; those of gates are added here.
    """
    gates = Gate.objects.filter(site=revision.site_id, project_code=revision.project_code).exclude(activity_code="")
    return compare(
        state_of(before) if before else None,
        state_of(revision),
        bound=bound | frozenset(gates.values_list("activity_code", flat=True)),
        others=() if before else _others(revision),
    )


def state_of(revision: ScheduleRevision) -> ScheduleState:
    calendars = {
        row.key: row
        for row in ScheduleCalendar.objects.filter(revision=revision).only("key", "name", "week", "exceptions")
    }
    names = {key: row.name for key, row in calendars.items()}
    rows = Activity.objects.filter(revision=revision).order_by("place", "code").values_list(
        "code", "name", "wbs", "status", "actual_start", "early_start", "planned_start", "actual_finish",
        "early_finish", "planned_finish", "total_float_hours", "calendar_key", "constraint", "constraint_moment",
        "second_constraint", "second_constraint_moment",
    )  # fmt: skip
    activities: dict[str, ActivityState] = {}
    for (
        code, name, wbs, status, act_start, early_start, plan_start, act_finish, early_finish, plan_finish, hours, key,
        first, first_at, second, second_at,
    ) in rows.iterator(5000):  # fmt: skip
        start, finish = act_start or early_start or plan_start, act_finish or early_finish or plan_finish
        activities[code] = ActivityState(
            code=code,
            name=name,
            wbs=wbs,
            is_done=status == ActivityStatus.COMPLETED,
            start_on=start.date() if start else None,
            finish_on=finish.date() if finish else None,
            float_hours=hours,
            calendar=names.get(key, key),
            constraint=(first, first_at),
            second_constraint=(second, second_at),
        )
    return ScheduleState(
        project_code=revision.project_code,
        data_date=revision.data_date,
        activities=activities,
        calendars={row.name: json.dumps([row.week, row.exceptions], sort_keys=True) for row in calendars.values()},
    )


def _others(revision: ScheduleRevision) -> list[tuple[str, list[str]]]:
    """The codes of the site's accepted projects of other names: one of them may be this one under its old name."""
    codes: dict[str, list[str]] = {}
    rows = Activity.objects.filter(revision__site=revision.site_id, revision__state=RevisionState.ACCEPTED)
    for project, code in rows.exclude(revision__project_code=revision.project_code).values_list(
        "revision__project_code", "code"
    ):
        codes.setdefault(project, []).append(code)
    return sorted(codes.items())
