"""Every message between a system and us, in both directions; what failed is sent again or put away with a reason."""

import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.contrib import messages as notices
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.domain.masking import masked
from procurement.models import IntegrationMessage
from procurement.portal.actor import acting_user
from procurement.portal.forms.integration import PutAway
from procurement.queries.integration import clients_of, failed_by_direction, messages_among
from procurement.queries.log_address import number
from procurement.queries.paging import paged
from procurement.services import messages
from procurement.vocabulary import Direction, MessageState
from sites.domain.errors import NotFound, RuleBroken

_WORDS: Final = {"status": MessageState.values, "direction": Direction.values}


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """What failed, unless the address asks for something else; `status=all` is everything."""
    actor = acting_user(request)
    names = list(clients_of(actor).order_by("name").values_list("name", flat=True))
    readable = messages.readable_by(actor)
    found = paged(messages_among(readable, wanted(request, names)), number(request.GET.get("page", ""), 1))
    failed = failed_by_direction(readable)
    context = {
        "rows": found.rows,
        "said": _said(request),
        "states": MessageState.choices,
        "directions": [(each.value, each.label, failed.get(each.value, 0)) for each in Direction],
        "clients": names,
        **found.context(),
    }
    return render(request, "integration/messages.html", context)


def wanted(request: HttpRequest, clients: Sequence[str]) -> dict[str, str]:
    """The filter of the address; what is no word of ours, and no client named here, is left out."""
    allowed = {**_WORDS, "client": clients}
    return {name: text for name, text in _said(request).items() if text in allowed[name]}


def _said(request: HttpRequest) -> dict[str, str]:
    said = {name: request.GET.get(name, "").replace("\x00", "") for name in ("status", "direction", "client")}
    said["status"] = said["status"] or MessageState.FAILED
    return said


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    return _page(request, _find(request, key))


@require_POST
@login_required
def retry(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    _find(request, key)
    try:
        row = messages.retry(message_id=key, among=messages.readable_by(actor), actor=actor, now=timezone.now())
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        notices.error(request, refusal.message)
    else:
        if row.state == MessageState.RETRIED:
            notices.success(request, _("Sent again."))
        else:
            notices.error(request, _("It was refused again; the answer below is the new one."))
    return redirect("integration_message", key=key)


@require_POST
@login_required
def discard(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, row, form = acting_user(request), _find(request, key), PutAway(request.POST)
    if form.is_valid():
        try:
            messages.discard(
                message_id=key,
                among=messages.readable_by(actor),
                reason=form.cleaned_data["reason"],
                actor=actor,
                now=timezone.now(),
            )
        except NotFound:
            raise Http404 from None
        except RuleBroken as refusal:
            form.refuse(refusal)
        else:
            notices.success(request, _("Put away."))
            return redirect("integration_message", key=key)
    return _page(request, row, form=form, status=422)


def _find(request: HttpRequest, key: UUID) -> IntegrationMessage:
    rows = messages.readable_by(acting_user(request)).select_related("client", "owner", "settled_by", "delivery")
    found = rows.filter(pk=key).first()
    if found is None:
        raise Http404
    return found


def _page(
    request: HttpRequest, row: IntegrationMessage, *, form: PutAway | None = None, status: int = 200
) -> HttpResponse:
    problem = row.problem or {}
    context = {
        "row": row,
        "payload": _indented(masked(row.payload)),
        "says": problem.get("detail") or problem.get("title") or "",
        "errors": problem.get("errors") or [],
        "failed": row.state == MessageState.FAILED,
        "form": form or PutAway(),
        "crumbs": [(reverse("integration_messages"), _("Messages"))],
    }
    return render(request, "integration/message.html", context, status=status)


def _indented(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return body
