"""Forecasts of the past against what happened, from the ledger alone."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from procurement.domain.scoring import HEADLINE, LEVELS
from procurement.models import Backtest
from procurement.services import backtests
from sites.domain.errors import RuleBroken

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Forecast again from days in the past with only what was known then, and write how good that was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--horizon", type=int, default=180, metavar="DAYS", help="lines due within so many days")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row = backtests.run(horizon=options["horizon"], today=timezone.now().date())
        except RuleBroken as refusal:
            raise CommandError(f"--{refusal.field}: {refusal.message}", returncode=BAD_INPUT) from None
        self.stdout.write(json.dumps(_document(row)) if options["json"] else _report(row))


def _document(row: Backtest) -> dict[str, object]:
    return {
        "as_of": row.as_of.isoformat(),
        "horizon_days": row.horizon_days,
        "origins": row.origins,
        "forecasts": row.forecasts,
        "trials": row.trials,
        "seed": row.seed,
        "levels": LEVELS,
        "losses_at": HEADLINE,
        "scores": row.scores,
    }


def _report(row: Backtest) -> str:
    lines = [f"{row.forecasts} forecasts from {row.origins} days in the past, due within {row.horizon_days} days"]
    for each in row.scores:
        covered = dict(zip(LEVELS, each["coverage"], strict=True))
        lines.append(
            f"{each['name']:>8}: {each['forecasts']:>6} forecasts, held by P50 {_percent(covered[0.5])}, by P80"
            f" {_percent(covered[0.8])}; loss at P50 {_days(each['loss_ours'][0])}, promise"
            f" {_days(each['loss_promise'][0])}, forward pass {_days(each['loss_forward'][0])} days"
            f" ({each['compared']} compared)"
        )
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f}%"


def _days(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.1f}"
