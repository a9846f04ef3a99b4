"""How good our forecasts were, also where they were bad."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from procurement.domain.scoring import HEADLINE, LEVELS
from procurement.portal.charts import Chart, Dash, Series, Shape, Tone
from procurement.queries.forecast_quality import Quality, ScoreLine, newest

_TOLERANCE = 0.05
_P80 = HEADLINE[1]


@dataclass(frozen=True, slots=True)
class Verdict:
    text: str
    is_good: bool


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    quality = newest()
    if quality is None or not quality.lines:
        return render(request, "forecasts/quality.html", {"row": None})
    whole = quality.lines[0]
    context = {
        "row": quality.row,
        "lines": quality.lines,
        "covered_p50": whole.covered_p50,
        "covered_p80": whole.covered_p80,
        "is_too_hopeful": whole.covered_p80 is not None and whole.covered_p80 < _P80 - _TOLERANCE,
        "verdicts": _verdicts(whole),
        "chart": _chart(quality),
    }
    return render(request, "forecasts/quality.html", context)


def _verdicts(whole: ScoreLine) -> list[Verdict]:
    found = []
    if whole.is_small:
        found.append(Verdict(_("There are too few forecasts to judge by."), is_good=False))
    held = whole.covered_p80
    if held is not None:
        if held < _P80 - _TOLERANCE:
            found.append(Verdict(_("Our P80 was too hopeful: it held less often than it said."), is_good=False))
        elif held > _P80 + _TOLERANCE:
            found.append(Verdict(_("Our P80 was too careful: it held more often than it said."), is_good=False))
        else:
            found.append(Verdict(_("Our P80 held about as often as it said."), is_good=True))
    ours, promise, forward = whole.losses[:3]
    if ours is not None and promise is not None and forward is not None:
        if ours <= min(promise, forward):
            text = _("At P50 we were closer than the vendors' promises and than the plain forward pass.")
        elif ours > max(promise, forward):
            text = _("At P50 the vendors' promises and the plain forward pass were both closer than we were.")
        else:
            text = _("At P50 we were closer than one of the two rivals, and further off than the other.")
        found.append(Verdict(text, is_good=ours <= min(promise, forward)))
    return found


def _chart(quality: Quality) -> Chart:
    whole = quality.lines[0]
    names = [f"P{round(level * 100)}" for level in LEVELS]
    said = [(name, level * 100) for name, level in zip(names, LEVELS, strict=True)]
    held = [(name, None if share is None else share * 100) for name, share in zip(names, whole.coverage, strict=True)]
    return Chart(
        key="coverage",
        label=_("How often each percentile held, beside how often it should have"),
        unit="%",
        series=[
            Series(_("as said"), said, shape=Shape.LINE, tone=Tone.QUIET, dash=Dash.DASHED),
            Series(_("as it was"), held, shape=Shape.LINE, tone=Tone.A),
        ],
        is_by_name=True,
        x_name=_("Percentile"),
    )
