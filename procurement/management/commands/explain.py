"""Why a chain stands where it stands, told as JSON; with `--facts`, without any database."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext_lazy as _

from sites.readers import facts

BAD_INPUT = 2


class Command(BaseCommand):
    help = _("Explain where a chain stands on the calendar, and why.")  # type: ignore[assignment]
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--facts", metavar="FILE", help="a case or a list of cases as JSON; - reads standard input")
        parser.add_argument("--json", action="store_true", help="accepted as everywhere; this command prints JSON only")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["facts"] is None:
            raise CommandError("facts: give --facts FILE, or --facts - for standard input", returncode=BAD_INPUT)
        self._explain(_bytes_of(options["facts"]))

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
