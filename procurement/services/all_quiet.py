"""Once a week in which nothing was told: nothing slipped, and somebody was watching."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import css_inline
from django.conf import settings
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from procurement.models import Evaluation, IntegrationMessage, Notification, OrderLine
from procurement.services import mail_links, mail_text
from procurement.services.holding import digest_release_at
from procurement.services.mail_calendar import Calendars, zone_of
from procurement.services.mail_links import Purpose
from procurement.vocabulary import (
    Channel,
    CommercialStatus,
    Direction,
    Lane,
    LineStatus,
    MessageKind,
    MessageState,
    NotificationState,
)
from sites.accounts.models import User, UserKind
from sites.accounts.permissions import Role
from sites.models import Assignment, Membership, Site

_INLINER: Final = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
_WEEK: Final = timedelta(days=7)
# A week whose first days nobody was there to look at is not told of afterwards.
_LATE_BY_AT_MOST: Final = timedelta(days=2)
_WATCHING: Final = (Role.BUYER, Role.EXPEDITER, Role.SITE_LEAD, Role.ENERGY_LEAD)
_TOLD: Final = (NotificationState.DUE, NotificationState.SENT, NotificationState.DEFERRED)
# What is no word of an alert: a view that is followed, a comment.
_BESIDES: Final = (MessageKind.VIEW, MessageKind.NOTICE)
_OVER: Final = (CommercialStatus.CANCELLED, CommercialStatus.TERMINATED, CommercialStatus.CLOSED)


def hold_all_quiet(*, now: datetime) -> int:
    """Hold one message for everybody with a duty who was told nothing in the week that ends this morning.

    It takes the place of that morning's digest: a person has one of either a local date, however often this runs.
    """
    people = _people()
    calendars = Calendars(people)
    loud = _told_lately(people, now)
    rows = []
    for key, person in people.items():
        hours = calendars.of(person)
        begins_on = hours.week_begins_on(hours.local(now).date())
        morning = hours.morning(begins_on)
        if key in loud or not calendars.wants_all_quiet(person) or not morning <= now < morning + _LATE_BY_AT_MOST:
            continue
        rows.append(
            Notification(
                recipient=person,
                kind=MessageKind.ALL_QUIET,
                lane=Lane.DIGEST,
                cause_key=f"digest:{begins_on.isoformat()}",
                digest_on=begins_on,
                release_at=digest_release_at(person, hours, begins_on),
            )
        )
    before = Notification.objects.count() if rows else 0
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    return Notification.objects.count() - before if rows else 0


def _people() -> dict[UUID, User]:
    holders = Membership.objects.filter(role__in=_WATCHING).values("person")
    assigned = Assignment.objects.values("person")
    rows = User.objects.filter(
        Q(pk__in=holders) | Q(pk__in=assigned),
        is_active=True,
        kind=UserKind.PERSON,
        email_refused_at__isnull=True,
    ).exclude(email="")
    return {person.pk: person for person in rows.order_by("pk")}


def _told_lately(people: Collection[UUID], now: datetime) -> set[UUID]:
    """Whoever was told of an alert in these days, is about to be, or has had this week's message."""
    mails = Notification.objects.filter(recipient__in=list(people), channel=Channel.EMAIL).exclude(kind__in=_BESIDES)
    rows = mails.filter(
        Q(state=NotificationState.HELD)
        | Q(state__in=_TOLD, released_at__gt=now - _WEEK)
        | Q(kind=MessageKind.ALL_QUIET, created_at__gt=now - _WEEK, state=NotificationState.SUPPRESSED)
    )
    return set(rows.values_list("recipient", flat=True).distinct())


def may_still_be_said(row: Notification, *, now: datetime) -> bool:
    """Whether a digest of which nothing is left may say instead that all is quiet."""
    hours = Calendars([row.recipient_id]).of(row.recipient)
    if row.digest_on is None or row.digest_on != hours.week_begins_on(row.digest_on):
        return False
    if row.kind != MessageKind.ALL_QUIET and row.recipient_id not in _people():
        return False
    told = Notification.objects.filter(
        recipient=row.recipient_id, channel=Channel.EMAIL, state__in=_TOLD, released_at__gt=now - _WEEK
    ).exclude(kind__in=_BESIDES)
    return Calendars([row.recipient_id]).wants_all_quiet(row.recipient) and not told.exclude(pk=row.pk).exists()


@dataclass(frozen=True, slots=True)
class Watched:
    """What was looked at for a reader. `looked_at` is the oldest of the last looks; null: nobody looked yet.

    `erp_at` is when a system last wrote something that was taken in: reading proves no data.
    """

    lines: int
    sites: int
    looked_at: datetime | None
    erp_at: datetime | None


def watched_for(person: User) -> Watched:
    sites = Site.objects.visible_to(person)
    lines = (
        OrderLine.objects.filter(schedule_lines__site__in=sites)
        .exclude(status=LineStatus.CANCELLED)
        .exclude(order__commercial_status__in=_OVER)
        .distinct()
    )
    looks = Evaluation.objects.filter(site__in=sites).order_by("evaluated_at").values_list("evaluated_at", flat=True)
    written = IntegrationMessage.objects.filter(direction=Direction.INBOUND, state=MessageState.DONE)
    erp_at = written.order_by("-created_at").values_list("created_at", flat=True).first()
    return Watched(lines.count(), sites.count(), looks.first(), erp_at)


def write(row: Notification) -> mail_text.Written:
    """The frozen text of a message that says that all is quiet, in the reader's language and time zone."""
    person = row.recipient
    found = watched_for(person)
    with translation.override(_language(person.language)), timezone.override(zone_of(person)):
        lines = ngettext("%(number)d line watched", "%(number)d lines watched", found.lines) % {"number": found.lines}
        said = [
            lines,
            _("Last look: %(at)s") % {"at": _instant(found.looked_at)},
            _("Last ERP message: %(at)s") % {"at": _instant(found.erp_at)},
        ]
        context = {
            "headline": _("All quiet: nothing slipped in the last seven days."),
            "said": said,
            "portal_url": f"{settings.BASE_URL}/",
            "unsubscribe_url": mail_links.url(Purpose.UNSUBSCRIBE, row.pk),
            "preferences_url": f"{settings.BASE_URL}/preferences/",
            "reply_to": settings.MAIL_REPLY_TO,
            "language": translation.get_language(),
        }
        subject = mail_text.clean(f"[Longlead] {_('All quiet')}")
        text = render_to_string("email/all_quiet.txt", context)
        html = _INLINER.inline(render_to_string("email/all_quiet.html", context))
    return mail_text.Written(subject, text.strip() + "\n", html, mail_text.list_headers(row, "alerts.digest"))


def _language(code: str) -> str:
    try:
        return translation.get_supported_language_variant(code)
    except LookupError:
        return settings.LANGUAGE_CODE


def _instant(at: datetime | None) -> str:
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else _("none yet")
