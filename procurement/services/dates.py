"""The one way a date of an order is written: promises, actuals and locks, from a form, the API or a file."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from procurement.domain.revision import DateRevision
from procurement.gateways import wake
from procurement.models import Company, DeliveryLot, OrderLine, PurchaseOrder, ScheduleLine
from procurement.services import forecasts, lead_times, lots, lots_together, progress
from procurement.services.date_meanings import May, Meant, Reading, at, check_day, may_of, readings
from procurement.services.forecasts import Moved, Touched, local_date
from procurement.vocabulary import ProgressStep, RevisionKind, RunCause
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import new_id
from sites.domain.answerable import answers_for
from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput, NotFound
from sites.domain.imprecise import ImpreciseDate
from sites.models import Milestone, Promise, PromiseRetraction, Site
from sites.models.site import within_sql
from sites.queries.among import among, as_array
from sites.queries.chains import UNPLACED, calendars_of_chains
from sites.queries.whole_rows import Whole, whole_rows
from sites.services import chains
from sites.services.access import check_can
from sites.vocabulary import PromiseSource

# Of so many lots of a site at once, all its alerts are read sooner than those of each are named.
_MANY_LOTS: Final = 1000
_CHAINS_AT_ONCE: Final = 2000
# So many orders of a file are read, and held in memory, at once.
_STATEMENTS_AT_ONCE: Final = 200
Piece = TypeVar("Piece")
Calendars = dict[UUID, WorkingCalendar]


@dataclass(frozen=True, slots=True)
class Recorded:
    """`promise_ids` in the order of writing; `split_off` are lots that a quantity made, by the path of its revision;
    `moved` is what the forecasts show before and after.
    """

    order: PurchaseOrder
    statement_id: UUID
    promise_ids: tuple[UUID, ...]
    lot_ids: tuple[UUID, ...]
    split_off: Mapping[UUID, str]
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """What was said about one order on one day. `document` names where it stands."""

    order_id: UUID
    revisions: Sequence[DateRevision]
    stated_on: date
    source: PromiseSource
    document: str


@dataclass(frozen=True, slots=True)
class _Written:
    """What one statement wrote, and the lots that it was about."""

    order: PurchaseOrder
    key: UUID
    lots: Sequence[DeliveryLot]
    promise_ids: tuple[UUID, ...]
    split_off: Mapping[UUID, str]

    def recorded(self, moved: tuple[Moved, ...]) -> Recorded:
        lot_ids = tuple(lot.pk for lot in self.lots)
        return Recorded(self.order, self.key, self.promise_ids, lot_ids, self.split_off, moved)


def about(lot: DeliveryLot, kind: RevisionKind, said: ImpreciseDate, **more: Any) -> DateRevision:
    """What is said of this lot alone; `more` are other fields of the revision."""
    row = lot.schedule_line
    return DateRevision(
        kind=kind, line_number=row.line.number, schedule_number=row.number, lot_number=lot.number, said=said, **more
    )


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
    calendars: Calendars = {}
    (done,) = _write([statement], actor=actor, now=now, request_id=request_id, calendars=calendars)
    cause = _cause(done.order, source, stated_on, document)
    moved = _recalculate(done.lots, f"statement:{done.key}", cause, actor, now, calendars) if calculate else ()
    done.order.version = _version_of(done.order)
    return done.recorded(moved)


def _version_of(order: PurchaseOrder) -> int:
    """As the triggers have left it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT version FROM {PurchaseOrder._meta.db_table} WHERE id = %s", [order.pk])  # noqa: S608
        return int(cursor.fetchall()[0][0])


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
    calendars: Calendars = {}
    done = _write(statements, actor=actor, now=now, request_id=request_id, calendars=calendars)
    moved = _recalculate([lot for one in done for lot in one.lots], cause_key, cause_text, actor, now, calendars)
    return tuple(one.recorded(moved) for one in done)


