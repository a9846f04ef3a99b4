"""The one way a shipment notice is written, and the row that takes one back."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from procurement.domain.lots import most_received
from procurement.domain.order_document import check_counted
from procurement.models import DeliveryLot, ShipmentNotice
from procurement.services import lots
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.services.access import check_can

_LONGEST: Final = 500


def noticed(lot_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """Units of each lot that standing notices say are on their way. One query."""
    rows = ShipmentNotice.objects.filter(lot__in=lot_ids, reverses__isnull=True, reversed_by__isnull=True)
    return dict(rows.values_list("lot").annotate(total=Sum("quantity")))


def check_days(despatched_on: date | None, arrives_on: date | None) -> None:
    """Raises BadInput naming `arrives_on`."""
    if despatched_on and arrives_on and arrives_on < despatched_on:
        raise BadInput(_("What is sent arrives no earlier than it left."), field="arrives_on")


@transaction.atomic
def notify(
    *,
    lot_id: UUID,
    number: str,
    quantity: Decimal,
    despatched_on: date | None,
    arrives_on: date | None,
    tracking: str,
    document: str,
    actor: User,
) -> ShipmentNotice:
    """Record that the vendor has sent units of a lot. Dates move by statements, not by this.

    Raises NotFound, NotPermitted, and BadInput naming `quantity` or `arrives_on`.
    """
    lot = lots.lock_lot(lot_id, actor)
    check_can(actor, Permission.DATES_WRITE, site_id=lot.schedule_line.site_id)
    check_counted(quantity, lot.schedule_line.line.unit)
    check_days(despatched_on, arrives_on)
    most = most_received(lot.quantity, lot.schedule_line.line.over_delivery_percent)
    if noticed([lot.pk]).get(lot.pk, Decimal(0)) + quantity > most:
        raise BadInput(_("More is sent than the lot holds."), field="quantity")
    notice = ShipmentNotice.objects.create(
        lot=lot,
        number=number,
        quantity=quantity,
        despatched_on=despatched_on,
        arrives_on=arrives_on,
        tracking=tracking,
        document=document[:_LONGEST],
        recorded_by=actor,
    )
    audit.record(
        actor=actor,
        verb="lot.shipped",
        subject_kind="lot",
        subject_id=lot.pk,
        facts={"notice": str(notice.pk), "quantity": str(quantity), "document": document},
    )
    return notice


@transaction.atomic
def reverse(*, notice_id: UUID, reason: str, actor: User) -> ShipmentNotice:
    """Take a notice back by a row that reverses it.

    Raises NotFound, NotPermitted, Conflict, and BadInput naming `reason`.
    """
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    notice = ShipmentNotice.objects.visible_to(actor).filter(pk=notice_id).first()
    if notice is None:
        raise NotFound(_("There is no such shipment notice."), field="reverses")
    lot: DeliveryLot = lots.lock_lot(notice.lot_id, actor)
    check_can(actor, Permission.DATES_WRITE, site_id=lot.schedule_line.site_id)
    if notice.reverses_id is not None or ShipmentNotice.objects.filter(reverses=notice).exists():
        raise Conflict(_("This shipment notice is reversed already."), field="reverses")
    reversal = ShipmentNotice.objects.create(
        lot=lot,
        number=notice.number,
        quantity=notice.quantity,
        despatched_on=notice.despatched_on,
        arrives_on=notice.arrives_on,
        tracking=notice.tracking,
        document=reason[:_LONGEST],
        reverses=notice,
        recorded_by=actor,
    )
    audit.record(
        actor=actor,
        verb="lot.shipment_reversed",
        subject_kind="lot",
        subject_id=lot.pk,
        reason=reason,
        facts={"notice": str(notice.pk), "reversal": str(reversal.pk)},
    )
    return reversal
