"""Site schedules: read into quarantine, accepted, rejected. Who recalculates after that is one room up."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
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
from sites.domain.site_schedule import ScheduleCalendar as CalendarRow
from sites.domain.site_schedule import ScheduleOptions
from sites.domain.site_schedule import ScheduleWbs as WbsRow
from sites.models import (
    Activity,
    Gate,
    ScheduleBaselineActivity,
    ScheduleCalendar,
    ScheduleDecision,
    ScheduleDocument,
    ScheduleRevision,
    ScheduleWbs,
    Site,
)
from sites.queries.access import can
from sites.queries.anchors import ActivityKey, activity_dates
from sites.readers import schedule_file, schedule_pack
from sites.readers.limits import LONGEST_CODE
from sites.readers.schedule_pack import PackedFile, PackedProject
from sites.services.access import check_can
from sites.vocabulary import DecisionKind, RevisionState

_PLACES = Decimal("0.0001")
_NAME, _PROJECT_NAME, _FILE_NAME, _CALENDAR_NAME, _KEY, _CODE = 300, 200, 200, 200, 40, 80
_LONGEST_REASON = 500
_OPTIONS = TypeAdapter(ScheduleOptions)


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it came, with its name there."""

    content: bytes
    file_name: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


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
    """Read one project of a schedule file into quarantine; the same bytes twice are one revision.

    `shift_to` moves every date by the same whole number of days, so that the data date becomes that day.
    `project_code` is needed only where the file holds several projects, baselines left out. `actor` None is an
    operator at the command line. Raises NotPermitted, and BadInput naming the line, `project_code` or `data_date`.
    """
    file = schedule_pack.pack(schedule_file.read(content))
    return keep(
        site=site,
        file=file,
        project=chosen(file, project_code),
        source=Source(content, file_name),
        actor=actor,
        now=now,
        shift_to=shift_to,
    )


def chosen(file: PackedFile, project_code: str = "") -> PackedProject:
    """The project of that code, or the only one that is no baseline. Raises BadInput naming `project_code`."""
    found = [
        packed for packed in file.projects
        if (packed.project.id == project_code if project_code else not packed.project.baseline_of)
    ]  # fmt: skip
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(packed.project.id for packed in found)
        raise BadInput(_("The file holds several projects: %(names)s.") % {"names": names}, field="project_code")
    raise BadInput(_("The file holds no such project."), field="project_code")


@transaction.atomic
def keep(
    *,
    site: Site,
    file: PackedFile,
    project: PackedProject,
    source: Source,
    actor: User | None,
    now: datetime,
    shift_to: date | None = None,
    update_of: str = "",
) -> ScheduleRevision:
    """Store a project that was read; as `read_revision`. One that was rejected or rolled back is quarantined again.

    `update_of` is the project of the site whose next revision this is, where the file calls it otherwise.
    """
    if actor is not None:
        check_can(actor, Permission.SCHEDULE_WRITE, site_id=site.pk)
    facts = project.project
    if facts.data_date is None:
        raise BadInput(_("The project has no data date: schedule it first."), field="data_date")
    if len(update_of) > LONGEST_CODE:
        raise BadInput(_("A project code has %(most)s characters at most.") % {"most": LONGEST_CODE}, field="update_of")
    if update_of and not ScheduleRevision.objects.filter(site=site, project_code=update_of).exists():
        raise BadInput(_("The site has no such project."), field="update_of")
    shift = _Shift((shift_to - facts.data_date).days if shift_to else 0)
    shift.moment(project.earliest)
    shift.moment(project.latest)
    # Two uploads of the same file queue here, so that the second finds the first.
    Site.objects.select_for_update(of=("self",), no_key=True).get(pk=site.pk)
    digest = source.sha256
    same = ScheduleRevision.objects.filter(
        site=site,
        project_code=update_of or facts.id,
        file_project_code=facts.id,
        file_sha256=digest,
        shifted_days=shift.days,
    )
    if (known := same.select_for_update(of=("self",)).first()) is not None:
        if known.state in {RevisionState.REJECTED, RevisionState.ROLLED_BACK}:
            # Brought again, it is looked at again: its rows are all there.
            _decide(known, RevisionState.QUARANTINED, None, None)
        return known
    revision = ScheduleRevision.objects.create(
        site=site,
        document=_document(site, source, digest, actor),
        format=file.format,
        tool_version=file.version[:_KEY],
        project_code=update_of or facts.id,
        file_project_code=facts.id,
        project_name=facts.name[:_PROJECT_NAME],
        data_date=facts.data_date + timedelta(days=shift.days),
        data_moment=shift.moment(facts.data_moment),
        planned_start=shift.moment(facts.planned_start),
        must_finish=shift.moment(facts.must_finish),
        calendar_key=facts.calendar_id[:_KEY],
        currency=facts.currency[:_KEY],
        options=_OPTIONS.dump_python(facts.options, mode="json", exclude_none=True),
        warnings=list(facts.warnings),
        file_name=source.file_name[-_FILE_NAME:],
        file_sha256=digest,
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
            "project": facts.id,
            "update_of": update_of,
            "data_date": revision.data_date.isoformat(),
            "activities": project.summary["activities"],
            "shifted_days": shift.days,
            "at": now.isoformat(),
        },
    )
    return revision


