"""`manage.py power_balance`: usable megawatts, what binds them, gaps and what they cost, for sites, desks or all."""

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from procurement.queries import power_balance, power_json
from procurement.queries.power_balance import SiteBalance
from procurement.queries.power_facts import Knowledge
from procurement.services.forecasts import local_date
from sites.domain.errors import BadInput
from sites.models import Site
from sites.vocabulary import KnowledgeMode

_ASKED: Final = "asked"


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
        parser.add_argument("--as-known-on", metavar="D", help="by what was known on that day")
        parser.add_argument("--baseline", action="store_true", help="by what was agreed first")
        parser.add_argument(
            "--compare", action="store_true", help="today, against the baseline and the day of --as-known-on, if given"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        sites = _sites(options)
        from_on, until_on = _day(options["from_on"], "--from"), _day(options["until_on"], "--to")
        found = {}
        for name, knowledge in _asked(options, sites).items():
            try:
                found[name] = power_balance.site_balances(sites, from_on, until_on, knowledge)
            except BadInput as refusal:
                raise CommandError(f"--to: {refusal.message}", returncode=2) from None
        if options["json"]:
            documents = {name: _document(balances, options) for name, balances in found.items()}
            compared = documents | {"differences": power_json.differences(found)} if options["compare"] else None
            self.stdout.write(json.dumps(compared or documents[_ASKED], indent=2))
        else:
            for balances in found.values():
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


def _asked(options: dict[str, Any], sites: list[Site]) -> dict[str, Knowledge]:
    """By name; compared states of knowledge begin with that of today."""
    today = max(local_date(site, timezone.now()) for site in sites)
    now, first = Knowledge(today), Knowledge(today, KnowledgeMode.BASELINE)
    then = _past(options["as_known_on"], today)
    if options["compare"]:
        known = {"today": now, "baseline": first}
        return known | {"known_on": then} if then else known
    if then and options["baseline"]:
        raise CommandError("--baseline: not together with --as-known-on, but for --compare.", returncode=2)
    return {_ASKED: then or (first if options["baseline"] else now)}


def _past(text: str | None, today: date) -> Knowledge | None:
    if not text:
        return None
    on = _day(text, "--as-known-on")
    if on > today:
        raise CommandError("--as-known-on: nothing is known on a day to come.", returncode=2)
    return Knowledge(on, KnowledgeMode.KNOWN_ON)


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
