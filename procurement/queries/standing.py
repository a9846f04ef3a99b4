"""What stands promised, done or pinned for schedule lines, and who said so last: what an edit is compared with.

Read as plain values: a grid asks for thousands of lines.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from sites.models import Milestone, Promise
from sites.queries.among import among
from sites.vocabulary import Precision


@dataclass(frozen=True, slots=True)
class Standing:
    """`said` is the canonical spelling at the contract step, `TBD`, or empty; of several lots that differ, all of them
    after each other. `by` and `at` are of the last of them.
    """

    said: str
    by: str
    at: datetime | None


NOTHING = Standing("", "", None)


def standing(schedule_lines: Collection[UUID]) -> dict[UUID, Standing]:
    """Of the open lots of these lines; a line of which nothing is said is left out. Two queries."""
    line_of = dict(_steps(schedule_lines).filter(actual_on__isnull=True).values_list("pk", "of_line"))
    live = Promise.objects.standing().filter(among("milestone", line_of))
    last: dict[UUID, Standing] = {}
    for milestone, value, precision, name, username, at in live.order_by(
        "stated_on", "recorded_at", "place"
    ).values_list("milestone", "value", "precision", "recorded_by__name", "recorded_by__username", "recorded_at"):
        last[milestone] = Standing("TBD" if precision == Precision.TBD else value, name or username or "", at)
    of_line: dict[UUID, list[Standing]] = defaultdict(list)
    for milestone, said in last.items():
        of_line[line_of[milestone]].append(said)
    return {key: _together(rows, max(rows, key=_when)) for key, rows in of_line.items()}


def done(schedule_lines: Collection[UUID]) -> dict[UUID, Standing]:
    """When the contract step happened. One query."""
    return _days(schedule_lines, "actual_on", "actual_recorded_by", "actual_recorded_at")


def pinned(schedule_lines: Collection[UUID]) -> dict[UUID, Standing]:
    """To which day the contract step is pinned. One query."""
    return _days(schedule_lines, "locked_on", "locked_by", "locked_at")


def _steps(schedule_lines: Collection[UUID]) -> QuerySet[Any]:
    """The contract steps of the lots of these lines, each with its line as `of_line`."""
    return Milestone.objects.filter(
        among("chain__lot__schedule_line", schedule_lines),
        chain__lot__quantity__gt=0,
        code=F("chain__lot__schedule_line__contract_step"),
        applicable=True,
    ).annotate(of_line=F("chain__lot__schedule_line"))


def _days(schedule_lines: Collection[UUID], on: str, by: str, at: str) -> dict[UUID, Standing]:
    rows = _steps(schedule_lines).filter(**{f"{on}__isnull": False}).order_by(F(at).asc(nulls_first=True))
    found: dict[UUID, list[Standing]] = defaultdict(list)
    for line, day, name, username, when in rows.values_list("of_line", on, f"{by}__name", f"{by}__username", at):
        found[line].append(Standing(day.isoformat(), name or username or "", when))
    return {key: _together(each, each[-1]) for key, each in found.items()}


def _when(each: Standing) -> Any:
    return each.at


def _together(rows: Iterable[Standing], last: Standing) -> Standing:
    return Standing("; ".join(sorted({row.said for row in rows})), last.by, last.at)