def _write(
    statements: Sequence[Statement], *, actor: User, now: datetime, request_id: str, calendars: Calendars
) -> list[_Written]:
    """`calendars` takes those that were read for it, for who calculates after it."""
    may = may_of(actor)
    orders = _locked_orders(statements, may)
    done: dict[int, _Written] = {}
    for together in _waves(statements):
        for some in _pieces(together, _STATEMENTS_AT_ONCE):
            progress.tell(ProgressStep.WRITING, len(done), len(statements))
            said = [statements[place] for place in some]
            done |= zip(some, _write_together(said, orders, may, actor, now, calendars), strict=True)
    written = [done[place] for place in range(len(statements))]
    audit.record_each(
        (
            audit.Said(
                str(one.order.pk),
                # A released lock leaves no row of its own: what was said about it is kept here.
                {
                    "statement": str(one.key),
                    "revisions": len(statement.revisions),
                    "document": statement.document,
                    "released": [each.note for each in statement.revisions if each.kind is RevisionKind.RELEASE],
                },
            )
            for one, statement in zip(written, statements, strict=True)
        ),
        actor=actor,
        verb="order.dates_recorded",
        subject_kind="order",
        request_id=request_id,
    )
    return written


_ORDER, _SELLER = Whole(PurchaseOrder, "o"), Whole(Company, "c")
_ORDERS: Final = f"""
SELECT {_ORDER.columns}, {_SELLER.columns} FROM {PurchaseOrder._meta.db_table} o
JOIN {Company._meta.db_table} c ON c.id = o.seller_id
WHERE o.id = ANY(%(orders)s::uuid[]) AND (%(sees_all)s OR EXISTS (
    SELECT FROM {OrderLine._meta.db_table} l JOIN {ScheduleLine._meta.db_table} s ON s.line_id = l.id
    WHERE l.order_id = o.id AND {within_sql("s.site_id")}
)) ORDER BY o.id FOR UPDATE OF o
"""  # noqa: S608


def _locked_orders(statements: Sequence[Statement], may: May) -> dict[UUID, PurchaseOrder]:
    """Locked in the order of their keys. Raises NotFound, and BadInput for a statement that says nothing."""
    named = {statement.order_id for statement in statements}
    orders: dict[UUID, PurchaseOrder] = {}
    for order, seller in whole_rows(_ORDERS, {"orders": as_array(named)} | may.sight.values, _ORDER, _SELLER):
        order.seller = seller
        orders[order.pk] = order
    if len(orders) < len(named):
        raise NotFound(_("There is no such order."), field="order")
    if not all(statement.revisions for statement in statements):
        raise BadInput(_("A statement says at least one date."), field="revisions")
    return orders


def lock_orders(keys: Collection[UUID], actor: User) -> None:
    """In the order of their keys, for who reads what a statement is going to change. Those out of sight are left."""
    rows = PurchaseOrder.objects.visible_to(actor).filter(among("pk", keys)).order_by("pk")
    list(rows.select_for_update(of=("self",)).values_list("pk"))


def _waves(statements: Sequence[Statement]) -> list[list[int]]:
    """Places of statements that can be written together: of one day and document, each about another order."""
    waves: dict[tuple[object, ...], dict[UUID, int]] = {}
    for place, one in enumerate(statements):
        again = 0
        while one.order_id in (wave := waves.setdefault((one.stated_on, one.source, one.document, again), {})):
            again += 1
        wave[one.order_id] = place
    return [list(wave.values()) for wave in waves.values()]


def _write_together(
    statements: Sequence[Statement],
    orders: Mapping[UUID, PurchaseOrder],
    may: May,
    actor: User,
    now: datetime,
    calendars: Calendars,
) -> list[_Written]:
    """Some statements of one wave. The queries do not grow with them, but for lots that are split and locks."""
    read = _readings(statements, orders, may)
    meant = [_meant(one, read[one.order_id], now) for one in statements]
    of_all = [each for group in meant for each in group]
    for each in of_all:
        if each.revision.kind in {RevisionKind.LOCK, RevisionKind.RELEASE}:
            _set_lock(each, actor=actor, now=now)
    done = [each for each in of_all if each.revision.kind is RevisionKind.ACTUAL]
    if done:
        happened = [(each.milestone, _day_of(each)) for each in done]
        chains.set_actuals(happened, document=statements[0].document, actor=actor, now=now)
        lead_times.derive_achieved(now=now, lots=[each.lot.pk for each in done])
    keys = [new_id() for _each in statements]
    promises = _write_promises(list(zip(keys, meant, strict=True)), statements[0], actor, now, calendars)
    return [
        _Written(orders[one.order_id], key, _lots_of(group), tuple(promises[key]), read[one.order_id].split_off)
        for one, key, group in zip(statements, keys, meant, strict=True)
    ]


