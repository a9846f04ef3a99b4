"""What a vendor confirmed: one row a document, beside the promises of the same statement."""

import pgtrigger
from django.db import models
from django.db.models import Q

from procurement.models.order import PurchaseOrder
from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date


class ConfirmationQuerySet(models.QuerySet["Confirmation"]):
    def visible_to(self, actor: User) -> "ConfirmationQuerySet":
        return self.filter(order__in=PurchaseOrder.objects.visible_to(actor))


class Confirmation(Row):
    """Append-only: one that was wrong is answered by one that reverses it. `id` is that of the statement in the ledger
    of promises; of a reversal, one of its own. `number` is the vendor's own; `reason` says why one is taken back.
    """

    order = models.ForeignKey(PurchaseOrder, on_delete=models.PROTECT, related_name="confirmations")
    number = models.CharField(max_length=500, blank=True)
    confirmed_on = models.DateField()
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")
    reason = models.CharField(max_length=500, blank=True)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = ConfirmationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_confirmation_has_a_plausible_date", condition=plausible_date("confirmed_on")
            ),
            models.CheckConstraint(
                name="a_confirmation_taken_back_says_why", condition=Q(reverses__isnull=True) | ~Q(reason="")
            ),
            models.CheckConstraint(name="no_confirmation_reverses_itself", condition=~Q(reverses=models.F("id"))),
        ]
        triggers = [
            pgtrigger.Protect(name="a_confirmation_is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.number} of {self.order}"
