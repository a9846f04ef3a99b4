"""The alerts as a workbook to read."""

from dataclasses import replace
from datetime import date
from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.portal import alert_words
from procurement.portal.actor import acting_user
from procurement.portal.forms.alerts import read_filter
from procurement.portal.listing import Listing, check_fits
from procurement.portal.pages.exports import list_file
from procurement.queries.alert import AlertFilter, alert_list
from sites.accounts.models import User

_AT_ONCE: Final = 1000


@require_safe
@login_required
def download(request: HttpRequest) -> HttpResponse:
    """The alerts as their list is filtered, to be read: an alert is answered on its page, so this never comes back."""
    actor, now = acting_user(request), timezone.now()
    return list_file("alerts", _("Alerts"), lambda: _rows(actor, read_filter(request.GET), now.date()))


def _rows(actor: User, wanted: AlertFilter, as_of: date) -> Listing:
    titles = [_("Rule"), _("About"), _("Site"), _("Severity"), _("State"), _("Since"), _("What it says"), _("Told")]
    cells: list[tuple[object, ...]] = []
    page, pages = 1, 1
    while page <= pages:
        found = alert_list(actor, replace(wanted, page=page, size=_AT_ONCE), as_of=as_of)
        check_fits(found.total)
        cells += [
            (
                row.alert.get_rule_display(),
                row.alert.subject_text,
                row.alert.site.code if row.alert.site else None,
                row.alert.get_severity_display(),
                row.alert.get_state_display(),
                row.alert.opened_on,
                str(alert_words.headline(row.alert)),
                ", ".join(row.told),
            )
            for row in found.rows
        ]
        page, pages = page + 1, found.pages
    return titles, cells
