"""Binding gates and required-on-site dates to activities, one by one or by a rule."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm
from procurement.queries.anchors import AnchorsView
from procurement.services.anchor_rules import RuleFacts
from sites.models import Gate
from sites.vocabulary import ActivityEdge, AnchorField, AnchorSubject, DurationBasis, GateKind

_LONGEST_CODE = 80
_LONGEST_REASON = 300


def _projects(form: forms.Form, projects: Sequence[str]) -> None:
    field = form.fields["project_code"]
    assert isinstance(field, forms.ChoiceField)
    field.choices = [(code, code) for code in projects]


class BindGate(PortalForm):
    said_as: ClassVar = {"gate_id": "gate"}

    gate = forms.ChoiceField(label=_("Gate"))
    project_code = forms.ChoiceField(label=_("Project"), required=False)
    activity_code = forms.CharField(
        label=_("Activity id"),
        max_length=_LONGEST_CODE,
        required=False,
        help_text=_("Empty: it follows none and is kept by hand"),
    )
    edge = forms.ChoiceField(label=_("Its"), choices=ActivityEdge.choices, initial=ActivityEdge.FINISH)
    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST_REASON)

    def __init__(self, data: Any = None, *, view: AnchorsView, **kwargs: Any) -> None:
        super().__init__(data, auto_id="gate-%s", **kwargs)
        field = self.fields["gate"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(row.gate.pk), _place(row.gate)) for row in view.gates if not row.date.is_actual]
        _projects(self, view.projects)


class BindRequirement(PortalForm):
    said_as: ClassVar = {"requirement_id": "requirement"}

    requirement = forms.ChoiceField(label=_("Requirement"))
    project_code = forms.ChoiceField(label=_("Project"))
    activity_code = forms.CharField(label=_("Activity id"), max_length=_LONGEST_CODE)
    edge = forms.ChoiceField(label=_("Its"), choices=ActivityEdge.choices, initial=ActivityEdge.START)
    shake_out_days = forms.IntegerField(label=_("Shake-out, days"), min_value=0, max_value=366, initial=0)
    shake_out_basis = forms.ChoiceField(
        label=_("Counted in"), choices=DurationBasis.choices, initial=DurationBasis.WORKING
    )
    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST_REASON)

    def __init__(self, data: Any = None, *, view: AnchorsView, **kwargs: Any) -> None:
        super().__init__(data, auto_id="requirement-%s", **kwargs)
        field = self.fields["requirement"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (str(row.requirement.pk), f"{row.requirement.tag} {row.requirement.description}".strip())
            for row in view.requirements
        ]
        _projects(self, view.projects)


class MakeRule(PortalForm):
    """Shown what it would bind first; the same form again makes it."""

    subject = forms.ChoiceField(label=_("Binds"), choices=AnchorSubject.choices)
    gate_kinds = forms.MultipleChoiceField(
        label=_("Kinds of gate"), choices=GateKind.choices, required=False, help_text=_("Only where gates are bound")
    )
    project_code = forms.ChoiceField(label=_("Project"))
    field = forms.ChoiceField(label=_("Looks at"), choices=AnchorField.choices)
    code_type = forms.CharField(
        label=_("Activity code type"),
        max_length=_LONGEST_CODE,
        required=False,
        help_text=_("Only where an activity code is looked at"),
    )
    pattern = forms.CharField(
        label=_("Pattern"),
        max_length=200,
        help_text=_("{code} stands for the tag or the code of the block, * for anything: Set {code}*"),
    )
    edge = forms.ChoiceField(label=_("Its"), choices=ActivityEdge.choices)
    reason = forms.CharField(
        label=_("Reason"), max_length=_LONGEST_REASON, required=False, help_text=_("Needed to make the rule")
    )

    def __init__(self, data: Any = None, *, view: AnchorsView, **kwargs: Any) -> None:
        super().__init__(data, auto_id="rule-%s", **kwargs)
        _projects(self, view.projects)
        if view.code_types:
            self.fields["code_type"].help_text = _("Only where an activity code is looked at: %(types)s") % {
                "types": ", ".join(view.code_types)
            }

    def facts(self) -> RuleFacts:
        cleaned = self.cleaned_data
        return RuleFacts(
            project_code=cleaned["project_code"],
            subject=AnchorSubject(cleaned["subject"]),
            field=AnchorField(cleaned["field"]),
            pattern=cleaned["pattern"],
            edge=ActivityEdge(cleaned["edge"]),
            code_type=cleaned["code_type"],
            gate_kinds=tuple(GateKind(kind) for kind in cleaned["gate_kinds"]),
        )


class EndRule(PortalForm):
    rule = forms.ChoiceField(label=_("Rule"))
    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST_REASON)

    def __init__(self, data: Any = None, *, view: AnchorsView, **kwargs: Any) -> None:
        super().__init__(data, auto_id="end-%s", **kwargs)
        field = self.fields["rule"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(row.rule.pk), f"{row.rule.project_code}: {row.rule.pattern}") for row in view.rules]


def _place(gate: Gate) -> str:
    where = gate.block.code if gate.block else gate.phase.code if gate.phase else ""
    return f"{where} {gate}".strip()
