"""The days in the past as of which a page is asked."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm, day_input


class AsKnownOn(PortalForm):
    as_known_on = forms.DateField(
        label=_("As known on"), widget=day_input(), required=False, help_text=_("A day in the past, to its end")
    )

    def __init__(self, data: Any = None, *, today: date, **kwargs: Any) -> None:
        super().__init__(data if data and data.get("as_known_on") else None, auto_id="known-%s", **kwargs)
        self.today = today

    def clean_as_known_on(self) -> date | None:
        day: date | None = self.cleaned_data["as_known_on"]
        if day is not None and not date(2000, 1, 1) <= day < self.today:
            raise ValidationError(_("As known on: give a day that is over, from the year 2000 on."))
        return day

    @property
    def later_day(self) -> date | None:
        """The second day; None: now."""
        return None

    @property
    def day(self) -> date | None:
        """None where none was asked for, or what was asked is no such day: the page then says so."""
        if not self.is_bound or not self.is_valid():
            return None
        found: date | None = self.cleaned_data["as_known_on"]
        return found


class KnownBetween(AsKnownOn):
    """Two days of knowledge, the second of them now unless it is said."""

    compared_with_on = forms.DateField(
        label=_("Compared with"), widget=day_input(), required=False, help_text=_("A later day, to its end; empty: now")
    )

    def clean_compared_with_on(self) -> date | None:
        later: date | None = self.cleaned_data["compared_with_on"]
        first: date | None = self.cleaned_data.get("as_known_on")
        if later is None or first is None:
            return None
        if not first < later <= self.today:
            raise ValidationError(_("Compared with: give a day after the first one, today at the latest."))
        return later

    @property
    def later_day(self) -> date | None:
        return self.cleaned_data["compared_with_on"] if self.day else None
