"""The alerts as a workbook to read."""

from dataclasses import replace
from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.gateways import spreadsheet
from procurement.portal import alert_words
from procurement.portal.actor import acting_user
from procurement.portal.forms.alerts import read_filter
from procurement.portal.pages.exports import workbook_file
from procurement.queries.alert import alert_list

_MOST_PAGES: Final = 100


@require_safe
@login_required
def download(request: HttpRequest) -> HttpResponse:
    """The alerts as their list is filtered, to be read: an alert is answered on its page, so this never comes back."""
    actor, now = acting_user(request), timezone.now()
    wanted = replace(read_filter(request.GET), page=1)
    found = alert_list(actor, wanted, as_of=now.date())
    rows = list(found.rows)
    for page in range(2, min(found.pages, _MOST_PAGES) + 1):
        rows += alert_list(actor, replace(wanted, page=page), as_of=now.date()).rows
    titles = [_("Rule"), _("About"), _("Site"), _("Severity"), _("State"), _("Since"), _("What it says"), _("Told")]
    cells = [
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
        for row in rows
    ]
    return workbook_file("longlead-alerts.xlsx", spreadsheet.write(sheet=_("Alerts"), titles=titles, rows=cells))
