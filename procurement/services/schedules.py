"""A site schedule: read in the closed room, and accepted, so that what hangs on its activities moves with it."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.gateways import wake
from procurement.models import RosAnchor
from procurement.services import forecasts, schedule_files
from procurement.services.chain_dates import touched_by_gates
from procurement.services.forecasts import Moved, Touched, local_date
from procurement.vocabulary import RunCause
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.models import Gate, ScheduleRevision, Site
from sites.services import schedules
from sites.services.access import check_can
from sites.services.schedules import Source


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


@transaction.atomic
def accept(*, revision_id: UUID, actor: User, now: datetime) -> Accepted:
    """Accept a quarantined revision, recalculate what follows its activities, and look at the alerts.

    Raises NotFound, NotPermitted and Conflict.
    """
    revision = schedules.accept(revision_id=revision_id, actor=actor, now=now)
    site = Site.objects.get(pk=revision.site_id)
    moved = forecasts.recalculate(
        site_id=site.pk,
        as_of=local_date(site, now),
        now=now,
        cause=RunCause.CHANGE,
        cause_text=_("Schedule %(project)s of %(day)s accepted")
        % {"project": revision.project_code, "day": revision.data_date.isoformat()},
        cause_key=f"schedule:{revision.pk}",
        actor=actor,
        touched=touched_by_schedule(site.pk, revision.project_code),
    ).moved
    wake.after_commit()
    return Accepted(revision, moved)


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
