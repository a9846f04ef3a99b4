"""Setting a value of an order back to not said: no document can say that, only the way back of a file can."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from procurement.models import DeliveryLot, OrderLine, PurchaseOrder, ScheduleLine
from procurement.services import lot_chains
from procurement.services.orders import Later
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.services.access import check_can_at_all

OF_LINE: Final = frozenset({"plant", "unit_price"})
OF_SCHEDULE: Final = frozenset({"contract_on", "site"})
_Key = tuple[int, int]  # line and schedule number


@transaction.atomic
def blank(
    *,
    order_id: UUID,
    lines: Mapping[_Key, Collection[str]],
    issued_on: bool,
    reason: str,
    actor: User,
    now: datetime,
    later: Later,
) -> None:
    """Empty the named fields of these lines and schedule lines, and with `issued_on` the day of issue.

    The first baseline stays: only a change order moves it. Units that leave a site are no longer meant for it. What is
    to be calculated is left to `later`. Raises NotPermitted.
    """
    order = PurchaseOrder.objects.select_for_update(of=("self",)).get(pk=order_id)
    rows = list(
        ScheduleLine.objects.filter(line__order=order).select_related("line", "site").order_by("line__number", "number")
    )
    touched = [row for row in rows if lines.get((row.line.number, row.number))]
    check_can_at_all(actor, Permission.ORDER_WRITE, site_ids={row.site_id for row in (rows if issued_on else touched)})
    if issued_on:
        order.issued_on = None
        order.save(update_fields=["issued_on"])
    for row in touched:
        names = set(lines[row.line.number, row.number])
        lots = list(DeliveryLot.objects.filter(schedule_line=row).select_related("chain"))
        if row.site_id is not None:
            later.lots[row.site_id] |= {lot.pk for lot in lots}
        _blank_line(row.line, names & OF_LINE, lots)
        _blank_schedule(row, names & OF_SCHEDULE, lots, reason, now)


def _blank_line(line: OrderLine, names: Collection[str], lots: Collection[DeliveryLot]) -> None:
    if not names:
        return
    for name in names:
        setattr(line, name, None)
    line.save(update_fields=sorted(names))
    if "plant" in names:
        lot_chains.follow_plant(lots, plant=None, template_id=line.equipment_class.template_id)


def _blank_schedule(
    row: ScheduleLine, names: Collection[str], lots: Collection[DeliveryLot], reason: str, now: datetime
) -> None:
    if not names:
        return
    for name in names:
        setattr(row, name, None)
    row.save(update_fields=sorted(names))
    if "site" in names:
        lot_chains.move_to_site(row, lots, reason=reason, now=now)
