"""Why a date is what it is, as facts that can be said in any language: what asks for it, what decides, what follows.

The deciding step is the last one up to the anchor whose date is no mere consequence: not a duration or lead time after
the step before, and not held back by it. From there to the anchor only such consequences follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from sites.vocabulary import Driver, DurationBasis, Party, StepFlag

_FOLLOWS: Final = frozenset({Driver.DURATION, Driver.SPAN, Driver.PREDECESSOR})


@dataclass(frozen=True, slots=True)
class ReasonStep:
    """A step of a stored answer, with who owns it. `promised_on` is what its deciding promise counts as.

    `off_days` are weekends, holidays and closures between the step before and this one, None where its duration is
    in calendar days. `without_holidays` are years within it that the holiday library does not know.
    """

    code: str
    on: date | None
    driver: Driver
    flags: tuple[StepFlag, ...] = ()
    owner: Party = Party.VENDOR
    baseline_on: date | None = None
    promised_on: date | None = None
    conditional_on: date | None = None
    shift_days: int = 0
    duration_days: int = 0
    basis: DurationBasis = DurationBasis.CALENDAR
    off_days: int | None = None
    without_holidays: tuple[int, ...] = ()

    @property
    def slip_days(self) -> int | None:
        return None if self.on is None or self.baseline_on is None else (self.on - self.baseline_on).days


class Cause(StrEnum):
    """What decides a date."""

    ARRIVED = "arrived"  # the anchor itself is done
    DONE = "done"
    IMPLIED = "implied"
    PINNED = "pinned"
    PROMISED = "promised"
    MOVED = "moved"  # a promise, moved by what came before it
    PROMISE_OVER = "promise_over"  # promised for a day that is past, and not done
    OVERDUE = "overdue"  # its time is over, and not done
    ORDERED_TODAY = "ordered_today"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Behind:
    """What moved a promise: the step that decides before it, its owner, and how late it is against its baseline.

    `late_days` is None without a baseline, and zero or less where the vendor relied on an earlier day than agreed.
    """

    code: str
    owner: Party
    late_days: int | None


@dataclass(frozen=True, slots=True)
class Rest:
    """From the deciding step to the anchor. `working_days` where that is one step counted in them, with `off_days` of
    weekends, holidays and closures in between; `is_lead_time` where it is one span of weeks. `held` are steps whose
    own date could not stand because the step before comes later: they add no days, and `steps` does not count them.
    """

    from_code: str
    to_code: str
    days: int
    steps: int
    working_days: int | None
    off_days: int | None
    is_lead_time: bool
    held: tuple[str, ...]


class NoteKind(StrEnum):
    VENDOR_UNDECIDED = "vendor_undecided"
    STATED_SINCE_PINNED = "stated_since_pinned"
    OUT_OF_ORDER = "out_of_order"
    ACTUAL_MISSING = "actual_missing"
    WITHOUT_HOLIDAYS = "without_holidays"
    AGREED_TOO_LATE = "agreed_too_late"


@dataclass(frozen=True, slots=True)
class Note:
    """`code` is the step it is about, `years` those of whose holidays nothing is known. `on` is what the vendor
    promises there beside a pin, and what was agreed where that is too late already.
    """

    kind: NoteKind
    code: str
    years: tuple[int, ...] = ()
    on: date | None = None
    days: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """`required_on` and `float_days` are None where nobody has said when it is required. `slip_days` is that of the
    deciding step against its baseline. `promised_on` is the vendor's own date there, whether or not it stands.
    `worst` is the step that added most days to the agreed chain, of what came late; `late_days` are those days.
    """

    as_of: date
    forecast_on: date
    required_on: date | None
    float_days: int | None
    cause: Cause
    code: str
    on: date
    slip_days: int | None
    promised_on: date | None
    shift_days: int
    behind: Behind | None
    rest: Rest | None
    notes: tuple[Note, ...]
    worst: Behind | None = None


def reason(
    steps: Sequence[ReasonStep],
    anchor: str,
    required_on: date | None,
    as_of: date,
    *,
    is_ordered: bool = True,
) -> Reason | None:
    """Why the anchor step stands where it stands; None where it has no date.

    What is not ordered runs its chain as if it were ordered on `as_of`.
    """
    chain = _up_to(steps, anchor)
    if not chain:
        return None
    place = _decides(chain, len(chain) - 1)
    step, last = chain[place], chain[-1]
    assert step.on is not None  # _up_to keeps dated steps only
    assert last.on is not None
    is_last = place == len(chain) - 1
    cause = _cause(step, as_of, is_last=is_last, is_hypothetical=not is_ordered and not place)
    float_days = None if required_on is None else (required_on - last.on).days
    return Reason(
        as_of=as_of,
        forecast_on=last.on,
        required_on=required_on,
        float_days=float_days,
        cause=cause,
        code=step.code,
        on=step.on,
        slip_days=step.slip_days,
        promised_on=step.promised_on,
        shift_days=step.shift_days,
        behind=_behind(chain, place),
        rest=None if is_last else _rest(chain[place:]),
        notes=(*_agreed_too_late(last, required_on), *_notes(chain, place)),
        worst=_worst(chain) if cause is Cause.ARRIVED and (float_days or 0) < 0 else None,
    )


def _agreed_too_late(last: ReasonStep, required_on: date | None) -> tuple[Note, ...]:
    if required_on is None or last.baseline_on is None or last.baseline_on <= required_on:
        return ()
    days = (last.baseline_on - required_on).days
    return (Note(NoteKind.AGREED_TOO_LATE, last.code, on=last.baseline_on, days=days),)


def _worst(chain: Sequence[ReasonStep]) -> Behind | None:
    """None where no step took longer than agreed. A step without a day of its own shows in the next that has one."""
    slip, worst = 0, None
    for step in chain:
        if step.slip_days is None or (step.driver is Driver.IMPLIED and step is not chain[-1]):
            continue
        added, slip = step.slip_days - slip, step.slip_days
        if added > (worst.late_days or 0 if worst else 0):
            worst = Behind(step.code, step.owner, added)
    return worst


def _up_to(steps: Sequence[ReasonStep], anchor: str) -> list[ReasonStep]:
    """The dated steps up to the anchor; empty where that has no date."""
    chain = []
    for step in steps:
        if step.on is not None:
            chain.append(step)
        if step.code == anchor:
            return chain if step.on is not None else []
    return []


def _decides(chain: Sequence[ReasonStep], place: int) -> int:
    while place and chain[place].driver in _FOLLOWS:
        place -= 1
    return place


def _cause(step: ReasonStep, as_of: date, *, is_last: bool, is_hypothetical: bool) -> Cause:
    match step.driver:
        case Driver.ACTUAL:
            return Cause.ARRIVED if is_last else Cause.DONE
        case Driver.IMPLIED:
            return Cause.IMPLIED
        case Driver.LOCKED:
            return Cause.PINNED
        case Driver.PROMISE:
            return Cause.PROMISED
        case Driver.PROMISE_SHIFTED:
            return Cause.MOVED
        case Driver.PLAN:
            return Cause.PLANNED
        case _:
            # A pinned date beats a promise: where the pin is what is over, the promise may well lie ahead.
            if step.promised_on is not None and step.promised_on < as_of:
                return Cause.PROMISE_OVER
            return Cause.ORDERED_TODAY if is_hypothetical else Cause.OVERDUE


def _behind(chain: Sequence[ReasonStep], place: int) -> Behind | None:
    if chain[place].driver is not Driver.PROMISE_SHIFTED:
        return None
    root = chain[_decides(chain, place - 1)]
    return Behind(root.code, root.owner, root.slip_days)


def _rest(tail: Sequence[ReasonStep]) -> Rest:
    """`tail` starts with the deciding step, and every later one merely follows."""
    first, *others = tail
    last = others[-1]
    assert first.on is not None
    assert last.on is not None
    lasting = [step for step in others if step.driver is not Driver.PREDECESSOR]
    alone = lasting[0] if len(lasting) == 1 else None
    counts_working = alone is not None and alone.driver is Driver.DURATION and alone.basis is DurationBasis.WORKING
    return Rest(
        from_code=first.code,
        to_code=lasting[-1].code if lasting else last.code,
        days=(last.on - first.on).days,
        steps=len(lasting),
        working_days=alone.duration_days if alone and counts_working else None,
        off_days=alone.off_days if alone and counts_working else None,
        is_lead_time=alone is not None and alone.driver is Driver.SPAN,
        held=tuple(step.code for step in others if step.driver is Driver.PREDECESSOR),
    )


def _notes(chain: Sequence[ReasonStep], place: int) -> list[Note]:
    found = []
    for each, step in enumerate(chain):
        if each >= place and StepFlag.TBD in step.flags:
            found.append(Note(NoteKind.VENDOR_UNDECIDED, step.code))
        if each >= place and StepFlag.PROMISE_AFTER_LOCK in step.flags:
            found.append(Note(NoteKind.STATED_SINCE_PINNED, step.code, on=step.promised_on))
        if StepFlag.OUT_OF_ORDER in step.flags:
            found.append(Note(NoteKind.OUT_OF_ORDER, step.code))
        if StepFlag.ACTUAL_MISSING in step.flags:
            found.append(Note(NoteKind.ACTUAL_MISSING, step.code))
        if step.without_holidays:
            found.append(Note(NoteKind.WITHOUT_HOLIDAYS, step.code, step.without_holidays))
    return found


# -- where the float went --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    """What one step adds to the loss of float between two days of knowledge: above zero it was lost, below won back.

    `code` is empty for the move of the required date itself.
    """

    code: str
    days: int
    float_before: int
    float_after: int


@dataclass(frozen=True, slots=True)
class Waterfall:
    float_from: int
    float_to: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What was known at the end of a day: the dates of the steps up to the anchor, in order, and the required date."""

    required_on: date
    dates: Sequence[tuple[str, date]]


def waterfall(before: Standing, after: Standing) -> Waterfall:
    """Where the float went, step by step; the stages lead from one float to the other exactly.

    A step that only one of the two knows is passed over: its days show in the next step both have. The anchor, the
    last of each, is always one of those.
    """
    earlier, later = dict(before.dates), dict(after.dates)
    codes = [code for code, _ in after.dates if code in earlier]
    float_from = (before.required_on - before.dates[-1][1]).days
    standing, moved = float_from, 0
    stages = []
    for code in codes:
        now = (later[code] - earlier[code]).days
        if now != moved:
            stages.append(Stage(code, now - moved, standing, standing - (now - moved)))
            standing -= now - moved
            moved = now
    pulled = (before.required_on - after.required_on).days
    if pulled:
        stages.append(Stage("", pulled, standing, standing - pulled))
        standing -= pulled
    return Waterfall(float_from, standing, tuple(stages))
