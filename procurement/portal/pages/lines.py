"""One schedule line: what is known of its dates and why, and the forms that say something new about them."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.domain.reasons import Cause
from procurement.models import ScheduleLine
from procurement.portal import words
from procurement.portal.actor import acting_user
from procurement.portal.forms.base import PortalForm, attempt, has_choices
from procurement.portal.forms.dates import RecordActual, RecordPromise, ReleaseLock, RetractPromise, SetLock
from procurement.portal.forms.known import KnownBetween
from procurement.portal.forms.lots import SplitLot
from procurement.portal.forms.movements import RecordNotice, RecordReceipt, ReverseMovement
from procurement.portal.forms.step_rounds import RecordRound, TakeRoundBack
from procurement.portal.known import KnownPair, known_pairs
from procurement.portal.pictures import timeline
from procurement.queries.line import LineView, LotView, StepView, find_line, line_view
from procurement.queries.reasons import reason_of
from procurement.queries.schedule_impact import Impact, impact_of_requirements
from procurement.services import dates, lots, receipts, shipments, step_rounds
from procurement.services.dates import Recorded
from procurement.services.forecasts import Moved, local_date
from procurement.services.reason_text import Names, Told, tell
from procurement.vocabulary import ReceiptState
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.queries.access import can
from sites.vocabulary import Party, Precision, ReasonCode


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    line = _find(actor, key)
    return _page(request, actor, line, timezone.now())


@require_POST
@login_required
def record_promise(request: HttpRequest, key: UUID) -> HttpResponse:
    return _record(request, key, RecordPromise)


@require_POST
@login_required
def record_actual(request: HttpRequest, key: UUID) -> HttpResponse:
    return _record(request, key, RecordActual)


@require_POST
@login_required
def set_lock(request: HttpRequest, key: UUID) -> HttpResponse:
    return _record(request, key, SetLock)


@require_POST
@login_required
def release_lock(request: HttpRequest, key: UUID) -> HttpResponse:
    return _record(request, key, ReleaseLock)


@require_POST
@login_required
def split_lot(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    line = _find(actor, key)
    form = SplitLot(request.POST, view=line_view(line))

    def act() -> str:
        made = lots.split(
            lot_id=UUID(form.cleaned_data["lot"]),
            quantity=form.cleaned_data["quantity"],
            reason=form.cleaned_data["why"],
            actor=actor,
            now=now,
        )
        return _("Lot %(number)s was split off.") % {"number": made.number}

    return _try(request, actor, line, now, form, "split", act)


@require_POST
@login_required
def retract_promise(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    line = _find(actor, key)
    form = RetractPromise(request.POST, view=line_view(line))

    def act() -> str:
        dates.retract(
            promise_id=UUID(form.cleaned_data["promise"]), reason=form.cleaned_data["why"], actor=actor, now=now
        )
        return _("The promise is retracted; it stays in the ledger.")

    return _try(request, actor, line, now, form, "retract", act)


@require_POST
@login_required
def record_receipt(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    line = _find(actor, key)
    form = RecordReceipt(request.POST, view=line_view(line), today=_today(line, now))

    def act() -> str:
        said = form.cleaned_data
        receipts.receive(
            lot_id=UUID(said["lot"]),
            quantity=said["quantity"],
            received_on=said["received_on"],
            state=ReceiptState(said["state"]),
            document=said["document"],
            actor=actor,
            now=now,
        )
        return _("The receipt is recorded.")

    return _try(request, actor, line, now, form, "receipt", act)


@require_POST
@login_required
def record_notice(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    line = _find(actor, key)
    form = RecordNotice(request.POST, view=line_view(line))

    def act() -> str:
        said = form.cleaned_data
        shipments.notify(
            lot_id=UUID(said["lot"]),
            number=said["number"],
            quantity=said["quantity"],
            despatched_on=said["despatched_on"],
            arrives_on=said["arrives_on"],
            tracking=said["tracking"],
            document=said["document"],
            actor=actor,
        )
        return _("The shipment notice is recorded.")

    return _try(request, actor, line, now, form, "notice", act)


@require_POST
@login_required
def reverse_movement(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    line = _find(actor, key)
    form = ReverseMovement(request.POST, view=line_view(line))

    def act() -> str:
        kind, _colon, which = form.cleaned_data["movement"].partition(":")
        why = form.cleaned_data["why"]
        if kind == "receipt":
            receipts.reverse(receipt_id=UUID(which), reason=why, actor=actor, now=now)
        else:
            shipments.reverse(notice_id=UUID(which), reason=why, actor=actor)
        return _("It is taken back by a row of its own; both stay.")

    return _try(request, actor, line, now, form, "reverse", act)


@require_POST
@login_required
def record_round(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    line = _find(actor, key)
    form = RecordRound(request.POST, view=line_view(line), today=_today(line, now))

    def act() -> str:
        row, recorded = step_rounds.record(
            actor=actor, now=now, request_id=request.META["longlead.request_id"], **form.said()
        )
        if recorded is not None:
            return _told(recorded)
        return _("Round %(number)d is recorded.") % {"number": row.number}

    return _try(request, actor, line, now, form, "round", act)


@require_POST
@login_required
def take_round_back(request: HttpRequest, key: UUID) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    line = _find(actor, key)
    form = TakeRoundBack(request.POST, view=line_view(line))

    def act() -> str:
        row = step_rounds.take_back(
            round_id=UUID(form.cleaned_data["round"]), reason=form.cleaned_data["why"], actor=actor
        )
        return _("Round %(number)d is taken back.") % {"number": row.number}

    return _try(request, actor, line, now, form, "unround", act)


def _find(actor: User, key: UUID) -> ScheduleLine:
    line = find_line(actor, key)
    if line is None:
        raise Http404
    return line


def _today(line: ScheduleLine, now: datetime) -> date:
    return local_date(line.site, now) if line.site else now.date()


_Said = type[RecordPromise] | type[RecordActual] | type[SetLock] | type[ReleaseLock]


def _record(request: HttpRequest, key: UUID, form_class: _Said) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    line = _find(actor, key)
    form = form_class(request.POST, view=line_view(line), today=_today(line, now))

    def act() -> str:
        recorded = dates.record(
            order_id=line.line.order_id,
            revisions=[form.revision()],
            stated_on=form.said_on(),
            source=form.said_through(),
            document=form.said_in(),
            actor=actor,
            now=now,
            request_id=request.META["longlead.request_id"],
        )
        return _told(recorded)

    return _try(request, actor, line, now, form, form.kind.value, act)


def _told(recorded: Recorded) -> str:
    """What the statement did to the forecasts of its lots."""
    moved = [each for each in recorded.moved if each.kind == "lot"]
    if not moved:
        return _("Recorded. No forecast moved.")
    return _("Recorded. ") + " ".join(_moved(each) for each in moved)


def _moved(each: Moved) -> str:
    return _("On site: %(before)s became %(after)s.") % {
        "before": words.day(each.before_on),
        "after": words.day(each.after_on),
    }


def _try(
    request: HttpRequest,
    actor: User,
    line: ScheduleLine,
    now: datetime,
    form: PortalForm,
    name: str,
    act: Callable[[], str],
) -> HttpResponse:
    def done() -> HttpResponse:
        messages.success(request, act())
        return redirect("line", key=line.pk)

    def again(status: int) -> HttpResponse:
        return _page(request, actor, line, now, refused={name: form}, status=status)

    return attempt(form, done, again)


def _page(
    request: HttpRequest,
    actor: User,
    line: ScheduleLine,
    now: datetime,
    *,
    refused: dict[str, PortalForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    view, today = line_view(line), _today(line, now)
    order = line.line.order
    known_form = KnownBetween(request.GET, today=today)
    context = {
        "view": view,
        "lots": [_lot(each, view) for each in view.lots],
        "forms": _forms(actor, view, today, refused or {}),
        "impact": _impact(view),
        "known_form": known_form,
        "known_day": known_form.day,
        "known_lots": _known(view, known_form, today),
        "crumbs": [
            (reverse("log"), _("Log")),
            *([(f"{reverse('log')}?site={line.site.code}", line.site.code)] if line.site else []),
            (reverse("order", args=[order.pk]), _("Order %(number)s") % {"number": order.number}),
        ],
    }
    return render(request, "lines/line.html", context, status=status)


def _known(view: LineView, asked: KnownBetween, today: date) -> list[KnownPair]:
    day = asked.day
    if day is None:
        return []
    zone = view.line.site.time_zone if view.line.site else "UTC"
    return known_pairs(list(view.line.lots.order_by("number")), day, asked.later_day, today, zone)


def _impact(view: LineView) -> Impact | None:
    """What its late units do to ready for service through the site's schedule; None where nothing could."""
    late = [row.allocation.requirement_id for row in view.served if row.answer and (row.answer.float_days or 0) < 0]
    if view.line.site_id is None or not late:
        return None
    impact = impact_of_requirements(view.line.site_id, late)
    return impact if impact.effects or impact.why_not else None


