from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from procurement.portal.actor import acting_user
from procurement.portal.alert_words import AGE_WORDS
from procurement.portal.portfolio_pictures import rfs_chart, site_map
from procurement.queries import portfolio_outlook
from procurement.queries.portfolio import portfolio


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    actor, today = acting_user(request), timezone.now().date()
    found = portfolio(actor)
    outlook = portfolio_outlook.rfs_by_month(found.blocks)
    context = {
        "portfolio": found,
        "map": site_map(found.sites),
        "outlook": outlook,
        "rfs_chart": rfs_chart(outlook, table_id="rfs-table") if outlook.months else None,
        "slips": portfolio_outlook.worst_slips(actor),
        "weeks": portfolio_outlook.order_by_calendar(actor, today),
        "order_by_days": portfolio_outlook.ORDER_BY_DAYS,
        "ages": [(AGE_WORDS[row.age], row) for row in portfolio_outlook.alerts_by_age(actor, today)],
        "heat": portfolio_outlook.vendor_heat(actor),
    }
    return render(request, "sites/portfolio.html", context)
