from django.urls import path

from procurement.portal import power_urls
from procurement.portal.pages import (
    alerts,
    blocks,
    health,
    language,
    lead_times,
    lines,
    log,
    mailbox,
    orders,
    portfolio,
    requirements,
    sites,
)

urlpatterns = [
    path("", portfolio.show, name="portfolio"),
    path("sites/<str:code>/", sites.show, name="site"),
    path("blocks/<uuid:key>/", blocks.show, name="block"),
    path("log/", log.show, name="log"),
    path("lines/<uuid:key>/", lines.show, name="line"),
    path("lines/<uuid:key>/promise/", lines.record_promise, name="line_promise"),
    path("lines/<uuid:key>/actual/", lines.record_actual, name="line_actual"),
    path("lines/<uuid:key>/lock/", lines.set_lock, name="line_lock"),
    path("lines/<uuid:key>/release/", lines.release_lock, name="line_release"),
    path("lines/<uuid:key>/split/", lines.split_lot, name="line_split"),
    path("lines/<uuid:key>/retract/", lines.retract_promise, name="line_retract"),
    path("orders/<uuid:key>/", orders.show, name="order"),
    path("requirements/<uuid:key>/", requirements.show, name="requirement"),
    path("alerts/", alerts.index, name="alerts"),
    path("alerts/<uuid:key>/", alerts.show, name="alert"),
    path("alerts/<uuid:key>/acknowledge/", alerts.acknowledge, name="alert_acknowledge"),
    *power_urls.urlpatterns,
    path("lead-times/", lead_times.index, name="lead_times"),
    path("mailbox/", mailbox.index, name="mailbox"),
    path("mailbox/<uuid:key>/", mailbox.show, name="mail"),
    path("mailbox/<uuid:key>/html/", mailbox.html, name="mail_html"),
    path("language/", language.choose, name="language"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
