"""What became of the register since the end of a past day: whose turn it was, what came into the list and what went."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from procurement.models import LotForecast, OrderLine, ScheduleLine
from procurement.queries.known import history_then, lot_answers, rows_then
from procurement.queries.register import (
    RegisterFilter,
    RegisterPage,
    RegisterRow,
    Shown,
    codes_of,
    keys_among,
    lots_of,
    with_turn,
)
from procurement.queries.steps import Step, read_steps
from procurement.vocabulary import LineStatus
from sites.accounts.models import User
from sites.models import Milestone, MilestoneRound
from sites.models.site import Sight

MOST: Final = 5000
MOST_SHOWN: Final = 200
# The chains of lots in which more than a forecast changed.
_TOUCHED = """
SELECT event.chain_id FROM sites_milestoneevent event WHERE event.pgh_created_at >= %(since)s
UNION
SELECT step.chain_id FROM sites_milestoneroundevent event
JOIN sites_milestone step ON step.id = event.milestone_id WHERE event.pgh_created_at >= %(since)s
UNION
SELECT lot.chain_id FROM procurement_schedulelineevent event
JOIN procurement_deliverylot lot ON lot.schedule_line_id = event.pgh_obj_id WHERE event.pgh_created_at >= %(since)s
UNION
SELECT lot.chain_id FROM procurement_orderlineevent event
JOIN procurement_scheduleline line ON line.line_id = event.pgh_obj_id
JOIN procurement_deliverylot lot ON lot.schedule_line_id = line.id WHERE event.pgh_created_at >= %(since)s
LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class StepThen:
    """`ball` was that of the last round, or who answered for the step; `round_number` is None before the first one."""

    ball: str
    round_number: int | None
    actual_on: date | None


@dataclass(frozen=True, slots=True)
class Went:
    """A step as the register had it, and as it is now; cancelled with its line or not."""

    was: StepThen
    milestone: Milestone
    cancelled: bool


@dataclass(frozen=True, slots=True)
class RegisterChanges:
    """`before` holds the steps of the page in whose chain something changed, `forecast` the old answers of all of them.
    `came` and `went` compare the whole list; both are None where more than `MOST` chains changed.
    """

    since: date
    before: Mapping[UUID, StepThen]
    forecast: Mapping[UUID, Step]
    came: frozenset[UUID] | None
    went: tuple[Went, ...] | None
    more_went: int = 0

    @property
    def went_count(self) -> int:
        return len(self.went or ()) + self.more_went

    def of(self, row: RegisterRow) -> tuple[StepThen | None, Step | None, bool]:
        """What it was, its step of then, and whether it came; None where it is as it was."""
        key = row.milestone.pk
        return self.before.get(key), self.forecast.get(key), self.came is not None and key in self.came


def register_changes(
    actor: User, page: RegisterPage, day: date, instant: datetime, sight: Sight | None = None
) -> RegisterChanges:
    """`instant` is the end of the day where the reader is. Twelve queries at most, for any number of rows."""
    wanted = page.filter
    touched = _touched(instant)
    forecast = _answers_then(page.rows, day)
    if len(touched) > MOST:
        return RegisterChanges(day, {}, forecast, None, None)
    then, was = _list_then(actor, wanted, touched, instant)
    now = keys_among(actor, wanted, touched, sight)
    shown = {row.milestone.pk for row in page.rows}
    gone = was - now
    found = with_turn(Milestone.objects.filter(pk__in=gone)).select_related(
        "chain__lot__schedule_line__line__order__seller", "chain__lot__schedule_line__site"
    )
    left = found.order_by("chain__lot__schedule_line__line__order__number", "sequence", "pk")[:MOST_SHOWN]
    return RegisterChanges(
        day,
        {key: then[key] for key in shown & was},
        forecast,
        frozenset(now - was),
        tuple(Went(then[row.pk], row, _is_cancelled(row.chain.lot.schedule_line)) for row in left),
        max(0, len(gone) - MOST_SHOWN),
    )


def _touched(instant: datetime) -> list[UUID]:
    """At most one more than `MOST`."""
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHED, {"since": instant, "most": MOST + 1})
        return [key for (key,) in cursor.fetchall()]


def _answers_then(rows: Iterable[RegisterRow], day: date) -> dict[UUID, Step]:
    named = list(rows)
    answers: dict[UUID, LotForecast] = lot_answers({row.lot.pk for row in named}, day)
    steps = {key: {step.code: step for step in read_steps(answer.steps)} for key, answer in answers.items()}
    return {
        row.milestone.pk: step
        for row in named
        if (step := steps.get(row.lot.pk, {}).get(row.milestone.code)) is not None
    }


def _list_then(
    actor: User, wanted: RegisterFilter, chains: Collection[UUID], instant: datetime
) -> tuple[dict[UUID, StepThen], set[UUID]]:
    """The steps of these chains as they were, and those of them that the register showed. Seven queries."""
    lots = list(lots_of(actor, wanted).filter(chain__in=chains).select_related("schedule_line__line").distinct())
    cancelled = _cancelled_then([lot.schedule_line for lot in lots], instant)
    open_chains = {lot.chain_id for lot in lots if lot.schedule_line_id not in cancelled}
    keys = Milestone.objects.filter(chain__in=open_chains).values_list("pk", flat=True)
    steps = rows_then(Milestone, list(keys), instant)
    rounds: dict[UUID, Any] = {}
    for each in history_then(MilestoneRound, instant, milestone__in=steps.keys()):
        if each.milestone_id not in rounds or rounds[each.milestone_id].number < each.number:
            rounds[each.milestone_id] = each
    then, was = {}, set()
    by_chain: dict[UUID, list[Any]] = defaultdict(list)
    for row in steps.values():
        by_chain[row.chain_id].append(row)
    for chain in by_chain.values():
        is_next = True
        for row in sorted(chain, key=lambda each: each.sequence):
            if not row.applicable:
                continue
            last = rounds.get(row.pgh_obj_id)
            ball = (last.ball_in_court if last else "") or row.responsible
            then[row.pgh_obj_id] = StepThen(ball, last.number if last else None, row.actual_on)
            is_wanted = row.code in codes_of(wanted.about) and wanted.ball in {"", ball}
            if is_wanted and _is_shown(wanted.shown, row.actual_on, is_acted_on=is_next or last is not None):
                was.add(row.pgh_obj_id)
            is_next = is_next and row.actual_on is not None
    return then, was


def _is_shown(shown: Shown, actual_on: date | None, *, is_acted_on: bool) -> bool:
    match shown:
        case Shown.DONE:
            return actual_on is not None
        case Shown.OPEN:
            return actual_on is None
        case Shown.WAITING:
            return actual_on is None and is_acted_on


def _cancelled_then(lines: Collection[ScheduleLine], instant: datetime) -> set[UUID]:
    """Also those that were not there yet."""
    own = rows_then(ScheduleLine, [line.pk for line in lines], instant)
    above = rows_then(OrderLine, [line.line_id for line in lines], instant)
    return {
        line.pk
        for line in lines
        if line.pk not in own
        or line.line_id not in above
        or LineStatus.CANCELLED in {own[line.pk].status, above[line.line_id].status}
    }


def _is_cancelled(line: ScheduleLine) -> bool:
    return LineStatus.CANCELLED in {line.status, line.line.status}
