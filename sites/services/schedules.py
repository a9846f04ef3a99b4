"""Site schedules: read into quarantine, and accepted. Who recalculates after that is one room up."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import attrgetter
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model
from django.utils.translation import gettext as _
from psycopg import sql
from pydantic import TypeAdapter

from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import EARLIEST_YEAR, LATEST_YEAR, new_id
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.domain.site_schedule import ScheduleActivity, ScheduleFile, ScheduleOptions, ScheduleProject
from sites.domain.site_schedule import ScheduleBaselineActivity as BaselineRow
from sites.domain.site_schedule import ScheduleCalendar as CalendarRow
from sites.domain.site_schedule import ScheduleWbs as WbsRow
from sites.models import (
    Activity,
    ActivityLink,
    ScheduleBaselineActivity,
    ScheduleCalendar,
    ScheduleRevision,
    ScheduleWbs,
    Site,
)
from sites.readers import schedule_file
from sites.services.access import check_can
from sites.vocabulary import RevisionState

_PLACES = Decimal("0.0001")
_NAME, _WBS_PATH, _PROJECT_NAME, _FILE_NAME, _CALENDAR_NAME, _KEY, _CODE = 300, 300, 200, 200, 200, 40, 80
_OPTIONS = TypeAdapter(ScheduleOptions)


def read_revision(
    *,
    site: Site,
    content: bytes,
    file_name: str,
    actor: User | None,
    now: datetime,
    shift_to: date | None = None,
    project_code: str = "",
) -> ScheduleRevision:
    """Read one project of an XER file into quarantine; the same bytes twice are one revision.

    `shift_to` moves every date by the same whole number of days, so that the data date becomes that day.
    `project_code` is needed only where the file holds several projects, baselines left out. `actor` None is an
    operator at the command line. Raises NotPermitted, and BadInput naming the line, `project_code` or `data_date`.
    """
    project = chosen(schedule_file.read(content), project_code)
    digest = hashlib.sha256(content).hexdigest()
    return keep(site=site, project=project, sha256=digest, file_name=file_name, actor=actor, now=now, shift_to=shift_to)


def chosen(file: ScheduleFile, project_code: str = "") -> ScheduleProject:
    """The project of that code, or the only one that is no baseline. Raises BadInput naming `project_code`."""
    found = [
        project for project in file.projects
        if (project.id == project_code if project_code else not project.baseline_of)
    ]  # fmt: skip
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(project.id for project in found)
        raise BadInput(_("The file holds several projects: %(names)s.") % {"names": names}, field="project_code")
    raise BadInput(_("The file holds no such project."), field="project_code")


@transaction.atomic
def keep(
    *,
    site: Site,
    project: ScheduleProject,
    sha256: str,
    file_name: str,
    actor: User | None,
    now: datetime,
    shift_to: date | None = None,
) -> ScheduleRevision:
    """Store a project that was read; as `read_revision`."""
    if actor is not None:
        check_can(actor, Permission.SCHEDULE_WRITE, site_id=site.pk)
    if project.data_date is None:
        raise BadInput(_("The project has no data date: schedule it first."), field="data_date")
    shift = _Shift((shift_to - project.data_date).days if shift_to else 0)
    # Two uploads of the same file queue here, so that the second finds the first.
    Site.objects.select_for_update(of=("self",), no_key=True).get(pk=site.pk)
    same = ScheduleRevision.objects.filter(
        site=site, project_code=project.id, file_sha256=sha256, shifted_days=shift.days
    )
    if (known := same.first()) is not None:
        return known
    revision = ScheduleRevision.objects.create(
        site=site,
        project_code=project.id,
        file_project_code=project.id,
        project_name=project.name[:_PROJECT_NAME],
        data_date=project.data_date + timedelta(days=shift.days),
        data_moment=shift.moment(project.data_moment),
        planned_start=shift.moment(project.planned_start),
        must_finish=shift.moment(project.must_finish),
        calendar_key=project.calendar_id[:_KEY],
        currency=project.currency[:_KEY],
        options=_OPTIONS.dump_python(project.options, mode="json", exclude_none=True),
        warnings=list(project.warnings),
        file_name=file_name[-_FILE_NAME:],
        file_sha256=sha256,
        shifted_days=shift.days,
        uploaded_by=actor,
    )
    _store(revision.pk, project, shift)
    audit.record(
        actor=actor,
        verb="schedule.read",
        subject_kind="schedule_revision",
        subject_id=revision.pk,
        facts={
            "project": project.id,
            "data_date": revision.data_date.isoformat(),
            "activities": len(project.activities),
            "shifted_days": shift.days,
            "at": now.isoformat(),
        },
    )
    return revision


@transaction.atomic
def keep_all(
    *, site: Site, file: ScheduleFile, sha256: str, file_name: str, actor: User | None, now: datetime
) -> list[ScheduleRevision]:
    """Store every project of the file that is no baseline, or none. Raises as `keep`."""
    projects = [project for project in file.projects if not project.baseline_of]
    if not projects:
        raise BadInput(_("The file holds no project."), field="file")
    return [
        keep(site=site, project=project, sha256=sha256, file_name=file_name, actor=actor, now=now)
        for project in projects
    ]


@transaction.atomic
def accept(*, revision_id: UUID, actor: User, now: datetime) -> ScheduleRevision:
    """Make a quarantined revision the one that anchors follow; the one before it is superseded.

    Accepting it once more changes nothing. Dates that hang on it are not recalculated here. Raises NotFound,
    NotPermitted and Conflict.
    """
    revision = ScheduleRevision.objects.visible_to(actor).filter(pk=revision_id).first()
    if revision is None:
        raise NotFound(_("There is no such schedule."), field="revision")
    check_can(actor, Permission.APPROVE, site_id=revision.site_id)
    of_project = ScheduleRevision.objects.filter(site=revision.site_id, project_code=revision.project_code)
    locked = {row.pk: row for row in of_project.order_by("pk").select_for_update(of=("self",))}
    revision = locked[revision_id]
    if revision.state == RevisionState.ACCEPTED:
        return revision
    if revision.state != RevisionState.QUARANTINED:
        raise Conflict(_("Only a quarantined schedule can be accepted."), state=revision.state)
    replaced = [row for row in locked.values() if row.state == RevisionState.ACCEPTED]
    for row in replaced:
        row.state = RevisionState.SUPERSEDED
        row.save(update_fields=["state"])
    revision.state, revision.decided_by, revision.decided_at = RevisionState.ACCEPTED, actor, now
    revision.save(update_fields=["state", "decided_by", "decided_at"])
    audit.record(
        actor=actor,
        verb="schedule.accepted",
        subject_kind="schedule_revision",
        subject_id=revision.pk,
        facts={"project": revision.project_code, "superseded": [str(row.pk) for row in replaced]},
    )
    return revision


@dataclass(frozen=True, slots=True)
class _Shift:
    days: int

    def moment(self, at: datetime | None) -> datetime | None:
        """Raises BadInput where the date leaves what the tracker keeps."""
        if at is None or not self.days:
            return at
        try:
            moved = at + timedelta(days=self.days)
        except OverflowError:
            moved = datetime.combine(date.max, time())
        if not EARLIEST_YEAR <= moved.year <= LATEST_YEAR:
            raise BadInput(
                _("Shifted by %(days)s days, a date is no longer plausible.") % {"days": self.days}, field="shift_to"
            )
        return moved


def _copy(model: type[Model], columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    """Straight into the table: a schedule has tens of thousands of rows, and as many objects take minutes."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(model._meta.db_table), names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _store(revision_id: UUID, project: ScheduleProject, shift: _Shift) -> None:
    keys = {activity.code: new_id() for activity in project.activities}
    _copy(ScheduleCalendar, _CALENDAR, (_calendar(revision_id, row, shift) for row in project.calendars))
    _copy(ScheduleWbs, _WBS, (_wbs(revision_id, place, row) for place, row in enumerate(project.wbs)))
    activities = enumerate(project.activities)
    _copy(Activity, _ACTIVITY, (_activity(revision_id, keys[row.code], at, row, shift) for at, row in activities))
    _copy(ActivityLink, _LINK, _links(project, keys))
    _copy(ScheduleBaselineActivity, _BASELINE, (_baseline(revision_id, row, shift) for row in project.baselines))


