"""The stored answer of the engine, step by step, as a page reads it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from procurement.vocabulary import DateState

TIGHT_DAYS: Final = 14
HAPPENED: Final = frozenset({"actual", "implied"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a forecast; days are calendar days unless `basis` says working. Null dates are not known."""

    code: str
    is_anchor: bool
    forecast_on: date | None
    driver: str
    flags: tuple[str, ...]
    latest_on: date | None
    float_days: int | None
    slip_days: int | None
    baseline_on: date | None
    previous_on: date | None
    promise_id: str
    promise_counts_on: date | None
    conditional_on: date | None
    shift_days: int
    duration_days: int
    basis: str
    calendar: str

    @property
    def has_happened(self) -> bool:
        return self.driver in HAPPENED


def read_step(row: Mapping[str, Any]) -> Step:
    return Step(
        code=row["code"],
        is_anchor=bool(row.get("is_anchor")),
        forecast_on=day_of(row.get("forecast_on")),
        driver=row.get("driver") or "",
        flags=tuple(row.get("flags") or ()),
        latest_on=day_of(row.get("latest_on")),
        float_days=row.get("float_days"),
        slip_days=row.get("slip_days"),
        baseline_on=day_of(row.get("baseline_on")),
        previous_on=day_of(row.get("previous_on")),
        promise_id=row.get("promise_id") or "",
        promise_counts_on=day_of(row.get("promise_counts_on")),
        conditional_on=day_of(row.get("conditional_on")),
        shift_days=row.get("shift_days") or 0,
        duration_days=row.get("duration_days") or 0,
        basis=row.get("basis") or "",
        calendar=row.get("calendar") or "",
    )


def read_steps(rows: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(read_step(row) for row in rows)


def date_state(*, is_cancelled: bool, is_delivered: bool, has_forecast: bool, float_days: int | None) -> DateState:
    """In this order: what is over, what is not known, then the float. Tight is less than two weeks."""
    if is_cancelled:
        return DateState.CANCELLED
    if is_delivered:
        return DateState.DELIVERED
    if not has_forecast:
        return DateState.UNKNOWN
    if float_days is None:
        return DateState.NO_ROS
    if float_days < 0:
        return DateState.LATE
    return DateState.TIGHT if float_days < TIGHT_DAYS else DateState.IN_TIME


def day_of(text: str | None) -> date | None:
    """A day as stored answers hold it."""
    return date.fromisoformat(text) if text else None
