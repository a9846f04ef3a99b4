"""What a planner says of a requirement."""

from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm, day_input


class FixRequired(PortalForm):
    """In place of the rule so far: what hung on gates or activities hangs on them no more."""

    said_as: ClassVar = {"reason": "why"}

    required_on = forms.DateField(label=_("Required on site"), widget=day_input())
    why = forms.CharField(label=_("Reason"), max_length=300, help_text=_("It takes the place of gates and activities"))
