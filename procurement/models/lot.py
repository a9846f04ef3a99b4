import pghistory
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from procurement.models.order import ScheduleLine
from procurement.models.requirement import Requirement
from sites.accounts.models import User
from sites.accounts.row import Row, plausible_number
from sites.models import Chain


class DeliveryLotQuerySet(models.QuerySet["DeliveryLot"]):
    def visible_to(self, actor: User) -> "DeliveryLotQuerySet":
        return self.filter(schedule_line__in=ScheduleLine.objects.visible_to(actor))


@pghistory.track()
class DeliveryLot(Row):
    """Units of one schedule line that move together. Ours, never the ERP's; they sum to the schedule line.

    A lot of zero units stood for units the ERP took back, or went back into the lot it was split from; it is kept for
    its ledger and is in no forecast.
    """

    schedule_line = models.ForeignKey(ScheduleLine, on_delete=models.PROTECT, related_name="lots")
    number = models.PositiveSmallIntegerField(default=1)
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    chain = models.OneToOneField(Chain, on_delete=models.PROTECT, related_name="lot")
    copied_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="split_off")

    objects = DeliveryLotQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["schedule_line", "number"], name="a_lot_number_is_unique_within_a_schedule_line"
            ),
            models.CheckConstraint(
                name="a_lot_quantity_is_not_negative",
                condition=plausible_number("quantity", most="10000000"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_line}/{self.number}"


@pghistory.track()
class Allocation(Row):
    """Units of a lot meant for a requirement. Never deleted: it ends. Live ones have no `ended_at`."""

    lot = models.ForeignKey(DeliveryLot, on_delete=models.PROTECT, related_name="allocations")
    requirement = models.ForeignKey(Requirement, on_delete=models.PROTECT, related_name="allocations")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    reason = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_allocated_quantity_is_positive",
                condition=plausible_number("quantity", least="0.001", most="10000000"),
            ),
            models.UniqueConstraint(
                fields=["lot", "requirement"],
                condition=Q(ended_at__isnull=True),
                name="a_lot_serves_a_requirement_by_one_live_allocation",
            ),
            models.CheckConstraint(
                name="an_ended_allocation_says_why", condition=Q(ended_at__isnull=True) | ~Q(end_reason="")
            ),
        ]
        indexes = [
            models.Index(fields=["requirement"], condition=Q(ended_at__isnull=True), name="live_allocations"),
        ]
        verbose_name = _("allocation")

    def __str__(self) -> str:
        return f"{self.lot} for {self.requirement}"
