"""Reads a workbook of dates from a vendor: previews it, and with `--apply` writes what it says."""

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from procurement.domain.cells import DayOrder, DecimalMark
from procurement.management.given import content_of, person_named
from procurement.models import Company, ImportBatch
from procurement.services import imports
from procurement.services.imports import Said
from procurement.vocabulary import ImportKind, RowOutcome
from sites.domain.errors import BadInput, RuleBroken

FOUND_WRONG, BAD_INPUT = 1, 2


class Command(BaseCommand):
    help = "Preview a workbook (.xlsx, .csv) row by row; with --apply, write its accepted rows."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--kind", choices=ImportKind.values, default=ImportKind.PROMISES.value)
        parser.add_argument("--as", dest="user", metavar="USER", required=True, help="whose rights count")
        parser.add_argument("--stated-on", metavar="DAY", help="the day the file speaks of; today if not said")
        parser.add_argument("--company", metavar="CODE", help="whose file it is; its columns are remembered")
        parser.add_argument("--sheet", metavar="NAME")
        parser.add_argument("--header-row", type=int, metavar="N")
        parser.add_argument("--column", action="append", metavar="FIELD=LETTERS", help="map a field; repeat")
        parser.add_argument("--encoding", help="of a .csv that is not UTF-8")
        parser.add_argument("--day-order", choices=[order.value for order in DayOrder])
        parser.add_argument("--decimal-mark", choices=[mark.value for mark in DecimalMark])
        parser.add_argument("--apply", action="store_true", help="write the accepted rows")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            actor = person_named(options["user"])
            now = timezone.now()
            batch = imports.stage(
                content=content_of(Path(options["file"])),
                file_name=Path(options["file"]).name,
                kind=ImportKind(options["kind"]),
                stated_on=_day(options["stated_on"]) or now.date(),
                actor=actor,
                now=now,
                company_id=_company(options["company"]),
                said=_said(options),
            )
            if options["apply"]:
                batch = imports.apply(batch_id=batch.pk, actor=actor, now=now)
        except RuleBroken as refusal:
            if options["json"]:
                self.stdout.write(json.dumps({"refused": {"reason": refusal.message, "where": refusal.field}}))
            raise CommandError(f"{refusal.field}: {refusal.message}", returncode=BAD_INPUT) from None
        told = _told(batch)
        self.stdout.write(json.dumps(told, ensure_ascii=False) if options["json"] else _sentences(told))
        if batch.rows_refused:
            raise SystemExit(FOUND_WRONG)


def _company(code: str | None) -> Any:
    if code is None:
        return None
    company = Company.objects.filter(code=code).first()
    if company is None:
        raise BadInput(_("There is no such company."), field="company")
    return company.pk


def _day(said: str | None) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        raise BadInput(_("Write the day as 2027-06-05."), field="stated-on") from None


def _said(options: dict[str, Any]) -> Said:
    columns = {}
    for pair in options["column"] or []:
        field, equals, letters = pair.partition("=")
        if not equals:
            raise BadInput(_("Write FIELD=LETTERS."), field="column")
        columns[field] = letters
    return Said(
        sheet=options["sheet"],
        header_row=options["header_row"],
        columns=columns or None,
        encoding=options["encoding"],
        day_order=DayOrder(options["day_order"]) if options["day_order"] else None,
        decimal_mark=DecimalMark(options["decimal_mark"]) if options["decimal_mark"] else None,
    )


def _told(batch: ImportBatch) -> dict[str, Any]:
    rows = batch.rows.exclude(outcome=RowOutcome.BLANK).order_by("number")
    return {
        "id": str(batch.pk),
        "state": batch.state,
        "sheet": batch.sheet,
        "header_row": batch.header_row,
        "mapping": batch.mapping,
        "read": batch.rows_read,
        "accepted": batch.rows_accepted,
        "refused": batch.rows_refused,
        "blank": batch.rows_blank,
        "rows": [
            {
                "row": row.number,
                "outcome": row.outcome,
                "subject": row.subject,
                "changes": row.changes,
                "refusals": row.refusals,
            }
            for row in rows
        ],
    }


def _sentences(told: dict[str, Any]) -> str:
    lines = [
        _("%(read)s rows read: %(accepted)s accepted, %(refused)s refused, %(blank)s blank (%(state)s).") % told,
    ]
    for row in told["rows"]:
        lines += [f"{each['address']}: {each['message']}" for each in row["refusals"]]
        lines += [
            f"{told['sheet']} row {row['row']}: {row['subject']}: {each['old'] or '-'} -> {each['new']}"
            for each in row["changes"]
        ]
    return "\n".join(lines)
