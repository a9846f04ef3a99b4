"""Reads a site schedule from a file: with `--dry-run` only says what it holds, else keeps it in quarantine."""

import hashlib
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from procurement.gateways import sandbox
from sites.domain.errors import BadInput, RuleBroken
from sites.models import ScheduleRevision, Site
from sites.readers import limits, schedule_file, schedule_json
from sites.services import schedules

BAD_INPUT = 2
_READER = schedule_json.__name__


class Command(BaseCommand):
    help = "Read a site schedule of Primavera P6 or Microsoft Project into quarantine."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a file of Primavera P6 or Microsoft Project")
        parser.add_argument("--site", metavar="CODE", help="the site that the schedule is of")
        parser.add_argument("--dry-run", action="store_true", help="only say what the file holds; writes nothing")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            content = _bytes_of(path)
            if options["dry_run"]:
                told: dict[str, Any] = {"projects": json.loads(sandbox.run(f"{_READER}:summarise", content))}
            else:
                told = _imported(_site(options["site"]), content, path.name)
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
    file = schedule_json.load(sandbox.run(f"{_READER}:parse", content))
    revisions = schedules.keep_all(
        site=site,
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        file_name=file_name,
        actor=None,
        now=timezone.now(),
    )
    return {"projects": schedule_json.summary(file), "revisions": [_told(revision) for revision in revisions]}


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
    lines += [
        f"{revision['project']} is {revision['state']}: {revision['id']}" for revision in told.get("revisions", ())
    ]
    return "\n".join(lines)
