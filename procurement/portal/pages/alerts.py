"""The alerts of the sites a person may see, and their answer to one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.models import Alert
from procurement.portal import alert_words
from procurement.portal.actor import acting_user
from procurement.portal.forms.alerts import Acknowledge, read_filter
from procurement.queries.alert import SubjectPage, alert_list, alert_view, find_alert, sites_to_choose
from procurement.services import alerts
from procurement.vocabulary import AlertState, Rule
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import NotFound, NotPermitted, RuleBroken
from sites.queries.access import can


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    found = alert_list(actor, read_filter(request.GET))
    context = {
        "list": found,
        "rows": [
            {
                "row": row,
                "url": _url(row.subject),
                "says": alert_words.headline(row.alert),
                "age": now - row.alert.opened_at,
                "mw_days": row.alert.facts.get("mw_days"),
            }
            for row in found.rows
        ],
        "sites": sites_to_choose(actor),
        "rules": Rule.choices,
        "filter": found.filter,
        "pages": found.pages,
        "before": found.filter.page - 1,
        "after": found.filter.page + 1,
        "sizes": (),
    }
    return render(request, "alerts/alerts.html", context)


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    return _page(request, actor, _find(actor, key), Acknowledge())


@require_POST
@login_required
def acknowledge(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    alert = _find(actor, key)
    form, status = Acknowledge(request.POST), 422
    if form.is_valid():
        try:
            alerts.acknowledge(
                alert_id=alert.pk, actor=actor, now=timezone.now(), request_id=request.META["longlead.request_id"],
                **form.cleaned_data,
            )  # fmt: skip
        except NotFound:
            raise Http404 from None
        except RuleBroken as refusal:
            form.refuse(refusal)
            status = 403 if isinstance(refusal, NotPermitted) else 422
        else:
            messages.success(request, _("Acknowledged. A worse band still tells you."))
            return redirect("alert", key=alert.pk)
    return _page(request, actor, alert, form, status=status)


def _find(actor: User, key: UUID) -> Alert:
    alert = find_alert(actor, key)
    if alert is None:
        raise Http404
    return alert


def _page(request: HttpRequest, actor: User, alert: Alert, form: Acknowledge, *, status: int = 200) -> HttpResponse:
    view = alert_view(alert)
    may_answer = alert.state != AlertState.CLOSED and can(actor, Permission.ALERT_WRITE, site_id=alert.site_id)
    context: dict[str, Any] = {
        "view": view,
        "form": form,
        "may_answer": may_answer or form.is_bound,
        "says": alert_words.headline(alert),
        "facts": alert_words.facts(alert.facts),
        "events": [{"row": row, "says": alert_words.event(row.event)} for row in view.events],
        "subject_url": _url(view.subject),
        "crumbs": [
            (reverse("alerts"), _("Alerts")),
            *([(f"{reverse('alerts')}?site={alert.site.code}", alert.site.code)] if alert.site else []),
        ],
    }
    return render(request, "alerts/alert.html", context, status=status)


def _url(subject: SubjectPage | None) -> str:
    if subject is None:
        return ""
    part = f"#{subject.part}" if subject.part else ""
    return f"{reverse(subject.page, args=[subject.key])}{part}"
