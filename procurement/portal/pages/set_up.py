"""Set-up pages: the lists that people keep by hand, pasted as rows, with their history; and where a new one begins."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from procurement.portal.actor import acting_user
from procurement.portal.context import zone_of
from procurement.portal.forms.base import attempt
from procurement.portal.forms.set_up import SheetRow, TableRow
from procurement.queries.log_address import number
from procurement.queries.row_history import row_history
from procurement.services import set_up, set_up_sheets
from procurement.services.set_up import Answer, Outcome
from procurement.services.set_up_columns import Table
from procurement.services.set_up_sheets import SHEETS, Sheet
from procurement.services.set_up_tables import TABLES
from procurement.vocabulary import ImportKind
from sites.accounts.models import ApiClient, User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, NotFound, RuleBroken
from sites.queries.access import can

_A_PAGE = 200
# From nothing to the first requirement, and what is ordered for it.
_WAY = (
    "desks", "calendars", "sites", "phases", "blocks", "gates", "chains", "steps", "classes", "requirements",
    "companies", "orders",
)  # fmt: skip
_LONGEST = 400_000
_SAID: Final = {
    Outcome.ADDED: gettext_lazy("The row is added."),
    Outcome.CHANGED: gettext_lazy("The row is changed."),
    Outcome.UNCHANGED: gettext_lazy("The row stands like this already."),
}
# Lists that have rows of a workbook of their own: those go out as what comes back in.
_COMES_BACK: Final = {"companies": ImportKind.COMPANIES, "blocks": ImportKind.BLOCKS}


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Every list with how many rows it has; in an empty installation the first step that is not done yet."""
    _administrator(request)
    tables: list[tuple[Table | Sheet, int]] = [(table, table.rows().count()) for table in TABLES.values()]
    tables += [(sheet, sheet.model._default_manager.count()) for sheet in SHEETS.values()]
    counts = {table.kind: count for table, count in tables}
    hints = {
        "calendars": _("A site and a plant count their days by a calendar."),
        "gates": _("Gates come here, from a workbook, or from a site schedule."),
        "chains": _("A chain is made first, then its steps, then the classes that take it."),
        "orders": _("Orders come from the ERP, from a workbook, or here."),
    }
    lists: dict[str, Table | Sheet] = {**TABLES, **SHEETS}
    steps = [
        (lists[kind].label, reverse("set_up_table", args=[kind]), counts[kind] > 0, hints.get(kind, ""))
        for kind in _WAY
    ]
    first = next((place for place, step in enumerate(steps) if not step[2]), None)
    return render(
        request,
        "set_up/index.html",
        {"tables": tables, "steps": steps, "first": first, "clients": ApiClient.objects.count()},
    )


@require_safe
@login_required
def show(request: HttpRequest, kind: str) -> HttpResponse:
    actor = _administrator(request)
    if kind in SHEETS:
        return _sheet_page(request, actor, SHEETS[kind], "")
    table = _table(kind)
    return _page(request, table, "", "", [], form=TableRow(table=table, row=_changed(request, table)))


@require_POST
@login_required
def save(request: HttpRequest, kind: str) -> HttpResponse:
    """What is wrong stays in the field, with its reason; what is right is saved and gone from it."""
    actor = _administrator(request)
    if kind in SHEETS:
        return _preview(request, actor, SHEETS[kind])
    table = _table(kind)
    pasted, reason = request.POST.get("rows", "")[:_LONGEST], request.POST.get("reason", "")[:300]
    lines = [line for line in pasted.replace("\r\n", "\n").split("\n") if line.strip()]
    try:
        answers = set_up.save(
            kind=kind, rows=[line.split("\t") for line in lines], reason=reason, actor=actor, now=timezone.now()
        )
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
        return _page(request, table, pasted, reason, [], status=422)
    wrong = [(line, answer) for line, answer in zip(lines, answers, strict=True) if answer.outcome == Outcome.REFUSED]
    saved = sum(1 for answer in answers if answer.outcome in {Outcome.ADDED, Outcome.CHANGED})
    if saved or not wrong:
        done = ngettext("%(number)d row saved.", "%(number)d rows saved.", saved) % {"number": saved}
        messages.success(request, done)
    if not wrong:
        return redirect("set_up_table", kind=kind)
    return _page(request, table, "\n".join(line for line, _answer in wrong), reason, wrong, status=422)


@require_POST
@login_required
def save_row(request: HttpRequest, kind: str) -> HttpResponse:
    """One row, typed field by field: saved as a pasted one is, and refused at its field."""
    actor = _administrator(request)
    if kind in SHEETS:
        return _preview_row(request, actor, SHEETS[kind])
    table = _table(kind)
    changed = _changed(request, table)
    form = TableRow(request.POST, table=table, row=changed)

    def done() -> HttpResponse:
        (answer,) = set_up.save(
            kind=kind,
            rows=[form.cells(column.name for column in table.columns)],
            reason=form.cleaned_data["reason"],
            actor=actor,
            now=timezone.now(),
            only_new=changed is None,
        )
        if answer.outcome == Outcome.REFUSED:
            raise BadInput(answer.message, field=answer.field)
        messages.success(request, _SAID[answer.outcome])
        return redirect("set_up_table", kind=kind)

    return attempt(form, done, lambda status: _page(request, table, "", "", [], form=form, status=status))


