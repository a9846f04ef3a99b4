"""Lists as workbooks to be read: what is on their pages, and not sent back, because none of it is changed by a file."""

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.gateways import spreadsheet
from procurement.portal import import_words, log_cells, log_columns, portal_lists, portfolio_lists, system_lists
from procurement.portal.actor import acting_user
from procurement.portal.context import zone_of
from procurement.portal.listing import Listing
from procurement.portal.pages.exports import list_file, workbook_file
from procurement.queries import log_address, power, power_portfolio
from procurement.queries.imports import find_import, imports_in_sight, rows_in_order
from procurement.queries.schedule_revisions import site_revisions
from procurement.queries.vendor_rounds import rounds
from procurement.vocabulary import ImportKind
from sites.accounts.models import User
from sites.models import Site


@require_safe
@login_required
def download(request: HttpRequest, name: str) -> HttpResponse:
    """One of the lists of the portal, with the filter of its page."""
    if name not in _LISTS:
        raise Http404
    actor = acting_user(request)
    return list_file(name, name, lambda: _LISTS[name](request, actor))


@require_safe
@login_required
def tables(request: HttpRequest) -> HttpResponse:
    """The tables of the portfolio page, a sheet each."""
    found = portfolio_lists.sheets(acting_user(request), timezone.now().date())
    return workbook_file("longlead-portfolio.xlsx", spreadsheet.write_sheets(found))


@require_safe
@login_required
def import_rows(request: HttpRequest, key: UUID) -> HttpResponse:
    """Every row of a file and what became of it: to be sent to whoever wrote the file."""
    batch = find_import(acting_user(request), key)
    if batch is None:
        raise Http404
    kind = ImportKind(batch.kind)
    titles = [_("Row"), _("Outcome"), _("About"), _("What changes"), _("Cell"), _("Why not"), _("Left at undoing")]
    rows = [
        (
            row.number,
            row.get_outcome_display(),
            import_words.about(row, kind),
            "; ".join(
                f"{each.name}: {each.old or '–'} → {each.new or '–'}" for each in import_words.changes(row, kind)
            ),
            "; ".join(f"{each.address} {each.name}".strip() for each in import_words.refusals(row)),
            "; ".join(each["message"] for each in row.refusals),
            row.left,
        )
        for row in rows_in_order(batch)
    ]
    return list_file("import-rows", "import-rows", lambda: (titles, rows))


def _imports(request: HttpRequest, actor: User) -> Listing:
    titles = [
        _("File"), _("Rows"), _("State"), _("Read"), _("Accepted"), _("Refused"), _("Blank"), _("Whose file"),
        _("Speaks of"), _("Sent on"), _("Sent by"),
    ]  # fmt: skip
    return titles, [
        (
            batch.file_name,
            batch.get_kind_display(),
            batch.get_state_display(),
            batch.rows_read,
            batch.rows_accepted,
            batch.rows_refused,
            batch.rows_blank,
            batch.company.name if batch.company else None,
            batch.stated_on,
            batch.created_at.date(),
            str(batch.uploaded_by),
        )
        for batch in imports_in_sight(actor)
    ]


def _rounds(request: HttpRequest, actor: User) -> Listing:
    titles = [
        _("Vendor"),
        _("Asked on"),
        _("Asked by"),
        _("Questions"),
        _("Answered"),
        _("Came back blank"),
        _("State"),
    ]
    return titles, [
        (
            row.round.company.name,
            row.round.asked_on,
            str(row.round.asked_by),
            row.asked,
            row.answered,
            row.unanswered,
            _("closed") if row.round.closed_at else _("open"),
        )
        for row in rounds(actor)
    ]


