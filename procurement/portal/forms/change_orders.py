"""A change of an order: what its lines are to say instead, and why."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.domain.money import trimmed
from procurement.domain.order_document import LineDocument, OrderDocument, ScheduleDocument
from procurement.models import ScheduleLine
from procurement.portal.forms.base import PortalForm, day_input
from procurement.vocabulary import LineStatus
from sites.domain.errors import RuleBroken

# What a refusal of the service calls a value, and the column of this form.
_COLUMNS: Final = {"contractual_date": "contract", "quantity": "quantity", "unit_price": "price", "status": "cancel"}


class DraftChange(PortalForm):
    """A row for each schedule line; a field left as it is, or emptied, changes nothing. The price is the line's."""

    number = forms.CharField(label=_("Number"), max_length=40, help_text=_("Yours, as CO-3"))
    reason = forms.CharField(label=_("Reason"), max_length=500)
    amount = forms.DecimalField(
        label=_("Adds to the price"), required=False, max_digits=17, decimal_places=4, help_text=_("With a minus: less")
    )
    currency = forms.CharField(label=_("Currency"), required=False, max_length=3)
    rebaseline = forms.BooleanField(
        label=_("New baseline"), required=False, help_text=_("What it touches is judged by its new dates from then on.")
    )
    said_as: ClassVar = {"order": "number"}

    def __init__(self, *args: Any, schedules: Sequence[ScheduleLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schedules = schedules
        self.single = list(self.fields)
        seen: set[int] = set()
        for row in schedules:
            key = f"{row.line.number}-{row.number}"
            name = f"{row.line.number}/{row.number}"
            self._add(
                f"contract__{key}",
                forms.DateField(widget=day_input(), initial=row.contract_on),
                _("Contract date"),
                name,
            )
            self._add(
                f"quantity__{key}",
                forms.DecimalField(max_digits=14, decimal_places=3, initial=_plain(row.quantity)),
                _("Quantity"),
                name,
            )
            self._add(f"cancel__{key}", forms.BooleanField(), _("Cancel"), name)
            if row.line.number not in seen:
                price = row.line.unit_price
                self._add(
                    f"price__{row.line.number}",
                    forms.DecimalField(
                        max_digits=18, decimal_places=4, initial=None if price is None else _plain(price)
                    ),
                    _("Unit price"),
                    str(row.line.number),
                )
                seen.add(row.line.number)
        self.style_fields()

    def _add(self, name: str, made: forms.Field, label: Any, row: str) -> None:
        made.required, made.label = False, label
        made.widget.attrs["aria-label"] = f"{label}, {row}"
        self.fields[name] = made

    @property
    def singles(self) -> list[forms.BoundField]:
        return [self[name] for name in self.single]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """For the table: each schedule line with its fields; the price stands in the first row of its line."""
        return [
            {
                "schedule": row,
                "fields": [
                    self[name] if (name := f"{column}__{key}") in self.fields else None
                    for column, key in (
                        ("contract", f"{row.line.number}-{row.number}"),
                        ("quantity", f"{row.line.number}-{row.number}"),
                        ("price", str(row.line.number) if row.pk in self._first else ""),
                        ("cancel", f"{row.line.number}-{row.number}"),
                    )
                ],
            }
            for row in self.schedules
        ]

    @property
    def _first(self) -> set[Any]:
        """The first schedule line of each line."""
        return {row.pk for row in {row.line_id: row for row in reversed(self.schedules)}.values()}

    def document(self) -> OrderDocument:
        """Only what differs from what is stored. After `is_valid`."""
        lines: dict[int, list[ScheduleDocument]] = {}
        prices: dict[int, Decimal] = {}
        for row in self.schedules:
            key = f"{row.line.number}-{row.number}"
            on, quantity = self.cleaned_data[f"contract__{key}"], self.cleaned_data[f"quantity__{key}"]
            price = self.cleaned_data.get(f"price__{row.line.number}")
            changed = ScheduleDocument(
                number=row.number,
                quantity=quantity if quantity is not None and quantity != row.quantity else None,
                contract_on=on if on and on != row.contract_on else None,
                status=LineStatus.CANCELLED if self.cleaned_data[f"cancel__{key}"] else None,
                field=key,
            )
            if changed != ScheduleDocument(number=row.number, field=key):
                lines.setdefault(row.line.number, []).append(changed)
            if price is not None and price != row.line.unit_price:
                prices[row.line.number] = price
        return OrderDocument(
            vendor="",
            currency="",
            lines=tuple(
                LineDocument(
                    number=number,
                    unit_price=prices.get(number),
                    schedules=tuple(lines[number]) if number in lines else None,
                    field=str(number),
                )
                for number in sorted(lines.keys() | prices.keys())
            ),
        )

    def refuse(self, refusal: RuleBroken) -> None:
        """At the value of the line it names, else as any form."""
        row, _slash, name = (refusal.field or "").rpartition("/")
        field = f"{_COLUMNS.get(name, '')}__{row}"
        if field in self.fields:
            self.add_error(field, refusal.message)
        else:
            super().refuse(refusal)


def _plain(number: Decimal) -> str:
    """Without the places that say nothing, and never as a power of ten."""
    return format(trimmed(number), "f")


class RejectChange(PortalForm):
    reason = forms.CharField(label=_("Reason"), max_length=500)
