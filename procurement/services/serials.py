"""Serial numbers of units: written from the plate when they come, taken back where one was misread."""

from collections.abc import Sequence
from uuid import UUID

import pghistory
from django.db import transaction
from django.utils.translation import gettext as _

from procurement.models import UnitSerial
from procurement.services import lots
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, NotFound
from sites.domain.text import check_text
from sites.services.access import check_can

_LONGEST = 120


@transaction.atomic
def record(*, lot_id: UUID, numbers: Sequence[str], actor: User) -> list[UnitSerial]:
    """Those of a lot that were not written before; never more than it has units.

    Raises NotFound, NotPermitted, BadInput naming `serials`.
    """
    lot = lots.lock_lot(lot_id, actor)
    check_can(actor, Permission.DATES_WRITE, site_id=lot.schedule_line.site_id)
    wanted = list(dict.fromkeys(" ".join(number.split()) for number in numbers if number.strip()))
    for number in wanted:
        check_text(number, "serials", longest=_LONGEST)
    known = {each.upper() for each in lot.serials.values_list("number", flat=True)}
    fresh = {number.upper(): number for number in wanted if number.upper() not in known}
    if len(known) + len(fresh) > lot.quantity:
        raise BadInput(
            _("The lot has %(quantity)s units and would have %(serials)d serial numbers.")
            % {"quantity": f"{lot.quantity.normalize():f}", "serials": len(known) + len(fresh)},
            field="serials",
        )
    made = [UnitSerial.objects.create(lot=lot, number=number, recorded_by=actor) for number in fresh.values()]
    if made:
        audit.record(
            actor=actor, verb="lot.serials_recorded", subject_kind="lot", subject_id=lot.pk,
            facts={"serials": [row.number for row in made]},
        )  # fmt: skip
    return made


@transaction.atomic
def remove(*, serial_id: UUID, reason: str, actor: User) -> None:
    """A misread number; its history stays. Raises NotFound, NotPermitted, BadInput naming `reason`."""
    row = UnitSerial.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=serial_id).first()
    if row is None:
        raise NotFound(_("There is no such serial number."), field="serial")
    check_can(actor, Permission.DATES_WRITE, site_id=row.lot.schedule_line.site_id)
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    with pghistory.context(reason=reason.strip()[:300]):
        audit.record(
            actor=actor, verb="lot.serial_removed", subject_kind="lot", subject_id=row.lot_id,
            reason=reason.strip()[:300], facts={"serial": row.number},
        )  # fmt: skip
        row.delete()
