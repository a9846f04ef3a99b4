"""Says who would be told what before a change or a new threshold is saved."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from procurement.services import alert_preview
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import RuleBroken
from sites.vocabulary import ScopeKind

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Rehearse a change: what it would move, which alerts it would open, and who would be told when."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--change",
            required=True,
            metavar="JSON",
            help="the change as JSON, or @FILE: promise, required_on_site or threshold",
        )
        parser.add_argument(
            "--actor", metavar="NAME", help="who would make it; without it an administrator of everything"
        )
        parser.add_argument(
            "--at", metavar="INSTANT", help="as if it were this instant, such as 2027-01-25T20:00+11:00"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        now = parse_datetime(options["at"]) if options["at"] else timezone.now()
        if now is None or now.tzinfo is None:
            raise CommandError("--at: give an instant with its offset from UTC.", returncode=BAD_INPUT)
        try:
            found = alert_preview.preview(_change(options["change"]), actor=_actor(options["actor"]), now=now)
        except RuleBroken as refused:
            raise CommandError(f"{refused.field}: {refused.message}", returncode=BAD_INPUT) from None
        document = alert_preview.as_document(found)
        if options["json"]:
            self.stdout.write(json.dumps(document))
            return
        for row in document["moved"]:
            self.stdout.write(
                f"moves  {row['kind']} {row['what']}: {row['before_on']} -> {row['after_on']}, "
                f"float {row['float_before_days']} -> {row['float_after_days']} days"
            )
        for row in document["alerts"]:
            self.stdout.write(f"alert  {row['what']} {row['rule']}: {row['about']} ({row['severity']}, {row['lane']})")
        for row in document["told"]:
            said = f"{len(row['alerts'])} alerts, {row['lane']}"
            self.stdout.write(f"tells  {row['person']} ({row['reason']}) at {row['release_at']}: {said}")
        if not document["told"]:
            self.stdout.write("tells  nobody")


def _change(text: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except (OSError, ValueError) as problem:
        raise CommandError(f"--change: {problem}", returncode=BAD_INPUT) from None
    if not isinstance(found, dict):
        raise CommandError("--change: give an object.", returncode=BAD_INPUT)
    return found


def _actor(name: str | None) -> User:
    people = User.objects.filter(is_active=True)
    if name:
        person: User | None = people.filter(username=name).first()
    else:
        person = (
            people.filter(memberships__role=Role.ADMINISTRATOR, memberships__scope=ScopeKind.PORTFOLIO)
            .order_by("pk")
            .first()
        )
    if person is None:
        raise CommandError(f"--actor: there is no {name or 'administrator'}.", returncode=BAD_INPUT)
    return person