def _forms(actor: User, view: LineView, today: date, refused: dict[str, PortalForm]) -> list[dict[str, Any]]:
    """The forms that the actor may use here; one that was refused is shown whatever the rights, with its message."""
    site_id = view.line.site_id
    may_record = can(actor, Permission.DATES_WRITE, site_id=site_id)
    may_lock = can(actor, Permission.LOCK_WRITE, site_id=site_id)
    release = ReleaseLock(view=view, today=today)
    split = SplitLot(view=view)
    retract = RetractPromise(view=view)
    receipt, notice = RecordReceipt(view=view, today=today), RecordNotice(view=view)
    back = ReverseMovement(view=view)
    begun, unround = RecordRound(view=view, today=today), TakeRoundBack(view=view)
    offered: list[tuple[str, str, str, PortalForm, bool]] = [
        ("promise", "calendar", _("Record a promise"), RecordPromise(view=view, today=today), may_record),
        ("actual", "check", _("Record what happened"), RecordActual(view=view, today=today), may_record),
        ("round", "message", _("Record a round"), begun, may_record and has_choices(begun, "step")),
        ("lock", "lock", _("Pin a date"), SetLock(view=view, today=today), may_lock),
        ("release", "lock", _("Release a pinned date"), release, may_lock and release.has_locks),
        ("split", "package", _("Split a lot"), split, may_record and has_choices(split, "lot")),
        ("retract", "trash", _("Retract a promise"), retract, may_record and has_choices(retract, "promise")),
        ("notice", "truck-delivery", _("Record a shipment notice"), notice, may_record and has_choices(notice, "lot")),
        ("receipt", "package", _("Record a receipt"), receipt, may_record and has_choices(receipt, "lot")),
        ("reverse", "history", _("Take a receipt or notice back"), back, may_record and has_choices(back, "movement")),
        ("unround", "history", _("Take a round back"), unround, may_record and has_choices(unround, "round")),
    ]
    return [
        {
            "name": name,
            "icon": sign,
            "title": title,
            "form": refused.get(name, form),
            "url": reverse(f"line_{name}", args=[view.line.pk]),
            "is_open": name in refused,
        }
        for name, sign, title, form, is_offered in offered
        if (is_offered and view.lots) or name in refused
    ]


