"""What documents said of orders and no table holds yet: written one statement a table, however many they are."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from django.db import IntegrityError, models
from psycopg.errors import UniqueViolation

from procurement.models import ExternalRef, OrderLine, PurchaseOrder, ScheduleLine
from procurement.services import log_rows
from procurement.services.copying import insert_each, save_each
from procurement.services.lot_chains import NewLots


class Overtaken(Exception):
    """Somebody else took an external id or a number in the meantime."""


@dataclass(slots=True)
class Unwritten:
    """Rows that are new, with the lots of the new schedule lines; and by key, rows that have changed and in what."""

    refs: list[ExternalRef] = field(default_factory=list)
    orders: list[PurchaseOrder] = field(default_factory=list)
    lines: list[OrderLine] = field(default_factory=list)
    rows: list[ScheduleLine] = field(default_factory=list)
    lots: NewLots = field(default_factory=NewLots)
    changed: dict[UUID, tuple[models.Model, set[str]]] = field(default_factory=dict)

    def change(self, row: models.Model, names: Iterable[str]) -> None:
        self.changed.setdefault(row.pk, (row, set()))[1].update(names)

    def take(self, other: "Unwritten") -> None:
        self.refs += other.refs
        self.orders += other.orders
        self.lines += other.lines
        self.rows += other.rows
        self.lots.take(other.lots)
        self.changed |= other.changed

    def write(self) -> None:
        """Raises Overtaken, and then nothing of the transaction can be kept. New schedule lines are not in the log yet:
        that is for `log_rows.add`, once there are forecasts to show.
        """
        alike: _Alike = defaultdict(list)
        for row, names in self.changed.values():
            alike[type(row), tuple(sorted(names))].append(row)
        if self.refs or self.orders or self.lines or self.rows:
            with log_rows.resting():
                with _overtaking():
                    insert_each(self.refs)
                    insert_each(self.orders)
                insert_each(self.lines)
                insert_each(self.rows)
                self.lots.write()
        with _overtaking():
            _save(alike, ExternalRef, PurchaseOrder)
        _save(alike, OrderLine, ScheduleLine)


@contextmanager
def _overtaking() -> Iterator[None]:
    try:
        yield
    except IntegrityError as refusal:
        if isinstance(refusal.__cause__, UniqueViolation):
            raise Overtaken from refusal
        raise


# Rows by what they are and what of them has changed.
_Alike = dict[tuple[type[models.Model], tuple[str, ...]], list[models.Model]]


def _save(alike: _Alike, *models_: type[models.Model]) -> None:
    for model in models_:
        for (kind, names), rows in alike.items():
            if kind is model:
                save_each(rows, names)
