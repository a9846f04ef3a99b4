"""A person's dates as a calendar, at a secret address: whoever has it reads them, so it can be revoked."""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from procurement.queries.calendar_feed import MOST_ENTRIES, Entry, entries
from procurement.queries.log import log_page
from procurement.queries.log_address import find_view, read_filter
from procurement.services import mail_text, preferences
from procurement.services.mail_calendar import local_now
from sites.accounts.models import User
from sites.domain.errors import NotFound

if TYPE_CHECKING:
    from icalendar import Event

_REFRESH = timedelta(hours=6)
_PAST = timedelta(days=30)


@require_safe
@never_cache
def feed(request: HttpRequest, secret: str) -> HttpResponse:
    """The first two thousand dates from a month ago on; with `view=` in the address of the lines of that saved view,
    the first two thousand of them.
    """
    from icalendar import Calendar  # eighty modules, which only calendars need

    now = timezone.now()
    try:
        person = preferences.calendar_of(secret, now=now)
        among, name = _of_view(person, request.GET.get("view", ""))
    except NotFound:
        raise Http404 from None
    with translation.override(mail_text.language_of(person)):
        calendar = Calendar()
        calendar.add("prodid", "-//Longlead//Dates//EN")
        calendar.add("version", "2.0")
        calendar.add("method", "PUBLISH")
        calendar.add("x-wr-calname", name)
        calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
        for entry in entries(person, local_now(person, now).date() - _PAST, among):
            calendar.add_component(_event(entry))
        body = calendar.to_ical()
    return HttpResponse(body, content_type="text/calendar; charset=utf-8")


def _of_view(person: User, slug: str) -> tuple[list[UUID] | None, str]:
    """Raises NotFound where the view is not the person's to use."""
    if not slug:
        return None, "Longlead"
    view = find_view(person, slug)
    if view is None:
        raise NotFound(_("There is no such view."), field="view")
    wanted = replace(read_filter(QueryDict(view.query)), page=1, size=MOST_ENTRIES)
    return [row.key for row in log_page(person, wanted).rows], f"Longlead: {mail_text.clean(view.name)}"


def _event(entry: Entry) -> "Event":
    from icalendar import Event

    event = Event()
    event.add("uid", f"{entry.kind}.{entry.key}@{settings.MAIL_DOMAIN}")
    event.add("sequence", entry.sequence)
    changed_at = entry.changed_at.astimezone(UTC)
    event.add("dtstamp", changed_at)
    event.add("last-modified", changed_at)
    # A whole day is local to its place and has no zone; its end is the day after (RFC 5545, section 3.6.1).
    event.add("dtstart", entry.day)
    event.add("dtend", entry.day + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    site = f"[{entry.site}] " if entry.site else ""
    event.add("summary", mail_text.clean(f"{site}{_words(entry.kind)}: {entry.subject}"))
    event.add("url", f"{settings.BASE_URL}{reverse(entry.page, args=[entry.page_key])}")
    return event


def _words(kind: str) -> str:
    return {
        "required_on_site": _("Required on site"),
        "order_by": _("Order by"),
        "factory_test": _("Factory test"),
        "cod": _("COD forecast"),
        "guaranteed_cod": _("Guaranteed COD"),
        "long_stop": _("Long-stop"),
    }[kind]
