"""The lines of one order document: what they mean for the lines, schedule lines and lots that are stored.

Runs inside `orders.upsert`, which holds the order's lock, checks rights at every site in `Changes.sites` and
recalculates what `Changes.lots` names.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain import lots as lot_rules
from procurement.domain.money import trimmed
from procurement.domain.order_document import LineDocument, LinesMode, OrderDocument, ScheduleDocument, check_whole
from procurement.models import DeliveryLot, EquipmentClass, OrderLine, Plant, PurchaseOrder, ScheduleLine
from procurement.queries.order_codes import Known
from procurement.services import lot_chains
from procurement.services.lot_chains import Alike, Issue, Released
from procurement.services.stored_orders import StoredLines
from procurement.services.unwritten import Unwritten
from procurement.vocabulary import CommercialStatus, LineStatus
from sites.accounts.row import new_id
from sites.domain.errors import BadInput
from sites.models import Site

GONE = {CommercialStatus.CANCELLED, CommercialStatus.TERMINATED}

_LINE_FIELDS = ("description", "unit_price", "over_delivery_percent", "external_line_id")
_SENT_AS = {"contract_on": "contractual_date"}


@dataclass(frozen=True, slots=True)
class OrderWarning:
    """Something the sender should know that refused nothing. `field` is a path in its own document, or None."""

    code: str
    field: str | None
    message: str


@dataclass(slots=True)
class Changes:
    """What one document changed, and where. `lots` are the lots to calculate, by site."""

    paths: list[str] = field(default_factory=list)
    warnings: list[OrderWarning] = field(default_factory=list)
    sites: dict[UUID | None, Site | None] = field(default_factory=dict)
    lots: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    released: list[Released] = field(default_factory=list)

    def at(self, row: ScheduleLine) -> None:
        """Whoever sent the document needs the right to write orders at the site of this schedule line."""
        self.sites[row.site_id] = row.site

    def touch(self, row: ScheduleLine, lots: Iterable[DeliveryLot]) -> None:
        if row.site_id is not None:
            self.at(row)
            self.lots[row.site_id] |= {lot.pk for lot in lots}

    def warn(self, code: str, field: str | None, message: str) -> None:
        self.warnings.append(OrderWarning(code, field, message))


@dataclass(frozen=True, slots=True)
class Promised:
    row: ScheduleLine
    said: ScheduleDocument


@dataclass(frozen=True, slots=True)
class _Meant:
    """One schedule line of the document after header and line gave their defaults."""

    said: ScheduleDocument
    site: Site | None


def path(row: ScheduleLine) -> str:
    return f"lines/{row.line.number}/schedules/{row.number}"


class LineWork:
    """Applies the lines of a document. What is new or changed of lines and schedule lines waits in `unwritten`."""

    def __init__(
        self,
        order: PurchaseOrder,
        document: OrderDocument,
        stored: StoredLines,
        known: Known,
        mode: LinesMode,
        issue: Issue,
        changes: Changes,
        unwritten: Unwritten,
        alike: Alike,
        *,
        is_new: bool,
    ) -> None:
        self.order = order
        self.document = document
        self.stored = stored
        self.known = known
        self.mode = mode
        self.issue = issue
        self.changes = changes
        self.unwritten = unwritten
        self.alike = alike
        self.is_new = is_new
        self.is_gone = order.commercial_status in GONE
        self.lines = stored.lines_of(order)
        self.promised: list[Promised] = []
        self.new_rows: list[ScheduleLine] = []
        self.dated: list[ScheduleLine] = []
        self.sent_at: dict[object, str] = {}

    def apply(self) -> None:
        """Raises BadInput naming the part of the document."""
        if self.is_new and not self.document.lines:
            raise BadInput(_("A new order has at least one line."), field="lines")
        # Also where every line names its own: a code nobody knows is a mistake, not a default.
        self._site(self.document.site, "site")
        for document in self.document.lines:
            line = self.lines.get(document.number)
            if line is None:
                self._new_line(document)
            else:
                self._change_line(line, self.stored.rows_of(line), document)
        named = {document.number for document in self.document.lines}
        for number, line in self.lines.items():
            if number not in named and (self.is_gone or self.mode is LinesMode.REPLACE):
                self._cancel_line(line)
        self._follow_contracts()

    def make_lots(self) -> None:
        """Of the new schedule lines. Raises BadInput naming the part of the document."""
        if not self.new_rows:
            return
        try:
            made = lot_chains.make_lots(self.new_rows, issue=self.issue, alike=self.alike)
        except BadInput as refusal:
            raise self._about_date(refusal) from None
        self.unwritten.lots.take(made)
        for lot in made.lots:
            self.changes.touch(lot.schedule_line, [lot])

    def follow_issue(self) -> None:
        """The stored lots learn when the order was issued."""
        rows = self.stored.all_rows(self.order)
        lots = [lot for row in rows for lot in self.stored.lots_of(row)]
        moved = lot_chains.record_issue(lots, self.issue)
        for row in rows:
            self.changes.touch(row, [lot for lot in self.stored.lots_of(row) if lot.pk in moved])

    def follow_incoterm(self) -> None:
        """The contract dates of stored lines count at the step of the new delivery term."""
        is_moved = False
        for row in self.stored.all_rows(self.order):
            code, is_assumed = self._contract_step(row.line)
            stored = (row.contract_step, row.contract_step_assumed)
            if row.status != LineStatus.CANCELLED and (code, is_assumed) != stored:
                row.contract_step, row.contract_step_assumed = code, is_assumed
                is_moved = True
                self.unwritten.change(row, ["contract_step", "contract_step_assumed"])
                self.changes.touch(row, self.stored.lots_of(row))
        if is_moved:
            self._warn_of_baseline("incoterm")

    # -- lines ---------------------------------------------------------------------------------------------------

    def _new_line(self, document: LineDocument) -> None:
        if document.equipment_class is None:
            raise BadInput(_("A new line names its equipment class."), field=f"{document.field}/equipment_class")
        line = OrderLine(
            pk=new_id(),
            order=self.order,
            number=document.number,
            equipment_class=self._class(document),
            plant=self._plant(document),
            status=self._status(document.status, None),
        )
        line.unit = self._unit(document) or line.unit
        for name in _LINE_FIELDS:
            value = getattr(document, name)
            if value is not None:
                setattr(line, name, value)
        self.unwritten.lines.append(line)
        for meant in self._meant(document, {}):
            self._new_row(line, meant, document)
        if not self.is_new:
            self.changes.paths.append(f"lines/{line.number}")
        self._check_sum(document, {})

    def _change_line(self, line: OrderLine, rows: dict[int, ScheduleLine], document: LineDocument) -> None:
        self._change_line_itself(line, rows, document)
        meant = self._meant(document, rows)
        known = list(rows.values())
        for each in meant:
            row = rows.get(each.said.number)
            if row is None:
                self._new_row(line, each, document)
                self.changes.paths.append(f"lines/{line.number}/schedules/{each.said.number}")
            else:
                self._change_row(row, each, document.status)
        named = {each.said.number for each in meant}
        leaves_out = self.mode is LinesMode.REPLACE and document.schedules is not None
        for row in known:
            if line.status == LineStatus.CANCELLED or (leaves_out and row.number not in named):
                self._cancel_row(row)
        self._check_sum(document, rows)

    def _change_line_itself(self, line: OrderLine, rows: dict[int, ScheduleLine], document: LineDocument) -> None:
        if document.equipment_class is not None and self._class(document).pk != line.equipment_class_id:
            raise BadInput(
                _("A line keeps its equipment class; cancel it and add another."),
                field=f"{document.field}/equipment_class",
            )
        said: dict[str, object] = {name: getattr(document, name) for name in _LINE_FIELDS}
        said["unit"] = self._unit(document)
        said["plant_id"] = plant.pk if (plant := self._plant(document)) else None
        said["status"] = self._status(document.status, line.status)
        changed = [name for name, value in said.items() if value is not None and value != getattr(line, name)]
        if not changed:
            return
        for name in changed:
            setattr(line, name, said[name])
        self.unwritten.change(line, changed)
        self.changes.paths += [f"lines/{line.number}/{name.removesuffix('_id')}" for name in changed]
        for row in rows.values():
            self.changes.at(row)
        if "plant_id" in changed:
            lots = [lot for row in rows.values() for lot in self.stored.lots_of(row)]
            lot_chains.follow_plant(lots, plant=plant, template_id=line.equipment_class.template_id)
            for row in rows.values():
                self.changes.touch(row, self.stored.lots_of(row))

    def _cancel_line(self, line: OrderLine) -> None:
        if line.status != LineStatus.OPEN:
            return
        line.status = LineStatus.CANCELLED
        self.unwritten.change(line, ["status"])
        self.changes.paths.append(f"lines/{line.number}/status")
        for row in self.stored.rows_of(line).values():
            self._cancel_row(row)

    def _status(self, said: LineStatus | None, stored: str | None) -> LineStatus:
        if self.is_gone:
            return LineStatus(stored) if stored == LineStatus.CLOSED else LineStatus.CANCELLED
        if said is not None:
            return said
        if stored is None or (self.mode is LinesMode.REPLACE and stored == LineStatus.CANCELLED):
            return LineStatus.OPEN
        return LineStatus(stored)

    def _class(self, document: LineDocument) -> EquipmentClass:
        found = self.known.classes.get(document.equipment_class or "")
        if found is None:
            raise BadInput(
                _("There is no equipment class %(code)s.") % {"code": document.equipment_class},
                field=f"{document.field}/equipment_class",
            )
        return found

    def _plant(self, document: LineDocument) -> Plant | None:
        if not document.plant:
            return None
        return self.known.plant(document.plant, vendor=self.order.seller_id, field=f"{document.field}/plant")

    def _unit(self, document: LineDocument) -> str | None:
        return self.known.unit(document.unit, field=f"{document.field}/unit") if document.unit else None

    def _site(self, code: str | None, field: str) -> Site | None:
        if not code:
            return None
        found = self.known.sites.get(code)
        if found is None:
            raise BadInput(_("There is no site %(code)s.") % {"code": code}, field=field)
        return found

    # -- schedule lines ------------------------------------------------------------------------------------------

    def _meant(self, document: LineDocument, rows: dict[int, ScheduleLine]) -> list[_Meant]:
        sent = document.schedules if document.schedules is not None else self._of_line(document, rows)
        meant = []
        for said in sent:
            if said.site:
                site = self._site(said.site, f"{said.field}/site")
            elif document.site:
                site = self._site(document.site, f"{document.field}/site")
            else:
                site = self._site(self.document.site, "site")
            contract_on, promise = said.contract_on or document.contract_on, said.promise or document.promise
            if (contract_on, promise) != (said.contract_on, said.promise):
                said = replace(said, contract_on=contract_on, promise=promise)
            meant.append(_Meant(said, site))
        return meant

    def _of_line(self, document: LineDocument, rows: dict[int, ScheduleLine]) -> tuple[ScheduleDocument, ...]:
        """What a line without schedules means: its only schedule line, or the first one there will be."""
        live = {number: row for number, row in rows.items() if row.status != LineStatus.CANCELLED} or rows
        if len(live) <= 1:
            number = next(iter(live), 1)
            return (ScheduleDocument(number, quantity=document.quantity, field=document.field),)
        total = sum((row.quantity for row in live.values()), Decimal(0))
        if document.quantity is not None and document.quantity != total:
            raise BadInput(
                _("The line has several schedule lines; say which of them changes."),
                field=f"{document.field}/quantity",
            )
        return tuple(ScheduleDocument(number, field=document.field) for number in live)

    def _check_sum(self, document: LineDocument, rows: dict[int, ScheduleLine]) -> None:
        if document.quantity is None or document.schedules is None:
            return
        quantities = {number: row.quantity for number, row in rows.items() if row.status != LineStatus.CANCELLED}
        for said in document.schedules:
            if said.status == LineStatus.CANCELLED:
                quantities.pop(said.number, None)
            elif said.quantity is not None:
                quantities[said.number] = said.quantity
        total = sum(quantities.values(), Decimal(0))
        if quantities and total != document.quantity:
            raise BadInput(
                _("The schedule lines sum to %(total)s.") % {"total": str(trimmed(total))},
                field=f"{document.field}/quantity",
            )

    def _new_row(self, line: OrderLine, meant: _Meant, document: LineDocument) -> None:
        said = meant.said
        if said.quantity is None:
            raise BadInput(_("A new schedule line states its quantity."), field=f"{said.field}/quantity")
        check_whole(said.quantity, line.unit, f"{said.field}/quantity")
        code, is_assumed = self._contract_step(line)
        status = self._status(said.status or document.status, None)
        row = ScheduleLine(
            pk=new_id(),
            line=line,
            number=said.number,
            quantity=said.quantity,
            contract_on=said.contract_on,
            contract_step=code,
            contract_step_assumed=is_assumed,
            site=meant.site or self._site_of_others(line),
            status=LineStatus.CANCELLED if line.status == LineStatus.CANCELLED else status,
        )
        if row.site is None:
            self.changes.warn("site_missing", f"{said.field}/site", _("Without a site it has no forecast."))
        self.new_rows.append(row)
        self.unwritten.rows.append(row)
        self.sent_at[row.pk] = said.field
        self.changes.at(row)
        if said.promise is not None:
            self.promised.append(Promised(row, said))

    def _site_of_others(self, line: OrderLine) -> Site | None:
        """Where all else of the line goes, or of the order; None where it goes to several sites, or nowhere yet."""
        for rows in (self.stored.rows_of(line).values(), self.stored.all_rows(self.order)):
            sites = {row.site_id: row.site for row in rows}
            if len(sites) == 1:
                return next(iter(sites.values()))
        return None

    def _contract_step(self, line: OrderLine) -> tuple[str, bool]:
        """Where the contract date counts; a chain that lacks the step of the delivery term counts at its anchor."""
        template = line.equipment_class.template
        step = lot_rules.contract_step(self.order.incoterm)
        if step.code in self._codes_of(template.pk):
            return step.code, step.is_guess
        return template.anchor_code, True

    def _codes_of(self, template: UUID) -> set[str]:
        """The steps of a chain; those of every chain of the document are read with the first."""
        if template not in self.alike.steps:
            classes = {each.equipment_class for each in self.document.lines}
            named = {self.known.classes[code].template_id for code in classes & self.known.classes.keys() if code}
            self.alike.read_steps(named | {line.equipment_class.template_id for line in self.lines.values()})
        return {step.code for step in self.alike.steps[template]}

    def _change_row(self, row: ScheduleLine, meant: _Meant, line_status: LineStatus | None) -> None:
        said = meant.said
        if said.promise is not None:
            self.promised.append(Promised(row, said))
        status = self._status(said.status or line_status, row.status)
        if status == LineStatus.CANCELLED:
            self._cancel_row(row)
        changed = []
        if meant.site is not None and meant.site.pk != row.site_id:
            self._move_row(row, meant.site)
            changed.append("site")
        if status not in {row.status, LineStatus.CANCELLED}:
            row.status = status
            changed.append("status")
            self.changes.touch(row, self.stored.lots_of(row))
        is_other = said.quantity is not None and said.quantity != row.quantity
        if is_other and row.status != LineStatus.CANCELLED and self._follow_quantity(row, said):
            changed.append("quantity")
        if said.contract_on is not None and said.contract_on != row.contract_on:
            row.contract_on = said.contract_on
            changed.append("contract_on")
        if not changed:
            return
        self.unwritten.change(row, changed)
        self.changes.at(row)
        self.changes.paths += [f"{path(row)}/{_SENT_AS.get(name, name)}" for name in changed]
        if "contract_on" in changed:
            self.dated.append(row)
            self.sent_at[row.pk] = said.field

    def _move_row(self, row: ScheduleLine, site: Site) -> None:
        # Only the needs of the old site are calculated there: the lots themselves have left it.
        self.changes.touch(row, ())
        row.site = site
        self.changes.released += lot_chains.move_to_site(
            row, self.stored.lots_of(row), reason=_("The ERP sends these units to another site."), now=self.issue.now
        )
        self.changes.touch(row, self.stored.lots_of(row))

    def _follow_quantity(self, row: ScheduleLine, said: ScheduleDocument) -> bool:
        """Whether the quantity changed; it never goes below what was received."""
        assert said.quantity is not None
        at = f"{said.field}/quantity"
        check_whole(said.quantity, row.line.unit, at)
        followed = lot_chains.follow_quantity(
            row, said.quantity, reason=_("The ERP reduced the order."), issue=self.issue
        )
        if followed.quantity != said.quantity:
            received = str(trimmed(followed.quantity))
            self.changes.warn(
                "below_received",
                at,
                _("%(received)s are received already; the quantity stays at that.") % {"received": received},
            )
        self.changes.released += followed.released
        self.changes.touch(row, followed.lots)
        is_changed = followed.quantity != row.quantity
        row.quantity = followed.quantity
        return is_changed

    def _cancel_row(self, row: ScheduleLine) -> None:
        if row.status != LineStatus.OPEN:
            return
        row.status = LineStatus.CANCELLED
        self.unwritten.change(row, ["status"])
        self.changes.paths.append(f"{path(row)}/status")
        self.changes.at(row)
        self.changes.released += lot_chains.release_open_lots(
            self.stored.lots_of(row), reason=_("The ERP cancelled the line."), now=self.issue.now
        )
        self.changes.touch(row, self.stored.lots_of(row))

    def _follow_contracts(self) -> None:
        """The first contract date makes the first baseline; after that only a change order moves it."""
        if not self.dated:
            return
        lots = [lot for row in self.dated for lot in self.stored.lots_of(row)]
        first = [lot for lot in lots if lot.chain_id not in self.stored.baselined]
        try:
            lot_chains.write_first_baselines(first, actor=self.issue.actor)
        except BadInput as refusal:
            raise self._about_date(refusal) from None
        for row in self.dated:
            here = self.stored.lots_of(row)
            self.changes.touch(row, here)
            if any(lot.chain_id in self.stored.baselined for lot in here):
                self._warn_of_baseline(f"{self.sent_at[row.pk]}/contractual_date")

    def _about_date(self, refusal: BadInput) -> BadInput:
        at = self.sent_at.get(refusal.facts.get("schedule_line"))
        return BadInput(refusal.message, field=f"{at}/contractual_date")

    def _warn_of_baseline(self, field: str) -> None:
        self.changes.warn("baseline_not_moved", field, _("The baseline stays; only a change order moves it."))
