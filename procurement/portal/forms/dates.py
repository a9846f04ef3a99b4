"""What a person says about the dates of a line: the same statement an ERP sends, typed."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from procurement.domain.revision import DateRevision
from procurement.portal import words
from procurement.portal.forms.base import PortalForm, day_input, has_choices
from procurement.queries.line import LineView, LotView
from procurement.vocabulary import RevisionKind
from sites.domain.errors import RuleBroken
from sites.domain.imprecise import ImpreciseDate, on_day, read_as_typed
from sites.models import Milestone
from sites.vocabulary import Party, PromiseSource, ReasonCode, step_name


class _LineForm(PortalForm):
    """Names a lot and a step of one schedule line. `today` is the site's own day."""

    said_as: ClassVar = {"date": "said", "milestone": "step", "lot_number": "lot", "note": "note"}
    kind: ClassVar[RevisionKind]

    lot = forms.TypedChoiceField(label=_("Lot"), coerce=int, empty_value=None, required=False)
    step = forms.ChoiceField(label=_("Step"))

    def __init__(self, data: Any = None, *, view: LineView, today: date, **kwargs: Any) -> None:
        super().__init__(data, auto_id=f"{self.kind.value}-%s", **kwargs)
        self.view, self.today = view, today
        open_lots = [each for each in view.lots if each.is_open] or list(view.lots)
        lot_field = self.fields["lot"]
        assert isinstance(lot_field, forms.ChoiceField)
        lot_field.choices = self._lots(open_lots)
        if len(view.lots) < 2:
            lot_field.widget = forms.HiddenInput()
        step_field = self.fields["step"]
        assert isinstance(step_field, forms.ChoiceField)
        step_field.choices = [(row.code, step_name(row.code)) for row in self._steps(open_lots)]
        step_field.initial = self._first_step(open_lots)

    def _lots(self, lots: Sequence[LotView]) -> list[tuple[str, Any]]:
        every = [("", _("Every open lot"))]
        return every + [(str(each.lot.number), _("Lot %(number)s") % {"number": each.lot.number}) for each in lots]

    def _steps(self, lots: Sequence[LotView]) -> list[Milestone]:
        """Of all lots offered, each code once, in chain order."""
        found: dict[str, Milestone] = {}
        for each in lots:
            for row in each.milestones:
                if row.code not in found and self._fits(row):
                    found[row.code] = row
        return list(found.values())

    def _fits(self, milestone: Milestone) -> bool:
        return milestone.actual_on is None

    def _first_step(self, lots: Sequence[LotView]) -> str:
        return self.view.line.contract_step

    def revision(self) -> DateRevision:
        """What was said, in the service's shape. Only after `is_valid`."""
        cleaned = self.cleaned_data
        line = self.view.line
        return DateRevision(
            kind=self.kind,
            line_number=line.line.number,
            schedule_number=line.number,
            lot_number=cleaned["lot"],
            milestone=cleaned["step"],
            said=self._said(),
            conditional_on=cleaned.get("conditional_on"),
            quantity=cleaned.get("quantity"),
            reason_code=cleaned.get("reason_code", ""),
            responsible=cleaned.get("responsible", ""),
            note=cleaned.get("note", ""),
        )

    def _said(self) -> ImpreciseDate | None:
        return on_day(self.cleaned_data["on"])

    def said_on(self) -> date:
        stated: date = self.cleaned_data.get("stated_on") or self.today
        return stated

    def said_through(self) -> PromiseSource:
        return PromiseSource(self.cleaned_data.get("source") or PromiseSource.PORTAL)

    def said_in(self) -> str:
        text: str = self.cleaned_data.get("document", "")
        return text


