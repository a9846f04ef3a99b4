"""What stands promised, done or pinned for schedule lines, and who said so last: what an edit is compared with."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from sites.models import Milestone, Promise
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
    lots = Milestone.objects.filter(
        chain__lot__schedule_line__in=schedule_lines,
        chain__lot__quantity__gt=0,
        code=F("chain__lot__schedule_line__contract_step"),
        applicable=True,
        actual_on__isnull=True,
    )
    line_of = dict(lots.values_list("pk", "chain__lot__schedule_line"))
    live = Promise.objects.filter(milestone__in=line_of, retraction__isnull=True).exclude(
        pk__in=Promise.objects.filter(supersedes__isnull=False, milestone__in=line_of).values("supersedes")
    )
    last: dict[UUID, Promise] = {}
    for row in live.select_related("recorded_by").order_by("stated_on", "recorded_at", "place"):
        last[row.milestone_id] = row
    of_line: dict[UUID, list[Promise]] = defaultdict(list)
    for milestone_id, row in last.items():
        of_line[line_of[milestone_id]].append(row)
    return {key: _together(rows) for key, rows in of_line.items()}


def done(schedule_lines: Collection[UUID]) -> dict[UUID, Standing]:
    """When the contract step happened. One query."""
    return _days(schedule_lines, "actual_on", "actual_recorded_by", "actual_recorded_at")


def pinned(schedule_lines: Collection[UUID]) -> dict[UUID, Standing]:
    """To which day the contract step is pinned. One query."""
    return _days(schedule_lines, "locked_on", "locked_by", "locked_at")


def _days(schedule_lines: Collection[UUID], on: str, by: str, at: str) -> dict[UUID, Standing]:
    rows = Milestone.objects.filter(
        **{f"{on}__isnull": False},
        chain__lot__schedule_line__in=schedule_lines,
        chain__lot__quantity__gt=0,
        code=F("chain__lot__schedule_line__contract_step"),
        applicable=True,
    ).select_related(by)
    found: dict[UUID, list[Milestone]] = defaultdict(list)
    for row in rows.annotate(of_line=F("chain__lot__schedule_line")).order_by(F(at).asc(nulls_first=True)):
        found[row.of_line].append(row)
    return {
        key: Standing(
            "; ".join(sorted({getattr(row, on).isoformat() for row in each})),
            str(getattr(each[-1], by) or ""),
            getattr(each[-1], at),
        )
        for key, each in found.items()
    }


def _together(rows: list[Promise]) -> Standing:
    words = sorted({row.value if row.precision != Precision.TBD else "TBD" for row in rows})
    newest = max(rows, key=lambda row: row.recorded_at)
    return Standing("; ".join(words), str(newest.recorded_by or ""), newest.recorded_at)
