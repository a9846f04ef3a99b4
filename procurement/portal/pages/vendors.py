"""Vendors: how well each keeps its word, and whose days its slips are."""

from typing import Any, Final
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.domain.vendor_performance import LEAST_SAMPLE, Against, Scorecard
from procurement.portal.actor import acting_user
from procurement.portal.charts import Chart, Series, Shape, Tone
from procurement.portal.since import compared
from procurement.queries.vendor_performance import Side, VendorView, late_since, vendor_view, vendors
from sites.vocabulary import Party, ReasonCode


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    side, actor = _side(request), acting_user(request)
    since = compared(request.GET, actor)
    fewer = late_since(actor, side, since.day) if since.day else {}
    rows = [(row, row.late - fewer.get(row.company.pk, 0)) for row in vendors(actor, side)]
    context = {"side": side.value, "rows": rows, "compared": since}
    return render(request, "vendors/vendors.html", context)


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    side = _side(request)
    view = vendor_view(acting_user(request), key, side, as_of=timezone.localdate())
    if view is None:
        raise Http404
    context = {
        "view": view,
        "side": side.value,
        "on_time": _on_time(view.card),
        "parties": [(party.label, days) for party, days in view.parties.items()],
        "party_names": [party.label for party in Party],
        "reasons": _reasons(view),
        "slips": [(slip, list(slip.parties.values())) for slip in view.slips],
        "least": LEAST_SAMPLE,
        "measures": [_name(against) for against in Against],
        "quarters": [(quarter.name, list(quarter.on_time.values())) for quarter in view.card.quarters],
        "trend": _trend(view.card),
        "crumbs": [(f"{reverse('vendors')}?as={side.value}", _("Vendors"))],
    }
    return render(request, "vendors/vendor.html", context)


def _side(request: HttpRequest) -> Side:
    return Side.MAKER if request.GET.get("as") == Side.MAKER else Side.SELLER


def _on_time(card: Scorecard) -> list[dict[str, Any]]:
    return [{"name": _name(against), "figure": figure} for against, figure in card.on_time.items()]


def _name(against: Against) -> str:
    match against:
        case Against.CONTRACT:
            return _("Contract date")
        case Against.FIRST_PROMISE:
            return _("First promise")
        case Against.CURRENT_PROMISE:
            return _("Current promise")
        case Against.REQUIRED_ON_SITE:
            return _("Required on site")
    raise AssertionError(against)


def _reasons(view: VendorView) -> list[tuple[str, str, int]]:
    labels = dict(ReasonCode.choices)
    return [
        (str(party.label), str(labels.get(code, code)) if code else _("no promise moved it: the step itself"), n)
        for (party, code), n in view.reasons.items()
    ]


_TONES: Final = {
    Against.CONTRACT: Tone.A,
    Against.FIRST_PROMISE: Tone.B,
    Against.CURRENT_PROMISE: Tone.C,
    Against.REQUIRED_ON_SITE: Tone.D,
}


def _trend(card: Scorecard) -> Chart | None:
    """None where no quarter has enough deliveries for a share."""
    if not any(figure.value is not None for quarter in card.quarters for figure in quarter.on_time.values()):
        return None
    return Chart(
        key="trend",
        label=_("On-time shares by the quarter in which it was due, by quantity"),
        unit="%",
        series=[
            Series(
                _name(against),
                [(quarter.name, quarter.on_time[against].value) for quarter in card.quarters],
                shape=Shape.BAR,
                tone=tone,
            )
            for against, tone in _TONES.items()
        ],
        is_by_name=True,
        x_name=_("Quarter"),
        table_id="trend-table",
    )
