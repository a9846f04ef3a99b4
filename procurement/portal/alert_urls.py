from django.urls import path

from procurement.portal.pages import alert_rules, alerts, answers, calendar, deliveries, health, preferences, simulator

urlpatterns = [
    path("alerts/", alerts.index, name="alerts"),
    path("alerts/what-if/", simulator.show, name="simulator"),
    path("alerts/rules/", alert_rules.index, name="alert_rules"),
    path("alerts/rules/<str:code>/", alert_rules.show, name="alert_rule"),
    path("alerts/<uuid:key>/", alerts.show, name="alert"),
    path("alerts/<uuid:key>/acknowledge/", alerts.acknowledge, name="alert_acknowledge"),
    path("alerts/<uuid:key>/snooze/", alerts.snooze, name="alert_snooze"),
    path("alerts/<uuid:key>/decline/", alerts.decline, name="alert_decline"),
    path("alerts/<uuid:key>/assign/", alerts.assign, name="alert_assign"),
    path("answer/<str:purpose>/<str:token>/", answers.answer, name="answer"),
    path("unsubscribe/<str:token>/", answers.unsubscribe, name="mail_unsubscribe"),
    path("calendar/<str:secret>.ics", calendar.feed, name="calendar_feed"),
    path("preferences/shortcuts/", preferences.shortcuts, name="preference_shortcuts"),
    path("preferences/", preferences.show, name="preferences"),
    path("preferences/choice/", preferences.prefer, name="preference_add"),
    path("preferences/choice/<uuid:key>/forget/", preferences.forget, name="preference_forget"),
    path("preferences/hours/", preferences.hours, name="preference_hours"),
    path("preferences/watch/", preferences.watch, name="watch"),
    path("preferences/subscribe/", preferences.subscribe, name="subscribe"),
    path("preferences/subscriptions/<uuid:key>/end/", preferences.unsubscribe, name="subscription_end"),
    path("preferences/calendar/", preferences.calendar, name="calendar_address"),
    path("preferences/chat/", preferences.add_chat, name="chat_add"),
    path("preferences/chat/<uuid:key>/", preferences.switch_chat, name="chat_switch"),
    path("messages/undelivered/", deliveries.index, name="undelivered"),
    path("messages/<uuid:key>/retry/", deliveries.retry, name="message_retry"),
    path("metrics", health.metrics, name="metrics"),
    path("addresses/<uuid:key>/trust/", deliveries.trust, name="address_trust"),
]
