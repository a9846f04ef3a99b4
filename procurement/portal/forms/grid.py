"""What is typed about a grid connection: its capacity in steps, its state, and works of the utility."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from procurement.portal.forms.base import PortalForm, day_input
from procurement.portal.forms.power import megawatts
from procurement.portal.forms.rows import RowsForm
from procurement.services.grid import WORKS_AFTER_DAYS, WORKS_TAKE_DAYS, CapacityStep, ConnectionTerms
from sites.models import WorkCalendar
from sites.vocabulary import GridState

_NONE = [("", "–")]


class CapacityForm(RowsForm):
    """Each step states the whole capacity, not what it adds; they count in the order given."""

    path: ClassVar = "steps"

    offer_expires_on = forms.DateField(label=_("Offer expires on"), widget=day_input(), required=False)

    def __init__(
        self, data: Any = None, *, milestones: Collection[tuple[str, str]], works: Collection[str], **kwargs: Any
    ) -> None:
        self.milestones, self.works = milestones, works
        super().__init__(data, **kwargs)

    def column_fields(self) -> dict[str, forms.Field]:
        return {
            "firm_mw": megawatts(_("Firm, MW"), required=True),
            "flexible_mw": megawatts(_("Flexible, MW"), help_text=_("On top of it, may be interrupted")),
            "from_on": forms.DateField(label=_("Not before"), widget=day_input(), required=False),
            "milestone_code": forms.ChoiceField(
                label=_("After the step"), choices=[*_NONE, *self.milestones], required=False
            ),
            "works": forms.ChoiceField(
                label=_("After the works"), choices=[*_NONE, *((name, name) for name in self.works)], required=False
            ),
        }

    def steps(self) -> list[CapacityStep]:
        return [
            CapacityStep(
                firm_mw=row["firm_mw"],
                flexible_mw=row["flexible_mw"] or Decimal(0),
                from_on=row["from_on"],
                milestone_code=row["milestone_code"],
                works=row["works"],
            )
            for row in self.said_rows()
        ]


class ConnectionForm(PortalForm):
    """What a connection says of itself; where it lies is asked only of a new one."""

    site = forms.ChoiceField(label=_("Site"))
    name = forms.CharField(label=_("Name"), max_length=120)
    utility = forms.CharField(label=_("Utility"), max_length=120)
    requested_mw = megawatts(_("Requested, MW"), required=True)
    offered_mw = megawatts(_("Offered, MW"))
    firm_mw = megawatts(_("Firm, MW"), help_text=_("All of it at once; steps by date count before it"))
    flexible_mw = megawatts(_("Flexible, MW"), help_text=_("On top of it, may be interrupted"))
    voltage_kv = forms.DecimalField(label=_("Voltage, kV"), max_digits=6, decimal_places=1, min_value=0, required=False)
    energisation_target_on = forms.DateField(label=_("Energisation target"), widget=day_input(), required=False)
    offer_expires_on = forms.DateField(label=_("Offer expires on"), widget=day_input(), required=False)
    owner = forms.CharField(
        label=pgettext_lazy("person", "Owner"),
        max_length=120,
        required=False,
        help_text=_("A user name; empty: the energy lead is told"),
    )
    calendar = forms.ChoiceField(label=_("Calendar"), required=False)

    def __init__(self, data: Any = None, *, sites: Collection[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        calendars = WorkCalendar.objects.order_by("name").values_list("name", flat=True)
        self.choose("calendar", [("", _("That of the site")), *((name, name) for name in calendars)])
        if sites:
            self.choose("site", sites)
        else:
            del self.fields["site"]

    def terms(self) -> ConnectionTerms:
        return ConnectionTerms(**{name: value for name, value in self.cleaned_data.items() if name != "site"})


class GridStateForm(PortalForm):
    state = forms.ChoiceField(label=_("New state"), choices=GridState.choices)


class AddWorks(PortalForm):
    name = forms.CharField(label=_("Works"), max_length=120)
    contractor = forms.CharField(label=_("Contractor"), max_length=120, required=False)
    planned_on = forms.DateField(
        label=_("Design planned for"),
        widget=day_input(),
        required=False,
        help_text=format_lazy(
            _("Works begin {days} days later and take {more}, until dates are recorded"),
            days=WORKS_AFTER_DAYS,
            more=WORKS_TAKE_DAYS,
        ),
    )
