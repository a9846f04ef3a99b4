"""Rows that are each one record: created where its key is new, changed where a cell says something else.

An empty cell says nothing: what is stored stays, a new record takes its default.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from procurement.domain.import_table import Column, ReadRow
from procurement.models import ImportRow
from procurement.services import progress
from procurement.services.copying import save_each
from procurement.services.import_rows import Exported, Finding, Sheetful, Undoing, as_text, mark, refused, unread
from procurement.services.single import hold_sites
from procurement.vocabulary import ImportKind, ProgressStep, RowOutcome
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, NotFound, NotPermitted
from sites.queries.among import among
from sites.services.access import check_can

_TELL_EVERY: Final = 500
_ROWS_AT_ONCE: Final = 1000
Record = TypeVar("Record", bound=models.Model)


class Records(ABC, Generic[Record]):
    """One kind of record, for the rows of one file: built anew for each, it may keep what it looked up."""

    columns: Sequence[Column]
    # What the way back reads along with each record.
    related: tuple[str, ...] = ()
    # The field that leads to the key of the site where something is calculated from it; empty where nothing is.
    site_path: str = ""
    # What stands in another record's way until it has changed.
    in_turn: frozenset[str] = frozenset()

    def __init__(self, actor: User, rows: Sequence[ReadRow], *, document: str, now: datetime) -> None:
        self.actor = actor
        self.document = document
        self.now = now
        self._allowed: set[tuple[Permission, UUID | None]] = set()
        self._kept: dict[UUID, tuple[models.Model, tuple[str, ...]]] = {}
        self.load(rows)

    def check_may(self, permission: Permission, *, site_id: UUID | None) -> None:
        """As `check_can`, asked once a place. Raises NotPermitted."""
        if (permission, site_id) not in self._allowed:
            check_can(self.actor, permission, site_id=site_id)
            self._allowed.add((permission, site_id))

    @abstractmethod
    def load(self, rows: Sequence[ReadRow]) -> None:
        """Look up what the rows name, in a fixed number of queries."""

    @abstractmethod
    def subject(self, row: ReadRow) -> str:
        """What a reader calls the record. Two rows of one subject are one too many."""

    @abstractmethod
    def find(self, row: ReadRow) -> Record | None:
        """The record that the row names; None: it would be new. Raises BadInput naming the column."""

    @abstractmethod
    def state(self, record: Record) -> Mapping[str, object]:
        """What the columns say of a stored record, as `row.values` would; nothing of one that was put away."""

    @abstractmethod
    def rows_of(self, actor: User) -> models.QuerySet[Record]:
        """The records the actor may see, in the order of a list."""

    def said(self, row: ReadRow) -> Mapping[str, object]:
        """What the row says, in the words of `state`."""
        return row.values

    @abstractmethod
    def save(self, row: ReadRow, record: Record | None) -> Record:
        """Make or change it, and `keep` it. Raises BadInput naming the column, and NotPermitted, before it is kept."""

    def keep(self, *rows: models.Model, names: Sequence[str] = ()) -> None:
        """To be written with those of the other rows; what another refers to is kept before it. Of a stored one only
        `names` are, unless all are.
        """
        self._kept.update((row.pk, (row, tuple(names))) for row in rows)

    def write(self) -> None:
        """What was kept: a few statements a table, however many rows."""
        alike: dict[tuple[type[models.Model], tuple[str, ...]], list[models.Model]] = defaultdict(list)
        for row, names in self._kept.values():
            alike[type(row), names].append(row)
        for (model, names), rows in alike.items():
            own = model._meta.concrete_fields
            save_each(
                [row for row in rows if not row._state.adding],
                names or [each.attname for each in own if not each.primary_key and each.name != "created_at"],
            )
            new = [row for row in rows if row._state.adding]
            model._base_manager.bulk_create(new, batch_size=_ROWS_AT_ONCE)
        self._kept.clear()

    def parts(self, records: Sequence[Record]) -> Sequence[Sequence[models.Model]]:
        """Of each the stored rows that make it up, itself first: what undoing sets back."""
        return [(record,) for record in records]

    @abstractmethod
    def withdraw(self, records: Sequence[Record], undoing: Undoing) -> None:
        """Take away records that the file made. Raises ProtectedError where something refers to one by now."""

    @abstractmethod
    def check_write(self, record: Record) -> None:
        """Raises NotPermitted, for the way back."""

    def sites(self, records: Sequence[Record]) -> set[UUID]:
        """Where something is calculated from them: held before they are written."""
        return set(map(attrgetter(self.site_path.replace("__", ".")), records)) if self.site_path else set()

    def finish(self, records: Sequence[Record], *, cause_key: str, cause_text: str) -> None:
        """After the last record is written: what hangs on them."""


class RecordImport:
    """The handler of one kind of record."""

    def __init__(self, kind: type[Records[Any]], model: type[models.Model]) -> None:
        self._kind = kind
        self._model = model

    def columns_of(self, kind: ImportKind) -> Sequence[Column]:
        return self._kind.columns

    def examine(self, file: Sheetful, *, rehearsed: bool = True) -> dict[int, Finding]:
        """Every refusal that applying would meet is met here, on writes that are rolled back."""
        found = unread(file.rows)
        rows = _filled(file)
        records = self._kind(file.actor, rows, document=file.document, now=file.now)
        subjects: dict[str, int] = {}
        with transaction.atomic():
            for row in progress.told(ProgressStep.COMPARING, rows, every=_TELL_EVERY):
                subject = records.subject(row)
                try:
                    if subjects.setdefault(subject, row.number) != row.number:
                        raise BadInput(_("Another row of this file is about the same."))
                    record = records.find(row)
                    changes = _changes(records, row, record)
                    if changes and rehearsed:
                        records.save(row, record)
                except (BadInput, NotFound, NotPermitted) as refusal:
                    found[row.number] = refused(file, row.number, BadInput(refusal.message, field=refusal.field))
                else:
                    found[row.number] = Finding(_outcome(record, changes), subject, changes)
            records.write()
            transaction.set_rollback(True)
        return found

    def apply(
        self, file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]
    ) -> dict[int, dict[str, Any]]:
        """Write the rows of these numbers. Raises BadInput naming the column."""
        rows = [row for row in _filled(file) if row.number in numbers]
        records = self._kind(file.actor, rows, document=file.document, now=file.now)
        found = [(row, records.find(row)) for row in rows]
        meant = [(row, record) for row, record in found if _changes(records, row, record)]
        before = _snapshots(records, [record for _row, record in meant if record is not None])
        told = progress.told(ProgressStep.WRITING, meant, every=_TELL_EVERY)
        saved = [records.save(row, record) for row, record in told]
        hold_sites(records.sites(saved))
        records.write()
        after = _snapshots(records, saved)
        written: dict[int, dict[str, Any]] = {number: {} for number in numbers}
        for (row, record), done in zip(meant, saved, strict=True):
            was = before.get(done.pk, {})
            written[row.number] = {
                "record": str(done.pk),
                "is_new": record is None,
                "parts": [
                    {"table": table, "id": key, "before": was.get((table, key)), "after": values}
                    for (table, key), values in after[done.pk].items()
                    if values != was.get((table, key))
                ],
            }
        records.finish(saved, cause_key=cause_key, cause_text=cause_text)
        return written

    def marks(self, file: Sheetful) -> dict[int, tuple[str, str]]:
        rows = _filled(file)
        records = self._kind(file.actor, rows, document=file.document, now=file.now)
        found = {}
        for row in rows:
            try:
                record = records.find(row)
            except BadInput:
                continue
            if record is not None:
                found[row.number] = (str(record.pk), self._version(records, record))
        return found

    def _version(self, records: Records[Any], record: models.Model) -> str:
        state = records.state(record)
        return mark(state.get(column.field) for column in self._kind.columns)

    def export(self, kind: ImportKind, actor: User, keys: Sequence[UUID] | None) -> Iterator[Exported]:
        records = self._kind(actor, (), document="", now=timezone.now())
        rows = records.rows_of(actor)
        for record in (rows if keys is None else rows.filter(pk__in=keys)).iterator(chunk_size=2000):
            yield Exported(str(record.pk), self._version(records, record), records.state(record), {})

    def undo(self, rows: Sequence[ImportRow], undoing: Undoing) -> dict[int, str]:
        """Set every record back to what it was before the file; the last row first."""
        records = self._kind(undoing.actor, (), document=undoing.document, now=undoing.now)
        locked = self._locked([row.written["record"] for row in rows])
        for record in locked.values():
            records.check_write(record)
        now_as = _snapshots(records, list(locked.values()))
        left = {row.number: _("It is gone.") for row in rows if row.written["record"] not in locked}
        made: dict[int, Any] = {}
        changed: list[Any] = []
        set_back: list[Sequence[Mapping[str, Any]]] = []
        backwards = sorted(rows, key=lambda each: each.number, reverse=True)
        for row in progress.told(ProgressStep.WRITING, backwards, every=_TELL_EVERY):
            if row.number in left:
                continue
            record = locked[row.written["record"]]
            state = now_as[record.pk]
            if any(state.get((part["table"], part["id"])) != part["after"] for part in row.written["parts"]):
                left[row.number] = _("It was changed since.")
                if not undoing.force:
                    continue
            if row.written["is_new"]:
                made[row.number] = record
            else:
                set_back.append(row.written["parts"])
                changed.append(record)
        _set_back(records, changed, set_back)
        held = {record.pk for record in _withdraw(records, list(made.values()), undoing)}
        left |= {number: _("Something refers to it by now.") for number, record in made.items() if record.pk in held}
        changed += [record for record in made.values() if record.pk not in held]
        records.finish(changed, cause_key=undoing.cause_key, cause_text=undoing.cause_text)
        return left

    def _locked(self, keys: Sequence[str]) -> dict[str, Any]:
        """By key those that are still there, locked in the order of their keys."""
        rows = self._model._default_manager.select_related(*self._kind.related).filter(among("pk", map(UUID, keys)))
        if self._kind.site_path:
            hold_sites(rows.values_list(self._kind.site_path, flat=True))
        return {str(row.pk): row for row in rows.select_for_update(of=("self",)).order_by("pk")}


def _withdraw(records: Records[Any], those: Sequence[Any], undoing: Undoing) -> Sequence[Any]:
    """Those that something refers to; found by halves, so that a file of thousands is taken away at once."""
    if not those:
        return []
    try:
        with transaction.atomic():
            records.withdraw(those, undoing)
    except models.ProtectedError:
        if len(those) == 1:
            return those
        middle = len(those) // 2
        halves = (those[:middle], those[middle:])
        return [record for half in halves for record in _withdraw(records, half, undoing)]
    return []


def _filled(file: Sheetful) -> list[ReadRow]:
    return [row for row in file.rows if row.values and not row.refusals]


def _changes(records: Records[Any], row: ReadRow, record: models.Model | None) -> tuple[tuple[str, str, str], ...]:
    stored = records.state(record) if record is not None else {}
    said = records.said(row)
    return tuple(
        (column.field, as_text(stored.get(column.field)), as_text(said[column.field]))
        for column in records.columns
        if column.field in said
        and not (column.names and record is not None)
        and as_text(stored.get(column.field)) != as_text(said[column.field])
    )


def _outcome(record: models.Model | None, changes: tuple[tuple[str, str, str], ...]) -> RowOutcome:
    if record is None:
        return RowOutcome.NEW
    return RowOutcome.CHANGED if changes else RowOutcome.UNCHANGED


# -- the way back --------------------------------------------------------------------------------------------------

_Values = dict[str, Any]
_Snapshot = dict[tuple[str, str], _Values]
_NOT_OURS = frozenset({"id", "created_at", "updated_at"})


def _snapshots(records: Records[Any], of: Sequence[models.Model]) -> dict[UUID, _Snapshot]:
    """By the key of the record the stored values of its rows, as JSON has them. A query a table.

    Read anew: what a trigger or a default of the table wrote counts too.
    """
    parts = records.parts(of)
    keys: dict[type[models.Model], set[UUID]] = defaultdict(set)
    for part in chain.from_iterable(parts):
        keys[type(part)].add(part.pk)
    stored = {(model, key): values for model in keys for key, values in _stored(model, keys[model])}
    return {
        record.pk: {(part._meta.label_lower, str(part.pk)): stored[type(part), part.pk] for part in each}
        for record, each in zip(of, parts, strict=True)
    }


def _stored(model: type[models.Model], keys: Collection[UUID]) -> Iterator[tuple[UUID, _Values]]:
    names = [each.attname for each in model._meta.concrete_fields if each.attname not in _NOT_OURS and each.editable]
    rows = model._base_manager.filter(among("pk", list(keys))).values_list("pk", *names)
    for key, *values in rows.iterator(chunk_size=2000):
        yield key, {name: _plain(value) for name, value in zip(names, values, strict=True)}


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return as_text(value)
    return DjangoJSONEncoder().default(value)


def _set_back(
    records: Records[Any], those: Sequence[models.Model], parts_of: Sequence[Sequence[Mapping[str, Any]]]
) -> None:
    """In this order; of a row that several records share, the last value stays."""
    rows: dict[tuple[str, str], models.Model] = {}
    for row in chain.from_iterable(records.parts(those)):
        rows.setdefault((row._meta.label_lower, str(row.pk)), row)
    changed: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for part in chain.from_iterable(parts_of):
        key = (part["table"], part["id"])
        if key not in rows or part["before"] is None:
            continue
        for name, value in part["before"].items():
            if value != part["after"][name]:
                field = next(field for field in rows[key]._meta.concrete_fields if field.attname == name)
                setattr(rows[key], name, field.to_python(value))
                changed[key][name] = None
    alike: dict[tuple[object, tuple[str, ...]], list[models.Model]] = defaultdict(list)
    for key, names in changed.items():
        alike[key[:1] if records.in_turn.isdisjoint(names) else key, tuple(names)].append(rows[key])
    for (_key, named), some in alike.items():
        save_each(some, named)