@transaction.atomic
def keep_all(
    *, site: Site, file: PackedFile, source: Source, actor: User | None, now: datetime
) -> list[ScheduleRevision]:
    """Store every project of the file that is no baseline, or none. Raises as `keep`."""
    projects = [packed for packed in file.projects if not packed.project.baseline_of]
    if not projects:
        raise BadInput(_("The file holds no project."), field="file")
    return [keep(site=site, file=file, project=packed, source=source, actor=actor, now=now) for packed in projects]


@dataclass(frozen=True, slots=True)
class Decided:
    """`replaced` is the revision that stood before and, after a roll back, stands again; null where there is none."""

    revision: ScheduleRevision
    replaced: ScheduleRevision | None


@transaction.atomic
def accept(*, revision_id: UUID, actor: User, now: datetime) -> Decided:
    """Make a quarantined revision the one that anchors follow; the one before it is superseded.

    What hangs on it is not recalculated here. Raises NotFound, NotPermitted and Conflict.
    """
    revision, of_project = _locked(revision_id, actor)
    if revision.state != RevisionState.QUARANTINED:
        raise Conflict(_("Only a quarantined schedule can be accepted."), state=revision.state)
    return put_in_force(revision, of_project, actor=actor, now=now)


def put_in_force(
    revision: ScheduleRevision, of_project: Iterable[ScheduleRevision], *, actor: User, now: datetime
) -> Decided:
    """The mere change of states, for whoever may and for a rehearsal that is taken back."""
    replaced = next((row for row in of_project if row.state == RevisionState.ACCEPTED), None)
    if replaced is not None:
        _decide(replaced, RevisionState.SUPERSEDED, replaced.decided_by, replaced.decided_at)
    _decide(revision, RevisionState.ACCEPTED, actor, now)
    return Decided(revision, replaced)


@transaction.atomic
def reject(*, revision_id: UUID, reason: str, actor: User, now: datetime) -> ScheduleRevision:
    """Turn a quarantined revision down, by who may upload or accept; it stays readable.

    Raises NotFound, NotPermitted, Conflict, and BadInput naming `reason`.
    """
    revision, _of_project = _locked(revision_id, actor, Permission.SCHEDULE_WRITE, Permission.APPROVE)
    check_reason(reason)
    if revision.state != RevisionState.QUARANTINED:
        raise Conflict(_("Only a quarantined schedule can be rejected."), state=revision.state)
    _decide(revision, RevisionState.REJECTED, actor, now)
    record(DecisionKind.REJECTED, Decided(revision, None), reason=reason, actor=actor, now=now)
    return revision


@transaction.atomic
def roll_back(*, revision_id: UUID, actor: User, now: datetime) -> Decided:
    """Take an accepted revision back; the one that it replaced stands again, if it still can.

    What hangs on it is not recalculated here. Raises NotFound, NotPermitted and Conflict.
    """
    revision, of_project = _locked(revision_id, actor)
    if revision.state != RevisionState.ACCEPTED:
        raise Conflict(_("Only the accepted schedule can be rolled back."), state=revision.state)
    decision = revision.decisions.filter(kind=DecisionKind.ACCEPTED).order_by("-decided_at", "-pk").first()
    before = decision.replaced_id if decision else None
    replaced = next((row for row in of_project if row.pk == before and row.state == RevisionState.SUPERSEDED), None)
    _decide(revision, RevisionState.ROLLED_BACK, actor, now)
    if replaced is not None:
        _decide(replaced, RevisionState.ACCEPTED, replaced.decided_by, replaced.decided_at)
    return Decided(revision, replaced)


