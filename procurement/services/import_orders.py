"""Order lines by order, line and schedule number, through the one way an order is written.

An order that another system keeps is not changed from a file: its commercial truth is that system's.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain import cells
from procurement.domain.import_table import Column, ReadRow
from procurement.domain.money import CURRENCIES, UNKNOWN_CURRENCY
from procurement.domain.order_document import HIGHEST_NUMBER, LineDocument, OrderDocument, ScheduleDocument
from procurement.models import ExternalRef, ImportRow, PurchaseOrder, ScheduleLine
from procurement.services import order_blanks, orders, progress
from procurement.services.import_columns import capitals, code, number, text, whole
from procurement.services.import_rows import Exported, Finding, Sheetful, Undoing, as_text, mark, refused, unread
from procurement.services.stored_orders import ORDER_REF
from procurement.vocabulary import CommercialStatus, ImportKind, LineStatus, ProgressStep, RowOutcome
from sites.accounts.models import User
from sites.domain.errors import BadInput, RuleBroken

SYSTEM: Final = "file"

_NUMBER = whole(least=1, most=HIGHEST_NUMBER)
COLUMNS: Final = (
    Column("order", ("PO", "PO No.", "PO number", "Purchase order", "Order No.", "Order number", "Bestellung",
                     "注文番号"), code(60), required=True, names=True),
    Column("line", ("Item", "Line No.", "Line item", "Pos", "Position", "明細"), _NUMBER, required=True, names=True),
    Column("schedule", ("Schedule line", "Schedule No."), _NUMBER, names=True),
    Column("vendor", ("Vendor code", "Supplier code", "Vendor", "Supplier", "Lieferant", "仕入先"), code(80)),
    Column("currency", ("Currency", "Währung", "通貨"), capitals(3)),
    Column("title", ("Title", "Order title", "件名"), text(200)),
    Column("issued_on", ("Order date", "PO date", "Issued on", "Bestelldatum", "注文日"), cells.day),
    Column("incoterm", ("Incoterm", "Incoterms", "Delivery terms"), text(60)),
    Column("incoterm_place", ("Incoterm place", "Named place"), text(120)),
    Column("class", ("Class", "Equipment class", "Class code", "機器分類"), code(40)),
    Column("plant", ("Plant", "Plant code", "Factory", "工場"), code(81)),
    Column("description", ("Description", "Item text", "Beschreibung", "品名"), text(300)),
    Column("quantity", ("Qty", "Quantity", "Menge", "数量"), number(places=3, least="0.001", most="10000000")),
    Column("unit", ("Unit", "UoM", "Einheit", "単位"), code(6)),
    Column("unit_price", ("Unit price", "Price", "Preis", "単価"), number(places=4, most="10000000000000")),
    Column("site", ("Site", "Site code", "Ship to", "納入先"), code(80)),
    Column("contract_on", ("Contract date", "Contractual date", "Contract delivery", "Vertragstermin", "契約納期"),
           cells.day),
)  # fmt: skip
_HEADER: Final = ("vendor", "currency", "title", "issued_on", "incoterm", "incoterm_place")
_OF_LINE: Final = ("class", "plant", "description", "unit", "unit_price")
_OF_SCHEDULE: Final = ("quantity", "site", "contract_on")
# What the order's own words for its parts are, and the columns they stand in.
_COLUMN_OF: Final = {
    "equipment_class": "class", "contractual_date": "contract_on", "line_number": "line", "schedule_number": "schedule",
    "number": "order",
}  # fmt: skip
_Key = tuple[int, int]  # line and schedule number
_TELL_EVERY: Final = 20


def columns_of(kind: ImportKind) -> Sequence[Column]:
    return COLUMNS


def examine(file: Sheetful, *, rehearsed: bool = True) -> dict[int, Finding]:
    """What each row would do; every refusal that applying would meet is met here, on an order that is rolled back."""
    found = unread(file.rows)
    # What would move is not asked: it could refuse nothing, and is rolled back.
    later = orders.Later() if rehearsed else None
    groups = _Group.of(file, file.actor, _filled(file))
    for group in progress.told(ProgressStep.COMPARING, groups, every=_TELL_EVERY):
        turned_down = group.refusals(file, later)
        for row in group.rows:
            if row.number in turned_down:
                found[row.number] = refused(file, row.number, turned_down[row.number])
            else:
                found[row.number] = group.finding(row)
    return found


def apply(file: Sheetful, *, cause_key: str, cause_text: str, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    """One calculation a site, after the last order. Raises BadInput naming the column of a row."""
    written: dict[int, dict[str, Any]] = {key: {} for key in numbers}
    rows = [row for row in _filled(file) if row.number in numbers]
    later = orders.Later()
    with transaction.atomic():
        groups = _Group.of(file, file.actor, rows)
        changing = [(group, [row for row in group.rows if group.changes(row)]) for group in groups]
        changing = [(group, changed) for group, changed in changing if changed]
        for group, changed in progress.told(ProgressStep.WRITING, changing, every=_TELL_EVERY):
            group.write(changed, file, later)
        known = _Order.of(file.actor, [group.number for group, _changed in changing])
        for group, changed in changing:
            after = known[group.number]
            for row in changed:
                written[row.number] = {
                    "order": group.number,
                    "is_new": not group.order.is_known,
                    "line": row.values["line"],
                    "schedule": group.key(row)[1],
                    "before": _texts(group.order.lines.get(group.key(row))),
                    "after": _texts(after.lines.get(group.key(row))),
                    "header_before": _texts(group.order.header) if group.order.is_known else None,
                    "header_after": _texts(after.header),
                }
        later.calculate(cause_key=cause_key, cause_text=cause_text, actor=file.actor, now=file.now)
    return written


def marks(file: Sheetful) -> dict[int, tuple[str, str]]:
    found = {}
    for group in _Group.of(file, file.actor, _filled(file)):
        for row in group.rows:
            if (version := group.order.version(group.key(row))) is not None:
                found[row.number] = (_key_text(group.number, group.key(row)), version)
    return found


def export(kind: ImportKind, actor: User, keys: Sequence[UUID] | None) -> Iterator[Exported]:
    """One row a schedule line; `keys` are those of orders."""
    orders_seen = PurchaseOrder.objects.visible_to(actor)
    numbers = (orders_seen if keys is None else orders_seen.filter(pk__in=keys)).order_by("number")
    for number_, order in _Order.of(actor, list(numbers.values_list("number", flat=True))).items():
        for key, line in sorted(order.lines.items()):
            values = {"order": number_, "line": key[0], "schedule": key[1]} | order.header | line
            if values["currency"] not in CURRENCIES:  # an empty cell says nothing: what is kept as text stays
                values["currency"] = None
            yield Exported(_key_text(number_, key), order.version(key) or "", values, {})


def _key_text(number_: str, key: _Key) -> str:
    return f"{number_}/{key[0]}/{key[1]}"


def undo(rows: Sequence[ImportRow], undoing: Undoing) -> dict[int, str]:
    """Set header and lines back, also to empty; what the file added is cancelled."""
    left: dict[int, str] = {}
    by_order: dict[str, list[ImportRow]] = defaultdict(list)
    for row in rows:
        by_order[row.written["order"]].append(row)
    known, later = _Order.of(undoing.actor, by_order), orders.Later()
    for number_, members in progress.told(ProgressStep.WRITING, sorted(by_order.items()), every=_TELL_EVERY):
        order = known[number_]
        if not order.is_known:
            left.update({row.number: _("There is no such order.") for row in members})
            continue
        back = _Back()
        for row in members:
            key = (row.written["line"], row.written["schedule"])
            if _texts(order.lines.get(key)) != row.written["after"]:
                left[row.number] = _("It was changed since.")
                if not undoing.force:
                    continue
            back.add_line(row, key)
        header_left = back.add_header(members, order, force=undoing.force)
        if header_left:
            left.setdefault(members[0].number, header_left)
        is_whole = members[0].written["is_new"] and len(back.lines) == len(members)
        try:
            with transaction.atomic():
                back.write(number_, order, undoing, later, is_whole=is_whole)
        except RuleBroken as refusal:
            left.update({row.number: refusal.message for row in members})
    later.calculate(cause_key=undoing.cause_key, cause_text=undoing.cause_text, actor=undoing.actor, now=undoing.now)
    return left


class _Back:
    """What an order is set back to: values by a document, and what was empty before by name."""

    def __init__(self) -> None:
        self.lines: list[LineDocument] = []
        self.header: dict[str, Any] = {}
        self.empty: dict[_Key, set[str]] = {}
        self.is_unissued = False

    def add_line(self, row: ImportRow, key: _Key) -> None:
        before: Mapping[str, str] | None = row.written["before"]
        line, schedule = key
        if before is None:
            cancelled = ScheduleDocument(number=schedule, status=LineStatus.CANCELLED)
            self.lines.append(LineDocument(number=line, schedules=(cancelled,)))
            return
        emptied = {name for name, text_ in row.written["after"].items() if text_ and not before.get(name)}
        if emptied - {"description"}:
            self.empty[key] = emptied - {"description"}
        values: dict[str, Any] = {name: text_ for name, text_ in before.items() if text_ or name == "description"}
        for name, read in (("quantity", Decimal), ("unit_price", Decimal), ("contract_on", date.fromisoformat)):
            if name in values:
                values[name] = read(values[name])
        self.lines.append(_line(key, values, field=str(row.number)))

    def add_header(self, members: Sequence[ImportRow], order: "_Order", *, force: bool) -> str:
        """Why the header stays as it is; empty where it is set back, or was never changed."""
        before, after = members[0].written.get("header_before"), members[0].written.get("header_after")
        if not before or before == after:
            return ""
        if _texts(order.header) != after and not force:
            return _("The head of the order was changed since.")
        said = {name: value for name, value in before.items() if value != after[name]}
        self.is_unissued = said.get("issued_on") == ""
        self.header = {
            name: date.fromisoformat(value) if name == "issued_on" else value
            for name, value in said.items()
            if value or name != "issued_on"
        }
        return ""

    def write(self, number_: str, order: "_Order", undoing: Undoing, later: orders.Later, *, is_whole: bool) -> None:
        """Raises what `orders.upsert` raises."""
        if self.empty or self.is_unissued:
            order_blanks.blank(
                order_id=order.key,
                lines=self.empty,
                issued_on=self.is_unissued,
                reason=undoing.reason,
                actor=undoing.actor,
                now=undoing.now,
                later=later,
            )
        if not self.lines and not self.header:
            return
        document = order.document(number_, self.header, self.lines)
        if is_whole:
            document = replace(document, status=CommercialStatus.CANCELLED)
        orders.upsert(
            document=document,
            system=SYSTEM,
            external_id=number_,
            actor=undoing.actor,
            now=undoing.now,
            later=later,
        )


def _filled(file: Sheetful) -> list[ReadRow]:
    return [row for row in file.rows if row.values and not row.refusals]


def _texts(values: Mapping[str, object] | None) -> dict[str, str] | None:
    return None if values is None else {name: as_text(value) for name, value in sorted(values.items())}


def _line(key: _Key, said: Mapping[str, Any], *, field: str) -> LineDocument:
    line, schedule = key
    return LineDocument(
        number=line,
        equipment_class=said.get("class"),
        plant=said.get("plant"),
        description=said.get("description"),
        unit=said.get("unit"),
        unit_price=said.get("unit_price"),
        schedules=(
            ScheduleDocument(
                number=schedule,
                quantity=said.get("quantity"),
                contract_on=said.get("contract_on"),
                site=said.get("site"),
                field=field,
            ),
        ),
        field=field,
    )


class _Order:
    """An order as it stands, in the words of the columns: its header, and its lines by line and schedule number."""

    def __init__(self) -> None:
        self.key: UUID
        self.is_known = False
        self.is_kept_elsewhere = False
        self.header: dict[str, object] = {}
        self.lines: dict[_Key, dict[str, object]] = {}

    @staticmethod
    def of(actor: User, numbers: Collection[str]) -> dict[str, "_Order"]:
        """In three queries; an order out of sight is not known."""
        found: dict[str, _Order] = {each: _Order() for each in numbers}
        visible = PurchaseOrder.objects.visible_to(actor).filter(number__in=found).select_related("seller")
        keys = {}
        for row in visible:
            keys[row.pk] = order = found[row.number]
            order.is_known, order.key = True, row.pk
            order.header = {
                "vendor": row.seller.code,
                "currency": row.currency_text or row.currency,
                "title": row.title,
                "issued_on": row.issued_on,
                "incoterm": row.incoterm or row.incoterm_text,
                "incoterm_place": row.incoterm_place,
            }
        elsewhere = ExternalRef.objects.filter(kind=ORDER_REF, subject_id__in=keys).exclude(system=SYSTEM)
        for key in elsewhere.values_list("subject_id", flat=True):
            keys[key].is_kept_elsewhere = True
        schedules = ScheduleLine.objects.visible_to(actor).filter(line__order__in=keys)
        for schedule in schedules.select_related("line__equipment_class", "line__plant__company", "site"):
            line = schedule.line
            keys[line.order_id].lines[line.number, schedule.number] = {
                "class": line.equipment_class.code,
                "plant": f"{line.plant.company.code}/{line.plant.code}" if line.plant else None,
                "description": line.description,
                "unit": line.unit,
                "unit_price": line.unit_price,
                "quantity": schedule.quantity,
                "site": schedule.site.code if schedule.site else None,
                "contract_on": schedule.contract_on,
            }
        return found

    def version(self, key: _Key) -> str | None:
        """Stands for header and line as they are; None where there is no such line."""
        if key not in self.lines:
            return None
        return mark([*self.header.values(), *self.lines[key].values()])

    def document(
        self, number_: str, said: Mapping[str, Any], lines: Sequence[LineDocument], *, keep_unknown: bool = True
    ) -> OrderDocument:
        """With `keep_unknown` a currency that is none is kept as text, else it is refused when written.

        Raises BadInput naming the column that a new order lacks.
        """
        for name in ("vendor", "currency"):
            if name not in said and name not in self.header:
                raise BadInput(_("A new order needs this."), field=name)
        merged: dict[int, LineDocument] = {}
        for line in lines:  # schedule lines of one line come together
            known = merged.get(line.number)
            if known is None:
                merged[line.number] = line
            else:
                merged[line.number] = replace(known, schedules=(*(known.schedules or ()), *(line.schedules or ())))
        currency = said.get("currency") or str(self.header["currency"])
        is_known = currency in CURRENCIES or not keep_unknown
        return OrderDocument(
            vendor=said.get("vendor") or str(self.header["vendor"]),
            currency=currency if is_known else UNKNOWN_CURRENCY,
            currency_text="" if is_known else currency,
            number=number_,
            title=said.get("title"),
            issued_on=said.get("issued_on"),
            incoterm=said.get("incoterm"),
            incoterm_place=said.get("incoterm_place"),
            lines=tuple(merged.values()),
        )


class _Group:
    """The rows of one order."""

    def __init__(self, number_: str, order: _Order, rows: list[ReadRow]) -> None:
        self.number = number_
        self.order = order
        self.rows = rows

    @staticmethod
    def of(file: Sheetful, actor: User, rows: Sequence[ReadRow]) -> list["_Group"]:
        by_order: dict[str, list[ReadRow]] = defaultdict(list)
        for row in rows:
            by_order[row.values["order"]].append(row)
        known = _Order.of(actor, by_order)
        return [_Group(number_, known[number_], members) for number_, members in by_order.items()]

    def key(self, row: ReadRow) -> _Key:
        return row.values["line"], row.values.get("schedule", 1)

    def changes(self, row: ReadRow) -> tuple[tuple[str, str, str], ...]:
        stored = {**self.order.header, **self.order.lines.get(self.key(row), {})}
        is_new = self.key(row) not in self.order.lines
        return tuple(
            (column.field, as_text(stored.get(column.field)), as_text(row.values[column.field]))
            for column in COLUMNS
            if column.field in row.values
            and (is_new or not column.names)
            and as_text(stored.get(column.field)) != as_text(row.values[column.field])
        )

    def finding(self, row: ReadRow) -> Finding:
        changes = self.changes(row)
        subject = f"{self.number}/{row.values['line']}"
        if self.key(row) not in self.order.lines:
            return Finding(RowOutcome.NEW, subject, changes)
        return Finding(RowOutcome.CHANGED if changes else RowOutcome.UNCHANGED, subject, changes)

    def refusals(self, file: Sheetful, later: orders.Later | None) -> dict[int, BadInput]:
        """Found row by row: the order is tried without those already refused until it is taken, or nothing is left;
        without `later` it is not tried.
        """
        turned_down = self._twice()
        while True:
            rows = [row for row in self.rows if row.number not in turned_down and self.changes(row)]
            if not rows:
                return turned_down
            try:
                self._check(rows)
                if later is not None:
                    with transaction.atomic():
                        self._upsert(rows, file, later, dry_run=True)
            except RuleBroken as refusal:
                at, _slash, name = (refusal.field or "").partition("/")
                at_fault = [row for row in rows if str(row.number) == at] or rows
                column = name.rpartition("/")[2] if name else at
                column = _COLUMN_OF.get(column, column)
                for row in at_fault:
                    turned_down[row.number] = BadInput(refusal.message, field=column)
            else:
                return turned_down

    def _twice(self) -> dict[int, BadInput]:
        seen: dict[_Key, int] = {}
        return {
            row.number: BadInput(_("Another row of this file is about the same line."), field="line")
            for row in self.rows
            if seen.setdefault(self.key(row), row.number) != row.number
        }

    def _check(self, rows: Sequence[ReadRow]) -> None:
        if self.order.is_kept_elsewhere:
            raise BadInput(_("Another system keeps this order; change it there."), field="order")
        for name in (*_HEADER, *_OF_LINE):
            said: dict[object, object] = {}
            for row in rows:
                if name not in row.values:
                    continue
                of = row.values["line"] if name in _OF_LINE else None
                if said.setdefault(of, row.values[name]) != row.values[name]:
                    raise BadInput(
                        _("Rows of one order or line say different things here."), field=f"{row.number}/{name}"
                    )

    def write(self, rows: Sequence[ReadRow], file: Sheetful, later: orders.Later) -> None:
        self._check(rows)
        self._upsert(rows, file, later, dry_run=False)

    def _upsert(self, rows: Sequence[ReadRow], file: Sheetful, later: orders.Later, *, dry_run: bool) -> None:
        header: dict[str, Any] = {}
        for row in rows:
            header |= {name: row.values[name] for name in _HEADER if name in row.values}
        lines = [_line(self.key(row), row.values, field=str(row.number)) for row in rows]
        orders.upsert(
            document=self.order.document(
                self.number, header, lines, keep_unknown=file.kind is ImportKind.DOCUMENTS or "currency" not in header
            ),
            system=SYSTEM,
            external_id=self.number,
            actor=file.actor,
            now=file.now,
            dry_run=dry_run,
            later=later,
        )
