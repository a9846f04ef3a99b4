"""The log as a grid: read and typed into as a sheet is, saved row by row as far as each can be."""

import json
from dataclasses import replace
from datetime import date
from typing import Any
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
from procurement.queries.log import LogRow, log_page
from procurement.queries.log_address import kept, read_filter
from procurement.queries.standing import NOTHING, Standing, done, pinned, standing
from procurement.services import grid_edits
from procurement.services.grid_edits import MOST_EDITS, Answer, Edit
from procurement.vocabulary import RevisionKind
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, RuleBroken
from sites.models import Site
from sites.vocabulary import PromiseSource, ReasonCode, step_name

_LONGEST = 500
_KINDS = {"promise": RevisionKind.PROMISE, "actual": RevisionKind.ACTUAL, "lock": RevisionKind.LOCK}


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    """The lines of the log's address, the first five thousand in its order."""
    actor = acting_user(request)
    address, view = asked(request, actor)
    wanted = replace(read_filter(address), page=1, size=MOST_EDITS, as_known_on=None)
    page = log_page(actor, wanted)
    keys = [row.key for row in page.rows]
    known = [read(keys) for read in (standing, done, pinned)]
    may, may_pin = (
        set(Site.objects.visible_to(actor, right).values_list("code", flat=True))
        for right in (Permission.DATES_WRITE, Permission.LOCK_WRITE)
    )
    data = [_row(row, [each.get(row.key, NOTHING) for each in known], may, may_pin) for row in page.rows]
    context = {
        "rows": data,
        "left_out": page.totals.lines - len(data),
        "view": view,
        "said": kept(address),
        "today": timezone.now().astimezone(zone_of(actor)).date().isoformat(),
        "sources": PromiseSource.choices,
        "default_source": PromiseSource.EMAIL.value,
        "reasons": ReasonCode.choices,
        "grid": {
            "save": reverse("log_grid_save"),
            "line": reverse("line", args=[UUID(int=0)]).replace(str(UUID(int=0)), "KEY"),
            "person": str(actor.pk),
            "reasons": {code: str(label) for code, label in ReasonCode.choices},
            "words": _words(),
        },
        "crumbs": [(f"{reverse('log')}?{kept(address) or 'view='}", _("Log"))],
    }
    return render(request, "log/grid.html", context)


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


def _row(row: LogRow, known: list[Standing], may: set[str], may_pin: set[str]) -> dict[str, Any]:
    promise, actual, lock = (each.said for each in known)
    return {
        "key": str(row.key),
        "site": row.site,
        "order": f"{row.order}/{row.line}/{row.schedule}",
        "what": row.description or row.equipment_class,
        "tags": ", ".join(row.tags) + (f" +{row.more_tags}" if row.more_tags else ""),
        "vendor": row.seller,
        "ros": short_day(row.required_on_site),
        "forecast": short_day(row.forecast_on),
        "float": floating(row.float_days),
        "step": str(step_name(row.contract_step)),
        "promise": promise,
        "actual": actual,
        "lock": lock,
        "reason": "",
        "note": "",
        "open": row.site in may and row.delivered_on is None,
        "pin": row.site in may_pin and row.delivered_on is None,
    }


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
        "closed": _("This row is not yours to change, or is delivered."),
    }  # fmt: skip
