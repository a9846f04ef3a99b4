"""From units to capacity: when a block can carry its load, and what a late line does to it.

A date of None is not known; whatever it decides is not known either, never zero.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput
from sites.vocabulary import BlockPolicy, DurationBasis

# Behind every date: where it decides, the answer is not known.
_UNKNOWN = date.max


@dataclass(frozen=True, slots=True)
class ReadinessFacts:
    """What the chain of one unit says about it. `installation_days` and `commissioning_days` are working days."""

    on_site_forecast_on: date | None
    last_step_forecast_on: date | None
    last_step_actual_on: date | None
    goes_beyond_on_site: bool
    installation_days: int
    commissioning_days: int


def ready_on(unit: ReadinessFacts, *, calendar: WorkingCalendar, as_of: date) -> date | None:
    """When a unit can carry load; None where its chain has no date. Only an actual may lie before `as_of`."""
    if unit.last_step_actual_on is not None:
        return unit.last_step_actual_on
    if unit.goes_beyond_on_site:
        forecast = unit.last_step_forecast_on
    elif unit.on_site_forecast_on is None:
        forecast = None
    else:
        work_days = unit.installation_days + unit.commissioning_days
        forecast = calendar.forward(unit.on_site_forecast_on, work_days, DurationBasis.WORKING)
    return None if forecast is None else max(forecast, as_of)


def nth_ready(ready: Iterable[date | None], n: int) -> date | None:
    """The n-th smallest date, units without a date last; None where such a unit or a missing one decides."""
    ordered = sorted(_UNKNOWN if day is None else day for day in ready)
    if n < 1:
        raise BadInput("A need is for at least one unit.", field="units_needed")
    return _known(ordered[n - 1]) if n <= len(ordered) else None


@dataclass(frozen=True, slots=True)
class Unit:
    """One requirement of a group. `line` is what it is bought on, None where nothing is ordered.

    `ready_at_ros_on` is when it would be ready had it come on site at its ROS; None without ROS.
    """

    id: str
    group: str
    ready_on: date | None
    ready_at_ros_on: date | None
    line: str | None = None


@dataclass(frozen=True, slots=True)
class GroupNeed:
    group: str
    units_needed: int


@dataclass(frozen=True, slots=True)
class Block:
    """`schedule_rfs_on` is the RFS date of the site's schedule; None where the schedule has none."""

    id: str
    it_mw: Decimal
    policy: BlockPolicy
    needs: tuple[GroupNeed, ...]
    schedule_rfs_on: date | None = None
    rfs_baseline_on: date | None = None
    rfs_actual_on: date | None = None


@dataclass(frozen=True, slots=True)
class NeedAnswer:
    group: str
    units_needed: int
    units: int
    can_carry_on: date | None
    redundant_on: date | None


@dataclass(frozen=True, slots=True)
class BlockAnswer:
    """A None is not known. `deciding_group` is the group whose date is the RFS forecast, None where the schedule,
    an actual or nothing known decides."""

    block: str
    needs: tuple[NeedAnswer, ...]
    can_carry_on: date | None
    redundant_on: date | None
    rfs_forecast_on: date | None
    deciding_group: str | None
    mw_days_at_risk: Decimal | None


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """MW-days over the blocks a line serves; None where they cannot be known.

    `recovers`: won back if this line alone were on site at its ROS. `costs`: lost if this line alone were as late as
    it is. `is_covered`: it is late, but spares carry the blocks until another one slips.
    """

    line: str
    blocks: tuple[str, ...]
    recovers_mw_days: Decimal | None
    costs_mw_days: Decimal | None
    is_covered: bool

    @property
    def larger_mw_days(self) -> Decimal | None:
        """What the urgent lane looks at."""
        known = [figure for figure in (self.recovers_mw_days, self.costs_mw_days) if figure is not None]
        return max(known) if known else None


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    blocks: tuple[BlockAnswer, ...]
    lines: tuple[LineAnswer, ...]


def assess(blocks: Sequence[Block], units: Sequence[Unit]) -> SiteAnswer:
    """All blocks, then all lines in the order in which the units name them. Raises BadInput naming `units_needed`."""
    by_group: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        by_group[unit.group].append(unit)
    groups = {name: _Group(members) for name, members in by_group.items()}
    _check(blocks)
    served = [_Served(block, groups) for block in blocks]
    return SiteAnswer(tuple(block.answer() for block in served), _lines(served, units))


