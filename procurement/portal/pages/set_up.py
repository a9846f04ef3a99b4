"""Set-up pages: the lists that people keep by hand, pasted as rows, with their history; and where a new one begins."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from procurement.models import EquipmentClass, PurchaseOrder, Requirement
from procurement.portal.actor import acting_user
from procurement.queries.log_address import number
from procurement.queries.row_history import row_history
from procurement.services import set_up
from procurement.services.set_up import TABLES, Answer, Outcome, Table
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import NotFound, RuleBroken
from sites.models import Block, Gate, Site
from sites.queries.access import can

_A_PAGE = 200
_LONGEST = 400_000


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Every list with how many rows it has; in an empty installation the first step that is not done yet."""
    _administrator(request)
    tables = [(table, table.rows().count()) for table in TABLES.values()]
    steps = [
        (_("Desks"), reverse("set_up_table", args=["desks"]), TABLES["desks"].rows().exists(), ""),
        (_("Sites"), "", Site.objects.exists(), _("A site comes with the demo, or through the API and the operator.")),
        (_("Blocks"), reverse("imports"), Block.objects.exists(), _("Blocks come from a workbook.")),
        (_("Gates"), reverse("imports"), Gate.objects.exists(), _("Gates come from a workbook or a site schedule.")),
        (_("Classes"), reverse("lead_times"), EquipmentClass.objects.exists(), ""),
        (_("Requirements"), reverse("imports"), Requirement.objects.exists(), _("Requirements come from a workbook.")),
        (_("Orders"), reverse("imports"), PurchaseOrder.objects.exists(), _("Orders come from the ERP or a workbook.")),
    ]
    first = next((place for place, step in enumerate(steps) if not step[2]), None)
    return render(request, "set_up/index.html", {"tables": tables, "steps": steps, "first": first})


@require_safe
@login_required
def show(request: HttpRequest, kind: str) -> HttpResponse:
    _administrator(request)
    return _page(request, _table(kind), "", "", [])


@require_POST
@login_required
def save(request: HttpRequest, kind: str) -> HttpResponse:
    """What is wrong stays in the field, with its reason; what is right is saved and gone from it."""
    actor, table = _administrator(request), _table(kind)
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
    messages.success(request, ngettext("%(number)d row saved.", "%(number)d rows saved.", saved) % {"number": saved})
    if not wrong:
        return redirect("set_up_table", kind=kind)
    return _page(request, table, "\n".join(line for line, _answer in wrong), reason, wrong, status=422)


@require_POST
@login_required
def remove(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    try:
        set_up.remove(kind=kind, key=key, reason=request.POST.get("reason", "")[:300], actor=_administrator(request))
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The row is removed. Its history stays."))
    return redirect("set_up_table", kind=kind)


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
    request: HttpRequest, table: Table, pasted: str, reason: str, wrong: list[tuple[str, Answer]], status: int = 200
) -> HttpResponse:
    related = [column.name for column in table.columns if table.model._meta.get_field(column.name).is_relation]
    rows = table.rows().select_related(*related) if related else table.rows()
    total = rows.count()
    pages = max(1, -(-total // _A_PAGE))
    page = min(number(request.GET.get("page", ""), 1), pages)
    found = rows.order_by(*table.names)[(page - 1) * _A_PAGE : page * _A_PAGE]
    labels = {column.name: column.label for column in table.columns}
    context = {
        "table": table,
        "rows": [(row.pk, set_up.shown(table, row)) for row in found],
        "total": total,
        "filter": {"page": page},
        "pages": pages,
        "before": page - 1,
        "after": page + 1,
        "pasted": pasted,
        "reason": reason,
        "wrong": [(line, labels.get(answer.field, ""), answer.message) for line, answer in wrong],
        "history": row_history({table.model: table.rows()}, shows_amounts=False, page=1),
        "crumbs": [(reverse("set_up"), _("Set-up"))],
    }
    return render(request, "set_up/table.html", context, status=status)
