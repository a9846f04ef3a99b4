"""A saved view by mail: the rows of the log as its reader may see them that morning."""

import re
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Final

import css_inline
from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from procurement.models import Notification, ScheduleLine, Subscription
from procurement.queries import log
from procurement.queries.log import LogFilter, LogRow
from procurement.queries.log_address import read_filter, spelled_out
from procurement.services import mail_links, mail_text
from procurement.services.holding import digest_release_at
from procurement.services.mail_calendar import Calendars, local_now
from procurement.services.mail_links import Purpose
from procurement.vocabulary import Channel, Lane, MessageKind, NotificationState, Rhythm
from sites.accounts.models import User
from sites.domain.errors import BadInput

ROWS_IN_A_MAIL: Final = 50
_MOST_SUBSCRIPTIONS: Final = 20
_INLINER: Final = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
_FIELDS: Final = {each.name for each in fields(LogFilter)} - {"page", "size", "shown", "among", "as_known_on"}


@transaction.atomic
def subscribe(*, actor: User, name: str, query: str, wanted: LogFilter, rhythm: Rhythm) -> Subscription:
    """Raises BadInput naming `name`."""
    mine = Subscription.objects.filter(person=actor)
    if mine.filter(name=name, active=True).exists():
        raise BadInput(_("You have a subscription of this name."), field="name")
    if mine.filter(active=True).count() >= _MOST_SUBSCRIPTIONS:
        raise BadInput(_("At most %(most)d subscriptions.") % {"most": _MOST_SUBSCRIPTIONS}, field="name")
    kept = {key: getattr(wanted, key) for key in sorted(_FIELDS)} | {"shown": wanted.shown.value}
    row, _created = Subscription.objects.update_or_create(
        person=actor,
        name=name,
        defaults={"query": query[:1000], "wanted": kept, "rhythm": rhythm, "active": True, "made_on": None},
    )
    return row


def end(row: Subscription) -> None:
    row.active = False
    row.save(update_fields=["active"])


def hold_subscriptions(*, now: datetime) -> int:
    """One message a subscription and local morning, however often and by however many this is asked."""
    made = 0
    rows = Subscription.objects.filter(active=True, person__is_active=True).select_related("person").order_by("pk")
    for row in rows:
        hours = Calendars([row.person_id]).of(row.person)
        today = local_now(row.person, now).date()
        wanted_on = hours.week_begins_on(today) if row.rhythm == Rhythm.WEEKLY else today
        if wanted_on != today or now < hours.morning(today) or (hours.rests and not hours.works_on(today)):
            continue
        made += _hold(row, today, digest_release_at(row.person, hours, today))
    return made


@transaction.atomic
def _hold(row: Subscription, today: date, release_at: datetime) -> int:
    """The conditional update lets one of several through."""
    unmade = Subscription.objects.filter(pk=row.pk, active=True).exclude(made_on__gte=today)
    if not unmade.update(made_on=today):
        return 0
    Notification.objects.create(
        recipient=row.person,
        channel=Channel.EMAIL,
        kind=MessageKind.VIEW,
        subscription=row,
        lane=Lane.DIGEST,
        cause_key=f"view:{row.pk}:{today.isoformat()}",
        reason="subscription",
        state=NotificationState.HELD,
        release_at=release_at,
    )
    return 1


def write(row: Notification) -> mail_text.Written | None:
    """None where the view has no rows this morning: then there is nothing to send."""
    view = row.subscription
    if view is None or not view.active or not row.recipient.email or row.recipient.email_refused_at is not None:
        return None
    page = log.log_page(row.recipient, _filter_of(view))
    if not page.rows:
        return None
    url = f"{settings.BASE_URL}/log/?{view.query}"
    with translation.override(mail_text.language_of(row.recipient)):
        shown = page.rows[:ROWS_IN_A_MAIL]
        number = page.totals.lines
        context: dict[str, Any] = {
            "headline": f"{mail_text.clean(view.name)}: "
            + ngettext("%(number)d line", "%(number)d lines", number) % {"number": number},
            "rows": [_said(each) for each in shown],
            "more": number - len(shown),
            "view_url": url,
            "unsubscribe_url": mail_links.url(Purpose.UNSUBSCRIBE, row.pk),
            "preferences_url": f"{settings.BASE_URL}/preferences/",
            "reply_to": settings.MAIL_REPLY_TO,
            "language": translation.get_language(),
        }
        subject = mail_text.clean(f"[Longlead] {view.name}")
        text = render_to_string("email/view.txt", context)
        html = _INLINER.inline(render_to_string("email/view.html", context))
    headers = mail_text.list_headers(row, f"view-{view.pk.hex[-8:]}.views") | mail_text.thread(
        Notification.objects.filter(subscription=view, recipient=row.recipient_id).exclude(pk=row.pk)
    )
    return mail_text.Written(subject, re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n", html, headers)


def may_still_be_told(row: Notification) -> bool:
    """Whether its reader still follows the view and sees every line that the frozen text names."""
    view = row.subscription
    if view is None or not view.active or not row.recipient.is_active:
        return False
    named = set(re.findall(rf"{re.escape(settings.BASE_URL)}/lines/([0-9a-f-]{{36}})/", row.body_text))
    return ScheduleLine.objects.visible_to(row.recipient).filter(pk__in=named).count() == len(named)


def _filter_of(view: Subscription) -> LogFilter:
    """A saved view is read as it stands this morning; where its reader may not use it any more, as it was then."""
    address, saved = spelled_out(QueryDict(view.query), view.person)
    return read_filter(address) if saved is not None else _filter(view.wanted)


def _filter(wanted: dict[str, Any]) -> LogFilter:
    """As it was stored, whatever fields the log has gained or lost since."""
    known = {key: value for key, value in wanted.items() if key in _FIELDS}
    shown = wanted.get("shown")
    sort = known.get("sort") if known.get("sort") in log.SORTS else "float"
    return LogFilter(**known | {"sort": sort}, shown=log.Shown(shown) if shown in set(log.Shown) else log.Shown.OPEN)


def _said(row: LogRow) -> dict[str, str]:
    line = f"{row.order}/{row.line}/{row.schedule} {row.description or row.equipment_class}"
    dates = [
        (_("Required on site"), row.required_on_site),
        (_("Forecast"), row.delivered_on or row.forecast_on),
    ]
    return {
        "title": mail_text.clean(f"[{row.site}] {line} {', '.join(row.tags)}".strip()),
        "url": f"{settings.BASE_URL}/lines/{row.key}/",
        "dates": "; ".join(f"{name}: {mail_text.date_text(day)}" for name, day in dates if day),
        "float": f"{_('Float')}: {mail_text.days_text(row.float_days)}" if row.float_days is not None else "",
        "state": str(row.state.label),
    }
