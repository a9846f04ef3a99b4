"""In the yard, on a phone: look a unit up by tag, order or serial number, and receive it with a photograph."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from procurement.models import ScheduleLine, UnitSerial
from procurement.portal.actor import acting_user
from procurement.portal.forms.base import status_of
from procurement.portal.forms.receive import Receive
from procurement.queries.line import LineView, find_line, line_view
from procurement.queries.log import LogFilter, Shown, log_page
from procurement.services import receipts, serials, talk
from procurement.services.forecasts import local_date
from procurement.vocabulary import ReceiptState, TalkSubject
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import NotFound, RuleBroken
from sites.queries.access import can

MOST = 50
_LONGEST = 80


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Lines by words of their order, tag, description or vendor, and those of a unit with such a serial number."""
    actor = acting_user(request)
    text = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:_LONGEST]
    rows, total = [], 0
    if text:
        page = log_page(actor, LogFilter(text=text, shown=Shown.ALL, size=MOST))
        rows, total = list(page.rows), page.totals.lines
        plates = UnitSerial.objects.visible_to(actor).filter(number__icontains=text)
        keys = set(plates.values_list("lot__schedule_line", flat=True)[:MOST]) - {row.key for row in rows}
        if keys:
            by_plate = log_page(actor, LogFilter(shown=Shown.ALL, among=tuple(keys), size=MOST)).rows
            rows, total = [*by_plate, *rows], total + len(by_plate)
    return render(request, "units/units.html", {"text": text, "rows": rows[:MOST], "more": max(0, total - MOST)})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def receive(request: HttpRequest, key: UUID) -> HttpResponse:
    """The receipt, the plates and the photograph are written together, or none of them."""
    actor, now = acting_user(request), timezone.now()
    line = _found(actor, key)
    view = line_view(line)
    today = local_date(line.site, now) if line.site else now.date()
    if request.method != "POST":
        return _page(request, actor, view, Receive(view=view, today=today))
    form = Receive(request.POST, request.FILES, view=view, today=today)
    if not form.is_valid():
        return _page(request, actor, view, form, status=422)
    said = form.cleaned_data
    try:
        with transaction.atomic():
            receipts.receive(
                lot_id=UUID(said["lot"]),
                quantity=said["quantity"],
                received_on=said["received_on"],
                state=ReceiptState(said["state"]),
                document=said["document"],
                plates=said["serials"].splitlines(),
                actor=actor,
                now=now,
            )
            if said["photo"]:
                talk.attach(
                    actor=actor,
                    kind=TalkSubject.LINE.value,
                    key=line.pk,
                    name=said["photo"].name,
                    content=said["photo"].read(),
                    note=_("Received on %(day)s") % {"day": said["received_on"].isoformat()},
                    now=now,
                )
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        form.refuse(refusal)
        return _page(request, actor, view, form, status=status_of(refusal))
    messages.success(request, _("The receipt is recorded."))
    return redirect("unit_receive", key=line.pk)


@require_POST
@login_required
def remove_serial(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    row = UnitSerial.objects.visible_to(actor).select_related("lot").filter(pk=key).first()
    if row is None:
        raise Http404
    try:
        serials.remove(serial_id=key, reason=request.POST.get("reason", ""), actor=actor)
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The serial number is removed. Its history stays."))
    return redirect("unit_receive", key=row.lot.schedule_line_id)


def _found(actor: User, key: UUID) -> ScheduleLine:
    line = find_line(actor, key)
    if line is None:
        raise Http404
    return line


def _page(request: HttpRequest, actor: User, view: LineView, form: Receive, status: int = 200) -> HttpResponse:
    site = view.line.site_id
    context = {
        "view": view,
        "form": form,
        "may_receive": can(actor, Permission.DATES_WRITE, site_id=site),
        "to_come": any(each.still_to_come > 0 for each in view.lots),
        "serials": UnitSerial.objects.filter(lot__schedule_line=view.line).select_related("lot").order_by("number"),
    }
    return render(request, "units/receive.html", context, status=status)
