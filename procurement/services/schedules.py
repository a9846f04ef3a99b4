"""A site schedule: read in the closed room, and accepted, so that what hangs on its activities moves with it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.gateways import wake
from procurement.models import RosAnchor
from procurement.queries.schedule_difference import difference
from procurement.services import anchor_rules, forecasts, schedule_files
from procurement.services.chain_dates import touched_by_gates
from procurement.services.forecasts import Moved, Touched, local_date
from procurement.services.schedule_bindings import bindings_of, bound_since, changed, restore
from procurement.services.single import hold_sites
from procurement.vocabulary import RunCause
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import RuleBroken
from sites.models import Gate, ScheduleRevision, Site
from sites.readers.schedule_pack import PackedFile
from sites.services import schedules
from sites.services.access import check_can
from sites.services.schedules import Source
from sites.vocabulary import DecisionKind


@dataclass(frozen=True, slots=True)
class Accepted:
    """`moved` is what the forecasts show before and after."""

    revision: ScheduleRevision
    moved: tuple[Moved, ...]


def read_revision(
    *,
    site: Site,
    content: bytes,
    file_name: str,
    actor: User,
    now: datetime,
    shift_to: date | None = None,
    project_code: str = "",
    update_of: str = "",
) -> ScheduleRevision:
    """As `sites.services.schedules.read_revision`, with the file read in the closed room: for files of strangers.

    `update_of` is the project of the site whose next revision this is, where the file calls it otherwise.
    """
    check_can(actor, Permission.SCHEDULE_WRITE, site_id=site.pk)
    file = schedule_files.read(content)
    return schedules.keep(
        site=site,
        file=file,
        project=schedules.chosen(file, project_code),
        source=Source(content, file_name),
        actor=actor,
        now=now,
        shift_to=shift_to,
        update_of=update_of,
    )


@dataclass(frozen=True, slots=True)
class Uploaded:
    """`revisions` are those of the file's projects, made now or known before."""

    file: PackedFile
    revisions: tuple[ScheduleRevision, ...]


def upload(
    *,
    site: Site,
    content: bytes,
    file_name: str,
    actor: User,
    now: datetime,
    project_code: str = "",
    update_of: str = "",
) -> Uploaded:
    """Read a file of a stranger in the closed room, each project of it that is no baseline into quarantine.

    With `project_code` only that one; `update_of` names the site's project whose next revision it is, where the file
    calls it otherwise and holds one. Raises NotPermitted, and BadInput naming the line, `project_code` or `update_of`.
    """
    check_can(actor, Permission.SCHEDULE_WRITE, site_id=site.pk)
    file = schedule_files.read(content)
    source = Source(content, file_name)
    if project_code or update_of:
        project = schedules.chosen(file, project_code)
        revision = schedules.keep(
            site=site, file=file, project=project, source=source, actor=actor, now=now, update_of=update_of
        )
        return Uploaded(file, (revision,))
    return Uploaded(file, tuple(schedules.keep_all(site=site, file=file, source=source, actor=actor, now=now)))


class SuspiciousSchedule(RuleBroken):
    """Something about the schedule is odd, and nobody has said why it is fine. `facts` lists the anomalies."""

    code = "schedule_is_suspicious"


@transaction.atomic
def accept(*, revision_id: UUID, actor: User, now: datetime, reason: str = "") -> Accepted:
    """Accept a quarantined revision: anchors, required dates, forecasts and alerts move with it, or nothing does.

    `reason` says why an anomaly is fine, and is needed just where there is one. Anchor rules are applied anew. Raises
    NotFound, NotPermitted, Conflict, SuspiciousSchedule naming `reason`, and BadInput naming `reason`.
    """
    _hold_site_of(revision_id, actor)
    decided = schedules.accept(revision_id=revision_id, actor=actor, now=now)
    revision = decided.revision
    anomalies = difference(revision, decided.replaced).anomalies
    if anomalies and not reason.strip():
        raise SuspiciousSchedule(
            _("Say why the schedule is fine: %(what)s.")
            % {"what": ", ".join(str(anomaly.kind.label).lower() for anomaly in anomalies)},
            field="reason",
            anomalies=[anomaly.kind.value for anomaly in anomalies],
        )
    if reason:
        schedules.check_reason(reason)
    before = bindings_of(revision.site_id, revision.project_code)
    anchor_rules.apply_all(site_id=revision.site_id, project_code=revision.project_code)
    moved = _recalculated(revision, _("Schedule %(project)s of %(day)s accepted"), actor, now)
    schedules.record(
        DecisionKind.ACCEPTED,
        decided,
        reason=reason,
        actor=actor,
        now=now,
        anomalies=[anomaly.kind.value for anomaly in anomalies],
        changes=changed(before, bindings_of(revision.site_id, revision.project_code)),
    )
    return Accepted(revision, moved)


