from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm
from sites.accounts.permissions import Role


class SaveView(PortalForm):
    name = forms.CharField(label=_("Name of the view"), max_length=80)
    query = forms.CharField(max_length=4000, required=False, widget=forms.HiddenInput())
    shared = forms.BooleanField(label=_("Everybody may use it"), required=False)
    default_for = forms.ChoiceField(
        label=_("A role begins with it"),
        choices=[("", _("None")), *Role.choices],
        required=False,
        help_text=_("Administrators choose this. It is shared then."),
    )

    def __init__(self, data: Any = None, *, may_choose_role: bool, **kwargs: Any) -> None:
        super().__init__(data, auto_id="view-%s", **kwargs)
        if not may_choose_role:
            del self.fields["default_for"]
