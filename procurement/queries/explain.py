"""The facts of whatever has dates: lots, requirements, gates, agreements and grid connections, as of today."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Min, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from procurement.models import DeliveryLot, Requirement
from procurement.queries.facts import lead_times_of, template_steps
from sites.domain.errors import BadInput
from sites.domain.lead_time import as_if_ordered_today
from sites.domain.schedule import ChainFacts
from sites.models import Chain, Site
from sites.queries.chains import UNPLACED, chain_facts, with_required_on_site, working_calendars
from sites.vocabulary import GateKind


def facts_named(reference: str, *, now: datetime) -> list[ChainFacts]:
    """Of one thing, or of the several that share a name; a requirement without an order as if ordered today.

    A name is ORDER/LINE/SCHEDULE[/LOT], SITE/TAG of a requirement, SITE/[BLOCK/]KIND of a gate, the code of an
    agreement, SITE/NAME of a grid connection, or the key of any of these. Raises BadInput naming `line`.
    """
    lots = lots_named(reference)
    if lots:
        return [facts_of(lot, now=now) for lot in lots]
    requirement = _requirement_named(reference)
    if requirement is not None:
        return facts_of_requirement(requirement, now=now)
    chains = _chains_named(reference)
    if chains:
        return facts_of_chains(chains, now=now)
    raise BadInput(
        _(
            "There is no line %(name)s; give ORDER/LINE/SCHEDULE[/LOT], SITE/TAG of a requirement, SITE/[BLOCK/]KIND "
            "of a gate, the code of an agreement, SITE/NAME of a grid connection, or the key of one of them."
        )
        % {"name": reference},
        field="line",
    )


def lots_named(reference: str) -> list[DeliveryLot]:
    """Lots by their key, their schedule line's key, or ORDER/LINE/SCHEDULE[/LOT]; empty where there are none.

    An order number may itself hold a slash: the numbers are read from the right.
    """
    rows = DeliveryLot.objects.select_related("schedule_line__site").order_by("number")
    if (key := _key(reference)) is not None:
        return list(rows.filter(Q(pk=key) | Q(schedule_line=key)))
    parts = reference.split("/")
    for numbers in (3, 2):
        order, tail = "/".join(parts[:-numbers]), parts[-numbers:]
        if order and all(part.isascii() and part.isdigit() and len(part) < 9 for part in tail):
            found = rows.filter(
                schedule_line__line__order__number=order,
                schedule_line__line__number=int(tail[0]),
                schedule_line__number=int(tail[1]),
            )
            if numbers == 3:
                found = found.filter(number=int(tail[2]))
            if lots := list(found):
                return lots
    return []


def _key(reference: str) -> UUID | None:
    try:
        return UUID(reference)
    except ValueError:
        return None


def _requirement_named(reference: str) -> Requirement | None:
    rows = Requirement.objects.filter(cancelled_at__isnull=True).select_related("site", "equipment_class__template")
    if (key := _key(reference)) is not None:
        return rows.filter(pk=key).first()
    site, _slash, tag = reference.partition("/")
    return rows.filter(site__code=site, tag=tag).first()


def _chains_named(reference: str) -> list[Chain]:
    rows: QuerySet[Chain] = Chain.objects.filter(lot__isnull=True).select_related("site").order_by("pk")
    if (key := _key(reference)) is not None:
        owned = Q(pk=key) | Q(gate=key) | Q(agreement=key) | Q(grid_connection=key) | Q(network_works=key)
        return list(rows.filter(owned))
    site, _slash, rest = reference.partition("/")
    block, _slash, kind = rest.rpartition("/")
    wanted = Q(agreement__code=reference) | Q(grid_connection__site__code=site, grid_connection__name=rest)
    if kind in GateKind.values:
        gate = Q(gate__site__code=site, gate__kind=kind)
        wanted |= gate & Q(gate__block__code=block) if block else gate
    return list(rows.filter(wanted))


def facts_of(lot: DeliveryLot, *, now: datetime) -> ChainFacts:
    """A stored lot as of its site's local date; without a site, as of the UTC date."""
    live = lot.allocations.filter(ended_at__isnull=True)
    required_on = live.aggregate(first=Min("requirement__required_on_site"))["first"]
    return _facts_of_lot(lot, required_on, now)


def _facts_of_lot(lot: DeliveryLot, required_on: date | None, now: datetime) -> ChainFacts:
    site = lot.schedule_line.site
    calendars = working_calendars()
    found = chain_facts(
        [lot.chain_id],
        as_of=_local_date(site, now),
        site_calendar=calendars[site.calendar_id] if site else UNPLACED,
        calendars=calendars,
    )
    return with_required_on_site(found[lot.chain_id], required_on)


def facts_of_requirement(requirement: Requirement, *, now: datetime) -> list[ChainFacts]:
    """The lots that serve it, each against its own required date; where they are too few, as if ordered today."""
    live = requirement.allocations.filter(ended_at__isnull=True)
    if (live.aggregate(had=Sum("quantity"))["had"] or 0) >= requirement.quantity:
        lots = DeliveryLot.objects.filter(allocations__in=live).select_related("schedule_line__site").distinct()
        return [_facts_of_lot(lot, requirement.required_on_site, now) for lot in lots.order_by("pk")]
    template = requirement.equipment_class.template
    facts = ChainFacts(
        _local_date(requirement.site, now),
        working_calendars()[requirement.site.calendar_id],
        template_steps([template.pk])[template.pk],
        anchor_step=template.anchor_code,
    )
    ordered = as_if_ordered_today(facts, lead_times_of([requirement.pk])[requirement.pk])
    return [with_required_on_site(ordered, requirement.required_on_site)]


def facts_of_chains(chains: Sequence[Chain], *, now: datetime) -> list[ChainFacts]:
    """Gates, agreements, grid connections and their works; what has no site is as of the UTC date."""
    calendars = working_calendars()
    found = chain_facts(
        [chain.pk for chain in chains],
        as_of={chain.pk: _local_date(chain.site, now) for chain in chains},
        site_calendar={chain.pk: calendars[chain.site.calendar_id] if chain.site else UNPLACED for chain in chains},
        calendars=calendars,
    )
    return [found[chain.pk] for chain in chains if chain.pk in found]


def _local_date(site: Site | None, now: datetime) -> date:
    return now.astimezone(ZoneInfo(site.time_zone if site else "UTC")).date()
