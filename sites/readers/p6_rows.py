"""What both formats of Primavera P6 make of the rows they have read."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from sites.domain.site_schedule import ScheduleBaselineActivity, ScheduleProject

_LEAST, _MOST, _PLACES = Decimal(0), Decimal(100), Decimal("0.0001")


def baselines_joined(projects: Iterable[ScheduleProject]) -> tuple[ScheduleProject, ...]:
    """Each project with the rows of those projects of the file that are its baselines."""
    known = tuple(projects)
    rows: dict[str, list[ScheduleBaselineActivity]] = defaultdict(list)
    for project in known:
        if project.baseline_of:
            rows[project.baseline_of] += _baseline_rows(project)
    return tuple(replace(project, baselines=tuple(rows[project.id])) for project in known)


def _baseline_rows(project: ScheduleProject) -> Iterator[ScheduleBaselineActivity]:
    for row in project.activities:
        yield ScheduleBaselineActivity(project.id, row.code, row.start, row.finish, row.original_hours)


def bounded_percent(value: Decimal | None) -> Decimal | None:
    """Four places, trailing zeros left out, 0 to 100 whatever the tool says."""
    if value is None:
        return None
    rounded = min(max(value, _LEAST), _MOST).quantize(_PLACES)
    return rounded.to_integral_value() if rounded == rounded.to_integral_value() else rounded.normalize()


def unknown_currency(word: str) -> str:
    return f"The currency {word[:20]!r} is no ISO 4217 code and is kept as text."
