"""Prints only what is inconsistent: exit code 0 and silence, or 1 and a line for each row."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from procurement.queries import invariants

FOUND_SOMETHING = 1


class Command(BaseCommand):
    help = "Check what must hold across rows. Prints nothing and exits 0 when it does, else a line a row and exits 1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        broken = invariants.broken()
        if options["json"]:
            self.stdout.write(json.dumps({"broken": [asdict(each) for each in broken]}))
        else:
            for each in broken:
                self.stdout.write(f"{each.rule}: {each.subject} ({each.detail})")
        if broken:
            sys.exit(FOUND_SOMETHING)
