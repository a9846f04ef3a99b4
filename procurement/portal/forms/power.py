"""What is typed about the power of a site: the window that is looked at, and the load ramp."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm, day_input
from procurement.portal.forms.rows import RowsForm

LONGEST_YEARS: Final = 15


def megawatts(label: Any, *, required: bool = False, help_text: Any = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label, required=required, min_value=0, max_digits=9, decimal_places=3, help_text=help_text
    )


@dataclass(frozen=True, slots=True)
class Window:
    """`known_on` None: no past day is asked for."""

    from_on: date
    until_on: date
    known_on: date | None = None


class WindowForm(PortalForm):
    """In the address. What cannot be read is shown with its message and the usual window is used."""

    from_on = forms.DateField(label=_("From"), widget=day_input(), required=False)
    until_on = forms.DateField(label=_("Until"), widget=day_input(), required=False)
    known_on = forms.DateField(
        label=_("Compare with what was known on"),
        widget=day_input(),
        required=False,
        help_text=_("A past day; empty: only today and what was agreed first"),
    )

    def __init__(self, data: Any, *, today: date, usual: Window) -> None:
        super().__init__(data, auto_id="window-%s")
        self.today, self.usual = today, usual
        self.fields["from_on"].initial, self.fields["until_on"].initial = usual.from_on, usual.until_on

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        from_on = cleaned.get("from_on") or self.usual.from_on
        until_on = cleaned.get("until_on") or self.usual.until_on
        if until_on < from_on:
            self.add_error("until_on", _("The window ends before it starts."))
        elif (until_on - from_on).days > LONGEST_YEARS * 366:
            self.add_error("until_on", _("The window is longer than fifteen years."))
        known_on = cleaned.get("known_on")
        if known_on and known_on >= self.today:
            self.add_error("known_on", _("Give a day before today; nothing is known on a day to come."))
        return cleaned

    def window(self) -> Window:
        if not self.is_valid():
            return self.usual
        cleaned = self.cleaned_data
        return Window(
            cleaned.get("from_on") or self.usual.from_on,
            cleaned.get("until_on") or self.usual.until_on,
            cleaned.get("known_on"),
        )


def usual_window(today: date, last_load_on: date | None) -> Window:
    """From the quarter of today to half a year after the last step of the load, in whole quarters; 2 to 6 years."""
    first = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    wanted = (last_load_on or today) + timedelta(days=182)
    last = min(max(wanted, first + timedelta(days=730)), first + timedelta(days=6 * 365))
    quarter_ends = [date(last.year, month, day) for month, day in ((3, 31), (6, 30), (9, 30), (12, 31))]
    return Window(first, next(end for end in quarter_ends if end >= last))


class RampForm(RowsForm):
    path: ClassVar = "steps"
    said_as: ClassVar[Mapping[str, str]] = {}

    def column_fields(self) -> dict[str, forms.Field]:
        return {
            "from_on": forms.DateField(label=_("From"), widget=day_input()),
            "gross_mw": megawatts(_("Load, MW"), required=True, help_text=_("Gross, at the site's connection")),
        }

    def steps(self) -> list[tuple[date, Decimal]]:
        return [(row["from_on"], row["gross_mw"]) for row in self.said_rows()]


class SpotPriceForm(PortalForm):
    """What the site is assumed to pay where no agreement delivers yet."""

    said_as: ClassVar = {"price_per_mwh": "price"}

    agreement = forms.ChoiceField(label=_("For"), required=False)
    from_on = forms.DateField(label=_("From"), widget=day_input())
    price = forms.DecimalField(label=_("Price"), max_digits=14, decimal_places=4)
    unit = forms.ChoiceField(label=_("Per"))
    currency = forms.CharField(label=_("Currency"), max_length=3, min_length=3)
    source = forms.CharField(label=_("Source"), max_length=300, help_text=_("Whose curve or estimate it is"))
