"""Receiving in the yard: what came, in what state, its plates and a photograph."""

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm, day_input
from procurement.queries.line import LineView
from procurement.vocabulary import ReceiptState


class Receive(PortalForm):
    said_as: ClassVar = {"file": "photo"}

    lot = forms.ChoiceField(label=_("Lot"))
    quantity = forms.DecimalField(label=_("Units"), min_value=0, max_digits=14, decimal_places=3)
    received_on = forms.DateField(label=_("Received on"), widget=day_input(), help_text=_("Local to the site"))
    state = forms.ChoiceField(label=_("In what state"), choices=ReceiptState.choices)
    serials = forms.CharField(
        label=_("Serial numbers"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "autocapitalize": "characters", "spellcheck": "false"}),
        help_text=_("One a line, as on the plate"),
    )
    photo = forms.FileField(
        label=_("Photograph"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png", "capture": "environment"}),
        help_text=_("Of the plate or of damage; JPEG or PNG, 15 MB"),
    )
    document = forms.CharField(label=_("Delivery note"), max_length=500, required=False)

    def __init__(self, data: Any = None, files: Any = None, *, view: LineView, today: date) -> None:
        super().__init__(data, files)
        open_lots = [each for each in view.lots if each.still_to_come > 0]
        self.choose(
            "lot",
            [
                (
                    str(each.lot.pk),
                    _("Lot %(number)s, %(quantity)s to come")
                    % {"number": each.lot.number, "quantity": f"{each.still_to_come.normalize():f}"},
                )
                for each in open_lots
            ],
        )
        self.fields["received_on"].initial = today
        if open_lots:
            self.fields["quantity"].initial = f"{open_lots[0].still_to_come.normalize():f}"
