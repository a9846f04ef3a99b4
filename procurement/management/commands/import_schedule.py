"""Reads a site schedule from a file: with `--dry-run` only says what it holds, else keeps it in quarantine."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from procurement.services import schedule_files
from sites.domain.errors import BadInput, RuleBroken
from sites.models import ScheduleRevision, Site
from sites.readers import limits, schedule_file
from sites.services import schedules as keeping

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Read a site schedule of Primavera P6 or Microsoft Project into quarantine."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a file of Primavera P6 or Microsoft Project")
        parser.add_argument("--site", metavar="CODE", help="the site that the schedule is of")
        parser.add_argument("--dry-run", action="store_true", help="only say what the file holds; writes nothing")
        parser.add_argument(
            "--recalculate",
            action="store_true",
            help="calculate each project by its own logic and compare its dates and floats with the file's",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        told: dict[str, Any] = {}
        try:
            content = _bytes_of(path)
            if not options["dry_run"]:
                told = _imported(_site(options["site"]), content, path.name)
            if options["dry_run"] or options["recalculate"]:
                summary = schedule_files.summarise(content, recalculated=options["recalculate"])
                told = {"projects": json.loads(summary)} | {key: told[key] for key in told if key != "projects"}
        except RuleBroken as refusal:
            if options["json"]:
                self.stdout.write(json.dumps({"refused": {"reason": refusal.message, "where": refusal.field}}))
            raise CommandError(f"{refusal.field}: {refusal.message}", returncode=BAD_INPUT) from None
        self.stdout.write(json.dumps(told) if options["json"] else _sentences(told))


def _bytes_of(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise BadInput(_("There is no such file."), field="file")
        if path.stat().st_size > limits.LONGEST_FILE:
            raise schedule_file.too_large()
        return path.read_bytes()
    except OSError as problem:
        raise BadInput(problem.strerror or _("The file cannot be read."), field="file") from None


def _site(code: str | None) -> Site:
    if not code:
        raise BadInput(_("Say of which site it is: --site CODE, or --dry-run to only look."), field="site")
    site = Site.objects.filter(code=code).first()
    if site is None:
        raise BadInput(_("There is no such site."), field="site")
    return site


def _imported(site: Site, content: bytes, file_name: str) -> dict[str, Any]:
    """Every project of the file that is no baseline, all of them or none."""
    file = schedule_files.read(content)
    source = keeping.Source(content, file_name)
    revisions = keeping.keep_all(site=site, file=file, source=source, actor=None, now=timezone.now())
    return {
        "projects": [packed.summary for packed in file.projects],
        "revisions": [_told(revision) for revision in revisions],
    }


def _told(revision: ScheduleRevision) -> dict[str, str]:
    return {"id": str(revision.pk), "project": revision.project_code, "state": revision.state}


def _sentences(told: dict[str, Any]) -> str:
    lines = []
    for project in told["projects"]:
        lines.append(
            f"{project['id']} {project['name']}: data date {project['data_date']}, {project['activities']} activities, "
            f"{project['links']} links, finish {project['finish']}"
        )
        lines += [f"  {warning}" for warning in project["warnings"]]
        if "recalculation" in project:
            lines += _recalculated(project["recalculation"])
    lines += [
        f"{revision['project']} is {revision['state']}: {revision['id']}" for revision in told.get("revisions", ())
    ]
    return "\n".join(lines)


def _recalculated(answer: dict[str, Any]) -> list[str]:
    if answer["not_calculated"]:
        return [f"  not calculated: {answer['not_calculated']}"]
    fields = ("early_start", "early_finish", "late_finish", "total_float")
    equal = ", ".join(f"{name} {answer[f'equal_{name}']} of {answer[f'compared_{name}']}" for name in fields)
    lines = [f"  recalculated {answer['activities_compared']} activities; equal: {equal}"]
    lines += [f"  not followed: {note}" for note in answer["not_supported"]]
    lines += [
        f"  {row['activity']} {row['field']}: file {row['file']}, calculated {row['calculated']}. {row['reason']}"
        for row in answer["others"]
    ]
    return lines
