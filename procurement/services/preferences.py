"""What a person chooses about what they are told; each choice is theirs alone."""

import secrets
from base64 import b64encode
from datetime import date, datetime, time
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from procurement.gateways.webhook import RefusedAddress, check_url
from procurement.models import (
    AlertPreference,
    CalendarFeed,
    ChatEndpoint,
    EquipmentClass,
    OrderLine,
    PurchaseOrder,
    Watch,
)
from procurement.queries import subjects
from procurement.queries.alert import find_alert
from procurement.services.mail_calendar import local_now
from procurement.vocabulary import Channel, Rule, Severity, WatchKind, WatchSubject, WishedLane
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, NotFound
from sites.models import PersonCalendar, Site

_MOST: int = 50
_LONGEST_WATCH_DAYS = 3660
_SECRET_BYTES = 24


def choose_shortcuts(*, actor: User, on: bool) -> None:
    """Whether keys of one letter do something in the portal."""
    actor.shortcuts = on
    actor.save(update_fields=["shortcuts"])


def prefer(
    *,
    actor: User,
    lane: WishedLane,
    rule: Rule | None = None,
    site: Site | None = None,
    equipment_class: EquipmentClass | None = None,
    severity: Severity | None = None,
    channel: Channel | None = None,
) -> AlertPreference:
    """None means every one. Raises NotFound (a site out of sight), BadInput naming `lane`."""
    if site is not None and not Site.objects.visible_to(actor).filter(pk=site.pk).exists():
        raise NotFound(_("There is no such site."), field="site")
    if AlertPreference.objects.filter(person=actor).count() >= _MOST:
        raise BadInput(_("At most %(most)d choices.") % {"most": _MOST}, field="lane")
    row, _created = AlertPreference.objects.update_or_create(
        person=actor,
        rule=rule or "",
        site=site,
        equipment_class=equipment_class,
        severity=severity or "",
        channel=channel or "",
        defaults={"lane": lane},
    )
    return row


def forget(*, actor: User, key: UUID) -> None:
    """Take back a choice. Raises NotFound."""
    gone, _rows = AlertPreference.objects.filter(person=actor, pk=key).delete()
    if not gone:
        raise NotFound(_("There is no such choice."), field="choice")


def watch(
    *,
    actor: User,
    subject: WatchSubject,
    key: UUID,
    kind: WatchKind | None,
    now: datetime,
    until_on: date | None = None,
) -> None:
    """Watch or mute something the actor can see; `kind` None takes it back.

    `until_on` is the last day it holds, where the actor is; None: until it is taken back. Raises NotFound, and BadInput
    naming `until_on`.
    """
    if not _sees(actor, subject, key):
        raise NotFound(_("There is no such thing to watch."), field="subject")
    if until_on is not None and not 0 <= (until_on - local_now(actor, now).date()).days <= _LONGEST_WATCH_DAYS:
        raise BadInput(_("Name a day from today on, within ten years, or none."), field="until_on")
    if kind is None:
        Watch.objects.filter(person=actor, subject_kind=subject, subject_id=key).delete()
    else:
        Watch.objects.update_or_create(
            person=actor, subject_kind=subject, subject_id=key, defaults={"kind": kind, "until_on": until_on}
        )


def _sees(actor: User, subject: WatchSubject, key: UUID) -> bool:
    if subject == WatchSubject.SITE:
        return Site.objects.visible_to(actor).filter(pk=key).exists()
    if subject == WatchSubject.ORDER:
        return PurchaseOrder.objects.visible_to(actor).filter(pk=key).exists()
    if subject == WatchSubject.ORDER_LINE:
        return OrderLine.objects.visible_to(actor).filter(pk=key).exists()
    if subject == WatchSubject.ALERT:
        return find_alert(actor, key) is not None
    return subjects.find(actor, subject.value, key) is not None


