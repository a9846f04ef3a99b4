"""Facts on paper: the JSON a chain is explained from, read strictly, and the JSON its answer is told in.

Every refusal is a BadInput whose field is a path into the case, such as `steps[2].duration_days`.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, NoReturn, TypeVar

from sites.domain import imprecise
from sites.domain.calendar import Closure, WorkingCalendar, in_range, known_codes
from sites.domain.errors import BadInput
from sites.domain.holiday_gaps import weekends_only
from sites.domain.schedule import (
    ON_SITE,
    ChainAnswer,
    ChainFacts,
    PromiseFacts,
    RequiredOnSite,
    StepAnswer,
    StepFacts,
    check,
    forecast_chain,
)
from sites.vocabulary import DurationBasis, Precision

_CASE_KEYS = frozenset({"as_of", "site_calendar", "site_closures", "required_on_site", "anchor_step", "steps"})
_ROS_KEYS = frozenset({"fixed_on", "anchors", "offset_days", "offset_basis"})
_STEP_KEYS = frozenset(
    {
        "code",
        "duration_days",
        "basis",
        "calendar",
        "closures",
        "applicable",
        "baseline_on",
        "planned_on",
        "locked_on",
        "lock_set_on",
        "actual_on",
        "promises",
        "in_span",
        "is_span",
    }
)
_PROMISE_KEYS = frozenset(
    {"id", "value", "precision", "stated_on", "recorded_at", "conditional_on", "supersedes", "retracted"}
)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([Zz]|[+-][0-9:]{5})?"
)
_LONGEST_TEXT = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """`case` is the place in a list of cases, None where the input was one case or no JSON at all."""

    case: int | None
    field: str
    message: str

    def __str__(self) -> str:
        where = self.field if self.case is None else f"[{self.case}].{self.field}"
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Explained:
    """`document` is what to print; None when the one case was refused."""

    document: object
    refusals: tuple[Refusal, ...]


def explain(text: str | bytes) -> Explained:
    """Answer one case or a list of cases; in a list a bad case is answered by its error."""
    try:
        raw = parse(text)
        if not isinstance(raw, list):
            return Explained(answer_to(read(raw)), ())
    except BadInput as refused:
        return Explained(None, (_refusal(refused, None),))
    documents: list[object] = []
    refusals: list[Refusal] = []
    for place, case in enumerate(raw):
        try:
            documents.append(answer_to(read(case)))
        except BadInput as refused:
            refusal = _refusal(refused, place)
            refusals.append(refusal)
            documents.append({"error": {"field": refusal.field, "message": refusal.message}})
    return Explained(documents, tuple(refusals))


def _refusal(refused: BadInput, case: int | None) -> Refusal:
    return Refusal(case, refused.field or "facts", refused.message)


def parse(text: str | bytes) -> object:
    """JSON without NaN, infinities and repeated keys. Raises BadInput naming `facts`."""
    try:
        spelled = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return json.loads(spelled, parse_constant=_refuse_constant, object_pairs_hook=_once)
    except BadInput:
        raise
    except (ValueError, RecursionError) as problem:
        reason = "nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        raise BadInput(f"This is not JSON: {reason}", field="facts") from None


def _refuse_constant(name: str) -> NoReturn:
    raise BadInput(f"This is not JSON: {name} is no number.", field="facts")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise BadInput(f"The key {key!r} stands twice.", field=_shown(key))
        found[key] = value
    return found


def read(raw: object) -> ChainFacts:
    """One case. Raises BadInput naming the path of the fact."""
    case = _Fields(raw, "", _CASE_KEYS)
    as_of = case.required_day("as_of")
    site = WorkingCalendar(
        case.calendar("site_calendar") or case.missing("site_calendar"), case.closures("site_closures")
    )
    steps = tuple(
        _step(_Fields(step, f"steps[{place}].", _STEP_KEYS), place, site)
        for place, step in enumerate(case.items("steps"))
    )
    facts = ChainFacts(
        as_of=as_of,
        site_calendar=site,
        steps=steps,
        required_on_site=_required_on_site(case),
        anchor_step=case.text("anchor_step") or ON_SITE,
    )
    check(facts)
    return facts


def _required_on_site(case: "_Fields") -> RequiredOnSite | None:
    raw = case.given("required_on_site")
    if raw is None:
        return None
    rule = _Fields(raw, "required_on_site.", _ROS_KEYS)
    anchors = tuple(
        _day(anchor, f"required_on_site.anchors[{place}]") for place, anchor in enumerate(rule.items("anchors"))
    )
    return RequiredOnSite(
        fixed_on=rule.day("fixed_on"),
        anchors=anchors,
        offset_days=rule.days("offset_days") or 0,
        offset_basis=rule.word("offset_basis", DurationBasis) or DurationBasis.WORKING,
    )


def _step(step: "_Fields", place: int, site: WorkingCalendar) -> StepFacts:
    duration = step.days("duration_days")
    if duration is None and place:
        step.missing("duration_days")
    return StepFacts(
        code=step.text("code") or step.missing("code"),
        duration_days=duration or 0,
        basis=step.word("basis", DurationBasis) or DurationBasis.CALENDAR,
        calendar=_step_calendar(step, site),
        applicable=step.flag("applicable", default=True),
        baseline_on=step.day("baseline_on"),
        planned_on=step.day("planned_on"),
        locked_on=step.day("locked_on"),
        lock_set_on=step.day("lock_set_on"),
        actual_on=step.day("actual_on"),
        promises=tuple(
            _promise(_Fields(row, f"{step.path}promises[{number}].", _PROMISE_KEYS), number)
            for number, row in enumerate(step.items("promises"))
        ),
        in_span=step.flag("in_span", default=False),
        is_span=step.flag("is_span", default=False),
    )


def _step_calendar(step: "_Fields", site: WorkingCalendar) -> WorkingCalendar | None:
    code = step.calendar("calendar")
    closures = step.closures("closures")
    if code is not None:
        return WorkingCalendar(code, closures)
    # The site's calendar counts with the site's closures; those of the step come on top.
    return WorkingCalendar(site.code, (*site.closures, *closures)) if closures else None


def _promise(row: "_Fields", place: int) -> PromiseFacts:
    precision = row.word("precision", Precision) or row.missing("precision")
    value = row.text("value", may_be_empty=True)
    try:
        said = imprecise.read(value or "", precision)
    except BadInput as refused:
        raise BadInput(refused.message, field=f"{row.path}value") from None
    return PromiseFacts(
        id=row.name("id") or f"#{place}",
        said=said,
        stated_on=row.required_day("stated_on"),
        recorded_at=row.instant("recorded_at"),
        conditional_on=row.day("conditional_on"),
        supersedes=row.name("supersedes"),
        retracted=row.flag("retracted", default=False),
    )


Word = TypeVar("Word", bound=Enum)


class _Fields:
    """One JSON object, read key by key; null is the same as not given."""

    def __init__(self, raw: object, path: str, keys: frozenset[str]) -> None:
        if not isinstance(raw, dict):
            raise BadInput("This is not a JSON object.", field=path.rstrip(".") or "facts")
        for key in raw:
            if key not in keys:
                raise BadInput(f"The key {_shown(key)} is unknown.", field=f"{path}{_shown(key)}")
        self.path = path
        self._raw: dict[str, Any] = raw

    def given(self, key: str) -> Any:
        return self._raw.get(key)

    def missing(self, key: str) -> NoReturn:
        raise BadInput("This is required.", field=f"{self.path}{key}")

    def _refuse(self, key: str, message: str) -> NoReturn:
        raise BadInput(message, field=f"{self.path}{key}")

    def _optional(self, key: str, read_value: Callable[[object, str], Any]) -> Any:
        value = self.given(key)
        return None if value is None else read_value(value, f"{self.path}{key}")

    def day(self, key: str) -> date | None:
        found: date | None = self._optional(key, _day)
        return found

    def required_day(self, key: str) -> date:
        return self.day(key) or self.missing(key)

    def instant(self, key: str) -> datetime | None:
        found: datetime | None = self._optional(key, _instant)
        return found

    def days(self, key: str) -> int | None:
        value = self.given(key)
        if value is None:
            return None
        if type(value) is not int:
            self._refuse(key, "This is not a whole number of days.")
        if value < 0:
            self._refuse(key, "A number of days cannot be negative.")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.given(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self._refuse(key, "This is neither true nor false.")
        return value

    def text(self, key: str, *, may_be_empty: bool = False) -> str | None:
        value = self.given(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self._refuse(key, "This is not text.")
        if not value and not may_be_empty:
            self._refuse(key, "This is empty.")
        if len(value) > _LONGEST_TEXT or not value.isprintable():
            self._refuse(key, f"This is longer than {_LONGEST_TEXT} characters or not printable.")
        return value

    def name(self, key: str) -> str | None:
        """An id; whole numbers are taken as their digits."""
        value = self.given(key)
        return str(value) if type(value) is int else self.text(key)

    def word(self, key: str, words: type[Word]) -> Word | None:
        value = self.text(key)
        if value is None:
            return None
        try:
            return words(value)
        except ValueError:
            self._refuse(key, f"{value!r} is not one of {', '.join(str(word.value) for word in words)}.")

    def items(self, key: str) -> Sequence[object]:
        value = self.given(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._refuse(key, "This is not a list.")
        return value

    def calendar(self, key: str) -> str | None:
        code = self.text(key)
        if code is not None and code not in known_codes():
            self._refuse(key, f"No calendar is known for {code!r}.")
        return code

    def closures(self, key: str) -> tuple[Closure, ...]:
        return tuple(_closure(pair, f"{self.path}{key}[{place}]") for place, pair in enumerate(self.items(key)))


def _closure(pair: object, field: str) -> Closure:
    if not isinstance(pair, list) or len(pair) != 2:
        raise BadInput("A closure is a pair of dates, from and to.", field=field)
    first, last = _day(pair[0], f"{field}[0]"), _day(pair[1], f"{field}[1]")
    if last < first:
        raise BadInput("The closure ends before it starts.", field=field)
    return first, last


def _day(value: object, field: str) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise BadInput("This is not a date such as 2027-05-21.", field=field)
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise BadInput(f"The calendar has no {value}.", field=field) from None
    if not in_range(day):
        raise BadInput("A date lies in the years 2000 to 2100.", field=field)
    return day


def _instant(value: object, field: str) -> datetime:
    """An instant without an offset is taken as UTC."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise BadInput("This is not an instant such as 2027-05-21T09:00:00Z.", field=field)
    try:
        instant = datetime.fromisoformat(value.upper())
    except ValueError:
        raise BadInput(f"The clock has no {value}.", field=field) from None
    if not 2000 <= instant.year <= 2100:
        raise BadInput("An instant lies in the years 2000 to 2100.", field=field)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _shown(key: str) -> str:
    """A key from outside, safe on one line."""
    return ascii(key[:_LONGEST_TEXT])[1:-1] if not key.isprintable() or len(key) > _LONGEST_TEXT else key


