"""Forms of the pages about other systems."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from procurement.domain.cells import DayOrder, DecimalMark, Declared
from procurement.portal.forms.base import PortalForm, day_input
from procurement.portal.forms.imports import DAY_ORDERS, DECIMAL_MARKS
from procurement.readers.csv_table import ENCODINGS


class PutAway(PortalForm):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


class SendAgain(PortalForm):
    """Whole days in UTC, as the page says; the last day is part of the span."""

    since = forms.DateField(label=gettext_lazy("From"), widget=day_input())
    until = forms.DateField(
        label=gettext_lazy("To and with"), required=False,
        widget=day_input(),
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


class SendOpenOrders(PortalForm):
    """The order numbers are those of the system; the whole list takes the place of its former one."""

    said_as: ClassVar = {"rows": "file"}

    system = forms.ChoiceField(label=gettext_lazy("Whose list"))
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            ".xlsx or .csv with the columns order, line and any of schedule, quantity, unit_price, contract_on, status"
        ),
    )
    complete = forms.BooleanField(
        label=gettext_lazy("The list is complete: what is not in it is not open there"), required=False, initial=True
    )
    day_order = forms.ChoiceField(label=gettext_lazy("5/6/2027 means"), required=False, choices=DAY_ORDERS)
    decimal_mark = forms.ChoiceField(
        label=gettext_lazy("Text such as 1,5 means"), required=False, choices=DECIMAL_MARKS
    )
    encoding = forms.ChoiceField(
        label=gettext_lazy("Encoding of a .csv"),
        required=False,
        choices=[("", "UTF-8"), *((name, name) for name in ENCODINGS if name != "utf-8")],
    )

    def __init__(self, *args: Any, systems: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choose("system", [(each, each) for each in systems])

    def declared(self, as_of: date) -> Declared:
        said = self.cleaned_data
        return Declared(
            as_of=as_of,
            day_order=DayOrder(said["day_order"]) if said["day_order"] else None,
            decimal_mark=DecimalMark(said["decimal_mark"]) if said["decimal_mark"] else None,
        )