def rank(lines: Iterable[LineAnswer], float_days: Mapping[str, int | None]) -> tuple[LineAnswer, ...]:
    """By recovers, costs, then the smallest float; a figure that is not known stands before zero."""

    def figure(mw_days: Decimal | None) -> tuple[int, Decimal]:
        if mw_days is None:
            return 1, Decimal(0)
        return (0, -mw_days) if mw_days > 0 else (2, Decimal(0))

    def key(line: LineAnswer) -> tuple[object, ...]:
        left = float_days.get(line.line)
        return figure(line.recovers_mw_days), figure(line.costs_mw_days), left is None, left or 0, line.line

    return tuple(sorted(lines, key=key))


def mw_days_at_risk(it_mw: Decimal, rfs_on: date | None, rfs_baseline_on: date | None) -> Decimal | None:
    if rfs_on is None or rfs_baseline_on is None:
        return None
    return it_mw * max(0, (rfs_on - rfs_baseline_on).days)


def _known(day: date) -> date | None:
    return None if day == _UNKNOWN else day


def _check(blocks: Sequence[Block]) -> None:
    for block in blocks:
        if any(need.units_needed < 1 for need in block.needs):
            raise BadInput("A need is for at least one unit.", field="units_needed")
        if len({need.group for need in block.needs}) != len(block.needs):
            raise BadInput(f"The block {block.id!r} needs one group twice.", field="needs")


