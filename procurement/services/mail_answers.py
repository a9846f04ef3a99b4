"""What a link in a mail does when its reader says so: answer what it told, or tell less of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from procurement.models import Alert, AlertEvent, AlertPreference, Notification, NotificationItem, Watch
from procurement.queries.alerts import scopes_of
from procurement.services import alert_answers, holding, mail_links, subscriptions, talk
from procurement.services.mail_links import Purpose
from procurement.services.recipients import Reason
from procurement.vocabulary import Channel, MessageKind, NotificationState, WatchKind, WatchSubject, WishedLane
from sites.accounts import audit
from sites.accounts.models import User
from sites.domain.errors import BadInput, Conflict
from sites.models import PersonCalendar


class From(StrEnum):
    """What a reader takes leave of."""

    LIST = "list"
    ALERT = "alert"
    LINE = "line"
    SITE = "site"
    RULE = "rule"
    EVERYTHING = "everything"


LABELS: dict[From, str | Promise] = {
    From.ALERT: gettext_lazy("Only what this mail is about"),
    From.LINE: gettext_lazy("The order lines it is about"),
    From.SITE: gettext_lazy("Everything about this site"),
    From.RULE: gettext_lazy("Alerts of this kind, everywhere"),
    From.EVERYTHING: gettext_lazy("All alerts"),
}


@transaction.atomic
def answer(
    *,
    purpose: Purpose,
    token: str,
    now: datetime,
    until_on: date | None = None,
    commitment_on: date | None = None,
    note: str = "",
    request_id: str = "",
) -> list[Alert]:
    """Answer every alert of the message that has not become worse since. Raises NotFound, LinkExpired, NotPermitted,
    Conflict where nothing is left to answer, BadInput naming `until_on`, `commitment_on` or `note`.
    """
    found = mail_links.asked(purpose, token, now=now)
    if not found.alerts:
        raise Conflict(_("Nothing here waits for this answer any more."), field="alert")
    given: dict[str, Any] = {"actor": found.message.recipient, "now": now, "note": note, "request_id": request_id}
    done = []
    for alert in sorted(found.alerts, key=lambda alert: alert.pk):
        if purpose is Purpose.ACKNOWLEDGE:
            done.append(alert_answers.acknowledge(alert_id=alert.pk, commitment_on=commitment_on, **given))
        elif purpose is Purpose.SNOOZE:
            if until_on is None:
                raise BadInput(_("Say until which day."), field="until_on")
            done.append(alert_answers.snooze(alert_id=alert.pk, until_on=until_on, **given))
        else:
            done.append(alert_answers.decline(alert_id=alert.pk, **given))
    return done


@dataclass(frozen=True, slots=True)
class Left:
    """`is_duty`: they hold the duty, so what was urgent waits for the digest instead. `others` were told as well."""

    what: From
    is_duty: bool
    others: tuple[str, ...]


def choices(row: Notification) -> list[From]:
    """What a reader of this message can take leave of besides its list."""
    if row.kind not in (MessageKind.ALERTS, MessageKind.DIGEST):
        return []
    rows = _alerts(row)
    lines = any(scopes.line_ids for scopes in scopes_of(rows).values())
    site = row.site_id is not None
    return [
        each for each in LABELS if (each is not From.LINE or lines) and (each is not From.SITE or site)
    ]  # fmt: skip


@transaction.atomic
def leave(*, token: str, what: From, now: datetime, request_id: str = "") -> Left:
    """Honoured at once, also for what is already held. Raises NotFound."""
    row = mail_links.read(Purpose.UNSUBSCRIBE, token)
    person, alerts = row.recipient, _alerts(row)
    if row.kind == MessageKind.VIEW and row.subscription is not None:
        subscriptions.end(row.subscription)
    elif row.kind == MessageKind.ALL_QUIET:
        _hours(person, all_quiet=False)
    elif row.kind == MessageKind.NOTICE:
        talk.no_longer_watch(row)
    elif row.kind == MessageKind.DIGEST and what is From.LIST:
        _hours(person, weekly_digest=True)
    else:
        _mute(person, row, alerts, what)
        _hold_anew(person, now)
    audit.record(
        actor=person,
        verb="mail.leave",
        subject_kind="notification",
        subject_id=row.pk,
        request_id=request_id,
        facts={"from": what.value},
    )
    return Left(what, Reason(row.reason).is_duty if row.reason in set(Reason) else False, told_besides(row))


def told_besides(row: Notification) -> tuple[str, ...]:
    events = row.items.values("event")
    names = (
        NotificationItem.objects.filter(event__in=events, dropped_because="", channel=Channel.EMAIL)
        .exclude(recipient=row.recipient_id)
        .values_list("recipient__name", flat=True)
        .distinct()
        .order_by("recipient__name")
    )
    return tuple(names)


def _alerts(row: Notification) -> list[Alert]:
    told = AlertEvent.objects.filter(items__notification=row).values("alert")
    return list(Alert.objects.filter(pk__in=told).order_by("pk"))


def _hours(person: User, **chosen: bool) -> None:
    PersonCalendar.objects.update_or_create(person=person, defaults=chosen)


def _mute(person: User, row: Notification, alerts: Sequence[Alert], what: From) -> None:
    if what is From.ALERT:
        _watch(person, WatchSubject.ALERT, [alert.pk for alert in alerts])
    elif what is From.LINE:
        lines = {key for scopes in scopes_of(alerts).values() for key in scopes.line_ids}
        _watch(person, WatchSubject.ORDER_LINE, lines)
    elif what is From.EVERYTHING:
        _prefer(person)
    elif what is From.RULE or row.site_id is None:
        for rule in sorted({alert.rule for alert in alerts}):
            _prefer(person, rule=rule)
    else:
        Watch.objects.filter(person=person, subject_kind=WatchSubject.SITE, subject_id=row.site_id).delete()
        _prefer(person, site_id=row.site_id)


def _watch(person: User, kind: WatchSubject, keys: Iterable[Any]) -> None:
    for key in sorted(keys):
        Watch.objects.update_or_create(
            person=person, subject_kind=kind, subject_id=key, defaults={"kind": WatchKind.MUTE, "until_on": None}
        )


def _prefer(person: User, **about: Any) -> None:
    whole = {"rule": "", "site_id": None, "equipment_class": None, "severity": "", "channel": ""} | about
    AlertPreference.objects.update_or_create(person=person, **whole, defaults={"lane": WishedLane.MUTE})


def _hold_anew(person: User, now: datetime) -> None:
    """What is already held for this person goes where they wish from now on."""
    kinds = (MessageKind.ALERTS, MessageKind.DIGEST)
    held = Notification.objects.filter(
        recipient=person, channel=Channel.EMAIL, kind__in=kinds, state=NotificationState.HELD
    )
    for row in held.select_for_update(of=("self",)).order_by("pk"):
        events = [item.event for item in row.items.filter(dropped_because="").select_related("event__alert__site")]
        row.items.filter(dropped_because="").update(dropped_because="the recipient chose otherwise")
        if row.kind == MessageKind.ALERTS:  # a digest takes up again what they still must hear
            row.state = NotificationState.SUPPRESSED
            row.save(update_fields=["state"])
        holding.hold(events, now=now)
