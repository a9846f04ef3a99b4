"""Delivery lots: splitting them, and saying which requirement each is for."""

from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Model, Sum
from django.utils.translation import gettext as _

from procurement.domain import lots as rules
from procurement.domain.order_document import check_counted
from procurement.gateways import wake
from procurement.models import Allocation, DeliveryLot, PurchaseOrder, Requirement
from procurement.services import forecasts
from procurement.services.forecasts import Touched, local_date
from procurement.services.single import hold_site
from procurement.vocabulary import RunCause
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import new_id
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.models import Baseline, Chain, Milestone, MilestoneRound, Promise, PromiseRetraction
from sites.services.access import check_can


@transaction.atomic
def split(*, lot_id: UUID, quantity: Decimal, reason: str, actor: User, now: datetime) -> DeliveryLot:
    """Take `quantity` units out of a lot into a new one, which copies chain and ledger to this day.

    The requirements that need their units first stay with the old lot. Raises NotFound, NotPermitted, BadInput
    naming `quantity`, Conflict where the lot is already on site.
    """
    lot = lock_lot(lot_id, actor)
    site = lot.schedule_line.site
    check_can(actor, Permission.DATES_WRITE, site_id=site.pk if site else None)
    new = split_locked(lot, quantity, reason=reason, now=now)
    audit.record(
        actor=actor,
        verb="lot.split",
        subject_kind="lot",
        subject_id=lot.pk,
        reason=reason,
        facts={"quantity": str(quantity), "new_lot": str(new.pk)},
    )
    if site is not None:
        forecasts.recalculate(
            site_id=site.pk,
            as_of=local_date(site, now),
            now=now,
            cause=RunCause.CHANGE,
            cause_text=_("Lot split: %(reason)s") % {"reason": reason},
            cause_key=f"split:{new.pk}",
            actor=actor,
            touched=Touched(lots=frozenset({lot.pk, new.pk})),
        )
    wake.after_commit()
    return new


def lock_lot(lot_id: UUID, actor: User) -> DeliveryLot:
    """The lot, with its order locked: the order is the aggregate that every writer queues at. Raises NotFound."""
    found = DeliveryLot.objects.visible_to(actor).filter(pk=lot_id)
    row = found.values_list("schedule_line__line__order_id", flat=True).first()
    if row is None:
        raise NotFound(_("There is no such lot."), field="lot")
    PurchaseOrder.objects.select_for_update(of=("self",)).get(pk=row)
    return found.select_related("schedule_line__line__order", "schedule_line__site", "chain").get()


def split_locked(lot: DeliveryLot, quantity: Decimal, *, reason: str, now: datetime) -> DeliveryLot:
    """As `split`, for a caller that holds the order's lock, checks rights and recalculates afterwards."""
    check_counted(quantity, lot.schedule_line.line.unit)
    parts = rules.split(lot.quantity, quantity)
    if lot.chain.milestones.filter(code=lot.chain.anchor_code, actual_on__isnull=False).exists():
        raise Conflict(_("This lot is already on site."), field="quantity")
    highest = lot.schedule_line.lots.aggregate(top=Max("number"))["top"] or 0
    new = DeliveryLot.objects.create(
        schedule_line=lot.schedule_line,
        number=highest + 1,
        quantity=parts.split_off,
        chain=_copy_chain(lot.chain),
        copied_from=lot,
    )
    _share_allocations(lot, new, kept=parts.kept, reason=reason, now=now)
    lot.quantity = parts.kept
    lot.save(update_fields=["quantity"])
    return new


def _share_allocations(lot: DeliveryLot, new: DeliveryLot, *, kept: Decimal, reason: str, now: datetime) -> None:
    live = list(
        Allocation.objects.select_for_update(of=("self",))
        .filter(lot=lot, ended_at__isnull=True)
        .select_related("requirement")
    )
    live.sort(key=lambda each: (each.requirement.required_on_site or date.max, each.requirement.tag))
    because = (_("Lot split: %(reason)s") % {"reason": reason})[:300]
    room = kept
    for each in live:
        stays = min(each.quantity, room)
        room -= stays
        if stays == each.quantity:
            continue
        end_locked(each, reason=because, now=now)
        for target, part in ((lot, stays), (new, each.quantity - stays)):
            if part:
                Allocation.objects.create(lot=target, requirement=each.requirement, quantity=part, reason=because)


def end_locked(allocation: Allocation, *, reason: str, now: datetime) -> None:
    """End a live allocation, for a caller that holds the order's lock and recalculates afterwards."""
    allocation.ended_at = now
    allocation.end_reason = reason[:300]
    allocation.save(update_fields=["ended_at", "end_reason"])


