"""Systems that call the API, and their keys: made, shown once, revoked; with who did what."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from procurement.portal.actor import acting_user
from procurement.portal.context import zone_of
from procurement.portal.forms.api_clients import MakeClient, MakeKey
from procurement.queries.log_address import number
from procurement.queries.paging import A_PAGE, paged
from procurement.queries.row_history import row_history
from procurement.services import api_keys
from sites.accounts.models import ApiClient, ApiKey, User
from sites.accounts.permissions import Permission, Role
from sites.domain.errors import RuleBroken
from sites.models import Membership
from sites.queries.access import can


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def index(request: HttpRequest) -> HttpResponse:
    actor = _administrator(request)
    form, status = MakeClient(), 200
    if request.method == "POST":
        form, status = MakeClient(request.POST), 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                made = api_keys.make_client(
                    name=said["name"],
                    system=said["system"],
                    role=Role(said["role"]),
                    site_codes=form.site_codes,
                    actor=actor,
                    owner=actor,
                )
            except RuleBroken as refusal:
                form.refuse(refusal)
            else:
                messages.success(request, _("The client is made; it needs a key now."))
                return redirect("api_client", key=made.pk)
    rows = ApiClient.objects.select_related("account", "owner").order_by("name")
    rights = Prefetch("account__memberships", Membership.objects.select_related("site", "desk").order_by("pk"))
    found = paged(rows.prefetch_related(rights, "keys"), number(request.GET.get("page", ""), 1))
    context = {
        "form": form,
        "rows": found.rows,
        **found.context(),
        "crumbs": [(reverse("set_up"), _("Set-up"))],
    }
    return render(request, "set_up/api_clients.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    """A new key's secret is on the answer to the form alone, and on no page after it."""
    actor, now = _administrator(request), timezone.now()
    client = get_object_or_404(ApiClient.objects.select_related("account", "owner"), pk=key)
    form, secret, status = MakeKey(), "", 200
    if request.method == "POST":
        form, status = MakeKey(request.POST), 422
        if form.is_valid():
            try:
                _key, secret = api_keys.make_key(
                    client=client,
                    scopes=form.cleaned_data["scopes"],
                    expires_at=form.expires_at(zone_of(actor)),
                    addresses=form.networks,
                    actor=actor,
                    now=now,
                )
            except RuleBroken as refusal:
                form.refuse(refusal)
            else:
                form, status = MakeKey(), 200
    rights = Membership.objects.filter(person=client.account)
    context = {
        "client": client,
        "form": form,
        "secret": secret,
        "keys": list(client.keys.select_related("created_by").order_by("-created_at")[:A_PAGE]),
        "now": now,
        "rights": rights.select_related("site", "desk").order_by("pk"),
        "history": row_history(
            {
                ApiClient: ApiClient.objects.filter(pk=client.pk),
                ApiKey: ApiKey.objects.filter(client=client),
                Membership: rights,
            },
            shows_amounts=False,
            page=1,
        ),
        "crumbs": [(reverse("set_up"), _("Set-up")), (reverse("api_clients"), _("API clients"))],
    }
    answer = render(request, "set_up/api_client.html", context, status=status)
    answer["Cache-Control"] = "private, no-store"
    return answer


def _administrator(request: HttpRequest) -> User:
    actor = acting_user(request)
    if not can(actor, Permission.PEOPLE_WRITE, site_id=None):
        raise PermissionDenied
    return actor
