"""The one way a receipt is written: units of a lot that came, and the row that takes one back."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Q, Sum
from django.utils.translation import gettext as _

from procurement.domain import lots as lot_rules
from procurement.domain.lots import ON_SITE
from procurement.domain.order_document import check_counted
from procurement.models import DeliveryLot, Receipt
from procurement.services import dates, lots, serials
from procurement.services.forecasts import local_date
from procurement.vocabulary import ReceiptState, RevisionKind
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.domain.imprecise import on_day
from sites.models import Milestone
from sites.services.access import check_can
from sites.vocabulary import PromiseSource

_LONGEST: Final = 500


class OverDelivery(BadInput):
    """More came than was ordered and the line tolerates."""

    code = "over_delivery"


@transaction.atomic
def receive(
    *,
    lot_id: UUID,
    quantity: Decimal,
    received_on: date,
    document: str,
    actor: User,
    now: datetime,
    state: ReceiptState = ReceiptState.ARRIVED,
    plates: Sequence[str] = (),
) -> Receipt:
    """Record that units of a lot came. With the last of them the lot is on site, unless that was said already. Units
    above those of the lot are taken within the tolerance of its line; `over_delivered` of the receipt says how many.
    `plates` are serial numbers of these units.

    Raises NotFound, NotPermitted, OverDelivery, and BadInput naming `quantity`, `received_on` or `serials`.
    """
    lot = lots.lock_lot(lot_id, actor)
    site = lot.schedule_line.site
    check_can(actor, Permission.DATES_WRITE, site_id=site.pk if site else None)
    if received_on > (local_date(site, now) if site else now.date()) + timedelta(days=1):
        raise BadInput(_("An actual date cannot lie in the future."), field="received_on")
    check_counted(quantity, lot.schedule_line.line.unit)
    before = _received(lot)
    total = before + quantity
    if total > lot_rules.most_received(lot.quantity, lot.schedule_line.line.over_delivery_percent):
        raise OverDelivery(
            _("%(received)s of %(quantity)s were received already.")
            % {"received": f"{before.normalize():f}", "quantity": f"{lot.quantity.normalize():f}"},
            field="quantity",
        )
    receipt = Receipt.objects.create(
        lot=lot,
        quantity=quantity,
        over_delivered=max(Decimal(0), min(quantity, total - lot.quantity)),
        received_on=received_on,
        state=state,
        document=document[:_LONGEST],
        recorded_by=actor,
    )
    audit.record(
        actor=actor,
        verb="lot.received",
        subject_kind="lot",
        subject_id=lot.pk,
        facts={"receipt": str(receipt.pk), "quantity": str(quantity), "document": document},
    )
    serials.record(receipt, plates, actor=actor)
    if total >= lot.quantity and _waits_for_arrival(lot):
        _arrived(lot, document=document, actor=actor, now=now)
    return receipt


@transaction.atomic
def reverse(*, receipt_id: UUID, reason: str, actor: User, now: datetime) -> Receipt:
    """Take a receipt back by a row that reverses it, with its serial numbers and an arrival that the receipts made.

    Raises NotFound, NotPermitted, Conflict where it is reversed already, and BadInput naming `reason`.
    """
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    receipt = Receipt.objects.filter(pk=receipt_id).first()
    if receipt is None or not DeliveryLot.objects.visible_to(actor).filter(pk=receipt.lot_id).exists():
        raise NotFound(_("There is no such receipt."), field="reverses")
    lot = lots.lock_lot(receipt.lot_id, actor)
    check_can(actor, Permission.DATES_WRITE, site_id=lot.schedule_line.site_id)
    if receipt.reverses_id is not None or Receipt.objects.filter(reverses=receipt).exists():
        raise Conflict(_("This receipt is reversed already."), field="reverses")
    still_whole = _received(lot) - receipt.quantity >= lot.quantity
    made_by_receipts = None if still_whole else _arrival_made_by_receipts(lot)
    reversal = Receipt.objects.create(
        lot=lot,
        quantity=receipt.quantity,
        over_delivered=receipt.over_delivered,
        received_on=receipt.received_on,
        state=receipt.state,
        document=reason[:_LONGEST],
        reverses=receipt,
        recorded_by=actor,
    )
    audit.record(
        actor=actor,
        verb="lot.receipt_reversed",
        subject_kind="lot",
        subject_id=lot.pk,
        reason=reason,
        facts={"receipt": str(receipt.pk), "reversal": str(reversal.pk)},
    )
    serials.take_back(receipt, reason=reason, actor=actor)
    if made_by_receipts is not None:
        assert made_by_receipts.actual_on is not None
        dates.take_back(
            promises=[],
            actuals=[dates.ActualBefore(made_by_receipts.pk, made_by_receipts.actual_on, None, "")],
            reason=reason,
            cause_key=f"receipt-reversed:{reversal.pk}",
            cause_text=_("Receipt reversed: %(reason)s") % {"reason": reason},
            force=False,
            actor=actor,
            now=now,
        )
    return reversal


def _standing(lot: DeliveryLot) -> dict[str, object]:
    """`last_on` is the day the last of the ordered units came; what was all over them has no say in it."""
    rows = Receipt.objects.filter(lot=lot, reverses__isnull=True, reversed_by__isnull=True)
    ordered = Q(over_delivered__lt=F("quantity"))
    return dict(rows.aggregate(total=Sum("quantity"), last_on=Max("received_on", filter=ordered)))


def _received(lot: DeliveryLot) -> Decimal:
    total = _standing(lot)["total"]
    return total if isinstance(total, Decimal) else Decimal(0)


def _waits_for_arrival(lot: DeliveryLot) -> bool:
    return Milestone.objects.filter(chain=lot.chain_id, code=ON_SITE, applicable=True, actual_on__isnull=True).exists()


def _arrived(lot: DeliveryLot, *, document: str, actor: User, now: datetime) -> None:
    last_on = _standing(lot)["last_on"]
    assert isinstance(last_on, date)
    dates.record(
        order_id=lot.schedule_line.line.order_id,
        revisions=[dates.about(lot, RevisionKind.ACTUAL, on_day(last_on), milestone=ON_SITE)],
        stated_on=last_on,
        source=PromiseSource.FILE,
        document=document,
        actor=actor,
        now=now,
    )


def _arrival_made_by_receipts(lot: DeliveryLot) -> Milestone | None:
    """The arrival of a lot that is received whole, where it says what its last receipts say."""
    milestone = Milestone.objects.filter(chain=lot.chain_id, code=ON_SITE, actual_on__isnull=False).first()
    standing = _standing(lot)
    total = standing["total"] if isinstance(standing["total"], Decimal) else Decimal(0)
    if milestone is None or total < lot.quantity or milestone.actual_on != standing["last_on"]:
        return None
    documents = Receipt.objects.filter(lot=lot, reverses__isnull=True, reversed_by__isnull=True)
    return milestone if milestone.actual_document in documents.values_list("document", flat=True) else None
