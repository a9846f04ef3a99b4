"""The rounds of a submittal or a factory test. Only the round that is accepted says when the step was done."""

from datetime import date, datetime, timedelta
from uuid import UUID

import pghistory
from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.step_rounds import ACCEPTED, RESULTS, whose_turn
from procurement.models import DeliveryLot
from procurement.services import dates, lots
from procurement.services.dates import Recorded
from procurement.services.forecasts import local_date
from procurement.vocabulary import RevisionKind
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, NotFound
from sites.domain.imprecise import on_day
from sites.domain.text import check_text
from sites.models import Milestone, MilestoneRound
from sites.services.access import check_can
from sites.vocabulary import Party, PromiseSource, RoundResult, step_name

_ONE_DAY = timedelta(days=1)


@transaction.atomic
def record(
    *,
    lot_id: UUID,
    step: str,
    submitted_on: date | None,
    returned_on: date | None,
    result: str,
    ball: Party | None,
    note: str,
    document: str,
    actor: User,
    now: datetime,
    request_id: str = "",
) -> tuple[MilestoneRound, Recorded | None]:
    """Begin a round, bring the one that is under way to its end, or both at once.

    A round without a result goes on: what is said next is said of it. `ball` None: whose turn it usually is then. An
    accepted round records the step as done on the day it came back, in `document`.
    Raises NotFound, NotPermitted, and BadInput naming the argument.
    """
    lot, milestone = _locked(lot_id, step, actor)
    check_text(note, "note", longest=500)
    today = local_date(lot.schedule_line.site, now) if lot.schedule_line.site else now.date()
    for name, day in (("submitted_on", submitted_on), ("returned_on", returned_on)):
        if day is not None and day > today + _ONE_DAY:
            raise BadInput(_("This day lies in the future."), field=name)
    if bool(result) != (returned_on is not None):
        raise BadInput(
            _("The result and the day it came back are given together."), field="returned_on" if result else "result"
        )
    if result and result not in RESULTS[step]:
        raise BadInput(_("This is no result of this step."), field="result")
    row = _row(milestone, submitted_on)
    if row.submitted_on and returned_on and returned_on < row.submitted_on:
        raise BadInput(_("It cannot come back before it was submitted."), field="returned_on")
    row.returned_on, row.result = returned_on, result
    row.ball_in_court = ball or whose_turn(step, result)
    row.note = note or row.note
    row.save()
    audit.record(
        actor=actor,
        verb="round.recorded",
        subject_kind="milestone",
        subject_id=milestone.pk,
        facts={"number": row.number, "result": result},
    )
    if returned_on is None or result not in ACCEPTED:
        return row, None
    return row, _done(lot, row, step, returned_on, document, actor, now, request_id)


@transaction.atomic
def take_back(*, round_id: UUID, reason: str, actor: User) -> MilestoneRound:
    """The last round of a step that is not done; its history stays. Raises NotFound, NotPermitted, BadInput naming
    `reason` or `round`.
    """
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    found = MilestoneRound.objects.filter(pk=round_id).select_related("milestone").first()
    lot = DeliveryLot.objects.visible_to(actor).filter(chain__milestones__rounds=round_id).first()
    if found is None or lot is None:
        raise NotFound(_("There is no such round."), field="round")
    _lot, milestone = _locked(lot.pk, found.milestone.code, actor)
    row = milestone.rounds.order_by("-number").first()
    if row is None or row.pk != round_id:
        raise BadInput(_("Only the last round can be taken back."), field="round")
    said = reason.strip()[:500]
    with pghistory.context(reason=said):
        audit.record(
            actor=actor,
            verb="round.taken_back",
            subject_kind="milestone",
            subject_id=milestone.pk,
            reason=said,
            facts={"number": row.number},
        )
        row.delete()
    return row


def _locked(lot_id: UUID, step: str, actor: User) -> tuple[DeliveryLot, Milestone]:
    lot = lots.lock_lot(lot_id, actor)
    site = lot.schedule_line.site
    check_can(actor, Permission.DATES_WRITE, site_id=site.pk if site else None)
    milestone = lot.chain.milestones.filter(code=step, applicable=True).first() if step in RESULTS else None
    if milestone is None:
        raise BadInput(_("This step has no rounds here."), field="step")
    if milestone.actual_on is not None:
        raise BadInput(_("This step is done; its rounds stay as they are."), field="step")
    return lot, milestone


def _row(milestone: Milestone, submitted_on: date | None) -> MilestoneRound:
    """The round under way, else a new one; with its day of submittal."""
    last = milestone.rounds.order_by("-number").first()
    if last is not None and not last.result:
        last.submitted_on = submitted_on or last.submitted_on
        return last
    if submitted_on is None:
        raise BadInput(_("Say when it was submitted, or tested."), field="submitted_on")
    if last is not None and last.returned_on and submitted_on < last.returned_on:
        raise BadInput(_("The round before came back later than that."), field="submitted_on")
    return MilestoneRound(milestone=milestone, number=last.number + 1 if last else 1, submitted_on=submitted_on)


def _done(
    lot: DeliveryLot,
    row: MilestoneRound,
    step: str,
    on: date,
    document: str,
    actor: User,
    now: datetime,
    request_id: str,
) -> Recorded:
    outcome = _("%(step)s, round %(number)d: %(result)s") % {
        "step": step_name(step),
        "number": row.number,
        "result": RoundResult(row.result).label,
    }
    return dates.record(
        order_id=lot.schedule_line.line.order_id,
        revisions=[dates.about(lot, RevisionKind.ACTUAL, on_day(on), milestone=step)],
        stated_on=on,
        source=PromiseSource.PORTAL,
        document=document or outcome,
        actor=actor,
        now=now,
        request_id=request_id,
    )
