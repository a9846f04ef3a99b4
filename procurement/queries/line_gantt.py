"""What a Gantt of the log is drawn from: when each line was begun, as agreed and as it stands, and the power dates."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from procurement.models import ChainForecast, LogLine
from procurement.queries.log import LogRow
from procurement.queries.steps import HAPPENED, day_of
from sites.models import GridConnection, PpaShare

MOST_LINES: Final = 500


@dataclass(frozen=True, slots=True)
class LineSpan:
    """A line of the log from its first step to the site. `done_on` is the last step that happened; `baseline_from` and
    `baseline_to` what was agreed first. Null dates are not known.
    """

    row: LogRow
    from_on: date | None
    done_on: date | None
    to_on: date | None
    baseline_from: date | None
    baseline_to: date | None

    @property
    def days(self) -> tuple[date, ...]:
        """All that a picture of it must show."""
        found = (
            self.from_on, self.to_on, self.baseline_from, self.baseline_to, self.row.required_on_site, self.row.p80_on,
        )  # fmt: skip
        return tuple(day for day in found if day is not None)


class PowerKind(StrEnum):
    ENERGISED = "energised"
    COD = "cod"


@dataclass(frozen=True, slots=True)
class PowerDate:
    """When a grid connection is energised, or the plant of an agreement runs commercially. `key` is that of either."""

    kind: PowerKind
    key: UUID
    name: str
    on: date


def spans(rows: Sequence[LogRow]) -> tuple[LineSpan, ...]:
    """In the order of the rows. One query."""
    stored = LogLine.objects.filter(pk__in=[row.key for row in rows], answer__isnull=False)
    steps = {key: [_leg(step) for step in found] for key, found in stored.values_list("pk", "answer__steps")}
    return tuple(_span(row, steps.get(row.key, ())) for row in rows)


class _Leg(NamedTuple):
    """A step as a bar needs it: of 500 lines there are thousands."""

    forecast_on: date | None
    baseline_on: date | None
    has_happened: bool
    is_anchor: bool


def _leg(step: Mapping[str, Any]) -> _Leg:
    return _Leg(
        day_of(step.get("forecast_on")),
        day_of(step.get("baseline_on")),
        step.get("driver") in HAPPENED,
        bool(step.get("is_anchor")),
    )


def _span(row: LogRow, steps: Sequence[_Leg]) -> LineSpan:
    to_site = _to_anchor(steps)
    dated = [step.forecast_on for step in to_site if step.forecast_on is not None]
    agreed = [step.baseline_on for step in to_site if step.baseline_on is not None]
    happened = [step.forecast_on for step in to_site if step.has_happened and step.forecast_on is not None]
    return LineSpan(
        row=row,
        from_on=dated[0] if dated else None,
        done_on=happened[-1] if happened else None,
        to_on=row.delivered_on or row.forecast_on,
        baseline_from=agreed[0] if agreed else None,
        baseline_to=agreed[-1] if agreed else row.contract_on,
    )


def _to_anchor(steps: Sequence[_Leg]) -> list[_Leg]:
    """What follows on the site's own ground is not the delivery's."""
    found: list[_Leg] = []
    for step in steps:
        found.append(step)
        if step.is_anchor:
            break
    return found


def power_dates(codes: Collection[str]) -> dict[str, tuple[PowerDate, ...]]:
    """By the code of a site that the caller may see, in the order of their days. Three queries."""
    connections = list(
        GridConnection.objects.filter(site__code__in=codes).values_list("site__code", "chain_id", "pk", "name")
    )
    shares = list(
        PpaShare.objects.filter(site__code__in=codes)
        .values_list("site__code", "agreement__chain_id", "agreement_id", "agreement__code")
        .distinct()
    )
    on = _answers([*(row[1] for row in connections), *(row[1] for row in shares)])
    found: dict[str, set[PowerDate]] = defaultdict(set)
    for kind, rows in ((PowerKind.ENERGISED, connections), (PowerKind.COD, shares)):
        for code, chain, key, name in rows:
            if (day := on.get(chain)) is not None:
                found[code].add(PowerDate(kind, key, name, day))
    return {code: tuple(sorted(dates, key=lambda each: (each.on, each.name))) for code, dates in found.items()}


def _answers(chains: Iterable[UUID]) -> dict[UUID, date]:
    rows = ChainForecast.objects.filter(current=True, chain__in=list(chains), forecast_on__isnull=False)
    return {key: day for key, day in rows.values_list("chain_id", "forecast_on") if day is not None}
