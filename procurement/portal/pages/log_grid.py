"""The log as a grid: read and typed into as a sheet is, saved row by row as far as each can be."""

import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.portal.actor import acting_user
from procurement.portal.context import zone_of
from procurement.portal.pages.log import asked
from procurement.portal.templatetags.portal import floating, short_day
from procurement.queries.log import TAGS_SHOWN, first_lines, lines_of_today
from procurement.queries.log_address import kept, read_filter
from procurement.queries.standing import NOTHING, done, pinned, standing
from procurement.services import grid_edits
from procurement.services.grid_edits import MOST_EDITS, Answer, Edit
from procurement.vocabulary import RevisionKind
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, RuleBroken
from sites.models import Site
from sites.vocabulary import PromiseSource, ReasonCode, step_name

_LONGEST = 500
_LINE: Final = (
    "pk", "site_code", "order_number", "line_number", "schedule_number", "schedule_line__line__description",
    "class_name", "tags", "seller_name", "required_on_site", "forecast_on", "delivered_on", "float_days",
    "schedule_line__contract_step",
)  # fmt: skip
_FIELDS: Final = (
    "key", "site", "order", "what", "tags", "vendor", "ros", "forecast", "float", "step", "promise", "actual", "lock",
    "open", "pin",
)  # fmt: skip
_KINDS = {"promise": RevisionKind.PROMISE, "actual": RevisionKind.ACTUAL, "lock": RevisionKind.LOCK}


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    """The frame of the grid, which asks for its rows itself: thousands of them keep nobody waiting for the page."""
    actor = acting_user(request)
    address, view = asked(request, actor)
    said = kept(address)
    lines = lines_of_today(actor, read_filter(address)).count()
    context = {
        "lines": lines,
        "left_out": max(0, lines - MOST_EDITS),
        "view": view,
        "said": said,
        "today": timezone.now().astimezone(zone_of(actor)).date().isoformat(),
        "sources": PromiseSource.choices,
        "default_source": PromiseSource.EMAIL.value,
        "reasons": ReasonCode.choices,
        "grid": {
            "rows": f"{reverse('log_grid_rows')}?{said or 'view='}",
            "save": reverse("log_grid_save"),
            "line": reverse("line", args=[UUID(int=0)]).replace(str(UUID(int=0)), "KEY"),
            "person": str(actor.pk),
            "reasons": {code: str(label) for code, label in ReasonCode.choices},
            "words": _words(),
        },
        "crumbs": [(f"{reverse('log')}?{said or 'view='}", _("Log"))],
    }
    return render(request, "log/grid.html", context)


@require_safe
@login_required
def rows(request: HttpRequest) -> HttpResponse:
    """JSON: the lines of the log's address, the first five thousand in its order, each as a list in the order of
    `fields`.
    """
    actor = acting_user(request)
    address, _view = asked(request, actor)
    lines = list(first_lines(actor, read_filter(address), MOST_EDITS).values_list(*_LINE))
    keys = [line[0] for line in lines]
    known = [read(keys) for read in (standing, done, pinned)]
    may, may_pin = (
        set(Site.objects.visible_to(actor, right).values_list("code", flat=True))
        for right in (Permission.DATES_WRITE, Permission.LOCK_WRITE)
    )
    steps = cache(step_name)
    found = []
    for (key, site, number, line, schedule, description, of_class, tags, seller, ros, forecast, delivered, left,
            step) in lines:  # fmt: skip
        is_open = delivered is None
        found.append((
            key, site or "", f"{number}/{line}/{schedule}", description or of_class, _some(tags or ()), seller,
            short_day(ros), short_day(forecast), floating(left), str(steps(step)),
            *(each.get(key, NOTHING).said for each in known), is_open and site in may, is_open and site in may_pin,
        ))  # fmt: skip
    return JsonResponse({"fields": _FIELDS, "rows": found})


