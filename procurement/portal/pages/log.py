from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from procurement.models import SavedView
from procurement.portal import log_columns
from procurement.portal.actor import acting_user
from procurement.portal.since import compared
from procurement.queries import log, log_address
from procurement.queries.log import LogPage, UnorderedPage
from procurement.queries.log_address import read_filter
from procurement.queries.log_changes import Changes, changed_page
from procurement.queries.unordered_changes import changed_since, unordered_changes
from sites.accounts.models import User
from sites.models.site import Sight, sight_of


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    """What is ordered; with `shown=unordered` in the address, what is not ordered yet.

    An empty address is answered with the view that the reader's role begins with; `view=` alone asks for none.
    """
    actor = acting_user(request)
    address, view = asked(request, actor)
    sight = sight_of(actor)
    context: dict[str, Any] = {"choices": log.choices(actor, sight), "address": _links(address, view), "view": view}
    context |= {"views": log_address.views_of(actor), "said": log_address.kept(address)}
    if address.get("shown") == "unordered":
        wanted = read_filter(address, sorts=log.UNORDERED_SORTS, default_sort="order_by")
        since = compared(address, actor)
        only = since.day is not None and address.get("changed") == "1"
        if since.day is not None and only:
            wanted = replace(wanted, among=changed_since(actor, since.day))
        page = log.unordered_page(actor, wanted)
        changes = unordered_changes(actor, wanted, page, since.day) if since.day is not None else None
        context |= {
            "log": page,
            "changes": changes,
            "rows": [
                (row, changes.before.get(row.requirement_id) if changes else None,
                 changes is not None and row.requirement_id in changes.came)
                for row in page.rows
            ],
            "compared": since,
            "only_changed": only,
        }  # fmt: skip
        return render(request, "log/unordered.html", context | _pager(page))
    return _ordered(request, actor, sight, address, context)


def asked(request: HttpRequest, actor: User) -> tuple[QueryDict, SavedView | None]:
    """The address with its view written out, and the view."""
    if not request.GET and (first := log_address.role_view(actor)):
        return log_address.spelled_out(QueryDict(urlencode({"view": first.slug})), actor)
    return log_address.spelled_out(request.GET, actor)


def _is_over(day: date | None) -> bool:
    return day is not None and day < timezone.localdate()


def _ordered(
    request: HttpRequest, actor: User, sight: Sight, address: QueryDict, context: dict[str, Any]
) -> HttpResponse:
    wanted = read_filter(address)
    is_no_past_day = bool(address.get("as_known_on")) and not _is_over(wanted.as_known_on)
    if is_no_past_day:
        wanted = replace(wanted, as_known_on=None)
    since = compared(address, actor)
    changes: Changes | None = None
    if since.day is not None and wanted.as_known_on is None:
        page, changes = changed_page(actor, wanted, since.day, only=address.get("changed") == "1", sight=sight)
    else:
        page = log.log_page(actor, wanted, sight)
    columns = log_address.read_columns(address, log_columns.COLUMNS)
    inside = context["address"].copy()
    inside["page"] = str(page.filter.page)
    late = ngettext("%(late)d late", "%(late)d late", page.totals.late) % {"late": page.totals.late}
    return render(
        request,
        "log/log.html",
        context
        | {
            "log": page,
            "is_no_past_day": is_no_past_day,
            "changes": changes,
            "compared": since,
            "only_changed": address.get("changed") == "1",
            "heads": log_columns.heads(columns),
            "column_choices": log_columns.choices(columns),
            "body": log_columns.Rows(columns, "?" + urlencode({"in": inside.urlencode()}), changes).html(page.rows),
            "foot": log_columns.total_cells(
                columns, late, page.totals.mw_days_at_risk, _("MW-days at risk of the blocks that the late lines serve")
            ),
            "dense": log_address.is_dense(address),
            **_pager(page),
        },
    )


def _links(address: QueryDict, view: SavedView | None) -> QueryDict:
    """What links and forms of the page start from: everything said, `of` naming the view that it comes from."""
    said = address.copy()
    said.pop("view", None)
    if view is not None:
        said["of"] = view.slug
    if not said:
        # An empty address would be the role's own view again.
        said["view"] = ""
    return said


def _pager(page: LogPage | UnorderedPage) -> dict[str, Any]:
    return {
        "filter": page.filter,
        "pages": page.pages,
        "before": page.filter.page - 1,
        "after": page.filter.page + 1,
        "sizes": log.PAGE_SIZES,
    }
