"""Who acts: people, machines with their keys, and what they meant to do."""

from typing import Any, ClassVar

import pghistory
import pgtrigger
from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from sites.accounts.row import Row, Uuid7, new_id, plausible_date


class UserKind(models.TextChoices):
    PERSON = "person", _("Person")
    MACHINE = "machine", _("Machine")


@pghistory.track(exclude=["last_login", "password", "visited_on", "visited_before_on"])
class User(AbstractUser):
    """A person or a machine's service account. Sees nothing without a Membership."""

    id = models.UUIDField(primary_key=True, default=new_id, db_default=Uuid7(), editable=False)
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail"), blank=True)
    kind = models.CharField(max_length=10, choices=UserKind, default=UserKind.PERSON)
    language = models.CharField(max_length=8, default="en")
    time_zone = models.CharField(max_length=64, default="UTC")
    digest_at = models.TimeField(default="08:00", help_text=_("Local time of the morning digest"))
    shortcuts = models.BooleanField(default=True, help_text=_("Keys of one letter in the portal"))
    visited_on = models.DateField(null=True, blank=True, help_text=_("Last day with a page of the portal"))
    visited_before_on = models.DateField(null=True, blank=True, help_text=_("The day of the visit before that one"))
    email_refused_at = models.DateTimeField(
        null=True, blank=True, help_text=_("A mail server refused this address for good; nothing is sent to it")
    )
    email_refused_because = models.CharField(max_length=300, blank=True, help_text=_("What the mail server answered"))

    objects: ClassVar[UserManager[Any]] = UserManager()

    REQUIRED_FIELDS: ClassVar[list[str]] = ["email", "name"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"), condition=~models.Q(email=""), name="an_email_address_belongs_to_one_user"
            ),
            models.UniqueConstraint(Lower("username"), name="a_user_name_is_unique_whatever_its_case"),
            models.CheckConstraint(
                name="the_visit_before_was_on_an_earlier_day",
                condition=models.Q(visited_before_on__isnull=True)
                | models.Q(visited_on__isnull=False, visited_before_on__lt=models.F("visited_on")),
            ),
            models.CheckConstraint(
                name="a_visit_was_on_a_plausible_day",
                condition=plausible_date("visited_on") & plausible_date("visited_before_on"),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


@pghistory.track()
class ApiClient(Row):
    """A system that calls the API. It acts as its service account, whose memberships bound what it sees."""

    name = models.CharField(max_length=80, unique=True)
    system = models.CharField(
        max_length=20,
        validators=[RegexValidator(r"^[A-Z0-9-]{2,20}$")],
        help_text=_("The external system its ids belong to, such as SAP-PRD"),
    )
    account = models.OneToOneField(User, on_delete=models.PROTECT, related_name="api_client")
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="owned_clients")
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


@pghistory.track(exclude=["last_used_at"])
class ApiKey(Row):
    """Only the keyed hash of the secret is stored; the secret is shown once, when it is made."""

    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="keys")
    prefix = models.CharField(max_length=24, unique=True)
    secret_hash = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=20))
    addresses = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return self.prefix


class KeptAnswer(models.Model):
    """What a call under an Idempotency-Key was answered: written with its effect, given again for seven days.

    `fingerprint` is a hash of client, method, path and body; the same key with another one is refused.
    """

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="kept_answers")
    key = models.CharField(max_length=64)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "key"], name="a_key_is_answered_once_within_a_client"),
        ]
        indexes = [models.Index(fields=["at"], name="kept_answers_by_age")]

    def __str__(self) -> str:
        return f"{self.key}: {self.status}"


class AuditEvent(models.Model):
    """An intention that was carried out (released, acknowledged, accepted), beside the row changes history keeps."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=models.functions.Now())
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    verb = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    request_id = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["subject_kind", "subject_id", "at"], name="audit_by_subject"),
            models.Index(fields=["at"], name="audit_by_instant"),
        ]
        triggers = [
            pgtrigger.Protect(name="an_audit_event_is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_kind}:{self.subject_id}"
