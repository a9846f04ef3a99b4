from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.models import ChainStep
from procurement.portal.forms.base import PortalForm, day_input
from procurement.vocabulary import Rule
from sites.vocabulary import step_name


class PromiseChange(PortalForm):
    said_as: ClassVar = {f"promise.{name}": name for name in ("order", "line", "schedule", "milestone", "value")}

    order = forms.CharField(label=_("Order"), max_length=40)
    line = forms.IntegerField(label=_("Line"), min_value=1, max_value=99999)
    schedule = forms.IntegerField(label=_("Schedule line"), min_value=1, max_value=99999, required=False)
    milestone = forms.ChoiceField(label=_("Step"), required=False)
    value = forms.CharField(label=_("The vendor says"), max_length=40, help_text=_("A day, 2027-W23, Q2 2027 or TBD"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes = dict.fromkeys(ChainStep.objects.order_by("sequence", "code").values_list("code", flat=True))
        self.choose("milestone", [("", _("The contract step")), *((code, step_name(code)) for code in codes)])

    def as_change(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {"promise": {name: given[name] for name in self.fields if given[name] not in (None, "")}}


class RequiredChange(PortalForm):
    said_as: ClassVar = {f"required_on_site.{name}": name for name in ("site", "requirement", "on")}

    site = forms.CharField(label=_("Site"), max_length=20, help_text=_("Its code"))
    requirement = forms.CharField(label=_("Requirement"), max_length=80, help_text=_("Its tag"))
    on = forms.DateField(label=_("Required on site"), widget=day_input())

    def as_change(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {"required_on_site": {**given, "on": given["on"].isoformat()}}


class ThresholdChange(PortalForm):
    said_as: ClassVar = {"threshold.site": "site"}

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
