"""The register of submittals and factory tests: what is in whose court, round by round."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf

from procurement.models import DeliveryLot, LotForecast
from procurement.queries.steps import Step, read_steps
from procurement.vocabulary import LineStatus
from sites.accounts.models import User
from sites.models import Milestone, MilestoneRound
from sites.vocabulary import MilestoneCode

PAGE_SIZE: Final = 100


class About(StrEnum):
    SUBMITTALS = "submittals"
    TESTS = "tests"


class Shown(StrEnum):
    """What can be acted on now: a step with a round, or the next step of its lot; all that is open; what is done."""

    WAITING = "waiting"
    OPEN = "open"
    DONE = "done"


_CODES: Final[Mapping[About, tuple[str, ...]]] = {
    About.SUBMITTALS: (MilestoneCode.SUBMITTAL_IN, MilestoneCode.SUBMITTAL_APPROVED),
    About.TESTS: (MilestoneCode.FAT_READY, MilestoneCode.FAT_PASS),
}


@dataclass(frozen=True, slots=True)
class RegisterFilter:
    """Empty means any. `site` and `vendor` are codes, `ball` the party in whose court it is."""

    site: str = ""
    vendor: str = ""
    ball: str = ""
    text: str = ""
    about: About | None = None
    shown: Shown = Shown.WAITING
    page: int = 1
    size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """`ball` is that of the last round, else who answers for the step. `since` is the day since which it lies there;
    null where nothing was submitted yet. `step` is null where the lot has no forecast.
    """

    milestone: Milestone
    lot: DeliveryLot
    ball: str
    since: date | None
    rounds: tuple[MilestoneRound, ...]
    step: Step | None


@dataclass(frozen=True, slots=True)
class RegisterPage:
    """`balls` counts by party what the filter finds without its own party."""

    filter: RegisterFilter
    rows: tuple[RegisterRow, ...]
    total: int
    pages: int
    balls: Mapping[str, int]


def register(actor: User, wanted: RegisterFilter) -> RegisterPage:
    """What lies longest first, then what was never submitted, by order. Four queries."""
    found = _found(actor, wanted)
    counts = found.order_by().values_list("ball").annotate(number=Count("pk"))
    balls: dict[str, int] = dict(counts)
    if wanted.ball:
        found = found.filter(ball=wanted.ball)
    total = balls.get(wanted.ball, 0) if wanted.ball else sum(balls.values())
    pages = max(1, -(-total // wanted.size))
    shown = replace(wanted, page=min(wanted.page, pages))
    ordered = found.select_related(
        "chain__lot__schedule_line__line__order__seller",
        "chain__lot__schedule_line__line__equipment_class",
        "chain__lot__schedule_line__site",
    ).order_by(
        F("since").asc(nulls_last=True), "chain__lot__schedule_line__line__order__number",
        "chain__lot__schedule_line__line__number", "chain__lot__number", "sequence", "pk",
    )  # fmt: skip
    start = (shown.page - 1) * shown.size
    milestones = list(ordered[start : start + shown.size])
    rounds: dict[UUID, list[MilestoneRound]] = defaultdict(list)
    for each in MilestoneRound.objects.filter(milestone__in=milestones).order_by("number"):
        rounds[each.milestone_id].append(each)
    answers = {
        answer.lot_id: {step.code: step for step in read_steps(answer.steps)}
        for answer in LotForecast.objects.filter(current=True, lot__in=[row.chain.lot for row in milestones])
    }
    rows = tuple(
        RegisterRow(
            row,
            row.chain.lot,
            row.ball,
            row.since,
            tuple(rounds[row.pk]),
            answers.get(row.chain.lot.pk, {}).get(row.code),
        )
        for row in milestones
    )
    return RegisterPage(shown, rows, total, pages, balls)


def keys_among(actor: User, wanted: RegisterFilter, chains: Collection[UUID]) -> set[UUID]:
    """The steps of these chains that the register shows now, on any page. One query."""
    found = _found(actor, wanted).filter(chain__in=chains)
    if wanted.ball:
        found = found.filter(ball=wanted.ball)
    return set(found.values_list("pk", flat=True))


def codes_of(about: About | None) -> list[str]:
    return [code for each, named in _CODES.items() if about in {None, each} for code in named]


def lots_of(actor: User, wanted: RegisterFilter) -> QuerySet[DeliveryLot]:
    """Also of lines that are cancelled."""
    lots = DeliveryLot.objects.visible_to(actor).filter(quantity__gt=0)
    if wanted.site:
        lots = lots.filter(schedule_line__site__code=wanted.site)
    if wanted.vendor:
        lots = lots.filter(schedule_line__line__order__seller__code=wanted.vendor)
    for word in wanted.text.split():
        lots = lots.filter(
            Q(schedule_line__line__order__number__icontains=word)
            | Q(schedule_line__line__description__icontains=word)
            | Q(allocations__requirement__tag__icontains=word)
        )
    return lots


def with_turn(rows: Any) -> Any:
    """Steps with `ball` and `since` of their last round."""
    last = MilestoneRound.objects.filter(milestone=OuterRef("pk")).order_by("-number")
    return rows.annotate(
        ball=Coalesce(NullIf(Subquery(last.values("ball_in_court")[:1]), Value("")), F("responsible")),
        since=Coalesce(Subquery(last.values("returned_on")[:1]), Subquery(last.values("submitted_on")[:1])),
    )


def _found(actor: User, wanted: RegisterFilter) -> Any:
    lots = (
        lots_of(actor, wanted)
        .exclude(schedule_line__status=LineStatus.CANCELLED)
        .exclude(schedule_line__line__status=LineStatus.CANCELLED)
    )
    rows = with_turn(Milestone.objects.filter(chain__lot__in=lots, code__in=codes_of(wanted.about), applicable=True))
    match wanted.shown:
        case Shown.DONE:
            return rows.filter(actual_on__isnull=False)
        case Shown.OPEN:
            return rows.filter(actual_on__isnull=True)
        case Shown.WAITING:
            earlier = Milestone.objects.filter(
                chain=OuterRef("chain"), sequence__lt=OuterRef("sequence"), applicable=True, actual_on__isnull=True
            )
            has_round = Exists(MilestoneRound.objects.filter(milestone=OuterRef("pk")))
            return rows.filter(has_round | ~Exists(earlier), actual_on__isnull=True)
