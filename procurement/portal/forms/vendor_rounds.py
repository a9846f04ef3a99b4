"""Asking a vendor, and what the vendor answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from procurement.models import VendorQuestion
from procurement.portal.forms.base import PortalForm, day_input
from procurement.queries.vendor_rounds import AskableVendor
from procurement.services.vendor_rounds import LONGEST_ANSWER, LONGEST_REMARK, Answer
from procurement.vocabulary import VendorQuestionKind
from sites.domain.errors import RuleBroken
from sites.vocabulary import step_name

_LONGEST_NAME = 80


class AskVendor(PortalForm):
    company = forms.ChoiceField(label=_("Vendor"))
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("that of its contact")), ("en", "English"), ("de", "Deutsch"), ("ja", "日本語")],
    )

    def __init__(self, *args: Any, vendors: Sequence[AskableVendor], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choose("company", [(str(row.company.pk), f"{row.company.name} ({row.open_lots})") for row in vendors])


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question with its inputs."""

    question: VendorQuestion
    asks: str
    step: str
    inputs: tuple[BoundField, ...]


class AnswerQuestions(PortalForm):
    """Dates as people say them; an empty one is no answer."""

    said_by = forms.CharField(label=_("Your name"), max_length=_LONGEST_NAME)

    def __init__(self, *args: Any, questions: Sequence[VendorQuestion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._questions = questions
        for question in questions:
            key = question.pk
            self.fields[f"promise_{key}"] = forms.CharField(
                label=_("New date"), required=False, max_length=LONGEST_ANSWER,
                widget=forms.TextInput(attrs={"autocomplete": "off"}),
            )  # fmt: skip
            self.fields[f"conditional_on_{key}"] = forms.DateField(
                label=_("Subject to release by"), required=False, widget=day_input()
            )
            self.fields[f"note_{key}"] = forms.CharField(label=_("Remarks"), required=False, max_length=LONGEST_REMARK)
        self.style_fields()

    @property
    def rows(self) -> Iterator[QuestionRow]:
        for question in self._questions:
            yield QuestionRow(
                question=question,
                asks=str(VendorQuestionKind(question.kind).label),
                step=step_name(question.milestone.code),
                inputs=tuple(self[f"{name}_{question.pk}"] for name in ("promise", "conditional_on", "note")),
            )

    @property
    def answers(self) -> list[Answer]:
        of = self.cleaned_data
        found = []
        for question in self._questions:
            on = of.get(f"conditional_on_{question.pk}")
            promise = of.get(f"promise_{question.pk}", "")
            if promise:
                found.append(
                    Answer(question.pk, promise, on.isoformat() if on else "", of.get(f"note_{question.pk}", ""))
                )
        return found

    def refuse(self, refusal: RuleBroken) -> None:
        key, _slash, field = (refusal.field or "").partition("/")
        name = f"{field}_{key}" if field else key
        self.add_error(name if name in self.fields else None, refusal.message)
