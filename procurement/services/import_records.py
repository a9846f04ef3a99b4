"""Rows that are each one record: created where its key is new, changed where a cell says something else.

An empty cell says nothing: what is stored stays, a new record takes its default.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from procurement.domain.import_table import Column, ReadRow
from procurement.models import ImportRow
from procurement.services.import_rows import Exported, Finding, Sheetful, Undoing, as_text, mark, refused, unread
from procurement.vocabulary import ImportKind, RowOutcome
from sites.accounts.models import User
from sites.domain.errors import BadInput, NotFound, NotPermitted

Record = TypeVar("Record", bound=models.Model)


class Records(ABC, Generic[Record]):
    """One kind of record, for the rows of one file: built anew for each, it may keep what it looked up."""

    columns: Sequence[Column]

    def __init__(self, actor: User, rows: Sequence[ReadRow], *, document: str, now: datetime) -> None:
        self.actor = actor
        self.document = document
        self.now = now
        self.load(rows)

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
        """Create or change it. Raises BadInput naming the column; NotPermitted."""

    @abstractmethod
    def parts(self, record: Record) -> Sequence[models.Model]:
        """The stored rows that make up the record, itself first: what undoing sets back."""

    @abstractmethod
    def withdraw(self, record: Record, undoing: Undoing) -> None:
        """Take away a record that the file made. Raises ProtectedError where something refers to it by now."""

    @abstractmethod
    def check_write(self, record: Record) -> None:
        """Raises NotPermitted, for the way back."""

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
            for row in rows:
                subject = records.subject(row)
                try:
                    if subjects.setdefault(subject, row.number) != row.number:
                        raise BadInput(_("Another row of this file is about the same."))
                    with transaction.atomic():
                        record = records.find(row)
                        changes = _changes(records, row, record)
                        if changes and rehearsed:
                            records.save(row, record)
                except (BadInput, NotFound, NotPermitted) as refusal:
                    found[row.number] = refused(file, row.number, BadInput(refusal.message, field=refusal.field))
                else:
                    found[row.number] = Finding(_outcome(record, changes), subject, changes)
            transaction.set_rollback(True)
        return found

    def apply(
        self, file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]
    ) -> dict[int, dict[str, Any]]:
        """Write the rows of these numbers. Raises BadInput naming the column."""
        rows = [row for row in _filled(file) if row.number in numbers]
        records = self._kind(file.actor, rows, document=file.document, now=file.now)
        written: dict[int, dict[str, Any]] = {number: {} for number in numbers}
        changed = []
        for row in rows:
            record = records.find(row)
            if not _changes(records, row, record):
                continue
            before = _snapshot(records, record)
            saved = records.save(row, record)
            after = _snapshot(records, saved)
            written[row.number] = {
                "record": str(saved.pk),
                "is_new": record is None,
                "parts": [
                    {"table": table, "id": key, "before": before.get((table, key)), "after": values}
                    for (table, key), values in after.items()
                    if values != before.get((table, key))
                ],
            }
            changed.append(saved)
        records.finish(changed, cause_key=cause_key, cause_text=cause_text)
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
        left: dict[int, str] = {}
        changed = []
        for row in sorted(rows, key=lambda each: each.number, reverse=True):
            record = (
                self._model._default_manager.select_for_update(of=("self",)).filter(pk=row.written["record"]).first()
            )
            if record is None:
                left[row.number] = _("It is gone.")
                continue
            records.check_write(record)
            now_as = _snapshot(records, record)
            is_as_left = all(now_as.get((part["table"], part["id"])) == part["after"] for part in row.written["parts"])
            if not is_as_left:
                left[row.number] = _("It was changed since.")
                if not undoing.force:
                    continue
            if row.written["is_new"]:
                try:
                    with transaction.atomic():
                        records.withdraw(record, undoing)
                except models.ProtectedError:
                    left[row.number] = _("Something refers to it by now.")
                    continue
            else:
                _set_back(records, record, row.written["parts"])
            changed.append(record)
        records.finish(changed, cause_key=undoing.cause_key, cause_text=undoing.cause_text)
        return left


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

_Snapshot = dict[tuple[str, str], dict[str, Any]]
_NOT_OURS = frozenset({"id", "created_at", "updated_at"})


def _snapshot(records: Records[Any], record: models.Model | None) -> _Snapshot:
    """The stored values of a record's rows, as JSON has them."""
    if record is None:
        return {}
    return {
        (part._meta.label_lower, str(part.pk)): {field.attname: _plain(value) for field, value in _columns(part)}
        for part in records.parts(record)
    }


def _columns(row: models.Model) -> "Iterator[tuple[models.Field[Any, Any], object]]":
    """Read anew: what a trigger or a default of the table wrote counts too."""
    kept = [field for field in row._meta.concrete_fields if field.attname not in _NOT_OURS and field.editable]
    values = type(row)._base_manager.filter(pk=row.pk).values_list(*(field.attname for field in kept)).get()
    return zip(kept, values, strict=True)


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return as_text(value)
    return DjangoJSONEncoder().default(value)


def _set_back(records: Records[Any], record: models.Model, parts: Sequence[Mapping[str, Any]]) -> None:
    by_key = {(part._meta.label_lower, str(part.pk)): part for part in records.parts(record)}
    for part in parts:
        row = by_key.get((part["table"], part["id"]))
        if row is None or part["before"] is None:
            continue
        changed = [name for name, value in part["before"].items() if value != part["after"][name]]
        for name in changed:
            field = next(field for field in row._meta.concrete_fields if field.attname == name)
            setattr(row, name, field.to_python(part["before"][name]))
        row.save(update_fields=changed)
