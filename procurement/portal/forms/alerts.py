from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm, day_input
from procurement.queries.alert import Age, AlertFilter, Shown, colleagues
from procurement.queries.log_address import number
from procurement.vocabulary import Lane, Rule, Severity
from sites.accounts.models import User


class Acknowledge(PortalForm):
    said_as: ClassVar = {}

    commitment_on = forms.DateField(
        label=_("It will be better by"),
        widget=day_input(),
        required=False,
        help_text=_("Your commitment; empty where you cannot say yet"),
    )
    note = forms.CharField(label=_("Note"), max_length=500, required=False)


class Snooze(PortalForm):
    said_as: ClassVar = {}

    until_on = forms.DateField(label=_("Ask again on"), widget=day_input())
    note = forms.CharField(label=_("Note"), max_length=500, required=False)


class Decline(PortalForm):
    said_as: ClassVar = {}

    note = forms.CharField(
        label=_("Whose is it?"), max_length=500, required=False, help_text=_("Whoever is told next reads this")
    )


class Assign(PortalForm):
    said_as: ClassVar = {}

    person = forms.ModelChoiceField(label=_("To"), queryset=User.objects.none())
    note = forms.CharField(label=_("Reason"), max_length=500, required=False)

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = colleagues(actor)  # type: ignore[attr-defined]


class Together(PortalForm):
    """Without a person it acknowledges; one reason for all of them."""

    said_as: ClassVar = {}

    alerts = forms.TypedMultipleChoiceField(
        coerce=UUID,
        widget=forms.MultipleHiddenInput(),
        error_messages={"required": _("Tick the alerts that this answers.")},
    )
    person = forms.ModelChoiceField(
        label=_("Assign to"), queryset=User.objects.none(), required=False, empty_label=_("Acknowledge myself")
    )
    commitment_on = forms.DateField(label=_("It will be better by"), widget=day_input(), required=False)
    note = forms.CharField(label=_("One reason for all"), max_length=500)

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = colleagues(actor)  # type: ignore[attr-defined]
        ticked = self.data.getlist("alerts") if hasattr(self.data, "getlist") else []
        self.ticked = {UUID(key) for key in ticked if _is_key(key)}
        self.choose("alerts", [(key, key) for key in ticked if _is_key(key)])


def _is_key(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def read_filter(query: QueryDict) -> AlertFilter:
    shown, rule = query.get("shown", ""), query.get("rule", "")
    lane, severity = query.get("lane", ""), query.get("severity", "")
    person, age = query.get("person", ""), query.get("age", "")
    return AlertFilter(
        site=query.get("site", "").replace("\x00", "")[:20],
        rule=rule if rule in Rule.values else "",
        lane=lane if lane in Lane.values else "",
        severity=severity if severity in Severity.values else "",
        equipment_class=query.get("class", "").replace("\x00", "")[:40],
        person=str(UUID(person)) if _is_key(person) else "",
        text=query.get("q", "").replace("\x00", "")[:100],
        age=Age(age) if age in set(Age) else None,
        shown=Shown(shown) if shown in set(Shown) else Shown.WAITING if query else Shown.MINE,
        page=number(query.get("page", ""), 1),
    )
