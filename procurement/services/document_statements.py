"""What a business document says about the dates of orders, as one statement an order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from procurement.domain.revision import DateRevision
from procurement.services import dates
from procurement.services.document_lines import DocumentRow, KnownOrder, KnownOrders, rows_of, stated_on
from procurement.services.import_dates import standing_promises
from procurement.services.import_rows import Finding, Sheetful, promise_text, refused
from procurement.vocabulary import RevisionKind, RowOutcome
from sites.domain.errors import BadInput, RuleBroken
from sites.domain.imprecise import ImpreciseDate
from sites.models import Milestone, Promise
from sites.vocabulary import PromiseSource


@dataclass(frozen=True, slots=True)
class Meant:
    """A row with what it promises, nothing where it only notes; `more` are further (field, old, new)."""

    row: DocumentRow
    known: KnownOrder
    revisions: Sequence[DateRevision] = ()
    more: tuple[tuple[str, str, str], ...] = ()
    plan: Any = None

    def statement(self, file: Sheetful) -> tuple[UUID, date]:
        return self.known.order.pk, stated_on(self.row, file)


def promise(row: DocumentRow, lot: Any, said: ImpreciseDate, **more: Any) -> DateRevision:
    return dates.about(lot, RevisionKind.PROMISE, said, field=str(row.number), **more)


def meanings(file: Sheetful, mean: Any) -> tuple[list[Meant], dict[int, BadInput]]:
    """`mean(row, known_orders)` for every row; a line that stands twice is refused the second time."""
    orders = KnownOrders(file.actor)
    found: list[Meant] = []
    not_ours: dict[int, BadInput] = {}
    for row in rows_of(file):
        try:
            found.append(mean(row, orders))
        except BadInput as refusal:
            not_ours[row.number] = refusal
    return found, not_ours


def examine(file: Sheetful, mean: Any, *, rehearsed: bool) -> dict[int, Finding]:
    meant, not_ours = meanings(file, mean)
    if rehearsed:
        not_ours |= _rehearse(file, meant)
    found = {number: refused(file, number, refusal) for number, refusal in not_ours.items()}
    standing = _Standing([each for each in meant if each.row.number not in found])
    for each in meant:
        if each.row.number not in found:
            found[each.row.number] = _finding(each, standing)
    return found


def grouped(file: Sheetful, meant: Sequence[Meant]) -> dict[tuple[UUID, date], list[Meant]]:
    groups: dict[tuple[UUID, date], list[Meant]] = {}
    for each in meant:
        if each.revisions:
            groups.setdefault(each.statement(file), []).append(each)
    return groups


def statement(file: Sheetful, key: tuple[UUID, date], meant: Sequence[Meant]) -> dates.Statement:
    revisions = [revision for each in meant for revision in each.revisions]
    return dates.Statement(key[0], revisions, key[1], PromiseSource.FILE, file.document)


@dataclass(frozen=True, slots=True)
class Made:
    """By the number of the row: its promises, and the lots that its quantities split off. `statements` are those that
    were written, by their keys in the ledger.
    """

    promises: Mapping[int, Sequence[Promise]]
    split_off: Mapping[int, Sequence[UUID]]
    statements: Mapping[UUID, dates.Statement]

    def written(self) -> dict[int, dict[str, Any]]:
        """What taking the rows back needs."""
        found: dict[int, dict[str, Any]] = {
            number: {"promises": [str(row.pk) for row in rows]} for number, rows in self.promises.items()
        }
        for number, keys in self.split_off.items():
            found.setdefault(number, {})["split_off"] = [str(key) for key in keys]
        return found


def record(file: Sheetful, meant: Sequence[Meant], *, cause_key: str, cause_text: str) -> Made:
    """Write what they promise."""
    groups = grouped(file, meant)
    said = [statement(file, key, members) for key, members in groups.items()]
    recorded = dates.record_all(
        said,
        cause_key=cause_key,
        cause_text=cause_text,
        actor=file.actor,
        now=file.now,
    )
    written: dict[int, list[Promise]] = {}
    split_off: dict[int, list[UUID]] = {}
    for done, members in zip(recorded, groups.values(), strict=True):
        rows = {revision.line_number: each.row.number for each in members for revision in each.revisions}
        made = Promise.objects.filter(pk__in=done.promise_ids).select_related(
            "milestone__chain__lot__schedule_line__line"
        )
        for row in made.order_by("pk"):
            number = rows.get(row.milestone.chain.lot.schedule_line.line.number, members[0].row.number)
            written.setdefault(number, []).append(row)
        by_path = {revision.field: each.row.number for each in members for revision in each.revisions}
        for key, path in done.split_off.items():
            split_off.setdefault(by_path[path], []).append(key)
    statements = {done.statement_id: each for done, each in zip(recorded, said, strict=True)}
    return Made(written, split_off, statements)


def accepted(meant: Sequence[Meant], numbers: Collection[int]) -> list[Meant]:
    return [each for each in meant if each.row.number in numbers]


def _rehearse(file: Sheetful, meant: Sequence[Meant]) -> dict[int, BadInput]:
    """The rows that recording would refuse, each found with the others as they would be written."""
    turned_down: dict[int, BadInput] = {}
    for key, members in grouped(file, meant).items():
        left = list(members)
        while left:
            try:
                dates.check(statement(file, key, left), actor=file.actor, now=file.now)
            except RuleBroken as refusal:
                number, _slash, name = (refusal.field or "").partition("/")
                at_fault = [each for each in left if str(each.row.number) == number] or left
                for each in at_fault:
                    turned_down[each.row.number] = BadInput(refusal.message, field=name or refusal.field or "order")
                left = [each for each in left if each.row.number not in turned_down]
            else:
                break
    return turned_down


class _Standing:
    """The promises that stand for the lots the rows are about."""

    def __init__(self, meant: Sequence[Meant]) -> None:
        lots = {lot.pk: lot for each in meant for group in each.known.lots.values() for lot in group}
        self._codes = {lot.pk: lot.schedule_line.contract_step for lot in lots.values()}
        self._lots = {
            (lot.schedule_line.line.order_id, lot.schedule_line.line.number, lot.schedule_line.number, lot.number): lot
            for lot in lots.values()
        }
        rows = Milestone.objects.filter(chain__in=[lot.chain_id for lot in lots.values()])
        self._milestones = {(row.chain_id, row.code): row.pk for row in rows.only("pk", "chain_id", "code")}
        self._promises = standing_promises(list(self._milestones.values()))

    def of(self, order_id: UUID, revision: DateRevision) -> str:
        lot = self._lots[order_id, revision.line_number, revision.schedule_number or 0, revision.lot_number or 0]
        code = revision.milestone or self._codes[lot.pk]
        said = self._promises.get(self._milestones.get((lot.chain_id, code)))  # type: ignore[arg-type]
        if said is None:
            return ""
        return promise_text(said.value)


def _finding(meant: Meant, standing: _Standing) -> Finding:
    changes: list[tuple[str, str, str]] = []
    for revision in meant.revisions:
        assert revision.said is not None  # a document only promises
        old, new = standing.of(meant.known.order.pk, revision), promise_text(revision.said.value)
        is_part = revision.quantity is not None
        if old != new or is_part:
            changes.append(("promise", old, f"{new} ({revision.quantity:f})" if revision.quantity is not None else new))
    changes = [*dict.fromkeys(changes), *meant.more]
    if not changes:
        return Finding(RowOutcome.UNCHANGED, meant.row.subject)
    is_new = all(not old for _field, old, _new in changes)
    return Finding(RowOutcome.NEW if is_new else RowOutcome.CHANGED, meant.row.subject, tuple(changes))