def _lots_of(meant: Iterable[Meant]) -> list[DeliveryLot]:
    return list({each.lot.pk: each.lot for each in meant}.values())


def _readings(statements: Sequence[Statement], orders: Mapping[UUID, PurchaseOrder], may: May) -> dict[UUID, Reading]:
    revisions = (revision for one in statements for revision in one.revisions)
    return readings({one.order_id: orders[one.order_id] for one in statements}, revisions, may)


def _meant(statement: Statement, read: Reading, now: datetime) -> list[Meant]:
    meant = [each for revision in statement.revisions for each in read.meant(revision, now)]
    for each in meant:
        check_day(each, statement.stated_on, now)
    return meant


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
        _write([statement], actor=actor, now=now, request_id="", calendars={})
        transaction.set_rollback(True)


def refusals(statements: Sequence[Statement], *, actor: User, now: datetime) -> list[tuple[DateRevision, BadInput]]:
    """Every revision that `record_all` would refuse, each found with the others as they would be written.

    Nothing is written. Raises NotFound, NotPermitted, and BadInput for a statement that says nothing.
    """
    found: list[tuple[DateRevision, BadInput]] = []
    with transaction.atomic():
        may = may_of(actor)
        orders = _locked_orders(statements, may)
        looked_at = 0
        for together in _waves(statements):
            for some in _pieces(together, _STATEMENTS_AT_ONCE):
                progress.tell(ProgressStep.COMPARING, looked_at, len(statements))
                looked_at += len(some)
                found += _refused_together([statements[place] for place in some], orders, may, actor, now)
        transaction.set_rollback(True)
    return found


_Refused = list[tuple[DateRevision, BadInput]]


def _refused_together(
    statements: Sequence[Statement], orders: Mapping[UUID, PurchaseOrder], may: May, actor: User, now: datetime
) -> _Refused:
    read = _readings(statements, orders, may)
    found: _Refused = []
    meant: list[Meant] = []
    for one in statements:
        if any(revision.quantity is not None for revision in one.revisions):
            # Its parts depend on each other, and a refused one may have split a lot by then.
            try:
                with transaction.atomic():
                    meant += _meant(one, read[one.order_id], now)
            except BadInput:
                found += _refused_in_turn(one, actor, now)
            continue
        for revision in one.revisions:
            try:
                said = read[one.order_id].meant(revision, now)
                for each in said:
                    check_day(each, one.stated_on, now)
            except BadInput as refusal:
                found.append((revision, refusal))
            else:
                meant += said
    return found + _unplaceable(meant, _statement_of(statements[0], new_id(), actor, now))


def _refused_in_turn(statement: Statement, actor: User, now: datetime) -> _Refused:
    """The order is tried without what was refused until it is taken, or nothing is left."""
    left, found = list(statement.revisions), list[tuple[DateRevision, BadInput]]()
    while left:
        try:
            check(replace(statement, revisions=left), actor=actor, now=now)
        except BadInput as refusal:
            path = refusal.field or ""
            at_fault = [each for each in left if each.field and path.startswith(f"{each.field}/")] or left
            found += [(each, refusal) for each in at_fault]
            left = [each for each in left if each not in at_fault]
        else:
            break
    return found


def _unplaceable(meant: Sequence[Meant], statement: chains.Statement) -> _Refused:
    """The promises that the chains do not take, looked at again without those until all others are taken."""
    found: dict[DateRevision, BadInput] = {}
    by_chain = _by_chain(meant)
    calendars = _calendars_of(list(by_chain.values()))
    while by_chain:
        trouble: dict[DateRevision, BadInput] = {}
        for some in _pieces(list(by_chain.values()), _CHAINS_AT_ONCE):
            said_of = [_said_of(group, None, calendars) for group in some]
            refused = chains.unplaceable(said_of, statement, calendars=calendars)
            by_key = {group[0].lot.chain_id: group for group in some}
            trouble |= {by_key[chain_id][place].revision: why for chain_id, place, why in refused}
        found |= trouble
        again = {key for key, group in by_chain.items() if any(each.revision in trouble for each in group)}
        left = {key: [each for each in by_chain[key] if each.revision not in found] for key in again}
        by_chain = {key: group for key, group in left.items() if group}
    return list(found.items())


