"""What people keep and take out of Longlead by themselves: views, a view by mail, their dates as a calendar."""

import pghistory
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from procurement.vocabulary import Rhythm, ViewList
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.accounts.row import Row, plausible_date


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def usable_by(self, person: User) -> "SavedViewQuerySet":
        """A view is only a question: its answer is what its reader may see."""
        return self.filter(Q(owner=person) | Q(shared=True))


@pghistory.track()
class SavedView(Row):
    """A list with its filters, sort, columns and density, under a name that an address can carry.

    `query` is what stands behind the `?` of the list's address. `default_for` opens the list with this view for who
    holds the role and asks for nothing else.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    slug = models.CharField(max_length=90)
    name = models.CharField(_("name"), max_length=80)
    listing = models.CharField(max_length=10, choices=ViewList, default=ViewList.LOG)
    query = models.CharField(max_length=1000, blank=True)
    shared = models.BooleanField(default=False)
    default_for = models.CharField(max_length=20, choices=Role, blank=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="a_view_has_a_name_of_its_own_in_addresses"),
            models.UniqueConstraint(fields=["owner", "name"], name="a_person_names_a_view_once"),
            models.UniqueConstraint(
                fields=["default_for"], condition=~Q(default_for=""), name="a_role_begins_with_one_view"
            ),
            models.CheckConstraint(
                name="a_view_that_a_role_begins_with_is_shared", condition=Q(default_for="") | Q(shared=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class Subscription(Row):
    """A view of the log that a person gets by mail in the morning, while it has rows.

    `query` is the address of the view without its path, `wanted` what the log read in it. It is read with the rights
    that the person has on that morning. `made_on` is the local date of the last message.
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="subscriptions")
    name = models.CharField(_("name"), max_length=80)
    query = models.CharField(max_length=1000, blank=True)
    wanted = models.JSONField(default=dict, help_text="The filter of the log by the names of its fields")
    rhythm = models.CharField(_("rhythm"), max_length=8, choices=Rhythm, default=Rhythm.DAILY)
    active = models.BooleanField(default=True)
    made_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "name"], name="a_person_names_a_subscription_once"),
            models.CheckConstraint(
                name="a_subscription_was_made_on_a_plausible_day", condition=plausible_date("made_on")
            ),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track(exclude=["secret_hash", "read_at"])
class CalendarFeed(Row):
    """A secret address of a person's dates. Only the hash of the secret is stored; it is shown once, when made."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calendar_feeds")
    secret_hash = models.BinaryField(max_length=32)
    revoked_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["secret_hash"], name="a_calendar_address_is_used_once"),
            models.UniqueConstraint(
                fields=["person"], condition=Q(revoked_at__isnull=True), name="a_person_has_one_living_calendar_address"
            ),
        ]

    def __str__(self) -> str:
        return f"calendar of {self.person}"