def answer_to(facts: ChainFacts) -> dict[str, object]:
    """The answer as its JSON says it, with `weekends_only` where the holidays of a year it counted in are not known.

    Raises BadInput naming the fact.
    """
    found = forecast_chain(facts)
    told = answer(found)
    without = weekends_only(facts, found)
    if without:
        told["weekends_only"] = [{"calendar": gap.calendar, "year": gap.year} for gap in without]
    return told


def answer(chain: ChainAnswer) -> dict[str, object]:
    """Null is not known or does not apply, never zero."""
    return {
        "required_on_site": _iso(chain.required_on_site),
        "forecast_on_site": _iso(chain.forecast_on_site),
        "float_days": chain.float_days,
        "float_working_days": chain.float_working_days,
        "steps": [_step_answer(step) for step in chain.steps],
    }


def _step_answer(step: StepAnswer) -> dict[str, object]:
    return {
        "code": step.code,
        "forecast_on": _iso(step.forecast_on),
        "driver": step.driver.value,
        "flags": [flag.value for flag in step.flags],
        "latest_on": _iso(step.latest_on),
        "float_days": step.float_days,
        "slip_days": step.slip_days,
    }


def export(facts: ChainFacts) -> dict[str, object]:
    """The case that `read` reads back as these facts. Only steps of a lead-time span say so."""
    rule = facts.required_on_site
    return {
        "as_of": _iso(facts.as_of),
        "site_calendar": facts.site_calendar.code,
        "site_closures": _closures(facts.site_calendar),
        "required_on_site": None if rule is None else _exported_rule(rule),
        "anchor_step": facts.anchor_step,
        "steps": [_exported_step(step) for step in facts.steps],
    }


