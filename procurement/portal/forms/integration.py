"""Forms of the pages about other systems."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from procurement.portal.forms.base import PortalForm


class PutAway(PortalForm):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


class SendAgain(PortalForm):
    """Whole days in UTC, as the page says; the last day is part of the span."""

    since = forms.DateField(
        label=gettext_lazy("From"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    until = forms.DateField(
        label=gettext_lazy("To and with"), required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        since, until = said.get("since"), said.get("until")
        if since and until and until < since:
            raise ValidationError({"until": _("This is before the first day.")})
        return said

    def span(self) -> tuple[datetime, datetime | None]:
        """From the first instant to the one after the last; None: until now."""
        until = self.cleaned_data["until"]
        return _midnight(self.cleaned_data["since"]), _midnight(until) + timedelta(days=1) if until else None


def _midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
