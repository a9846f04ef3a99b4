from django.urls import URLPattern, path, re_path

from procurement.api.v1 import date_revisions, me, orders, schema

app_name = "api-v1"

urlpatterns: list[URLPattern] = [
    path("me", me.Me.as_view(), name="me"),
    path("purchase-orders/ext/<str:system>/<path:external_id>", orders.OrderByExternalId.as_view(), name="order-ext"),
    path("purchase-orders/<uuid:order_id>", orders.Order.as_view(), name="order"),
    path(
        "purchase-orders/<uuid:order_id>/date-revisions",
        date_revisions.DateRevisions.as_view(),
        name="date-revisions",
    ),
    path("schema", schema.Schema.as_view(), name="schema"),
    path("docs", schema.Docs.as_view(), name="docs"),
    path("docs/reference", schema.Reference.as_view(), name="reference"),
    re_path(r"", schema.Nowhere.as_view()),
]
