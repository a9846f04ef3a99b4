"""One row of a set-up list, typed field by field where a pasted sheet would be too much."""

from collections.abc import Iterable
from typing import Any, Final
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm, day_input
from procurement.services import imports
from procurement.services.import_rows import OWN_COLUMNS
from procurement.services.set_up_columns import Column, Table, day, flag, zone
from procurement.services.set_up_sheets import Sheet
from sites.domain.errors import BadInput
from sites.models import Site

_OFFERED: Final = 300


class TypedRow(PortalForm):
    """`known` are the words that an input offers while one types, by the id of their list."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="row-%s", **kwargs)
        self.known: dict[str, list[str]] = {}

    def cells(self, names: Iterable[str]) -> list[str]:
        return [" ".join(str(self.cleaned_data[name]).split()) for name in names]

    def offer(self, name: str, words: Iterable[str]) -> None:
        self.known[f"known-{name}"] = sorted(words)
        self.fields[name].widget.attrs["list"] = f"known-{name}"


class TableRow(TypedRow):
    """A new row, or `row` as it stands: then what names it stays."""

    def __init__(self, data: Any = None, *, table: Table, row: Any = None) -> None:
        super().__init__(data)
        for column in table.columns:
            own = _own_field(table, column)
            fixed = row is not None and column.name in table.names
            self.fields[column.name] = _typed(column, own, row, fixed=fixed)
            if fixed:
                continue
            if column.read is zone:
                self.offer(column.name, available_timezones())
            elif own is not None and own.is_relation:
                found = own.related_model._default_manager.select_related()[:_OFFERED]
                self.offer(column.name, (column.show(each) for each in found))
        self.fields["reason"] = forms.CharField(
            label=_("Reason, kept with the history"), max_length=300, required=False
        )
        self.style_fields()


class SheetRow(TypedRow):
    """Its cells go on to the preview, which says what is wrong with one."""

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        super().__init__(data)
        for column in imports.columns_of(sheet.import_kind):
            if column not in OWN_COLUMNS:
                is_day = column.field.endswith("_on") or column.field == "required_on_site"
                self.fields[column.field] = forms.CharField(
                    label=column.titles[0],
                    required=column.required,
                    max_length=400,
                    help_text=_("A day as 2027-05-21.") if is_day else "",
                )
        if "site" in self.fields:
            self.offer("site", Site.objects.values_list("code", flat=True)[:_OFFERED])
        self.style_fields()


def _own_field(table: Table, column: Column) -> Any:
    """None for a column that the list makes of several."""
    try:
        return table.model._meta.get_field(column.name)
    except FieldDoesNotExist:
        return None


def _typed(column: Column, own: Any, row: Any, *, fixed: bool) -> forms.Field:
    label = str(column.label)
    value = _standing(column, own) if row is None else getattr(row, column.name)
    if fixed:
        readonly = forms.TextInput(attrs={"readonly": True})
        return forms.CharField(label=label, initial=column.show(value), widget=readonly, required=False)
    needed = _is_needed(column, own)
    if column.read is flag:
        answers: list[Any] = [("yes", _("yes")), ("no", _("no"))]
        return forms.ChoiceField(label=label, choices=answers, initial="yes" if value else "no")
    if own is not None and own.choices:
        choices: list[Any] = [*([] if needed else [("", "–")]), *own.choices]
        return forms.ChoiceField(label=label, choices=choices, initial=value, required=needed)
    widget = day_input() if column.read is day else forms.TextInput()
    return forms.CharField(label=label, initial=column.show(value), widget=widget, required=needed, max_length=400)


def _standing(column: Column, own: Any) -> Any:
    """What an empty cell means, as far as the list says so."""
    if isinstance(own, models.BooleanField):
        return own.get_default()
    try:
        return column.read("")
    except BadInput:
        return None


def _is_needed(column: Column, own: Any) -> bool:
    try:
        empty = column.read("")
    except BadInput:
        return True
    return empty in {None, ""} and own is not None and not own.blank
