from django.urls import path

from procurement.portal.pages import power, site_power

urlpatterns = [
    path("power/agreements/", power.agreements, name="agreements"),
    path("power/agreements/<uuid:key>/", power.agreement, name="agreement"),
    path("power/grid/", power.grid, name="grid"),
    path("power/grid/<uuid:key>/", power.grid, name="grid_connection"),
    path("sites/<str:code>/power/", site_power.show, name="site_power"),
    path("sites/<str:code>/power/ramp/<str:block>/", site_power.save_ramp, name="site_power_ramp"),
    path("sites/<str:code>/power/spot-price/", site_power.set_spot_price, name="site_power_spot"),
]
