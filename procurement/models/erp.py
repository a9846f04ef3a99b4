"""What lies between an ERP and us: its ids, what changed here, what it was told, and where the two disagree."""

from typing import TYPE_CHECKING, Any

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from procurement.models.order import PurchaseOrder, ScheduleLine
from procurement.vocabulary import (
    ChangeKind,
    ChangeSubject,
    DeliveryState,
    Direction,
    DisagreementKind,
    MessageState,
)
from sites.accounts.models import ApiClient, User
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.models import Site
from sites.models.site import holds_portfolio


class ExternalRef(Row):
    """What another system calls a thing of ours; many per thing.

    `document_version` is the newest version that system sent for it, applied or not: what is older is ignored.
    """

    system = models.CharField(max_length=20)
    kind = models.CharField(max_length=30)
    external_id = models.CharField(max_length=80)
    subject_id = models.UUIDField()
    document_version = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["system", "kind", "external_id"], name="an_external_id_names_one_thing_within_a_system"
            ),
        ]
        indexes = [models.Index(fields=["kind", "subject_id"], name="external_ids_of_a_thing")]

    def __str__(self) -> str:
        return f"{self.system} {self.external_id}"


class UnitMapping(Row):
    """The unit of UN/ECE Recommendation 20 that a code of another system means."""

    system = models.CharField(max_length=20)
    code = models.CharField(max_length=20)
    unit = models.CharField(max_length=6)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["system", "code"], name="a_code_names_one_unit_within_a_system"),
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.code} is {self.unit}"


if TYPE_CHECKING:
    _Number = models.Field[int, int]
else:
    _Number = models.Field


class Xid(_Number):
    """PostgreSQL's 64-bit transaction id. It never wraps, and those of committed transactions can be put in order."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return None if value is None else str(value)


class CurrentXid(models.Func):
    template = "pg_current_xact_id()"
    output_field = Xid()


class Change(models.Model):
    """One business change, written by triggers in the transaction of the change itself.

    `sequence` rises by one for each change of the same thing. `parts` lists what differs: `path`, `old`, `new`, the
    `sites` of whom it may be shown (null: whoever sees the thing) and whether it is an `amount`. `sites` are those the
    change touched; for a thing that is gone, those it ever touched.
    """

    id = models.BigAutoField(primary_key=True)
    xid = Xid(db_default=CurrentXid(), editable=False)
    at = models.DateTimeField(db_default=Now())
    subject = models.CharField(max_length=20, choices=ChangeSubject)
    subject_id = models.UUIDField()
    sequence = models.BigIntegerField()
    kind = models.CharField(max_length=40, choices=ChangeKind)
    parts = models.JSONField(default=list)
    sites = ArrayField(models.UUIDField(), default=list)

    class Meta:
        indexes = [
            models.Index(fields=["xid", "id"], name="changes_in_feed_order"),
            models.Index(fields=["subject_id", "sequence"], name="changes_of_a_thing"),
            models.Index(fields=["at"], name="changes_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} {self.sequence}"


class FeedState(models.Model):
    """One row. `epoch` is new after each restore and `cluster` names the server the changes were written on, so that
    a cursor of a former life is refused. `purged_xid` and `purged_id` mark the newest change that was removed for age.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    epoch = models.UUIDField()
    cluster = models.CharField(max_length=80)
    purged_xid = Xid(default=0)
    purged_id = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(name="the_feed_has_one_state", condition=Q(id=1))]

    def __str__(self) -> str:
        return str(self.epoch)