@require_POST
@login_required
def save(request: HttpRequest) -> HttpResponse:
    """JSON in and out. What is wrong with a row is said at the row; 422 is for what makes nothing of it savable."""
    actor, now = acting_user(request), timezone.now()
    try:
        given = _given(request)
        answers = grid_edits.save(
            given["edits"],
            stated_on=given["stated_on"],
            source=given["source"],
            document=given["document"],
            actor=actor,
            now=now,
        )
    except RuleBroken as refusal:
        return JsonResponse({"message": refusal.message, "field": refusal.field}, status=422)
    return JsonResponse({"rows": [_said(each) for each in answers]})


def _given(request: HttpRequest) -> dict[str, Any]:
    """Raises BadInput naming the field."""
    try:
        body = json.loads(request.body)
        edits = [
            Edit(
                schedule_line=UUID(str(each["key"])),
                said=_text(each["said"]),
                was=None if each.get("was") is None else _text(each["was"]),
                reason_code=_text(each.get("reason", "")),
                note=_text(each.get("note", "")),
                kind=_KINDS[each.get("field", "promise")],
            )
            for each in body["rows"]
        ]
        stated, source, document = body.get("stated_on"), body.get("source"), _text(body.get("document", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RequestDataTooBig):
        raise BadInput(_("This cannot be read."), field="rows") from None
    if any(edit.reason_code and edit.reason_code not in ReasonCode.values for edit in edits):
        raise BadInput(_("There is no such reason."), field="reason")
    if source not in PromiseSource.values:
        raise BadInput(_("Say where it was said."), field="source")
    try:
        stated_on = date.fromisoformat(str(stated))
    except ValueError:
        raise BadInput(_("Give the day on which it was said."), field="stated_on") from None
    return {"edits": edits, "stated_on": stated_on, "source": PromiseSource(source), "document": document}


def _text(value: object) -> str:
    """Raises BadInput for what no text may hold."""
    text = " ".join(str(value).split())[:_LONGEST]
    if "\x00" in text:
        raise BadInput(_("This cannot be read."), field="rows")
    return text


def _some(tags: Sequence[str]) -> str:
    more = len(tags) - TAGS_SHOWN
    return ", ".join(tags[:TAGS_SHOWN]) + (f" +{more}" if more > 0 else "")


def _said(answer: Answer) -> dict[str, str]:
    return {
        "outcome": answer.outcome.value,
        "said": answer.said,
        "message": answer.message,
        "by": answer.by,
        "at": answer.at.isoformat() if answer.at else "",
    }


def _words() -> dict[str, str]:
    """What the grid's script says; it has no words of its own."""
    return {
        "site": _("Site"), "order": _("Order / line"), "what": _("What"), "tags": _("Tags"), "vendor": _("Vendor"),
        "ros": _("Required on site"), "forecast": _("Forecast"), "float": _("Float, days"),
        "step": _("Contract step"), "promise": _("Promise, as said"), "actual": _("Happened on"),
        "lock": _("Pinned to"), "reason": _("Reason"), "note": _("Note"), "state": _("State"),
        "changed": _("Not saved yet"), "saved": _("Saved"), "unchanged": _("As it was"),
        "refused": _("Not saved"), "conflict": _("Somebody else changed it"),
        "counts": _("{changed} not saved, {wrong} wrong"),
        "summary": _("{saved} saved, {refused} not saved, {conflicts} changed by somebody else."),
        "offline": _("The connection is lost. What you typed is kept in this tab; save again when it is back."),
        "signed_out": _("You are signed out. What you typed is kept in this tab: sign in and come back to this page."),
        "failed": _("Longlead could not save this. What you typed is kept in this tab."),
        "restored": _("What you typed before is back: {count} rows. Save it or discard it."),
        "yours": _("Yours"), "theirs": _("Theirs"), "by": _("by {name}, {when}"),
        "keep": _("Keep theirs"), "overwrite": _("Write mine"), "nothing": _("nothing"),
        "loading": _("The lines are on their way."),
        "not_loaded": _("The lines could not be fetched: load this page again."),
        "closed": _("This row is not yours to change, or is delivered."),
    }  # fmt: skip
