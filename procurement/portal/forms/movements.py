"""What was sent and what came, a lot at a time, and taking such a word back."""

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm, day_input
from procurement.queries.line import LineView
from procurement.vocabulary import ReceiptState


class _OfLot(PortalForm):
    """`prefix` keeps the ids of the inputs apart on the page of a line."""

    prefix_of_ids: ClassVar = ""

    lot = forms.ChoiceField(label=_("Lot"))
    quantity = forms.DecimalField(label=_("Units"), min_value=0, max_digits=14, decimal_places=3)

    def __init__(self, data: Any = None, *, view: LineView, **kwargs: Any) -> None:
        super().__init__(data, auto_id=f"{self.prefix_of_ids}-%s", **kwargs)
        self.choose(
            "lot",
            [
                (
                    str(each.lot.pk),
                    _("Lot %(number)s, %(quantity)s units")
                    % {"number": each.lot.number, "quantity": each.lot.quantity.normalize()},
                )
                for each in view.lots
            ],
        )


class RecordReceipt(_OfLot):
    prefix_of_ids = "receipt"

    received_on = forms.DateField(label=_("Received on"), widget=day_input(), help_text=_("Local to the site"))
    state = forms.ChoiceField(label=_("In what state"), choices=ReceiptState.choices)
    document = forms.CharField(label=_("Document"), max_length=500, required=False)

    def __init__(self, data: Any = None, *, today: date, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.fields["received_on"].initial = today


class RecordNotice(_OfLot):
    prefix_of_ids = "notice"

    number = forms.CharField(label=_("The vendor's number"), max_length=200)
    despatched_on = forms.DateField(label=_("Despatched on"), required=False, widget=day_input())
    arrives_on = forms.DateField(
        label=_("Arrives on"),
        required=False,
        widget=day_input(),
        help_text=_("Kept with the notice; a date moves by a promise"),
    )
    tracking = forms.CharField(label=_("Tracking"), max_length=120, required=False)
    document = forms.CharField(label=_("Document"), max_length=500, required=False)


class ReverseMovement(PortalForm):
    """Only what was not reversed yet can be."""

    said_as: ClassVar = {"reason": "why", "reverses": "movement"}

    movement = forms.ChoiceField(label=_("What is taken back"))
    why = forms.CharField(label=_("Reason"), max_length=500)

    def __init__(self, data: Any = None, *, view: LineView, **kwargs: Any) -> None:
        super().__init__(data, auto_id="reverse-%s", **kwargs)
        choices = []
        for each in view.lots:
            gone = {row.reverses_id for row in each.receipts} | {row.reverses_id for row in each.notices}
            choices += [
                (
                    f"receipt:{row.pk}",
                    _("Receipt of %(day)s: %(quantity)s, lot %(lot)s")
                    % {"day": row.received_on, "quantity": row.quantity.normalize(), "lot": each.lot.number},
                )
                for row in each.receipts
                if row.reverses_id is None and row.pk not in gone
            ]
            choices += [
                (
                    f"notice:{row.pk}",
                    _("Shipment notice %(number)s: %(quantity)s, lot %(lot)s")
                    % {"number": row.number, "quantity": row.quantity.normalize(), "lot": each.lot.number},
                )
                for row in each.notices
                if row.reverses_id is None and row.pk not in gone
            ]
        self.choose("movement", choices)
