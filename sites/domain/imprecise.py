"""Dates as vendors say them: a day, a week, a third of a month, a month, a quarter, or not yet.

An imprecise date counts at the end of its period, also inside that period.
"""

import calendar
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from sites.domain.calendar import FIRST_DAY, LAST_DAY, in_range
from sites.domain.errors import BadInput
from sites.vocabulary import Precision

_LONGEST_TEXT = 64


@dataclass(frozen=True, slots=True)
class ImpreciseDate:
    """`value` is the canonical spelling (`2027-W23`, `2027-06-T2`), empty for TBD; only then `counts_on` is None."""

    value: str
    precision: Precision
    counts_on: date | None


TBD = ImpreciseDate("", Precision.TBD, None)


def on_day(day: date) -> ImpreciseDate:
    return _Period(Precision.DAY, day.year, day.month, day.day).resolved()


@dataclass(frozen=True, slots=True)
class _Period:
    """`first` is a month, week or quarter number; `second` a day or a third of that month."""

    precision: Precision
    year: int
    first: int
    second: int = 0

    def counts_on(self) -> date:
        """Raises ValueError where the calendar has no such period."""
        match self.precision:
            case Precision.DAY:
                return date(self.year, self.first, self.second)
            case Precision.WEEK:
                return date.fromisocalendar(self.year, self.first, 7)
            case Precision.THIRD:
                days = {1: 10, 2: 20, 3: _last_of(self.year, self.first)}
                return date(self.year, self.first, days.get(self.second, 0))
            case Precision.MONTH:
                return date(self.year, self.first, _last_of(self.year, self.first))
            case _:
                if not 1 <= self.first <= 4:
                    raise ValueError("A year has four quarters.")
                return date(self.year, self.first * 3, _last_of(self.year, self.first * 3))

    def spelled(self) -> str:
        match self.precision:
            case Precision.DAY:
                return f"{self.year:04}-{self.first:02}-{self.second:02}"
            case Precision.WEEK:
                return f"{self.year:04}-W{self.first:02}"
            case Precision.THIRD:
                return f"{self.year:04}-{self.first:02}-T{self.second}"
            case Precision.MONTH:
                return f"{self.year:04}-{self.first:02}"
            case _:
                return f"{self.year:04}-Q{self.first}"

    def resolved(self, field: str = "value") -> ImpreciseDate:
        try:
            counts_on = self.counts_on()
        except (ValueError, OverflowError):
            raise BadInput(f"The calendar has no {self.spelled()}.", field=field) from None
        if not in_range(counts_on):
            raise BadInput(f"{self.spelled()} is outside the years 2000 to 2100.", field=field)
        return ImpreciseDate(self.spelled(), self.precision, counts_on)


def _last_of(year: int, month: int) -> int:
    if not 1 <= month <= 12:
        raise ValueError("A year has twelve months.")
    return calendar.monthrange(year, month)[1]


