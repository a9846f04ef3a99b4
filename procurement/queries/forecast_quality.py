"""What the last back-test found, as the page and its reader see it."""

from dataclasses import dataclass
from typing import Any, Final

from procurement.domain.scoring import HEADLINE, LEVELS
from procurement.models import Backtest

FEW: Final = 30


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """Shares of one; `losses` are days at P50 (ours, promise, forward pass), then at P80. None is not known."""

    name: str
    forecasts: int
    undecided: int
    coverage: tuple[float | None, ...]
    compared: int
    losses: tuple[float | None, ...]

    @property
    def is_small(self) -> bool:
        return self.forecasts < FEW

    @property
    def covered_p50(self) -> float | None:
        return self.coverage[LEVELS.index(HEADLINE[0])]

    @property
    def covered_p80(self) -> float | None:
        return self.coverage[LEVELS.index(HEADLINE[1])]


@dataclass(frozen=True, slots=True)
class Quality:
    row: Backtest
    lines: tuple[ScoreLine, ...]


def newest() -> Quality | None:
    """One query. The figures are of the whole portfolio and name nobody."""
    row = Backtest.objects.order_by("-created_at").first()
    return None if row is None else Quality(row, tuple(_line(each) for each in row.scores))


def _line(entry: dict[str, Any]) -> ScoreLine:
    by_rival = (entry["loss_ours"], entry["loss_promise"], entry["loss_forward"])
    losses = tuple(rival[place] for place in range(len(HEADLINE)) for rival in by_rival)
    return ScoreLine(
        entry["name"], entry["forecasts"], entry["undecided"], tuple(entry["coverage"]), entry["compared"], losses
    )
