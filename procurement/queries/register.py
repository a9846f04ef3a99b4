"""The register of submittals and factory tests: what is in whose court, round by round."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Lower, NullIf

from procurement.models import DeliveryLot, LotForecast
from procurement.queries.log import named
from procurement.queries.steps import Step, read_steps
from sites.accounts.models import User
from sites.models import Milestone, MilestoneRound
from sites.models.site import Sight, sight_of
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
    """`ball` is that of the last round; else, and of what is done, who answers for the step. `since` is the day since
    which it lies there; null where nothing was submitted yet. `step` is null where the lot has no forecast.
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


def register(actor: User, wanted: RegisterFilter, sight: Sight | None = None) -> RegisterPage:
    """What lies longest first, then what was never submitted, by order; what is done, the latest first. Four queries,
    and those of the actor's sight where it is not given.
    """
    statement, values = _found(actor, wanted, sight)
    values |= {"ball": wanted.ball, "size": wanted.size, "start": (wanted.page - 1) * wanted.size}
    with connection.cursor() as cursor:
        ordered = _LATEST_FIRST if wanted.shown is Shown.DONE else _LONGEST_FIRST
        cursor.execute(statement + _PAGE.format(sorted=ordered), values)
        ((counted, keys),) = cursor.fetchall()
    balls: dict[str, int] = json.loads(counted) if isinstance(counted, str) else counted or {}
    total = balls.get(wanted.ball, 0) if wanted.ball else sum(balls.values())
    pages = max(1, -(-total // wanted.size))
    shown = replace(wanted, page=min(wanted.page, pages))
    by_key = (
        with_turn(Milestone.objects.all())
        .select_related(
            "chain__lot__schedule_line__line__order__seller",
            "chain__lot__schedule_line__line__equipment_class",
            "chain__lot__schedule_line__site",
        )
        .in_bulk(keys)
    )
    milestones = [by_key[key] for key in keys]
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
            row.responsible if wanted.shown is Shown.DONE else row.ball,
            row.since,
            tuple(rounds[row.pk]),
            answers.get(row.chain.lot.pk, {}).get(row.code),
        )
        for row in milestones
    )
    return RegisterPage(shown, rows, total, pages, balls)


def keys_among(actor: User, wanted: RegisterFilter, chains: Collection[UUID], sight: Sight | None = None) -> set[UUID]:
    """The steps of these chains that the register shows now, on any page. One query, and those of the actor's sight
    where it is not given.
    """
    statement, values = _found(actor, wanted, sight, chains)
    with connection.cursor() as cursor:
        cursor.execute(statement + _KEYS, {**values, "ball": wanted.ball})
        return {key for (key,) in cursor.fetchall()}


def codes_of(about: About | None) -> list[str]:
    return [code for each, named in _CODES.items() if about in {None, each} for code in named]


def lots_of(actor: User, wanted: RegisterFilter) -> QuerySet[DeliveryLot]:
    """Also of lines that are cancelled. Words are looked for as the log does."""
    lots = DeliveryLot.objects.visible_to(actor).filter(quantity__gt=0)
    if wanted.site:
        lots = lots.filter(schedule_line__site__code=wanted.site)
    if wanted.vendor:
        lots = lots.filter(schedule_line__line__order__seller__code=wanted.vendor)
    for word in wanted.text.split():
        lots = lots.filter(schedule_line__log_line__words__contains=Lower(Value(word)))
    return lots


def with_turn(rows: Any) -> Any:
    """Steps with `ball` and `since` of their last round."""
    last = MilestoneRound.objects.filter(milestone=OuterRef("pk")).order_by("-number")
    return rows.annotate(
        ball=Coalesce(NullIf(Subquery(last.values("ball_in_court")[:1]), Value("")), F("responsible")),
        since=Coalesce(Subquery(last.values("returned_on")[:1]), Subquery(last.values("submitted_on")[:1])),
    )