@transaction.atomic
def choose_hours(
    *,
    actor: User,
    digest_at: time,
    quiet_from: time | None,
    quiet_until: time | None,
    rests_on_days_off: bool,
    urgent_passes: bool,
    weekly_digest: bool,
    all_quiet: bool,
) -> None:
    """Local times of the actor. Raises BadInput naming `quiet_until` or `digest_at`."""
    if (quiet_from is None) != (quiet_until is None) or (quiet_from is not None and quiet_from == quiet_until):
        raise BadInput(_("Quiet hours have two different ends, or none."), field="quiet_until")
    if quiet_from is not None and quiet_until is not None and _between(quiet_from, digest_at, quiet_until):
        raise BadInput(_("The digest would come within the quiet hours."), field="digest_at")
    actor.digest_at = digest_at
    actor.save(update_fields=["digest_at"])
    PersonCalendar.objects.update_or_create(
        person=actor,
        defaults={
            "quiet_from": quiet_from,
            "quiet_until": quiet_until,
            "rests_on_days_off": rests_on_days_off,
            "urgent_passes": urgent_passes,
            "weekly_digest": weekly_digest,
            "all_quiet": all_quiet,
        },
    )


def _between(start: time, at: time, end: time) -> bool:
    """Of hours that may pass midnight; the end is outside."""
    return start <= at < end if start < end else at >= start or at < end


# -- calendar ----------------------------------------------------------------------------------------------------


@transaction.atomic
def make_calendar(*, actor: User, now: datetime) -> str:
    """A new secret address, which ends the one before; it can be read only now."""
    CalendarFeed.objects.filter(person=actor, revoked_at__isnull=True).update(revoked_at=now)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    CalendarFeed.objects.create(person=actor, secret_hash=_hash(secret))
    audit.record(actor=actor, verb="calendar.make", subject_kind="user", subject_id=actor.pk)
    return f"{settings.BASE_URL}/calendar/{secret}.ics"


def revoke_calendar(*, actor: User, now: datetime) -> None:
    CalendarFeed.objects.filter(person=actor, revoked_at__isnull=True).update(revoked_at=now)
    audit.record(actor=actor, verb="calendar.revoke", subject_kind="user", subject_id=actor.pk)


def calendar_of(secret: str, *, now: datetime) -> User:
    """Whose dates these are. Raises NotFound where the address was revoked or never made."""
    feed = (
        CalendarFeed.objects.filter(secret_hash=_hash(secret), revoked_at__isnull=True, person__is_active=True)
        .select_related("person")
        .first()
    )
    if feed is None:
        raise NotFound(_("There is no such calendar."), field="calendar")
    CalendarFeed.objects.filter(pk=feed.pk).update(read_at=now)
    return feed.person


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


# -- chat --------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_chat(*, actor: User, name: str, url: str, role: Role | None = None, site: Site | None = None) -> ChatEndpoint:
    """Urgent alerts that the actor may see, as signed webhooks. Raises BadInput naming `name` or `url`, NotFound."""
    if site is not None and not Site.objects.visible_to(actor).filter(pk=site.pk).exists():
        raise NotFound(_("There is no such site."), field="site")
    try:
        check_url(url, settings.CHAT_NETWORKS)
    except RefusedAddress as refusal:
        raise BadInput(str(refusal), field="url") from None
    if ChatEndpoint.objects.filter(name=name).exists():
        raise BadInput(_("There is a chat of this name."), field="name")
    row = ChatEndpoint.objects.create(
        name=name,
        url=url,
        secret=f"whsec_{b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}",
        owner=actor,
        role=role or "",
        site=site,
    )
    audit.record(actor=actor, verb="chat.add", subject_kind="chat_endpoint", subject_id=row.pk)
    return row


@transaction.atomic
def switch_chat(*, actor: User, key: UUID, active: bool) -> ChatEndpoint:
    """Raises NotFound."""
    row = ChatEndpoint.objects.filter(owner=actor, pk=key).select_for_update(of=("self",)).first()
    if row is None:
        raise NotFound(_("There is no such chat."), field="chat")
    row.active = active
    if active:
        row.refused_at, row.refused_because = None, ""
    row.save(update_fields=["active", "refused_at", "refused_because"])
    verb = "chat.switch_on" if active else "chat.switch_off"
    audit.record(actor=actor, verb=verb, subject_kind="chat_endpoint", subject_id=row.pk)
    return row
