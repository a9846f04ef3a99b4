"""A vendor's confirmation of an order: promises of one statement, taken back by rows that retract them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.revision import DateRevision
from procurement.models import Confirmation, DeliveryLot, PurchaseOrder, ScheduleLine
from procurement.services import dates
from procurement.services.date_meanings import check_units_of_one
from procurement.services.dates import Recorded, Statement, TakenBack
from procurement.vocabulary import LineStatus, RevisionKind
from sites.accounts.models import User
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.domain.imprecise import TBD, ImpreciseDate, on_day
from sites.models import Milestone, Promise
from sites.vocabulary import PromiseSource

_LONGEST_NOTE: Final = 500
_LONGEST_REASON: Final = 500


class Response(StrEnum):
    """What the vendor says to a line: its contract date, another one, or none."""

    ACCEPTED = "accepted"
    CHANGED = "changed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Part:
    """`schedule_number` None: every open one of the line. `said` None: not named. `field` is its place in the input."""

    line_number: int
    response: Response
    schedule_number: int | None = None
    said: ImpreciseDate | None = None
    quantity: Decimal | None = None
    note: str = ""
    field: str = ""


@transaction.atomic
def record(
    *,
    order_id: UUID,
    number: str,
    parts: Sequence[Part] | None,
    stated_on: date,
    actor: User,
    now: datetime,
    request_id: str = "",
) -> Recorded:
    """Write what a vendor confirmed. None for the parts: the whole order is accepted. What is accepted without a date
    is promised for its contract date; what is rejected, for none.

    Raises NotFound, NotPermitted, and BadInput naming `lines`, the part, or `stated_on`; then nothing is stored.
    """
    if not PurchaseOrder.objects.visible_to(actor).filter(pk=order_id).exists():
        raise NotFound(_("There is no such order."), field="order")
    if parts is not None and not parts:
        raise BadInput(_("A confirmation says something of one line at least."), field="lines")
    still_open = _open_lines(order_id, actor)
    if parts is None:
        numbers = sorted({row.line.number for row in still_open})
        parts = [Part(number, Response.ACCEPTED, field="lines") for number in numbers]
    else:
        _check_known(parts, order_id, actor)
    revisions = [revision for part in parts for revision in _revisions(part, still_open)]
    if not revisions:
        raise BadInput(_("No date was agreed that could be confirmed."), field="lines")
    done = dates.record(
        order_id=order_id,
        revisions=revisions,
        stated_on=stated_on,
        source=PromiseSource.ERP,
        document=number,
        actor=actor,
        now=now,
        request_id=request_id,
    )
    keep({done.statement_id: Statement(order_id, revisions, stated_on, PromiseSource.ERP, number)}, actor=actor)
    return done


def keep(confirmed: Mapping[UUID, Statement], *, actor: User) -> None:
    """That these statements of the ledger, by their keys, are confirmations of a vendor. The feed tells them."""
    Confirmation.objects.bulk_create(
        Confirmation(
            pk=key, order_id=each.order_id, number=each.document, confirmed_on=each.stated_on, recorded_by=actor
        )
        for key, each in confirmed.items()
    )


def take_back(statement_ids: Collection[UUID], *, reason: str, on: date, actor: User) -> list[Confirmation]:
    """A reversal of each of these that is a confirmation and stands; its promises are the caller's to retract."""
    rows = Confirmation.objects.filter(pk__in=statement_ids, reverses__isnull=True, reversed_by__isnull=True)
    return Confirmation.objects.bulk_create(
        Confirmation(
            order_id=row.order_id, confirmed_on=on, reverses=row, reason=reason[:_LONGEST_REASON], recorded_by=actor
        )
        for row in rows.order_by("pk")
    )