@pghistory.track(exclude=["secret", "former_secret", "position_xid", "position_id", "succeeded_at"])
class WebhookEndpoint(Row):
    """An address that a client wants to be told at. It hears what its client's account may see, of these `kinds`
    (empty: all); `full` has each message carry the record as well. The former secret signs beside the new one until
    `former_secret_until`.
    `position_*` is how far the feed has been read for it.
    """

    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.URLField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    kinds = ArrayField(models.CharField(max_length=40, choices=ChangeKind), default=list, blank=True)
    full = models.BooleanField(default=False)
    secret = models.CharField(max_length=120)
    former_secret = models.CharField(max_length=120, blank=True)
    former_secret_until = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text=_("Told when it fails")
    )
    active = models.BooleanField(default=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_because = models.CharField(max_length=300, blank=True)
    succeeded_at = models.DateTimeField(null=True, blank=True)
    position_xid = Xid(default=0)
    position_id = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_removed_endpoint_is_not_active", condition=Q(removed_at__isnull=True) | Q(active=False)
            ),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(Row):
    """One message to one endpoint: its bytes are frozen, so that every attempt sends the same. `key` is its
    `webhook-id`, the same however often it is sent.
    """

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    key = models.CharField(max_length=80)
    change_id = models.BigIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=40, choices=ChangeKind)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_code = models.CharField(max_length=20, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "key"], name="an_endpoint_is_told_a_message_under_one_id"),
            models.CheckConstraint(
                name="a_delivery_that_is_due_says_when",
                condition=~Q(state=DeliveryState.DUE) | Q(next_attempt_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state=DeliveryState.DUE), name="deliveries_to_make"),
            models.Index(fields=["endpoint", "created_at"], name="deliveries_of_an_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.key} to {self.endpoint}"


class WebhookAttempt(models.Model):
    """One try. `code` is the HTTP status, or the kind of failure; `answer` at most its first kilobyte."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    code = models.CharField(max_length=20)
    answer = models.CharField(max_length=1024, blank=True)
    took_ms = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.code} at {self.at}"


class IntegrationMessage(Row):
    """A message of a system to us or of ours to one. `payload` is kept where it was refused, so that it can be tried
    again, and never holds a key or a secret. `problem` is what it was answered. An outbound one names its delivery.
    """

    direction = models.CharField(max_length=10, choices=Direction)
    state = models.CharField(max_length=10, choices=MessageState)
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="messages")
    kind = models.CharField(max_length=60, help_text=_("The operation, or the kind of change"))
    method = models.CharField(max_length=8, blank=True)
    path = models.CharField(max_length=1000, blank=True)
    headers = models.JSONField(default=dict)
    payload = models.TextField(blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    code = models.CharField(max_length=60, blank=True)
    problem = models.JSONField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=1)
    request_id = models.CharField(max_length=64, blank=True)
    delivery = models.OneToOneField(
        WebhookDelivery, null=True, blank=True, on_delete=models.PROTECT, related_name="message"
    )
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_discarded_message_says_why", condition=~Q(state=MessageState.DISCARDED) | ~Q(reason="")
            ),
            models.CheckConstraint(
                name="an_outbound_message_names_its_delivery",
                condition=Q(direction=Direction.INBOUND) | Q(delivery__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="messages_by_age"),
            models.Index(fields=["created_at"], condition=Q(state=MessageState.FAILED), name="messages_that_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class OpenOrderList(Row):
    """What a system says is open with it, at an instant. The newest one of a system counts.

    `complete`: what is not in it is not open there.
    """

    client = models.ForeignKey(ApiClient, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    system = models.CharField(max_length=20)
    stated_at = models.DateTimeField()
    document = models.CharField(max_length=200, blank=True)
    complete = models.BooleanField(default=True)
    sent_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    compared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["system", "stated_at"], name="lists_of_a_system")]

    def __str__(self) -> str:
        return f"{self.system} {self.stated_at}"


class OpenOrderRow(models.Model):
    """One schedule line, as the ERP has it. Null or empty: it did not say. `number` is the order's id there."""

    id = models.BigAutoField(primary_key=True)
    list = models.ForeignKey(OpenOrderList, on_delete=models.CASCADE, related_name="rows")
    number = models.CharField(max_length=80)
    line_number = models.PositiveIntegerField()
    schedule_number = models.PositiveIntegerField(default=1)
    quantity = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    unit_price = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    contract_on = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["list", "number", "line_number", "schedule_number"],
                name="a_list_names_a_schedule_line_once",
            ),
            models.CheckConstraint(
                name="a_listed_line_has_plausible_values",
                condition=plausible_number("quantity", most="10000000")
                & plausible_number("unit_price", most="10000000000000")
                & plausible_date("contract_on"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}/{self.line_number}/{self.schedule_number}"


class DisagreementQuerySet(models.QuerySet["Disagreement"]):
    def visible_to(self, actor: User) -> "DisagreementQuerySet":
        """Of the sites the person may see; what has no site, or is not here at all, needs the portfolio."""
        return self.filter(
            Q(site__in=Site.objects.visible_to(actor)) | (Q(site__isnull=True) & Q(holds_portfolio(actor)))
        )

    def amounts_visible_to(self, actor: User) -> "DisagreementQuerySet":
        """Without the prices of orders whose amounts the person may not see."""
        shown = PurchaseOrder.objects.amounts_visible_to(actor).filter(pk=OuterRef("order"))
        return self.filter(~Q(kind=DisagreementKind.PRICE) | Exists(shown))


class Disagreement(Row):
    """One thing in which a system's newest list and we differ. Closed by `resolved_at` once a comparison finds it
    gone; a person may have `accepted` it before, with a reason.
    """

    system = models.CharField(max_length=20)
    kind = models.CharField(max_length=20, choices=DisagreementKind)
    number = models.CharField(max_length=80)
    line_number = models.PositiveIntegerField()
    schedule_number = models.PositiveIntegerField()
    order = models.ForeignKey(PurchaseOrder, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    schedule_line = models.ForeignKey(ScheduleLine, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    ours = models.CharField(max_length=40, blank=True)
    theirs = models.CharField(max_length=40, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = DisagreementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["system", "number", "line_number", "schedule_number", "kind"],
                condition=Q(resolved_at__isnull=True),
                name="a_disagreement_stands_once",
            ),
            models.CheckConstraint(
                name="an_accepted_disagreement_says_why", condition=Q(accepted_at__isnull=True) | ~Q(reason="")
            ),
        ]
        indexes = [models.Index(fields=["site"], condition=Q(resolved_at__isnull=True), name="disagreements_of_a_site")]

    def __str__(self) -> str:
        return f"{self.system} {self.number}/{self.line_number}: {self.kind}"
