"""Messages that did not arrive: who sees them, how they are tried again, and what a bounce does."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from procurement.gateways.mail import Delivery, Outcome
from procurement.gateways.wake import after_commit
from procurement.models import Notification
from procurement.services.notifications import give_up
from procurement.vocabulary import Channel, NotificationState
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import Conflict, NotFound, NotPermitted
from sites.models import Site
from sites.queries.access import can

BOUNCED = "bounced"
_NOTES_STAND = timedelta(days=14)


def undelivered(actor: User) -> QuerySet[Notification]:
    """The actor's own, and those about the sites whose people the actor administers. The newest first."""
    rows = Notification.objects.filter(state=NotificationState.DEAD).select_related("recipient", "site", "endpoint")
    if not can(actor, Permission.PEOPLE_WRITE, site_id=None):
        sites = [
            key
            for key in Site.objects.visible_to(actor).values_list("pk", flat=True)
            if can(actor, Permission.PEOPLE_WRITE, site_id=key)
        ]
        rows = rows.filter(Q(recipient=actor) | Q(site__in=sites))
    return rows.order_by("-released_at", "-pk")


def notes(actor: User, *, now: datetime) -> QuerySet[Notification]:
    """What the portal alone tells the actor: that mail was refused or set aside. Of two weeks, the newest first."""
    rows = Notification.objects.filter(recipient=actor, channel=Channel.PORTAL, sent_at__gt=now - _NOTES_STAND)
    return rows.order_by("-sent_at", "-pk")


@transaction.atomic
def retry(*, message_id: UUID, actor: User, now: datetime, request_id: str = "") -> Notification:
    """Send a dead message again, the same text under the same Message-ID. Raises NotFound, NotPermitted, Conflict."""
    row = undelivered(actor).filter(pk=message_id).select_for_update(of=("self",)).first()
    if row is None:
        raise NotFound(_("There is no such message."), field="message")
    _check_administers(actor, row)
    if row.last_code == "unwritten":
        raise Conflict(_("This message was never written; its alerts are in the portal."), field="message")
    if row.channel == Channel.EMAIL and row.recipient.email_refused_at is not None:
        raise Conflict(_("The address is switched off; switch it on first."), field="address")
    row.state, row.next_attempt_at, row.retried_at, row.attempts = NotificationState.DUE, now, now, 0
    row.save(update_fields=["state", "next_attempt_at", "retried_at", "attempts"])
    audit.record(
        actor=actor, verb="message.retry", subject_kind="notification", subject_id=row.pk, request_id=request_id
    )
    after_commit()
    return row


@transaction.atomic
def trust_address(*, person_id: UUID, actor: User, request_id: str = "") -> User:
    """Switch an address on again. Raises NotFound, NotPermitted."""
    person: User | None = User.objects.filter(pk=person_id).select_for_update().first()
    if person is None or not undelivered(actor).filter(recipient=person).exists():
        raise NotFound(_("There is no such address."), field="address")
    if not can(actor, Permission.PEOPLE_WRITE, site_id=None) and actor.pk != person.pk:
        raise NotPermitted(_("Only an administrator of people switches an address on."), field="address")
    person.email_refused_at, person.email_refused_because = None, ""
    person.save(update_fields=["email_refused_at", "email_refused_because"])
    audit.record(actor=actor, verb="address.trust", subject_kind="user", subject_id=person.pk, request_id=request_id)
    return person


def _check_administers(actor: User, row: Notification) -> None:
    if not can(actor, Permission.PEOPLE_WRITE, site_id=row.site_id):
        raise NotPermitted(_("Only an administrator of people sends a message again."), field="message")


@transaction.atomic
def bounced(*, message_id: UUID, code: str, answer: str, now: datetime) -> bool:
    """A report that an accepted message did not arrive for good: what a refusal does at once. False where it was known.

    `code` is the enhanced status of RFC 3463, such as 5.1.1.
    """
    row = (
        Notification.objects.filter(pk=message_id, state=NotificationState.SENT, channel=Channel.EMAIL)
        .select_for_update(of=("self",))
        .select_related("recipient", "site", "endpoint")
        .first()
    )
    if row is None:
        return False
    about_address = code.split(".")[1:2] in (["1"], ["2"]) or not code
    delivery = Delivery(Outcome.PERMANENT, f"{BOUNCED} {code}".strip(), answer, address_refused=about_address)
    give_up(row, delivery, now)
    return True