def _lot(each: LotView, view: LineView) -> dict[str, Any]:
    answer = each.answer
    return {
        "view": each,
        "why": _why(each, view),
        "steps": [_step(row, answer.as_of) for row in each.steps] if answer else [],
        "picture": timeline([row.step for row in each.steps], required_on=answer.required_on_site, as_of=answer.as_of)
        if answer
        else None,
    }


def _why(each: LotView, view: LineView) -> Told | None:
    """Why the lot comes when it comes; None where nothing is calculated."""
    if each.answer is None:
        return None
    found = reason_of(
        [row.step for row in each.steps],
        required_on=each.answer.required_on_site,
        as_of=each.answer.as_of,
        owners={row.code: Party(row.responsible) for row in each.milestones},
        incoterm=view.line.line.order.incoterm,
        anchor=each.lot.chain.anchor_code,
    )
    if found is None:
        return None
    decides = next(row for row in each.steps if row.step.code == found.code)
    promise, milestone = decides.promise, decides.milestone
    pinned_by = milestone.locked_by if milestone and found.cause is Cause.PINNED else None
    names = Names(
        site=view.line.site.code if view.line.site else "",
        vendor=view.line.line.order.seller.name,
        said=promise.value if promise and promise.precision != Precision.DAY else "",
        because=promise.get_reason_code_display() if promise and promise.reason_code != ReasonCode.NOT_STATED else "",
        pinned_by=pinned_by.name if pinned_by else "",
        pin_reason=milestone.lock_reason if milestone and pinned_by else "",
    )
    return tell(found, names)


def _step(row: StepView, as_of: date) -> dict[str, Any]:
    return {
        "row": row,
        "why": words.long_why(row.step, as_of=as_of, before=row.before, promise=row.promise, milestone=row.milestone),
    }
