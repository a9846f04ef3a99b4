"""Serial numbers of units: written from the plate when they come, taken back with them or where one was misread."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

import pghistory
from django.db import transaction
from django.utils.translation import gettext as _

from procurement.models import Receipt, UnitSerial
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, NotFound
from sites.domain.text import check_text
from sites.services.access import check_can

_LONGEST: Final = 120
_LONGEST_REASON: Final = 300


def checked(numbers: Sequence[str], *, lot_id: UUID, quantity: Decimal) -> list[str]:
    """Plates of so many units of a lot, each once. Raises BadInput naming `serials`, also where one came before."""
    read: dict[str, str] = {}
    for number in numbers:
        if number := " ".join(number.split()):
            check_text(number, "serials", longest=_LONGEST)
            read.setdefault(number.upper(), number)
    wanted = list(read.values())
    if len(wanted) > quantity:
        raise BadInput(
            _("More serial numbers (%(serials)d) than units (%(quantity)s).")
            % {"quantity": f"{quantity.normalize():f}", "serials": len(wanted)},
            field="serials",
        )
    known = UnitSerial.objects.filter(lot=lot_id).values_list("number", flat=True) if wanted else ()
    for number in known:
        if number.upper() in read:
            raise BadInput(
                _("A unit with the serial number %(number)s came before.") % {"number": number}, field="serials"
            )
    return wanted


def record(receipt: Receipt, numbers: Sequence[str], *, actor: User) -> list[UnitSerial]:
    """The plates of what came with a receipt, for its writer, who holds the lock. Raises as `checked`."""
    wanted = checked(numbers, lot_id=receipt.lot_id, quantity=receipt.quantity)
    made = [
        UnitSerial.objects.create(lot_id=receipt.lot_id, receipt=receipt, number=number, recorded_by=actor)
        for number in wanted
    ]
    if made:
        audit.record(
            actor=actor, verb="lot.serials_recorded", subject_kind="lot", subject_id=receipt.lot_id,
            facts={"receipt": str(receipt.pk), "serials": [row.number for row in made]},
        )  # fmt: skip
    return made


def take_back(receipt: Receipt, *, reason: str, actor: User) -> None:
    """Those of a receipt that is reversed, for who reverses it; their history stays."""
    _remove(list(UnitSerial.objects.filter(receipt=receipt)), reason=reason, actor=actor)


@transaction.atomic
def remove(*, serial_id: UUID, reason: str, actor: User) -> None:
    """A misread number; its history stays. Raises NotFound, NotPermitted, BadInput naming `reason`."""
    row = UnitSerial.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=serial_id).first()
    if row is None:
        raise NotFound(_("There is no such serial number."), field="serial")
    check_can(actor, Permission.DATES_WRITE, site_id=row.lot.schedule_line.site_id)
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    _remove([row], reason=reason, actor=actor)


def _remove(rows: Sequence[UnitSerial], *, reason: str, actor: User) -> None:
    why = reason.strip()[:_LONGEST_REASON]
    with pghistory.context(reason=why):
        for row in rows:
            audit.record(
                actor=actor, verb="lot.serial_removed", subject_kind="lot", subject_id=row.lot_id,
                reason=why, facts={"serial": row.number},
            )  # fmt: skip
            row.delete()
