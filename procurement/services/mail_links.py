"""Links in a mail that need no log-in: bound to a message, so to its reader and what it told, and to one purpose."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.utils.translation import gettext as _

from procurement.models import Alert, AlertEvent, Notification
from procurement.services.holding import MAILED
from procurement.vocabulary import AlertState
from sites.domain.errors import Conflict, NotFound

GOOD_FOR: Final = timedelta(days=14)
_BOUNCE_SIGNS: Final = 16


class Purpose(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    DECLINE = "decline"
    UNSUBSCRIBE = "unsubscribe"


class LinkExpired(Conflict):
    """A link in a mail answers for fourteen days after the mail was written."""

    code = "link_expired"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a link is about. `changed` are the alerts that became worse after the message: a link no longer answers
    them. `over` are those that need no answer any more.
    """

    message: Notification
    alerts: tuple[Alert, ...]
    changed: tuple[Alert, ...]
    over: tuple[Alert, ...]


def url(purpose: Purpose, message_id: UUID) -> str:
    place = "unsubscribe" if purpose is Purpose.UNSUBSCRIBE else f"answer/{purpose}"
    return f"{settings.BASE_URL}/{place}/{token(purpose, message_id)}/"


def token(purpose: str, message_id: UUID) -> str:
    return _signer(purpose).sign(base64.urlsafe_b64encode(message_id.bytes).rstrip(b"=").decode())


def read(purpose: Purpose, signed: str) -> Notification:
    """The message whose reader holds this link. Raises NotFound where nobody was sent it."""
    try:
        key = UUID(bytes=base64.urlsafe_b64decode(_signer(purpose).unsign(signed) + "=="))
    except (BadSignature, binascii.Error, ValueError):
        raise NotFound(_("This link is not one of ours."), field="token") from None
    row = Notification.objects.select_related("recipient", "site", "subscription").filter(pk=key).first()
    if row is None or not row.recipient.is_active:
        raise NotFound(_("This link is not one of ours."), field="token")
    return row


def asked(purpose: Purpose, signed: str, *, now: datetime) -> Asked:
    """Raises NotFound, LinkExpired."""
    row = read(purpose, signed)
    if row.released_at is None or now - row.released_at > GOOD_FOR:
        raise LinkExpired(_("This link has expired. Log in and open the alert."), field="token")
    told = set(row.items.filter(dropped_because="").values_list("event", flat=True))
    alerts = list(
        Alert.objects.visible_to(row.recipient)
        .filter(events__items__notification=row, events__items__dropped_because="")
        .select_related("site")
        .distinct()
        .order_by("subject_text", "pk")
    )
    worse = set(
        AlertEvent.objects.filter(alert__in=alerts, kind__in=MAILED, at__gt=row.released_at)
        .exclude(pk__in=told)
        .values_list("alert", flat=True)
    )
    over = {alert.pk for alert in alerts if _needs_no_answer(alert, purpose)}
    return Asked(
        row,
        tuple(alert for alert in alerts if alert.pk not in worse | over),
        tuple(alert for alert in alerts if alert.pk in worse - over),
        tuple(alert for alert in alerts if alert.pk in over),
    )


def _needs_no_answer(alert: Alert, purpose: Purpose) -> bool:
    return alert.state == AlertState.CLOSED or (purpose is Purpose.SNOOZE and alert.state == AlertState.RECOVERED)


def message_id(key: UUID) -> str:
    """The Message-ID of a message: the same however often it is sent."""
    return f"<longlead.{key}@{settings.MAIL_DOMAIN}>"


def bounce_address(message_id: UUID) -> str:
    """Where the mail server reports what it could not deliver (VERP); empty where nobody reads such reports."""
    if not settings.MAIL_BOUNCES_TO:
        return ""
    local, _at, domain = settings.MAIL_BOUNCES_TO.rpartition("@")
    return f"{local}+{message_id.hex}-{_bounce_sign(message_id)}@{domain}"


def bounced_message(address: str) -> UUID | None:
    """The message of which such an address was the envelope's sender; None where it is none of ours."""
    tag = address.rpartition("@")[0].rpartition("+")[2]
    key, _dash, sign = tag.partition("-")
    try:
        message_id = UUID(hex=key)
    except ValueError:
        return None
    # Servers may change the case of an address.
    return message_id if sign.lower() == _bounce_sign(message_id) else None


def _bounce_sign(message_id: UUID) -> str:
    """Letters that survive a change of case."""
    signature = _signer("bounce").signature(message_id.hex)
    return signature.encode().hex()[-_BOUNCE_SIGNS:]


def _signer(purpose: str) -> Signer:
    return Signer(salt=f"longlead.mail.{purpose}", sep=".")
