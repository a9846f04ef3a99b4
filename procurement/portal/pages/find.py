"""One place to go anywhere: the search page, and the same as a part of a page for the palette."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from procurement.portal.actor import acting_user
from procurement.queries.find import Found, find
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.models import Site


@require_safe
@login_required
@vary_on_headers("HX-Request")
def show(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    text = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:80]
    found = [
        {"kind": _kinds()[each.kind], "name": each.name, "about": each.about, "url": _url(each)}
        for each in find(actor, text)
    ]
    wanted = text.casefold()
    actions = [each for each in _actions(actor) if all(word in each["name"].casefold() for word in wanted.split())]
    part = bool(request.headers.get("HX-Request"))
    context = {"text": text, "options": [*found, *actions] if text else actions}
    return render(request, "find/options.html" if part else "find/find.html", context)


def _url(each: Found) -> str:
    if each.kind == "view":
        return f"{reverse('log')}?{urlencode({'view': each.key})}"
    return reverse(each.page, args=[each.key])


def _kinds() -> dict[str, str]:
    return {
        "tag": _("Tag"),
        "order": _("Order"),
        "serial": _("Serial number"),
        "vendor": _("Vendor"),
        "site": _("Site"),
        "view": _("View"),
    }


def _actions(actor: User) -> list[dict[str, str]]:
    """Where everybody may go, and what this person may do; one query."""
    to_page = _("Page")
    pages = [
        ("portfolio", _("Portfolio")),
        ("log", _("Log")),
        ("log_gantt", _("Gantt of the log")),
        ("register", _("Submittals and factory tests")),
        ("units", _("Look up a unit")),
        ("blocks", _("Blocks")),
        ("alerts", _("Alerts")),
        ("power", _("Power")),
        ("agreements", _("Power purchase agreements")),
        ("grid", _("Grid connections")),
        ("lead_times", _("Lead times")),
        ("vendors", _("Vendors")),
        ("views", _("Saved views")),
        ("forecast_quality", _("Forecasts")),
        ("integration_messages", _("Other systems")),
        ("preferences", _("What I am told")),
        ("glossary", _("Glossary")),
        ("tour", _("Take the tour")),
    ]
    found = [{"kind": to_page, "name": name, "about": "", "url": reverse(page)} for page, name in pages]
    found.append(
        {"kind": to_page, "name": _("Not ordered yet"), "about": "", "url": f"{reverse('log')}?shown=unordered"}
    )
    found.append({"kind": to_page, "name": _("What is late"), "about": "", "url": f"{reverse('log')}?late=1"})
    if actor.is_staff:
        found.append({"kind": to_page, "name": _("Set-up"), "about": "", "url": reverse("set_up")})
    if Site.objects.visible_to(actor, Permission.DATES_WRITE).exists():
        does = _("Do")
        for page, name in (
            ("log_grid", _("Edit promises in a grid")),
            ("imports", _("Bring in a workbook")),
            ("rounds", _("Ask vendors for dates")),
        ):
            found.append({"kind": does, "name": name, "about": "", "url": reverse(page)})
    return found
