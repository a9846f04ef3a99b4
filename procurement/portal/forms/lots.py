from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm
from procurement.queries.line import LineView


class SplitLot(PortalForm):
    """Takes units out of a lot; what can be split has more than one."""

    said_as: ClassVar = {"reason": "why"}

    lot = forms.ChoiceField(label=_("Lot"))
    quantity = forms.DecimalField(label=_("Units of the new lot"), min_value=0, max_digits=14, decimal_places=3)
    why = forms.CharField(label=_("Reason"), max_length=300)

    def __init__(self, data: Any = None, *, view: LineView, **kwargs: Any) -> None:
        super().__init__(data, auto_id="split-%s", **kwargs)
        field = self.fields["lot"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (
                str(each.lot.pk),
                _("Lot %(number)s, %(quantity)s units")
                % {"number": each.lot.number, "quantity": each.lot.quantity.normalize()},
            )
            for each in view.lots
            if each.is_open and each.lot.quantity > 1
        ]
