"""Technical tables for operators: to look at, never to change. The portal and the API are where things are written."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from procurement.models import Evaluation, ExternalRef, ForecastRun, Heartbeat, Notification
from sites.accounts.models import ApiClient, ApiKey, AuditEvent


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    exclude = ("secret_hash",)
    list_display = ("prefix", "client", "expires_at", "revoked_at", "last_used_at")


@admin.register(Notification)
class NotificationAdmin(ReadOnly):
    list_display = ("subject", "recipient", "state", "attempts", "last_code", "sent_at")
    list_filter = ("state", "lane")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ("at", "actor", "verb", "subject_kind", "subject_id")
    list_filter = ("verb",)


for _table in (ApiClient, Evaluation, ExternalRef, ForecastRun, Heartbeat):
    admin.site.register(_table, ReadOnly)
