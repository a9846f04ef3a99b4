from django.urls import URLPattern, path, re_path

from procurement.api.v1 import agreements, bulk, date_revisions, imports, me, orders, power, schedules, schema

app_name = "api-v1"

urlpatterns: list[URLPattern] = [
    path("me", me.Me.as_view(), name="me"),
    path("purchase-orders/ext/<str:system>/<path:external_id>", orders.OrderByExternalId.as_view(), name="order-ext"),
    path("purchase-orders/bulk", bulk.BulkOrders.as_view(), name="bulk-orders"),
    path("jobs/<uuid:job_id>", bulk.JobView.as_view(), name="job"),
    path("jobs/<uuid:job_id>/rows", bulk.JobRows.as_view(), name="job-rows"),
    path("purchase-orders/<uuid:order_id>", orders.Order.as_view(), name="order"),
    path(
        "purchase-orders/<uuid:order_id>/date-revisions",
        date_revisions.DateRevisions.as_view(),
        name="date-revisions",
    ),
    path("sites/<str:site>/schedules", schedules.SiteSchedules.as_view(), name="site-schedules"),
    path("schedules/<uuid:revision_id>", schedules.Schedule.as_view(), name="schedule"),
    path("schedules/<uuid:revision_id>/difference", schedules.Difference.as_view(), name="schedule-difference"),
    path("schedules/<uuid:revision_id>/activities", schedules.Activities.as_view(), name="schedule-activities"),
    path("schedules/<uuid:revision_id>/accept", schedules.Accept.as_view(), name="schedule-accept"),
    path("schedules/<uuid:revision_id>/reject", schedules.Reject.as_view(), name="schedule-reject"),
    path("schedules/<uuid:revision_id>/roll-back", schedules.RollBack.as_view(), name="schedule-roll-back"),
    path("agreements", agreements.Agreements.as_view(), name="agreements"),
    path("agreements/schema", agreements.AgreementSchema.as_view(), name="agreement-schema"),
    path("agreements/<uuid:agreement_id>", agreements.Agreement.as_view(), name="agreement"),
    path("agreements/<uuid:key>/date-revisions", power.AgreementDates.as_view(), name="agreement-dates"),
    path("agreements/code/<path:code>", agreements.AgreementByCode.as_view(), name="agreement-code"),
    path("grid-connections", power.GridConnections.as_view(), name="grid-connections"),
    path("grid-connections/<uuid:key>/date-revisions", power.GridConnectionDates.as_view(), name="grid-dates"),
    path("network-works/<uuid:key>/date-revisions", power.NetworkWorksDates.as_view(), name="works-dates"),
    path("power-balance", power.GroupBalance.as_view(), name="power-balance"),
    path("sites/<str:code>/power-balance", power.SiteBalance.as_view(), name="site-power-balance"),
    path("sites/<str:code>/load-ramps", power.LoadRamps.as_view(), name="load-ramps"),
    path("imports", imports.Imports.as_view(), name="imports"),
    path("imports/<uuid:import_id>", imports.Import.as_view(), name="import"),
    path("imports/<uuid:import_id>/rows", imports.ImportRows.as_view(), name="import-rows"),
    path("imports/<uuid:import_id>/apply", imports.ApplyImport.as_view(), name="import-apply"),
    path("imports/<uuid:import_id>/discard", imports.DiscardImport.as_view(), name="import-discard"),
    path("imports/<uuid:import_id>/undo", imports.UndoImport.as_view(), name="import-undo"),
    path("exports/<str:kind>", imports.Export.as_view(), name="export"),
    path("schema", schema.Schema.as_view(), name="schema"),
    path("docs", schema.Docs.as_view(), name="docs"),
    path("docs/reference", schema.Reference.as_view(), name="reference"),
    re_path(r"", schema.Nowhere.as_view()),
]
