"""What accepting a quarantined schedule would do, shown before anybody decides: the acceptance itself, taken back."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.queries.schedule_difference import BoundDate, accepted_of, bound_dates, difference
from procurement.services import schedules
from procurement.services.rehearsal import Rehearsal, rehearse, seen_by
from sites.accounts.models import User
from sites.domain.errors import NotFound
from sites.domain.schedule_difference import ScheduleDifference
from sites.models import ScheduleRevision
from sites.vocabulary import RevisionState


@dataclass(frozen=True, slots=True)
class SchedulePreview:
    """`replaced` is the accepted revision that it is compared with, null for the first of its project. `effect` is what
    lots, requirements, blocks and alerts would do; null where the revision is not in quarantine any more.
    """

    revision: ScheduleRevision
    replaced: ScheduleRevision | None
    difference: ScheduleDifference
    bound: tuple[BoundDate, ...]
    effect: Rehearsal | None


def preview(*, revision_id: UUID, actor: User, now: datetime) -> SchedulePreview:
    """Nothing is written. Raises NotFound."""
    revision = ScheduleRevision.objects.visible_to(actor).filter(pk=revision_id).first()
    if revision is None:
        raise NotFound(_("There is no such schedule."), field="revision")
    replaced = _before(revision)
    effect = None
    if revision.state == RevisionState.QUARANTINED:
        effect = seen_by(rehearse(lambda: schedules.try_on(revision=revision, actor=actor, now=now), now=now), actor)
    return SchedulePreview(
        revision=revision,
        replaced=replaced,
        difference=difference(revision, replaced),
        bound=bound_dates(revision, replaced),
        effect=effect,
    )


def _before(revision: ScheduleRevision) -> ScheduleRevision | None:
    """The accepted one while it waits; what it replaced once it was decided."""
    if revision.state == RevisionState.QUARANTINED:
        return accepted_of(revision.site_id, revision.project_code)
    decision = revision.decisions.select_related("replaced").order_by("-decided_at", "-pk").first()
    return decision.replaced if decision else None
