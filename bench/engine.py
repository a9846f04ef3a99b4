"""The pure engine: chains a second, and its calendar beside counting day by day."""

from datetime import date, timedelta
from decimal import Decimal

import holidays

from bench.case import Case, beside, seconds, within
from sites.domain import capacity
from sites.domain.calendar import WorkingCalendar
from sites.domain.imprecise import on_day
from sites.domain.schedule import ChainFacts, PromiseFacts, RequiredOnSite, StepFacts, forecast_chain
from sites.vocabulary import BlockPolicy, DurationBasis

CHAINS = 2000
SECONDS_FOR_A_THOUSAND_CHAINS = 1.0


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
    ]


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
