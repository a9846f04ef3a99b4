"""Holds an ERP's list of open orders, from a file or as it was sent last, against what is open here."""

import json
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from procurement.domain.cells import DayOrder, DecimalMark, Declared
from procurement.management.given import content_of, person_named
from procurement.services import open_order_files
from procurement.services.open_orders import Compared
from sites.domain.errors import BadInput, RuleBroken

FOUND_WRONG, BAD_INPUT = 1, 2


class Command(BaseCommand):
    help = "Compare a list of open orders (.xlsx, .csv) with ours; ends with 1 where the two disagree."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--system", required=True, help="whose list it is, such as SAP-PRD")
        parser.add_argument("--as", dest="user", metavar="USER", required=True, help="whose rights count")
        parser.add_argument(
            "--stated-at", metavar="INSTANT", help="the instant the list is of, with offset; now if not"
        )
        parser.add_argument(
            "--part", action="store_true", help="what is not in the file may be open there all the same"
        )
        parser.add_argument("--encoding", help="of a .csv that is not UTF-8")
        parser.add_argument("--day-order", choices=[order.value for order in DayOrder])
        parser.add_argument("--decimal-mark", choices=[mark.value for mark in DecimalMark])
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            done = open_order_files.take_file(
                content=content_of(Path(options["file"])),
                file_name=Path(options["file"]).name,
                system=options["system"],
                stated_at=_instant(options["stated_at"]) or now,
                complete=not options["part"],
                actor=person_named(options["user"]),
                now=now,
                encoding=options["encoding"],
                declared=Declared(
                    as_of=now.date(),
                    day_order=DayOrder(options["day_order"]) if options["day_order"] else None,
                    decimal_mark=DecimalMark(options["decimal_mark"]) if options["decimal_mark"] else None,
                ),
            )
        except RuleBroken as refusal:
            raise CommandError(f"{refusal.field}: {refusal.message}", returncode=BAD_INPUT) from None
        self.stdout.write(_json(done) if options["json"] else _sentences(done))
        if done.standing:
            raise SystemExit(FOUND_WRONG)


def _json(done: Compared) -> str:
    return json.dumps({"rows": done.rows, "standing": done.standing})


def _sentences(done: Compared) -> str:
    told = ", ".join(f"{kind} {number}" for kind, number in sorted(done.standing.items()))
    return f"{done.rows} rows compared. Disagreements: {told or 'none'}."


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadInput(_("An instant has a date, a time and an offset: 2026-11-20T20:00:00Z."), field="stated_at")
    return found
