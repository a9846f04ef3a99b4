"""What is said about the dates of an agreement, a grid connection or its works: the same statement as of a delivery."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm, day_input
from procurement.services.chain_dates import ChainRevision
from procurement.vocabulary import RevisionKind
from sites.domain.errors import RuleBroken
from sites.domain.imprecise import ImpreciseDate, on_day, read_as_typed
from sites.models import Milestone
from sites.vocabulary import Party, PromiseSource, ReasonCode, step_name


class _ChainForm(PortalForm):
    said_as: ClassVar = {"date": "on", "milestone": "step"}
    kind: ClassVar[RevisionKind]

    step = forms.ChoiceField(label=_("Step"))

    def __init__(
        self, data: Any = None, *, milestones: Sequence[Milestone], today: date, first: str = "", key: str = ""
    ) -> None:
        super().__init__(data, auto_id=f"{key}{self.kind.value}-%s")
        self.today = today
        fitting = [row for row in milestones if row.applicable and self._fits(row)]
        self.choose("step", [(row.code, step_name(row.code)) for row in fitting])
        self.fields["step"].initial = first
        for name in ("on", "stated_on"):
            if name in self.fields:
                self.fields[name].initial = today

    def _fits(self, milestone: Milestone) -> bool:
        return milestone.actual_on is None

    def _said(self) -> ImpreciseDate | None:
        return on_day(self.cleaned_data["on"])

    def revision(self) -> ChainRevision:
        """Only after `is_valid`."""
        cleaned = self.cleaned_data
        return ChainRevision(
            kind=self.kind,
            said=self._said(),
            milestone=cleaned["step"],
            conditional_on=cleaned.get("conditional_on"),
            reason_code=cleaned.get("reason_code", ""),
            responsible=cleaned.get("responsible", ""),
            note=cleaned.get("note", ""),
        )

    def said_on(self) -> date:
        stated: date = self.cleaned_data.get("stated_on") or self.today
        return stated

    def said_through(self) -> PromiseSource:
        return PromiseSource(self.cleaned_data.get("source") or PromiseSource.PORTAL)

    def said_in(self) -> str:
        text: str = self.cleaned_data.get("document", "")
        return text


class ChainPromise(_ChainForm):
    said_as: ClassVar = {"date": "said", "milestone": "step"}
    kind = RevisionKind.PROMISE

    said = forms.CharField(
        label=_("Date, as it was said"),
        max_length=64,
        help_text=_("2027-05-21, 21 May 2027, CW23, Jun 2027 or Jun 27, Q3 2027 or Q3, 6月上旬 or TBD"),
    )
    stated_on = forms.DateField(label=_("Stated on"), widget=day_input())
    source = forms.ChoiceField(label=_("Source"), choices=PromiseSource.choices, initial=PromiseSource.EMAIL)
    document = forms.CharField(label=_("Document"), max_length=500, required=False)
    reason_code = forms.ChoiceField(
        label=_("Reason"), choices=ReasonCode.choices, initial=ReasonCode.NOT_STATED, required=False
    )
    responsible = forms.ChoiceField(
        label=_("Responsible"), choices=[("", _("Whose reason or step it is")), *Party.choices], required=False
    )
    note = forms.CharField(label=_("Note"), max_length=2000, required=False)

    def clean_said(self) -> ImpreciseDate:
        try:
            return read_as_typed(self.cleaned_data["said"], as_of=self.today)
        except RuleBroken as refusal:
            raise ValidationError(refusal.message) from None

    def _said(self) -> ImpreciseDate | None:
        said: ImpreciseDate = self.cleaned_data["said"]
        return said


class ChainActual(_ChainForm):
    kind = RevisionKind.ACTUAL

    on = forms.DateField(label=_("Happened on"), widget=day_input())
    document = forms.CharField(label=_("Document"), max_length=500, required=False)

    def _fits(self, milestone: Milestone) -> bool:
        return True


class ChainLock(_ChainForm):
    kind = RevisionKind.LOCK

    on = forms.DateField(label=_("Pinned to"), widget=day_input())
    note = forms.CharField(label=_("Reason"), max_length=500, help_text=_("Why our date is better than the promise"))


class ChainRelease(_ChainForm):
    kind = RevisionKind.RELEASE

    note = forms.CharField(label=_("Reason"), max_length=500, required=False)

    def _fits(self, milestone: Milestone) -> bool:
        return milestone.locked_on is not None

    def _said(self) -> ImpreciseDate | None:
        return None


FORMS = {form.kind.value: form for form in (ChainPromise, ChainActual, ChainLock, ChainRelease)}
