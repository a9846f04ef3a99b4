"""What probabilities are drawn from: who makes a lot, and what is known of such steps. Numbers name rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db.models import Q

from procurement.domain.fallbacks import line_of
from procurement.domain.reference_classes import NO_LANDMARK, History, Library, Profiles
from procurement.models import Company, EquipmentClass, Plant, StepHistory
from procurement.vocabulary import HistoryKind, HistoryLevel
from sites.domain.schedule_arrays import Wide
from sites.queries.columns import NO_KEY, Keys, as_list, read, uuids

NOBODY = -1
PER_MILLE = 1000


def number(key: UUID | None) -> int:
    """The random half of a key; nothing is -1."""
    return NOBODY if key is None else int.from_bytes(key.bytes[8:], signed=True)


def numbers(keys: Keys) -> Wide:
    halves = keys.view(np.uint8).reshape(len(keys), 2, 8)[:, 1].copy().view(">i8")[:, 0].astype(np.int64)
    return np.where(keys == NO_KEY, NOBODY, halves)


@dataclass(frozen=True, slots=True)
class Makers:
    """Profiles as numbers, and the keys of the classes and companies among them."""

    profiles: Profiles
    classes: list[UUID]
    companies: list[UUID]


def makers_of(lots: Keys) -> Makers:
    """Class, maker (else seller) and plant of each of these lots, which are in the order of their keys."""
    rows = read(
        {
            "equipment_class": ("key", "l.equipment_class_id"),
            "company": ("key", "coalesce(p.company_id, o.seller_id)"),
            "plant": ("key", "l.plant_id"),
        },
        "FROM procurement_deliverylot d JOIN procurement_scheduleline s ON s.id = d.schedule_line_id"
        " JOIN procurement_orderline l ON l.id = s.line_id JOIN procurement_purchaseorder o ON o.id = l.order_id"
        " LEFT JOIN procurement_plant p ON p.id = l.plant_id WHERE d.id = ANY(%(lots)s::uuid[]) ORDER BY d.id",
        {"lots": as_list(lots)},
    )
    profiles = Profiles(numbers(rows["equipment_class"]), numbers(rows["company"]), numbers(rows["plant"]))
    return Makers(profiles, _keys(rows["equipment_class"]), _keys(rows["company"]))


def classes_of(requirements: Keys) -> Makers:
    """Of requirements without an order, which are in the order of their keys: nobody is known yet to make them."""
    nobody = np.full(len(requirements), NOBODY, np.int64)
    if not len(requirements):
        return Makers(Profiles(nobody, nobody, nobody), [], [])
    rows = read(
        {"equipment_class": ("key", "r.equipment_class_id")},
        "FROM procurement_requirement r WHERE r.id = ANY(%(keys)s::uuid[]) ORDER BY r.id",
        {"keys": as_list(requirements)},
    )
    of_class = rows["equipment_class"]
    return Makers(Profiles(numbers(of_class), nobody, nobody), _keys(of_class), [])


def _keys(column: Keys) -> list[UUID]:
    return uuids(np.unique(column))


def library(wanted: Sequence[Makers]) -> Library:
    """The histories that these can be drawn from, also those of the classes that stand in for theirs. Two queries."""
    lines = _stand_ins()
    classes = {other for each in wanted for key in each.classes for other in (key, *lines.get(key, ()))}
    companies = {key for each in wanted for key in each.companies}
    rows = StepHistory.objects.filter(Q(equipment_class__isnull=True) | Q(equipment_class__in=classes)).filter(
        Q(company__isnull=True) | Q(company__in=companies)
    )
    known = (
        History(
            (
                HistoryKind(kind), HistoryLevel(level), code, NO_LANDMARK if landmark is None else landmark,
                number(equipment_class), number(company), number(plant),
            ),
            sample,
            (np.array(quantiles) / PER_MILLE).astype(np.float32),
            carried / PER_MILLE,
        )
        for (
            kind, level, code, landmark, equipment_class, company, plant, sample, quantiles, carried,
        ) in rows.order_by("pk").values_list(
            "kind", "level", "code", "landmark", "equipment_class_id", "company_id", "plant_id", "sample", "quantiles",
            "carried",
        )
    )  # fmt: skip
    return Library(known, stand_ins(lines))


def stand_ins(lines: Mapping[UUID, Sequence[UUID]] | None = None) -> dict[int, tuple[int, ...]]:
    """By class those that stand in for it, in order, as numbers. One query where they are not given."""
    found = _stand_ins() if lines is None else lines
    return {number(key): tuple(number(other) for other in others) for key, others in found.items()}


def _stand_ins() -> dict[UUID, tuple[UUID, ...]]:
    """Of those classes that have any."""
    fallbacks = dict(EquipmentClass.objects.filter(fallback__isnull=False).values_list("pk", "fallback"))
    return {key: line_of(key, fallbacks)[1:] for key in fallbacks}


def names() -> dict[int, UUID]:
    """The key behind each number of a class, company or plant. Three queries."""
    return {
        number(key): key
        for model in (EquipmentClass, Company, Plant)
        for key in model._default_manager.values_list("pk", flat=True)
    }
