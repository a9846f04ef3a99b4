"""Who would be told what, before a date or a threshold is saved. Nothing of it is kept."""

from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from procurement.models import Alert
from procurement.portal import alert_words
from procurement.portal.actor import acting_user
from procurement.portal.forms.base import status_of
from procurement.portal.forms.simulator import PromiseChange, RequiredChange, ThresholdChange
from procurement.services.alert_preview import preview
from procurement.services.rehearsal import Rehearsal
from sites.domain.errors import RuleBroken

_FORMS: Final[dict[str, type[PromiseChange | RequiredChange | ThresholdChange]]] = {
    "promise": PromiseChange,
    "required": RequiredChange,
    "threshold": ThresholdChange,
}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def show(request: HttpRequest) -> HttpResponse:
    actor, found, status = acting_user(request), None, 200
    kind = request.POST.get("change", "")
    forms: dict[str, PromiseChange | RequiredChange | ThresholdChange] = {
        name: made(request.POST if kind == name else None, prefix=name) for name, made in _FORMS.items()
    }
    form = forms.get(kind)
    if form is not None and form.is_valid():
        try:
            found = preview(form.as_change(), actor=actor, now=timezone.now())
        except RuleBroken as refusal:
            form.refuse(refusal)
            status = status_of(refusal)
    elif form is not None:
        status = 422
    context: dict[str, Any] = {
        **forms,
        **what_it_would_do(found),
    }
    return render(request, "alerts/simulator.html", context, status=status)


def what_it_would_do(found: Rehearsal | None) -> dict[str, Any]:
    """What `alerts/would_tell.html` shows of a rehearsal; null is nothing tried yet."""
    return {
        "found": found,
        "told": _told(found) if found else [],
        "alerts": [{"row": row, "says": _says(row.rule, row.facts)} for row in found.alerts] if found else [],
    }


def _told(found: Rehearsal) -> list[Any]:
    return sorted(found.told, key=lambda each: (each.release_at, each.person))


def _says(rule: str, facts: dict[str, Any]) -> str:
    return alert_words.headline(Alert(rule=rule, facts=facts))
