"""Where a rule is looked at, and what is set there. An empty threshold is taken from the wider place."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from procurement.domain import alert_parameters
from procurement.domain.alert_parameters import MOST_DAYS, Parameters
from procurement.portal.forms.base import PortalForm
from procurement.vocabulary import Rule

LABELS: Final[Mapping[str, str | Lazy]] = {
    "enabled": gettext_lazy("In use"),
    "bands": gettext_lazy("Bands, days"),
    "near_days": gettext_lazy("Days ahead"),
    "buffer_days": gettext_lazy("Buffer, days"),
    "working_days": gettext_lazy("Working days"),
    "least_days": gettext_lazy("Least days"),
    "within_days": gettext_lazy("Within days"),
    "least_mw": gettext_lazy("Least MW"),
    "large_move_days": gettext_lazy("Large move, days"),
    "hysteresis_days": gettext_lazy("Hysteresis, days"),
}
_HELP: Final[Mapping[str, str | Lazy]] = {
    "bands": gettext_lazy("It speaks again when one is reached."),
    "near_days": gettext_lazy("It speaks so many days before the date."),
    "large_move_days": gettext_lazy("A move of so many days at once is told at once."),
    "hysteresis_days": gettext_lazy("So many days below a band still count as in it."),
}
_LISTS: Final = ("bands", "near_days")


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return ", ".join(str(each) for each in value) if isinstance(value, list | tuple) else str(value)


class DaysField(forms.CharField):
    """Whole numbers with commas between them."""

    def clean(self, value: Any) -> list[int] | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return [int(part) for part in text.replace("、", ",").split(",")]
        except ValueError:
            raise forms.ValidationError(_("Give whole days with commas, such as 1, 7, 14.")) from None


class Thresholds(PortalForm):
    """The fields of one rule; `in_force` is what holds at the place, `stored` what was set right there."""

    said_as: ClassVar = {f"parameters.{name}": name for name in LABELS}

    def __init__(self, data: Any = None, *, rule: Rule, in_force: Parameters, stored: Mapping[str, Any]) -> None:
        super().__init__(data)
        self._names = alert_parameters.names(rule)
        for name in self._names:
            self.fields[name] = _field(name, in_force)
            self.fields[name].initial = "" if name not in stored else _typed(stored[name])
        self.fields["reason"] = forms.CharField(label=_("Reason"), max_length=500, required=False)
        self.style_fields()

    def parameters(self) -> dict[str, Any]:
        """Only after `is_valid`: what is to differ here."""
        given = {name: self.cleaned_data[name] for name in self._names}
        if "enabled" in given:
            given["enabled"] = {"yes": True, "no": False}.get(given["enabled"])
        return {name: value for name, value in given.items() if value is not None}


def _typed(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(value) if isinstance(value, list | tuple) else value


def _field(name: str, in_force: Parameters) -> forms.Field:
    now = _("In force: %(value)s") % {"value": shown(getattr(in_force, name))}
    said: dict[str, Any] = {
        "label": LABELS[name], "required": False, "help_text": f"{now}. {_HELP.get(name, '')}".strip(),
    }  # fmt: skip
    if name == "enabled":
        return forms.ChoiceField(choices=[("", _("As in the wider place")), ("yes", _("Yes")), ("no", _("No"))], **said)
    if name in _LISTS:
        return DaysField(max_length=80, **said)
    return forms.IntegerField(min_value=0, max_value=MOST_DAYS, **said)
