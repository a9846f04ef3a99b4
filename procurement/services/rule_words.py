"""The rules of the tables that a person can break by typing, in words; their names stand in the database."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext_lazy as _

_ONCE: Final = _("There is a row of this name already.")
_DATES: Final = _("A day between 2000 and 2100.")
_COUNTRY: Final = _("A country is two letters, as JP.")
_MEGAWATTS: Final = _("Megawatts are from 0 to 100,000.")
_ENDS: Final = _("It ends before it begins.")
RULES: Final[Mapping[str, Lazy]] = {
    "a_block_code_is_unique_within_a_phase": _ONCE,
    "a_block_has_plausible_dates": _DATES,
    "a_block_has_plausible_megawatts": _MEGAWATTS,
    "a_block_needs_at_least_one_unit": _("A need is of one unit or more."),
    "a_block_states_its_need_of_a_group_once": _ONCE,
    "a_closure_ends_on_or_after_its_start": _ENDS,
    "a_closure_has_plausible_dates": _DATES,
    "a_company_name_is_unique_whatever_its_case": _("Another company has this name."),
    "a_company_names_an_iso_country": _COUNTRY,
    "a_company_sells_or_makes": _("A company sells, makes, or both."),
    "a_group_code_is_unique_within_a_site": _ONCE,
    "a_membership_names_just_what_its_scope_needs": _(
        "A right in the portfolio names no desk and no site; one of a desk its desk, one at a site its site alone."
    ),
    "a_phase_code_is_unique_within_a_site": _ONCE,
    "a_phase_has_plausible_dates": _DATES,
    "a_phase_has_plausible_megawatts": _MEGAWATTS,
    "a_plant_code_is_unique_within_a_company": _ONCE,
    "a_plant_names_an_iso_country": _COUNTRY,
    "a_role_is_granted_once_in_one_scope": _("The person has this right already."),
    "a_second_class_code_names_its_system": _("A second code names its system."),
    "a_site_lies_on_the_globe": _("Latitude goes to 90 degrees, longitude to 180."),
    "a_site_names_an_iso_country": _COUNTRY,
    "a_site_names_an_iso_currency": _("A currency is three letters, as JPY."),
    "a_site_runs_at_50_or_60_hertz": _("The grid runs at 50 or 60 Hz."),
    "a_step_code_is_unique_within_a_template": _ONCE,
    "a_step_duration_is_plausible": _("A step lasts ten years at most."),
    "a_step_place_is_unique_within_a_template": _("Another step of the chain has this place."),
    "a_user_name_is_unique_whatever_its_case": _("Somebody has this user name already."),
    "an_absence_ends_on_or_after_its_start": _ENDS,
    "an_absence_has_plausible_dates": _DATES,
    "an_assignment_ends_on_or_after_its_start": _ENDS,
    "an_assignment_has_plausible_dates": _DATES,
    "an_assignment_names_just_what_its_scope_needs": _("A duty names just what it is for: a site its site alone."),
    "an_email_address_belongs_to_one_user": _("Somebody else has this address."),
    "nobody_deputises_for_themselves": _("Nobody is their own deputy."),
}


def in_words(message: str) -> str:
    """The rule that the message names, else the message."""
    return next((str(words) for name, words in RULES.items() if name in message), message)
