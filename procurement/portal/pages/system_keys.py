"""Calling systems with their keys and client ids; those who grant keys revoke them here."""

from collections.abc import Callable

from allauth.idp.oidc.models import Client
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.portal.actor import acting_user
from procurement.portal.forms.integration import PutAway
from procurement.queries.api_clients import client_rows
from procurement.queries.integration import clients_of
from procurement.queries.log_address import number
from procurement.services import api_keys, oauth_clients
from sites.accounts.models import ApiKey
from sites.accounts.permissions import Permission
from sites.domain.errors import NotPermitted, RuleBroken
from sites.queries.access import can


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    rows, found = client_rows(actor, page=number(request.GET.get("page", ""), 1))
    context = {
        "rows": rows,
        "may_revoke": can(actor, Permission.PEOPLE_WRITE, site_id=None),
        "now": timezone.now(),
        **found.context(),
    }
    return render(request, "integration/system_keys.html", context)


@require_POST
@login_required
def revoke_key(request: HttpRequest, prefix: str) -> HttpResponse:
    actor = acting_user(request)
    key = ApiKey.objects.filter(prefix=prefix, client__in=clients_of(actor)).first()
    if key is None:
        raise Http404

    def act(reason: str) -> None:
        api_keys.revoke(key=key, actor=actor, now=timezone.now(), reason=reason)

    return _decided(request, act)


@require_POST
@login_required
def revoke_registration(request: HttpRequest, client_id: str) -> HttpResponse:
    actor = acting_user(request)
    accounts = clients_of(actor).values("account")
    if not Client.objects.filter(pk=client_id, owner__in=accounts).exists():
        raise Http404

    def act(reason: str) -> None:
        oauth_clients.revoke(client_id=client_id, actor=actor, reason=reason)

    return _decided(request, act)


def _decided(request: HttpRequest, act: Callable[[str], None]) -> HttpResponse:
    form = PutAway(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why it is revoked."))
        return redirect("system_keys")
    try:
        act(form.cleaned_data["reason"])
    except NotPermitted as refusal:
        return HttpResponse(refusal.message, status=403, content_type="text/plain")
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Revoked: from now on it opens nothing."))
    return redirect("system_keys")