# Indexes hold what the steps of the register are found by; of rounds only those of these steps are sorted.
_STEPS = """
WITH step AS MATERIALIZED (
    SELECT id, chain_id, sequence, responsible, actual_on FROM sites_milestone
    WHERE applicable AND code IN ({codes}) AND actual_on IS {done} {among}
),
last AS MATERIALIZED ({last}),
found AS MATERIALIZED (
    SELECT step.id, step.sequence, step.actual_on, lot.number AS lot_number, lot.schedule_line_id,
        coalesce(nullif(last.ball_in_court, ''), step.responsible) AS ball,
        coalesce(last.returned_on, last.submitted_on) AS since
    FROM step
    JOIN procurement_deliverylot lot ON lot.chain_id = step.chain_id
    LEFT JOIN last ON last.milestone_id = step.id
    WHERE lot.quantity > 0 AND lot.schedule_line_id {seen} {wanted} {waiting}
)
"""
_LAST_ROUND: Final = """
    SELECT DISTINCT ON (milestone_id) milestone_id, ball_in_court, submitted_on, returned_on
    FROM sites_milestoneround JOIN step ON step.id = milestone_id ORDER BY milestone_id, number DESC"""
# What is done lies in nobody's court: it stands under who answered for it.
_NO_ROUND: Final = """
    SELECT NULL::uuid AS milestone_id, '' AS ball_in_court, NULL::date AS submitted_on, NULL::date AS returned_on
    WHERE FALSE"""
# Who sees everything is spared a look at every line.
_SEEN: Final[Mapping[bool, str]] = {
    True: "NOT IN (SELECT schedule_line_id FROM procurement_logline WHERE shown = 'cancelled')",
    False: """IN (SELECT schedule_line_id FROM procurement_logline
            WHERE shown IN ('open', 'delivered') AND site_id = ANY(%(sites)s))""",
}
_WAITING = """AND (last.milestone_id IS NOT NULL OR NOT EXISTS (
            SELECT FROM sites_milestone earlier WHERE earlier.chain_id = step.chain_id
                AND earlier.sequence < step.sequence AND earlier.applicable AND earlier.actual_on IS NULL))"""
_KEYS = "SELECT id FROM found WHERE %(ball)s IN ('', ball)"
# A page beyond the last one is the last.
_PAGE = """
SELECT (SELECT jsonb_object_agg(ball, number) FROM (SELECT ball, count(*) AS number FROM found GROUP BY ball) each),
    ARRAY(
        SELECT found.id FROM found {sorted}
        LIMIT %(size)s OFFSET (
            SELECT LEAST(%(start)s, (GREATEST(count(*), 1) - 1) / %(size)s * %(size)s)
            FROM found WHERE %(ball)s IN ('', ball)
        )
    )
"""
# What was never submitted is not sorted where all of the page was.
_LONGEST_FIRST: Final = """
        CROSS JOIN LATERAL (
            SELECT order_number, line_number FROM procurement_logline
            WHERE schedule_line_id = found.schedule_line_id OFFSET 0
        ) line
        WHERE %(ball)s IN ('', ball) AND (since IS NOT NULL OR (
            SELECT count(*) FROM found WHERE %(ball)s IN ('', ball) AND since IS NOT NULL) < %(start)s + %(size)s)
        ORDER BY since NULLS LAST, order_number, line_number, lot_number, sequence, id"""
_LATEST_FIRST: Final = """
        WHERE %(ball)s IN ('', ball) ORDER BY actual_on DESC, schedule_line_id, lot_number, sequence DESC, id"""


def _found(
    actor: User, wanted: RegisterFilter, sight: Sight | None, chains: Collection[UUID] | None = None
) -> tuple[str, dict[str, Any]]:
    """The steps that are shown as the table `found`, on any page and in any court, and the values it names."""
    sight = sight or sight_of(actor)
    values: dict[str, Any] = {"sites": list(sight.sites)}
    narrowed = ""
    if wanted.site or wanted.vendor or wanted.text:
        narrowed = f"AND lot.id IN ({named(lots_of(actor, wanted).values('pk'), values)})"
    if chains is not None:
        values["chains"] = list(chains)
    statement = _STEPS.format(
        # Written out, so that PostgreSQL sees that the index holds them.
        codes=", ".join(f"'{code}'" for code in codes_of(wanted.about)),
        done="NOT NULL" if wanted.shown is Shown.DONE else "NULL",
        last=_NO_ROUND if wanted.shown is Shown.DONE else _LAST_ROUND,
        among="" if chains is None else "AND chain_id = ANY(%(chains)s)",
        seen=_SEEN[sight.whole],
        wanted=narrowed,
        waiting=_WAITING if wanted.shown is Shown.WAITING else "",
    )
    return statement, values
