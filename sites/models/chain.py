"""One dated chain and its ledger. What owns a chain (lot, gate, agreement, grid connection) points to it."""

from typing import Final

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.models.calendar import WorkCalendar
from sites.models.site import Site
from sites.vocabulary import (
    ChainKind,
    DurationBasis,
    MilestoneCode,
    Party,
    Precision,
    PromiseSource,
    ReasonCode,
    RoundResult,
)

# Submittals and factory tests, which come back and fail: those that are kept in a register.
REGISTERED_STEPS: Final = [
    MilestoneCode.SUBMITTAL_IN.value,
    MilestoneCode.SUBMITTAL_APPROVED.value,
    MilestoneCode.FAT_READY.value,
    MilestoneCode.FAT_PASS.value,
]


class ChainQuerySet(models.QuerySet["Chain"]):
    def visible_to(self, actor: User) -> "ChainQuerySet":
        """A chain without a site (an agreement's) is reached through its owner, never through this door."""
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class Chain(Row):
    """`site` gives the default calendar and the local date of calculation; null only for an agreement."""

    kind = models.CharField(max_length=20, choices=ChainKind)
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.PROTECT, related_name="chains")
    anchor_code = models.CharField(max_length=40, default="ON_SITE")

    objects = ChainQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


@pghistory.track()
class Milestone(Row):
    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="milestones")
    sequence = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=40)
    duration_days = models.PositiveSmallIntegerField(
        default=0, help_text=_("From the step before; unused on the first")
    )
    basis = models.CharField(max_length=10, choices=DurationBasis, default=DurationBasis.CALENDAR)
    calendar = models.ForeignKey(
        WorkCalendar,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty: the site's"),
    )
    applicable = models.BooleanField(default=True)
    not_applicable_reason = models.CharField(max_length=200, blank=True)
    planned_on = models.DateField(null=True, blank=True)
    locked_on = models.DateField(null=True, blank=True, help_text=_("The pinned date; survives recalculation"))
    locked_at = models.DateTimeField(null=True, blank=True)
    locked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    lock_reason = models.CharField(max_length=500, blank=True)
    actual_on = models.DateField(null=True, blank=True, help_text=_("Local to where it happened"))
    actual_recorded_at = models.DateTimeField(null=True, blank=True)
    actual_recorded_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    actual_document = models.CharField(max_length=500, blank=True)
    responsible = models.CharField(max_length=10, choices=Party, default=Party.VENDOR)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "code"], name="a_milestone_code_is_unique_within_a_chain"),
            models.UniqueConstraint(
                fields=["chain", "sequence"],
                name="a_milestone_place_is_unique_within_a_chain",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(
                name="a_milestone_duration_is_plausible", condition=Q(duration_days__gte=0, duration_days__lte=3660)
            ),
            models.CheckConstraint(
                name="a_milestone_left_out_says_why", condition=Q(applicable=True) | ~Q(not_applicable_reason="")
            ),
            models.CheckConstraint(
                name="a_lock_has_its_date_and_instant_together",
                condition=Q(locked_on__isnull=True, locked_at__isnull=True)
                | Q(locked_on__isnull=False, locked_at__isnull=False),
            ),
            models.CheckConstraint(
                name="a_milestone_has_plausible_dates",
                condition=plausible_date("planned_on") & plausible_date("locked_on") & plausible_date("actual_on"),
            ),
        ]
        indexes = [
            models.Index(
                fields=["actual_recorded_at"], condition=Q(actual_recorded_at__isnull=False), name="actuals_by_instant"
            ),
            models.Index(
                fields=["chain", "sequence"], condition=Q(applicable=True, actual_on__isnull=True), name="steps_to_come"
            ),
            models.Index(
                fields=["actual_on", "code"],
                include=["chain", "sequence", "responsible", "id"],
                condition=Q(applicable=True, code__in=REGISTERED_STEPS),
                name="steps_of_the_register",
            ),
        ]

    def __str__(self) -> str:
        return self.code


