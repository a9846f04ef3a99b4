"""A restored database does not know what was sent after it was copied. Nothing of that is sent twice."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from procurement.models import Notification, NotificationItem
from procurement.services import alerts, mail_links, notifications
from procurement.services.forecasts import local_date
from procurement.services.holding import held_for
from procurement.services.mail_text import language_of
from procurement.services.recipients import Reason
from procurement.vocabulary import Channel, Lane, MessageKind, NotificationState
from sites.accounts.row import new_id
from sites.models import Site
from sites.vocabulary import SiteStatus

RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class SetAside:
    """`messages` are kept for an administrator to send or to leave; `people` find a note in the portal."""

    messages: int
    people: int


@transaction.atomic
def set_aside(*, now: datetime) -> SetAside:
    """Put every message that the former database may have sent where nobody sends it unasked.

    That is what was due or ripe when it was copied, and what opens or comes due on a first look at what was restored:
    the former database may have told the same. All of it stays visible, is sent under its own Message-ID when an
    administrator says so, and its readers are told in the portal. What happens from now on is mailed as ever.
    """
    for site in Site.objects.exclude(status=SiteStatus.CANCELLED).order_by("pk"):
        alerts.evaluate_site(site_id=site.pk, as_of=local_date(site, now), now=now)
    alerts.evaluate_power(as_of=now.date(), now=now)
    notifications.hold_all(lambda: now)
    _take_out_of_digests(now)
    fresh = Notification.objects.filter(state=NotificationState.HELD, lane=Lane.URGENT)
    fresh.update(release_at=now)
    notifications.release_due(now=now, fold=False)
    waiting = Notification.objects.filter(state__in=[NotificationState.DUE, NotificationState.DEFERRED])
    rows = list(waiting.select_for_update(of=("self",)).select_related("recipient").order_by("pk"))
    people = {row.recipient_id: row.recipient for row in rows}
    Notification.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=NotificationState.DEAD, next_attempt_at=None, last_code=RESTORED, last_answer="Perhaps sent before."
    )
    notes = []
    for person in people.values():
        key, mine = new_id(), [row for row in rows if row.recipient_id == person.pk]
        with translation.override(language_of(person)):
            subject = _("The database was restored: some messages may not have reached you")
        notes.append(
            Notification(
                pk=key,
                recipient=person,
                channel=Channel.PORTAL,
                lane=Lane.URGENT,
                cause_key=f"restored:{now.isoformat()}",
                reason=Reason.OWNER,
                state=NotificationState.SENT,
                release_at=now,
                released_at=now,
                sent_at=now,
                message_id=mail_links.message_id(key),
                subject=subject,
                body_text="\n".join(row.subject for row in mine),
            )
        )
    Notification.objects.bulk_create(notes)
    return SetAside(len(rows), len(people))


def _take_out_of_digests(now: datetime) -> None:
    """What opened in this look, out of the digests to come: the former database may have had it in one that left."""
    fresh = NotificationItem.objects.filter(
        event__at=now, notification__state=NotificationState.HELD, notification__kind=MessageKind.DIGEST
    )
    for item in fresh.select_related("recipient").distinct("recipient").order_by("recipient", "pk"):
        apart = held_for(item.recipient, RESTORED, item.reason, now)
        fresh.filter(recipient=item.recipient).update(notification=apart)
