"""What stands, what happened to it, and who was told. Rows here are the outbox: a mail is a row first."""

from datetime import date

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from procurement.models.equipment import EquipmentClass
from procurement.vocabulary import (
    AlertEventKind,
    AlertState,
    AlertSubject,
    Channel,
    CloseReason,
    Lane,
    MessageKind,
    NotificationState,
    Rule,
    Severity,
    WatchKind,
    WatchSubject,
    WishedLane,
)
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.accounts.row import Row, plausible_date
from sites.models import Site
from sites.models.site import Sight, holds_portfolio

STANDING = [AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.SNOOZED, AlertState.ESCALATED, AlertState.RECOVERED]


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, actor: User) -> "AlertQuerySet":
        return self.filter(
            Q(site__in=Site.objects.visible_to(actor)) | (Q(site__isnull=True) & Q(holds_portfolio(actor)))
        )

    def within(self, sight: Sight) -> "AlertQuerySet":
        """The same of what has been looked up already."""
        return self.all() if sight.whole else self.filter(site__in=sight.sites)

    def standing(self) -> "AlertQuerySet":
        return self.filter(state__in=STANDING)

    def needing_action(self) -> "AlertQuerySet":
        return self.filter(state__in=[AlertState.OPEN, AlertState.ESCALATED])


# What a rule saw last is computed anew each day for every alert that stands; what people were told stays in its events.
_NOT_COMPUTED = pghistory.UpdateEvent(condition=pgtrigger.AnyChange(exclude=["facts", "measure_days", "subject_text"]))


@pghistory.track(
    *(
        _NOT_COMPUTED if isinstance(tracker, pghistory.UpdateEvent) else tracker
        for tracker in settings.PGHISTORY_DEFAULT_TRACKERS
    ),
    model_name="AlertHistory",
)
class Alert(Row):
    """One thing that should not be so. A recovered alert still stands until it has stood recovered for five days.

    `facts` holds what the rule saw when it last looked, `told_facts` what it saw when people were last told (dates as
    ISO text, days, megawatt-days as text). `measure_days` is how bad it is now and `told_days` how bad it was when last
    told, in days of the rule, worse is greater; null where a rule counts no days. `cause_key` names what moved it (a
    statement, an import, a day), so that one cause is one mail. `escalate_at` is the instant of the next step of the
    ladder, null where none follows; `rearm_at` is when an answer stops being enough, unless it got better before.
    """

    rule = models.CharField(max_length=30, choices=Rule)
    subject_kind = models.CharField(max_length=20, choices=AlertSubject)
    subject_id = models.UUIDField()
    subject_text = models.CharField(max_length=300)
    site = models.ForeignKey(Site, null=True, on_delete=models.PROTECT, related_name="alerts")
    baseline_version = models.PositiveSmallIntegerField(default=0)
    episode = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=14, choices=AlertState, default=AlertState.OPEN)
    band = models.SmallIntegerField(default=0, help_text="The highest band told in this episode")
    lane = models.CharField(max_length=8, choices=Lane)
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.NOTICE)
    told_role = models.CharField(max_length=20, choices=Role)
    opened_on = models.DateField()
    opened_at = models.DateTimeField()
    recovered_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(max_length=12, choices=CloseReason, blank=True)
    acknowledged_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    commitment_on = models.DateField(null=True, blank=True)
    rearm_at = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="owned_alerts",
        help_text=_("Who has taken it or was given it; empty: whom the rule tells"),
    )
    snoozed_until = models.DateField(
        null=True, blank=True, help_text=_("It asks again at the start of this day at the site")
    )
    snoozed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    escalation_step = models.PositiveSmallIntegerField(default=0, help_text=_("Steps of the ladder taken"))
    escalation_round = models.PositiveSmallIntegerField(default=0, help_text=_("How often the ladder began anew"))
    escalate_at = models.DateTimeField(null=True, blank=True)
    measure_days = models.IntegerField(null=True, blank=True)
    told_days = models.IntegerField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    told_facts = models.JSONField(default=dict)
    reversals = models.JSONField(default=list, help_text="Instants at which it recovered or came back")
    cause_key = models.CharField(max_length=80, blank=True)
    cause_text = models.CharField(max_length=300, blank=True)
    facts = models.JSONField(default=dict)

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject_kind", "subject_id", "site", "baseline_version", "episode"],
                nulls_distinct=False,
                name="an_alert_is_raised_once_an_episode",
            ),
            models.UniqueConstraint(
                fields=["rule", "subject_kind", "subject_id", "site"],
                condition=~Q(state=AlertState.CLOSED),
                nulls_distinct=False,
                name="a_rule_has_one_standing_alert_a_subject",
            ),
            models.CheckConstraint(
                name="a_closed_alert_says_when_and_why",
                condition=Q(state=AlertState.CLOSED, closed_at__isnull=False) & ~Q(close_reason="")
                | (~Q(state=AlertState.CLOSED) & Q(closed_at__isnull=True, close_reason="")),
            ),
            models.CheckConstraint(
                name="an_acknowledged_alert_names_who_did_it",
                condition=~Q(state=AlertState.ACKNOWLEDGED) | Q(acknowledged_by__isnull=False),
            ),
            models.CheckConstraint(
                name="a_snoozed_alert_says_until_when",
                condition=~Q(state=AlertState.SNOOZED) | Q(snoozed_until__isnull=False),
            ),
            models.CheckConstraint(
                name="an_escalated_alert_has_taken_a_step",
                condition=~Q(state=AlertState.ESCALATED) | Q(escalation_step__gte=1),
            ),
            models.CheckConstraint(
                name="an_alert_has_plausible_dates",
                condition=plausible_date("opened_on")
                & plausible_date("commitment_on")
                & plausible_date("snoozed_until"),
            ),
        ]
        indexes = [
            models.Index(fields=["escalate_at"], condition=Q(escalate_at__isnull=False), name="alerts_to_escalate"),
            models.Index(fields=["rearm_at"], condition=Q(rearm_at__isnull=False), name="alerts_to_ask_again"),
            models.Index(fields=["site", "state", "severity", "opened_on"], name="alerts_of_a_site"),
            models.Index(fields=["subject_kind", "subject_id"], name="alerts_of_a_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.get_rule_display()}: {self.subject_text}"


class AlertEvent(Row):
    """A band is told once an episode: only its insert makes a mail due. `turn` counts repeats of the other kinds.

    `facts` are those of that moment, with the move since people were last told. An empty `lane` is that of the alert.
    """

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=14, choices=AlertEventKind)
    band = models.SmallIntegerField(default=0)
    turn = models.PositiveSmallIntegerField(default=0)
    lane = models.CharField(max_length=8, choices=Lane, blank=True)
    at = models.DateTimeField()
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    facts = models.JSONField(default=dict)
    cause_key = models.CharField(max_length=80, blank=True)
    cause_text = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alert", "kind", "band", "turn"], name="an_alert_crosses_a_band_once"),
        ]

    def __str__(self) -> str:
        return f"{self.alert}: {self.kind} {self.band}"


