"""The facts of stored lots, as the engine would see them today."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Min, QuerySet
from django.utils.translation import gettext as _

from procurement.models import DeliveryLot
from sites.domain.errors import BadInput
from sites.domain.schedule import ChainFacts
from sites.queries.chains import UNPLACED, chain_facts, with_required_on_site, working_calendars


def lots_named(reference: str) -> QuerySet[DeliveryLot]:
    """Lots by their key, their schedule line's key, or ORDER/LINE/SCHEDULE[/LOT]. Raises BadInput naming `line`.

    An order number may itself hold a slash: the numbers are read from the right.
    """
    rows = DeliveryLot.objects.select_related("schedule_line__site").order_by("number")
    try:
        key = UUID(reference)
    except ValueError:
        pass
    else:
        found = rows.filter(pk=key) | rows.filter(schedule_line=key)
        if found.exists():
            return found
        raise BadInput(_("There is no lot or schedule line %(name)s.") % {"name": reference}, field="line")
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
            if found.exists():
                return found
    raise BadInput(_("There is no line %(name)s; give ORDER/LINE/SCHEDULE[/LOT].") % {"name": reference}, field="line")


def facts_of(lot: DeliveryLot, *, now: datetime) -> ChainFacts:
    """A stored lot as of its site's local date; without a site, as of the UTC date."""
    site = lot.schedule_line.site
    calendars = working_calendars()
    found = chain_facts(
        [lot.chain_id],
        as_of=now.astimezone(ZoneInfo(site.time_zone if site else "UTC")).date(),
        site_calendar=calendars[site.calendar_id] if site else UNPLACED,
        calendars=calendars,
    )
    live = lot.allocations.filter(ended_at__isnull=True)
    required_on = live.aggregate(first=Min("requirement__required_on_site"))["first"]
    return with_required_on_site(found[lot.chain_id], required_on)
