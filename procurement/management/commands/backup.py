"""Copies everything that Longlead knows, uploaded files included, to one file."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from procurement.management.runtime import backup

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Copy the whole database, in which uploaded files are too, to one file. Nothing needs to be stopped."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        place: Path = options["file"]
        if place.exists():
            raise CommandError(f"file: {place} exists.", returncode=BAD_INPUT)
        if not place.absolute().parent.is_dir():
            raise CommandError(f"file: there is no folder {place.parent}.", returncode=BAD_INPUT)
        try:
            size = backup.dump(settings.DATABASES["default"] | {"NAME": connection.settings_dict["NAME"]}, place)
        except backup.CopyFailed as failure:
            raise CommandError(str(failure)) from None
        if options["json"]:
            self.stdout.write(json.dumps({"file": str(place), "bytes": size}))
        else:
            self.stdout.write(f"{place}: {size} bytes")