@require_POST
@login_required
def remove(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    try:
        set_up.remove(
            kind=kind,
            key=key,
            reason=request.POST.get("reason", "")[:300],
            actor=_administrator(request),
            now=timezone.now(),
        )
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The row is removed. Its history stays."))
    return redirect("set_up_table", kind=kind)


def _preview_row(request: HttpRequest, actor: User, sheet: Sheet) -> HttpResponse:
    form = SheetRow(request.POST, sheet=sheet)

    def done() -> HttpResponse:
        now = timezone.now()
        batch = set_up_sheets.stage(
            kind=sheet.kind,
            pasted="\n".join("\t".join(cells) for cells in (sheet.titles, form.cells(form.fields))),
            stated_on=now.astimezone(zone_of(actor)).date(),
            actor=actor,
            now=now,
        )
        return redirect("import", key=batch.pk)

    return attempt(form, done, lambda status: _sheet_page(request, actor, sheet, "", form=form, status=status))


def _changed(request: HttpRequest, table: Table) -> Any:
    """The row that is to be changed, where the address names one."""
    key = request.GET.get("row", "")
    if not key:
        return None
    try:
        return set_up.rows_of(table).get(pk=UUID(key))
    except (ValueError, ObjectDoesNotExist):
        raise Http404 from None


def _preview(request: HttpRequest, actor: User, sheet: Sheet) -> HttpResponse:
    """On to the page where every row is shown with what it would do, or back with what was typed."""
    pasted = request.POST.get("rows", "")[:_LONGEST]
    now = timezone.now()
    today = now.astimezone(zone_of(actor)).date()
    try:
        batch = set_up_sheets.stage(kind=sheet.kind, pasted=pasted, stated_on=today, actor=actor, now=now)
    except RuleBroken as refusal:
        return _sheet_page(
            request, actor, sheet, pasted, f"{refusal.field or _('Rows')}: {refusal.message}", status=422
        )
    return redirect("import", key=batch.pk)


def _sheet_page(
    request: HttpRequest,
    actor: User,
    sheet: Sheet,
    pasted: str,
    wrong: str = "",
    form: SheetRow | None = None,
    status: int = 200,
) -> HttpResponse:
    listing = sheet.listing()
    rows = listing.rows(actor)
    pager, found = _paged(request, rows)
    cells = listing.cells(actor)
    keys = [row.pk for row in found]
    context = {
        "table": sheet,
        "form": form or SheetRow(sheet=sheet),
        "workbook": reverse("export", args=[sheet.import_kind]),
        "titles": listing.titles,
        "rows": [[*cells(row)] for row in found],
        "pasted": pasted,
        "wrong": wrong,
        "history": row_history(
            {sheet.model: sheet.model._default_manager.filter(pk__in=keys)}, shows_amounts=False, page=1
        ),
        "crumbs": [(reverse("set_up"), _("Set-up"))],
        **pager,
    }
    return render(request, "set_up/sheet.html", context, status=status)


def _paged(request: HttpRequest, rows: Any) -> tuple[dict[str, Any], list[Any]]:
    total = rows.count()
    pages = max(1, -(-total // _A_PAGE))
    page = min(number(request.GET.get("page", ""), 1), pages)
    pager = {"total": total, "filter": {"page": page}, "pages": pages, "before": page - 1, "after": page + 1}
    return pager, list(rows[(page - 1) * _A_PAGE : page * _A_PAGE])


def _administrator(request: HttpRequest) -> User:
    actor = acting_user(request)
    if not can(actor, Permission.PEOPLE_WRITE, site_id=None):
        raise PermissionDenied
    return actor


def _table(kind: str) -> Table:
    if kind not in TABLES:
        raise Http404
    return TABLES[kind]


def _page(
    request: HttpRequest,
    table: Table,
    pasted: str,
    reason: str,
    wrong: list[tuple[str, Answer]],
    form: TableRow | None = None,
    status: int = 200,
) -> HttpResponse:
    pager, found = _paged(request, set_up.rows_of(table))
    labels = {column.name: column.label for column in table.columns}
    context = {
        "table": table,
        "form": form or TableRow(table=table),
        "changes": request.GET.get("row", ""),
        "workbook": _workbook(table),
        "rows": [(row.pk, set_up.shown(table, row)) for row in found],
        **pager,
        "pasted": pasted,
        "reason": reason,
        "wrong": [(line, labels.get(answer.field, ""), answer.message) for line, answer in wrong],
        "history": row_history({table.model: table.rows()}, shows_amounts=False, page=1, with_removed=table.removable),
        "crumbs": [(reverse("set_up"), _("Set-up"))],
    }
    return render(request, "set_up/table.html", context, status=status)


def _workbook(table: Table) -> str:
    if table.kind in _COMES_BACK:
        return reverse("export", args=[_COMES_BACK[table.kind]])
    return f"{reverse('export_list', args=['set-up'])}?kind={table.kind}"
