"""Why a chain stands where it stands, told as JSON; with `--facts`, without any database."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from procurement.queries import explain
from sites.domain.errors import BadInput
from sites.readers import facts

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Explain where a chain stands on the calendar, and why."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "line",
            nargs="?",
            help="ORDER/LINE/SCHEDULE[/LOT], SITE/TAG, SITE/[BLOCK/]KIND of a gate, an agreement, or an id",
        )
        parser.add_argument("--export", action="store_true", help="print the facts of the line instead of the answer")
        parser.add_argument("--facts", metavar="FILE", help="a case or a list of cases as JSON; - reads standard input")
        parser.add_argument("--json", action="store_true", help="accepted as everywhere; this command prints JSON only")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["facts"] is not None and options["line"] is None:
            self._explain(_bytes_of(options["facts"]))
        elif options["line"] is not None and options["facts"] is None:
            self._explain_stored(options["line"], export=options["export"])
        else:
            raise CommandError("line: give one of a LINE or --facts FILE", returncode=BAD_INPUT)

    def _explain_stored(self, reference: str, *, export: bool) -> None:
        now = timezone.now()
        try:
            stored = explain.facts_named(reference, now=now)
            told = [facts.export(each) if export else facts.answer_to(each) for each in stored]
        except BadInput as refused:
            raise CommandError(f"{refused.field}: {refused.message}", returncode=BAD_INPUT) from None
        self.stdout.write(json.dumps(told[0] if len(told) == 1 else told, indent=2))

    def _explain(self, text: bytes) -> None:
        explained = facts.explain(text)
        if explained.document is not None:
            self.stdout.write(json.dumps(explained.document, indent=2))
        if explained.refusals:
            first, *others = explained.refusals
            more = f" (and {len(others)} more)" if others else ""
            raise CommandError(f"{first}{more}", returncode=BAD_INPUT)


def _bytes_of(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as problem:
        raise CommandError(f"facts: {problem.strerror or 'the file cannot be read'}", returncode=BAD_INPUT) from None
