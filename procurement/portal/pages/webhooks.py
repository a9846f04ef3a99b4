"""Webhook endpoints with what became of each message: switched off or on, tried, sent again, under a new secret."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from procurement.models import WebhookEndpoint
from procurement.portal.actor import acting_user
from procurement.portal.forms.integration import SendAgain
from procurement.queries.integration import deliveries_of, endpoint_of, endpoints_of
from procurement.queries.log_address import number
from procurement.queries.paging import paged
from procurement.services import webhooks
from procurement.vocabulary import DeliveryState
from sites.domain.errors import NotFound, RuleBroken


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    found = paged(endpoints_of(acting_user(request)), number(request.GET.get("page", ""), 1))
    return render(request, "integration/webhooks.html", {"endpoints": found.rows, **found.context()})


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    return _page(request, _find(request, key))


@require_POST
@login_required
def switch(request: HttpRequest, key: UUID) -> HttpResponse:
    """`active=1` is on; switched on again it goes on where it stopped."""
    actor, endpoint = acting_user(request), _find(request, key)
    active = request.POST.get("active") == "1"

    def act() -> str:
        changed = webhooks.change(
            endpoint_id=endpoint.pk, client=endpoint.client, actor=actor, now=timezone.now(), active=active
        )
        if active and webhooks.has_missed(changed):
            return _("Switched on. What changed more than ninety days ago is forgotten: have everything read anew.")
        return _("Switched on; it goes on where it stopped.") if active else _("Switched off.")

    return _done(request, endpoint, act)


@require_POST
@login_required
def ping(request: HttpRequest, key: UUID) -> HttpResponse:
    endpoint = _find(request, key)

    def act() -> str:
        webhooks.ping(endpoint_id=endpoint.pk, client=endpoint.client, now=timezone.now())
        return _("A test message is on its way.")

    return _done(request, endpoint, act)


@never_cache
@require_POST
@login_required
def rotate(request: HttpRequest, key: UUID) -> HttpResponse:
    """The new secret is shown on this answer only."""
    actor, endpoint = acting_user(request), _find(request, key)
    try:
        changed = webhooks.rotate_secret(
            endpoint_id=endpoint.pk, client=endpoint.client, actor=actor, now=timezone.now()
        )
    except NotFound:
        raise Http404 from None
    return _page(request, _find(request, key), secret=changed.secret)


@require_POST
@login_required
def replay(request: HttpRequest, key: UUID) -> HttpResponse:
    endpoint, form = _find(request, key), SendAgain(request.POST)
    if form.is_valid():
        since, until = form.span()
        try:
            sent = webhooks.replay(
                endpoint_id=endpoint.pk, client=endpoint.client, now=timezone.now(), since=since, until=until
            )
        except NotFound:
            raise Http404 from None
        except RuleBroken as refusal:
            form.refuse(refusal)
        else:
            said = ngettext("%(number)d message will be sent again.", "%(number)d messages will be sent again.", sent)
            messages.success(request, said % {"number": sent})
            return redirect("webhook", key=key)
    return _page(request, endpoint, form=form, status=422)


def _find(request: HttpRequest, key: UUID) -> WebhookEndpoint:
    found = endpoint_of(acting_user(request), key)
    if found is None:
        raise Http404
    return found


def _done(request: HttpRequest, endpoint: WebhookEndpoint, act: Callable[[], str]) -> HttpResponse:
    try:
        messages.success(request, act())
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
    return redirect("webhook", key=endpoint.pk)


def _page(
    request: HttpRequest,
    endpoint: WebhookEndpoint,
    *,
    form: SendAgain | None = None,
    secret: str = "",
    status: int = 200,
) -> HttpResponse:
    state = request.GET.get("state", "").replace("\x00", "")[:20]
    rows = deliveries_of(endpoint, state=state).prefetch_related("tries")
    found = paged(rows, number(request.GET.get("page", ""), 1))
    context = {
        "endpoint": endpoint,
        "deliveries": found.rows,
        "states": DeliveryState.choices,
        "state": state,
        "both_sign": endpoint.former_secret_until and endpoint.former_secret_until > timezone.now(),
        "secret": secret,
        "form": form or SendAgain(),
        "crumbs": [(reverse("webhooks"), _("Webhooks"))],
        **found.context(),
    }
    return render(request, "integration/webhook.html", context, status=status)