def _agreements(request: HttpRequest, actor: User) -> Listing:
    """The contracted megawatts are shown to whoever sees the whole of an agreement."""
    titles = [
        _("Agreement"), _("Name"), _("Seller"), _("State"), _("Contracted MW"), _("Target COD"), _("Guaranteed COD"),
        _("Forecast COD"), _("Slack, days"), _("Long-stop"), _("Sites"),
    ]  # fmt: skip
    wanted = power_portfolio.read_filter(request.GET.dict())
    return titles, [
        (
            row.code,
            row.name,
            str(row.seller),
            row.get_state_display(),
            row.contracted_mw if each.sight.is_whole else None,
            row.target_cod_on,
            row.guaranteed_cod_on,
            (each.view.answer.done_on or each.view.answer.forecast_on) if each.view.answer else None,
            each.view.slack_days,
            row.long_stop_on,
            ", ".join(share.share.site.code for share in each.view.shares),
        )
        for each in power_portfolio.listed(actor, wanted)
        for row in (each.view.agreement,)
    ]


def _grid(request: HttpRequest, actor: User) -> Listing:
    titles = [
        _("Site"), _("Connection"), _("Utility"), _("State"), _("MW requested"), _("MW offered"), _("MW firm"),
        _("Energisation target"), _("Energisation forecast"), _("Later by, days"),
    ]  # fmt: skip
    return titles, [
        (
            row.site.code,
            row.name,
            row.utility,
            row.get_state_display(),
            row.requested_mw,
            row.offered_mw,
            row.firm_mw,
            row.energisation_target_on,
            (view.answer.done_on or view.answer.forecast_on) if view.answer else None,
            view.days_later,
        )
        for view in power.grid(actor, site=request.GET.get("site", "").replace("\x00", "")[:20])
        for row in (view.connection,)
    ]


def _schedules(request: HttpRequest, actor: User) -> Listing:
    """Of the site in the address, as its page shows them."""
    code = request.GET.get("site", "").replace("\x00", "")[:20]
    site = get_object_or_404(Site.objects.visible_to(actor), code=code)
    titles = [
        _("Project"), _("Data date"), _("State"), _("File"), _("Format"), _("Activities"), _("Uploaded on"),
        _("Uploaded by"), _("Decided by"),
    ]  # fmt: skip
    return titles, [
        (
            project.project_code,
            row.revision.data_date,
            row.revision.get_state_display(),
            row.revision.file_name,
            row.revision.get_format_display(),
            row.activities,
            row.revision.created_at.date(),
            str(row.revision.uploaded_by or ""),
            str(row.revision.decided_by or ""),
        )
        for project in site_revisions(site)
        for row in project.rows
    ]


def _log(request: HttpRequest, actor: User) -> Listing:
    """With the filter, the columns and the comparison of its address, or of a saved `view`."""
    address, _view = log_address.spelled_out(request.GET, actor)
    wanted = log_address.read_filter(address)
    today = timezone.now().astimezone(zone_of(actor)).date()
    since = log_address.read_since(address, today, actor.visited_before_on)
    return log_cells.as_shown(
        actor,
        wanted,
        log_address.read_columns(address, log_columns.COLUMNS),
        since if wanted.as_known_on is None else None,
        only=address.get("changed") == "1",
    )


_LISTS: Final[Mapping[str, Callable[[HttpRequest, User], Listing]]] = {
    "log": _log,
    "imports": _imports,
    "rounds": _rounds,
    "agreements": _agreements,
    "grid-connections": _grid,
    "schedules": _schedules,
    "activities": portal_lists.activity_rows,
    "mailbox": portal_lists.mail_rows,
    "undelivered": portal_lists.undelivered_rows,
    "views": portal_lists.view_rows,
    "alert-rules": portal_lists.rule_rows,
    "change-orders": portal_lists.change_rows,
    "alert-settings": portal_lists.setting_rows,
    "set-up": portal_lists.set_up_rows,
    "messages": system_lists.message_rows,
    "disagreements": system_lists.disagreement_rows,
    "webhooks": system_lists.webhook_rows,
    "deliveries": system_lists.delivery_rows,
    "keys": system_lists.key_rows,
}