_CANONICAL = (
    (Precision.DAY, re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")),
    (Precision.WEEK, re.compile(r"([0-9]{4})-W([0-9]{2})")),
    (Precision.THIRD, re.compile(r"([0-9]{4})-([0-9]{2})-T([123])")),
    (Precision.MONTH, re.compile(r"([0-9]{4})-([0-9]{2})")),
    (Precision.QUARTER, re.compile(r"([0-9]{4})-Q([1-4])")),
)


@lru_cache(maxsize=65536)
def read(value: str, precision: Precision) -> ImpreciseDate:
    """Read a canonical spelling of the named precision. Raises BadInput naming `value`."""
    if precision == Precision.TBD:
        if value:
            raise BadInput("A date to be decided has no value.", field="value")
        return TBD
    for named, spelling in _CANONICAL:
        if named == precision and (found := spelling.fullmatch(value)):
            return _Period(named, *(int(part) for part in found.groups())).resolved()
    raise BadInput(f"{value!r} is not a date of precision {precision}.", field="value")


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_THIRDS = {"上旬": 1, "中旬": 2, "下旬": 3}

_UNDECIDED = frozenset({"tbd", "tbc"})
_FISCAL = re.compile(r"年度|四半期|上期|下期|上半期|下半期|\bfy|fiscal", re.IGNORECASE)
_AMBIGUOUS_DAY = re.compile(r"[0-9]{1,2}[/.\-][0-9]{1,2}[/.\-](?:[0-9]{4}|[0-9]{2})")

# A spelling gives its precision and the names of what its groups hold.
_Reading = Callable[[re.Match[str]], tuple[Precision, int | None, int, int]]


def _numbers(precision: Precision) -> _Reading:
    def reading(found: re.Match[str]) -> tuple[Precision, int | None, int, int]:
        said = found.groupdict()
        first = said.get("first") or ""
        number = int(first) if first.isdigit() else _MONTHS.get(first, 0)
        second = said.get("second") or "0"
        year = said.get("year")
        return precision, int(year) if year else None, number, _THIRDS.get(second) or int(second)

    return reading


_YEAR = r"(?P<year>[0-9]{4})"
_WEEK = r"(?P<first>[0-9]{1,2})"
_MONTH_NAME = rf"(?P<first>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_MONTH_NUMBER = r"(?P<first>[0-9]{1,2})"

_AS_SAID: tuple[tuple[re.Pattern[str], _Reading], ...] = tuple(
    (re.compile(pattern), _numbers(precision))
    for precision, patterns in {
        Precision.DAY: (
            rf"{_YEAR}-(?P<first>[0-9]{{2}})-(?P<second>[0-9]{{2}})",
            rf"{_YEAR}/(?P<first>[0-9]{{1,2}})/(?P<second>[0-9]{{1,2}})",
            rf"(?P<second>[0-9]{{1,2}})[ -]{_MONTH_NAME}[ -]{_YEAR}",
            rf"(?:{_YEAR} ?年 ?)?{_MONTH_NUMBER} ?月 ?(?P<second>[0-9]{{1,2}}) ?日",
        ),
        Precision.WEEK: (
            rf"c?w ?{_WEEK}(?:(?: ?/ ?| ){_YEAR})?",
            rf"{_YEAR}[- ]?c?w ?{_WEEK}",
        ),
        Precision.THIRD: (
            rf"{_YEAR}-(?P<first>[0-9]{{2}})-t(?P<second>[123])",
            rf"(?:{_YEAR} ?年 ?)?{_MONTH_NUMBER} ?月 ?(?P<second>上旬|中旬|下旬)",
        ),
        Precision.MONTH: (
            rf"{_YEAR}-(?P<first>[0-9]{{2}})",
            rf"{_MONTH_NAME}[ -]{_YEAR}",
            rf"(?:{_YEAR} ?年 ?)?{_MONTH_NUMBER} ?月",
        ),
        Precision.QUARTER: (
            rf"q(?P<first>[1-4])(?: ?/ ?| ){_YEAR}",
            rf"{_YEAR}[- ]?q(?P<first>[1-4])",
        ),
    }.items()
    for pattern in patterns
)


def read_as_said(text: str, *, as_of: date, field: str = "value") -> ImpreciseDate:
    """Read a date as a vendor writes it: `CW23`, `W23/2027`, `Jun 2027`, `Q2 2027`, `6月上旬`, `TBD`, an ISO day.

    A spelling without a year means its next occurrence whose counted day is not before `as_of`: in week 23,
    `CW23` is still this week. Raises BadInput naming `field`; fiscal-year quarters and numeric day/month
    dates are refused, because two readers would read two dates.
    """
    said = _plain(text, field)
    if said in _UNDECIDED:
        return TBD
    if _FISCAL.search(said):
        raise BadInput(f"{said!r}: a fiscal-year period is ambiguous; give months.", field=field)
    if _AMBIGUOUS_DAY.fullmatch(said):
        raise BadInput(f"{said!r}: day and month can be mistaken for each other; write 2027-06-05.", field=field)
    for spelling, reading in _AS_SAID:
        if found := spelling.fullmatch(said):
            precision, year, first, second = reading(found)
            if year is not None:
                return _Period(precision, year, first, second).resolved(field)
            return _next_occurrence(precision, first, second, as_of=as_of, field=field)
    raise BadInput(f"{said!r} is not a date we can read.", field=field)


# What people type and a file had better not say: a year of two digits, a period without one. The typist is shown at
# once what was understood; who reads a file is not.
_TYPED_MONTH = re.compile(rf"{_MONTH_NAME}(?:[ /-]?['’]?(?P<short>[0-9]{{2}}))?")
_TYPED_QUARTER = re.compile(r"(?:q ?(?P<first>[1-4])|(?P<number>[1-4]) ?q)(?:[ /-]?['’]?(?P<short>[0-9]{2}|[0-9]{4}))?")
_TYPED_WEEK = re.compile(rf"(?:week|wk\.?|kw|c?w) ?{_WEEK}(?:(?:[ /-]|['’])(?P<short>[0-9]{{2}}|[0-9]{{4}}))?")
_YEARS_AHEAD = 15


def read_as_typed(text: str, *, as_of: date, field: str = "value") -> ImpreciseDate:
    """As `read_as_said`, and what somebody types who is shown the answer at once: `Jun 27` is June 2027, `Q3` the next
    third quarter, `wk 23` and `KW23` week 23. Two digits behind a month are a year from this one to 15 years ahead;
    others could only be a day, and are refused. Raises BadInput naming `field`.
    """
    said = _plain(text, field)
    for spelling, precision in (
        (_TYPED_MONTH, Precision.MONTH),
        (_TYPED_QUARTER, Precision.QUARTER),
        (_TYPED_WEEK, Precision.WEEK),
    ):
        if not (found := spelling.fullmatch(said)):
            continue
        parts = found.groupdict()
        first = parts.get("first") or parts.get("number") or ""
        number = int(first) if first.isdigit() else _MONTHS[first]
        if not (short := parts["short"]):
            return _next_occurrence(precision, number, 0, as_of=as_of, field=field)
        year = int(short) if len(short) == 4 else as_of.year - as_of.year % 100 + int(short)
        if len(short) == 2 and not as_of.year <= year <= as_of.year + _YEARS_AHEAD:
            raise BadInput(
                f"{said!r}: day and year can be mistaken for each other; write 12 Jun 2027 or Jun 2027.", field=field
            )
        return _Period(precision, year, number).resolved(field)
    return read_as_said(text, as_of=as_of, field=field)


def _plain(text: str, field: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise BadInput("The text is too long for a date.", field=field)
    if any(unicodedata.category(sign).startswith("C") for sign in text):
        raise BadInput("The date holds a control character.", field=field)
    said = " ".join(unicodedata.normalize("NFKC", text).split()).lower()
    if not said:
        raise BadInput("The date is empty; write TBD where there is none.", field=field)
    return said


def _next_occurrence(precision: Precision, first: int, second: int, *, as_of: date, field: str) -> ImpreciseDate:
    for period in _occurrences(precision, first, second, as_of):
        try:
            counts_on = period.counts_on()
        except ValueError:
            continue
        if counts_on >= as_of:
            return period.resolved(field)
    raise BadInput("The calendar has no such week, month or day.", field=field)


def _occurrences(precision: Precision, first: int, second: int, as_of: date) -> Iterator[_Period]:
    # From the year before: on 2 January the week is often the last one of the old ISO year. Eight years
    # ahead holds every 29 February, 2096 to 2104 included, and every week 53.
    for year in range(max(as_of.year - 1, FIRST_DAY.year), min(as_of.year + 8, LAST_DAY.year) + 1):
        yield _Period(precision, year, first, second)
