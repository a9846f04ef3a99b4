"""A page with nothing but charts, for the component itself."""

from datetime import date
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from procurement.config.urls import urlpatterns as product
from procurement.portal.charts import Band, Chart, Dash, Mark, Series, Shape, Span, Tone

D = Decimal
STEPS = Chart(
    key="steps",
    label="Load and usable megawatts by day",
    unit="MW",
    x_name="From",
    series=(
        Series("Load", ((date(2027, 1, 1), D(4)), (date(2027, 6, 1), D(9))), Shape.STEP, Tone.INK, width=3),
        Series("Grid", ((date(2027, 1, 1), None), (date(2027, 4, 1), D("6.5"))), Shape.STEP, Tone.A, Dash.DASHED),
    ),
    bands=(Band("Gap", Tone.BAD, ((date(2027, 6, 1), date(2027, 9, 1), D("6.5"), D(9)),)),),
    marks=(Mark(date(2027, 5, 1), "Energised"),),
    spans=(Span(date(2027, 1, 1), date(2027, 4, 1), "Not known", Tone.QUIET),),
)
BARS = Chart(
    key="bars",
    label="Megawatts by year",
    unit="MW",
    x_name="Year",
    is_by_name=True,
    series=(Series("Signed", (("2027", D(4)), ("2028", D(7))), Shape.BAR, Tone.GOOD),),
)
PAGE = """{% extends "base.html" %}{% block head %}{% include "components/chart_head.html" only %}{% endblock %}
{% block content %}<h1>Charts</h1>{% for chart in charts %}
{% include "components/chart.html" with chart=chart only %}{% endfor %}
{% endblock %}"""


def show(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(PAGE).render({"charts": [STEPS, BARS]}, request))


urlpatterns = [path("charts-of-a-test/", show), *product]