def try_on(*, revision: ScheduleRevision, actor: User, now: datetime) -> tuple[Moved, ...]:
    """All that accepting the revision would do, asking nobody: only for a rehearsal, which takes it back."""
    of_project = ScheduleRevision.objects.filter(site=revision.site_id, project_code=revision.project_code)
    schedules.put_in_force(revision, of_project.order_by("pk").select_for_update(of=("self",)), actor=actor, now=now)
    anchor_rules.apply_all(site_id=revision.site_id, project_code=revision.project_code)
    return _recalculated(revision, _("Schedule %(project)s of %(day)s accepted"), actor, now)


@transaction.atomic
def reject(*, revision_id: UUID, reason: str, actor: User, now: datetime) -> ScheduleRevision:
    """Turn a quarantined revision down. Raises as `sites.services.schedules.reject`."""
    return schedules.reject(revision_id=revision_id, reason=reason, actor=actor, now=now)


@dataclass(frozen=True, slots=True)
class RolledBack:
    """`restored` is the revision that stands again, null where there was none before. `left` names what was changed
    since by others and stays as it is: rows as in `ScheduleDecision.left`."""

    revision: ScheduleRevision
    restored: ScheduleRevision | None
    moved: tuple[Moved, ...]
    left: tuple[dict[str, Any], ...]


@transaction.atomic
def roll_back(*, revision_id: UUID, reason: str, actor: User, now: datetime, force: bool = False) -> RolledBack:
    """Take an accepted schedule back: the one before stands again, with its bindings, gates, required dates and
    forecasts; runs, history and alerts that were told stay.

    What others changed since is named and left, unless `force`. Raises NotFound, NotPermitted, Conflict, and BadInput
    naming `reason`.
    """
    _hold_site_of(revision_id, actor)
    decided = schedules.roll_back(revision_id=revision_id, actor=actor, now=now)
    schedules.check_reason(reason)
    revision = decided.revision
    # What is unbound by going back hangs on nothing afterwards, and has to be looked at all the same.
    followed = touched_by_schedule(revision.site_id, revision.project_code)
    decision = revision.decisions.filter(kind=DecisionKind.ACCEPTED).order_by("-decided_at", "-pk").first()
    left: list[dict[str, Any]] = []
    if decision is not None:
        left = restore(decision.changes, since=decision.created_at, force=force)
        named = {row["id"] for row in left} | {str(change["id"]) for change in decision.changes}
        stays = bound_since(revision.site_id, revision.project_code, decision.created_at)
        left += [row for row in stays if row["id"] not in named]
    moved = _recalculated(revision, _("Schedule %(project)s of %(day)s rolled back"), actor, now, followed)
    schedules.record(DecisionKind.ROLLED_BACK, decided, reason=reason, actor=actor, now=now, left=left)
    return RolledBack(revision, decided.replaced, moved, tuple(left))


def _hold_site_of(revision_id: UUID, actor: User) -> None:
    hold_sites(ScheduleRevision.objects.visible_to(actor).filter(pk=revision_id).values_list("site_id", flat=True))


def _recalculated(
    revision: ScheduleRevision, cause: str, actor: User, now: datetime, also: Touched | None = None
) -> tuple[Moved, ...]:
    """Everything that hangs on the project's activities, by those of the revision that stands now."""
    schedules.follow_gates(site_id=revision.site_id, project_code=revision.project_code, now=now)
    touched, also = touched_by_schedule(revision.site_id, revision.project_code), also or Touched()
    moved = forecasts.recalculate(
        site_id=revision.site_id,
        as_of=local_date(Site.objects.get(pk=revision.site_id), now),
        now=now,
        cause=RunCause.CHANGE,
        cause_text=cause % {"project": revision.project_code, "day": revision.data_date.isoformat()},
        cause_key=f"schedule:{revision.pk}",
        actor=actor,
        touched=Touched(
            requirements=touched.requirements | also.requirements,
            chains=touched.chains | also.chains,
            blocks=touched.blocks | also.blocks,
        ),
        whole_look=True,
    ).moved
    wake.after_commit()
    return moved


def touched_by_schedule(site_id: UUID, project_code: str) -> Touched:
    """What moves when the schedule of this project does: anchors on its activities and gates that follow them."""
    gates = touched_by_gates(
        list(Gate.objects.filter(site=site_id, project_code=project_code).exclude(activity_code=""))
    )
    anchored = RosAnchor.objects.filter(requirement__site=site_id, project_code=project_code)
    return Touched(
        requirements=gates.requirements | frozenset(anchored.values_list("requirement", flat=True)),
        chains=gates.chains,
        blocks=gates.blocks,
    )
