"""The serial numbers of the units that came, as they stand on their plates."""

import pghistory
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from procurement.models.change_order import Receipt
from procurement.models.lot import DeliveryLot
from sites.accounts.models import User
from sites.accounts.row import Row


class UnitSerialQuerySet(models.QuerySet["UnitSerial"]):
    def visible_to(self, actor: User) -> "UnitSerialQuerySet":
        return self.filter(lot__in=DeliveryLot.objects.visible_to(actor))


@pghistory.track()
class UnitSerial(Row):
    """One unit of a lot, and the receipt it came with: it goes back with that. Two makers may use the same number;
    within a lot it stands once, whatever its case.
    """

    lot = models.ForeignKey(DeliveryLot, on_delete=models.PROTECT, related_name="serials")
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="serials")
    number = models.CharField(max_length=120, help_text=_("As on the plate"))
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = UnitSerialQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("lot", Upper("number"), name="a_serial_number_stands_once_within_a_lot"),
            models.CheckConstraint(name="a_serial_number_says_something", condition=~Q(number="")),
        ]

    def __str__(self) -> str:
        return self.number
