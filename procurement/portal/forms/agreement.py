"""What is typed about an agreement: its terms group by group, the rows beside them, its state, and what was done."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.forms.models import fields_for_model
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from procurement.portal.agreement_words import GROUPS, LABELS
from procurement.portal.forms.base import PortalForm, day_input
from procurement.portal.forms.power import megawatts
from procurement.portal.forms.rows import RowsForm
from sites.models import PowerPurchaseAgreement
from sites.readers.agreement_record import AgreementRecord
from sites.vocabulary import (
    AgreementState,
    ClockReference,
    ClockSide,
    ContractParty,
    DurationBasis,
)

_NOBODY: Final = [("", "–")]
FIELDS_OF: Final = {key: tuple(fields) for key, _title, fields in GROUPS}


def _day(label: Any, *, required: bool = False) -> forms.DateField:
    return forms.DateField(label=label, widget=day_input(), required=required)


class TermsForm(PortalForm):
    """One group of the agreement's own fields, as the model has them."""

    said_as: ClassVar[Mapping[str, str]] = {}

    def __init__(self, data: Any = None, *, group: str, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, auto_id=f"{group}-%s", initial=initial)
        self.group = group
        for name, made in fields_for_model(PowerPurchaseAgreement, FIELDS_OF[group]).items():
            if made is None:
                continue
            made.label = LABELS[name]
            if isinstance(made, forms.DateField):
                made.widget = day_input()
            self.fields[name] = made
        self.style_fields()

    def said(self) -> dict[str, Any]:
        """The fields of the record that this form states; what is empty takes the record's own default."""
        cleaned = self.cleaned_data
        return {name: _plain(cleaned.get(name), name) for name in FIELDS_OF[self.group]}


def _plain(value: Any, name: str) -> Any:
    if value in (None, ""):
        default = AgreementRecord.model_fields[name].default
        return "" if isinstance(default, str) else None
    return value


class StateForm(PortalForm):
    state = forms.ChoiceField(label=_("New state"))
    signed_on = _day(_("Signed on"))

    def __init__(self, data: Any = None, *, states: Collection[AgreementState]) -> None:
        super().__init__(data, auto_id="state-%s")
        self.choose("state", [(state.value, state.label) for state in states])
        self.fields["signed_on"].help_text = _("Where it is signed now")


class CloseCondition(PortalForm):
    said_as: ClassVar = {"conditions": "condition"}

    condition = forms.ChoiceField(label=_("Condition"))
    on = _day(_("On"), required=True)
    waived = forms.BooleanField(label=_("It was waived, not met"), required=False)
    document = forms.CharField(label=_("Document"), max_length=500, required=False)


class ServeNotice(PortalForm):
    notice = forms.ChoiceField(label=_("Notice"))
    on = _day(_("Served on"), required=True)
    document = forms.CharField(label=_("Document"), max_length=500, required=False)


class SharesForm(RowsForm):
    path: ClassVar = "shares"

    def __init__(self, data: Any = None, *, sites: Collection[tuple[str, str]], **kwargs: Any) -> None:
        self.sites = sites
        super().__init__(data, **kwargs)

    def column_fields(self) -> dict[str, forms.Field]:
        return {
            "site": forms.ChoiceField(label=_("Site"), choices=[*_NOBODY, *self.sites]),
            "share_mw": megawatts(_("Share, MW"), required=True),
            "from_on": forms.DateField(
                label=_("From"), widget=day_input(), required=False, help_text=_("Empty: from COD")
            ),
            "until_on": forms.DateField(
                label=_("Until"), widget=day_input(), required=False, help_text=_("Empty: to its end")
            ),
        }


class ConditionsForm(RowsForm):
    path: ClassVar = "conditions"

    def column_fields(self) -> dict[str, forms.Field]:
        return {
            "number": forms.IntegerField(label=_("Number"), min_value=1, max_value=999),
            "text": forms.CharField(label=_("What must be so"), max_length=300),
            "party": forms.ChoiceField(label=_("Party"), choices=[*_NOBODY, *ContractParty.choices]),
            "due_on": forms.DateField(label=_("Due"), widget=day_input(), required=False),
            "owner": forms.CharField(
                label=pgettext_lazy("person", "Owner"), max_length=120, required=False, help_text=_("A user name")
            ),
        }


class NoticesForm(RowsForm):
    path: ClassVar = "notices"

    def column_fields(self) -> dict[str, forms.Field]:
        return {
            "number": forms.IntegerField(label=_("Number"), min_value=1, max_value=999),
            "subject": forms.CharField(label=pgettext_lazy("mail", "Subject"), max_length=300),
            "served_to": forms.CharField(label=_("Served to"), max_length=160),
            "days": forms.IntegerField(label=_("Days"), min_value=0, max_value=3660),
            "basis": forms.ChoiceField(label=_("Basis"), choices=[*_NOBODY, *DurationBasis.choices]),
            "side": forms.ChoiceField(label=_("Side"), choices=[*_NOBODY, *ClockSide.choices]),
            "reference": forms.ChoiceField(label=_("Of"), choices=[*_NOBODY, *ClockReference.choices]),
            "reference_on": forms.DateField(label=_("Day"), widget=day_input(), required=False),
            "milestone_code": forms.CharField(label=_("Milestone"), max_length=40, required=False),
            "owner": forms.CharField(
                label=pgettext_lazy("person", "Owner"), max_length=120, required=False, help_text=_("A user name")
            ),
        }


ROW_FORMS: Final = {"conditions": ConditionsForm, "notices": NoticesForm}


class ImportRecord(PortalForm):
    """An agreement as its published record, pasted or as a file."""

    record = forms.CharField(
        label=_("Record"),
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
        max_length=2_000_000,
        help_text=_("JSON in the published format, as an agreement's page exports it"),
    )

    def refuse(self, refusal: Any) -> None:
        """The record names its own fields: say which one in the message."""
        named = f"{refusal.field}: {refusal.message}" if refusal.field else refusal.message
        self.add_error("record", named)
