"""Takes delivery reports from a Maildir, an mbox or standard input, and switches off addresses that are no more."""

import json
import mailbox
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from procurement.readers.bounce import LONGEST_REPORT, read_report
from procurement.services import deliveries, mail_links

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Read delivery reports: from a Maildir folder, an mbox file, or one mail on standard input (-)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="a Maildir folder, an mbox file, or - for one mail on standard input")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        counts = Counter(bounced=0, known=0, delayed=0, not_ours=0, no_report=0)
        for content in _mails(options["source"]):
            counts[_take(content)] += 1
        if options["json"]:
            self.stdout.write(json.dumps(dict(sorted(counts.items()))))
        else:
            self.stdout.write(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))


def _take(content: bytes) -> str:
    try:
        report = read_report(content)
    except ValueError:
        return "no_report"
    if report is None:
        return "no_report"
    found = next(filter(None, map(mail_links.bounced_message, report.to_addresses)), None)
    if found is None:
        return "not_ours"
    if not report.is_final:
        return "delayed"
    is_new = deliveries.bounced(message_id=found, code=report.status, answer=report.diagnostic, now=timezone.now())
    return "bounced" if is_new else "known"


def _mails(source: str) -> Iterator[bytes]:
    """A Maildir's new mails are moved to the read ones as they are taken; reading one again changes nothing."""
    if source == "-":
        yield sys.stdin.buffer.read(LONGEST_REPORT + 1)
        return
    place = Path(source)
    if (place / "new").is_dir():
        box = mailbox.Maildir(place, create=False)
        for key in sorted(box.keys()):
            mail = box[key]
            if mail.get_subdir() == "new":
                yield box.get_bytes(key)
                mail.set_subdir("cur")
                mail.add_flag("S")
                box[key] = mail
    elif place.is_file():
        with_mbox = mailbox.mbox(place, create=False)
        for key in with_mbox.keys():  # noqa: SIM118 - an mbox is no mapping of its own order
            yield with_mbox.get_bytes(key)
        with_mbox.close()
    else:
        raise CommandError(f"source: {source} is neither a Maildir nor an mbox.", returncode=BAD_INPUT)