_MOMENTS = (
    "planned_start", "planned_finish", "early_start", "early_finish", "late_start", "late_finish", "actual_start",
    "actual_finish", "remaining_start", "remaining_finish", "suspended", "resumed", "expected_finish",
    "external_early_start", "external_late_finish", "constraint_moment", "second_constraint_moment",
)  # fmt: skip
_AMOUNTS = (
    "original_hours", "remaining_hours", "at_completion_hours", "total_float_hours", "free_float_hours",
    "percent_complete",
)  # fmt: skip
_CALENDAR = (
    "id", "revision_id", "key", "name", "base_key", "is_of_resource", "hours_per_day", "week", "exceptions",
)  # fmt: skip
_WBS = ("id", "revision_id", "key", "parent_key", "place", "code", "name", "is_project")
_ACTIVITY = (
    "id", "revision_id", "place", "code", "name", "wbs", "wbs_key", "kind", "status", "calendar_key", "percent_kind",
    "constraint", "second_constraint", "is_driving", "is_manual", "codes", *_MOMENTS, *_AMOUNTS,
)  # fmt: skip
_LINK = (
    "id", "predecessor_id", "predecessor_project", "predecessor_code", "successor_id", "kind", "lag_hours",
    "lag_calendar",
)  # fmt: skip
_BASELINE = ("id", "revision_id", "baseline", "code", "start", "finish", "duration_hours")
_moments = attrgetter(*_MOMENTS)
_amounts = attrgetter(*_AMOUNTS)


