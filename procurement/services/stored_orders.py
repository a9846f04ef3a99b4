"""What is stored of the orders that documents are about, read for many at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model, QuerySet

from procurement.models import (
    DeliveryLot,
    EquipmentClass,
    ExternalRef,
    OrderLine,
    Plant,
    PurchaseOrder,
    ScheduleLine,
)
from procurement.queries.order_codes import Known
from sites.accounts.models import User
from sites.models import Baseline, Site
from sites.queries.among import among
from sites.queries.whole_rows import Whole, whole_rows

ORDER_REF: Final = "purchase_order"


class StoredLines:
    """The lines of some orders with their schedule lines, in two queries; what `known` lacks of classes, plants and
    sites, in one each; the lots, and which of them have a baseline, in one each once somebody asks for them.
    """

    def __init__(self, orders: Collection[PurchaseOrder], known: Known) -> None:
        self._lines: dict[UUID, dict[int, OrderLine]] = defaultdict(dict)
        self._rows: dict[UUID, dict[int, ScheduleLine]] = defaultdict(dict)
        if not orders:
            return
        by_key = {order.pk: order for order in orders}
        lines = {line.pk: line for line in OrderLine.objects.filter(among("order", by_key)).order_by("number")}
        rows = list(ScheduleLine.objects.filter(among("line", lines)).order_by("number"))
        classes = _instances(
            EquipmentClass.objects.select_related("template"),
            known.classes.values(),
            {line.equipment_class_id for line in lines.values()},
        )
        plants = _instances(
            Plant.objects.select_related("company"), known.plants, {line.plant_id for line in lines.values()}
        )
        sites = _instances(Site.objects.all(), known.sites.values(), {row.site_id for row in rows})
        for line in lines.values():
            line.order = by_key[line.order_id]
            line.equipment_class = classes[line.equipment_class_id]
            line.plant = plants[line.plant_id] if line.plant_id else None
            self._lines[line.order_id][line.number] = line
        for row in rows:
            row.line = lines[row.line_id]
            row.site = sites[row.site_id] if row.site_id else None
            self._rows[row.line_id][row.number] = row

    def lines_of(self, order: PurchaseOrder) -> dict[int, OrderLine]:
        return self._lines[order.pk]

    def rows_of(self, line: OrderLine) -> dict[int, ScheduleLine]:
        return self._rows[line.pk]

    def lots_of(self, row: ScheduleLine) -> list[DeliveryLot]:
        return self._lots[row.pk]

    def all_rows(self, order: PurchaseOrder) -> list[ScheduleLine]:
        return [row for line in self.lines_of(order).values() for row in self.rows_of(line).values()]

    @cached_property
    def _lots(self) -> dict[UUID, list[DeliveryLot]]:
        rows = {row.pk: row for rows in self._rows.values() for row in rows.values()}
        found: dict[UUID, list[DeliveryLot]] = defaultdict(list)
        for lot in DeliveryLot.objects.filter(among("schedule_line", rows)).select_related("chain").order_by("number"):
            lot.schedule_line = rows[lot.schedule_line_id]
            found[lot.schedule_line_id].append(lot)
        return found

    @cached_property
    def baselined(self) -> set[UUID]:
        """The chains that have one."""
        chains = [lot.chain_id for lots in self._lots.values() for lot in lots]
        return set(Baseline.objects.filter(among("chain", chains)).values_list("chain", flat=True))


Kept = TypeVar("Kept", bound=Model)


def _instances(rows: QuerySet[Kept], known: Iterable[Kept], keys: set[UUID | None]) -> dict[UUID, Kept]:
    found = {row.pk: row for row in known}
    missing = keys - found.keys() - {None}
    return found | rows.in_bulk(list(missing)) if missing else found


@dataclass(frozen=True, slots=True)
class AtHand:
    """What one external id names: nothing yet, or an order in sight, which is locked."""

    ref: ExternalRef | None = None
    order: PurchaseOrder | None = None


_REF = Whole(ExternalRef, "x")
_REFS = f"""
SELECT {_REF.columns} FROM {ExternalRef._meta.db_table} x
WHERE x.system = %(system)s AND x.kind = %(kind)s AND x.external_id = ANY(%(names)s)
"""  # noqa: S608
_TAKEN = f"SELECT number FROM {PurchaseOrder._meta.db_table} WHERE number = ANY(%s)"  # noqa: S608


def _taken(numbers: Collection[str]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, [list(numbers)])
        return {number for (number,) in cursor.fetchall()}


def lock_all(external_ids: Collection[str], *, system: str, actor: User) -> None:
    """The orders of these ids, locked in the order of their keys: for who then writes them one by one."""
    named = ExternalRef.objects.filter(system=system, kind=ORDER_REF, external_id__in=external_ids)
    rows = PurchaseOrder.objects.visible_to(actor).filter(pk__in=named.values("subject_id")).order_by("pk")
    list(rows.select_for_update(of=("self",)).values_list("pk"))


class Shelf:
    """What many documents of one system are about, read at once and locked in the order of the keys."""

    def __init__(self, numbers: Mapping[str, str], *, system: str, actor: User) -> None:
        """`numbers` says for each external id which number its order would have, were it new."""
        self._numbers = dict(numbers)
        asked = {"system": system, "kind": ORDER_REF, "names": list(numbers)}
        self._refs = {ref.external_id: ref for (ref,) in whole_rows(_REFS, asked, _REF)}
        named = {ref.subject_id for ref in self._refs.values()}
        self._orders: dict[UUID, PurchaseOrder] = {}
        if named:
            orders = PurchaseOrder.objects.visible_to(actor).filter(among("pk", named)).order_by("pk")
            self._orders = {order.pk: order for order in orders.select_for_update(of=("self",))}
        # As they are by now: whoever held one of those locks may have moved them.
        if self._orders:
            self._refs |= {ref.external_id: ref for (ref,) in whole_rows(_REFS, asked, _REF)}
        new = {number for name, number in numbers.items() if name not in self._refs}
        self._free = new - _taken(new) if new else new
        self.lines: StoredLines | None = None

    def read_lines(self, names: Iterable[str], known: Known) -> None:
        """Of the orders that these external ids name; those read before are forgotten."""
        refs = (self._refs.get(name) for name in names)
        orders = (self._orders.get(ref.subject_id) for ref in refs if ref is not None)
        self.lines = StoredLines([order for order in orders if order is not None], known)

    def take(self, name: str) -> AtHand | None:
        """Once for each external id. None: not here, or not as simple; to be looked for by itself."""
        number = self._numbers.pop(name, None)
        ref = self._refs.get(name)
        if ref is not None:
            order = self._orders.get(ref.subject_id)
            return AtHand(ref, order) if number is not None and order is not None else None
        if number not in self._free:
            return None
        self._free.discard(number)
        return AtHand()
