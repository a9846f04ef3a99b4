from django.urls import path

from procurement.portal.pages import agreement, grid_connection, power, power_dates, site_power

urlpatterns = [
    path("power/", power.portfolio, name="power"),
    path("power/agreements/", power.agreements, name="agreements"),
    path("power/agreements/bring-in/", agreement.bring_in, name="agreement_bring_in"),
    path("power/agreements/schema.json", agreement.published_schema, name="agreement_schema"),
    path("power/agreements/<uuid:key>/", agreement.show, name="agreement"),
    path("power/agreements/<uuid:key>/record.json", agreement.export, name="agreement_export"),
    path("power/agreements/<uuid:key>/terms/<str:group>/", agreement.save_terms, name="agreement_terms"),
    path("power/agreements/<uuid:key>/shares/", agreement.save_shares, name="agreement_shares"),
    path("power/agreements/<uuid:key>/rows/<str:name>/", agreement.save_rows, name="agreement_rows"),
    path("power/agreements/<uuid:key>/state/", agreement.move, name="agreement_state"),
    path("power/agreements/<uuid:key>/close/", agreement.close_condition, name="agreement_close_condition"),
    path("power/agreements/<uuid:key>/serve/", agreement.serve_notice, name="agreement_serve_notice"),
    path("power/grid/", power.grid, name="grid"),
    path("power/grid/add/", grid_connection.add, name="grid_connection_add"),
    path("power/grid/<uuid:key>/", grid_connection.show, name="grid_connection"),
    path("power/grid/<uuid:key>/terms/", grid_connection.save_terms, name="grid_connection_terms"),
    path("power/grid/<uuid:key>/capacity/", grid_connection.save_capacity, name="grid_connection_capacity"),
    path("power/grid/<uuid:key>/state/", grid_connection.move, name="grid_connection_state"),
    path("power/grid/<uuid:key>/works/", grid_connection.add_works, name="grid_connection_works"),
    path("power/dates/<uuid:chain>/<str:kind>/", power_dates.record, name="power_dates"),
    path("sites/<str:code>/power/", site_power.show, name="site_power"),
    path("sites/<str:code>/power/ramp/<str:block>/", site_power.save_ramp, name="site_power_ramp"),
    path("sites/<str:code>/power/spot-price/", site_power.set_spot_price, name="site_power_spot"),
]
