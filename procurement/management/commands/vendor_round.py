"""Asks a vendor about its open lots: makes the round and writes the workbook to send."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from procurement.management.given import person_named
from procurement.models import Company
from procurement.services import vendor_rounds
from sites.domain.errors import BadInput, RuleBroken

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Open a round of questions to a vendor and write its workbook (.xlsx)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--company", metavar="CODE", required=True)
        parser.add_argument("--as", dest="user", metavar="USER", required=True, help="whose rights count")
        parser.add_argument(
            "--language", choices=["en", "de", "ja"], default="", help="else that of the vendor's contact"
        )
        parser.add_argument("--to", metavar="FOLDER", default=".", help="where the workbook is written")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            actor = person_named(options["user"])
            company = Company.objects.filter(code=options["company"]).first()
            if company is None:
                raise BadInput(_("There is no such company."), field="company")
            asked = vendor_rounds.ask(
                company_id=company.pk, actor=actor, now=timezone.now(), language=options["language"]
            )
            name, content = vendor_rounds.workbook(round_id=asked.pk, actor=actor)
            file = Path(options["to"]) / name
            try:
                file.write_bytes(content)
            except OSError as problem:
                raise BadInput(problem.strerror or _("The file cannot be written."), field="to") from None
        except RuleBroken as refusal:
            raise CommandError(f"{refusal.field}: {refusal.message}", returncode=BAD_INPUT) from None
        told = {"id": str(asked.pk), "file": str(file), "questions": asked.questions.count()}
        self.stdout.write(json.dumps(told) if options["json"] else f"{told['questions']}: {told['file']}")
