"""What a row of a workbook says about a date of an order: a vendor's promise, or what has happened."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain import cells
from procurement.domain.import_table import Column, ReadRow
from procurement.domain.order_document import HIGHEST_NUMBER
from procurement.domain.revision import DateRevision
from procurement.models import DeliveryLot, ExternalRef, ImportRow, LotForecast, PurchaseOrder
from procurement.services import dates
from procurement.services.import_columns import words
from procurement.services.import_rows import (
    VERSION,
    Exported,
    Finding,
    Sheetful,
    Undoing,
    as_text,
    mark,
    promise_text,
    refused,
    unread,
)
from procurement.vocabulary import ImportKind, LineStatus, RevisionKind, RowOutcome
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.domain.imprecise import ImpreciseDate, on_day
from sites.models import Milestone, Promise
from sites.queries.access import can, sites_where
from sites.queries.among import among
from sites.vocabulary import Party, PromiseSource, ReasonCode, step_name


def _number(cell: Any, declared: cells.Declared) -> int:
    return cells.whole_number(cell, declared, least=1, most=HIGHEST_NUMBER)


_LOTS_AT_ONCE: Final = 1000

_WHICH: Final = (
    Column(
        "order",
        (
            "PO",
            "PO No.",
            "PO number",
            "Purchase order",
            "Order No.",
            "Order number",
            "Bestellung",
            "注文番号",
            "発注番号",
        ),
        lambda cell, _said: cells.identifier(cell, longest=80),
        required=True,
    ),
    Column("line", ("Item", "Line No.", "Line item", "Pos", "Position", "Pos.", "明細", "行"), _number, required=True),
    Column(
        "schedule", ("Schedule line", "Schedule No.", "Delivery no.", "Lieferplaneinteilung", "納入日程行"), _number
    ),
    Column("lot", ("Delivery lot", "Lot No.", "Lieferlos", "ロット"), _number),
)
_MILESTONE: Final = ("Step", "Event", "Schrittcode", "マイルストーン")
_NOTE: Final = Column(
    "note", ("Remarks", "Comment", "Comments", "Bemerkung", "備考"), lambda cell, _said: cells.text(cell, longest=500)
)

PROMISE_COLUMNS: Final = (
    *_WHICH,
    Column("milestone", _MILESTONE, lambda cell, _said: cells.identifier(cell, longest=40).upper()),
    Column(
        "promise",
        (
            "Promised date", "Promised", "Confirmed date", "Confirmed delivery date", "Delivery date", "New date",
            "Vendor date", "Expected date", "Liefertermin", "Neuer Termin", "納期", "回答納期", "納入予定日",
        ),
        cells.imprecise_day,
        in_header=True,
    ),
    Column("stated_on", ("Stated on", "As of", "Date of answer", "回答日"), cells.day),
    Column("conditional_on", ("Conditional on", "Subject to release by", "Unter Vorbehalt bis", "条件日"), cells.day),
    Column("quantity", ("Qty", "Quantity", "Menge", "数量"), cells.number),
    Column("reason_code", ("Reason", "Reason code", "理由"), words(ReasonCode)),
    Column("responsible", ("Responsible", "Responsible party", "責任"), words(Party)),
    _NOTE,
)  # fmt: skip
ACTUAL_COLUMNS: Final = (
    *_WHICH,
    Column("milestone", _MILESTONE, lambda cell, _said: cells.identifier(cell, longest=40).upper(), required=True),
    Column("actual", ("Actual date", "Done on", "Completed", "Happened on", "実績日"), cells.day, in_header=True),
    Column("quantity", ("Qty", "Quantity", "Menge", "数量"), cells.number),
    _NOTE,
)


@dataclass(frozen=True, slots=True)
class _Target:
    """`old` is what stands now, as text: the promise that decides, or the actual; empty where there is none. `key`
    names the milestone, where the row means a single one.
    """

    order_id: UUID
    schedule_lines: frozenset[UUID]
    code: str
    subject: str
    old: str
    key: str
    actuals: tuple[Milestone, ...]


_FIELD: Final = {ImportKind.PROMISES: "promise", ImportKind.ACTUALS: "actual"}


def columns_of(kind: ImportKind) -> Sequence[Column]:
    return PROMISE_COLUMNS if kind is ImportKind.PROMISES else ACTUAL_COLUMNS


def examine(file: Sheetful, *, rehearsed: bool = True) -> dict[int, Finding]:
    """What each filled row would do, by its number.

    Every refusal that applying would meet is met here, on a write that is rolled back; unless not `rehearsed`.
    """
    found = unread(file.rows)
    groups, not_ours, silent = _meant(file)
    for number, refusal in not_ours.items():
        found[number] = refused(file, number, refusal)
    for row in silent:
        found[row.number] = Finding(RowOutcome.UNCHANGED, subject=_subject(row))
    turned_down = _rehearse(file, groups) if rehearsed else {}
    for group in groups.values():
        for row, target in group:
            if row.number in turned_down:
                found[row.number] = refused(file, row.number, turned_down[row.number])
            else:
                found[row.number] = _finding(file.kind, row, target)
    return found


def apply(file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    """Write the rows of these numbers and say of each what it wrote. Raises what `dates.record_all` raises."""
    groups, _refusals, _silent = _meant(file)
    if file.kind is ImportKind.ACTUALS:  # what stands before is noted for the way back: behind the locks, once more
        dates.lock_orders([order_id for order_id, _said_on in groups], file.actor)
        groups, _refusals, _silent = _meant(file)
    stated: list[dates.Statement] = []
    members: list[list[tuple[ReadRow, _Target]]] = []
    for (order_id, said_on), group in groups.items():
        accepted = [(row, target) for row, target in group if row.number in numbers]
        if accepted:
            stated.append(_statement(file, order_id, said_on, [row for row, _target in accepted]))
            members.append(accepted)
    before = {
        milestone.pk: dates.ActualBefore(
            milestone.pk, row.values["actual"], milestone.actual_on, milestone.actual_document
        )
        for group in members
        for row, target in group
        if file.kind is ImportKind.ACTUALS
        for milestone in target.actuals
    }
    written: dict[int, dict[str, Any]] = {number: {} for number in numbers}
    recorded = dates.record_all(stated, cause_key=cause_key, cause_text=cause_text, actor=file.actor, now=file.now)
    _note_promises(written, recorded, members)
    for done, group in zip(recorded, members, strict=True):
        for key, path in done.split_off.items():
            written[int(path)].setdefault("split_off", []).append(str(key))
        if file.kind is ImportKind.ACTUALS:
            _note_actuals(written, before, group)
    return written


def undo(rows: Sequence[ImportRow], undoing: Undoing) -> dict[int, str]:
    """Retract the promises of the rows, set their actual dates back and put the lots they split together again.

    Raises what `dates.take_back` raises.
    """
    taken = dates.take_back(
        promises=[UUID(key) for row in rows for key in row.written.get("promises", [])],
        actuals=[
            dates.ActualBefore(
                UUID(each["milestone"]),
                date.fromisoformat(each["set_on"]),
                date.fromisoformat(each["was_on"]) if each["was_on"] else None,
                each["was_document"],
            )
            for row in rows
            for each in row.written.get("actuals", [])
        ],
        reason=_("%(file)s was undone: %(reason)s") % {"file": undoing.document, "reason": undoing.reason},
        cause_key=undoing.cause_key,
        cause_text=undoing.cause_text,
        force=undoing.force,
        actor=undoing.actor,
        now=undoing.now,
        split_off=[UUID(key) for row in rows for key in row.written.get("split_off", [])],
    )
    left: dict[int, str] = {}
    for row in rows:
        keys = [
            *row.written.get("promises", []),
            *row.written.get("split_off", []),
            *(each["milestone"] for each in row.written.get("actuals", [])),
        ]
        why = next((taken.left[UUID(key)] for key in keys if UUID(key) in taken.left), "")
        if why:
            left[row.number] = why
    return left


def marks(file: Sheetful) -> dict[int, tuple[str, str]]:
    filled = [row for row in file.rows if row.values and not row.refusals]
    known = _Known(file.kind, filled, file.actor)
    found = {}
    for row in filled:
        try:
            target = known.target(row)
        except BadInput:
            continue
        if target.key:
            found[row.number] = (target.key, mark([target.old]))
    return found


def export(kind: ImportKind, actor: User, keys: Sequence[UUID] | None) -> Iterator[Exported]:
    """One row an open lot at its contract step, or for actual dates one a step of it; `keys` are of schedule lines."""
    lots = (
        DeliveryLot.objects.visible_to(actor)
        .filter(quantity__gt=0, schedule_line__status=LineStatus.OPEN)
        .select_related("schedule_line__line__order", "schedule_line__line__equipment_class", "schedule_line__site")
        .order_by(
            "schedule_line__line__order__number", "schedule_line__line__number", "schedule_line__number", "number"
        )
    )
    if keys is not None:
        lots = lots.filter(schedule_line__in=keys)
    rows = lots.iterator(chunk_size=_LOTS_AT_ONCE)
    while some := list(islice(rows, _LOTS_AT_ONCE)):
        yield from _exported(kind, some)


def _exported(kind: ImportKind, lots: Sequence[DeliveryLot]) -> Iterator[Exported]:
    milestones: dict[UUID, list[Milestone]] = defaultdict(list)
    chains = [lot.chain_id for lot in lots]
    rows = Milestone.objects.filter(among("chain", chains), applicable=True).order_by("sequence")
    for row in rows:
        milestones[row.chain_id].append(row)
    promised = standing_promises([row.pk for row in rows]) if kind is ImportKind.PROMISES else {}
    forecasts = {row.lot_id: row for row in LotForecast.objects.filter(lot__in=lots, current=True)}
    for lot in lots:
        schedule = lot.schedule_line
        answer = forecasts.get(lot.pk)
        shown = {
            "Site code": schedule.site.code if schedule.site else "",
            "Equipment": schedule.line.equipment_class.name,
            "Text": schedule.line.description,
            "Units in lot": lot.quantity,
            "Needed by": answer.required_on_site if answer else None,
            "By contract": schedule.contract_on,
            "Our forecast": answer.forecast_on if answer else None,
            "Float, days": answer.float_days if answer else None,
        }
        for milestone in milestones[lot.chain_id]:
            if kind is ImportKind.PROMISES and milestone.code != schedule.contract_step:
                continue
            old = _standing(kind, milestone, promised)
            values: dict[str, object] = {
                "order": schedule.line.order.number,
                "line": schedule.line.number,
                "schedule": schedule.number,
                "lot": lot.number,
                "milestone": milestone.code,
                _FIELD[kind]: dated(old),
            }
            yield Exported(str(milestone.pk), mark([old]), values, shown)


def dated(said: str) -> object:
    """A whole day as a date, anything vaguer as the text it is; None where nothing is said."""
    try:
        return date.fromisoformat(said) if len(said) == len("2027-06-05") else said or None
    except ValueError:
        return said


def standing_promises(milestones: Collection[UUID]) -> dict[UUID, Promise]:
    """The promise that stands for each milestone: the last one stated that nothing superseded or retracted."""
    live = Promise.objects.standing().filter(among("milestone", milestones))
    return {row.milestone_id: row for row in live.order_by("stated_on", "recorded_at", "place")}


def _standing(kind: ImportKind, milestone: Milestone, promised: Mapping[UUID, Promise]) -> str:
    if kind is ImportKind.ACTUALS:
        return as_text(milestone.actual_on)
    promise = promised.get(milestone.pk)
    if promise is None:
        return ""
    return promise_text(promise.value)


def _note_promises(
    written: dict[int, dict[str, Any]],
    recorded: Sequence[dates.Recorded],
    members: Sequence[Sequence[tuple[ReadRow, _Target]]],
) -> None:
    """A later step that the statement wrote again belongs to its first row."""
    rows: dict[UUID, dict[tuple[UUID, str], int]] = {}
    first: dict[UUID, int] = {}
    for done, group in zip(recorded, members, strict=True):
        first[done.statement_id] = group[0][0].number
        rows[done.statement_id] = {
            (line, target.code): row.number for row, target in group for line in target.schedule_lines
        }
    made = Promise.objects.filter(among("pk", [key for done in recorded for key in done.promise_ids])).order_by("pk")
    for key, statement, line, code in made.values_list(
        "pk", "statement_id", "milestone__chain__lot__schedule_line", "milestone__code"
    ):
        number = rows[statement].get((line, code), first[statement])
        written[number].setdefault("promises", []).append(str(key))


def _note_actuals(
    written: dict[int, dict[str, Any]],
    before: Mapping[UUID, dates.ActualBefore],
    group: Sequence[tuple[ReadRow, _Target]],
) -> None:
    for row, target in group:
        for milestone in target.actuals:
            was = before[milestone.pk]
            written[row.number].setdefault("actuals", []).append(
                {
                    "milestone": str(was.milestone_id),
                    "set_on": was.set_on.isoformat(),
                    "was_on": was.was_on.isoformat() if was.was_on else None,
                    "was_document": was.was_document,
                }
            )


# -- what a row means ----------------------------------------------------------------------------------------------

_Groups = dict[tuple[UUID, date], list[tuple[ReadRow, _Target]]]


def _meant(file: Sheetful) -> tuple[_Groups, dict[int, BadInput], list[ReadRow]]:
    """Rows by the statement they belong to, those that name nothing of ours, and those that say nothing."""
    filled = [row for row in file.rows if row.values and not row.refusals]
    known = _Known(file.kind, filled, file.actor)
    groups: _Groups = defaultdict(list)
    not_ours: dict[int, BadInput] = {}
    silent: list[ReadRow] = []
    taken: dict[tuple[object, ...], int] = {}
    for row in filled:
        if _FIELD[file.kind] not in row.values:
            silent.append(row)
            continue
        said_on = row.values.get("stated_on", file.stated_on)
        try:
            target = known.target(row)
            which = (target.order_id, said_on, row.values.get("lot"), target.schedule_lines, target.code)
            if row.values.get("quantity") is None and taken.setdefault(which, row.number) != row.number:
                raise BadInput(_("Another row of this file says the same thing's date."), field="line")
            if VERSION in row.values and _said(file.kind, row) == target.old:
                # A list of ours that came back says nothing where nobody changed it.
                silent.append(row)
                continue
        except BadInput as refusal:
            not_ours[row.number] = refusal
        else:
            groups[(target.order_id, said_on)].append((row, target))
    return groups, not_ours, silent


class _Known:
    """The orders, lots and dates that the rows of a file name, in a fixed number of queries."""

    def __init__(self, kind: ImportKind, rows: Sequence[ReadRow], actor: User) -> None:
        self._kind = kind
        numbers = {row.values["order"] for row in rows}
        visible = PurchaseOrder.objects.visible_to(actor)
        self._orders: dict[str, set[UUID]] = defaultdict(set)
        for number, key in visible.filter(number__in=numbers).values_list("number", "pk"):
            self._orders[number].add(key)
        named = ExternalRef.objects.filter(kind="purchase_order", external_id__in=numbers - self._orders.keys())
        by_key = dict(named.values_list("subject_id", "external_id"))
        for key in visible.filter(pk__in=by_key).values_list("pk", flat=True):
            self._orders[by_key[key]].add(key)
        self._lots: dict[tuple[UUID, int], list[DeliveryLot]] = defaultdict(list)
        lots = (
            DeliveryLot.objects.visible_to(actor)
            .filter(among("schedule_line__line__order", {key for keys in self._orders.values() for key in keys}))
            .filter(quantity__gt=0)
            .select_related("schedule_line__line__order", "schedule_line__line__equipment_class")
            .order_by("schedule_line__number", "number")
        )
        for lot in lots:
            self._lots[(lot.schedule_line.line.order_id, lot.schedule_line.line.number)].append(lot)
        self._may_write = sites_where(actor, Permission.DATES_WRITE)
        self._may_write_anywhere = can(actor, Permission.DATES_WRITE, site_id=None)
        chains = [lot.chain_id for lots in self._lots.values() for lot in lots]
        codes = {row.values["milestone"] for row in rows if "milestone" in row.values} | {
            lot.schedule_line.contract_step for lots in self._lots.values() for lot in lots
        }
        self._milestones = {
            (row.chain_id, row.code): row for row in Milestone.objects.filter(among("chain", chains), code__in=codes)
        }
        self._promised: dict[UUID, Promise] = {}
        if kind is ImportKind.PROMISES:
            self._promised = standing_promises([row.pk for row in self._milestones.values()])

    def target(self, row: ReadRow) -> _Target:
        """Raises BadInput naming a field of the row."""
        keys = self._orders.get(row.values["order"], set())
        if not keys:
            raise BadInput(_("There is no order %(number)s.") % {"number": row.values["order"]}, field="order")
        if len(keys) > 1:
            raise BadInput(_("Several orders are known by this number."), field="order")
        order_id = next(iter(keys))
        lots = self._lots.get((order_id, row.values["line"]), [])
        if not lots:
            raise BadInput(_("The order has no line %(number)s.") % {"number": row.values["line"]}, field="line")
        if "schedule" in row.values:
            lots = [lot for lot in lots if lot.schedule_line.number == row.values["schedule"]]
            if not lots:
                raise BadInput(_("The line has no schedule line of this number."), field="schedule")
        if "lot" in row.values:
            lots = [lot for lot in lots if lot.number == row.values["lot"]]
            if not lots:
                raise BadInput(_("The line has no lot of this number."), field="lot")
        lots = [lot for lot in lots if lot.schedule_line.status != LineStatus.CANCELLED] or lots
        for lot in lots:
            site_id = lot.schedule_line.site_id
            if site_id not in self._may_write and not (site_id is None and self._may_write_anywhere):
                raise BadInput(_("You may not record dates there."), field="order")
        return self._target(row, order_id, lots)

    def _target(self, row: ReadRow, order_id: UUID, lots: Sequence[DeliveryLot]) -> _Target:
        code = row.values.get("milestone", lots[0].schedule_line.contract_step)
        milestones = [found for lot in lots if (found := self._milestones.get((lot.chain_id, code)))]
        line = lots[0].schedule_line.line
        standing = (_standing(self._kind, milestone, self._promised) for milestone in milestones)
        return _Target(
            order_id=order_id,
            schedule_lines=frozenset(lot.schedule_line_id for lot in lots),
            code=code,
            subject=f"{line.order.number}/{line.number} {line.equipment_class.name}: {step_name(code)}",
            old=", ".join(dict.fromkeys(filter(None, standing))),
            key=str(milestones[0].pk) if len(milestones) == 1 else "",
            actuals=tuple(milestones) if self._kind is ImportKind.ACTUALS else (),
        )


def _subject(row: ReadRow) -> str:
    return f"{row.values['order']}/{row.values['line']}"


def _revision(file: Sheetful, row: ReadRow) -> DateRevision:
    said: ImpreciseDate = row.values["promise"] if file.kind is ImportKind.PROMISES else on_day(row.values["actual"])
    return DateRevision(
        kind=RevisionKind.PROMISE if file.kind is ImportKind.PROMISES else RevisionKind.ACTUAL,
        line_number=row.values["line"],
        said=said,
        schedule_number=row.values.get("schedule"),
        lot_number=row.values.get("lot"),
        milestone=row.values.get("milestone"),
        conditional_on=row.values.get("conditional_on"),
        quantity=row.values.get("quantity"),
        reason_code=row.values.get("reason_code", ""),
        responsible=row.values.get("responsible", ""),
        note=row.values.get("note", ""),
        field=f"{row.number}",
    )


def _statement(file: Sheetful, order_id: UUID, said_on: date, rows: Iterable[ReadRow]) -> dates.Statement:
    return dates.Statement(order_id, [_revision(file, row) for row in rows], said_on, PromiseSource.FILE, file.document)


# The revision's own words for a refusal, and the columns they stand in.
_COLUMN_OF: Final = {
    "date": {ImportKind.PROMISES: "promise", ImportKind.ACTUALS: "actual"},
    "line_number": {ImportKind.PROMISES: "line", ImportKind.ACTUALS: "line"},
    "schedule_number": {ImportKind.PROMISES: "schedule", ImportKind.ACTUALS: "schedule"},
    "lot_number": {ImportKind.PROMISES: "lot", ImportKind.ACTUALS: "lot"},
}


def _rehearse(file: Sheetful, groups: _Groups) -> dict[int, BadInput]:
    """The rows that recording would refuse, each found with the others as they would be written."""
    statements = [
        _statement(file, order_id, said_on, [row for row, _target in group])
        for (order_id, said_on), group in groups.items()
    ]
    turned_down = {}
    for revision, refusal in dates.refusals(statements, actor=file.actor, now=file.now):
        name = (refusal.field or "").removeprefix(f"{revision.field}/")
        name = _COLUMN_OF.get(name, {}).get(file.kind, name or "stated_on")
        turned_down[int(revision.field)] = BadInput(refusal.message, field=name)
    return turned_down


def _said(kind: ImportKind, row: ReadRow) -> str:
    said: ImpreciseDate | date = row.values[_FIELD[kind]]
    return as_text(said) if isinstance(said, date) else promise_text(said.value)


def _finding(kind: ImportKind, row: ReadRow, target: _Target) -> Finding:
    field, new = _FIELD[kind], _said(kind, row)
    if new == target.old:
        return Finding(RowOutcome.UNCHANGED, subject=target.subject)
    outcome = RowOutcome.CHANGED if target.old else RowOutcome.NEW
    return Finding(outcome, target.subject, ((field, target.old, new),))
