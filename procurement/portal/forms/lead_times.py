"""What a planner says of lead times: a new observation, one to retire, a stand-in, and the choice for a requirement."""

from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.models import Company, EquipmentClass, LeadTimeObservation, Plant, Requirement
from procurement.portal import words
from procurement.portal.forms.base import PortalForm, day_input
from procurement.queries.lead_time import Choices
from procurement.services.lead_times import Stated
from procurement.vocabulary import LeadTimeKind
from sites.vocabulary import step_name

_USUAL_PERCENTILE: Final = 80


class AddObservation(PortalForm):
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[each for each in LeadTimeKind.choices if each[0] != LeadTimeKind.ACHIEVED]
    )
    low_weeks = forms.DecimalField(label=_("Weeks, low"), min_value=0, max_digits=6, decimal_places=1)
    high_weeks = forms.DecimalField(label=_("Weeks, high"), min_value=0, max_digits=6, decimal_places=1)
    basis_from = forms.ChoiceField(label=_("Counted from"))
    basis_to = forms.ChoiceField(label=_("Counted to"))
    as_of = forms.DateField(label=_("As of"), widget=day_input())
    valid_until = forms.DateField(label=_("Valid until"), widget=day_input(), required=False)
    source = forms.CharField(label=_("Source"), max_length=200, help_text=_("Who said it, and where"))
    document = forms.CharField(label=_("Document"), max_length=500, required=False)
    company = forms.ModelChoiceField(label=_("Vendor"), queryset=Company.objects.none(), required=False)
    plant = forms.ModelChoiceField(label=_("Plant"), queryset=Plant.objects.none(), required=False)
    sub_class = forms.CharField(label=_("Sub-class"), max_length=80, required=False)
    rating_band = forms.CharField(label=_("Rating band"), max_length=80, required=False)
    region = forms.CharField(label=_("Region"), max_length=40, required=False)

    def __init__(self, data: Any = None, *, equipment_class: EquipmentClass, **kwargs: Any) -> None:
        super().__init__(data, auto_id="add-%s", **kwargs)
        codes = list(equipment_class.template.steps.order_by("sequence").values_list("code", flat=True))
        self._offer("basis_from", codes[:-1])
        self._offer("basis_to", codes[1:])
        self.fields["basis_to"].initial = codes[-1] if codes else None
        for name, rows in (
            ("company", Company.objects.order_by("name")),
            ("plant", Plant.objects.select_related("company").order_by("company__name", "name")),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows

    def _offer(self, name: str, codes: list[str]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(code, step_name(code)) for code in codes]

    def stated(self) -> Stated:
        """Only after `is_valid`."""
        cleaned = dict(self.cleaned_data)
        return Stated(kind=LeadTimeKind(cleaned.pop("kind")), **cleaned)


class RetireObservation(PortalForm):
    said_as: ClassVar = {"reason": "why"}

    observation = forms.ChoiceField(label=_("Observation"))
    why = forms.CharField(label=_("Reason"), max_length=300)

    def __init__(self, data: Any = None, *, rows: list[LeadTimeObservation], **kwargs: Any) -> None:
        super().__init__(data, auto_id="retire-%s", **kwargs)
        field = self.fields["observation"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(row.pk), observation_words(row)) for row in rows]


class SetFallback(PortalForm):
    fallback = forms.ModelChoiceField(
        label=_("Class that stands in"),
        queryset=EquipmentClass.objects.none(),
        required=False,
        help_text=_("Where this class has too little history of its own; empty: none"),
    )

    def __init__(self, data: Any = None, *, equipment_class: EquipmentClass, **kwargs: Any) -> None:
        super().__init__(data, auto_id="fallback-%s", **kwargs)
        field = self.fields["fallback"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = EquipmentClass.objects.exclude(pk=equipment_class.pk).order_by("name")
        field.initial = equipment_class.fallback_id


class ChooseLeadTime(PortalForm):
    """None, one with the planner's own weeks, or a percentile of several."""

    said_as: ClassVar = {
        "reason": "why",
        "observation": "observations",
        "basis_from": "observations",
        "basis_to": "observations",
    }

    observations = forms.MultipleChoiceField(
        label=_("Observations"),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        required=False,
        help_text=_("None: the usual durations of the class. One: its weeks. Several: a percentile of their high ends"),
    )
    weeks = forms.DecimalField(
        label=_("Weeks, of a single one"),
        required=False,
        min_value=0,
        max_digits=6,
        decimal_places=1,
        help_text=_("Empty: its high end"),
    )
    percentile = forms.IntegerField(label=_("Percentile, of several"), required=False, min_value=0, max_value=100)
    why = forms.CharField(label=_("Reason"), max_length=300)

    def __init__(self, data: Any = None, *, need: Requirement, choices: Choices, **kwargs: Any) -> None:
        super().__init__(data, auto_id="lead-%s", initial=_choice(need, choices.chosen), **kwargs)
        self.choose("observations", ((str(row.pk), _words_for(need, row)) for row in choices.rows))

    @property
    def chosen(self) -> list[UUID]:
        return [UUID(key) for key in self.cleaned_data["observations"]]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        several = len(cleaned.get("observations") or ()) > 1
        if several and cleaned.get("percentile") is None and "percentile" not in self.errors:
            self.add_error("percentile", _("Say which percentile of them."))
        if several and cleaned.get("weeks") is not None:
            self.add_error("weeks", _("Weeks of your own go with a single one."))
        return cleaned


def _choice(need: Requirement, chosen: tuple[UUID, ...]) -> dict[str, Any]:
    """What counts now; weeks only where they are the planner's own."""
    is_several = len(chosen) > 1
    is_own = need.lead_time is not None and need.lead_time_weeks != need.lead_time.high_weeks
    return {
        "observations": [str(key) for key in chosen],
        "weeks": need.lead_time_weeks if is_own and not is_several else None,
        "percentile": need.lead_time_percentile if is_several else _USUAL_PERCENTILE,
    }


def _words_for(need: Requirement, row: LeadTimeObservation) -> str:
    words_of_row = observation_words(row)
    if row.equipment_class_id == need.equipment_class_id:
        return words_of_row
    return str(_("%(class)s: %(what)s") % {"class": row.equipment_class, "what": words_of_row})


def observation_words(row: LeadTimeObservation) -> str:
    weeks = (
        _weeks(row.low_weeks)
        if row.low_weeks == row.high_weeks
        else f"{_weeks(row.low_weeks)}–{_weeks(row.high_weeks)}"
    )
    return str(
        _("%(weeks)s weeks, %(from)s to %(to)s, %(kind)s, as of %(day)s: %(source)s %(what)s")
        % {
            "weeks": weeks,
            "from": step_name(row.basis_from),
            "to": step_name(row.basis_to),
            "kind": row.get_kind_display(),
            "day": words.day(row.as_of),
            "source": row.source,
            "what": " ".join(filter(None, (row.sub_class, row.rating_band))),
        }
    ).strip()


def _weeks(weeks: Decimal) -> str:
    return f"{weeks.normalize():f}"