class Notification(Row):
    """One message to one person. Text and Message-ID are frozen when it leaves `held`."""

    recipient = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notifications")
    channel = models.CharField(max_length=8, choices=Channel, default=Channel.EMAIL)
    site = models.ForeignKey(Site, null=True, on_delete=models.PROTECT, related_name="+")
    endpoint = models.ForeignKey(
        "ChatEndpoint", null=True, blank=True, on_delete=models.PROTECT, related_name="notifications"
    )
    subscription = models.ForeignKey(
        "Subscription", null=True, blank=True, on_delete=models.PROTECT, related_name="notifications"
    )
    kind = models.CharField(max_length=10, choices=MessageKind, default=MessageKind.ALERTS)
    lane = models.CharField(max_length=8, choices=Lane)
    cause_key = models.CharField(max_length=80)
    cause_text = models.CharField(max_length=300, blank=True)
    digest_on = models.DateField(null=True, blank=True, help_text="The person's local date of a digest")
    reason = models.CharField(max_length=20, default="owner", help_text="Why this person: owner, deputy, watcher")
    state = models.CharField(max_length=12, choices=NotificationState, default=NotificationState.HELD)
    release_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    address = models.EmailField(blank=True)
    message_id = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    body_text = models.TextField(blank=True)
    body_html = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    wire = models.BinaryField(
        default=bytes,
        help_text="A mail as it goes over the wire, written with its text and dropped once it is accepted",
    )
    last_code = models.CharField(max_length=20, blank=True)
    last_answer = models.CharField(max_length=500, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    retried_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody asked to send a dead message again"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "channel", "endpoint", "site", "cause_key"],
                condition=Q(state=NotificationState.HELD),
                nulls_distinct=False,
                name="one_cause_is_held_once_for_a_person",
            ),
            models.UniqueConstraint(
                fields=["recipient", "channel", "endpoint", "digest_on"],
                condition=Q(digest_on__isnull=False),
                nulls_distinct=False,
                name="a_person_gets_one_digest_a_local_date",
            ),
            models.UniqueConstraint(
                fields=["message_id"], condition=~Q(message_id=""), name="a_message_id_is_used_once"
            ),
            models.CheckConstraint(
                name="a_released_message_is_frozen",
                condition=Q(
                    state__in=[NotificationState.HELD, NotificationState.SUPPRESSED, NotificationState.CANCELLED]
                )
                | (~Q(message_id="") & ~Q(subject="") & ~Q(body_text="")),
            ),
            models.CheckConstraint(
                name="a_sent_message_says_when", condition=~Q(state=NotificationState.SENT) | Q(sent_at__isnull=False)
            ),
            models.CheckConstraint(name="a_digest_has_a_plausible_date", condition=plausible_date("digest_on")),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=[NotificationState.DUE, NotificationState.DEFERRED]),
                name="messages_to_send",
            ),
            models.Index(fields=["release_at"], condition=Q(state=NotificationState.HELD), name="messages_to_release"),
        ]

    def __str__(self) -> str:
        return f"{self.subject or self.cause_key} to {self.recipient}"


