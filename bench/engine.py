"""The pure engine: chains a second, and its calendar beside counting day by day."""

from datetime import date, timedelta
from decimal import Decimal

import holidays
import numpy as np

from bench.case import Case, beside, seconds, within
from sites.domain import capacity
from sites.domain.calendar import WorkingCalendar
from sites.domain.imprecise import on_day
from sites.domain.probability import POINTS, References, simulate
from sites.domain.schedule import ChainFacts, PromiseFacts, RequiredOnSite, StepFacts, forecast_chain
from sites.domain.schedule_arrays import answer, pack, unpack
from sites.vocabulary import BlockPolicy, DurationBasis
from tests.sites.domain.random_chains import chains as random_chains

CHAINS = 2000
SECONDS_FOR_A_THOUSAND_CHAINS = 1.0
RANDOM_CHAINS = 10_000
TIMES_A_LOOP = 30
SAMPLED_LINES, SAMPLED_TRIALS, SAMPLING_SECONDS = 1000, 10_000, 15.0


def _chain(number: int) -> ChainFacts:
    site, maker = WorkingCalendar("AU-NSW"), WorkingCalendar("JP", ((date(2027, 8, 10), date(2027, 8, 18)),))
    working = DurationBasis.WORKING
    said = PromiseFacts("p", on_day(date(2027, 5, 21)), date(2026, 10, 1), conditional_on=date(2026, 10, 16))
    steps = (
        StepFacts("PO_ISSUED", actual_on=date(2026, 8, 3)),
        StepFacts("SUBMITTAL_IN", 30 + number % 5, working, maker),
        StepFacts("SUBMITTAL_APPROVED", 15, working, site),
        StepFacts("RTM", 5, working, maker),
        StepFacts("FAT_PASS", 220, promises=(said,)),
        StepFacts("RTS", 10, working, maker),
        StepFacts("ARRIVED_PORT", 28),
        StepFacts("IMPORT_CLEARED", 7),
        StepFacts("ON_SITE", 5, working, site),
    )
    return ChainFacts(date(2026, 11, 20), site, steps, RequiredOnSite(fixed_on=date(2027, 9, 20)))


def _day_by_day(start: date, days: int, closed: "holidays.HolidayBase") -> date:
    while days:
        start += timedelta(days=1)
        if closed.is_working_day(start):
            days -= 1
    return start


def cases() -> list[Case]:
    chains = [_chain(number) for number in range(CHAINS)]
    chains_taken = seconds(lambda: [forecast_chain(facts) for facts in chains])
    calendar, closed = WorkingCalendar("JP"), holidays.country_holidays("JP")
    starts = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    ours = seconds(lambda: [calendar.forward(day, 120, DurationBasis.WORKING) for day in starts])
    rival = seconds(lambda: [_day_by_day(day, 120, closed) for day in starts], rounds=3)
    return [
        within("a thousand nine-step chains", chains_taken * 1000 / CHAINS, SECONDS_FOR_A_THOUSAND_CHAINS),
        beside("120 working days forward, 365 times", ours, rival, "counting day by day"),
        within("100 blocks of 2,000 units in 800 lines", seconds(_assess, rounds=3), 2.0),
        *_arrays(),
        _sampling(),
    ]


def _arrays() -> list[Case]:
    """Both passes start from the facts as each takes them: objects for the loop, columns for the arrays."""
    facts = list(random_chains(1, RANDOM_CHAINS))
    expected = [forecast_chain(each) for each in facts]
    differing = sum(ours != theirs for ours, theirs in zip(unpack(answer(pack(facts)), facts), expected, strict=True))
    nine = [_chain(number) for number in range(RANDOM_CHAINS)]
    cases = [
        Case(f"random chains answered otherwise by the arrays, of {RANDOM_CHAINS}", differing, "", "none", differing)
    ]
    for name, chains in (("random chains", facts), ("nine-step chains", nine)):
        table = pack(chains)
        arrays = seconds(lambda table=table: answer(table))  # type: ignore[misc]
        loop = seconds(lambda chains=chains: [forecast_chain(each) for each in chains], rounds=3)  # type: ignore[misc]
        against = f"a {TIMES_A_LOOP}th of a plain loop ({loop / arrays:.0f} times as fast)"
        cases.append(beside(f"{len(chains)} {name} over arrays", arrays, loop / TIMES_A_LOOP, against))
    return cases


def _sampling() -> Case:
    """Every step ahead is drawn from one of 40 references; ten lines share a vendor."""
    answers = answer(pack([_chain(number) for number in range(SAMPLED_LINES)]))
    draws = np.random.default_rng(1)
    quantiles = np.sort(draws.lognormal(0.1, 0.3, (40, POINTS)).astype(np.float32), axis=1)
    shape = (answers.table.steps, SAMPLED_LINES)
    references = References(
        quantiles, np.ones(40, np.float32), draws.integers(0, 40, shape), draws.integers(0, 40, shape)
    )

    def work() -> object:
        return simulate(
            answers, references, keys=range(SAMPLED_LINES), vendors=[n // 10 for n in range(SAMPLED_LINES)], seed=1,
            trials=SAMPLED_TRIALS,
        )  # fmt: skip

    return within(f"{SAMPLED_TRIALS} trials over {SAMPLED_LINES} lines", seconds(work, rounds=3), SAMPLING_SECONDS)


def _assess() -> object:
    blocks = [
        capacity.Block(
            id=f"b{n}",
            it_mw=Decimal(12),
            policy=BlockPolicy.CAN_CARRY,
            needs=tuple(capacity.GroupNeed(f"g{(n * 5 + k) % 400}", 4) for k in range(5)),
            schedule_rfs_on=date(2027, 9, 1),
            rfs_baseline_on=date(2027, 9, 1),
        )
        for n in range(100)
    ]
    units = [
        capacity.Unit(
            id=f"u{n}",
            group=f"g{n % 400}",
            ready_on=date(2027, 6, 1) + timedelta(days=n * 7 % 200),
            ready_at_ros_on=date(2027, 8, 1),
            line=f"l{n % 800}",
        )
        for n in range(2000)
    ]
    return capacity.assess(blocks, units)
