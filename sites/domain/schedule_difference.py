"""What a new revision of a site schedule changes against the accepted one, and what about it is odd.

Activities are matched by code within the project. Dates are local days: actual, else early, else planned. A move counts
in calendar days, above zero later; of a finished activity on both sides nothing moves any more.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sites.vocabulary import ScheduleAnomaly

# A mass shift: so many unfinished activities, and such a part of them, move by the same days.
_SHIFTED_AT_LEAST, _SHIFTED_PART = 10, Decimal("0.8")
# Renumbered: so many of the codes that are gone, and such a part of all, come back under other codes by their names.
_RENUMBERED_AT_LEAST, _RENUMBERED_PART = 3, Decimal("0.2")
# Another project: less than this part of the smaller revision's codes is known to the other.
_KNOWN_PART, _KNOWN_MATTERS_FROM = Decimal("0.3"), 10
# Another name for a project of the site: this part of its codes is there.
_SAME_PART = Decimal("0.6")


@dataclass(frozen=True, slots=True)
class ActivityState:
    """What is compared of one activity. `calendar` is its name; a constraint is its word and its moment."""

    code: str
    name: str = ""
    wbs: str = ""
    is_done: bool = False
    start_on: date | None = None
    finish_on: date | None = None
    float_hours: Decimal | None = None
    calendar: str = ""
    constraint: tuple[str, datetime | None] = ("", None)
    second_constraint: tuple[str, datetime | None] = ("", None)


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """One revision. `calendars` are names with what tells whether their hours have changed."""

    project_code: str
    data_date: date
    activities: Mapping[str, ActivityState]
    calendars: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """An activity on both sides, before and after."""

    before: ActivityState
    after: ActivityState

    @property
    def code(self) -> str:
        return self.after.code

    @property
    def start_days(self) -> int | None:
        return _days(self.before.start_on, self.after.start_on)

    @property
    def finish_days(self) -> int | None:
        return _days(self.before.finish_on, self.after.finish_on)

    @property
    def days(self) -> int:
        """By how much it moves: its finish, else its start; 0 where neither is known on both sides."""
        return self.finish_days or self.start_days or 0


@dataclass(frozen=True, slots=True)
class Anomaly:
    """`facts` are plain values for the sentence: counts, days, codes."""

    kind: ScheduleAnomaly
    facts: dict[str, object]


@dataclass(frozen=True, slots=True)
class ScheduleDifference:
    """All null-safe: a first revision of a project adds everything and changes nothing. Worst first in each list."""

    data_date_before: date | None
    data_date_after: date
    unchanged: int
    added: tuple[ActivityState, ...]
    removed: tuple[ActivityState, ...]
    moved: tuple[Change, ...]
    gone_negative: tuple[Change, ...]
    constraint_changed: tuple[Change, ...]
    calendar_changed: tuple[Change, ...]
    calendars_redefined: tuple[str, ...]
    renumbered: tuple[tuple[ActivityState, ActivityState], ...]
    anomalies: tuple[Anomaly, ...]


def compare(
    before: ScheduleState | None,
    after: ScheduleState,
    *,
    bound: Collection[str] = (),
    others: Iterable[tuple[str, Collection[str]]] = (),
) -> ScheduleDifference:
    """`bound` are the codes that gates and requirements follow, `others` those of the site's other projects."""
    old: Mapping[str, ActivityState] = before.activities if before else {}
    new = after.activities
    common = [Change(old[code], new[code]) for code in new if code in old]
    added = [row for code, row in new.items() if code not in old]
    removed = [row for code, row in old.items() if code not in new]
    moved = [each for each in common if _moved(each)]
    negative = [each for each in common if _is_negative(each.after) and not _is_negative(each.before)]
    constrained = [each for each in common if _constraints(each.before) != _constraints(each.after)]
    recalendared = [each for each in common if each.before.calendar != each.after.calendar]
    redefined = [
        name for name, hours in after.calendars.items()
        if before and name in before.calendars and before.calendars[name] != hours
    ]  # fmt: skip
    touched = {id(each) for group in (moved, negative, constrained, recalendared) for each in group}
    renumbered = _renumbered(removed, added) if before else []
    return ScheduleDifference(
        data_date_before=before.data_date if before else None,
        data_date_after=after.data_date,
        unchanged=len(common) - len(touched),
        added=tuple(added),
        removed=tuple(removed),
        moved=tuple(sorted(moved, key=lambda each: (-abs(each.days), each.code))),
        gone_negative=tuple(sorted(negative, key=lambda each: (each.after.float_hours or Decimal(0), each.code))),
        constraint_changed=tuple(constrained),
        calendar_changed=tuple(recalendared),
        calendars_redefined=tuple(sorted(redefined)),
        renumbered=tuple(renumbered),
        anomalies=tuple(_anomalies(before, after, common, removed, renumbered, bound, others)),
    )


