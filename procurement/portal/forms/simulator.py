from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm
from procurement.vocabulary import Rule


class PromiseChange(PortalForm):
    said_as: ClassVar = {}

    order = forms.CharField(label=_("Order"), max_length=40)
    line = forms.IntegerField(label=_("Line"), min_value=1, max_value=99999)
    value = forms.CharField(label=_("The vendor says"), max_length=40, help_text=_("A day, 2027-W23, Q2 2027 or TBD"))

    def as_change(self) -> dict[str, Any]:
        return {"promise": {name: self.cleaned_data[name] for name in ("order", "line", "value")}}


class ThresholdChange(PortalForm):
    said_as: ClassVar = {"parameters": "number"}

    rule = forms.ChoiceField(label=_("Rule"), choices=Rule.choices)
    site = forms.CharField(label=_("Site"), max_length=20, required=False, help_text=_("Its code; empty: everywhere"))
    parameter = forms.ChoiceField(
        label=_("Threshold"),
        choices=[
            ("buffer_days", _("Buffer, days")),
            ("least_days", _("Least days")),
            ("working_days", _("Working days of silence")),
            ("within_days", _("Within days")),
            ("large_move_days", _("Large move, days")),
            ("hysteresis_days", _("Hysteresis, days")),
        ],
    )
    number = forms.IntegerField(label=_("Days"), min_value=0, max_value=3650)

    def as_change(self) -> dict[str, Any]:
        given = self.cleaned_data
        change: dict[str, Any] = {"rule": given["rule"], "parameters": {given["parameter"]: given["number"]}}
        if given["site"]:
            change["site"] = given["site"]
        return {"threshold": change}
