"""A list as a workbook, with the filter of its page."""

from collections.abc import Callable, Sequence
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from procurement.gateways import spreadsheet
from procurement.portal.actor import acting_user
from procurement.portal.listing import Listing
from procurement.queries import export_keys
from procurement.queries.log_address import read_filter, spelled_out
from procurement.services import exports
from procurement.vocabulary import ImportKind
from sites.accounts.models import User
from sites.domain.errors import BadInput

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_safe
@login_required
def download(request: HttpRequest, kind: str) -> HttpResponse:
    """`site` in the address narrows it to a site; the log's lists take its whole filter, or a saved `view`."""
    if kind not in ImportKind.values or kind == ImportKind.DOCUMENTS:
        raise Http404
    actor, wanted = acting_user(request), ImportKind(kind)
    try:
        content = exports.workbook(wanted, actor=actor, keys=_keys(request, wanted, actor))
    except BadInput as refusal:
        messages.error(request, refusal.message)
        return redirect("imports")
    return workbook_file(f"longlead-{kind.replace('_', '-')}.xlsx", content)


def list_file(name: str, sheet: str, read: Callable[[], Listing]) -> HttpResponse:
    """A list to be read, or why there is none: the page that it is asked for from stays open."""
    try:
        titles, rows = read()
    except BadInput as refusal:
        return HttpResponse(refusal.message, status=422, content_type="text/plain")
    return workbook_file(f"longlead-{name}.xlsx", spreadsheet.write(sheet=sheet, titles=titles, rows=rows))


def workbook_file(name: str, content: bytes) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=XLSX, headers=headers)


def _keys(request: HttpRequest, kind: ImportKind, actor: User) -> Sequence[UUID] | None:
    if kind in export_keys.OF_THE_LOG:
        return export_keys.of_log(kind, actor, read_filter(spelled_out(request.GET, actor)[0]))
    site = request.GET.get("site", "")
    return export_keys.of_site(kind, actor, site) if site else None
