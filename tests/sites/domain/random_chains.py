"""Chains of facts at random over every rule of the engine, the same ones for a seed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random

from sites.domain import imprecise
from sites.domain.calendar import WorkingCalendar
from sites.domain.imprecise import ImpreciseDate
from sites.domain.schedule import ChainFacts, PromiseFacts, RequiredOnSite, StepFacts
from sites.vocabulary import DurationBasis, Precision

CALENDARS = (
    WorkingCalendar("AU-NSW"),
    WorkingCalendar("JP", ((date(2026, 8, 10), date(2026, 8, 18)), (date(2027, 12, 27), date(2028, 1, 5)))),
    WorkingCalendar("DE-HE", ((date(2027, 7, 26), date(2027, 8, 13)),)),
    WorkingCalendar("AE"),
    WorkingCalendar("CN"),
    WorkingCalendar("US-TX"),
)
_BASES = (DurationBasis.CALENDAR, DurationBasis.WORKING)


def chains(seed: int, number: int) -> Iterator[ChainFacts]:
    dice = Random(seed)
    return (_chain(dice) for _ in range(number))


def _chain(dice: Random) -> ChainFacts:
    as_of = date(2026, 1, 1) + timedelta(days=dice.randrange(900))
    length = dice.randint(1, 13)
    anchor = dice.randrange(length) if dice.random() < 0.3 else length - 1
    done = dice.randrange(length + 1) if dice.random() < 0.6 else 0
    span = range(0)
    if done < length - 2 and dice.random() < 0.1:
        first = dice.randint(done, length - 2)
        span = range(first + 1, dice.randint(first + 1, length - 1))
        if anchor in span:
            span = range(0)
    steps = tuple(
        _step(dice, as_of, place, is_done=place < done, in_span=place in span, is_anchor=place == anchor,
              ends_span=bool(span) and place == span.stop)
        for place in range(length)
    )  # fmt: skip
    return ChainFacts(as_of, dice.choice(CALENDARS), steps, _ros(dice, as_of), f"S{anchor}")


def _ros(dice: Random, as_of: date) -> RequiredOnSite | None:
    kind = dice.random()
    if kind < 0.15:
        return None
    if kind < 0.5:
        return RequiredOnSite(fixed_on=_near(dice, as_of, -100, 900))
    anchors = tuple(_near(dice, as_of, -100, 900) for _ in range(dice.randint(0, 3)))
    return RequiredOnSite(anchors=anchors, offset_days=dice.randint(0, 20), offset_basis=dice.choice(_BASES))


def _step(
    dice: Random, as_of: date, place: int, *, is_done: bool, in_span: bool, is_anchor: bool, ends_span: bool
) -> StepFacts:
    forgotten = dice.random() < 0.15
    actual = _near(dice, as_of, -400, 1) if is_done and not forgotten else None
    lock = _near(dice, as_of, -60, 500) if not in_span and dice.random() < 0.12 else None
    return StepFacts(
        code=f"S{place}",
        duration_days=dice.choice((0, 1, dice.randint(2, 20), dice.randint(20, 300))),
        basis=DurationBasis.CALENDAR if ends_span else dice.choice(_BASES),
        calendar=dice.choice((None, *CALENDARS)),
        applicable=is_anchor or in_span or dice.random() > 0.08,
        baseline_on=_near(dice, as_of, -300, 600) if dice.random() < 0.8 else None,
        planned_on=_near(dice, as_of, -30, 200) if dice.random() < 0.4 else None,
        locked_on=lock,
        lock_set_on=_near(dice, as_of, -90, 0) if lock and dice.random() < 0.8 else None,
        actual_on=actual,
        promises=() if in_span else tuple(_promises(dice, as_of, place)),
        in_span=in_span,
        is_span=ends_span,
    )


def _promises(dice: Random, as_of: date, place: int) -> Iterator[PromiseFacts]:
    if dice.random() < 0.5:
        return
    ids: list[str] = []
    replaced: set[str] = set()
    for number in range(dice.randint(1, 4)):
        key = f"p{place}-{number}"
        supersedes = None
        if ids and dice.random() < 0.3:
            supersedes = dice.choice(ids)
            supersedes = None if supersedes in replaced else supersedes
        if supersedes:
            replaced.add(supersedes)
        stated_on = _near(dice, as_of, -200, 1)
        said = imprecise.TBD if dice.random() < 0.12 else _said(dice, _near(dice, as_of, -90, 600))
        yield PromiseFacts(
            id=key,
            said=said,
            stated_on=stated_on,
            recorded_at=datetime(2027, 1, 1, dice.randrange(24), tzinfo=UTC) if dice.random() < 0.7 else None,
            conditional_on=_near(dice, as_of, -100, 300) if dice.random() < 0.6 else None,
            supersedes=supersedes,
            retracted=dice.random() < 0.12,
        )
        ids.append(key)


def _said(dice: Random, day: date) -> ImpreciseDate:
    return imprecise.on_day(day) if dice.random() < 0.7 else imprecise.read(f"{day:%Y-%m}", Precision.MONTH)


def _near(dice: Random, day: date, first: int, last: int) -> date:
    return day + timedelta(days=dice.randint(first, last))
