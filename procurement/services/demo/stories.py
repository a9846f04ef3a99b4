"""How a delivery goes: what the vendor said and when, what was done, what is late. Told relative to its contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from procurement.services.demo.dated_chain import DatedChain, Statement, said
from procurement.services.demo.draft import Draft
from sites.accounts.models import User
from sites.models import Milestone, MilestoneRound
from sites.vocabulary import Party, Precision, PromiseSource, ReasonCode, RoundResult


@dataclass(frozen=True, slots=True)
class Move:
    """One statement: so many days after the contract date, named so precisely. `days` is unused for TBD."""

    days: int
    precision: Precision = Precision.DAY
    reason: ReasonCode | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """`approval_days` is how much later than planned the owner approves. `weight` is how often it is told."""

    name: str
    moves: tuple[Move, ...]
    weight: int = 0
    approval_days: int = 0

    @property
    def delay_days(self) -> int:
        """Of what happened in the end: the last dated word of the vendor."""
        dated = [move.days for move in self.moves if move.precision != Precision.TBD]
        return dated[-1] if dated else 0


DAYS_BETWEEN_STATEMENTS = 8
_FRIDAY = 4

_R, _P = ReasonCode, Precision

STORIES = (
    Story("on_time", (Move(0), Move(0)), 38),
    Story("quiet", (Move(0),), 10),
    Story("drifting", (Move(0), Move(3, reason=_R.SUB_SUPPLIER), Move(6), Move(10, reason=_R.CAPACITY)), 12),
    Story("drifted_then_jumped",
          (Move(0), Move(4), Move(9, reason=_R.SUB_SUPPLIER), Move(13), Move(54, reason=_R.CAPACITY)), 5),
    Story("recovered", (Move(0), Move(8), Move(36, reason=_R.TEST_FAIL), Move(21), Move(12)), 8),
    Story("early", (Move(0), Move(-6), Move(-11)), 9),
    Story("coarse", (Move(0, _P.QUARTER), Move(4, _P.MONTH), Move(2, _P.THIRD), Move(2, _P.WEEK)), 9),
    Story("monthly", (Move(0, _P.MONTH), Move(18, _P.MONTH, _R.LOGISTICS)), 4),
    Story("undecided", (Move(0), Move(5), Move(0, _P.TBD, _R.SUB_SUPPLIER)), 2),
    Story("approved_late", (Move(0),), 3, approval_days=32),
)  # fmt: skip
BY_NAME = {story.name: story for story in STORIES}

BIG_SLIP = Story("big_slip", (Move(0), Move(5), Move(11, reason=_R.CAPACITY), Move(82, reason=_R.SUB_SUPPLIER)))
SPARE_SLIPS = Story("spare_slips", (Move(0), Move(14), Move(88, reason=_R.QUALITY_FAIL)))
SPLIT_OFF_SLIPS = Story("split_off_slips", (Move(47, reason=_R.SUB_SUPPLIER),))
PINNED = Story("pinned", (Move(0), Move(9), Move(30, reason=_R.CAPACITY)))

_SOURCES = (PromiseSource.EMAIL, PromiseSource.EMAIL, PromiseSource.MEETING, PromiseSource.CALL, PromiseSource.FILE,
            PromiseSource.ERP)  # fmt: skip
_WORDS = {
    PromiseSource.EMAIL: "Mail of {on}",
    PromiseSource.MEETING: "Minutes of the progress call of {on}",
    PromiseSource.CALL: "",
    PromiseSource.FILE: "Vendor schedule {on}.xlsx",
    PromiseSource.ERP: "Order confirmation of {on}",
    PromiseSource.PORTAL: "",
}


def tell(
    draft: Draft, chain: DatedChain, story: Story, *, contract_step: str, dice: Random, by: User, owner: User
) -> None:
    """Write what happened up to yesterday, then what was said on the way."""
    _let_happen(draft, chain, story, contract_step=contract_step, dice=dice, by=by)
    _add_rounds(draft, chain, dice, owner)
    state_moves(draft, chain, story.moves, contract_step=contract_step, dice=dice, by=by)


def _let_happen(draft: Draft, chain: DatedChain, story: Story, *, contract_step: str, dice: Random, by: User) -> None:
    codes = chain.codes
    approved = codes.index("SUBMITTAL_APPROVED") if "SUBMITTAL_APPROVED" in codes else len(codes)
    on = chain.baseline[codes[0]]
    forgotten = dice.randrange(40)
    for place, code in enumerate(codes):
        # A vendor's delay builds up in the shop: what comes before fabrication shows little of it.
        delay = story.delay_days if place > approved + 1 else dice.randint(0, 3) if place else 0
        if place >= approved:
            delay += story.approval_days if place == approved else min(story.approval_days, 20)
        on = max(on, chain.baseline[code] + timedelta(days=delay))
        if on > draft.day(-2):
            return
        is_forgotten = forgotten == 0 and code in {"RTM", "DEPARTED"}
        if not is_forgotten:
            chain.happened(code, on, by=by, document=f"Progress report {on:%Y-%m}")


def _add_rounds(draft: Draft, chain: DatedChain, dice: Random, owner: User) -> None:
    milestone = chain.milestones.get("SUBMITTAL_APPROVED")
    submitted_on = chain.actual("SUBMITTAL_IN")
    if milestone is None or submitted_on is None:
        return
    approved_on = chain.actual("SUBMITTAL_APPROVED")
    if approved_on is None:
        _round(draft, milestone, 1, submitted_on, None, "", Party.OWNER, f"With {owner.name} for review")
        return
    comes_back = dice.random() < 0.35 and (approved_on - submitted_on).days > 12
    if comes_back:
        back_on = submitted_on + timedelta(days=5)
        _round(draft, milestone, 1, submitted_on, back_on, RoundResult.REVISE_AND_RESUBMIT, Party.VENDOR,
               "Protection settings and cable entry to be shown")  # fmt: skip
        submitted_on = back_on + timedelta(days=4)
    result = RoundResult.APPROVED_AS_NOTED if dice.random() < 0.5 else RoundResult.APPROVED
    _round(draft, milestone, 2 if comes_back else 1, submitted_on, approved_on, result, Party.VENDOR, "")


def _round(
    draft: Draft,
    milestone: Milestone,
    number: int,
    submitted_on: date,
    returned_on: date | None,
    result: str,
    ball: Party,
    note: str,
) -> None:
    draft.add(
        MilestoneRound(
            id=draft.key("round", milestone.pk, number),
            milestone=milestone,
            number=number,
            submitted_on=submitted_on,
            returned_on=returned_on,
            result=result,
            ball_in_court=ball,
            note=note,
        )
    )


def state_moves(
    draft: Draft,
    chain: DatedChain,
    moves: Sequence[Move],
    *,
    contract_step: str,
    dice: Random,
    by: User,
    after: date | None = None,
) -> None:
    """The vendor's statements, spread between the order (or `after`) and yesterday or the day it was done."""
    first_on = (after or chain.baseline[chain.codes[0]]) + timedelta(days=9)
    done_on = chain.actual(contract_step)
    last_on = min(draft.day(-3), done_on - timedelta(days=8)) if done_on else draft.day(-3)
    if last_on < first_on:
        return
    span = (last_on - first_on).days
    fitting = min(len(moves), 1 + span // DAYS_BETWEEN_STATEMENTS)
    spoken = [*moves[:1], *moves[len(moves) - fitting + 1 :]]
    for place, move in enumerate(spoken):
        stated_on = first_on + timedelta(days=span * place // max(1, len(spoken) - 1))
        stated_on -= timedelta(days=max(0, stated_on.weekday() - _FRIDAY))
        chain.state(_statement(chain, move, stated_on, contract_step, dice), by=by)


def _statement(chain: DatedChain, move: Move, stated_on: date, contract_step: str, dice: Random) -> Statement:
    """A move that a vendor explains comes with the test date that goes with it. Nobody promises the past."""
    source = dice.choice(_SOURCES)
    day = max(chain.baseline[contract_step] + timedelta(days=move.days), stated_on + timedelta(days=6))
    dates = {contract_step: said(day, move.precision)}
    tested_on = chain.actual("FAT_PASS") if "FAT_PASS" in chain.baseline else None
    states_test = "FAT_PASS" in chain.baseline and (tested_on is None or tested_on > stated_on)
    if move.days and move.precision == Precision.DAY and states_test and contract_step != "FAT_PASS":
        test_on = max(chain.baseline["FAT_PASS"] + timedelta(days=move.days), stated_on + timedelta(days=2))
        if test_on < day:
            dates["FAT_PASS"] = said(test_on, Precision.DAY)
    return Statement(
        stated_on=stated_on,
        dates=dates,
        source=source,
        document=_WORDS[source].format(on=stated_on.isoformat()),
        reason_code=move.reason or ReasonCode.NOT_STATED,
        note=_NOTES.get(move.reason, "") if move.reason else "",
    )


_NOTES = {
    ReasonCode.SUB_SUPPLIER: "A sub-supplier's parts are late.",
    ReasonCode.CAPACITY: "The test bay is taken until then.",
    ReasonCode.TEST_FAIL: "The first test did not pass and is repeated.",
    ReasonCode.QUALITY_FAIL: "The unit goes back to the winding shop.",
    ReasonCode.LOGISTICS: "No vessel with heavy lift before then.",
}