@transaction.atomic
def allocate(
    *, lot_id: UUID, requirement_id: UUID, quantity: Decimal, reason: str, actor: User, now: datetime
) -> Allocation:
    """Mean units of a lot for a requirement of the same site and class.

    Raises NotFound, NotPermitted, and BadInput naming `quantity` or `requirement`.
    """
    lot = lock_lot(lot_id, actor)
    if lot.schedule_line.site_id is not None:
        hold_site(lot.schedule_line.site_id)
    requirement = (
        Requirement.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=requirement_id).first()
    )
    if requirement is None or requirement.cancelled_at is not None:
        raise NotFound(_("There is no such requirement."), field="requirement")
    if requirement.site_id != lot.schedule_line.site_id:
        raise BadInput(_("The lot goes to another site than the requirement is at."), field="requirement")
    if requirement.equipment_class_id != lot.schedule_line.line.equipment_class_id:
        raise BadInput(_("The lot is of another class than the requirement."), field="requirement")
    check_can(actor, Permission.REQUIREMENT_WRITE, site_id=requirement.site_id)
    if not quantity.is_finite() or quantity <= 0:
        raise BadInput(_("A quantity is above zero."), field="quantity")
    for of, whole in ((lot.allocations, lot.quantity), (requirement.allocations, requirement.quantity)):
        free = whole - (of.filter(ended_at__isnull=True).aggregate(sum=Sum("quantity"))["sum"] or Decimal(0))
        if quantity > free:
            raise BadInput(_("Only %(free)s is free.") % {"free": free.normalize()}, field="quantity")
    made = Allocation.objects.create(lot=lot, requirement=requirement, quantity=quantity, reason=reason[:300])
    audit.record(
        actor=actor,
        verb="lot.allocated",
        subject_kind="lot",
        subject_id=lot.pk,
        reason=reason,
        facts={"requirement": str(requirement.pk), "quantity": str(quantity)},
    )
    _recalculate(
        lot, requirement, cause_text=_("Allocated to %(tag)s") % {"tag": requirement.tag}, actor=actor, now=now
    )
    return made


@transaction.atomic
def end_allocation(*, allocation_id: UUID, reason: str, actor: User, now: datetime) -> Allocation:
    """Release the units of an allocation. Raises NotFound, NotPermitted, Conflict, BadInput naming `reason`."""
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    found = Allocation.objects.filter(pk=allocation_id).select_related("requirement").first()
    if found is None:
        raise NotFound(_("There is no such allocation."), field="allocation")
    lot = lock_lot(found.lot_id, actor)
    allocation = Allocation.objects.select_for_update(of=("self",)).select_related("requirement").get(pk=allocation_id)
    check_can(actor, Permission.REQUIREMENT_WRITE, site_id=allocation.requirement.site_id)
    if allocation.ended_at is not None:
        raise Conflict(_("This allocation has already ended."), field="allocation")
    end_locked(allocation, reason=reason, now=now)
    audit.record(actor=actor, verb="lot.released", subject_kind="lot", subject_id=lot.pk, reason=reason)
    _recalculate(
        lot, allocation.requirement, cause_text=_("Released from %(tag)s") % {"tag": allocation.requirement.tag},
        actor=actor, now=now,
    )  # fmt: skip
    return allocation


def _recalculate(lot: DeliveryLot, requirement: Requirement, *, cause_text: str, actor: User, now: datetime) -> None:
    forecasts.recalculate(
        site_id=requirement.site_id,
        as_of=local_date(requirement.site, now),
        now=now,
        cause=RunCause.CHANGE,
        cause_text=cause_text,
        cause_key=f"allocation:{new_id()}",
        actor=actor,
        touched=Touched(lots=frozenset({lot.pk}), requirements=frozenset({requirement.pk})),
    )
    wake.after_commit()


def _copy_chain(chain: Chain) -> Chain:
    """A chain with the same milestones, rounds, baselines and promises; copies name what they were copied from."""
    copy = Chain.objects.create(kind=chain.kind, site_id=chain.site_id, anchor_code=chain.anchor_code)
    milestones = {old.pk: _twin(old, chain=copy) for old in chain.milestones.order_by("sequence")}
    Milestone.objects.bulk_create(milestones.values())
    rounds = MilestoneRound.objects.filter(milestone__in=milestones.keys())
    MilestoneRound.objects.bulk_create(_twin(each, milestone=milestones[each.milestone_id]) for each in rounds)
    Baseline.objects.bulk_create(_twin(each, chain=copy) for each in chain.baselines.order_by("version"))
    originals = list(Promise.objects.filter(milestone__in=milestones.keys()).order_by("milestone_id", "place"))
    promises = {
        old.pk: _twin(old, milestone=milestones[old.milestone_id], copied_from=old, supersedes=None)
        for old in originals
    }
    for old in originals:
        if old.supersedes_id is not None:
            promises[old.pk].supersedes = promises[old.supersedes_id]
    Promise.objects.bulk_create(promises.values())
    retractions = PromiseRetraction.objects.filter(promise__in=promises.keys())
    PromiseRetraction.objects.bulk_create(_twin(each, promise=promises[each.promise_id]) for each in retractions)
    return copy


Stored = TypeVar("Stored", bound=Model)


def _twin(row: Stored, **changed: object) -> Stored:
    """An unsaved copy of a row with a key of its own."""
    kept = {
        each.attname: getattr(row, each.attname)
        for each in row._meta.concrete_fields
        if each.name not in changed and each.name not in {"id", "created_at"}
    }
    return type(row)(**kept, **changed)
