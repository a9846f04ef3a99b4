"""`manage.py import_agreement FILE --as USER`: create or change an agreement from its JSON record."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from procurement.services import agreements
from sites.accounts.models import User
from sites.domain.errors import RuleBroken
from sites.readers import agreement_record

_BAD_INPUT, _REFUSED = 2, 1


class Command(BaseCommand):
    help = "Create or change a power purchase agreement from a JSON record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the record; - reads standard input")
        parser.add_argument("--as", dest="username", metavar="USER", required=True, help="who changes it")
        parser.add_argument("--check", action="store_true", help="only say whether the record is right")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = User.objects.filter(username=options["username"], is_active=True).first()
        if actor is None:
            raise CommandError(f"--as: there is no user {options['username']}", returncode=_BAD_INPUT)
        try:
            record = agreement_record.read(_bytes_of(options["file"]))
        except RuleBroken as refusal:
            raise CommandError(_told(refusal), returncode=_BAD_INPUT) from None
        if options["check"]:
            self._say(options, {"code": record.code, "is_right": True}, f"{record.code}: the record is right")
            return
        try:
            saved = agreements.save(record, actor=actor, now=timezone.now(), reason="imported")
        except RuleBroken as refusal:
            raise CommandError(_told(refusal), returncode=_REFUSED) from None
        done = "created" if saved.created else "changed"
        self._say(options, {"code": record.code, "id": str(saved.agreement.pk), "done": done}, f"{record.code}: {done}")

    def _say(self, options: dict[str, Any], document: dict[str, Any], text: str) -> None:
        self.stdout.write(json.dumps(document, indent=2) if options["json"] else text)


def _told(refusal: RuleBroken) -> str:
    others = refusal.facts.get("others")
    rest = [f"{each['field']}: {each['message']}" for each in others] if isinstance(others, list) else []
    return "\n".join([f"{refusal.field}: {refusal.message}", *rest])


def _bytes_of(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as problem:
        raise CommandError(f"file: {problem.strerror}", returncode=_BAD_INPUT) from None
