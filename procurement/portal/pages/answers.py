"""Where the links of a mail lead. Looking changes nothing, whoever looks; no log-in is asked for."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from procurement.models import Notification
from procurement.portal import alert_words
from procurement.portal.forms.alerts import Acknowledge, Decline, Snooze
from procurement.services import mail_answers, mail_links, mail_text
from procurement.services.mail_answers import From
from procurement.services.mail_calendar import local_now
from procurement.services.mail_links import LinkExpired, Purpose
from sites.domain.errors import NotFound, NotPermitted, RuleBroken

_FORMS: Final = {Purpose.ACKNOWLEDGE: Acknowledge, Purpose.SNOOZE: Snooze, Purpose.DECLINE: Decline}
_TITLES: Final[Mapping[Purpose, str | Promise]] = {
    Purpose.ACKNOWLEDGE: gettext_lazy("Acknowledge"),
    Purpose.SNOOZE: gettext_lazy("Ask me later"),
    Purpose.DECLINE: gettext_lazy("Not mine"),
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, purpose: str, token: str) -> HttpResponse:
    """GET shows what would be answered and a button; only POST answers."""
    if purpose not in _TITLES:
        return _refused(request, NotFound(_("This link is not one of ours."), field="token"))
    asked_for, now = Purpose(purpose), timezone.now()
    try:
        found = mail_links.asked(asked_for, token, now=now)
    except RuleBroken as refusal:
        return _refused(request, refusal)
    with translation.override(mail_text.language_of(found.message.recipient)):
        form = _FORMS[asked_for](request.POST if request.method == "POST" else None)
        done = []
        if request.method == "POST" and form.is_valid():
            try:
                done = mail_answers.answer(
                    purpose=asked_for, token=token, now=now, request_id=request.META["longlead.request_id"],
                    **form.cleaned_data,
                )  # fmt: skip
            except RuleBroken as refusal:
                form.refuse(refusal)
        context = {
            "title": _TITLES[asked_for],
            "purpose": asked_for.value,
            "found": found,
            "form": form,
            "done": done,
            "alerts": [(alert, alert_words.headline(alert)) for alert in found.alerts],
            "days": _days(found.message, now),
        }
        return render(request, "alerts/answer.html", context, status=422 if form.errors else 200)


def _days(row: Notification, now: datetime) -> list[tuple[str, str]]:
    """(day as ISO text, words) of the days that are usually chosen, local to the reader."""
    today = local_now(row.recipient, now).date()
    monday = today + timedelta(days=7 - today.weekday())
    return [((today + timedelta(days=1)).isoformat(), _("Tomorrow")), (monday.isoformat(), _("Monday"))]


# One click in a mail program comes without a cookie (RFC 8058): the token alone says who asks.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    try:
        row = mail_links.read(Purpose.UNSUBSCRIBE, token)
    except RuleBroken as refusal:
        return _refused(request, refusal)
    with translation.override(mail_text.language_of(row.recipient)):
        context: dict[str, Any] = {
            "row": row,
            "choices": [(each.value, mail_answers.LABELS[each]) for each in mail_answers.choices(row)],
            "told": mail_answers.told_besides(row),
            "left": None,
        }
        if request.method == "POST":
            wanted = request.POST.get("from", "")
            what = From(wanted) if wanted in set(From) else From.LIST
            context["left"] = mail_answers.leave(
                token=token, what=what, now=timezone.now(), request_id=request.META["longlead.request_id"]
            )
        return render(request, "alerts/unsubscribe.html", context)


def _refused(request: HttpRequest, refusal: RuleBroken) -> HttpResponse:
    status = 410 if isinstance(refusal, LinkExpired) else 403 if isinstance(refusal, NotPermitted) else 404
    context = {"message": refusal.message, "alerts_url": reverse("alerts")}
    return render(request, "alerts/link_refused.html", context, status=status)
