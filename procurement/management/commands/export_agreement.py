"""`manage.py export_agreement CODE`: an agreement as its published JSON record; `--schema` prints the schema."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sites.models import PowerPurchaseAgreement
from sites.queries.agreements import document_of, record_of
from sites.readers import agreement_record


class Command(BaseCommand):
    help = "Print a power purchase agreement as a JSON record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", nargs="?", help="the code of the agreement")
        parser.add_argument("--schema", action="store_true", help="print the JSON schema of the record instead")
        parser.add_argument("--json", action="store_true", help="accepted as everywhere; this command prints JSON only")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["schema"]:
            self.stdout.write(json.dumps(agreement_record.schema(), indent=2))
            return
        if not options["code"]:
            raise CommandError("code: give the code of an agreement, or --schema", returncode=2)
        agreement = PowerPurchaseAgreement.objects.filter(code=options["code"]).first()
        if agreement is None:
            raise CommandError(f"code: there is no agreement {options['code']}", returncode=2)
        self.stdout.write(json.dumps(document_of(record_of(agreement)), indent=2, ensure_ascii=False))
