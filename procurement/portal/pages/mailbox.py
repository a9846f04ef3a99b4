"""The demo's own mailbox: where mails land when there is no mail server. Elsewhere these pages do not exist."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from csp.decorators import csp
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from procurement.portal.actor import acting_user
from procurement.queries.mailbox import MailQuerySet, mails

# The mail's own styles, and nothing else: no script, no form, nothing from outside.
_MAIL_POLICY = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["data:"],
    "frame-ancestors": ["'self'"],
    "form-action": ["'none'"],
    "base-uri": ["'none'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


def _mail_policy(page: Callable[[HttpRequest, UUID], HttpResponse]) -> Callable[[HttpRequest, UUID], HttpResponse]:
    decorate: Any = csp(_MAIL_POLICY)
    decorated: Callable[[HttpRequest, UUID], HttpResponse] = decorate(page)
    return decorated


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "mailbox/mailbox.html", {"mails": _mails(request)[:200]})


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    mail = get_object_or_404(_mails(request), pk=key)
    context = {"mail": mail, "crumbs": [(reverse("mailbox"), _("Mailbox"))]}
    return render(request, "mailbox/mail.html", context)


@require_safe
@login_required
@xframe_options_sameorigin
@_mail_policy
def html(request: HttpRequest, key: UUID) -> HttpResponse:
    """The HTML part by itself, for a sandboxed frame."""
    mail = get_object_or_404(_mails(request), pk=key)
    return HttpResponse(mail.body_html)


def _mails(request: HttpRequest) -> MailQuerySet:
    if not settings.MAIL_TO_MAILBOX:
        raise Http404
    return mails(acting_user(request))
