import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from procurement.models.company import Company, Plant
from procurement.models.equipment import EquipmentClass
from procurement.vocabulary import LeadTimeKind
from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number


@pghistory.track()
class LeadTimeObservation(Row):
    """A lead time someone stated, with the four things without which it means nothing: from, to, when, by whom.

    `basis_from` and `basis_to` are milestone codes. Weeks are calendar weeks. `lot` is the one whose actuals an
    achieved lead time was derived from; null where somebody recorded it. A retired one is kept for
    those that chose it.
    """

    equipment_class = models.ForeignKey(EquipmentClass, on_delete=models.PROTECT, related_name="lead_times")
    sub_class = models.CharField(max_length=80, blank=True)
    rating_band = models.CharField(max_length=80, blank=True)
    company = models.ForeignKey(Company, null=True, blank=True, on_delete=models.PROTECT, related_name="lead_times")
    plant = models.ForeignKey(Plant, null=True, blank=True, on_delete=models.PROTECT, related_name="lead_times")
    kind = models.CharField(max_length=10, choices=LeadTimeKind)
    low_weeks = models.DecimalField(max_digits=6, decimal_places=1)
    high_weeks = models.DecimalField(max_digits=6, decimal_places=1)
    basis_from = models.CharField(max_length=40, help_text=_("Milestone the weeks count from"))
    basis_to = models.CharField(max_length=40, help_text=_("Milestone the weeks count to"))
    region = models.CharField(max_length=40, blank=True)
    as_of = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=200)
    document = models.CharField(max_length=500, blank=True)
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey(
        "procurement.DeliveryLot", null=True, blank=True, on_delete=models.PROTECT, related_name="lead_times"
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    retire_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_lead_time_says_from_what_to_what_and_by_whom",
                condition=~Q(basis_from="") & ~Q(basis_to="") & ~Q(source="") & ~Q(basis_from=F("basis_to")),
            ),
            models.CheckConstraint(
                name="a_lead_time_runs_from_low_to_high_within_ten_years",
                condition=plausible_number("low_weeks", most="520")
                & plausible_number("high_weeks", most="520")
                & Q(high_weeks__gte=F("low_weeks")),
            ),
            models.CheckConstraint(
                name="a_lead_time_has_plausible_dates",
                condition=plausible_date("as_of") & plausible_date("valid_until"),
            ),
            models.UniqueConstraint(
                fields=["lot", "basis_from", "basis_to"],
                condition=Q(lot__isnull=False),
                name="a_lot_achieves_a_span_once",
            ),
            models.CheckConstraint(
                name="only_an_achieved_lead_time_comes_from_a_lot",
                condition=Q(lot__isnull=True) | Q(kind=LeadTimeKind.ACHIEVED),
            ),
            models.CheckConstraint(
                name="a_retired_lead_time_says_why", condition=Q(retired_at__isnull=True) | ~Q(retire_reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.low_weeks}-{self.high_weeks} weeks ({self.source}, {self.as_of})"