def _days(before: date | None, after: date | None) -> int | None:
    return (after - before).days if before and after else None


def _moved(each: Change) -> bool:
    return each.before.start_on != each.after.start_on or each.before.finish_on != each.after.finish_on


def _is_negative(row: ActivityState) -> bool:
    return row.float_hours is not None and row.float_hours < 0


def _constraints(row: ActivityState) -> tuple[tuple[str, datetime | None], tuple[str, datetime | None]]:
    return row.constraint, row.second_constraint


def _renumbered(
    removed: Iterable[ActivityState], added: Iterable[ActivityState]
) -> list[tuple[ActivityState, ActivityState]]:
    """Gone codes beside the new code of the same name in the same place, where one on each side has that name."""
    gone: dict[tuple[str, str], list[ActivityState]] = defaultdict(list)
    come: dict[tuple[str, str], list[ActivityState]] = defaultdict(list)
    for row in removed:
        gone[row.wbs, row.name].append(row)
    for row in added:
        come[row.wbs, row.name].append(row)
    return [
        (rows[0], come[key][0])
        for key, rows in gone.items()
        if key[1] and len(rows) == 1 and len(come.get(key, ())) == 1
    ]


def _anomalies(
    before: ScheduleState | None,
    after: ScheduleState,
    common: list[Change],
    removed: list[ActivityState],
    renumbered: list[tuple[ActivityState, ActivityState]],
    bound: Collection[str],
    others: Iterable[tuple[str, Collection[str]]],
) -> Iterable[Anomaly]:
    if before is None:
        for project, codes in others:
            shared = sum(code in after.activities for code in codes)
            if codes and shared >= len(codes) * _SAME_PART:
                yield Anomaly(ScheduleAnomaly.OTHER_PROJECT, {"project": project, "shared": shared, "of": len(codes)})
        return
    if after.data_date < before.data_date:
        facts: dict[str, object] = {"before": before.data_date.isoformat(), "after": after.data_date.isoformat()}
        yield Anomaly(ScheduleAnomaly.DATA_DATE_BACK, facts)
    if lost := sorted(row.code for row in removed if row.code in set(bound)):
        yield Anomaly(ScheduleAnomaly.LOST_ANCHORS, {"count": len(lost), "codes": lost[:20]})
    yield from _mass_shift(common)
    part = len(before.activities) * _RENUMBERED_PART
    many = len(renumbered) >= _RENUMBERED_AT_LEAST and len(renumbered) >= part
    if many:
        pairs = [[old.code, new.code] for old, new in renumbered[:20]]
        yield Anomaly(ScheduleAnomaly.RENUMBERED, {"count": len(renumbered), "pairs": pairs})
    smaller = min(len(before.activities), len(after.activities))
    if not many and smaller >= _KNOWN_MATTERS_FROM and len(common) < smaller * _KNOWN_PART:
        yield Anomaly(
            ScheduleAnomaly.OTHER_PROJECT,
            {"project": before.project_code, "shared": len(common), "of": len(before.activities)},
        )


def _mass_shift(common: list[Change]) -> Iterable[Anomaly]:
    open_ones = [each.finish_days for each in common if not each.after.is_done and each.finish_days is not None]
    if len(open_ones) < _SHIFTED_AT_LEAST:
        return
    days, count = Counter(open_ones).most_common(1)[0]
    if days and count >= len(open_ones) * _SHIFTED_PART:
        yield Anomaly(ScheduleAnomaly.MASS_SHIFT, {"days": days, "count": count, "of": len(open_ones)})
