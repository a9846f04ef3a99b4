"""Site schedules: read into quarantine, and accepted. Who recalculates after that is one room up."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model
from django.utils.translation import gettext as _
from psycopg import sql

from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import EARLIEST_YEAR, LATEST_YEAR, new_id
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.domain.site_schedule import ScheduleActivity, ScheduleFile, ScheduleProject
from sites.models import Activity, ActivityLink, ScheduleRevision, Site
from sites.readers import p6_xer
from sites.services.access import check_can
from sites.vocabulary import RevisionState

_CENT = Decimal("0.01")
_NAME, _WBS, _PROJECT_NAME, _FILE_NAME = 300, 300, 200, 200


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
    project = chosen(p6_xer.read(content), project_code)
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
        project_name=project.name[:_PROJECT_NAME],
        data_date=project.data_date + timedelta(days=shift.days),
        file_name=file_name[-_FILE_NAME:],
        file_sha256=sha256,
        shifted_days=shift.days,
        uploaded_by=actor,
    )
    keys = {activity.code: new_id() for activity in project.activities}
    _copy(Activity, _ACTIVITY, (_activity(revision.pk, keys[row.code], row, shift) for row in project.activities))
    _copy(ActivityLink, _LINK, _links(project, keys))
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

    def day(self, on: date | None, field: str) -> date | None:
        """Raises BadInput naming the field where the date leaves what the tracker keeps."""
        if on is None or not self.days:
            return on
        try:
            moved = on + timedelta(days=self.days)
        except OverflowError:
            moved = date.max
        if not EARLIEST_YEAR <= moved.year <= LATEST_YEAR:
            raise BadInput(
                _("Shifted by %(days)s days, a date is no longer plausible.") % {"days": self.days}, field=field
            )
        return moved


def _copy(model: type[Model], columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    """Straight into the table: a schedule has tens of thousands of rows, and as many objects take minutes."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(model._meta.db_table), names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


_ACTIVITY = (
    "id", "revision_id", "code", "name", "wbs", "status", "planned_start_on", "planned_finish_on", "early_start_on",
    "early_finish_on", "actual_start_on", "actual_finish_on", "total_float_hours",
)  # fmt: skip
_LINK = ("id", "predecessor_id", "successor_id", "kind", "lag_hours")


def _activity(revision_id: UUID, key: UUID, row: ScheduleActivity, shift: _Shift) -> tuple[object, ...]:
    hours = row.total_float_hours
    return (
        key,
        revision_id,
        row.code,
        row.name[:_NAME],
        row.wbs[-_WBS:],
        row.status.value,
        shift.day(row.planned_start_on, "shift_to"),
        shift.day(row.planned_finish_on, "shift_to"),
        shift.day(row.early_start_on, "shift_to"),
        shift.day(row.early_finish_on, "shift_to"),
        shift.day(row.actual_start_on, "shift_to"),
        shift.day(row.actual_finish_on, "shift_to"),
        None if hours is None else hours.quantize(_CENT),
    )


def _links(project: ScheduleProject, keys: dict[str, UUID]) -> Iterator[tuple[object, ...]]:
    """Those within the project: a link from another project has no row here to come from."""
    for link in project.links:
        if link.predecessor_project == project.id:
            predecessor, successor = keys[link.predecessor_code], keys[link.successor_code]
            yield new_id(), predecessor, successor, link.kind.value, link.lag_hours.quantize(_CENT)
