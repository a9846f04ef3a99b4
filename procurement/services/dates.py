"""The one way a date of an order is written: promises, actuals and locks, from a form, the API or a file."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from procurement.domain.attribution import party_of_step
from procurement.domain.lots import LotState, spoken_for
from procurement.domain.revision import DateRevision
from procurement.gateways import wake
from procurement.models import DeliveryLot, PurchaseOrder, ScheduleLine
from procurement.services import forecasts, lead_times, lots
from procurement.services.forecasts import Moved, Touched, local_date
from procurement.vocabulary import LineStatus, RevisionKind, RunCause
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import new_id
from sites.domain.answerable import answers_for
from sites.domain.errors import BadInput, NotFound
from sites.domain.imprecise import ImpreciseDate
from sites.models import Milestone, Promise, PromiseRetraction, Site
from sites.queries.chains import UNPLACED, working_calendars
from sites.services import chains
from sites.services.access import check_can
from sites.vocabulary import Party, Precision, PromiseSource

_NEEDS = {
    RevisionKind.PROMISE: Permission.DATES_WRITE,
    RevisionKind.ACTUAL: Permission.DATES_WRITE,
    RevisionKind.LOCK: Permission.LOCK_WRITE,
    RevisionKind.RELEASE: Permission.LOCK_WRITE,
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """`promise_ids` in the order of writing; `moved` is what the forecasts show before and after."""

    order: PurchaseOrder
    statement_id: UUID
    promise_ids: tuple[UUID, ...]
    lot_ids: tuple[UUID, ...]
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class _Meant:
    """One revision on one lot. A lot of a line without a site has none and is not calculated. `owner` has the step."""

    revision: DateRevision
    lot: DeliveryLot
    milestone: Milestone
    site: Site | None
    owner: Party


@dataclass(frozen=True, slots=True)
class Statement:
    """What was said about one order on one day. `document` names where it stands."""

    order_id: UUID
    revisions: Sequence[DateRevision]
    stated_on: date
    source: PromiseSource
    document: str


@transaction.atomic
def record(
    *,
    order_id: UUID,
    revisions: Sequence[DateRevision],
    stated_on: date,
    source: PromiseSource,
    document: str,
    actor: User,
    now: datetime,
    request_id: str = "",
    calculate: bool = True,
) -> Recorded:
    """Write one statement about an order, recalculate what it touches, and look at the alerts.

    Promises are written in chain order, each conditional on the step before as this statement leaves it. Without
    `calculate` the caller does that, for all it writes at once.
    Raises NotFound, NotPermitted, and BadInput naming the field of the revision; then nothing is stored.
    """
    statement = Statement(order_id, revisions, stated_on, source, document)
    order, key, written, meant = _write(statement, actor=actor, now=now, request_id=request_id)
    cause = _cause(order, source, stated_on, document)
    moved = _recalculate(meant, f"statement:{key}", cause, actor, now) if calculate else ()
    order.refresh_from_db()
    return Recorded(order, key, written, _lots_of(meant), moved)


@transaction.atomic
def record_all(
    statements: Sequence[Statement],
    *,
    cause_key: str,
    cause_text: str,
    actor: User,
    now: datetime,
    request_id: str = "",
) -> tuple[Recorded, ...]:
    """Write the statements of one file, in order; one calculation a site at the end, and one cause for whom it moves.

    `moved` of each answer is what the whole file moved. The orders are locked in the order of their keys first.
    Raises what `record` raises; then nothing is stored.
    """
    keys = sorted({statement.order_id for statement in statements})
    list(PurchaseOrder.objects.filter(pk__in=keys).select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    done = [_write(statement, actor=actor, now=now, request_id=request_id) for statement in statements]
    moved = _recalculate([each for *_, meant in done for each in meant], cause_key, cause_text, actor, now)
    return tuple(Recorded(order, key, written, _lots_of(meant), moved) for order, key, written, meant in done)


def _write(
    statement: Statement, *, actor: User, now: datetime, request_id: str
) -> tuple[PurchaseOrder, UUID, tuple[UUID, ...], list[_Meant]]:
    order = (
        PurchaseOrder.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=statement.order_id).first()
    )
    if order is None:
        raise NotFound(_("There is no such order."), field="order")
    if not statement.revisions:
        raise BadInput(_("A statement says at least one date."), field="revisions")
    lines, may = _Lines(order, actor), dict[object, bool]()
    meant = [each for revision in statement.revisions for each in _meant(lines, revision, actor, now, may)]
    _check_days(meant, statement.stated_on, now)
    key = new_id()
    for each in meant:
        if each.revision.kind is not RevisionKind.PROMISE:
            _set(each, actor=actor, now=now, document=statement.document)
    if done := [each.lot.pk for each in meant if each.revision.kind is RevisionKind.ACTUAL]:
        lead_times.derive_achieved(now=now, lots=done)
    written = _write_promises(
        meant,
        chains.Statement(
            key,
            stated_on=statement.stated_on,
            source=statement.source,
            document=statement.document,
            actor=actor,
            now=now,
        ),
    )
    audit.record(
        actor=actor,
        verb="order.dates_recorded",
        subject_kind="order",
        subject_id=order.pk,
        request_id=request_id,
        # A released lock leaves no row of its own: what was said about it is kept here.
        facts={
            "statement": str(key),
            "revisions": len(statement.revisions),
            "document": statement.document,
            "released": [each.note for each in statement.revisions if each.kind is RevisionKind.RELEASE],
        },
    )
    return order, key, written, meant


def _lots_of(meant: Sequence[_Meant]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(each.lot.pk for each in meant))


@transaction.atomic
def retract(*, promise_id: UUID, reason: str, actor: User, now: datetime) -> PromiseRetraction:
    """Take a lot's promise out of the reckoning by a row that says why.

    Raises NotFound, NotPermitted, and BadInput naming `reason` or `promise`.
    """
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    promise = Promise.objects.filter(pk=promise_id).select_related("milestone").first()
    lot = DeliveryLot.objects.visible_to(actor).filter(chain__milestones__promises=promise_id).first()
    if promise is None or lot is None:
        raise NotFound(_("There is no such promise."), field="promise")
    lot = lots.lock_lot(lot.pk, actor)
    site = lot.schedule_line.site
    check_can(actor, Permission.DATES_WRITE, site_id=site.pk if site else None)
    if PromiseRetraction.objects.filter(promise=promise).exists():
        raise BadInput(_("This promise is already retracted."), field="promise")
    retraction = PromiseRetraction.objects.create(promise=promise, reason=reason[:500], retracted_by=actor)
    audit.record(actor=actor, verb="promise.retracted", subject_kind="promise", subject_id=promise.pk, reason=reason)
    if site is not None:
        forecasts.recalculate(
            site_id=site.pk,
            as_of=local_date(site, now),
            now=now,
            cause=RunCause.CHANGE,
            cause_text=_("Promise retracted: %(reason)s") % {"reason": reason},
            cause_key=f"retraction:{retraction.pk}",
            actor=actor,
            touched=Touched(lots=frozenset({lot.pk})),
        )
    wake.after_commit()
    return retraction


def check(statement: Statement, *, actor: User, now: datetime) -> None:
    """Refuse what `record` would refuse, and write nothing. Raises what `record` raises."""
    with transaction.atomic():
        _write(statement, actor=actor, now=now, request_id="")
        transaction.set_rollback(True)


@dataclass(frozen=True, slots=True)
class ActualBefore:
    """What a milestone's actual was before somebody set it to `set_on`; null: none."""

    milestone_id: UUID
    set_on: date
    was_on: date | None
    was_document: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """`left` names, by promise or milestone, why something stays as it is."""

    moved: tuple[Moved, ...]
    left: Mapping[UUID, str]


