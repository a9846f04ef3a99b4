import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from procurement.services import portfolio_loader
from procurement.services.portfolio_loader import Loaded
from sites.domain.errors import RuleBroken


class Command(BaseCommand):
    help = "Fill the database with a synthetic portfolio of any size; a seed gives the same portfolio on the same day."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--lines", type=int, required=True, metavar="N", help="order lines")
        parser.add_argument("--seed", type=int, default=1, metavar="S")
        parser.add_argument("--no-recalculate", action="store_true", help="store facts only, no forecasts or alerts")
        parser.add_argument("--look", action="store_true", help="look at the alerts too, else the nightly look does")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            loaded = portfolio_loader.load(
                lines=options["lines"],
                seed=options["seed"],
                today=now.date(),
                now=now,
                recalculate=not options["no_recalculate"],
                look=options["look"],
                say=self.stderr.write,
            )
        except RuleBroken as refusal:
            raise CommandError(f"{refusal.field}: {refusal.message}", returncode=2) from None
        self.stdout.write(json.dumps(_document(loaded)) if options["json"] else _report(loaded))


def _document(loaded: Loaded) -> dict[str, object]:
    return {
        "lines": loaded.lines,
        "sites": loaded.sites,
        "rows": loaded.counts,
        "drawn_seconds": round(loaded.drawn_seconds, 3),
        "written_seconds": round(loaded.written_seconds, 3),
        "recalculated_seconds": round(loaded.recalculated_seconds, 3),
    }


def _report(loaded: Loaded) -> str:
    seconds = loaded.drawn_seconds + loaded.written_seconds
    rows = "\n".join(f"  {name:<24}{number:>10}" for name, number in loaded.counts.items())
    return (
        f"{loaded.lines} lines at {loaded.sites} sites in {seconds:.1f} s"
        f" ({loaded.lines / seconds:.0f} lines a second: drawn {loaded.drawn_seconds:.1f} s,"
        f" written {loaded.written_seconds:.1f} s), recalculated in {loaded.recalculated_seconds:.1f} s\n{rows}"
    )
