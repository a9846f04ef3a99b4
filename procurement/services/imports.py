"""Workbooks and business documents in: read in a closed process, previewed row by row, applied, and taken back."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from procurement.domain.cells import DayOrder, DecimalMark, Declared
from procurement.domain.import_table import (
    HEADER_WITHIN,
    Column,
    ColumnMapping,
    ReadRow,
    check_mapping,
    find_mapping,
    raw,
    read_rows,
    shape,
    unread_columns,
)
from procurement.domain.table import MOST_BYTES, Sheet, Workbook, column_letters
from procurement.gateways import sandbox
from procurement.models import ColumnMappingMemory, Company, ImportBatch, ImportRow
from procurement.readers import tables, workbook
from procurement.services import import_documents, refusal_words, vendor_answers
from procurement.services.copying import Plain, copy_in, update_each
from procurement.services.import_kinds import handler
from procurement.services.import_rows import KEY, OWN_COLUMNS, VERSION, Finding, Sheetful, Undoing, refused
from procurement.vocabulary import ImportKind, ImportState, RowOutcome
from sites.accounts import audit
from sites.accounts.models import User
from sites.domain.errors import BadInput, Conflict, NotFound

LIMITS = sandbox.Limits(cpu_seconds=30, memory_bytes=1024 * 1024 * 1024, wall_seconds=60)
_ROWS_AT_ONCE = 1000
_MANY_ROWS = 1000
_ROW_COLUMNS: Final = (
    "batch_id", "number", "outcome", "cells", "subject", "changes", "refusals", "written", "left",
)  # fmt: skip


class PreviewRenewed(Conflict):
    """What was previewed would now do something else; the new preview is stored."""

    keeps_what_it_wrote = True


@dataclass(frozen=True, slots=True)
class Said:
    """What the sender says of the file; None: not said. `header_row` counts from 1, `columns` are letters by field."""

    sheet: str | None = None
    header_row: int | None = None
    columns: Mapping[str, str] | None = None
    encoding: str | None = None
    day_order: DayOrder | None = None
    decimal_mark: DecimalMark | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    """One sheet of a file with its columns understood and its rows read."""

    sheet: Sheet
    mapping: ColumnMapping
    rows: tuple[ReadRow, ...]

    def address(self, number: int, field: str) -> str:
        if "document" in self.rows[0].values:
            return import_documents.path_of(self.rows[number], field)
        return self.sheet.address(number, self.mapping.columns.get(field))

    def cells(self, number: int) -> dict[str, str]:
        row = self.sheet.rows[number]
        return {field: raw(row[place]) for field, place in self.mapping.columns.items() if row[place] is not None}


@transaction.atomic
def stage(
    *,
    content: bytes,
    file_name: str,
    kind: ImportKind,
    stated_on: date,
    actor: User,
    now: datetime,
    company_id: UUID | None = None,
    said: Said = Said(),
    keep_unmapped: bool = False,
) -> ImportBatch:
    """Read a file and say of each row what applying it would do; nothing else is written.

    The same file for the same purpose answers with the batch that is there. With `keep_unmapped`, a file that can be
    read but whose columns are not understood is kept until `map_columns`. Raises BadInput naming the file, sheet, row,
    cell or `mapping/<field>`; then nothing is stored.
    """
    batch = begin(
        content=content,
        file_name=file_name,
        kind=kind,
        stated_on=stated_on,
        actor=actor,
        company_id=company_id,
    )
    return preview(batch, look(batch, said, keep_unmapped=keep_unmapped), actor=actor, now=now)


def begin(
    *, content: bytes, file_name: str, kind: ImportKind, stated_on: date, actor: User, company_id: UUID | None
) -> ImportBatch:
    """A file as it came, not stored yet. Raises BadInput naming `file` or `company`."""
    if len(content) > MOST_BYTES:
        raise BadInput(_("The file is larger than %(size)s MB.") % {"size": MOST_BYTES // 1024**2}, field="file")
    return ImportBatch(
        kind=kind,
        file_name=file_name[:200],
        file_sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        company=_company(company_id),
        stated_on=stated_on,
        uploaded_by=actor,
    )


@dataclass(frozen=True, slots=True)
class Look:
    """What a file was found to be; without a table, its columns wait for a person, who is shown `sheet` first."""

    said: Said
    table: _Table | None
    sheet: str

    @property
    def rows(self) -> int:
        return len(self.table.rows) if self.table else 0


def look(batch: ImportBatch, said: Said, *, keep_unmapped: bool) -> Look:
    """Read the file; nothing is written. Raises BadInput naming the file, sheet, row, cell or `mapping/<field>`."""
    kind, content = ImportKind(batch.kind), bytes(batch.content)
    if kind is ImportKind.DOCUMENTS:
        table = _document_table(content)
        return Look(Said(), table, table.sheet.name)
    book = _read(content, said.encoding)
    try:
        sheet, mapping, understood = _understood(book, kind, batch.company, said)
        return Look(understood, _table(sheet, mapping, kind, understood, batch.stated_on), sheet.name)
    except BadInput:
        if not keep_unmapped or said.columns is not None:
            raise
        return Look(said, None, book.sheets[0].name)


@transaction.atomic
def preview(batch: ImportBatch, seen: Look, *, actor: User, now: datetime) -> ImportBatch:
    """Say of each row what applying it would do, and store that with the file. Raises Conflict naming `file`."""
    is_new = batch._state.adding
    if seen.table is None:
        batch.state, batch.sheet, batch.declared = ImportState.UNMAPPED, seen.sheet, _declared_words(seen.said)
        batch.header_row = 1
        batch.save()
        return batch
    _describe(batch, seen.table, seen.said)
    known = _same(batch)
    if known is not None and known.pk != batch.pk:
        if not is_new:
            raise Conflict(_("This file was read this way already."), field="file")
        if not ImportBatch.objects.visible_to(actor).filter(pk=known.pk).exists():
            raise Conflict(_("Somebody else has sent this file already."), field="file")
        return known
    _give_time(seen.rows)
    batch.rows.all().delete()
    batch.state = ImportState.STAGED
    _store(batch)
    _previewed(batch, seen.table, actor, now)
    return batch


@transaction.atomic
def map_columns(*, batch_id: UUID, said: Said, actor: User, now: datetime) -> ImportBatch:
    """Read a file that waits for its columns, or whose preview understood them wrongly, by what a person says of them.

    Raises NotFound, Conflict, and BadInput naming the sheet, `header_row` or `mapping/<field>`.
    """
    batch = locked(batch_id, actor)
    check_idle(batch)
    check_mappable(batch)
    return preview(batch, look(batch, as_mapped(batch, said), keep_unmapped=False), actor=actor, now=now)


def as_mapped(batch: ImportBatch, said: Said) -> Said:
    """What a person says of the columns, with the encoding that was said with the file."""
    return replace(said, encoding=batch.declared.get("encoding"))


def check_mappable(batch: ImportBatch) -> None:
    """Raises Conflict."""
    if batch.state not in {ImportState.UNMAPPED, ImportState.STAGED}:
        raise Conflict(_("This import is %(state)s.") % {"state": batch.get_state_display().lower()})
    if batch.kind == ImportKind.DOCUMENTS:
        raise Conflict(_("A business document has no columns."))


def first_rows(batch: ImportBatch) -> tuple[Sheet, ...]:
    """The sheets of a stored file, each cut to its first rows: what a person maps columns by."""
    book = _read(bytes(batch.content), batch.declared.get("encoding"))
    return tuple(replace(sheet, rows=sheet.rows[:HEADER_WITHIN]) for sheet in book.sheets)


def _describe(batch: ImportBatch, table: _Table, said: Said) -> None:
    batch.sheet = table.sheet.name
    if batch.kind == ImportKind.DOCUMENTS:
        batch.header_row, batch.mapping, batch.columns_unread, batch.declared, batch.shape = 0, {}, {}, {}, ""
        return
    batch.header_row = table.mapping.header_row + 1
    batch.mapping = {field: column_letters(place) for field, place in sorted(table.mapping.columns.items())}
    batch.columns_unread = unread_columns(table.sheet, table.mapping)
    batch.declared = _declared_words(said)
    batch.shape = shape(table.sheet, table.mapping.header_row)


def _store(batch: ImportBatch) -> None:
    try:
        with transaction.atomic():
            batch.save()
    except IntegrityError:
        # Two at once: the other one was first.
        raise Conflict(_("This file is being read already."), field="file") from None


def _previewed(batch: ImportBatch, table: _Table, actor: User, now: datetime) -> None:
    _keep_findings(batch, table, _examine(batch, table, actor, now))
    if batch.kind != ImportKind.DOCUMENTS:
        _remember(batch)
    audit.record(
        actor=actor,
        verb="import.staged",
        subject_kind="import",
        subject_id=batch.pk,
        facts={"file": batch.file_name, "rows": batch.rows_read, "refused": batch.rows_refused},
    )


def apply(*, batch_id: UUID, actor: User, now: datetime) -> ImportBatch:
    """Write every accepted row in one transaction, with the file as their source.

    The rows are looked at again: where one would now do something else than was previewed, the preview is renewed,
    nothing is written and PreviewRenewed is raised. Raises NotFound, NotPermitted, Conflict.
    """
    with transaction.atomic():
        batch = locked(batch_id, actor)
        check_idle(batch)
        check_applicable(batch)
        _give_time(batch.rows_read)
        table = _table_again(batch)
        is_stale = not _still_true(batch, table, actor, now) or not _write(batch, table, actor, now)
        if is_stale:
            found = _examine(batch, table, actor, now)
            ImportRow.objects.filter(batch=batch).delete()
            _keep_findings(batch, table, found)
    if is_stale:
        raise PreviewRenewed(_("Something changed since the preview; look at it again."))
    return batch


def check_applicable(batch: ImportBatch) -> None:
    """Raises Conflict."""
    if batch.state != ImportState.STAGED:
        raise Conflict(_("This import is %(state)s.") % {"state": batch.get_state_display().lower()})
    if not batch.rows_accepted:
        raise Conflict(_("No row of it was accepted."))


def check_undoable(batch: ImportBatch, reason: str) -> None:
    """Raises Conflict, and BadInput naming `reason`."""
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    if batch.state != ImportState.APPLIED:
        raise Conflict(_("Only an applied import can be undone."))


@transaction.atomic
def undo(*, batch_id: UUID, reason: str, actor: User, now: datetime, force: bool = False) -> ImportBatch:
    """Take back what the import wrote: promises are retracted by rows that name it, every other state is set back.

    What was changed since is left, and its row says why, unless `force`. Raises NotFound, NotPermitted, Conflict, and
    BadInput naming `reason`.
    """
    batch = locked(batch_id, actor)
    check_idle(batch)
    check_undoable(batch, reason)
    _give_time(batch.rows_read)
    rows = list(batch.rows.exclude(written={}).only("batch", "number", "written", "left").order_by("number"))
    left = handler(batch.kind).undo(
        rows,
        Undoing(
            document=batch.file_name,
            reason=reason,
            cause_key=f"import-undo:{batch.pk}",
            cause_text=_("Undo of %(file)s: %(reason)s") % {"file": batch.file_name, "reason": reason},
            force=force,
            actor=actor,
            now=now,
        ),
    )
    kept = [(str(row.pk), left[row.number]) for row in rows if row.number in left]
    update_each(ImportRow, {"left": "text"}, kept)
    batch.state, batch.undone_by, batch.undone_at, batch.undo_reason = ImportState.UNDONE, actor, now, reason[:500]
    batch.save(update_fields=["state", "undone_by", "undone_at", "undo_reason"])
    vendor_answers.taken_back(batch)
    audit.record(actor=actor, verb="import.undone", subject_kind="import", subject_id=batch.pk, reason=reason)
    return batch


@transaction.atomic
def discard(*, batch_id: UUID, actor: User) -> ImportBatch:
    """Put a preview away unapplied; the file may be read anew. Raises NotFound, Conflict."""
    batch = locked(batch_id, actor)
    check_idle(batch)
    if batch.state not in {ImportState.STAGED, ImportState.UNMAPPED}:
        raise Conflict(_("Only a preview can be discarded."))
    batch.state = ImportState.DISCARDED
    batch.save(update_fields=["state"])
    audit.record(actor=actor, verb="import.discarded", subject_kind="import", subject_id=batch.pk)
    return batch


# -- reading -------------------------------------------------------------------------------------------------------


def _read(content: bytes, encoding: str | None) -> Workbook:
    if len(content) > MOST_BYTES:
        raise BadInput(_("The file is larger than %(size)s MB.") % {"size": MOST_BYTES // 1024**2}, field="file")
    return workbook.load(sandbox.run(tables.TARGET, tables.payload(content, encoding=encoding), limits=LIMITS))


def _company(key: UUID | None) -> Company | None:
    if key is None:
        return None
    company = Company.objects.filter(pk=key).first()
    if company is None:
        raise BadInput(_("There is no such company."), field="company")
    return company


def _understood(
    book: Workbook, kind: ImportKind, company: Company | None, said: Said
) -> tuple[Sheet, ColumnMapping, Said]:
    """The sheet and its columns: as said, as remembered of files of this shape, or as their titles say."""
    columns = columns_of(kind)
    sheets = [sheet for sheet in book.sheets if said.sheet in {None, sheet.name}]
    if not sheets:
        raise BadInput(_("The file has no sheet of this name."), field="sheet")
    remembered = None if said.columns is not None else _remembered(sheets, kind, company, said)
    if remembered is not None:
        return remembered
    refusal: BadInput | None = None
    for sheet in sheets:
        try:
            if said.columns is None:
                return sheet, find_mapping(sheet, columns), said
            mapping = ColumnMapping((said.header_row or 1) - 1, _places(said.columns))
            check_mapping(sheet, mapping, columns)
        except BadInput as trouble:
            refusal = refusal or trouble
        else:
            return sheet, mapping, said
    assert refusal is not None  # a workbook has a sheet
    raise refusal


def _places(letters: Mapping[str, str]) -> dict[str, int]:
    places = {}
    for field, said in letters.items():
        place = 0
        for letter in said.upper():
            if not "A" <= letter <= "Z" or len(said) > 3:
                raise BadInput(_("Name the column by its letters."), field=f"mapping/{field}")
            place = place * 26 + ord(letter) - 64
        places[field] = place - 1
    return places


def _remembered(
    sheets: Sequence[Sheet], kind: ImportKind, company: Company | None, said: Said
) -> tuple[Sheet, ColumnMapping, Said] | None:
    """How the columns of a file of this shape were last understood; None where none like it came before."""
    shapes = {
        shape(sheet, row): (sheet, row)
        for sheet in reversed(sheets)
        for row in range(min(len(sheet.rows), HEADER_WITHIN))
    }
    memory = ColumnMappingMemory.objects.filter(kind=kind, shape__in=shapes, company=company).first()
    if memory is None:
        return None
    sheet, row = shapes[memory.shape]
    declared = memory.declared
    return (
        sheet,
        ColumnMapping(row, _places(memory.mapping)),
        Said(
            encoding=said.encoding or declared.get("encoding"),
            day_order=said.day_order or (DayOrder(declared["day_order"]) if "day_order" in declared else None),
            decimal_mark=said.decimal_mark
            or (DecimalMark(declared["decimal_mark"]) if "decimal_mark" in declared else None),
        ),
    )


def _table(sheet: Sheet, mapping: ColumnMapping, kind: ImportKind, said: Said, stated_on: date) -> _Table:
    declared = Declared(stated_on, said.day_order, said.decimal_mark)
    return _Table(sheet, mapping, tuple(read_rows(sheet, mapping, columns_of(kind), declared)))


def _document_table(content: bytes) -> _Table:
    sheet, columns, rows = import_documents.as_rows(import_documents.read(content, limits=LIMITS))
    return _Table(sheet, ColumnMapping(-1, columns), rows)


def _table_again(batch: ImportBatch) -> _Table:
    """The stored bytes, read as they were read for the preview."""
    if batch.kind == ImportKind.DOCUMENTS:
        return _document_table(bytes(batch.content))
    declared = batch.declared
    said = Said(
        encoding=declared.get("encoding"),
        day_order=DayOrder(declared["day_order"]) if "day_order" in declared else None,
        decimal_mark=DecimalMark(declared["decimal_mark"]) if "decimal_mark" in declared else None,
    )
    book = _read(bytes(batch.content), said.encoding)
    sheet = next(sheet for sheet in book.sheets if sheet.name == batch.sheet)
    mapping = ColumnMapping(batch.header_row - 1, _places(batch.mapping))
    return _table(sheet, mapping, ImportKind(batch.kind), said, batch.stated_on)


def _declared_words(said: Said) -> dict[str, str]:
    words = {"encoding": said.encoding, "day_order": said.day_order, "decimal_mark": said.decimal_mark}
    return {name: str(word) for name, word in words.items() if word is not None}


# -- looking at rows -----------------------------------------------------------------------------------------------


def _sheetful(batch: ImportBatch, table: _Table, actor: User, now: datetime) -> Sheetful:
    return Sheetful(
        kind=ImportKind(batch.kind),
        rows=table.rows,
        address=table.address,
        stated_on=batch.stated_on,
        document=batch.file_name,
        actor=actor,
        now=now,
    )


def columns_of(kind: ImportKind) -> Sequence[Column]:
    """Those of the kind, and the two hidden ones of what we exported."""
    return (*handler(kind).columns_of(kind), *OWN_COLUMNS)


def _looked_at(batch: ImportBatch, table: _Table, actor: User, now: datetime, *, rehearsed: bool) -> dict[int, Finding]:
    """What each filled row would do. A row of ours that was changed here since it was exported does nothing."""
    file = _sheetful(batch, table, actor, now)
    found = handler(batch.kind).examine(file, rehearsed=rehearsed)
    ours = [row for row in file.rows if KEY in row.values and found[row.number].changes]
    if not ours:
        return found
    marks = handler(batch.kind).marks(replace(file, rows=ours))
    for row in ours:
        key, version = marks.get(row.number, ("", ""))
        if key != row.values[KEY]:
            refusal = BadInput(_("The row was exported as another record's."), field=KEY)
        elif version != row.values.get(VERSION):
            refusal = BadInput(_("It was changed here since the export; export it again."), field=VERSION)
        else:
            continue
        found[row.number] = refused(file, row.number, refusal)
    return found


def _examine(batch: ImportBatch, table: _Table, actor: User, now: datetime) -> dict[int, Finding]:
    found = _looked_at(batch, table, actor, now, rehearsed=True)
    blank = Finding(RowOutcome.BLANK)
    return {row.number: blank if row.is_blank else found[row.number] for row in table.rows}


def _rows(batch: ImportBatch, table: _Table, found: Mapping[int, Finding]) -> Iterator[tuple[Plain, ...]]:
    for number, finding in found.items():
        refusals = [
            {"address": each.address, "field": each.field, "message": refusal_words.said(each.message)}
            for each in finding.refusals
        ]
        yield (
            str(batch.pk), number + 1, finding.outcome.value, json.dumps(table.cells(number)), finding.subject[:200],
            json.dumps(_as_stored(finding)), json.dumps(refusals), "{}", "",
        )  # fmt: skip


def _as_stored(finding: Finding) -> list[dict[str, str]]:
    return [{"field": field, "old": old, "new": new} for field, old, new in finding.changes]


def _keep_findings(batch: ImportBatch, table: _Table, found: Mapping[int, Finding]) -> None:
    copy_in(ImportRow, _ROW_COLUMNS, _rows(batch, table, found))
    outcomes = [finding.outcome for finding in found.values()]
    batch.rows_read = len(outcomes)
    batch.rows_refused = outcomes.count(RowOutcome.REFUSED)
    batch.rows_blank = outcomes.count(RowOutcome.BLANK)
    batch.rows_accepted = batch.rows_read - batch.rows_refused - batch.rows_blank
    batch.save(update_fields=["rows_read", "rows_accepted", "rows_refused", "rows_blank"])


def _still_true(batch: ImportBatch, table: _Table, actor: User, now: datetime) -> bool:
    """Whether every accepted row would still do what was previewed; what refuses at the writing is seen there."""
    found = _looked_at(batch, table, actor, now, rehearsed=False)
    stored = _accepted(batch).values_list("number", "outcome", "changes").iterator(chunk_size=_ROWS_AT_ONCE)
    return all(
        (outcome, changes) == (found[number - 1].outcome, _as_stored(found[number - 1]))
        for number, outcome, changes in stored
    )


def _accepted(batch: ImportBatch) -> QuerySet[ImportRow]:
    return batch.rows.exclude(outcome__in=[RowOutcome.REFUSED, RowOutcome.BLANK])


def _same(batch: ImportBatch) -> ImportBatch | None:
    return ImportBatch.objects.filter(
        file_sha256=batch.file_sha256,
        kind=batch.kind,
        sheet=batch.sheet,
        mapping=batch.mapping,
        header_row=batch.header_row,
        declared=batch.declared,
        stated_on=batch.stated_on,
        state__in=[ImportState.STAGED, ImportState.APPLIED],
    ).first()


def _remember(batch: ImportBatch) -> None:
    ColumnMappingMemory.objects.update_or_create(
        company=batch.company,
        kind=batch.kind,
        shape=batch.shape,
        defaults={"mapping": batch.mapping, "declared": batch.declared},
    )


def _give_time(rows: int) -> None:
    """Of thousands of rows, this transaction may compute for minutes between two statements, and in one; what bounds
    those is made for pages. Waiting for a lock stays bounded.
    """
    if rows > _MANY_ROWS:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('idle_in_transaction_session_timeout', '0', true),"
                " set_config('statement_timeout', '0', true)"
            )


# -- writing -------------------------------------------------------------------------------------------------------


def check_idle(batch: ImportBatch) -> None:
    """Raises Conflict while something that was asked before is still to be done."""
    if batch.work:
        raise Conflict(_("This import %(work)s; wait until it is done.") % {"work": batch.get_work_display()})


def locked(batch_id: UUID, actor: User) -> ImportBatch:
    """Raises NotFound."""
    batch = (
        ImportBatch.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("company")
        .filter(pk=batch_id)
        .first()
    )
    if batch is None:
        raise NotFound(_("There is no such import."), field="import")
    return batch


def _write(batch: ImportBatch, table: _Table, actor: User, now: datetime) -> bool:
    """False, with nothing written, where a row is refused that the preview accepted."""
    keys = {number - 1: key for number, key in _accepted(batch).values_list("number", "pk")}
    said_by = batch.company.name if batch.company else str(actor)
    try:
        with transaction.atomic():
            written = handler(batch.kind).apply(
                _sheetful(batch, table, actor, now),
                cause_key=f"import:{batch.pk}",
                cause_text=_("%(who)s by file %(file)s") % {"who": said_by, "file": batch.file_name},
                numbers=keys.keys(),
            )
    except BadInput:
        return False
    noted = iter((str(keys[number]), json.dumps(what)) for number, what in written.items() if what)
    while some := list(islice(noted, _ROWS_AT_ONCE)):
        update_each(ImportRow, {"written": "jsonb"}, some)
    batch.state, batch.applied_by, batch.applied_at = ImportState.APPLIED, actor, now
    batch.save(update_fields=["state", "applied_by", "applied_at"])
    vendor_answers.came_back(batch)
    audit.record(
        actor=actor,
        verb="import.applied",
        subject_kind="import",
        subject_id=batch.pk,
        facts={"file": batch.file_name, "rows": batch.rows_accepted, "refused": batch.rows_refused},
    )
    return True
