"""Pages about other systems."""

from django.urls import path

from procurement.portal.pages import disagreements, message_log, system_keys, webhooks

urlpatterns = [
    path("integration/", system_keys.index, name="system_keys"),
    path("integration/keys/<str:prefix>/revoke/", system_keys.revoke_key, name="system_key_revoke"),
    path("integration/client-ids/<str:client_id>/revoke/", system_keys.revoke_registration, name="oauth_client_revoke"),
    path("integration/webhooks/", webhooks.index, name="webhooks"),
    path("integration/webhooks/<uuid:key>/", webhooks.show, name="webhook"),
    path("integration/webhooks/<uuid:key>/switch/", webhooks.switch, name="webhook_switch"),
    path("integration/webhooks/<uuid:key>/ping/", webhooks.ping, name="webhook_ping"),
    path("integration/webhooks/<uuid:key>/rotate/", webhooks.rotate, name="webhook_rotate"),
    path("integration/webhooks/<uuid:key>/replay/", webhooks.replay, name="webhook_replay"),
    path("integration/messages/", message_log.index, name="integration_messages"),
    path("integration/messages/<uuid:key>/", message_log.show, name="integration_message"),
    path("integration/messages/<uuid:key>/retry/", message_log.retry, name="integration_message_retry"),
    path("integration/messages/<uuid:key>/discard/", message_log.discard, name="integration_message_discard"),
    path("integration/disagreements/", disagreements.index, name="disagreements"),
    path("integration/disagreements/<uuid:key>/fix/", disagreements.fix, name="disagreement_fix"),
    path("integration/disagreements/<uuid:key>/accept/", disagreements.accept, name="disagreement_accept"),
]
