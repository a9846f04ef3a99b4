"""Sending a workbook, and deciding about its preview."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from procurement.domain.cells import DayOrder, DecimalMark
from procurement.domain.import_table import HEADER_WITHIN
from procurement.domain.table import Sheet, column_letters
from procurement.models import Company
from procurement.portal.forms.base import PortalForm, day_input
from procurement.portal.import_words import field_name
from procurement.readers.csv_table import ENCODINGS
from procurement.services.import_rows import KEY, QUESTION, VERSION
from procurement.services.imports import Said, columns_of
from procurement.vocabulary import ImportKind
from sites.domain.errors import RuleBroken

_LONGEST_REASON = 500
_LONGEST_PASTE = 2_000_000
DAY_ORDERS = [("", _("refused")), (DayOrder.DAY_FIRST, _("5 June")), (DayOrder.MONTH_FIRST, _("6 May"))]
DECIMAL_MARKS = [("", _("refused")), (DecimalMark.COMMA, _("one and a half")), (DecimalMark.POINT, _("fifteen"))]

_READING = ("day_order", "decimal_mark", "encoding")


class SendWorkbook(PortalForm):
    """A file, or rows pasted from a spreadsheet with their header."""

    kind = forms.ChoiceField(label=_("What the rows are"), choices=ImportKind.choices)
    file = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_(".xlsx or .csv, up to 20 MB and 50,000 rows; a business document as .xml (UBL 2)"),
    )
    pasted = forms.CharField(
        label=_("Or paste rows, with their header"),
        required=False,
        strip=False,
        max_length=_LONGEST_PASTE,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )
    stated_on = forms.DateField(label=_("The day it speaks of"), widget=day_input())
    company = forms.ModelChoiceField(
        label=_("Whose file"),
        queryset=Company.objects.none(),
        required=False,
        help_text=_("How its columns were understood is remembered"),
    )
    day_order = forms.ChoiceField(
        label=_("5/6/2027 means"),
        required=False,
        choices=DAY_ORDERS,
    )
    decimal_mark = forms.ChoiceField(
        label=_("Text such as 1,5 means"),
        required=False,
        choices=DECIMAL_MARKS,
    )
    encoding = forms.ChoiceField(
        label=_("Encoding of a .csv"),
        required=False,
        choices=[("", "UTF-8"), *((name, name) for name in ENCODINGS if name != "utf-8")],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        company = self.fields["company"]
        assert isinstance(company, forms.ModelChoiceField)
        company.queryset = Company.objects.order_by("name")

    @property
    def first(self) -> list[BoundField]:
        return [self[name] for name in ("kind", "file", "stated_on", "company")]

    @property
    def reading(self) -> list[BoundField]:
        """What is ambiguous in files and refused unless it is said."""
        return [self[name] for name in _READING]

    @property
    def reading_is_said(self) -> bool:
        return any(bound.value() or bound.errors for bound in self.reading)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if not self.errors and bool(cleaned.get("file")) == bool((cleaned.get("pasted") or "").strip()):
            self.add_error("file", _("Choose a file, or paste rows: one of the two."))
        return cleaned

    @property
    def content(self) -> tuple[bytes, str]:
        """The bytes and what the file is called."""
        file = self.cleaned_data["file"]
        if file:
            return file.read(), file.name
        return self.cleaned_data["pasted"].encode(), str(_("pasted rows"))

    @property
    def said(self) -> Said:
        of = self.cleaned_data
        return Said(
            encoding=(of["encoding"] or None) if of["file"] else None,
            day_order=DayOrder(of["day_order"]) if of["day_order"] else None,
            decimal_mark=DecimalMark(of["decimal_mark"]) if of["decimal_mark"] else None,
        )

    def refuse(self, refusal: RuleBroken) -> None:
        """What is wrong inside the file, a row or a cell, is the file's refusal; its place is said before it."""
        name = refusal.field or ""
        if name in self.fields:
            self.add_error(name, refusal.message)
        else:
            at = "pasted" if self.cleaned_data.get("pasted") else "file"
            self.add_error(at, f"{name}: {refusal.message}" if name else refusal.message)


class MapColumns(PortalForm):
    """Which column is which field: one choice for each field of the kind, named as in the refusal."""

    sheet = forms.ChoiceField(label=_("Sheet"))
    header_row = forms.IntegerField(label=_("Row with the titles"), min_value=1, max_value=HEADER_WITHIN)
    day_order = forms.ChoiceField(label=_("5/6/2027 means"), required=False, choices=DAY_ORDERS)
    decimal_mark = forms.ChoiceField(label=_("Text such as 1,5 means"), required=False, choices=DECIMAL_MARKS)

    def __init__(self, *args: Any, kind: ImportKind, sheets: Sequence[Sheet], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choose("sheet", [(sheet.name, sheet.name) for sheet in sheets])
        widest = max(len(sheet.rows[0]) if sheet.rows else 0 for sheet in sheets)
        letters = [column_letters(place) for place in range(widest)]
        for column in columns_of(kind):
            if column.field in {KEY, VERSION, QUESTION}:
                continue
            self.fields[f"column_{column.field}"] = forms.ChoiceField(
                label=field_name(column.field),
                required=column.required,
                choices=[("", "–"), *((letter, letter) for letter in letters)],
            )
        self.style_fields()

    @property
    def columns(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith("column_")]

    @property
    def others(self) -> list[BoundField]:
        return [self[name] for name in self.fields if not name.startswith("column_")]

    @property
    def said(self) -> Said:
        of = self.cleaned_data
        return Said(
            sheet=of["sheet"],
            header_row=of["header_row"],
            columns={
                name.removeprefix("column_"): letters
                for name, letters in of.items()
                if name.startswith("column_") and letters
            },
            day_order=DayOrder(of["day_order"]) if of["day_order"] else None,
            decimal_mark=DecimalMark(of["decimal_mark"]) if of["decimal_mark"] else None,
        )

    def refuse(self, refusal: RuleBroken) -> None:
        name = (refusal.field or "").rpartition("/")[2]
        at = next((each for each in (f"column_{name}", name) if each in self.fields), None)
        self.add_error(at, refusal.message)


class UndoImport(PortalForm):
    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST_REASON)
    force = forms.BooleanField(label=_("Also what was changed since"), required=False)


def first_form(today: date) -> SendWorkbook:
    return SendWorkbook(initial={"stated_on": today})