class NotificationItem(Row):
    """One event told to one person, over one channel, once. `reason`, `role` and `scope` say why this person."""

    notification = models.ForeignKey(Notification, on_delete=models.PROTECT, related_name="items")
    event = models.ForeignKey(AlertEvent, on_delete=models.PROTECT, related_name="items")
    recipient = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=8, choices=Channel)
    endpoint = models.ForeignKey("ChatEndpoint", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=20, default="owner")
    role = models.CharField(max_length=20, choices=Role, blank=True)
    scope = models.CharField(
        max_length=20, blank=True, help_text=_("The scope of the assignment or role that names them")
    )
    dropped_because = models.CharField(max_length=120, blank=True, help_text="Left out at release, and why")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "recipient", "channel", "endpoint"],
                nulls_distinct=False,
                name="an_event_is_told_to_a_person_once_a_channel",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event}"


class AlertRuleSettingQuerySet(models.QuerySet["AlertRuleSetting"]):
    def visible_to(self, actor: User) -> "AlertRuleSettingQuerySet":
        return self.filter(Q(site__isnull=True) | Q(site__in=Site.objects.visible_to(actor)))


@pghistory.track()
class AlertRuleSetting(Row):
    """Parameters of a rule that differ from those in code: everywhere, at a site, for a class, for a class at a site.

    `parameters` holds only what differs, by the names of `procurement.domain.alert_parameters`; the narrowest row that
    names a parameter decides it (class at a site, site, class, everywhere).
    """

    rule = models.CharField(max_length=30, choices=Rule)
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_settings")
    equipment_class = models.ForeignKey(
        EquipmentClass, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_settings"
    )
    parameters = models.JSONField(default=dict)
    set_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500, blank=True)

    objects = AlertRuleSettingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "site", "equipment_class"],
                nulls_distinct=False,
                name="a_rule_is_set_once_in_one_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.site or 'everywhere'} {self.equipment_class or ''}".strip()


@pghistory.track()
class AlertPreference(Row):
    """What a person chose for some alerts; without a row the rule's own lane counts.

    An empty rule, site, class, severity or channel means every one; the row that names most decides. `severity` is the
    least severity the row is about.
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="alert_preferences")
    rule = models.CharField(max_length=30, choices=Rule, blank=True, help_text="Empty: every rule")
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    equipment_class = models.ForeignKey(
        EquipmentClass, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    severity = models.CharField(max_length=8, choices=Severity, blank=True)
    channel = models.CharField(max_length=8, choices=Channel, blank=True)
    lane = models.CharField(max_length=8, choices=WishedLane)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "rule", "site", "equipment_class", "severity", "channel"],
                nulls_distinct=False,
                name="a_person_chooses_once_for_a_rule",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.rule or 'all'} {self.lane}"


@pghistory.track()
class Watch(Row):
    """A person follows, or no longer wants to hear of, one site, order, order line or alert.

    A watcher is told besides those who hold the duty; a mute turns off mail, never the duty: see `WishedLane`.
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="watches")
    kind = models.CharField(max_length=6, choices=WatchKind)
    subject_kind = models.CharField(max_length=12, choices=WatchSubject)
    subject_id = models.UUIDField()
    until_on = models.DateField(null=True, blank=True, help_text=_("Empty: until it is taken back"))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "subject_kind", "subject_id"], name="a_person_watches_or_mutes_a_thing_once"
            ),
            models.CheckConstraint(name="a_watch_has_a_plausible_end", condition=plausible_date("until_on")),
        ]
        indexes = [models.Index(fields=["subject_kind", "subject_id"], name="watchers_of_a_thing")]

    def __str__(self) -> str:
        return f"{self.person}: {self.kind} {self.subject_kind} {self.subject_id}"

    def holds_on(self, day: date) -> bool:
        """Whether it has not ended by this day of the person's."""
        return self.until_on is None or self.until_on >= day


@pghistory.track(exclude=["secret"])
class ChatEndpoint(Row):
    """An address outside that gets alerts as signed webhooks (Standard Webhooks).

    It is told what its owner may see, and stops when the owner may not. A role or a site narrows it to alerts that this
    role is told first, or to those of this site.
    """

    name = models.CharField(max_length=80, unique=True)
    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=120)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="chat_endpoints")
    role = models.CharField(max_length=20, choices=Role, blank=True)
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    active = models.BooleanField(default=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    refused_because = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name


class Evaluation(models.Model):
    """When a site (null: the power portfolio) was last looked at; silence means that nothing slipped.

    `standing_alerts` is what stood when all of it was looked at last, at its date `as_of`.
    """

    site = models.OneToOneField(Site, null=True, on_delete=models.CASCADE, related_name="evaluation")
    as_of = models.DateField()
    evaluated_at = models.DateTimeField()
    standing_alerts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site"], name="a_scope_has_one_last_evaluation", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return f"{self.site or 'power'} {self.evaluated_at}"
