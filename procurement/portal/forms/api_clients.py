"""Systems that call the API: who they are, what they may do, and their keys."""

from datetime import datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm, day_input
from sites.accounts.permissions import Role, Scope


class MakeClient(PortalForm):
    said_as: ClassVar = {"client": "name", "site": "sites"}

    name = forms.CharField(label=_("Name"), max_length=80)
    system = forms.CharField(
        label=_("System"), max_length=20, help_text=_("To which its ids belong: capitals, digits, hyphens, as SAP-PRD")
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ERP_CLIENT)
    sites = forms.CharField(
        label=_("Sites"), max_length=400, required=False, help_text=_("Codes with commas; empty: everywhere")
    )

    @property
    def site_codes(self) -> list[str]:
        return [code for text in self.cleaned_data["sites"].split(",") if (code := text.strip().upper())]


class MakeKey(PortalForm):
    scopes = forms.MultipleChoiceField(
        label=_("May"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"})
    )
    expires_on = forms.DateField(label=_("Ends after"), required=False, widget=day_input(), help_text=_("Empty: never"))
    addresses = forms.CharField(
        label=_("Works from"),
        required=False,
        max_length=400,
        help_text=_("Networks with commas, as 10.1.0.0/16; empty: from anywhere"),
    )
    said_as: ClassVar = {"expires_at": "expires_on"}

    @property
    def networks(self) -> list[str]:
        return [each for text in self.cleaned_data["addresses"].split(",") if (each := text.strip())]

    def expires_at(self, zone: ZoneInfo) -> datetime | None:
        """The end of the day named, where the reader is."""
        day = self.cleaned_data["expires_on"]
        return datetime.combine(day + timedelta(days=1), time(), zone) if day else None