@dataclass(frozen=True, slots=True)
class ActualBefore:
    """What a milestone's actual was before somebody set it to `set_on`; null: none."""

    milestone_id: UUID
    set_on: date
    was_on: date | None
    was_document: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """`left` names, by promise, milestone or lot, why something stays as it is."""

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
    split_off: Collection[UUID] = (),
) -> TakenBack:
    """Retract promises, set actuals back, and put the lots that were split off together again, with one calculation a
    site. What was changed since is left unless forced.

    Raises NotFound, NotPermitted, and BadInput naming `reason`; then nothing is stored.
    """
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    of_actuals = Milestone.objects.filter(among("pk", [each.milestone_id for each in actuals]))
    of_promises = Promise.objects.filter(among("pk", promises))
    chain_ids = set(of_actuals.values_list("chain", flat=True)) | set(
        of_promises.values_list("milestone__chain", flat=True)
    )
    chain_ids |= set(DeliveryLot.objects.filter(pk__in=split_off).values_list("chain_id", flat=True))
    touched = _lock_lots(chain_ids, actor)
    # Read behind the locks: whoever held one may have changed or taken back the same.
    milestones = {row.pk: row for row in of_actuals}
    stated = list(
        of_promises.annotate(
            was_retracted=Exists(PromiseRetraction.objects.filter(promise=OuterRef("pk"))),
            was_replaced=Exists(Promise.objects.filter(supersedes=OuterRef("pk"), retraction__isnull=True)),
        ).values_list("pk", "was_retracted", "was_replaced")
    )
    left: dict[UUID, str] = {}
    taken = []
    for key, was_retracted, was_replaced in stated:
        if was_retracted:
            left[key] = _("It was retracted already.")
        elif was_replaced and not force:
            left[key] = _("Another statement has replaced it since.")
        else:
            taken.append(PromiseRetraction(promise_id=key, reason=reason[:500], retracted_by=actor))
    PromiseRetraction.objects.bulk_create(taken, batch_size=_CHAINS_AT_ONCE)
    set_back = []
    for before in actuals:
        milestone = milestones[before.milestone_id]
        if milestone.actual_on != before.set_on and not force:
            left[milestone.pk] = _("The actual date was changed since.")
        else:
            set_back.append((milestone, before.was_on, before.was_document))
    chains.restore_actuals(set_back, actor=actor, now=now)
    if split_off:
        together = lots_together.put_together(split_off, reason=reason, force=force, actor=actor, now=now)
        left |= together.left
        touched += together.touched
    if actuals:
        lead_times.derive_achieved(now=now, lots=[lot.pk for lot in touched])
    return TakenBack(_recalculate(touched, cause_key, cause_text, actor, now), left)


def _lock_lots(chain_ids: Collection[UUID], actor: User) -> list[DeliveryLot]:
    """The lots of these chains, their orders locked in the order of their keys. Raises NotFound, NotPermitted."""
    found = list(
        DeliveryLot.objects.visible_to(actor)
        .filter(among("chain", chain_ids))
        .select_related("schedule_line__site", "schedule_line__line")
    )
    if len(found) < len(chain_ids):
        raise NotFound(_("There is no such order."), field="order")
    lock_orders({lot.schedule_line.line.order_id for lot in found}, actor)
    for site_id in {lot.schedule_line.site_id for lot in found}:
        check_can(actor, Permission.DATES_WRITE, site_id=site_id)
    return found


# -- writing -----------------------------------------------------------------------------------------------------


