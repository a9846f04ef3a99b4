"""Sending a workbook, and deciding about its preview."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.domain.cells import DayOrder, DecimalMark
from procurement.models import Company
from procurement.portal.forms.base import PortalForm, day_input
from procurement.readers.csv_table import ENCODINGS
from procurement.services.imports import Said
from procurement.vocabulary import ImportKind
from sites.domain.errors import RuleBroken

_LONGEST_REASON = 500
_LONGEST_PASTE = 2_000_000


class SendWorkbook(PortalForm):
    """A file, or rows pasted from a spreadsheet with their header."""

    kind = forms.ChoiceField(label=_("What the rows are"), choices=ImportKind.choices)
    file = forms.FileField(label=_("File"), required=False, help_text=_(".xlsx or .csv, up to 20 MB and 50,000 rows"))
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
        choices=[("", _("refused")), (DayOrder.DAY_FIRST, _("5 June")), (DayOrder.MONTH_FIRST, _("6 May"))],
    )
    decimal_mark = forms.ChoiceField(
        label=_("Text such as 1,5 means"),
        required=False,
        choices=[("", _("refused")), (DecimalMark.COMMA, _("one and a half")), (DecimalMark.POINT, _("fifteen"))],
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


class UndoImport(PortalForm):
    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST_REASON)
    force = forms.BooleanField(label=_("Also what was changed since"), required=False)


def first_form(today: date) -> SendWorkbook:
    return SendWorkbook(initial={"stated_on": today})
