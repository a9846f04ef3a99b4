import pghistory
import pgtrigger
from django.db import models
from django.db.models import Q

from procurement.models.lot import DeliveryLot
from procurement.models.order import PurchaseOrder
from procurement.vocabulary import ChangeOrderState, ReceiptState
from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number


@pghistory.track()
class ChangeOrder(Row):
    """A governed change of an order: `before` and `after` hold the changed values by pointer, and `after` the
    document that is applied. The ERP approves orders and their changes; only one with `rebaseline` writes new
    baselines, and only after someone else than its author approved it here.
    """

    order = models.ForeignKey(PurchaseOrder, on_delete=models.PROTECT, related_name="change_orders")
    number = models.CharField(max_length=40)
    reason = models.CharField(max_length=500)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    amount = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    rebaseline = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=ChangeOrderState, default=ChangeOrderState.DRAFT)
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    applied_at = models.DateTimeField(null=True, blank=True)
    rejected_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    rejected_because = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_rejected_change_order_says_who_and_why",
                condition=~Q(state=ChangeOrderState.REJECTED)
                | (Q(rejected_by__isnull=False) & ~Q(rejected_because="")),
            ),
            models.UniqueConstraint(fields=["order", "number"], name="a_change_order_number_is_unique_within_an_order"),
            models.CheckConstraint(
                name="a_change_amount_has_a_currency", condition=Q(amount__isnull=True) | ~Q(currency="")
            ),
            models.CheckConstraint(
                name="nobody_approves_their_own_change_order",
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=models.F("author")),
            ),
            models.CheckConstraint(
                name="an_approved_change_order_names_its_approver",
                condition=~Q(state=ChangeOrderState.APPROVED) | Q(approved_by__isnull=False),
            ),
            models.CheckConstraint(
                name="a_new_baseline_was_approved",
                condition=~Q(state=ChangeOrderState.APPLIED, rebaseline=True) | Q(approved_by__isnull=False),
            ),
            models.CheckConstraint(
                name="a_change_order_has_a_plausible_amount",
                condition=plausible_number("amount", least="-10000000000000", most="10000000000000"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} change {self.number}"


class Receipt(Row):
    """Append-only: a mistake is answered by a receipt that reverses it. `over_delivered` are those of its units that
    are more than its lot holds, within the tolerance of the line.
    """

    lot = models.ForeignKey(DeliveryLot, on_delete=models.PROTECT, related_name="receipts")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    over_delivered = models.DecimalField(max_digits=14, decimal_places=3, default=0)
    received_on = models.DateField()
    state = models.CharField(max_length=20, choices=ReceiptState, default=ReceiptState.ARRIVED)
    document = models.CharField(max_length=500, blank=True)
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_received_quantity_is_positive",
                condition=plausible_number("quantity", least="0.001", most="10000000"),
            ),
            models.CheckConstraint(
                name="no_more_units_are_over_than_came",
                condition=plausible_number("over_delivered") & Q(over_delivered__lte=models.F("quantity")),
            ),
            models.CheckConstraint(name="a_receipt_has_a_plausible_date", condition=plausible_date("received_on")),
            models.CheckConstraint(name="no_receipt_reverses_itself", condition=~Q(reverses=models.F("id"))),
        ]
        triggers = [pgtrigger.Protect(name="a_receipt_is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.lot} on {self.received_on}"
