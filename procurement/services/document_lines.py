"""What a business document names: the order, its lines, and which lots a quantity of a line is about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain.lots import ON_SITE
from procurement.models import DeliveryLot, ExternalRef, PurchaseOrder
from procurement.readers.ubl import BusinessDocument, DeliveryPart, DocumentLine, Period
from procurement.services.import_rows import Sheetful
from procurement.vocabulary import LineStatus
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.models import Milestone
from sites.queries.access import can

_ORDER_REF = "purchase_order"


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One row of a document; `line` is None where the document has no lines and the row is the whole of it."""

    number: int
    document: BusinessDocument
    line: DocumentLine | None

    @property
    def order(self) -> str:
        return (self.line.order if self.line else "") or self.document.order

    @property
    def deliveries(self) -> Sequence[DeliveryPart]:
        """Those of the line, else those of the whole document."""
        return (self.line.deliveries if self.line else ()) or self.document.deliveries

    @property
    def subject(self) -> str:
        line = self.line.order_line if self.line else ""
        return f"{self.order}/{line}" if line else self.order


def rows_of(file: Sheetful) -> list[DocumentRow]:
    return [DocumentRow(row.number, row.values["document"], row.values["line"]) for row in file.rows]


def stated_on(row: DocumentRow, file: Sheetful) -> date:
    return row.document.issued_on or file.stated_on


def check_may(actor: User, lots: Iterable[DeliveryLot]) -> None:
    """Raises BadInput naming `order` where the actor may not record dates of one of them."""
    for site_id in {lot.schedule_line.site_id for lot in lots}:
        if not can(actor, Permission.DATES_WRITE, site_id=site_id):
            raise BadInput(_("You may not record dates there."), field="order")


def last_day(period: Period | None) -> date | None:
    """A period counts at its end, as every imprecise date does."""
    return (period.until_on or period.from_on) if period else None


@dataclass(frozen=True, slots=True)
class Taken:
    """Units of a lot; `is_whole` where they are all of it."""

    lot: DeliveryLot
    quantity: Decimal
    is_whole: bool


class Units:
    """What of some lots is still to be spoken for, in their order; `gone` is what already is, by lot."""

    def __init__(self, lots: Iterable[DeliveryLot], gone: Mapping[UUID, Decimal]) -> None:
        self._lots = list(lots)
        self._left = {lot.pk: max(Decimal(0), lot.quantity - gone.get(lot.pk, Decimal(0))) for lot in self._lots}
        self._cut: set[UUID] = {lot.pk for lot in self._lots if self._left[lot.pk] != lot.quantity}

    def take(self, quantity: Decimal | None) -> list[Taken]:
        """None: all that is left. The last part of a lot that was cut before is whole where `gone` was empty.

        Raises BadInput naming `quantity`.
        """
        open_ = sum(self._left.values(), Decimal(0))
        wanted = open_ if quantity is None else quantity
        if wanted <= 0:
            raise BadInput(_("Nothing of this line is open."), field="quantity")
        if wanted > open_:
            raise BadInput(
                _("%(said)s is more than is open (%(open)s).") % {"open": f"{open_.normalize():f}", "said": wanted},
                field="quantity",
            )
        taken = []
        for lot in self._lots:
            part = min(wanted, self._left[lot.pk])
            if part <= 0:
                continue
            self._left[lot.pk] -= part
            wanted -= part
            is_rest = self._left[lot.pk] == 0 and lot.pk not in self._cut
            taken.append(Taken(lot, part, is_rest))
        return taken


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order with the lots that the actor may see and that are not cancelled, by number of their line."""

    order: PurchaseOrder
    is_kept_elsewhere: bool
    lots: Mapping[int, Sequence[DeliveryLot]]
    by_external: Mapping[str, int]
    arrived: frozenset[UUID]

    def line_number(self, said: str) -> int:
        """Raises BadInput naming `line`."""
        number = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else None
        if number not in self.lots:
            number = self.by_external.get(said)
        if number is None:
            raise BadInput(_("The order has no open line %(number)s.") % {"number": said or "–"}, field="line")
        return number

    def open_lots(self, line: int) -> list[DeliveryLot]:
        return [lot for lot in self.lots[line] if lot.pk not in self.arrived]


class KnownOrders:
    """The orders that the rows of a document name, as far as the actor may see them; five queries an order."""

    def __init__(self, actor: User) -> None:
        self._actor = actor
        self._found: dict[str, KnownOrder | None] = {}

    def find(self, said: str) -> KnownOrder:
        """By number, else by what another system calls it. Raises BadInput naming `order`."""
        if not said:
            raise BadInput(_("The document names no order."), field="order")
        if said not in self._found:
            self._found[said] = self._look_up(said)
        known = self._found[said]
        if known is None:
            raise BadInput(_("There is no order %(number)s.") % {"number": said}, field="order")
        return known

    def _look_up(self, said: str) -> KnownOrder | None:
        visible = PurchaseOrder.objects.visible_to(self._actor).select_related("seller")
        found = list(visible.filter(number=said))
        if not found:
            refs = ExternalRef.objects.filter(kind=_ORDER_REF, external_id=said)
            found = list(visible.filter(pk__in=refs.values_list("subject_id", flat=True)))
        if len(found) > 1:
            raise BadInput(_("Several orders are known by this number."), field="order")
        if not found:
            return None
        order = found[0]
        lots: dict[int, list[DeliveryLot]] = {}
        by_external: dict[str, int] = {}
        rows = (
            DeliveryLot.objects.visible_to(self._actor)
            .filter(schedule_line__line__order=order, quantity__gt=0)
            .exclude(schedule_line__status=LineStatus.CANCELLED)
            .exclude(schedule_line__line__status=LineStatus.CANCELLED)
            .select_related("schedule_line__line__equipment_class", "schedule_line__site", "chain")
            .order_by("schedule_line__line__number", "schedule_line__number", "number")
        )
        for lot in rows:
            line = lot.schedule_line.line
            lots.setdefault(line.number, []).append(lot)
            if line.external_line_id:
                by_external[line.external_line_id] = line.number
        arrived = Milestone.objects.filter(
            chain__lot__schedule_line__line__order=order, code=ON_SITE, actual_on__isnull=False
        )
        return KnownOrder(
            order,
            ExternalRef.objects.filter(kind=_ORDER_REF, subject_id=order.pk).exclude(system="file").exists(),
            lots,
            by_external,
            frozenset(arrived.values_list("chain__lot", flat=True)),
        )