def _exported_rule(rule: RequiredOnSite) -> dict[str, object]:
    if rule.fixed_on is not None:
        return {"fixed_on": _iso(rule.fixed_on)}
    return {
        "anchors": [_iso(anchor) for anchor in rule.anchors],
        "offset_days": rule.offset_days,
        "offset_basis": rule.offset_basis.value,
    }


def _exported_step(step: StepFacts) -> dict[str, object]:
    calendar = step.calendar
    exported: dict[str, object] = {
        "code": step.code,
        "duration_days": step.duration_days,
        "basis": step.basis.value,
        "calendar": calendar.code if calendar else None,
        "closures": _closures(calendar) if calendar else [],
        "applicable": step.applicable,
        "promises": [_exported_promise(row) for row in step.promises],
    }
    for name in ("baseline_on", "planned_on", "locked_on", "lock_set_on", "actual_on"):
        exported[name] = _iso(getattr(step, name))
    exported |= {name: True for name in ("in_span", "is_span") if getattr(step, name)}
    return exported


def _exported_promise(row: PromiseFacts) -> dict[str, object]:
    return {
        "id": row.id,
        "value": row.said.value,
        "precision": row.said.precision.value,
        "stated_on": _iso(row.stated_on),
        "recorded_at": row.recorded_at.astimezone(UTC).isoformat() if row.recorded_at else None,
        "conditional_on": _iso(row.conditional_on),
        "supersedes": row.supersedes,
        "retracted": row.retracted,
    }


def _closures(calendar: WorkingCalendar) -> list[list[str | None]]:
    return [[_iso(first), _iso(last)] for first, last in calendar.closures]


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
