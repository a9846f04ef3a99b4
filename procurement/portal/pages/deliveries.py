"""Messages that did not arrive, and what an administrator can do about each."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.portal.actor import acting_user
from procurement.services import deliveries
from sites.accounts.permissions import Permission
from sites.domain.errors import NotFound, RuleBroken
from sites.queries.access import can, sites_where

SHOWN = 200
NOTES_SHOWN = 50


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    rows = deliveries.undelivered(actor)
    administers, sites = can(actor, Permission.PEOPLE_WRITE, site_id=None), sites_where(actor, Permission.PEOPLE_WRITE)
    context = {
        "notes": [
            (note, note.body_text.removeprefix(note.subject).strip())
            for note in deliveries.notes(actor, now=timezone.now())[:NOTES_SHOWN]
        ],
        "rows": [
            (row, administers or row.site_id in sites, administers or row.recipient_id == actor.pk)
            for row in rows[:SHOWN]
        ],
        "total": rows.count(),
    }
    return render(request, "mailbox/undelivered.html", context)


@require_POST
@login_required
def retry(request: HttpRequest, key: UUID) -> HttpResponse:
    try:
        deliveries.retry(
            message_id=key,
            actor=acting_user(request),
            now=timezone.now(),
            request_id=request.META["longlead.request_id"],
        )
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("It is sent again, under the same Message-ID."))
    return redirect("undelivered")


@require_POST
@login_required
def trust(request: HttpRequest, key: UUID) -> HttpResponse:
    try:
        deliveries.trust_address(
            person_id=key, actor=acting_user(request), request_id=request.META["longlead.request_id"]
        )
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Mail goes to this address again."))
    return redirect("undelivered")