class _Group:
    """The units of one group as they are, as they would be at their ROS, and with one line moved."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = units
        self._moved: dict[tuple[str, bool], list[date]] = {}
        self.lines = dict.fromkeys(unit.line for unit in units if unit.line is not None)

    @cached_property
    def as_is(self) -> list[date]:
        return sorted(_as_is(unit) for unit in self._units)

    @cached_property
    def at_ros(self) -> list[date]:
        return sorted(_at_ros(unit) for unit in self._units)

    def with_line_at_ros(self, line: str) -> list[date]:
        """Nothing gets later by it: a line that is early stays early."""
        return self._with(line, True, lambda u: min(_as_is(u), _at_ros(u)) if u.line == line else _as_is(u))

    def with_line_alone_late(self, line: str) -> list[date]:
        return self._with(line, False, lambda u: max(_as_is(u), _at_ros(u)) if u.line == line else _at_ros(u))

    def _with(self, line: str, recovered: bool, day_of: Callable[[Unit], date]) -> list[date]:
        found = self._moved.get((line, recovered))
        if found is None:
            found = self._moved[line, recovered] = sorted(day_of(unit) for unit in self._units)
        return found


def _as_is(unit: Unit) -> date:
    return unit.ready_on or _UNKNOWN


def _at_ros(unit: Unit) -> date:
    return unit.ready_at_ros_on or _UNKNOWN


_NO_UNITS = _Group(())


class _Served:
    """One block over its groups. Days are internal: the unknown is the last of all days."""

    def __init__(self, block: Block, groups: Mapping[str, _Group]) -> None:
        self.block = block
        self.groups = {need.group: groups.get(need.group, _NO_UNITS) for need in block.needs}
        self.needed = {need.group: need.units_needed for need in block.needs}
        self._as_is = self._group_days(lambda group: group.as_is)
        self._at_ros = self._group_days(lambda group: group.at_ros)
        self._risk_now = self._risk(self._rfs(day for day, _ in self._as_is))
        self._risk_planned = self._risk(self._rfs(day for day, _ in self._at_ros))
        self._groups_of: dict[str, list[tuple[str, _Group]]] = defaultdict(list)
        for name, group in self.groups.items():
            for line in group.lines:
                self._groups_of[line].append((name, group))

    @property
    def lines(self) -> Iterable[str]:
        return self._groups_of

    def answer(self) -> BlockAnswer:
        needs = tuple(self._need_answer(need) for need in self.block.needs)
        rfs_on = self._rfs(day for day, _ in self._as_is)
        return BlockAnswer(
            block=self.block.id,
            needs=needs,
            can_carry_on=_latest_known([need.can_carry_on for need in needs]),
            redundant_on=_latest_known([need.redundant_on for need in needs]),
            rfs_forecast_on=rfs_on,
            deciding_group=self._deciding_group(rfs_on),
            mw_days_at_risk=self._risk(rfs_on),
        )

    def recovers(self, line: str, *, is_late: bool) -> Decimal | None:
        """A line that is not late moves nothing by coming at its ROS, nor by coming when it does."""
        now = self._risk_now
        then = self._risk_with(line, self._as_is, _Group.with_line_at_ros) if is_late else now
        return None if now is None or then is None else now - then

    def costs(self, line: str, *, is_late: bool) -> Decimal | None:
        planned = self._risk_planned
        late = self._risk_with(line, self._at_ros, _Group.with_line_alone_late) if is_late else planned
        return None if planned is None or late is None else late - planned

    def is_moved_by(self, line: str) -> bool:
        """Whether the line alone, as late as it is, moves the deciding date of a group of this block."""
        return any(
            self._day(name, group.with_line_alone_late(line)) != self._day(name, group.at_ros)
            for name, group in self._groups_of.get(line, ())
        )

    def _need_answer(self, need: GroupNeed) -> NeedAnswer:
        ordered = self.groups[need.group].as_is
        return NeedAnswer(
            group=need.group,
            units_needed=need.units_needed,
            units=len(ordered),
            can_carry_on=_known(_nth(ordered, need.units_needed)),
            redundant_on=_known(_nth(ordered, max(need.units_needed, len(ordered)))),
        )

    def _day(self, name: str, ordered: Sequence[date]) -> date:
        """The date of a group under the policy of the block; with fewer units than needed, neither is known."""
        needed = self.needed[name]
        return _nth(ordered, needed if self.block.policy == BlockPolicy.CAN_CARRY else max(needed, len(ordered)))

    def _group_days(self, ordered: Callable[[_Group], Sequence[date]]) -> list[tuple[date, str]]:
        """Latest first, so that the latest group a line does not touch is found at once."""
        return sorted(((self._day(name, ordered(group)), name) for name, group in self.groups.items()), reverse=True)

    def _risk_with(
        self, line: str, base: Sequence[tuple[date, str]], moved: Callable[[_Group, str], Sequence[date]]
    ) -> Decimal | None:
        days: list[date] = []
        for day, name in base:
            group = self.groups[name]
            if line not in group.lines:
                days.append(day)
                break
        days.extend(self._day(name, moved(group, line)) for name, group in self._groups_of.get(line, ()))
        return self._risk(self._rfs(days))

    def _rfs(self, group_days: Iterable[date]) -> date | None:
        if self.block.rfs_actual_on is not None:
            return self.block.rfs_actual_on
        days = list(group_days)
        if self.block.schedule_rfs_on is not None:
            days.append(self.block.schedule_rfs_on)
        return _known(max(days)) if days else None

    def _deciding_group(self, rfs_on: date | None) -> str | None:
        if rfs_on is None or self.block.rfs_actual_on is not None or rfs_on == self.block.schedule_rfs_on:
            return None
        return min(name for day, name in self._as_is if day == rfs_on)

    def _risk(self, rfs_on: date | None) -> Decimal | None:
        return mw_days_at_risk(self.block.it_mw, rfs_on, self.block.rfs_baseline_on)


def _nth(ordered: Sequence[date], n: int) -> date:
    return ordered[n - 1] if n <= len(ordered) else _UNKNOWN


def _latest_known(days: Sequence[date | None]) -> date | None:
    known = [day for day in days if day is not None]
    return max(known) if known and len(known) == len(days) else None


def _lines(served: Sequence[_Served], units: Sequence[Unit]) -> tuple[LineAnswer, ...]:
    serves: dict[str, list[_Served]] = {unit.line: [] for unit in units if unit.line is not None}
    for block in served:
        for line in block.lines:
            serves[line].append(block)
    late = {unit.line for unit in units if unit.line is not None and _as_is(unit) > _at_ros(unit)}
    return tuple(_line(line, blocks, line in late) for line, blocks in serves.items())


def _line(line: str, blocks: Sequence[_Served], is_late: bool) -> LineAnswer:
    return LineAnswer(
        line=line,
        blocks=tuple(served.block.id for served in blocks),
        recovers_mw_days=_sum(served.recovers(line, is_late=is_late) for served in blocks),
        costs_mw_days=_sum(served.costs(line, is_late=is_late) for served in blocks),
        is_covered=is_late and bool(blocks) and not any(served.is_moved_by(line) for served in blocks),
    )


def _sum(figures: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for figure in figures:
        if figure is None:
            return None
        total += figure
    return total