@transaction.atomic
def take_back(
    *,
    promises: Collection[UUID],
    actuals: Collection[ActualBefore],
    reason: str,
    cause_key: str,
    cause_text: str,
    force: bool,
    actor: User,
    now: datetime,
) -> TakenBack:
    """Retract promises and set actuals back, with one calculation a site. What was changed since is left unless forced.

    Raises NotFound, NotPermitted, and BadInput naming `reason`; then nothing is stored.
    """
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    milestones = {
        row.pk: row
        for row in Milestone.objects.filter(pk__in=[each.milestone_id for each in actuals]).select_related("chain")
    }
    stated = list(
        Promise.objects.filter(pk__in=promises)
        .select_related("milestone", "retraction")
        .annotate(is_replaced=Exists(Promise.objects.filter(supersedes=OuterRef("pk"))))
    )
    chain_ids = {row.chain_id for row in milestones.values()} | {row.milestone.chain_id for row in stated}
    touched = _lock_lots(chain_ids, actor)
    left: dict[UUID, str] = {}
    for promise in stated:
        if hasattr(promise, "retraction"):
            left[promise.pk] = _("It was retracted already.")
        elif promise.is_replaced and not force:
            left[promise.pk] = _("Another statement has replaced it since.")
        else:
            PromiseRetraction.objects.create(promise=promise, reason=reason[:500], retracted_by=actor)
    for before in actuals:
        milestone = milestones[before.milestone_id]
        if milestone.actual_on != before.set_on and not force:
            left[milestone.pk] = _("The actual date was changed since.")
        else:
            chains.restore_actual(milestone, before.was_on, document=before.was_document, actor=actor, now=now)
    if actuals:
        lead_times.derive_achieved(now=now, lots=[lot.pk for lot in touched])
    return TakenBack(_recalculate_lots(touched, cause_key, cause_text, actor, now), left)


