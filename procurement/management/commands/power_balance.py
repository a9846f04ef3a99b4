"""`manage.py power_balance`: usable megawatts, what binds them, gaps and what they cost, for sites, desks or all."""

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from procurement.queries import power_balance, power_json
from procurement.queries.power_balance import SiteBalance
from procurement.queries.power_facts import Knowledge
from procurement.services.forecasts import local_date
from sites.domain.errors import BadInput
from sites.models import Site
from sites.vocabulary import KnowledgeMode


class Command(BaseCommand):
    help = "Usable megawatts by period, the limit that binds, and what gaps and unused supply cost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--site", metavar="CODE")
        where.add_argument("--desk", metavar="CODE")
        where.add_argument("--portfolio", action="store_true")
        parser.add_argument("--from", dest="from_on", metavar="D", required=True, help="first day, as in 2027-01-01")
        parser.add_argument("--to", dest="until_on", metavar="D", required=True, help="last day")
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        known = parser.add_mutually_exclusive_group()
        known.add_argument("--as-known-on", metavar="D", help="by the answers of that day")
        known.add_argument("--baseline", action="store_true", help="by what was agreed first")

    def handle(self, *args: Any, **options: Any) -> None:
        sites = _sites(options)
        from_on, until_on = _day(options["from_on"], "--from"), _day(options["until_on"], "--to")
        knowledge = _knowledge(options, sites)
        try:
            balances = power_balance.site_balances(sites, from_on, until_on, knowledge)
        except BadInput as refusal:
            raise CommandError(f"--to: {refusal.message}", returncode=2) from None
        if options["json"]:
            self.stdout.write(json.dumps(_document(balances, options), indent=2))
        else:
            for row in balances:
                self.stdout.write(_text(row))


def _sites(options: dict[str, Any]) -> list[Site]:
    rows = Site.objects.select_related("desk").order_by("code")
    if options["site"]:
        rows = rows.filter(code=options["site"])
    elif options["desk"]:
        rows = rows.filter(desk__code=options["desk"])
    found = list(rows)
    if not found:
        name = "--site" if options["site"] else "--desk" if options["desk"] else "--portfolio"
        raise CommandError(f"{name}: there is no such site.", returncode=2)
    return found


def _knowledge(options: dict[str, Any], sites: list[Site]) -> Knowledge:
    today = max(local_date(site, timezone.now()) for site in sites)
    if options["as_known_on"]:
        on = _day(options["as_known_on"], "--as-known-on")
        if on > today:
            raise CommandError("--as-known-on: nothing is known on a day to come.", returncode=2)
        return Knowledge(on, KnowledgeMode.KNOWN_ON)
    return Knowledge(today, KnowledgeMode.BASELINE if options["baseline"] else KnowledgeMode.TODAY)


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{name}: {text!r} is not a day like 2027-01-01.", returncode=2) from None


def _document(balances: tuple[SiteBalance, ...], options: dict[str, Any]) -> dict[str, Any]:
    if options["site"]:
        return power_json.site_document(balances[0], amounts=True)
    return power_json.group_document(power_balance.group(balances), amounts=True)


def _text(row: SiteBalance) -> str:
    lines = [f"{row.site.code}  {row.from_on} to {row.until_on}, {row.knowledge.mode.label} ({row.knowledge.on})"]
    for each in row.periods:
        usable = "not known" if each.usable_mw is None else f"{each.usable_mw:g} MW"
        gap = "?" if each.gap_mw is None else f"{each.gap_mw:g}"
        unused = "?" if each.unused_mw is None else f"{each.unused_mw:g}"
        binding = ", ".join(str(kind.label) for kind in each.binding)
        figures = f"load {each.ramp_mw:g} MW  usable {usable}  gap {gap}  unused {unused}"
        lines.append(f"  {each.from_on} to {each.until_on}  {figures}  {binding}")
    for amount in row.amounts:
        known = "not known" if amount.amount is None else f"{amount.amount:,.2f}"
        lines.append(f"  {amount.kind.replace('_', ' ')}: {known} {amount.currency}")
    return "\n".join(lines)
