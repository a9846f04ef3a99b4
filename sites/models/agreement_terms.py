"""What an agreement says besides its own fields: damages, conditions, notices, credit support, documents."""

import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.models.calendar import WorkCalendar
from sites.models.power import PowerPurchaseAgreement
from sites.vocabulary import (
    ClockReference,
    ClockSide,
    ContractParty,
    CreditForm,
    DamagesDirection,
    DamagesDue,
    DamagesKind,
    DocumentKind,
    DurationBasis,
)


class DelayDamagesQuerySet(models.QuerySet["DelayDamages"]):
    def visible_to(self, actor: User) -> "DelayDamagesQuerySet":
        return self.filter(agreement__in=PowerPurchaseAgreement.objects.visible_to(actor))


@pghistory.track()
class DelayDamages(Row):
    """What a delay costs in one direction, in the agreement's currency.

    Days of delay after the due date, less extension and grace, are charged by band (per MW and day), or as a percent
    of `base_amount` a day. `cap_percent` is of `base_amount`; the lower of the caps that are given holds.
    """

    agreement = models.ForeignKey(PowerPurchaseAgreement, on_delete=models.PROTECT, related_name="delay_damages")
    direction = models.CharField(max_length=10, choices=DamagesDirection)
    kind = models.CharField(max_length=15, choices=DamagesKind, default=DamagesKind.PER_MW_DAY)
    due = models.CharField(max_length=14, choices=DamagesDue, default=DamagesDue.TARGET_COD)
    due_on = models.DateField(null=True, blank=True)
    extension_days = models.PositiveSmallIntegerField(default=0, help_text=_("Granted to the late party"))
    grace_days = models.PositiveSmallIntegerField(default=0)
    percent_per_day = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    base_amount = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    cap_percent = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    cap_amount = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    cap_days = models.PositiveSmallIntegerField(null=True, blank=True)

    objects = DelayDamagesQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "delay damages"
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "direction"], name="an_agreement_has_one_damages_clause_a_direction"
            ),
            models.CheckConstraint(
                name="damages_are_due_after_a_day_that_is_given",
                condition=Q(due=DamagesDue.DAY, due_on__isnull=False) | (~Q(due=DamagesDue.DAY) & Q(due_on=None)),
            ),
            models.CheckConstraint(
                name="damages_in_percent_name_their_rate_and_base",
                condition=Q(kind=DamagesKind.PER_MW_DAY, percent_per_day__isnull=True)
                | Q(kind=DamagesKind.PERCENT_PER_DAY, percent_per_day__isnull=False, base_amount__isnull=False),
            ),
            models.CheckConstraint(
                name="damages_capped_in_percent_name_their_base",
                condition=Q(cap_percent__isnull=True) | Q(base_amount__isnull=False),
            ),
            models.CheckConstraint(
                name="damages_have_plausible_amounts",
                condition=plausible_number("percent_per_day", least="0.001", most="100")
                & plausible_number("cap_percent", most="100")
                & plausible_number("base_amount", most="10000000000000")
                & plausible_number("cap_amount", most="10000000000000"),
            ),
            models.CheckConstraint(name="damages_have_a_plausible_due_date", condition=plausible_date("due_on")),
            models.CheckConstraint(
                name="damages_have_plausible_days",
                condition=Q(extension_days__lte=3660, grace_days__lte=3660)
                & (Q(cap_days__isnull=True) | Q(cap_days__lte=3660)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agreement.code} {self.direction}"


class DamagesBandQuerySet(models.QuerySet["DamagesBand"]):
    def visible_to(self, actor: User) -> "DamagesBandQuerySet":
        return self.filter(damages__agreement__in=PowerPurchaseAgreement.objects.visible_to(actor))


@pghistory.track()
class DamagesBand(Row):
    """From this chargeable day on (the first is 1), until the next band."""

    damages = models.ForeignKey(DelayDamages, on_delete=models.CASCADE, related_name="bands")
    from_day = models.PositiveSmallIntegerField(default=1)
    amount_per_mw_day = models.DecimalField(max_digits=14, decimal_places=2)

    objects = DamagesBandQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["damages", "from_day"], name="damages_have_one_band_from_a_day"),
            models.CheckConstraint(
                name="a_damages_band_starts_on_a_plausible_day", condition=Q(from_day__gte=1, from_day__lte=3660)
            ),
            models.CheckConstraint(
                name="a_damages_band_has_a_plausible_amount",
                condition=plausible_number("amount_per_mw_day", most="1000000000"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_per_mw_day} from day {self.from_day}"


class ConditionPrecedentQuerySet(models.QuerySet["ConditionPrecedent"]):
    def visible_to(self, actor: User) -> "ConditionPrecedentQuerySet":
        return self.filter(agreement__in=PowerPurchaseAgreement.objects.visible_to(actor))


@pghistory.track()
class ConditionPrecedent(Row):
    """What must be so before the agreement binds. Open until it is met or waived."""

    agreement = models.ForeignKey(PowerPurchaseAgreement, on_delete=models.PROTECT, related_name="conditions")
    number = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=300)
    party = models.CharField(max_length=8, choices=ContractParty, default=ContractParty.SELLER)
    due_on = models.DateField(null=True, blank=True)
    met_on = models.DateField(null=True, blank=True)
    waived_on = models.DateField(null=True, blank=True)
    document = models.CharField(max_length=500, blank=True)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = ConditionPrecedentQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "conditions precedent"
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "number"], name="a_condition_number_is_unique_within_an_agreement"
            ),
            models.CheckConstraint(name="a_condition_says_what_must_be_so", condition=~Q(text="")),
            models.CheckConstraint(
                name="a_condition_is_met_or_waived_but_not_both",
                condition=Q(met_on__isnull=True) | Q(waived_on__isnull=True),
            ),
            models.CheckConstraint(
                name="a_condition_has_plausible_dates",
                condition=plausible_date("due_on") & plausible_date("met_on") & plausible_date("waived_on"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agreement.code} {self.number}"


class AgreementNoticeQuerySet(models.QuerySet["AgreementNotice"]):
    def visible_to(self, actor: User) -> "AgreementNoticeQuerySet":
        return self.filter(agreement__in=PowerPurchaseAgreement.objects.visible_to(actor))


@pghistory.track()
class AgreementNotice(Row):
    """What must be served in writing, `days` before or after the date that `reference` names (null: `reference_on`)."""

    agreement = models.ForeignKey(PowerPurchaseAgreement, on_delete=models.PROTECT, related_name="notices")
    number = models.PositiveSmallIntegerField()
    subject = models.CharField(max_length=300)
    served_to = models.CharField(max_length=160)
    days = models.PositiveSmallIntegerField()
    basis = models.CharField(max_length=10, choices=DurationBasis, default=DurationBasis.CALENDAR)
    side = models.CharField(max_length=6, choices=ClockSide, default=ClockSide.BEFORE)
    reference = models.CharField(max_length=14, choices=ClockReference, default=ClockReference.DAY)
    reference_on = models.DateField(null=True, blank=True)
    milestone_code = models.CharField(max_length=40, blank=True)
    calendar = models.ForeignKey(
        WorkCalendar,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty: that of the agreement"),
    )
    served_on = models.DateField(null=True, blank=True)
    document = models.CharField(max_length=500, blank=True)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = AgreementNoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "number"], name="a_notice_number_is_unique_within_an_agreement"
            ),
            models.CheckConstraint(name="a_notice_says_what_to_whom", condition=~Q(subject="") & ~Q(served_to="")),
            models.CheckConstraint(
                name="a_notice_names_the_date_it_is_counted_from",
                condition=Q(reference=ClockReference.DAY, reference_on__isnull=False, milestone_code="")
                | (Q(reference=ClockReference.MILESTONE, reference_on__isnull=True) & ~Q(milestone_code=""))
                | (
                    ~Q(reference__in=[ClockReference.DAY, ClockReference.MILESTONE])
                    & Q(reference_on__isnull=True, milestone_code="")
                ),
            ),
            models.CheckConstraint(name="a_notice_has_plausible_days", condition=Q(days__lte=3660)),
            models.CheckConstraint(
                name="a_notice_has_plausible_dates",
                condition=plausible_date("reference_on") & plausible_date("served_on"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agreement.code} {self.number}"


class CreditSupportQuerySet(models.QuerySet["CreditSupport"]):
    def visible_to(self, actor: User) -> "CreditSupportQuerySet":
        return self.filter(agreement__in=PowerPurchaseAgreement.objects.visible_to(actor))


@pghistory.track()
class CreditSupport(Row):
    """A null amount is not known. `renew_days` is how long before its expiry it must be renewed or replaced."""

    agreement = models.ForeignKey(PowerPurchaseAgreement, on_delete=models.PROTECT, related_name="credit_support")
    given_by = models.CharField(max_length=8, choices=ContractParty)
    form = models.CharField(max_length=16, choices=CreditForm)
    issuer = models.CharField(max_length=160, blank=True)
    amount = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3)
    from_on = models.DateField(null=True, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    renew_days = models.PositiveSmallIntegerField(default=0)
    released_on = models.DateField(null=True, blank=True)
    document = models.CharField(max_length=500, blank=True)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = CreditSupportQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "credit support"
        constraints = [
            models.CheckConstraint(
                name="credit_support_has_a_plausible_amount",
                condition=plausible_number("amount", most="10000000000000"),
            ),
            models.CheckConstraint(
                name="credit_support_names_an_iso_currency", condition=Q(currency__regex=r"^[A-Z]{3}$")
            ),
            models.CheckConstraint(
                name="credit_support_expires_on_or_after_its_start",
                condition=Q(from_on__isnull=True) | Q(expires_on__isnull=True) | Q(expires_on__gte=F("from_on")),
            ),
            models.CheckConstraint(
                name="credit_support_has_plausible_dates",
                condition=plausible_date("from_on") & plausible_date("expires_on") & plausible_date("released_on"),
            ),
            models.CheckConstraint(name="credit_support_has_plausible_days", condition=Q(renew_days__lte=3660)),
        ]

    def __str__(self) -> str:
        return f"{self.agreement.code} {self.form}"


class AgreementDocumentQuerySet(models.QuerySet["AgreementDocument"]):
    def visible_to(self, actor: User) -> "AgreementDocumentQuerySet":
        return self.filter(agreement__in=PowerPurchaseAgreement.objects.visible_to(actor))


@pghistory.track()
class AgreementDocument(Row):
    """Where a document of the agreement is kept; `reference` is its number or address in the owner's archive."""

    agreement = models.ForeignKey(PowerPurchaseAgreement, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=16, choices=DocumentKind, default=DocumentKind.AGREEMENT)
    title = models.CharField(max_length=200)
    reference = models.CharField(max_length=500)
    dated_on = models.DateField(null=True, blank=True)

    objects = AgreementDocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "reference"], name="an_agreement_names_a_document_once_by_its_reference"
            ),
            models.CheckConstraint(
                name="an_agreement_document_says_what_it_is_and_where", condition=~Q(title="") & ~Q(reference="")
            ),
            models.CheckConstraint(
                name="an_agreement_document_has_a_plausible_date", condition=plausible_date("dated_on")
            ),
        ]

    def __str__(self) -> str:
        return self.title
