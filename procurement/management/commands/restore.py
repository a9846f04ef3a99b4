"""Brings a backup back, and sends nothing of what may have been sent since it was made."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from procurement.management.runtime import backup
from procurement.services import after_restore, change_feed

BAD_INPUT = 2


class Command(BaseCommand):
    help = (
        "Replace the database by a backup. Stop web, workers and senders first; what may have been sent is set aside."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="what the database holds now is lost")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        place: Path = options["file"]
        if not place.is_file():
            raise CommandError(f"file: there is no {place}.", returncode=BAD_INPUT)
        if connection.introspection.table_names() and not options["replace"]:
            raise CommandError("The database is not empty; --replace loses what it holds.", returncode=BAD_INPUT)
        connection.close()
        try:
            backup.load(settings.DATABASES["default"] | _named(), place)
        except backup.CopyFailed as failure:
            raise CommandError(str(failure)) from None
        call_command("migrate", interactive=False, verbosity=0)
        change_feed.begin_anew()
        done = after_restore.set_aside(now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps({"set_aside": done.messages, "people_told": done.people}))
        else:
            self.stdout.write(f"Restored. {done.messages} messages may have been sent before and are set aside.")


def _named() -> dict[str, Any]:
    """The database that is in use, which in a test is not that of the settings."""
    return {"NAME": connection.settings_dict["NAME"]}
