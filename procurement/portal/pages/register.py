"""The register of submittals and factory tests, by ball in court: what engineers wait for and what waits for them."""

from collections.abc import Mapping
from dataclasses import replace

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.domain.step_rounds import RESULTS
from procurement.portal.actor import acting_user
from procurement.portal.context import zone_of
from procurement.portal.listing import Listing, check_fits
from procurement.portal.pages.exports import list_file
from procurement.portal.since import Compared, compared
from procurement.queries import log
from procurement.queries.log_address import number as read_number
from procurement.queries.register import About, RegisterFilter, RegisterRow, Shown, register
from procurement.queries.register_changes import RegisterChanges, register_changes
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.models import Site
from sites.models.site import sight_of
from sites.vocabulary import Party, step_name

_LONGEST = 80
_AT_ONCE = 1000


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    sight = sight_of(actor)
    page = register(actor, _wanted(request), sight)
    today = timezone.now().astimezone(zone_of(actor)).date()
    since = compared(request.GET, actor)
    changes = register_changes(actor, page, since.day, since.instant, sight) if since.day and since.instant else None
    rows = [
        (
            row,
            (today - row.since).days if row.since and not row.milestone.actual_on else None,
            changes.of(row) if changes else (None, None, False),
        )
        for row in page.rows
    ]
    context = {
        "compared": since,
        "changes": changes,
        "goes_in_rounds": set(RESULTS),
        "may_record": set(Site.objects.visible_to(actor, Permission.DATES_WRITE).values_list("pk", flat=True)),
        "page": page,
        "rows": rows,
        "filter": page.filter,
        "pages": page.pages,
        "before": page.filter.page - 1,
        "after": page.filter.page + 1,
        "parties": [(party.value, party.label, page.balls.get(party.value, 0)) for party in Party],
        "abouts": [(About.SUBMITTALS.value, _("Submittals")), (About.TESTS.value, _("Factory tests"))],
        "showns": [
            (Shown.WAITING.value, _("Under way or next")),
            (Shown.OPEN.value, _("All that is open")),
            (Shown.DONE.value, _("Done")),
        ],
        "choices": log.choices(actor, sight),
        "crumbs": [(reverse("log"), _("Log"))],
    }
    return render(request, "register/register.html", context)


@require_safe
@login_required
def download(request: HttpRequest) -> HttpResponse:
    """The same rows, to be read."""
    actor = acting_user(request)
    return list_file("register", _("Register"), lambda: _rows(actor, _wanted(request), compared(request.GET, actor)))


def _rows(actor: User, wanted: RegisterFilter, since: Compared) -> Listing:
    parties = dict(Party.choices)
    titles = [
        _("Order / line"), _("Site"), _("Class"), _("Vendor"), _("Step"), _("Ball in court"), _("Since"), _("Round"),
        _("Submitted"), _("Returned"), _("Result"), _("Forecast"), _("Latest"), _("Done on"), _("Note"),
    ]  # fmt: skip
    if since.day:
        titles += [_("%(what)s before") % {"what": name} for name in (_("Ball in court"), _("Round"), _("Forecast"))]
        titles += [_("Came")]
    cells = []
    number, pages = 1, 1
    while number <= pages:
        page = register(actor, replace(wanted, page=number, size=_AT_ONCE))
        check_fits(page.total)
        changes = register_changes(actor, page, since.day, since.instant) if since.day and since.instant else None
        for row in page.rows:
            line, last = row.lot.schedule_line, row.rounds[-1] if row.rounds else None
            cells.append(
                (
                    f"{line.line.order.number}/{line.line.number}/{line.number}",
                    line.site.code if line.site else None,
                    line.line.equipment_class.name,
                    line.line.order.seller.name,
                    step_name(row.milestone.code),
                    str(parties.get(row.ball, row.ball)),
                    row.since,
                    last.number if last else None,
                    last.submitted_on if last else None,
                    last.returned_on if last else None,
                    str(last.get_result_display()) if last else None,
                    row.step.forecast_on if row.step else None,
                    row.step.latest_on if row.step else None,
                    row.milestone.actual_on,
                    last.note if last else None,
                    *(_before(changes, row, parties) if changes else ()),
                )
            )
        number, pages = number + 1, page.pages
    return titles, cells


def _before(changes: RegisterChanges, row: RegisterRow, parties: Mapping[str, object]) -> tuple[object, ...]:
    """Filled where it was another one, as on the page."""
    was, step, came = changes.of(row)
    last = row.rounds[-1].number if row.rounds else None
    forecast = row.step.forecast_on if row.step else None
    return (
        str(parties.get(was.ball, was.ball)) if was and was.ball != row.ball else None,
        was.round_number if was and was.round_number != last else None,
        step.forecast_on if step and step.forecast_on != forecast else None,
        _("yes") if came else None,
    )


def _wanted(request: HttpRequest) -> RegisterFilter:
    """What cannot be read is left out: links get old."""
    said = {
        name: " ".join(request.GET.get(name, "").replace("\x00", "").split())[:_LONGEST]
        for name in ("site", "vendor", "ball", "q", "about", "shown")
    }
    return RegisterFilter(
        site=said["site"],
        vendor=said["vendor"],
        ball=said["ball"] if said["ball"] in Party.values else "",
        text=said["q"],
        about=About(said["about"]) if said["about"] in set(About) else None,
        shown=Shown(said["shown"]) if said["shown"] in set(Shown) else Shown.WAITING,
        page=read_number(request.GET.get("page", ""), 1),
    )
