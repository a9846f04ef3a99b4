"""Putting lots together again that a file has split, where the file is taken back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from procurement.models import Allocation, DeliveryLot, Receipt, ShipmentNotice
from procurement.services import lots
from sites.accounts import audit
from sites.accounts.models import User
from sites.models import Milestone, Promise


@dataclass(frozen=True, slots=True)
class Together:
    """`touched` are the lots that changed; `left` says, by lot that stays apart, why."""

    touched: tuple[DeliveryLot, ...]
    left: Mapping[UUID, str]


def put_together(lot_ids: Collection[UUID], *, reason: str, force: bool, actor: User, now: datetime) -> Together:
    """Give the units of these lots back to the lots they came from, with what they are meant for.

    For a caller that holds the locks of the orders and recalculates afterwards. A lot keeps its chain and ledger and
    holds nothing from then on. One that has come to live on its own stays, unless `force`; one of which something was
    shipped or received stays in any case.
    """
    # The youngest first: a part of a part goes back to the part.
    found = DeliveryLot.objects.filter(pk__in=lot_ids, copied_from__isnull=False, quantity__gt=0).order_by("-pk")
    touched: dict[UUID, DeliveryLot] = {}
    left: dict[UUID, str] = {}
    for lot in found.select_related("schedule_line__site", "chain"):
        assert lot.copied_from_id is not None  # filtered
        whole = touched.get(lot.copied_from_id) or DeliveryLot.objects.select_related("schedule_line__site").get(
            pk=lot.copied_from_id
        )
        lot = touched.get(lot.pk, lot)
        why = _moved_by_now(lot) or (None if force else _lives_on_its_own(lot, whole))
        if why:
            left[lot.pk] = why
            continue
        _give_back(lot, whole, reason=reason, now=now)
        audit.record(
            actor=actor,
            verb="lot.put_together",
            subject_kind="lot",
            subject_id=whole.pk,
            reason=reason,
            facts={"lot": str(lot.pk)},
        )
        touched |= {lot.pk: lot, whole.pk: whole}
    return Together(tuple(touched.values()), left)


def _moved_by_now(lot: DeliveryLot) -> str | None:
    stands = Q(lot=lot, reverses__isnull=True, reversed_by__isnull=True)
    if ShipmentNotice.objects.filter(stands).exists() or Receipt.objects.filter(stands).exists():
        return _("The lot that it split off was shipped or received since.")
    return None


def _lives_on_its_own(lot: DeliveryLot, whole: DeliveryLot) -> str | None:
    if lot.split_off.filter(quantity__gt=0).exists():
        return _("The lot that it split off was split again since.")
    said = Promise.objects.filter(milestone__chain=lot.chain_id, copied_from__isnull=True, retraction__isnull=True)
    if said.exists() or _happened(lot) != _happened(whole):
        return _("Something was said of the lot that it split off since.")
    return None


def _happened(lot: DeliveryLot) -> dict[str, tuple[date | None, date | None]]:
    rows = Milestone.objects.filter(chain=lot.chain_id)
    return {code: (actual_on, locked_on) for code, actual_on, locked_on in rows.values_list(
        "code", "actual_on", "locked_on"
    )}  # fmt: skip


def _give_back(lot: DeliveryLot, whole: DeliveryLot, *, reason: str, now: datetime) -> None:
    because = (_("Lot put together again: %(reason)s") % {"reason": reason})[:300]
    meant: dict[UUID, Decimal] = {}
    live = Allocation.objects.select_for_update(of=("self",)).filter(ended_at__isnull=True)
    for each in live.filter(lot=lot):
        meant[each.requirement_id] = each.quantity
        lots.end_locked(each, reason=because, now=now)
    for each in live.filter(lot=whole, requirement__in=meant):
        meant[each.requirement_id] += each.quantity
        lots.end_locked(each, reason=because, now=now)
    whole.quantity += lot.quantity
    lot.quantity = Decimal(0)
    whole.save(update_fields=["quantity"])
    lot.save(update_fields=["quantity"])
    for requirement_id, quantity in meant.items():
        Allocation.objects.create(lot=whole, requirement_id=requirement_id, quantity=quantity, reason=because)