def record(
    kind: DecisionKind,
    decided: Decided,
    *,
    reason: str,
    actor: User,
    now: datetime,
    anomalies: Sequence[str] = (),
    changes: Sequence[Mapping[str, object]] = (),
    left: Sequence[Mapping[str, object]] = (),
) -> ScheduleDecision:
    """The decision in its own ledger and in the audit trail."""
    revision, replaced = decided.revision, decided.replaced
    audit.record(
        actor=actor,
        verb=f"schedule.{kind.value}",
        subject_kind="schedule_revision",
        subject_id=revision.pk,
        reason=reason.strip(),
        facts={
            "project": revision.project_code,
            "data_date": revision.data_date.isoformat(),
            "replaced": str(replaced.pk) if replaced else None,
            "anomalies": list(anomalies),
            "changed": len(changes),
            "left": [row["what"] for row in left],
        },
    )
    return ScheduleDecision.objects.create(
        revision=revision,
        kind=kind,
        replaced=replaced,
        decided_by=actor,
        decided_at=now,
        reason=reason.strip(),
        anomalies=list(anomalies),
        changes=list(changes),
        left=list(left),
    )


def check_reason(reason: str) -> None:
    """Raises BadInput naming `reason`."""
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    if len(reason.strip()) > _LONGEST_REASON:
        raise BadInput(_("Say it in %(most)s characters.") % {"most": _LONGEST_REASON}, field="reason")


def _locked(
    revision_id: UUID, actor: User, *permissions: Permission
) -> tuple[ScheduleRevision, list[ScheduleRevision]]:
    """The revision and all of its project, locked in the order of their keys. Any one of the permissions will do."""
    revision = ScheduleRevision.objects.visible_to(actor).filter(pk=revision_id).first()
    if revision is None:
        raise NotFound(_("There is no such schedule."), field="revision")
    wanted = permissions or (Permission.APPROVE,)
    if not any(can(actor, permission, site_id=revision.site_id) for permission in wanted[:-1]):
        check_can(actor, wanted[-1], site_id=revision.site_id)
    rows = ScheduleRevision.objects.filter(site=revision.site_id, project_code=revision.project_code)
    of_project = list(rows.order_by("pk").select_for_update(of=("self",)))
    return next(row for row in of_project if row.pk == revision_id), of_project


def _decide(revision: ScheduleRevision, state: RevisionState, by: User | None, at: datetime | None) -> None:
    revision.state, revision.decided_by, revision.decided_at = state, by, at
    revision.save(update_fields=["state", "decided_by", "decided_at"])


def follow_gates(*, site_id: UUID, project_code: str, now: datetime) -> list[Gate]:
    """Keep the last date that each gate got from its activity in the accepted schedule, and since when it has none.

    The gates that follow this project, whether changed or not.
    """
    gates = list(Gate.objects.filter(site=site_id, project_code=project_code).exclude(activity_code="").order_by("pk"))
    keys = {gate.pk: ActivityKey(gate.project_code, gate.activity_code, gate.activity_edge) for gate in gates}
    dates = activity_dates(site_id, keys.values())
    changed = []
    for gate in gates:
        on = dates.get(keys[gate.pk])
        followed, lost_at = (on, None) if on else (gate.followed_on, gate.lost_at or now)
        if (gate.followed_on, gate.lost_at) != (followed, lost_at):
            gate.followed_on, gate.lost_at = followed, lost_at
            changed.append(gate)
    Gate.objects.bulk_update(changed, ["followed_on", "lost_at"])
    return gates


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


def _document(site: Site, source: Source, digest: str, actor: User | None) -> ScheduleDocument:
    known = ScheduleDocument.objects.filter(site=site, sha256=digest).defer("content").first()
    return known or ScheduleDocument.objects.create(
        site=site,
        file_name=source.file_name[-_FILE_NAME:],
        sha256=digest,
        content=source.content,
        uploaded_by=actor,
    )


# -- straight into the tables: a schedule has tens of thousands of rows, and as many objects take minutes ------------


