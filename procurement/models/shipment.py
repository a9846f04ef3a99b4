"""What a vendor said it has sent: notices of shipment, one a lot."""

import pgtrigger
from django.db import models
from django.db.models import Q

from procurement.models.lot import DeliveryLot
from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number


class ShipmentNoticeQuerySet(models.QuerySet["ShipmentNotice"]):
    def visible_to(self, actor: User) -> "ShipmentNoticeQuerySet":
        return self.filter(lot__in=DeliveryLot.objects.visible_to(actor))


class ShipmentNotice(Row):
    """Append-only: a mistake is answered by a notice that reverses it. `number` is the vendor's own.

    `despatched_on` and `arrives_on` are local days of wherever it happens; null: not said.
    """

    lot = models.ForeignKey(DeliveryLot, on_delete=models.PROTECT, related_name="shipment_notices")
    number = models.CharField(max_length=200)
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    despatched_on = models.DateField(null=True, blank=True)
    arrives_on = models.DateField(null=True, blank=True)
    tracking = models.CharField(max_length=120, blank=True)
    document = models.CharField(max_length=500, blank=True)
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = ShipmentNoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_shipped_quantity_is_positive",
                condition=plausible_number("quantity", least="0.001", most="10000000"),
            ),
            models.CheckConstraint(
                name="a_shipment_has_plausible_dates",
                condition=plausible_date("despatched_on") & plausible_date("arrives_on"),
            ),
            models.CheckConstraint(
                name="a_shipment_arrives_no_earlier_than_it_left",
                condition=Q(despatched_on__isnull=True)
                | Q(arrives_on__isnull=True)
                | Q(arrives_on__gte=models.F("despatched_on")),
            ),
            models.CheckConstraint(name="no_shipment_notice_reverses_itself", condition=~Q(reverses=models.F("id"))),
        ]
        triggers = [
            pgtrigger.Protect(name="a_shipment_notice_is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.quantity} of {self.lot}"
