"""What somebody says about a thing, and a file about it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm


class Say(PortalForm):
    text = forms.CharField(
        label=_("Comment"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("@ and a user name tells that person by mail"),
    )


class Attach(PortalForm):
    file = forms.FileField(label=_("File"))
    note = forms.CharField(label=_("What it is"), max_length=300, required=False)