def _set_lock(each: Meant, *, actor: User, now: datetime) -> None:
    revision = each.revision
    if revision.kind is RevisionKind.RELEASE:
        chains.release_lock(each.milestone, field=at(revision, "milestone"))
    else:
        chains.set_lock(each.milestone, _day_of(each), reason=revision.note, actor=actor, now=now)


def _day_of(each: Meant) -> date:
    on = _said(each.revision).counts_on
    assert on is not None  # the meaning of a revision takes only whole days here
    return on


def _by_chain(meant: Iterable[Meant]) -> dict[UUID, list[Meant]]:
    """The promises among them, by the chain they are about."""
    found: dict[UUID, list[Meant]] = defaultdict(list)
    for each in meant:
        if each.revision.kind is RevisionKind.PROMISE:
            found[each.lot.chain_id].append(each)
    return found


def _statement_of(one: Statement, key: UUID, actor: User, now: datetime) -> chains.Statement:
    return chains.Statement(
        key, stated_on=one.stated_on, source=one.source, document=one.document, actor=actor, now=now
    )


def _write_promises(
    meant: Sequence[tuple[UUID, Sequence[Meant]]], one: Statement, actor: User, now: datetime, known: Calendars
) -> dict[UUID, list[UUID]]:
    """What was meant by statements of one day and document, by their keys; the keys of the promises by the same."""
    made: dict[UUID, list[UUID]] = {key: [] for key, _group in meant}
    groups = [(key, group) for key, each in meant for group in _by_chain(each).values()]
    if not groups:
        return made
    calendars = _calendars_of([group for _key, group in groups])
    known |= calendars
    for some in _pieces(groups, _CHAINS_AT_ONCE):
        rows = chains.state_all(
            [_said_of(group, key, calendars) for key, group in some],
            _statement_of(one, some[0][0], actor, now),
            calendars=calendars,
        )
        for row in rows:
            made[row.statement_id].append(row.pk)
    return made


def _calendars_of(groups: Sequence[Sequence[Meant]]) -> Calendars:
    if not groups:
        return {}
    sites = {group[0].site for group in groups}
    return calendars_of_chains(
        [group[0].lot.chain_id for group in groups], {site.calendar_id for site in sites if site is not None}
    )


def _said_of(
    group: Sequence[Meant], key: UUID | None, calendars: Mapping[UUID, WorkingCalendar]
) -> chains.ChainStatement:
    site = group[0].site
    promises = [
        chains.StatedPromise(
            milestone=each.milestone,
            said=_said(each.revision),
            conditional_on=each.revision.conditional_on,
            quantity=each.revision.quantity,
            reason_code=each.revision.reason_code,
            responsible=each.revision.responsible or answers_for(each.revision.reason_code, each.owner),
            note=each.revision.note,
            field=at(each.revision, "date"),
        )
        for each in group
    ]
    return chains.ChainStatement(
        group[0].lot.chain, promises, calendars[site.calendar_id] if site else UNPLACED, key=key
    )


def _pieces(rows: Sequence[Piece], at_once: int) -> Iterator[Sequence[Piece]]:
    for start in range(0, len(rows), at_once):
        yield rows[start : start + at_once]


def _recalculate(
    lots_moved: Sequence[DeliveryLot],
    cause_key: str,
    cause_text: str,
    actor: User,
    now: datetime,
    calendars: Calendars | None = None,
) -> tuple[Moved, ...]:
    by_site: dict[UUID, tuple[Site, set[UUID]]] = {}
    for lot in lots_moved:
        site = lot.schedule_line.site
        if site is not None:
            touched = by_site.setdefault(site.pk, (site, set()))[1]
            touched.add(lot.pk)
            if lot.copied_from_id:
                touched.add(lot.copied_from_id)
    moved: list[Moved] = []
    for site, touched in progress.told(ProgressStep.CALCULATING, [by_site[key] for key in sorted(by_site)]):
        moved += forecasts.recalculate(
            site_id=site.pk,
            site=site,
            as_of=local_date(site, now),
            now=now,
            cause=RunCause.CHANGE,
            cause_text=cause_text,
            cause_key=cause_key,
            actor=actor,
            touched=Touched(lots=frozenset(touched)),
            whole_look=len(touched) > _MANY_LOTS,
            calendars=calendars,
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