class RecordPromise(_LineForm):
    kind = RevisionKind.PROMISE

    said = forms.CharField(
        label=_("Date, as the vendor said it"),
        max_length=64,
        help_text=_("2027-05-21, 21 May 2027, CW23, Jun 2027 or Jun 27, Q3 2027 or Q3, 6月上旬 or TBD"),
    )
    stated_on = forms.DateField(label=_("Stated on"), widget=day_input())
    source = forms.ChoiceField(label=_("Source"), choices=PromiseSource.choices, initial=PromiseSource.EMAIL)
    document = forms.CharField(
        label=_("Document"), max_length=500, required=False, help_text=_("The mail, letter or minutes it stands in")
    )
    reason_code = forms.ChoiceField(
        label=_("Reason"), choices=ReasonCode.choices, initial=ReasonCode.NOT_STATED, required=False
    )
    responsible = forms.ChoiceField(
        label=_("Responsible"), choices=[("", _("Whose reason or step it is")), *Party.choices], required=False
    )
    conditional_on = forms.DateField(
        label=_("If the step before is done by"),
        widget=day_input(),
        required=False,
        help_text=_("What the vendor made it depend on; empty: as now forecast"),
    )
    quantity = forms.DecimalField(
        label=_("For how many only"),
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=3,
        help_text=_("Empty: all of them. Fewer units are split off into a lot of their own"),
    )
    note = forms.CharField(label=_("Note"), max_length=2000, required=False)

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.fields["stated_on"].initial = self.today

    def clean_said(self) -> ImpreciseDate:
        try:
            return read_as_typed(self.cleaned_data["said"], as_of=self.today)
        except RuleBroken as refusal:
            raise ValidationError(refusal.message) from None

    def _said(self) -> ImpreciseDate | None:
        said: ImpreciseDate = self.cleaned_data["said"]
        return said


class RecordActual(_LineForm):
    said_as: ClassVar = {"date": "on", "milestone": "step", "lot_number": "lot"}
    kind = RevisionKind.ACTUAL

    on = forms.DateField(label=_("Happened on"), widget=day_input(), help_text=_("Local to where it happened"))
    quantity = forms.DecimalField(
        label=_("For how many only"),
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=3,
        help_text=_("Empty: all of them. Fewer units are split off into a lot of their own"),
    )
    document = forms.CharField(label=_("Document"), max_length=500, required=False)

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.fields["on"].initial = self.today

    def _fits(self, milestone: Milestone) -> bool:
        return True

    def _first_step(self, lots: Sequence[LotView]) -> str:
        return next((each.answer.next_code for each in lots if each.answer), self.view.line.contract_step)


class SetLock(_LineForm):
    said_as: ClassVar = {"date": "on", "milestone": "step", "lot_number": "lot"}
    kind = RevisionKind.LOCK

    on = forms.DateField(label=_("Pinned to"), widget=day_input())
    note = forms.CharField(label=_("Reason"), max_length=500, help_text=_("Why our date is better than the promise"))


class ReleaseLock(_LineForm):
    kind = RevisionKind.RELEASE

    note = forms.CharField(label=_("Reason"), max_length=500, required=False)

    def _fits(self, milestone: Milestone) -> bool:
        return milestone.locked_on is not None

    def _said(self) -> ImpreciseDate | None:
        return None

    @property
    def has_locks(self) -> bool:
        return has_choices(self, "step")


class RetractPromise(PortalForm):
    said_as: ClassVar = {"reason": "why"}

    promise = forms.ChoiceField(label=_("Promise"))
    why = forms.CharField(label=_("Reason"), max_length=500, help_text=_("It stays in the ledger, struck out"))

    def __init__(self, data: Any = None, *, view: LineView, **kwargs: Any) -> None:
        super().__init__(data, auto_id="retract-%s", **kwargs)
        field = self.fields["promise"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (
                str(row.promise.pk),
                _("Lot %(number)s, %(step)s: %(said)s, stated %(stated)s")
                % {
                    "number": each.lot.number,
                    "step": step_name(row.step_code),
                    "said": words.said(row.promise.value, row.promise.precision),
                    "stated": words.day(row.promise.stated_on),
                },
            )
            for each in view.lots
            for row in each.ledger
            if not row.is_superseded and not row.is_retracted
        ]
