from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.models import EquipmentClass
from procurement.portal.forms.base import PortalForm, day_input
from procurement.vocabulary import Channel, Rhythm, Rule, Severity, WishedLane
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site

_ANY = ("", _("Every one"))


class Choice(PortalForm):
    said_as: ClassVar = {}

    lane = forms.ChoiceField(label=_("Tell me"), choices=WishedLane.choices)
    rule = forms.ChoiceField(label=_("Rule"), choices=[_ANY, *Rule.choices], required=False)
    site = forms.ModelChoiceField(label=_("Site"), queryset=Site.objects.none(), required=False, empty_label=_ANY[1])
    equipment_class = forms.ModelChoiceField(
        label=_("Class"), queryset=EquipmentClass.objects.none(), required=False, empty_label=_ANY[1]
    )
    severity = forms.ChoiceField(label=_("From severity"), choices=[_ANY, *Severity.choices], required=False)
    channel = forms.ChoiceField(
        label=_("Channel"),
        choices=[_ANY, *((each.value, each.label) for each in (Channel.EMAIL, Channel.CHAT))],
        required=False,
    )

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["site"].queryset = Site.objects.visible_to(actor).order_by("code")  # type: ignore[attr-defined]
        self.fields["equipment_class"].queryset = EquipmentClass.objects.order_by("name")  # type: ignore[attr-defined]


class Until(PortalForm):
    """How long something is watched or muted; empty: until it is taken back."""

    said_as: ClassVar = {}

    until_on = forms.DateField(label=_("Until"), widget=day_input(), required=False)


class Hours(PortalForm):
    said_as: ClassVar = {}

    digest_at = forms.TimeField(label=_("Digest at"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    quiet_from = forms.TimeField(
        label=_("Quiet from"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label=_("Quiet until"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    rests_on_days_off = forms.BooleanField(label=_("Nothing on my days off"), required=False)
    urgent_passes = forms.BooleanField(label=_("Urgent alerts may disturb me"), required=False)
    weekly_digest = forms.BooleanField(label=_("One digest a week"), required=False)
    all_quiet = forms.BooleanField(label=_("Tell me once a week that all is quiet"), required=False)


class Subscribe(PortalForm):
    said_as: ClassVar = {}

    name = forms.CharField(label=_("Name"), max_length=80)
    query = forms.CharField(max_length=1000, required=False, widget=forms.HiddenInput())
    rhythm = forms.ChoiceField(label=_("Rhythm"), choices=Rhythm.choices)


class Chat(PortalForm):
    said_as: ClassVar = {}

    name = forms.CharField(label=_("Name"), max_length=80)
    url = forms.URLField(label=_("Address"), max_length=500, assume_scheme="https")
    role = forms.ChoiceField(label=_("Only what this role is told"), choices=[_ANY, *Role.choices], required=False)
    site = forms.ModelChoiceField(label=_("Site"), queryset=Site.objects.none(), required=False, empty_label=_ANY[1])

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="chat-%s", **kwargs)
        self.fields["site"].queryset = Site.objects.visible_to(actor).order_by("code")  # type: ignore[attr-defined]