@pghistory.track()
class MilestoneRound(Row):
    """One go at a milestone: submittals come back, tests fail. Only the accepting round sets the actual."""

    milestone = models.ForeignKey(Milestone, on_delete=models.CASCADE, related_name="rounds")
    number = models.PositiveSmallIntegerField()
    submitted_on = models.DateField(null=True, blank=True)
    returned_on = models.DateField(null=True, blank=True)
    result = models.CharField(max_length=20, choices=RoundResult, blank=True)
    ball_in_court = models.CharField(max_length=10, choices=Party, default=Party.VENDOR)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["milestone", "number"], name="a_round_number_is_unique_within_a_milestone"),
            models.CheckConstraint(
                name="a_round_returns_on_or_after_it_was_submitted",
                condition=Q(returned_on__isnull=True)
                | Q(submitted_on__isnull=True)
                | Q(returned_on__gte=F("submitted_on")),
            ),
            models.CheckConstraint(
                name="a_round_has_plausible_dates",
                condition=plausible_date("submitted_on") & plausible_date("returned_on"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.milestone} round {self.number}"


_APPEND_ONLY = pgtrigger.Update | pgtrigger.Delete


class Baseline(Row):
    """A numbered copy of the chain's dates: `dates` maps milestone codes to ISO days. The highest version counts."""

    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="baselines")
    version = models.PositiveSmallIntegerField(default=1)
    dates = models.JSONField()
    cause = models.CharField(max_length=200, help_text=_("Order signed, or the change order that moved it"))
    author = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "version"], name="a_baseline_version_is_unique_within_a_chain"),
            models.CheckConstraint(name="a_baseline_version_starts_at_one", condition=Q(version__gte=1)),
        ]
        triggers = [pgtrigger.Protect(name="a_baseline_is_never_changed", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"baseline {self.version}"


class PromiseQuerySet(models.QuerySet["Promise"]):
    def standing(self) -> "PromiseQuerySet":
        """Neither retracted nor superseded. A retracted row is as if never written: what it superseded counts again."""
        return self.filter(
            Q(superseded_by__isnull=True) | Q(superseded_by__retraction__isnull=False), retraction__isnull=True
        )


class Promise(Row):
    """What a vendor stated about one milestone, once. A correction is a further row that supersedes or retracts.

    `counts_on` is the end of the stated precision and null for `tbd`. `conditional_on` is the date of the step
    before on which the vendor relied, resolved once when the promise was recorded; null means no shift. Where nobody
    named a reason it is `not_stated`, and the party is who answers for the reason, else for the step.
    """

    milestone = models.ForeignKey(Milestone, on_delete=models.PROTECT, related_name="promises")
    place = models.BigIntegerField(editable=False, help_text=_("Order within the ledger"))
    value = models.CharField(
        max_length=12, blank=True, help_text=_("As stated: 2027-05-21, 2027-W23, 2027-06, 2027-Q2")
    )
    precision = models.CharField(max_length=8, choices=Precision)
    counts_on = models.DateField(null=True, blank=True)
    stated_on = models.DateField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    statement_id = models.UUIDField(help_text=_("Promises of one statement share it"))
    conditional_on = models.DateField(null=True, blank=True)
    condition_is_stated = models.BooleanField(default=False, help_text=_("The vendor said it; else we resolved it"))
    quantity = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    source = models.CharField(max_length=10, choices=PromiseSource)
    document = models.CharField(max_length=500, blank=True, help_text=_("The mail, file or message it came in"))
    reason_code = models.CharField(max_length=20, choices=ReasonCode, default=ReasonCode.NOT_STATED)
    responsible = models.CharField(max_length=10, choices=Party, help_text=_("Who moved it"))
    note = models.TextField(blank=True)
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    copied_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="copies")

    objects = PromiseQuerySet.as_manager()

    class Meta:
        ordering = ["place"]
        constraints = [
            models.CheckConstraint(
                name="only_a_promise_to_be_determined_has_no_date",
                condition=Q(precision=Precision.TBD, counts_on__isnull=True, value="")
                | (~Q(precision=Precision.TBD) & Q(counts_on__isnull=False) & ~Q(value="")),
            ),
            models.CheckConstraint(
                name="a_promise_has_plausible_dates",
                condition=plausible_date("counts_on") & plausible_date("stated_on") & plausible_date("conditional_on"),
            ),
            models.CheckConstraint(
                name="a_promised_quantity_is_positive",
                condition=plausible_number("quantity", least="0.001", most="10000000"),
            ),
            models.CheckConstraint(name="a_promise_has_a_reason_code", condition=Q(reason_code__in=ReasonCode.values)),
            models.CheckConstraint(name="a_promise_has_a_responsible_party", condition=Q(responsible__in=Party.values)),
            models.UniqueConstraint(fields=["milestone", "place"], name="a_ledger_place_is_taken_once"),
        ]
        indexes = [
            models.Index(fields=["stated_on"], name="promises_by_day"),
            models.Index(fields=["milestone"], condition=Q(precision=Precision.TBD), name="promises_to_be_determined"),
        ]
        triggers = [pgtrigger.Protect(name="a_promise_is_never_changed", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return self.value or "TBD"

    @property
    def is_retracted(self) -> bool:
        return hasattr(self, "retraction")

    @property
    def is_superseded(self) -> bool:
        return hasattr(self, "superseded_by") and not self.superseded_by.is_retracted


class PromiseRetraction(Row):
    """Takes a promise out of the reckoning without removing it."""

    promise = models.OneToOneField(Promise, on_delete=models.PROTECT, related_name="retraction")
    reason = models.CharField(max_length=500)
    retracted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(name="a_retraction_says_why", condition=~Q(reason=""))]
        triggers = [pgtrigger.Protect(name="a_retraction_is_never_changed", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"retracted: {self.reason}"
