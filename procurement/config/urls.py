from django.conf import settings
from django.contrib import admin
from django.urls import include, path

handler500 = "procurement.config.middleware.server_error"
urlpatterns = [
    path("api/v1/", include("procurement.api.v1.urls")),
    path("account/", include("allauth.account.urls")),
    path("", include("procurement.portal.urls")),
]
if settings.ADMIN_SITE:
    urlpatterns.append(path("admin/", admin.site.urls))
