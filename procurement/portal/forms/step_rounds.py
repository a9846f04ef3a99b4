"""Rounds of submittals and factory tests, as an engineer records them."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.domain.step_rounds import RESULTS
from procurement.portal.forms.base import PortalForm, day_input
from procurement.queries.line import LineView
from sites.vocabulary import Party, RoundResult, step_name


class RecordRound(PortalForm):
    """Of a step that goes in rounds and is not done."""

    step = forms.ChoiceField(label=_("Step"))
    submitted_on = forms.DateField(
        label=_("Submitted or tested on"),
        widget=day_input(),
        required=False,
        help_text=_("Empty: the round that is under way"),
    )
    returned_on = forms.DateField(label=_("Came back on"), widget=day_input(), required=False)
    result = forms.ChoiceField(
        label=_("Result"),
        choices=[("", _("None yet")), *RoundResult.choices],
        required=False,
        help_text=_("Approved, approved as noted or passed: the step is done that day"),
    )
    ball = forms.ChoiceField(
        label=_("Ball in court"), choices=[("", _("Whose turn it usually is")), *Party.choices], required=False
    )
    document = forms.CharField(label=_("Document"), max_length=500, required=False)
    note = forms.CharField(label=_("Note"), max_length=500, required=False)

    def __init__(self, data: Any = None, *, view: LineView, today: date, **kwargs: Any) -> None:
        super().__init__(data, auto_id="round-%s", **kwargs)
        many = len(view.lots) > 1
        self.choose(
            "step",
            [
                (
                    f"{each.lot.pk}/{row.code}",
                    _("Lot %(number)s, %(step)s") % {"number": each.lot.number, "step": step_name(row.code)}
                    if many
                    else step_name(row.code),
                )
                for each in view.lots
                if each.is_open
                for row in each.milestones
                if row.code in RESULTS and row.applicable and row.actual_on is None
            ],
        )

    said_as: ClassVar = {"lot": "step"}

    def said(self) -> dict[str, Any]:
        """In the service's words. Only after `is_valid`."""
        cleaned = dict(self.cleaned_data)
        lot, _slash, cleaned["step"] = cleaned["step"].partition("/")
        return cleaned | {"lot_id": UUID(lot), "ball": Party(cleaned["ball"]) if cleaned["ball"] else None}


class TakeRoundBack(PortalForm):
    said_as: ClassVar = {"reason": "why"}

    round = forms.ChoiceField(label=_("Round"))
    why = forms.CharField(label=_("Reason"), max_length=500, help_text=_("The history keeps what it said"))

    def __init__(self, data: Any = None, *, view: LineView, **kwargs: Any) -> None:
        super().__init__(data, auto_id="unround-%s", **kwargs)
        open_steps = {row.code for each in view.lots for row in each.milestones if row.actual_on is None}
        self.choose(
            "round",
            [
                (
                    str(row.rounds[-1].pk),
                    _("Lot %(lot)s, %(step)s, round %(number)s")
                    % {"lot": each.lot.number, "step": step_name(row.step.code), "number": row.rounds[-1].number},
                )
                for each in view.lots
                for row in each.steps
                if row.rounds and row.step.code in open_steps
            ],
        )