def _calendar(revision_id: UUID, row: CalendarRow, shift: _Shift) -> tuple[object, ...]:
    days = timedelta(days=shift.days)
    exceptions = {(day + days).isoformat(): shifts for day, shifts in row.exceptions.items()}
    return (
        new_id(), revision_id, row.id[:_KEY], row.name[:_CALENDAR_NAME], row.base_id[:_KEY], row.is_of_resource,
        _rounded(row.hours_per_day), json.dumps(row.week), json.dumps(exceptions),
    )  # fmt: skip


def _wbs(revision_id: UUID, place: int, row: WbsRow) -> tuple[object, ...]:
    return (
        new_id(), revision_id, row.id[:_KEY], row.parent_id[:_KEY], place, row.code[:_CODE], row.name[:_NAME],
        row.is_project,
    )  # fmt: skip


def _activity(revision_id: UUID, key: UUID, place: int, row: ScheduleActivity, shift: _Shift) -> tuple[object, ...]:
    return (
        key, revision_id, place, row.code, row.name[:_NAME], row.wbs[-_WBS_PATH:], row.wbs_id[:_KEY], row.kind.value,
        row.status.value, row.calendar_id[:_KEY], row.percent_kind.value if row.percent_kind else "",
        str(row.constraint), str(row.second_constraint), row.is_driving, row.is_manual,
        json.dumps(row.codes) if row.codes else "{}",
        *(_moments(row) if not shift.days else map(shift.moment, _moments(row))),
        *map(_rounded, _amounts(row)),
    )  # fmt: skip


def _links(project: ScheduleProject, keys: dict[str, UUID]) -> Iterator[tuple[object, ...]]:
    """One from another project names its predecessor by codes: there is no row here that it could come from."""
    for link in project.links:
        is_here = link.predecessor_project == project.id
        yield (
            new_id(),
            keys[link.predecessor_code] if is_here else None,
            "" if is_here else link.predecessor_project,
            "" if is_here else link.predecessor_code,
            keys[link.successor_code],
            link.kind.value,
            _rounded(link.lag_hours),
            link.lag_calendar.value if link.lag_calendar else "",
        )


def _baseline(revision_id: UUID, row: BaselineRow, shift: _Shift) -> tuple[object, ...]:
    return (
        new_id(), revision_id, row.baseline[:_CODE], row.code, shift.moment(row.start), shift.moment(row.finish),
        _rounded(row.duration_hours),
    )  # fmt: skip


def _rounded(hours: Decimal | None) -> Decimal | None:
    """To what the columns keep, four places: a third of a second."""
    return None if hours is None else hours.quantize(_PLACES)
