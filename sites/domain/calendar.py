"""Working days of a place: public holidays of a country or subdivision, plus the closures of a plant or site.

Dates are whole local days from 2000 to 2100; what leads outside is refused.
"""

import re
import warnings
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import holidays

from sites.domain.errors import BadInput
from sites.vocabulary import DurationBasis

# The library says it each time it is asked for a year whose movable feasts it does not know; the fixed ones count then.
warnings.filterwarnings("ignore", message="Requested Holidays are available only", category=UserWarning)

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2100, 12, 31)

Closure = tuple[date, date]

_FIRST_ORDINAL = FIRST_DAY.toordinal()
_LAST_ORDINAL = LAST_DAY.toordinal()
_CODE = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")


def in_range(day: date) -> bool:
    return FIRST_DAY <= day <= LAST_DAY


@lru_cache(maxsize=1)
def known_codes() -> frozenset[str]:
    """ISO 3166 codes the `holidays` library knows: countries and their ISO subdivisions, no aliases."""
    codes: set[str] = set()
    for country, subdivisions in holidays.list_supported_countries(include_aliases=False).items():
        codes.update(
            code for code in (country, *(f"{country}-{part}" for part in subdivisions)) if _CODE.fullmatch(code)
        )
    return frozenset(codes)


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """`closures` are inclusive (from, to) ranges on which nobody works.

    Raises BadInput naming `calendar` or `closures[i]`.
    """

    code: str
    closures: tuple[Closure, ...] = ()

    def __post_init__(self) -> None:
        if self.code not in known_codes():
            raise BadInput(f"No calendar is known for {self.code!r}.", field="calendar")
        for place, (first, last) in enumerate(self.closures):
            if last < first:
                raise BadInput("The closure ends before it starts.", field=f"closures[{place}]")
            if not (in_range(first) and in_range(last)):
                raise BadInput("A closure lies in the years 2000 to 2100.", field=f"closures[{place}]")

    def is_working_day(self, day: date) -> bool:
        year = _working_days(self.code, self.closures).year(_checked(day).year)
        offset = day.toordinal() - year.first_ordinal
        return year.prefix[offset + 1] > year.prefix[offset]

    def forward(self, day: date, days: int, basis: DurationBasis) -> date:
        """The n-th calendar or working day after `day`; `day` itself for 0. Raises BadInput naming `duration_days`."""
        _refuse_negative(days)
        if not days or basis != DurationBasis.WORKING:
            return _moved(day, days)
        counted = _working_days(self.code, self.closures)
        number = _checked(day).year
        year = counted.year(number)
        place = year.through(day) + days
        while place > len(year.days):
            place -= len(year.days)
            number += 1
            year = counted.year(number)
        return year.days[place - 1]

    def back(self, day: date, days: int, basis: DurationBasis) -> date:
        """`day` less n calendar days, or rolled back to a working day and then n working days back.

        0 gives `day` itself either way. Raises BadInput naming `duration_days`.
        """
        _refuse_negative(days)
        if not days or basis != DurationBasis.WORKING:
            return _moved(day, -days)
        counted = _working_days(self.code, self.closures)
        number = _checked(day).year
        year = counted.year(number)
        place = year.through(day) - days
        while place < 1:
            number -= 1
            year = counted.year(number)
            place += len(year.days)
        return year.days[place - 1]

    def counted(self, year: int) -> Sequence[int]:
        """How many working days lie in the first n days of the year, for n from 0. Raises BadInput."""
        return _working_days(self.code, self.closures).year(year).prefix

    def working_days_between(self, after: date, through: date) -> int:
        """Working days in (after, through]; negative the other way round."""
        if through < after:
            return -self.working_days_between(through, after)
        counted = _working_days(self.code, self.closures)
        first, last = _checked(after).year, _checked(through).year
        whole = sum(len(counted.year(number).days) for number in range(first, last))
        return whole + counted.year(last).through(through) - counted.year(first).through(after)


class _Year:
    """The working days of one year, and how many of them lie in its first n days."""

    __slots__ = ("days", "first_ordinal", "prefix")

    def __init__(self, number: int, working: list[bool]) -> None:
        self.first_ordinal = date(number, 1, 1).toordinal()
        prefix, days = array("H", [0]), []
        for offset, works in enumerate(working):
            prefix.append(prefix[-1] + works)
            if works:
                days.append(date.fromordinal(self.first_ordinal + offset))
        self.prefix = prefix
        self.days: tuple[date, ...] = tuple(days)

    def through(self, day: date) -> int:
        return self.prefix[day.toordinal() - self.first_ordinal + 1]


class _WorkingDays:
    """The years of one calendar, counted when first asked for."""

    __slots__ = ("_closures", "_code", "_years")

    def __init__(self, code: str, closures: tuple[Closure, ...]) -> None:
        self._code = code
        self._closures = closures
        self._years: dict[int, _Year] = {}

    def year(self, number: int) -> _Year:
        known = self._years.get(number)
        if known is None:
            if not FIRST_DAY.year <= number <= LAST_DAY.year:
                raise _out_of_range()
            known = self._years[number] = self._count(number)
        return known

    def _count(self, number: int) -> _Year:
        open_year = _year_without_closures(self._code, number)
        first, last = date(number, 1, 1), date(number, 12, 31)
        touching = [(a, b) for a, b in self._closures if a <= last and b >= first]
        if not touching:
            return open_year
        steps = zip(open_year.prefix, open_year.prefix[1:], strict=False)
        working = [after > before for before, after in steps]
        for closed_from, closed_to in touching:
            start = max(closed_from, first).toordinal() - open_year.first_ordinal
            end = min(closed_to, last).toordinal() - open_year.first_ordinal + 1
            working[start:end] = [False] * (end - start)
        return _Year(number, working)


@lru_cache(maxsize=2048)
def _working_days(code: str, closures: tuple[Closure, ...]) -> _WorkingDays:
    return _WorkingDays(code, closures)


@lru_cache(maxsize=4096)
def knows_holidays(code: str, number: int) -> bool:
    """Whether the library knows the holidays of a place in a year; where it does not, only weekends count."""
    country, _, subdivision = code.partition("-")
    public = holidays.country_holidays(country, subdiv=subdivision or None, expand=False, categories=("public",))
    return bool(public.start_year <= number <= public.end_year)


@lru_cache(maxsize=4096)
def _year_without_closures(code: str, number: int) -> _Year:
    country, _, subdivision = code.partition("-")
    public = holidays.country_holidays(country, subdiv=subdivision or None, expand=False, categories=("public",))
    if public.start_year <= number <= public.end_year:
        # Each year is asked of its own object: make-up working days are known only for years that were
        # filled in, and outside the library's years only the weekend counts.
        public = holidays.country_holidays(
            country, subdiv=subdivision or None, years=number, expand=False, categories=("public",)
        )
    first = date(number, 1, 1).toordinal()
    last = date(number, 12, 31).toordinal()
    return _Year(number, [bool(public.is_working_day(date.fromordinal(o))) for o in range(first, last + 1)])


def _moved(day: date, days: int) -> date:
    ordinal = day.toordinal() + days
    if not _FIRST_ORDINAL <= ordinal <= _LAST_ORDINAL:
        raise _out_of_range()
    return date.fromordinal(ordinal)


def _checked(day: date) -> date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise _out_of_range()
    return day


def _refuse_negative(days: int) -> None:
    if days < 0:
        raise BadInput("A duration cannot be negative.", field="duration_days")


def _out_of_range() -> BadInput:
    return BadInput("The date leaves the years 2000 to 2100.", field="duration_days")
