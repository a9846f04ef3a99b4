"""The engine: where a chain of steps stands on the calendar, and why.

Frozen facts in, frozen answers out. The date of the calculation is a fact; no clock and no table is read.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sites.domain.calendar import WorkingCalendar, in_range
from sites.domain.errors import BadInput
from sites.domain.imprecise import ImpreciseDate
from sites.vocabulary import Driver, DurationBasis, StepFlag

ENGINE_VERSION: Final = "1"

ON_SITE: Final = "ON_SITE"


@dataclass(frozen=True, slots=True)
class PromiseFacts:
    """One row of the ledger, in ledger order within its step.

    `conditional_on` is what was stored with the promise; None means no condition, so no shift.
    `supersedes` is the id of an earlier row of the same step.
    """

    id: str
    said: ImpreciseDate
    stated_on: date
    recorded_at: datetime | None = None
    conditional_on: date | None = None
    supersedes: str | None = None
    retracted: bool = False


@dataclass(frozen=True, slots=True)
class StepFacts:
    """`calendar` None is the site's calendar with the site's closures; `duration_days` is unused on the first step.

    `lock_set_on` is the day somebody pinned `locked_on`; None where that is not known.
    `in_span` marks a step inside a lead-time span: it has no date of its own; `is_span` the step that ends it.
    """

    code: str
    duration_days: int = 0
    basis: DurationBasis = DurationBasis.CALENDAR
    calendar: WorkingCalendar | None = None
    applicable: bool = True
    baseline_on: date | None = None
    planned_on: date | None = None
    locked_on: date | None = None
    lock_set_on: date | None = None
    actual_on: date | None = None
    promises: tuple[PromiseFacts, ...] = ()
    in_span: bool = False
    is_span: bool = False


@dataclass(frozen=True, slots=True)
class RequiredOnSite:
    """Fixed by hand, or the earliest anchor and back by the shake-out; with neither there is no ROS."""

    fixed_on: date | None = None
    anchors: tuple[date, ...] = ()
    offset_days: int = 0
    offset_basis: DurationBasis = DurationBasis.WORKING


@dataclass(frozen=True, slots=True)
class ChainFacts:
    as_of: date
    site_calendar: WorkingCalendar
    steps: tuple[StepFacts, ...]
    required_on_site: RequiredOnSite | None = None
    anchor_step: str = ON_SITE


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """`forecast_on` is None only inside a lead-time span; `latest_on` and `float_days` are None after the
    anchor, inside a span and without ROS; `slip_days` is None without a baseline.

    The rest are the inputs that make the reason sayable: `previous_on` is the forecast of the step before,
    `promise_*` the deciding promise whether or not it decided the date.
    """

    code: str
    forecast_on: date | None
    driver: Driver
    flags: tuple[StepFlag, ...]
    latest_on: date | None
    float_days: int | None
    slip_days: int | None
    baseline_on: date | None
    previous_on: date | None
    promise_id: str | None
    promise_counts_on: date | None
    conditional_on: date | None
    shift_days: int
    duration_days: int
    basis: DurationBasis
    calendar: str


@dataclass(frozen=True, slots=True)
class ChainAnswer:
    """All but the steps are those of the anchor step; floats are None without ROS."""

    anchor_step: str
    required_on_site: date | None
    forecast_on_site: date
    float_days: int | None
    float_working_days: int | None
    steps: tuple[StepAnswer, ...]


_ONE_DAY = timedelta(days=1)
_NEVER_RECORDED = datetime.min.replace(tzinfo=UTC)


def forecast_chain(facts: ChainFacts) -> ChainAnswer:
    """Place every step of a chain. Raises BadInput naming the fact (`steps[2].duration_days`)."""
    check(facts)
    required_on = required_on_site(facts.required_on_site, facts.site_calendar)
    chain = [(place, step) for place, step in enumerate(facts.steps) if step.applicable and not step.in_span]
    placed = _forward(chain, facts)
    latest = _backward(chain, facts, required_on)
    answers = tuple(
        _answer(step, facts, placed.get(place), latest.get(place))
        for place, step in enumerate(facts.steps)
        if step.applicable
    )
    anchor = next(placed[place] for place, step in chain if step.code == facts.anchor_step).on
    return ChainAnswer(
        anchor_step=facts.anchor_step,
        required_on_site=required_on,
        forecast_on_site=anchor,
        float_days=None if required_on is None else (required_on - anchor).days,
        float_working_days=(
            None if required_on is None else facts.site_calendar.working_days_between(anchor, required_on)
        ),
        steps=answers,
    )


def required_on_site(rule: RequiredOnSite | None, site_calendar: WorkingCalendar) -> date | None:
    """The latest day at the site; None with no fixed date and no anchor. Raises BadInput."""
    if rule is None:
        return None
    if rule.fixed_on is not None and (rule.anchors or rule.offset_days):
        raise BadInput("A fixed date takes neither anchors nor an offset.", field="required_on_site.fixed_on")
    if rule.offset_days < 0:
        raise BadInput("An offset cannot be negative.", field="required_on_site.offset_days")
    if rule.fixed_on is not None:
        return _in_range(rule.fixed_on, "required_on_site.fixed_on")
    if not rule.anchors:
        return None
    first = min(_in_range(anchor, f"required_on_site.anchors[{n}]") for n, anchor in enumerate(rule.anchors))
    try:
        return site_calendar.back(first, rule.offset_days, rule.offset_basis)
    except BadInput as refusal:
        raise BadInput(refusal.message, field="required_on_site.offset_days") from None


def deciding_promise(promises: Sequence[PromiseFacts]) -> tuple[PromiseFacts | None, bool]:
    """The dated promise that decides, and whether the vendor's last word is TBD.

    A retracted row is as if never written: what it superseded counts again.
    """
    if not promises:
        return None, False
    superseded = {row.supersedes for row in promises if row.supersedes is not None and not row.retracted}
    live = [
        (row.stated_on, row.recorded_at or _NEVER_RECORDED, place)
        for place, row in enumerate(promises)
        if not row.retracted and row.id not in superseded
    ]
    if not live:
        return None, False
    dated = [key for key in live if promises[key[2]].said.counts_on is not None]
    last = max(live)
    decides = max(dated) if dated else None
    return (None if decides is None else promises[decides[2]]), decides != last


@dataclass(frozen=True, slots=True)
class _Placed:
    on: date
    driver: Driver
    flags: tuple[StepFlag, ...]
    previous: date | None
    promise: PromiseFacts | None
    shift_days: int


def _forward(chain: Sequence[tuple[int, StepFacts]], facts: ChainFacts) -> dict[int, _Placed]:
    later_actuals: list[date | None] = []
    nearest: date | None = None
    for _, step in reversed(chain):
        later_actuals.append(nearest)
        nearest = step.actual_on or nearest
    later_actuals.reverse()
    placed: dict[int, _Placed] = {}
    previous: date | None = None
    for (place, step), later_actual in zip(chain, later_actuals, strict=True):
        promise, is_tbd = deciding_promise(step.promises)
        flags = (StepFlag.TBD,) if is_tbd else ()
        if step.actual_on is not None or later_actual is not None:
            answer = _happened(step, later_actual, previous, flags, promise)
        else:
            answer = _expected(step, place, previous, flags, promise, facts)
        placed[place] = answer
        previous = answer.on
    return placed


def _happened(
    step: StepFacts,
    later_actual: date | None,
    previous: date | None,
    flags: tuple[StepFlag, ...],
    promise: PromiseFacts | None,
) -> _Placed:
    if step.actual_on is None:
        assert later_actual is not None
        return _Placed(later_actual, Driver.IMPLIED, (StepFlag.ACTUAL_MISSING, *flags), previous, promise, 0)
    if previous is not None and step.actual_on < previous:
        flags = (StepFlag.OUT_OF_ORDER, *flags)
    return _Placed(step.actual_on, Driver.ACTUAL, flags, previous, promise, 0)


def _expected(
    step: StepFacts,
    place: int,
    previous: date | None,
    flags: tuple[StepFlag, ...],
    promise: PromiseFacts | None,
    facts: ChainFacts,
) -> _Placed:
    shift = 0
    stated = step.locked_on is not None or promise is not None
    if step.locked_on is not None:
        on, driver = step.locked_on, Driver.LOCKED
        if _stated_after_lock(step):
            flags = (*flags, StepFlag.PROMISE_AFTER_LOCK)
    elif promise is not None:
        shift = _shift(promise, previous)
        on = _shifted(promise, shift, place)
        driver = Driver.PROMISE_SHIFTED if shift else Driver.PROMISE
    elif previous is None:
        on, driver = (step.planned_on, Driver.PLAN) if step.planned_on else (facts.as_of, Driver.TODAY)
    else:
        on = _after(previous, step, place, facts)
        driver = Driver.SPAN if step.is_span else Driver.DURATION
    if stated and previous is not None and on < previous:
        on, driver = previous, Driver.PREDECESSOR
    if on < facts.as_of:
        on, driver = facts.as_of, Driver.TODAY
    return _Placed(on, driver, flags, previous, promise, shift)


def _stated_after_lock(step: StepFacts) -> bool:
    if step.lock_set_on is None:
        return False
    superseded = {row.supersedes for row in step.promises if not row.retracted}
    return any(
        row.stated_on > step.lock_set_on for row in step.promises if not row.retracted and row.id not in superseded
    )


def _shift(promise: PromiseFacts, previous: date | None) -> int:
    if previous is None or promise.conditional_on is None:
        return 0
    return max(0, (previous - promise.conditional_on).days)


def _shifted(promise: PromiseFacts, shift: int, place: int) -> date:
    assert promise.said.counts_on is not None
    try:
        on = promise.said.counts_on + timedelta(days=shift)
    except OverflowError:
        on = date.max
    return _in_range(on, f"steps[{place}].promises")


def _after(previous: date, step: StepFacts, place: int, facts: ChainFacts) -> date:
    try:
        return (step.calendar or facts.site_calendar).forward(previous, step.duration_days, step.basis)
    except BadInput as refusal:
        raise BadInput(refusal.message, field=f"steps[{place}].duration_days") from None


def _backward(chain: Sequence[tuple[int, StepFacts]], facts: ChainFacts, required_on: date | None) -> dict[int, date]:
    latest: dict[int, date] = {}
    if required_on is None:
        return latest
    following: tuple[int, StepFacts] | None = None
    for place, step in reversed(chain):
        if following is not None:
            latest[place] = _before(latest[following[0]], following[1], following[0], facts)
        elif step.code == facts.anchor_step:
            latest[place] = required_on
        else:
            continue
        following = place, step
    return latest


def _before(latest: date, step: StepFacts, place: int, facts: ChainFacts) -> date:
    try:
        return (step.calendar or facts.site_calendar).back(latest, step.duration_days, step.basis)
    except BadInput as refusal:
        raise BadInput(refusal.message, field=f"steps[{place}].duration_days") from None


def _answer(step: StepFacts, facts: ChainFacts, placed: _Placed | None, latest: date | None) -> StepAnswer:
    on = placed.on if placed else None
    promise = placed.promise if placed else None
    return StepAnswer(
        code=step.code,
        forecast_on=on,
        driver=placed.driver if placed else Driver.SPAN,
        flags=placed.flags if placed else (),
        latest_on=latest,
        float_days=None if latest is None or on is None else (latest - on).days,
        slip_days=None if step.baseline_on is None or on is None else (on - step.baseline_on).days,
        baseline_on=step.baseline_on,
        previous_on=placed.previous if placed else None,
        promise_id=promise.id if promise else None,
        promise_counts_on=promise.said.counts_on if promise else None,
        conditional_on=promise.conditional_on if promise else None,
        shift_days=placed.shift_days if placed else 0,
        duration_days=step.duration_days,
        basis=step.basis,
        calendar=(step.calendar or facts.site_calendar).code,
    )


def check(facts: ChainFacts) -> None:
    """Refuse facts the engine cannot stand on. Raises BadInput naming the fact."""
    _in_range(facts.as_of, "as_of")
    if not facts.steps:
        raise BadInput("A chain has at least one step.", field="steps")
    if facts.as_of >= date.max - _ONE_DAY:
        raise BadInput("The date of the calculation is out of range.", field="as_of")
    codes: set[str] = set()
    for place, step in enumerate(facts.steps):
        if step.code in codes:
            raise BadInput(f"The code {step.code!r} stands twice in the chain.", field=f"steps[{place}].code")
        codes.add(step.code)
        _check_step(step, place, facts.as_of + _ONE_DAY)
    anchor = next((step for step in facts.steps if step.code == facts.anchor_step), None)
    if anchor is None:
        raise BadInput(f"The chain has no step {facts.anchor_step!r}.", field="anchor_step")
    if not anchor.applicable:
        raise BadInput("The anchor step cannot be left out as not applicable.", field="anchor_step")
    if anchor.in_span:
        raise BadInput("The anchor step cannot lie inside a lead-time span.", field="anchor_step")


def _check_step(step: StepFacts, place: int, newest: date) -> None:
    where = f"steps[{place}]"
    if step.duration_days < 0:
        raise BadInput("A duration cannot be negative.", field=f"{where}.duration_days")
    for name in ("baseline_on", "planned_on", "locked_on", "lock_set_on", "actual_on"):
        day = getattr(step, name)
        if day is not None:
            _in_range(day, f"{where}.{name}")
    if step.actual_on is not None and step.actual_on > newest:
        raise BadInput(
            "An actual lies more than one day after the date of the calculation.", field=f"{where}.actual_on"
        )
    if step.promises:
        _check_promises(step.promises, where, newest)


def _check_promises(promises: Sequence[PromiseFacts], where: str, newest: date) -> None:
    ids: set[str] = {row.id for row in promises}
    seen: set[str] = set()
    for place, row in enumerate(promises):
        at = f"{where}.promises[{place}]"
        if row.id in seen:
            raise BadInput(f"The promise {row.id!r} stands twice in the ledger.", field=f"{at}.id")
        seen.add(row.id)
        if row.stated_on > newest:
            raise BadInput(
                "A promise was stated more than one day after the date of the calculation.", field=f"{at}.stated_on"
            )
        _in_range(row.stated_on, f"{at}.stated_on")
        if row.conditional_on is not None:
            _in_range(row.conditional_on, f"{at}.conditional_on")
        if row.recorded_at is not None and row.recorded_at.tzinfo is None:
            raise BadInput("An instant names its offset.", field=f"{at}.recorded_at")
        if row.supersedes is not None and (row.supersedes == row.id or row.supersedes not in ids):
            raise BadInput("A promise supersedes another row of the same step.", field=f"{at}.supersedes")


def _in_range(day: date, field: str) -> date:
    if not in_range(day):
        raise BadInput("A date lies in the years 2000 to 2100.", field=field)
    return day


def input_hash(facts: ChainFacts) -> str:
    """SHA-256 over the facts in a canonical spelling: equal facts, equal hash, on any machine."""
    rule = facts.required_on_site
    plain = [
        facts.as_of,
        _calendar_key(facts.site_calendar),
        facts.anchor_step,
        rule and [rule.fixed_on, rule.anchors, rule.offset_days, rule.offset_basis],
        [_step_key(step) for step in facts.steps],
    ]
    spelled = json.dumps(plain, default=_spelled, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(spelled.encode()).hexdigest()


def _calendar_key(calendar: WorkingCalendar | None) -> object:
    return calendar and [calendar.code, calendar.closures]


def _step_key(step: StepFacts) -> list[object]:
    return [
        step.code,
        step.duration_days,
        step.basis,
        _calendar_key(step.calendar),
        step.applicable,
        step.baseline_on,
        step.planned_on,
        step.locked_on,
        step.lock_set_on,
        step.actual_on,
        step.in_span,
        step.is_span,
        [
            [row.id, row.said.value, row.said.precision, row.stated_on, row.recorded_at, row.conditional_on,
             row.supersedes, row.retracted]
            for row in step.promises
        ],
    ]  # fmt: skip


def _spelled(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical spelling.")
