"""Workbooks of vendors: sent, previewed row by row, applied, undone."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from procurement.domain.import_table import raw
from procurement.domain.table import column_letters
from procurement.models import ImportBatch
from procurement.portal import import_words
from procurement.portal.actor import acting_user
from procurement.portal.forms.imports import MapColumns, SendWorkbook, UndoImport, first_form
from procurement.queries.imports import find_import, imports_in_sight, lines_named, progress_of, rows_page
from procurement.queries.log_address import number
from procurement.queries.paging import paged
from procurement.services import import_work, imports
from procurement.vocabulary import ImportKind, ImportState
from sites.accounts.models import User
from sites.domain.errors import NotFound, RuleBroken


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def index(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    form, status = first_form(timezone.now().date()), 200
    if request.method == "POST":
        form, status = SendWorkbook(request.POST, request.FILES), 422
        if form.is_valid() and (batch := _staged(form, actor)):
            return redirect("import", key=batch.pk)
    sent = paged(imports_in_sight(actor), number(request.GET.get("page", ""), 1))
    context = {
        "form": form,
        "imports": sent.rows,
        **sent.context(),
        "lists": [(kind.value, kind.label) for kind in ImportKind if kind is not ImportKind.DOCUMENTS],
        "crumbs": [(reverse("log"), _("Log"))],
    }
    return render(request, "imports/imports.html", context, status=status)


def _staged(form: SendWorkbook, actor: User) -> ImportBatch | None:
    content, name = form.content
    company = form.cleaned_data["company"]
    try:
        return import_work.stage(
            content=content,
            file_name=name,
            kind=ImportKind(form.cleaned_data["kind"]),
            stated_on=form.cleaned_data["stated_on"],
            actor=actor,
            now=timezone.now(),
            company_id=company.pk if company else None,
            said=form.said,
            keep_unmapped=True,
        )
    except RuleBroken as refusal:
        form.refuse(refusal)
        return None


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    return _page(request, key, UndoImport())


@require_safe
@login_required
def progress(request: HttpRequest, key: UUID) -> HttpResponse:
    """The part of the page that asks again while something is done; then it leads back to the page."""
    batch = find_import(acting_user(request), key)
    if batch is None:
        raise Http404
    if not batch.work:
        if request.headers.get("HX-Request"):
            return HttpResponseClientRedirect(reverse("import", args=[key]))
        return redirect("import", key=key)
    return render(request, "imports/progress.html", {"batch": batch, "progress": progress_of(batch)})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def columns(request: HttpRequest, key: UUID) -> HttpResponse:
    """Which column is which: for a file whose titles say too little, or a preview that took them wrongly."""
    actor = acting_user(request)
    batch = find_import(actor, key, with_content=True)
    if batch is None or batch.work or batch.state not in {ImportState.UNMAPPED, ImportState.STAGED}:
        raise Http404
    if batch.kind == ImportKind.DOCUMENTS:  # says itself what is what
        raise Http404
    sheets = imports.first_rows(batch)
    given: dict[str, Any] = {"kind": ImportKind(batch.kind), "sheets": sheets}
    form, status = MapColumns(initial=_as_understood(batch), **given), 200
    if request.method == "POST":
        form, status = MapColumns(request.POST, **given), 422
        if form.is_valid():
            try:
                import_work.map_columns(batch_id=key, said=form.said, actor=actor, now=timezone.now())
            except RuleBroken as refusal:
                form.refuse(refusal)
            else:
                return redirect("import", key=key)
    shown = next((sheet for sheet in sheets if sheet.name == (form["sheet"].value() or "")), sheets[0])
    context = {
        "batch": batch,
        "form": form,
        "sheet": shown,
        "letters": [column_letters(place) for place in range(len(shown.rows[0]) if shown.rows else 0)],
        "rows": [[raw(cell) for cell in row] for row in shown.rows],
        "crumbs": [(reverse("log"), _("Log")), (reverse("imports"), _("Workbooks"))],
    }
    return render(request, "imports/columns.html", context, status=status)


def _as_understood(batch: ImportBatch) -> dict[str, Any]:
    said = {"sheet": batch.sheet, "header_row": batch.header_row, **batch.declared}
    return said | {f"column_{field}": letters for field, letters in batch.mapping.items()}


@require_POST
@login_required
def apply(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    return _decided(
        request,
        key,
        lambda: import_work.apply(batch_id=key, actor=actor, now=timezone.now()),
        _("Applied: every accepted row is written, with the file as its source."),
    )


@require_POST
@login_required
def discard(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    return _decided(
        request, key, lambda: imports.discard(batch_id=key, actor=actor), _("Put away; nothing was written.")
    )


@require_POST
@login_required
def undo(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    form = UndoImport(request.POST)
    if not form.is_valid():
        return _page(request, key, form, status=422)
    said = form.cleaned_data
    return _decided(
        request,
        key,
        lambda: import_work.undo(
            batch_id=key, reason=said["reason"], force=said["force"], actor=actor, now=timezone.now()
        ),
        _("Undone. What could not be taken back is named below."),
    )


def _decided(request: HttpRequest, key: UUID, decision: Callable[[], ImportBatch], done: str) -> HttpResponse:
    try:
        batch = decision()
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
    else:
        if not batch.work:  # else the page says itself what goes on
            messages.success(request, done)
    return redirect("import", key=key)


def _page(request: HttpRequest, key: UUID, undo_form: UndoImport, *, status: int = 200) -> HttpResponse:
    batch = find_import(acting_user(request), key)
    if batch is None:
        raise Http404
    if batch.state == ImportState.UNMAPPED and not batch.work:
        return redirect("import_columns", key=key)
    outcome = request.GET.get("outcome", "")
    page = rows_page(batch, outcome=outcome, page=number(request.GET.get("page", ""), 1))
    kind = ImportKind(batch.kind)
    lines = lines_named(acting_user(request), page.rows)
    context = {
        "batch": batch,
        "progress": progress_of(batch) if batch.work else None,
        "page": page,
        "rows": [
            {
                "row": row,
                "about": import_words.about(row, kind),
                "line": lines.get(row.number),
                "changes": list(import_words.changes(row, kind)),
                "refusals": import_words.refusals(row),
            }
            for row in page.rows
        ],
        "outcome": outcome,
        "before": page.page - 1,
        "after": page.page + 1,
        "undo_form": undo_form,
        "crumbs": [(reverse("log"), _("Log")), (reverse("imports"), _("Workbooks"))],
    }
    return render(request, "imports/import.html", context, status=status)
