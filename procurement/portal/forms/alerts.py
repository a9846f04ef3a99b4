from typing import ClassVar

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm, day_input
from procurement.portal.forms.log import number
from procurement.queries.alert import AlertFilter, Shown
from procurement.vocabulary import Rule


class Acknowledge(PortalForm):
    said_as: ClassVar = {}

    commitment_on = forms.DateField(
        label=_("It will be better by"),
        widget=day_input(),
        required=False,
        help_text=_("Your commitment; empty where you cannot say yet"),
    )
    note = forms.CharField(label=_("Note"), max_length=500, required=False)


def read_filter(query: QueryDict) -> AlertFilter:
    shown, rule = query.get("shown", ""), query.get("rule", "")
    return AlertFilter(
        site=query.get("site", "").replace("\x00", "")[:20],
        rule=rule if rule in Rule.values else "",
        shown=Shown(shown) if shown in set(Shown) else Shown.WAITING,
        page=number(query.get("page", ""), 1),
    )
