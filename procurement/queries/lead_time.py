"""Lead times as somebody stated them, and the requirements that count with each."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from procurement.domain.fallbacks import line_of
from procurement.domain.percentile import weeks_at
from procurement.models import EquipmentClass, LeadTimeObservation, Requirement
from procurement.vocabulary import LeadTimeKind
from sites.accounts.models import User


@dataclass(frozen=True, slots=True)
class ObservationView:
    """`age_days` counts from the day it was stated; `chosen_for` holds only requirements that the reader may see."""

    observation: LeadTimeObservation
    age_days: int
    is_expired: bool
    chosen_for: tuple[Requirement, ...]


PAGE_SIZE: Final = 40
CLASS_PAGE_SIZE: Final = 25
LAST_ACHIEVED: Final = 25
CHOICES_STATED: Final = 60
CHOICES_ACHIEVED: Final = 20
# A publisher's editions differ in what follows the comma: "SourceBlue MEP cost index, Q3 2025".
_EDITION: Final = ","


@dataclass(frozen=True, slots=True)
class LeadTimeList:
    rows: tuple[ObservationView, ...]
    page: int
    pages: int
    total: int


def observations(actor: User, *, today: date, equipment_class: str = "", page: int = 1) -> LeadTimeList:
    """By class, the newest first; lead times belong to no site, so whoever logs in sees them. Three queries."""
    rows = (
        LeadTimeObservation.objects.filter(retired_at__isnull=True)
        .select_related("equipment_class", "company", "plant")
        .order_by("equipment_class__name", "-as_of", "source")
    )
    if equipment_class:
        rows = rows.filter(equipment_class__code=equipment_class)
    total = rows.count()
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(page, pages)
    shown = list(rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    views = tuple(_views(actor, shown, today))
    return LeadTimeList(views, page, pages, total)


def classes_standing_in(class_id: UUID) -> tuple[UUID, ...]:
    """The class itself, then what stands in for it, in order. One query."""
    return line_of(class_id, dict(EquipmentClass.objects.values_list("pk", "fallback_id")))


# -- one class -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """Of the observations between the same two steps: the lowest low, the middle and the highest of the highs."""

    basis_from: str
    basis_to: str
    number: int
    low_weeks: Decimal
    median_weeks: Decimal
    p80_weeks: Decimal
    high_weeks: Decimal
    newest_days: int
    oldest_days: int


@dataclass(frozen=True, slots=True)
class Edition:
    as_of: date
    low_weeks: Decimal
    high_weeks: Decimal


@dataclass(frozen=True, slots=True)
class PublishedTrend:
    """What one publisher printed of the class, edition by edition, between the same two steps."""

    publisher: str
    sub_class: str
    editions: tuple[Edition, ...]


@dataclass(frozen=True, slots=True)
class ClassView:
    """What was stated, a page of it, and the last of what completed lines achieved. Both hold retired ones too; spread,
    trend and `live` (what was stated, of all pages) do not. `stand_ins` are the classes that stand in, in order.
    """

    equipment_class: EquipmentClass
    rows: tuple[ObservationView, ...]
    page: int
    pages: int
    achieved: tuple[ObservationView, ...]
    achieved_number: int
    live: tuple[LeadTimeObservation, ...]
    spreads: tuple[Spread, ...]
    trends: tuple[PublishedTrend, ...]
    stand_ins: tuple[EquipmentClass, ...]

    @property
    def has_own(self) -> bool:
        return bool(self.spreads)


def find_class(code: str) -> EquipmentClass | None:
    return EquipmentClass.objects.select_related("template", "fallback").filter(code=code).first()


def class_view(actor: User, equipment_class: EquipmentClass, *, today: date, page: int = 1) -> ClassView:
    """Eight queries at most. Of what was achieved only figures are read, and the last few rows."""
    every = _of_class(equipment_class)
    stated = list(every.exclude(kind=LeadTimeKind.ACHIEVED))
    live = [row for row in stated if row.retired_at is None]
    pages = max(1, -(-len(stated) // CLASS_PAGE_SIZE))
    page = min(page, pages)
    shown = stated[(page - 1) * CLASS_PAGE_SIZE : page * CLASS_PAGE_SIZE]
    done = every.filter(kind=LeadTimeKind.ACHIEVED)
    last = list(done[:LAST_ACHIEVED])
    figures = [_Figures(*row) for row in done.filter(retired_at__isnull=True).values_list(*_FIGURES)]
    views = _views(actor, [*shown, *last], today)
    line = classes_standing_in(equipment_class.pk)[1:]
    by_key = {row.pk: row for row in EquipmentClass.objects.filter(pk__in=line)}
    return ClassView(
        equipment_class,
        tuple(views[: len(shown)]),
        page,
        pages,
        tuple(views[len(shown) :]),
        len(figures),
        tuple(live),
        _spreads([*(_Figures(*(getattr(row, name) for name in _FIGURES)) for row in live), *figures], today),
        _trends(live),
        tuple(by_key[key] for key in line),
    )


def _of_class(equipment_class: EquipmentClass) -> QuerySet[LeadTimeObservation]:
    rows = LeadTimeObservation.objects.filter(equipment_class=equipment_class)
    return rows.select_related("equipment_class", "company", "plant").order_by("-as_of", "source", "pk")


@dataclass(frozen=True, slots=True)
class Choices:
    """`rows` may be picked; `chosen` are the keys of those that count now, which are among them."""

    rows: tuple[LeadTimeObservation, ...]
    chosen: tuple[UUID, ...]


def choices_for(requirement: Requirement) -> Choices:
    """What a planner may pick for it: live ones of its class and of what stands in for it, by what they count between
    and the newest first. Of what was stated and of what was achieved only the last few. Four queries.
    """
    line = classes_standing_in(requirement.equipment_class_id)
    every = LeadTimeObservation.objects.filter(equipment_class__in=line).select_related("equipment_class", "company")
    newest = every.filter(retired_at__isnull=True).order_by("-as_of", "source", "pk")
    stated = newest.exclude(kind=LeadTimeKind.ACHIEVED)[:CHOICES_STATED]
    achieved = newest.filter(kind=LeadTimeKind.ACHIEVED)[:CHOICES_ACHIEVED]
    considered = set(requirement.considered.values_list("observation", flat=True))
    chosen = considered or ({requirement.lead_time_id} if requirement.lead_time_id else set())
    rows = {row.pk: row for row in (*stated, *achieved)}
    rows |= {row.pk: row for row in every.filter(pk__in=chosen - rows.keys())} if chosen - rows.keys() else {}
    ordered = sorted(rows.values(), key=lambda row: (row.as_of, row.source), reverse=True)
    ordered.sort(key=lambda row: (line.index(row.equipment_class_id), row.basis_from, row.basis_to))
    live = tuple(row for row in ordered if row.retired_at is None)
    return Choices(live, tuple(row.pk for row in live if row.pk in chosen))


def _views(actor: User, rows: list[LeadTimeObservation], today: date) -> list[ObservationView]:
    chosen: dict[UUID, list[Requirement]] = defaultdict(list)
    uses = Requirement.objects.visible_to(actor).filter(lead_time__in=rows, cancelled_at__isnull=True)
    for requirement in uses.select_related("site").order_by("site__code", "tag"):
        if requirement.lead_time_id is not None:
            chosen[requirement.lead_time_id].append(requirement)
    return [
        ObservationView(
            row,
            (today - row.as_of).days,
            row.valid_until is not None and row.valid_until < today,
            tuple(chosen[row.pk]),
        )
        for row in rows
    ]


class _Figures(NamedTuple):
    """What the spread needs of an observation."""

    basis_from: str
    basis_to: str
    low_weeks: Decimal
    high_weeks: Decimal
    as_of: date


_FIGURES: Final = _Figures._fields


def _spreads(rows: list[_Figures], today: date) -> tuple[Spread, ...]:
    by_basis: dict[tuple[str, str], list[_Figures]] = defaultdict(list)
    for row in rows:
        by_basis[row.basis_from, row.basis_to].append(row)
    return tuple(
        Spread(
            basis_from,
            basis_to,
            len(found),
            min(row.low_weeks for row in found),
            weeks_at([row.high_weeks for row in found], 50),
            weeks_at([row.high_weeks for row in found], 80),
            max(row.high_weeks for row in found),
            (today - max(row.as_of for row in found)).days,
            (today - min(row.as_of for row in found)).days,
        )
        for (basis_from, basis_to), found in sorted(by_basis.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _trends(rows: list[LeadTimeObservation]) -> tuple[PublishedTrend, ...]:
    """Publishers with at least two editions; of two rows of one edition the later recorded one counts."""
    editions: dict[tuple[str, str, str, str], dict[date, Edition]] = defaultdict(dict)
    for row in sorted(rows, key=lambda each: each.created_at):
        if row.kind == LeadTimeKind.MARKET and _EDITION in row.source:
            publisher = row.source.partition(_EDITION)[0]
            key = publisher, row.sub_class, row.basis_from, row.basis_to
            editions[key][row.as_of] = Edition(row.as_of, row.low_weeks, row.high_weeks)
    return tuple(
        PublishedTrend(publisher, sub_class, tuple(found[day] for day in sorted(found)))
        for (publisher, sub_class, _, _), found in sorted(editions.items())
        if len(found) > 1
    )