def _lock_lots(chain_ids: Collection[UUID], actor: User) -> list[DeliveryLot]:
    """The lots of these chains, their orders locked in the order of their keys. Raises NotFound, NotPermitted."""
    found = list(
        DeliveryLot.objects.visible_to(actor)
        .filter(chain__in=chain_ids)
        .select_related("schedule_line__site", "schedule_line__line")
    )
    if len(found) < len(chain_ids):
        raise NotFound(_("There is no such order."), field="order")
    orders = sorted({lot.schedule_line.line.order_id for lot in found})
    list(PurchaseOrder.objects.filter(pk__in=orders).select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    for site_id in {lot.schedule_line.site_id for lot in found}:
        check_can(actor, Permission.DATES_WRITE, site_id=site_id)
    return found


# -- what a revision means ---------------------------------------------------------------------------------------


class _Lines:
    """The schedule lines of an order that the actor may see, with their lots and milestones: three queries, and again
    after a lot was split.
    """

    def __init__(self, order: PurchaseOrder, actor: User) -> None:
        self._order = order
        self._actor = actor
        # What revisions of this statement that gave a quantity have taken: the next one means other units.
        self._spoken_for: set[tuple[UUID, RevisionKind, str]] = set()
        self._read()

    def _read(self) -> None:
        self._lines: dict[int, list[ScheduleLine]] = defaultdict(list)
        lines = ScheduleLine.objects.visible_to(self._actor).filter(line__order=self._order)
        for line in lines.select_related("line__order", "site").order_by("number"):
            self._lines[line.line.number].append(line)
        self._lots: dict[UUID, list[DeliveryLot]] = defaultdict(list)
        keys = [line.pk for found in self._lines.values() for line in found]
        related = ("chain", "schedule_line__line", "schedule_line__site")
        for lot in DeliveryLot.objects.filter(schedule_line__in=keys).select_related(*related).order_by("number"):
            self._lots[lot.schedule_line_id].append(lot)
        chains = [lot.chain_id for found in self._lots.values() for lot in found]
        self._milestones = {(row.chain_id, row.code): row for row in Milestone.objects.filter(chain__in=chains)}

    def named(self, revision: DateRevision) -> list[ScheduleLine]:
        lines = self._lines.get(revision.line_number, [])
        if not lines:
            raise BadInput(
                _("The order has no line %(number)s.") % {"number": revision.line_number},
                field=_at(revision, "line_number"),
            )
        if revision.schedule_number is not None:
            lines = [line for line in lines if line.number == revision.schedule_number]
            if not lines:
                raise BadInput(
                    _("The line has no schedule line %(number)s.") % {"number": revision.schedule_number},
                    field=_at(revision, "schedule_number"),
                )
        is_open = [LineStatus.CANCELLED not in (line.status, line.line.status) for line in lines]
        found = [line for line, each in zip(lines, is_open, strict=True) if each]
        if not found:
            raise BadInput(_("The line is cancelled."), field=_at(revision, "line_number"))
        return found

    def lots(self, line: ScheduleLine, revision: DateRevision, now: datetime) -> list[DeliveryLot]:
        """The lots a revision speaks for; a quantity that ends inside a lot splits it."""
        named = self._lots[line.pk]
        if revision.lot_number is not None:
            named = [lot for lot in named if lot.number == revision.lot_number]
            if not named:
                raise BadInput(
                    _("The schedule line has no lot %(number)s.") % {"number": revision.lot_number},
                    field=_at(revision, "lot_number"),
                )
        if revision.quantity is None and (revision.lot_number is not None or len(named) == 1):
            return named
        what = (revision.kind, revision.milestone or line.contract_step)
        left = [lot for lot in named if (lot.pk, *what) not in self._spoken_for]
        chosen = self._shared(left, revision, now)
        if revision.quantity is not None:
            self._spoken_for |= {(lot.pk, *what) for lot in chosen}
        return chosen

    def _shared(self, named: Sequence[DeliveryLot], revision: DateRevision, now: datetime) -> list[DeliveryLot]:
        by_key = {lot.pk: lot for lot in named}
        states = [LotState(lot.pk, lot.quantity, is_open=not self._has_arrived(lot)) for lot in named]
        try:
            shares = spoken_for(states, revision.quantity)
        except BadInput as refusal:
            raise BadInput(refusal.message, field=_at(revision, "quantity")) from None
        if not shares:
            raise BadInput(_("Every lot of this line is already on site."), field=_at(revision, "line_number"))
        because = revision.note or _("A partial %(kind)s") % {"kind": revision.kind.label.lower()}
        chosen: list[UUID] = []
        is_split = False
        for share in shares:
            lot = by_key[share.lot]
            if share.split_off is None:
                chosen.append(lot.pk)
                continue
            try:
                chosen.append(lots.split_locked(lot, share.split_off, reason=because, now=now).pk)
            except BadInput as refusal:
                raise BadInput(refusal.message, field=_at(revision, "quantity")) from None
            is_split = True
        if is_split:
            self._read()
        known = {lot.pk: lot for found in self._lots.values() for lot in found}
        return [known[key] for key in chosen]

    def _has_arrived(self, lot: DeliveryLot) -> bool:
        milestone = self._milestones.get((lot.chain_id, "ON_SITE"))
        return milestone is not None and milestone.actual_on is not None

    def milestone(self, lot: DeliveryLot, line: ScheduleLine, revision: DateRevision) -> Milestone:
        code = revision.milestone or line.contract_step
        milestone = self._milestones.get((lot.chain_id, code))
        if milestone is None or not milestone.applicable:
            raise BadInput(_("The lot has no milestone %(code)s.") % {"code": code}, field=_at(revision, "milestone"))
        return milestone


def _meant(lines: _Lines, revision: DateRevision, actor: User, now: datetime, may: dict[object, bool]) -> list[_Meant]:
    _check_shape(revision)
    found: list[_Meant] = []
    needs = _NEEDS[revision.kind]
    for line in lines.named(revision):
        if (needs, line.site_id) not in may:
            check_can(actor, needs, site_id=line.site_id)
            may[needs, line.site_id] = True
        for lot in lines.lots(line, revision, now):
            milestone = lines.milestone(lot, line, revision)
            owner = party_of_step(milestone.code, Party(milestone.responsible), line.line.order.incoterm)
            found.append(_Meant(revision, lot, milestone, line.site, owner))
    return found


def _check_shape(revision: DateRevision) -> None:
    said = revision.said
    if revision.kind is RevisionKind.RELEASE:
        if said is not None:
            raise BadInput(_("A released lock has no date."), field=_at(revision, "date"))
        return
    if said is None:
        raise BadInput(_("Give a date."), field=_at(revision, "date"))
    if revision.kind is not RevisionKind.PROMISE and said.precision is not Precision.DAY:
        raise BadInput(_("Only a promise may be imprecise; give a day."), field=_at(revision, "date"))
    if revision.kind is RevisionKind.LOCK and not revision.note.strip():
        raise BadInput(_("Say why the date is pinned."), field=_at(revision, "note"))


def _check_days(meant: Sequence[_Meant], stated_on: date, now: datetime) -> None:
    for each in meant:
        today = local_date(each.site, now) if each.site else now.date()
        if stated_on > today + timedelta(days=1):
            raise BadInput(_("Nothing can be stated in the future."), field="stated_on")
        said = each.revision.said
        happened_on = said.counts_on if said and each.revision.kind is RevisionKind.ACTUAL else None
        if happened_on is not None and happened_on > today + timedelta(days=1):
            raise BadInput(_("An actual date cannot lie in the future."), field=_at(each.revision, "date"))


# -- writing -----------------------------------------------------------------------------------------------------


def _set(each: _Meant, *, actor: User, now: datetime, document: str) -> None:
    revision = each.revision
    if revision.kind is RevisionKind.RELEASE:
        chains.release_lock(each.milestone, field=_at(revision, "milestone"))
        return
    on = _said(revision).counts_on
    assert on is not None  # _check_shape takes only whole days here
    if revision.kind is RevisionKind.ACTUAL:
        chains.set_actual(each.milestone, on, document=document, actor=actor, now=now)
    else:
        chains.set_lock(each.milestone, on, reason=revision.note, actor=actor, now=now)


def _write_promises(meant: Sequence[_Meant], statement: chains.Statement) -> tuple[UUID, ...]:
    by_lot: dict[UUID, list[_Meant]] = defaultdict(list)
    for each in meant:
        if each.revision.kind is RevisionKind.PROMISE:
            by_lot[each.lot.pk].append(each)
    if not by_lot:
        return ()
    calendars = working_calendars()
    made = chains.state_all(
        [
            chains.ChainStatement(
                group[0].lot.chain,
                [
                    chains.StatedPromise(
                        milestone=each.milestone,
                        said=_said(each.revision),
                        conditional_on=each.revision.conditional_on,
                        quantity=each.revision.quantity,
                        reason_code=each.revision.reason_code,
                        responsible=each.revision.responsible or answers_for(each.revision.reason_code, each.owner),
                        note=each.revision.note,
                        field=_at(each.revision, "date"),
                    )
                    for each in group
                ],
                calendars[group[0].site.calendar_id] if group[0].site else UNPLACED,
            )
            for group in by_lot.values()
        ],
        statement,
        calendars=calendars,
    )
    return tuple(row.pk for row in made)


def _recalculate(
    meant: Sequence[_Meant], cause_key: str, cause_text: str, actor: User, now: datetime
) -> tuple[Moved, ...]:
    return _recalculate_lots([each.lot for each in meant], cause_key, cause_text, actor, now)


def _recalculate_lots(
    touched_lots: Sequence[DeliveryLot], cause_key: str, cause_text: str, actor: User, now: datetime
) -> tuple[Moved, ...]:
    by_site: dict[UUID, tuple[Site, set[UUID]]] = {}
    for lot in touched_lots:
        site = lot.schedule_line.site
        if site is not None:
            touched = by_site.setdefault(site.pk, (site, set()))[1]
            touched.add(lot.pk)
            if lot.copied_from_id:
                touched.add(lot.copied_from_id)
    moved: list[Moved] = []
    for site, touched in (by_site[key] for key in sorted(by_site)):
        moved += forecasts.recalculate(
            site_id=site.pk,
            as_of=local_date(site, now),
            now=now,
            cause=RunCause.CHANGE,
            cause_text=cause_text,
            cause_key=cause_key,
            actor=actor,
            touched=Touched(lots=frozenset(touched)),
        ).moved
    wake.after_commit()
    return tuple(moved)


def _cause(order: PurchaseOrder, source: PromiseSource, stated_on: date, document: str) -> str:
    said = _("%(seller)s by %(source)s of %(day)s") % {
        "seller": order.seller.name,
        "source": source.label.lower() if source is not PromiseSource.ERP else source.label,
        "day": stated_on.isoformat(),
    }
    return f"{said}: {document}" if document else said


def _said(revision: DateRevision) -> ImpreciseDate:
    assert revision.said is not None  # _check_shape has refused it
    return revision.said


def _at(revision: DateRevision, name: str) -> str:
    return f"{revision.field}/{name}" if revision.field else name
