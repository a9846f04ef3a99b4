"""Looks at one site or at all of them now, from the forecasts that are stored."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import UTC, date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from procurement.gateways import wake
from procurement.services import alerts, forecasts
from sites.models import Site

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Look which alerts should stand and open or close them. Doing it twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--site", metavar="CODE", help="one site; without it all of them and the power portfolio")
        parser.add_argument("--as-of", metavar="DAY", help="a day as 2026-11-20; without it each site's own today")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        as_of = _day(options["as_of"]) if options["as_of"] else None
        sites = Site.objects.order_by("code")
        if options["site"]:
            sites = sites.filter(code=options["site"])
            if not sites:
                raise CommandError(f"--site: there is no site {options['site']}.", returncode=BAD_INPUT)
        report: dict[str, Any] = {"sites": []}
        for site in sites:
            day = as_of or forecasts.local_date(site, now)
            done = alerts.evaluate_site(site_id=site.pk, as_of=day, now=now)
            report["sites"].append({"code": site.code, "as_of": day.isoformat()} | asdict(done))
        if not options["site"]:
            day = as_of or now.astimezone(UTC).date()
            report["power"] = {"as_of": day.isoformat()} | asdict(alerts.evaluate_power(as_of=day, now=now))
        wake.after_commit()
        if options["json"]:
            self.stdout.write(json.dumps(report))
            return
        for row in [*report["sites"], *([{"code": "power"} | report["power"]] if "power" in report else [])]:
            self.stdout.write(
                f"{row['code']} on {row['as_of']}: {row['standing']} standing, {row['opened']} opened, "
                f"{row['told']} told, {row['recovered']} recovered, {row['closed']} closed"
            )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--as-of: {text} is not a day like 2026-11-20.", returncode=BAD_INPUT) from None
