"""The library of lead times: what somebody stated, what completed lines achieved, and what stands in for a class."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from procurement.domain.fallbacks import line_of
from procurement.models import ChainStep, Company, DeliveryLot, EquipmentClass, LeadTimeObservation, Plant
from procurement.services.copying import save_each
from procurement.vocabulary import LeadTimeKind
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import EARLIEST_YEAR, LATEST_YEAR
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.models import Milestone
from sites.services.access import check_can

_ROWS_AT_ONCE: Final = 1000
MOST_WEEKS: Final = Decimal(520)
_TENTH: Final = Decimal("0.1")
# What a completed line achieved: from its order to ready to ship, and to the site.
_ORDERED: Final = "PO_ISSUED"
_ACHIEVED_TO: Final = ("RTS", "ON_SITE")
_TAKEN_BACK: Final = "The actual date was taken back."
# The library is read by people who may not see the order, so an achieved lead time names none.
_COMPLETED: Final = "Completed line"


@dataclass(frozen=True, slots=True)
class Stated:
    """What somebody said of a lead time. Weeks are calendar weeks; `basis_from` and `basis_to` milestone codes."""

    kind: LeadTimeKind
    low_weeks: Decimal
    high_weeks: Decimal
    basis_from: str
    basis_to: str
    as_of: date | None
    source: str
    sub_class: str = ""
    rating_band: str = ""
    region: str = ""
    valid_until: date | None = None
    document: str = ""
    company: Company | None = None
    plant: Plant | None = None


@transaction.atomic
def add(*, equipment_class: EquipmentClass, stated: Stated, actor: User) -> LeadTimeObservation:
    """Record an observation. Raises NotPermitted, and BadInput naming the field; an achieved one is never typed."""
    check_can(actor, Permission.LEAD_TIME_WRITE, site_id=None)
    row = observed(equipment_class, stated, steps_of([equipment_class])[equipment_class.pk], actor=actor)
    row.save()
    audit.record(actor=actor, verb="lead_time.added", subject_kind="lead_time", subject_id=row.pk)
    return row


def add_each(rows: Sequence[LeadTimeObservation], *, actor: User) -> None:
    """Record what `observed` made. Raises NotPermitted."""
    check_can(actor, Permission.LEAD_TIME_WRITE, site_id=None)
    LeadTimeObservation.objects.bulk_create(rows, batch_size=_ROWS_AT_ONCE)
    said = [audit.Said(str(row.pk), {}) for row in rows]
    audit.record_each(said, actor=actor, verb="lead_time.added", subject_kind="lead_time")


def steps_of(classes: Collection[EquipmentClass]) -> Mapping[UUID, Sequence[str]]:
    """By the key of a class the codes of its chain, in order. One query."""
    codes: dict[UUID, list[str]] = defaultdict(list)
    for step in ChainStep.objects.filter(template__in={each.template_id for each in classes}).order_by("sequence"):
        codes[step.template_id].append(step.code)
    return {each.pk: codes[each.template_id] for each in classes}


def observed(
    equipment_class: EquipmentClass, stated: Stated, steps: Sequence[str], *, actor: User
) -> LeadTimeObservation:
    """The observation, not stored; `steps` are the codes of the chain of its class. Raises BadInput naming the field;
    an achieved one is never typed.
    """
    as_of = _check(stated, steps)
    return LeadTimeObservation(
        equipment_class=equipment_class,
        kind=stated.kind,
        low_weeks=stated.low_weeks,
        high_weeks=stated.high_weeks,
        basis_from=stated.basis_from,
        basis_to=stated.basis_to,
        as_of=as_of,
        source=stated.source.strip(),
        sub_class=stated.sub_class.strip(),
        rating_band=stated.rating_band.strip(),
        region=stated.region.strip(),
        valid_until=stated.valid_until,
        document=stated.document.strip(),
        company=stated.company,
        plant=stated.plant,
        recorded_by=actor,
    )


def _check(stated: Stated, steps: Sequence[str]) -> date:
    """The day as of which it was said."""
    if stated.kind is LeadTimeKind.ACHIEVED:
        raise BadInput(_("What was achieved comes from completed lines by itself."), field="kind")
    for name in ("low_weeks", "high_weeks"):
        _check_weeks(getattr(stated, name), name)
    if stated.low_weeks > stated.high_weeks:
        raise BadInput(_("The low end is above the high end."), field="low_weeks")
    _check_basis(stated, steps)
    if stated.as_of is None:
        raise BadInput(_("A lead time says as of when."), field="as_of")
    for name, day in (("as_of", stated.as_of), ("valid_until", stated.valid_until)):
        if day is not None and not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
            raise BadInput(_("This is no plausible date."), field=name)
    if stated.valid_until is not None and stated.valid_until < stated.as_of:
        raise BadInput(_("A lead time is valid from the day it was stated on."), field="valid_until")
    if not stated.source.strip():
        raise BadInput(_("A lead time says by whom."), field="source")
    if stated.plant is not None and stated.company is not None and stated.plant.company_id != stated.company.pk:
        raise BadInput(_("The plant is another company's."), field="plant")
    return stated.as_of


def _check_basis(stated: Stated, codes: Sequence[str]) -> None:
    for name in ("basis_from", "basis_to"):
        code = getattr(stated, name)
        if not code:
            raise BadInput(_("A lead time says from what to what."), field=name)
        if code not in codes:
            raise BadInput(_("The chain of this class has no such step."), field=name)
    if codes.index(stated.basis_from) >= codes.index(stated.basis_to):
        raise BadInput(_("A lead time ends after the step it starts from."), field="basis_to")


def _check_weeks(weeks: Decimal, field: str) -> None:
    if not weeks.is_finite() or not 0 <= weeks <= MOST_WEEKS:
        raise BadInput(_("A lead time is 0 to %(most)s weeks.") % {"most": MOST_WEEKS}, field=field)
    if weeks != weeks.quantize(_TENTH):
        raise BadInput(_("Weeks have one decimal place at most."), field=field)


@transaction.atomic
def retire(*, observation_id: UUID, reason: str, actor: User, now: datetime) -> LeadTimeObservation:
    """Take an observation out of the choice; whoever plans with it keeps it. Raises NotFound, NotPermitted, Conflict,
    and BadInput naming `reason`.
    """
    check_can(actor, Permission.LEAD_TIME_WRITE, site_id=None)
    row = LeadTimeObservation.objects.select_for_update(of=("self",)).filter(pk=observation_id).first()
    if row is None:
        raise NotFound(_("There is no such lead time."), field="observation")
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    if row.retired_at is not None:
        raise Conflict(_("It is retired already."))
    _retire([row], reason.strip(), actor, now)
    return row


def retire_each(rows: Sequence[LeadTimeObservation], *, reason: str, actor: User, now: datetime) -> None:
    """Take locked observations out of the choice; those that are out stay as they are. Raises NotPermitted."""
    check_can(actor, Permission.LEAD_TIME_WRITE, site_id=None)
    _retire([row for row in rows if row.retired_at is None], reason.strip(), actor, now)


def _retire(rows: Sequence[LeadTimeObservation], reason: str, actor: User, now: datetime) -> None:
    for row in rows:
        row.retired_at, row.retire_reason = now, reason[:300]
    save_each(rows, ["retired_at", "retire_reason"])
    said = [audit.Said(str(row.pk), {}) for row in rows]
    audit.record_each(said, actor=actor, verb="lead_time.retired", subject_kind="lead_time", reason=reason)


@transaction.atomic
def set_fallback(*, equipment_class: EquipmentClass, fallback: EquipmentClass | None, actor: User) -> None:
    """Let another class stand in where this one has too little history. Raises NotPermitted, BadInput naming
    `fallback`.
    """
    check_can(actor, Permission.LEAD_TIME_WRITE, site_id=None)
    # Two changes at once could close a circle that neither sees.
    fallbacks = dict(EquipmentClass.objects.select_for_update().order_by("pk").values_list("pk", "fallback_id"))
    line_of(equipment_class.pk, {**fallbacks, equipment_class.pk: fallback.pk if fallback else None})
    equipment_class.fallback = fallback
    equipment_class.save(update_fields=["fallback"])
    audit.record(
        actor=actor,
        verb="class.fallback_set",
        subject_kind="equipment_class",
        subject_id=equipment_class.pk,
        facts={"fallback": fallback.code if fallback else None},
    )


# -- what was achieved -----------------------------------------------------------------------------------------------


@transaction.atomic
def derive_achieved(*, now: datetime, lots: Collection[UUID] | None = None) -> int:
    """Write what completed lots achieved, from their own actuals; how many rows were written or mended.

    None: every completed lot that has none yet. Doing it again writes nothing; a corrected actual mends the row, and
    one that is taken back retires it.
    """
    chosen = _completed() if lots is None else DeliveryLot.objects.filter(pk__in=lots)
    rows = {
        lot.pk: lot
        for lot in chosen.select_related("schedule_line__line__order__seller", "schedule_line__line__plant__company")
    }
    actuals: dict[UUID, dict[str, date]] = defaultdict(dict)
    for lot_id, code, on in Milestone.objects.filter(
        chain__lot__in=rows.keys(), code__in=(_ORDERED, *_ACHIEVED_TO), actual_on__isnull=False, applicable=True
    ).values_list("chain__lot", "code", "actual_on"):
        if on is not None:
            actuals[lot_id][code] = on
    stored = {
        (row.lot_id, row.basis_to): row
        for row in LeadTimeObservation.objects.filter(lot__in=rows.keys(), basis_from=_ORDERED)
    }
    changed = 0
    new: list[LeadTimeObservation] = []
    for key, lot in rows.items():
        for code in _ACHIEVED_TO:
            weeks, done_on = _achieved(actuals[key], code)
            known = stored.get((key, code))
            if known is None and weeks is not None and done_on is not None:
                new.append(_observation(lot, code, weeks, done_on))
            elif known is not None:
                changed += _mend(known, weeks, done_on, now)
    # Whoever comes second finds the row there: one lot achieves a span once.
    LeadTimeObservation.objects.bulk_create(new, ignore_conflicts=True)
    return changed + len(new)


def _completed() -> QuerySet[DeliveryLot]:
    """Lots on site without an achieved observation."""
    done = Milestone.objects.filter(chain__lot=OuterRef("pk"), code="ON_SITE", actual_on__isnull=False)
    known = LeadTimeObservation.objects.filter(lot=OuterRef("pk"))
    return DeliveryLot.objects.filter(Exists(done), ~Exists(known), quantity__gt=0)


def _achieved(actuals: Mapping[str, date], code: str) -> tuple[Decimal | None, date | None]:
    """Weeks with one decimal place, rounded up; only of what is complete: on site."""
    ordered_on, done_on = actuals.get(_ORDERED), actuals.get(code)
    if ordered_on is None or done_on is None or "ON_SITE" not in actuals or done_on < ordered_on:
        return None, None
    weeks = (Decimal((done_on - ordered_on).days) / 7).quantize(_TENTH, ROUND_CEILING)
    return (weeks, done_on) if weeks <= MOST_WEEKS else (None, None)


def _observation(lot: DeliveryLot, code: str, weeks: Decimal, done_on: date) -> LeadTimeObservation:
    line = lot.schedule_line.line
    return LeadTimeObservation(
        equipment_class_id=line.equipment_class_id,
        company=line.plant.company if line.plant else line.order.seller,
        plant=line.plant,
        kind=LeadTimeKind.ACHIEVED,
        low_weeks=weeks,
        high_weeks=weeks,
        basis_from=_ORDERED,
        basis_to=code,
        as_of=done_on,
        source=_COMPLETED,
        document="",
        lot=lot,
    )


def _mend(row: LeadTimeObservation, weeks: Decimal | None, done_on: date | None, now: datetime) -> int:
    """How many rows were changed. What a person retired stays so."""
    if weeks is None or done_on is None:
        if row.retired_at is not None:
            return 0
        row.retired_at, row.retire_reason = now, _TAKEN_BACK
        row.save()
        return 1
    was_taken_back = row.retire_reason == _TAKEN_BACK
    if (row.low_weeks, row.as_of) == (weeks, done_on) and not was_taken_back:
        return 0
    row.low_weeks = row.high_weeks = weeks
    row.as_of = done_on
    if was_taken_back:
        row.retired_at, row.retire_reason = None, ""
    row.save()
    return 1