@transaction.atomic
def reverse(*, statement_id: UUID, reason: str, actor: User, now: datetime) -> tuple[Confirmation, TakenBack]:
    """Retract every promise of a confirmation. Raises NotFound, NotPermitted, Conflict, BadInput."""
    seen = DeliveryLot.objects.visible_to(actor).values("chain")
    rows = Promise.objects.filter(statement_id=statement_id, milestone__chain__in=seen)
    promises = list(rows.values_list("pk", flat=True))
    kept = Confirmation.objects.visible_to(actor).filter(pk=statement_id)
    if not promises or not kept.exists():
        raise NotFound(_("There is no such confirmation."), field="reverses")
    if kept.filter(reversed_by__isnull=False).exists():
        raise _reversed_already()
    done = dates.take_back(
        promises=promises,
        actuals=[],
        reason=reason,
        cause_key=f"reversal:{statement_id}",
        cause_text=_("Confirmation taken back: %(reason)s") % {"reason": reason},
        force=True,
        actor=actor,
        now=now,
    )
    made = take_back([statement_id], reason=reason, on=now.date(), actor=actor)
    if not made:  # somebody was quicker
        raise _reversed_already()
    return made[0], done


def _reversed_already() -> Conflict:
    return Conflict(_("This confirmation is reversed already."), field="reverses")


def _open_lines(order_id: UUID, actor: User) -> list[ScheduleLine]:
    """Those in sight that are neither cancelled nor all on site."""
    arrived = Milestone.objects.filter(code="ON_SITE", actual_on__isnull=False).values("chain")
    lots = DeliveryLot.objects.filter(quantity__gt=0).exclude(chain__in=arrived)
    return list(
        ScheduleLine.objects.visible_to(actor)
        .filter(
            line__order=order_id,
            status=LineStatus.OPEN,
            line__status=LineStatus.OPEN,
            pk__in=lots.filter(schedule_line__line__order=order_id).values("schedule_line"),
        )
        .select_related("line")
        .order_by("line__number", "number")
    )


def _check_known(parts: Sequence[Part], order_id: UUID, actor: User) -> None:
    """Raises BadInput naming the line or schedule line that the order does not have."""
    rows = ScheduleLine.objects.visible_to(actor).filter(line__order=order_id).values_list("line__number", "number")
    known = set(rows)
    lines = {line for line, _schedule in known}
    for part in parts:
        if part.line_number not in lines:
            raise BadInput(
                _("The order has no line %(number)s.") % {"number": part.line_number}, field=f"{part.field}/line_number"
            )
        if part.schedule_number is not None and (part.line_number, part.schedule_number) not in known:
            raise BadInput(
                _("The line has no schedule line %(number)s.") % {"number": part.schedule_number},
                field=f"{part.field}/schedule_number",
            )


def _revisions(part: Part, still_open: Sequence[ScheduleLine]) -> list[DateRevision]:
    if part.response is Response.CHANGED and part.said is None:
        raise BadInput(_("It was accepted with changes, but no date is given."), field=f"{part.field}/date")
    if part.response is Response.REJECTED and part.said is not None:
        raise BadInput(_("What is rejected has no date."), field=f"{part.field}/date")
    if part.said is not None or part.response is Response.REJECTED:
        return [_promise(part, part.said or TBD, part.schedule_number)]
    named = [
        row for row in still_open if row.line.number == part.line_number and part.schedule_number in {None, row.number}
    ]
    if not named:
        raise BadInput(_("Nothing of this line is open."), field=f"{part.field}/line_number")
    agreed = [row for row in named if row.contract_on]
    check_units_of_one(part.quantity, agreed, f"{part.field}/quantity")
    if not agreed and part.field != "lines":
        raise BadInput(_("No date was agreed that could be confirmed."), field=f"{part.field}/date")
    return [_promise(part, on_day(row.contract_on), row.number) for row in agreed if row.contract_on]


def _promise(part: Part, said: ImpreciseDate, schedule_number: int | None) -> DateRevision:
    return DateRevision(
        kind=RevisionKind.PROMISE,
        line_number=part.line_number,
        said=said,
        schedule_number=schedule_number,
        quantity=part.quantity,
        note=part.note[:_LONGEST_NOTE],
        field=part.field,
    )
