from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from procurement.api import message_log, problems, tokens
from procurement.gateways import again

again.wire(message_log.send_again)
handler500 = "procurement.config.middleware.server_error"
urlpatterns = [
    path("api/v1/", include("procurement.api.v1.urls")),
    path("identity/o/api/token", tokens.Issue.as_view(), name="oauth-token"),
    path("identity/o/api/revoke", tokens.Revoke.as_view(), name="oauth-revoke"),
    path("problems/<slug:code>", problems.page, name="problem"),
    path("account/", include("allauth.account.urls")),
    path("", include("procurement.portal.urls")),
]
if settings.ADMIN_SITE:
    urlpatterns.append(path("admin/", admin.site.urls))