def _store(revision_id: UUID, project: PackedProject, shift: _Shift) -> None:
    facts = project.project
    _copy(ScheduleCalendar, _CALENDAR, (_calendar(revision_id, row, shift) for row in facts.calendars))
    _copy(ScheduleWbs, _WBS, (_wbs(revision_id, place, row) for place, row in enumerate(facts.wbs)))
    with connection.cursor() as cursor:
        _copy_lines(cursor, Activity, schedule_pack.ACTIVITY_COLUMNS, project.activities, revision_id)
        _copy_lines(cursor, ScheduleBaselineActivity, schedule_pack.BASELINE_COLUMNS, project.baselines, revision_id)
        _copy_links(cursor, project.links, revision_id)
        if shift.days:
            _shift_rows(cursor, revision_id, shift.days)


def _copy(model: type[Model], columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(model._meta.db_table), names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _copy_lines(cursor: Any, model: type[Model], columns: Sequence[str], block: bytes, revision_id: UUID) -> None:
    """Each line led by the revision, whatever the line says, so that none can name another."""
    names = sql.SQL(", ").join(map(sql.Identifier, ("revision_id", *columns)))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(model._meta.db_table), names)
    with cursor.copy(statement) as copy:
        for piece in schedule_pack.lines(block, str(revision_id)):
            copy.write(piece)


def _copy_links(cursor: Any, block: bytes, revision_id: UUID) -> None:
    """By way of a table of their codes, which are then looked up among the activities of the revision."""
    cursor.execute("""
        CREATE TEMPORARY TABLE IF NOT EXISTS longlead_read_links (
            place integer, predecessor_project text, predecessor_code text, successor_code text, kind text,
            lag_hours numeric, lag_calendar text
        ) ON COMMIT DROP
    """)
    names = sql.SQL(", ").join(map(sql.Identifier, schedule_pack.LINK_COLUMNS))
    with cursor.copy(sql.SQL("COPY longlead_read_links ({}) FROM STDIN").format(names)) as copy:
        for at in range(0, len(block), _PIECE):
            copy.write(block[at : at + _PIECE])
    cursor.execute("ANALYZE longlead_read_links")
    cursor.execute(
        """
        INSERT INTO sites_activitylink (predecessor_id, predecessor_project, predecessor_code, successor_id, kind,
                                        lag_hours, lag_calendar)
        SELECT before.id, l.predecessor_project,
               CASE WHEN l.predecessor_project = '' THEN '' ELSE l.predecessor_code END,
               after.id, l.kind, l.lag_hours, l.lag_calendar
          FROM longlead_read_links l
          JOIN sites_activity after ON after.revision_id = %(revision)s AND after.code = l.successor_code
          LEFT JOIN sites_activity before
            ON l.predecessor_project = '' AND before.revision_id = %(revision)s AND before.code = l.predecessor_code
         ORDER BY l.place
        """,
        {"revision": revision_id},
    )
    cursor.execute("TRUNCATE longlead_read_links")


def _shift_rows(cursor: Any, revision_id: UUID, days: int) -> None:
    for model, columns in ((Activity, schedule_pack.MOMENTS), (ScheduleBaselineActivity, ("start", "finish"))):
        moved = sql.SQL(", ").join(
            sql.SQL("{0} = {0} + make_interval(days => {1})").format(sql.Identifier(name), sql.Literal(days))
            for name in columns
        )
        statement = sql.SQL("UPDATE {} SET {} WHERE revision_id = %s")
        cursor.execute(statement.format(sql.Identifier(model._meta.db_table), moved), [revision_id])


_CALENDAR = (
    "id", "revision_id", "key", "name", "base_key", "is_of_resource", "hours_per_day", "week", "exceptions",
)  # fmt: skip
_WBS = ("id", "revision_id", "key", "parent_key", "place", "code", "name", "is_project")
_PIECE = 256 * 1024


def _calendar(revision_id: UUID, row: CalendarRow, shift: _Shift) -> tuple[object, ...]:
    days = timedelta(days=shift.days)
    exceptions = {(day + days).isoformat(): shifts for day, shifts in row.exceptions.items()}
    hours = None if row.hours_per_day is None else row.hours_per_day.quantize(_PLACES)
    return (
        new_id(), revision_id, row.id[:_KEY], row.name[:_CALENDAR_NAME], row.base_id[:_KEY], row.is_of_resource,
        hours, json.dumps(row.week), json.dumps(exceptions),
    )  # fmt: skip


def _wbs(revision_id: UUID, place: int, row: WbsRow) -> tuple[object, ...]:
    return (
        new_id(), revision_id, row.id[:_KEY], row.parent_id[:_KEY], place, row.code[:_CODE], row.name[:_NAME],
        row.is_project,
    )  # fmt: skip
