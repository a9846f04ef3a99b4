"""The alerts of the sites a person may see, and their answer to one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from procurement.models import Alert
from procurement.portal import alert_words
from procurement.portal.actor import acting_user
from procurement.portal.forms.alerts import Acknowledge, Assign, Decline, Snooze, Together, read_filter
from procurement.portal.forms.base import PortalForm, attempt
from procurement.portal.since import compared
from procurement.queries.alert import (
    SubjectPage,
    alert_list,
    alert_view,
    classes_to_choose,
    find_alert,
    people_to_choose,
    sites_to_choose,
)
from procurement.queries.health import mail_delay
from procurement.services import alert_answers, alert_clock, alerts, deliveries
from procurement.vocabulary import AlertState, Lane, Rule, Severity, WatchSubject
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.queries.access import can


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """The list; posted to it, one answer to every ticked alert, with one reason: all of them, or none."""
    actor = acting_user(request)
    if request.method != "POST":
        return _list(request, actor, Together(actor=actor))
    form = Together(request.POST, actor=actor)
    return attempt(
        form, lambda: _answer_together(request, actor, form), lambda status: _list(request, actor, form, status=status)
    )


def _list(request: HttpRequest, actor: User, together: Together, *, status: int = 200) -> HttpResponse:
    now = timezone.now()
    since = compared(request.GET, actor)
    found = alert_list(actor, replace(read_filter(request.GET), since=since.instant), as_of=now.date())
    steps = alert_clock.next_steps([row.alert for row in found.rows], now=now)
    context = {
        "list": found,
        "compared": since,
        "rows": [
            {
                "row": row,
                "url": _url(row.subject),
                "says": alert_words.headline(row.alert),
                "age": now - row.alert.opened_at,
                "mw_days": row.alert.facts.get("mw_days"),
                "next_step": steps.get(row.alert.pk),
            }
            for row in found.rows
        ],
        "sites": sites_to_choose(actor),
        "rules": Rule.choices,
        "lanes": Lane.choices,
        "severities": Severity.choices,
        "classes": classes_to_choose(),
        "people": people_to_choose(actor),
        "ages": alert_words.AGE_WORDS.items(),
        "filter": found.filter,
        "pages": found.pages,
        "before": found.filter.page - 1,
        "after": found.filter.page + 1,
        "sizes": (),
        "together": together,
        "query": request.GET.urlencode(),
        "mail_delay": mail_delay(now),
        "notes": deliveries.notes(actor, now=now).count(),
    }
    return render(request, "alerts/alerts.html", context, status=status)


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
    form = Acknowledge(request.POST)

    def done() -> HttpResponse:
        alerts.acknowledge(
            alert_id=alert.pk, actor=actor, now=timezone.now(), request_id=request.META["longlead.request_id"],
            **form.cleaned_data,
        )  # fmt: skip
        messages.success(request, _("Acknowledged. A worse band still tells you."))
        return redirect("alert", key=alert.pk)

    return attempt(form, done, lambda status: _page(request, actor, alert, form, status=status))


@require_POST
@login_required
def snooze(request: HttpRequest, key: UUID) -> HttpResponse:
    return _answered(
        request,
        key,
        "snooze",
        Snooze(request.POST, auto_id="snooze-%s"),
        alerts.snooze,
        _("It asks again then, or once worse."),
    )


@require_POST
@login_required
def decline(request: HttpRequest, key: UUID) -> HttpResponse:
    return _answered(
        request,
        key,
        "decline",
        Decline(request.POST, auto_id="decline-%s"),
        alerts.decline,
        _("The next holder is told."),
    )


@require_POST
@login_required
def assign(request: HttpRequest, key: UUID) -> HttpResponse:
    form = Assign(request.POST, actor=acting_user(request), auto_id="assign-%s")
    return _answered(request, key, "assign", form, alerts.assign, _("Assigned, and told."))


def _answer_together(request: HttpRequest, actor: User, form: Together) -> HttpResponse:
    given = form.cleaned_data
    base: dict[str, Any] = {
        "alert_ids": given["alerts"], "actor": actor, "now": timezone.now(), "note": given["note"],
        "request_id": request.META["longlead.request_id"],
    }  # fmt: skip
    if given["person"] is not None:
        done = alert_answers.assign_together(person=given["person"], **base)
    else:
        done = alert_answers.acknowledge_together(commitment_on=given["commitment_on"], **base)
    messages.success(
        request,
        ngettext("%(number)d alert answered.", "%(number)d alerts answered.", len(done)) % {"number": len(done)},
    )
    return redirect(request.get_full_path())


def _answered(
    request: HttpRequest, key: UUID, name: str, form: PortalForm, service: Callable[..., Alert], said: str
) -> HttpResponse:
    actor = acting_user(request)
    alert = _find(actor, key)

    def done() -> HttpResponse:
        service(
            alert_id=alert.pk, actor=actor, now=timezone.now(), request_id=request.META["longlead.request_id"],
            **form.cleaned_data,
        )  # fmt: skip
        messages.success(request, said)
        return redirect("alert", key=alert.pk)

    def again(status: int) -> HttpResponse:
        return _page(request, actor, alert, Acknowledge(), status=status, forms={name: form})

    return attempt(form, done, again)


def _find(actor: User, key: UUID) -> Alert:
    alert = find_alert(actor, key)
    if alert is None:
        raise Http404
    return alert


def _page(
    request: HttpRequest,
    actor: User,
    alert: Alert,
    form: Acknowledge,
    *,
    status: int = 200,
    forms: dict[str, PortalForm] | None = None,
) -> HttpResponse:
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
        "snooze": Snooze(auto_id="snooze-%s"),
        "decline": Decline(auto_id="decline-%s"),
        "assign": Assign(actor=actor, auto_id="assign-%s"),
        "ladder": alert_clock.ladder(alert, now=timezone.now()),
        "watch": WatchSubject.ALERT,
        "crumbs": [
            (reverse("alerts"), _("Alerts")),
            *([(f"{reverse('alerts')}?site={alert.site.code}", alert.site.code)] if alert.site else []),
        ],
    }
    return render(request, "alerts/alert.html", context | (forms or {}), status=status)


def _url(subject: SubjectPage | None) -> str:
    if subject is None:
        return ""
    part = f"#{subject.part}" if subject.part else ""
    return f"{reverse(subject.page, args=[subject.key])}{part}"
