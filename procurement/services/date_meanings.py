"""What a revision of a date means: the lots of an order it speaks for, and the step of each."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain.attribution import party_of_step
from procurement.domain.lots import LotState, spoken_for
from procurement.domain.revision import DateRevision
from procurement.models import DeliveryLot, OrderLine, PurchaseOrder, ScheduleLine
from procurement.services import lots
from procurement.services.forecasts import local_date
from procurement.vocabulary import LineStatus, RevisionKind
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.models import Chain, Milestone, Site
from sites.models.site import Sight, within_sql
from sites.queries.access import Rights, rights_of
from sites.queries.among import as_array
from sites.queries.whole_rows import Whole, whole_rows
from sites.services.access import check_held
from sites.vocabulary import Party, Precision

NEEDS: Final = {
    RevisionKind.PROMISE: Permission.DATES_WRITE,
    RevisionKind.ACTUAL: Permission.DATES_WRITE,
    RevisionKind.LOCK: Permission.LOCK_WRITE,
    RevisionKind.RELEASE: Permission.LOCK_WRITE,
}


@dataclass(frozen=True, slots=True)
class May:
    """What somebody may see and do, looked up once for all statements of a call."""

    rights: Rights
    sight: Sight


def may_of(actor: User) -> May:
    """One query, two where sight hangs on desks."""
    rights = rights_of(actor)
    return May(rights, rights.sight())


@dataclass(frozen=True, slots=True)
class Meant:
    """One revision on one lot. A lot of a line without a site has none and is not calculated. `owner` has the step."""

    revision: DateRevision
    lot: DeliveryLot
    milestone: Milestone
    site: Site | None
    owner: Party


@dataclass(slots=True)
class _Rows:
    """The schedule lines of an order by line number, their lots, and the milestones of those."""

    lines: dict[int, list[ScheduleLine]] = field(default_factory=lambda: defaultdict(list))
    lots: dict[UUID, list[DeliveryLot]] = field(default_factory=lambda: defaultdict(list))
    milestones: dict[tuple[UUID, str], Milestone] = field(default_factory=dict)


_SCHEDULE, _LINE, _SITE = Whole(ScheduleLine, "s"), Whole(OrderLine, "l"), Whole(Site, "t")
_LOT, _CHAIN, _STEP = Whole(DeliveryLot, "d"), Whole(Chain, "c"), Whole(Milestone, "m")
_LINES = f"""
SELECT {_SCHEDULE.columns}, {_LINE.columns}, {_SITE.columns} FROM {ScheduleLine._meta.db_table} s
JOIN {OrderLine._meta.db_table} l ON l.id = s.line_id LEFT JOIN {Site._meta.db_table} t ON t.id = s.site_id
WHERE l.order_id = ANY(%(orders)s::uuid[]) AND l.number = ANY(%(numbers)s) AND {within_sql("s.site_id")}
ORDER BY s.number
"""  # noqa: S608
_LOTS = f"""
SELECT {_LOT.columns}, {_CHAIN.columns} FROM {DeliveryLot._meta.db_table} d
JOIN {Chain._meta.db_table} c ON c.id = d.chain_id
WHERE d.schedule_line_id = ANY(%(lines)s::uuid[]) ORDER BY d.number
"""  # noqa: S608
_STEPS = f"SELECT {_STEP.columns} FROM {Milestone._meta.db_table} m WHERE m.chain_id = ANY(%(chains)s::uuid[])"  # noqa: S608


def _rows_of(orders: Mapping[UUID, PurchaseOrder], numbers: Collection[int], sight: Sight) -> dict[UUID, _Rows]:
    """What is in sight of the lines of these numbers, in three queries for any number of orders."""
    found: dict[UUID, _Rows] = {key: _Rows() for key in orders}
    lines: dict[UUID, ScheduleLine] = {}
    named = {"orders": as_array(orders), "numbers": list(numbers)} | sight.values
    for schedule_line, line, site in whole_rows(_LINES, named, _SCHEDULE, _LINE, _SITE):
        schedule_line.line, schedule_line.site = line, site
        line.order = orders[line.order_id]
        found[line.order_id].lines[line.number].append(schedule_line)
        lines[schedule_line.pk] = schedule_line
    of_chain: dict[UUID, UUID] = {}
    for lot, chain in whole_rows(_LOTS, {"lines": as_array(lines)}, _LOT, _CHAIN):
        lot.schedule_line, lot.chain = lines[lot.schedule_line_id], chain
        order = lot.schedule_line.line.order_id
        found[order].lots[lot.schedule_line_id].append(lot)
        of_chain[lot.chain_id] = order
    for (step,) in whole_rows(_STEPS, {"chains": as_array(of_chain)}, _STEP):
        found[of_chain[step.chain_id]].milestones[step.chain_id, step.code] = step
    return found


def readings(
    orders: Mapping[UUID, PurchaseOrder], revisions: Iterable[DateRevision], may: May
) -> dict[UUID, "Reading"]:
    """A reading of each order, for one statement about it, of the lines that the revisions name. Three queries."""
    numbers = {revision.line_number for revision in revisions}
    rows_of = _rows_of(orders, numbers, may.sight)
    return {key: Reading(orders[key], rows, numbers, may) for key, rows in rows_of.items()}


class Reading:
    """The schedule lines of an order that the actor may see, with their lots and milestones, for one statement.

    They are read again after a lot was split. `split_off` are the lots this made, by the path of the revision.
    """

    def __init__(
        self,
        order: PurchaseOrder,
        rows: _Rows,
        numbers: Collection[int],
        may: May,
    ) -> None:
        self._order = order
        self._rows = rows
        self._numbers = numbers
        self._may = may
        # What revisions of this statement that gave a quantity have taken: the next one means other units.
        self._spoken_for: set[tuple[UUID, RevisionKind, str]] = set()
        self.split_off: dict[UUID, str] = {}

    def meant(self, revision: DateRevision, now: datetime) -> list[Meant]:
        """Raises BadInput naming the field of the revision, and NotPermitted."""
        _check_shape(revision)
        found: list[Meant] = []
        needs = NEEDS[revision.kind]
        for line in self._named(revision):
            check_held(self._may.rights, needs, site=line.site)
            for lot in self._lots(line, revision, now):
                milestone = self._milestone(lot, line, revision)
                owner = party_of_step(milestone.code, Party(milestone.responsible), line.line.order.incoterm)
                found.append(Meant(revision, lot, milestone, line.site, owner))
        return found

    def _named(self, revision: DateRevision) -> list[ScheduleLine]:
        lines = self._rows.lines.get(revision.line_number, [])
        if not lines:
            raise BadInput(
                _("The order has no line %(number)s.") % {"number": revision.line_number},
                field=at(revision, "line_number"),
            )
        if revision.schedule_number is not None:
            lines = [line for line in lines if line.number == revision.schedule_number]
            if not lines:
                raise BadInput(
                    _("The line has no schedule line %(number)s.") % {"number": revision.schedule_number},
                    field=at(revision, "schedule_number"),
                )
        is_open = [LineStatus.CANCELLED not in (line.status, line.line.status) for line in lines]
        found = [line for line, each in zip(lines, is_open, strict=True) if each]
        if not found:
            raise BadInput(_("The line is cancelled."), field=at(revision, "line_number"))
        check_units_of_one(revision.quantity, found, at(revision, "quantity"))
        return found

    def _lots(self, line: ScheduleLine, revision: DateRevision, now: datetime) -> list[DeliveryLot]:
        """The lots a revision speaks for; a quantity that ends inside a lot splits it."""
        all_of_it = self._rows.lots.get(line.pk, [])
        named = [lot for lot in all_of_it if lot.quantity] or all_of_it
        if revision.lot_number is not None:
            named = [lot for lot in named if lot.number == revision.lot_number]
            if not named:
                raise BadInput(
                    _("The schedule line has no lot %(number)s.") % {"number": revision.lot_number},
                    field=at(revision, "lot_number"),
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
            raise BadInput(refusal.message, field=at(revision, "quantity")) from None
        if not shares:
            raise BadInput(_("Every lot of this line is already on site."), field=at(revision, "line_number"))
        because = revision.note or _("A partial %(kind)s") % {"kind": revision.kind.label.lower()}
        chosen: list[UUID] = []
        is_split = False
        for share in shares:
            lot = by_key[share.lot]
            if share.split_off is None:
                chosen.append(lot.pk)
                continue
            try:
                new = lots.split_locked(lot, share.split_off, reason=because, now=now)
            except BadInput as refusal:
                raise BadInput(refusal.message, field=at(revision, "quantity")) from None
            chosen.append(new.pk)
            self.split_off[new.pk] = revision.field
            is_split = True
        if is_split:
            self._rows = _rows_of({self._order.pk: self._order}, self._numbers, self._may.sight)[self._order.pk]
        known = {lot.pk: lot for found in self._rows.lots.values() for lot in found}
        return [known[key] for key in chosen]

    def _has_arrived(self, lot: DeliveryLot) -> bool:
        milestone = self._rows.milestones.get((lot.chain_id, "ON_SITE"))
        return milestone is not None and milestone.actual_on is not None

    def _milestone(self, lot: DeliveryLot, line: ScheduleLine, revision: DateRevision) -> Milestone:
        code = revision.milestone or line.contract_step
        milestone = self._rows.milestones.get((lot.chain_id, code))
        if milestone is None or not milestone.applicable:
            raise BadInput(_("The lot has no milestone %(code)s.") % {"code": code}, field=at(revision, "milestone"))
        return milestone


def check_units_of_one(quantity: Decimal | None, lines: Sequence[ScheduleLine], field: str) -> None:
    """A number of units is of one schedule line. Raises BadInput naming `field`."""
    if quantity is not None and len(lines) > 1:
        raise BadInput(_("The line has several schedule lines; say which one these units are of."), field=field)


def _check_shape(revision: DateRevision) -> None:
    said = revision.said
    if revision.kind is RevisionKind.RELEASE:
        if said is not None:
            raise BadInput(_("A released lock has no date."), field=at(revision, "date"))
        return
    if said is None:
        raise BadInput(_("Give a date."), field=at(revision, "date"))
    if revision.kind is not RevisionKind.PROMISE and said.precision is not Precision.DAY:
        raise BadInput(_("Only a promise may be imprecise; give a day."), field=at(revision, "date"))
    if revision.kind is RevisionKind.LOCK and not revision.note.strip():
        raise BadInput(_("Say why the date is pinned."), field=at(revision, "note"))


def check_day(each: Meant, stated_on: date, now: datetime) -> None:
    """Raises BadInput naming `stated_on`, or the date of the revision."""
    today = local_date(each.site, now) if each.site else now.date()
    if stated_on > today + timedelta(days=1):
        raise BadInput(_("Nothing can be stated in the future."), field="stated_on")
    said = each.revision.said
    happened_on = said.counts_on if said and each.revision.kind is RevisionKind.ACTUAL else None
    if happened_on is not None and happened_on > today + timedelta(days=1):
        raise BadInput(_("An actual date cannot lie in the future."), field=at(each.revision, "date"))


def at(revision: DateRevision, name: str) -> str:
    return f"{revision.field}/{name}" if revision.field else name
