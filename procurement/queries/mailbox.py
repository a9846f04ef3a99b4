"""Mails that left, as the demo's mailbox shows them."""

from django.db.models import QuerySet

from procurement.models import Notification
from procurement.vocabulary import NotificationState
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.queries.access import can

MailQuerySet = QuerySet[Notification]


def mails(actor: User) -> MailQuerySet:
    """The actor's own; all of them for whoever administers people everywhere. The newest first."""
    sent = Notification.objects.filter(state=NotificationState.SENT).select_related("recipient", "site")
    if not can(actor, Permission.PEOPLE_WRITE, site_id=None):
        sent = sent.filter(recipient=actor)
    return sent.order_by("-sent_at", "-pk")
