"""Site schedules as they were read: quarantined until accepted, each revision kept for good."""

from datetime import date, datetime

import pghistory
import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.models.local_moment import LocalMomentField
from sites.models.site import Site
from sites.vocabulary import (
    ActivityEdge,
    ActivityKind,
    ActivityStatus,
    AnchorField,
    AnchorSubject,
    DecisionKind,
    GateKind,
    LagCalendar,
    LinkKind,
    PercentKind,
    RevisionState,
    ScheduleFormat,
)


def _plausible_hours(field: str) -> Q:
    return plausible_number(field, least="-1000000", most="1000000")


class ScheduleDocumentQuerySet(models.QuerySet["ScheduleDocument"]):
    def visible_to(self, actor: User) -> "ScheduleDocumentQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


class ScheduleDocument(Row):
    """A schedule file as it was uploaded, whole, so that it can be read again and its hash proved.

    `content` may be 50 MB: leave it out (`defer`) wherever it is not needed.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="schedule_documents")
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    uploaded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = ScheduleDocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "sha256"], name="the_same_bytes_are_one_document_of_a_site"),
        ]
        triggers = [pgtrigger.Protect(name="a_schedule_document_is_never_changed", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return self.file_name


class ScheduleRevisionQuerySet(models.QuerySet["ScheduleRevision"]):
    def visible_to(self, actor: User) -> "ScheduleRevisionQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class ScheduleRevision(Row):
    """One project of one file.

    `project_code` is the project that anchors name; `file_project_code` is how the file calls it, where an upload was
    said to be an update of a project of another name (P6 users copy a project for each update). `shifted_days` is
    the whole-day shift laid on every date of the file when a demo reads it as of today. `document` is null only for
    rows that came from no file. `options` are those of `ScheduleOptions`, as words and strings; `data_moment` is the
    data date with its time. `baselines` are the names of the baselines whose rows are kept.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="revisions")
    document = models.ForeignKey(
        ScheduleDocument, null=True, blank=True, on_delete=models.PROTECT, related_name="revisions"
    )
    format = models.CharField(max_length=6, choices=ScheduleFormat, default=ScheduleFormat.XER)
    tool_version = models.CharField(max_length=40, blank=True)
    project_code = models.CharField(max_length=80)
    file_project_code = models.CharField(max_length=80, blank=True)
    project_name = models.CharField(max_length=200, blank=True)
    data_date = models.DateField()
    data_moment = LocalMomentField(null=True, blank=True)
    planned_start = LocalMomentField(null=True, blank=True)
    must_finish = LocalMomentField(null=True, blank=True)
    file_name = models.CharField(max_length=200)
    file_sha256 = models.CharField(max_length=64)
    shifted_days = models.IntegerField(default=0)
    calendar_key = models.CharField(max_length=40, blank=True)
    currency = models.CharField(max_length=40, blank=True)
    options = models.JSONField(default=dict, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=12, choices=RevisionState, default=RevisionState.QUARANTINED)
    uploaded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = ScheduleRevisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "project_code", "file_project_code", "file_sha256", "shifted_days"],
                name="the_same_file_is_one_revision_of_a_project",
            ),
            models.UniqueConstraint(
                fields=["site", "project_code"],
                condition=Q(state=RevisionState.ACCEPTED),
                name="a_project_has_one_accepted_revision",
            ),
            models.CheckConstraint(
                name="a_revision_has_a_plausible_data_date",
                condition=plausible_date("data_date")
                & plausible_date("data_moment")
                & plausible_date("planned_start")
                & plausible_date("must_finish"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project_code} of {self.data_date}"


class ScheduleDecision(Row):
    """Who accepted, rejected or rolled back a revision, when and why. A ledger: what was decided stays.

    `replaced` is the revision that stood before and comes back on a roll back; null where there was none. `anomalies`
    are the ScheduleAnomaly words that stood against it. `changes` are the rows that accepting changed outside the
    schedule itself: `{"table", "id", "what", "before", "after"}`, both null where the row was made; `left` those that
    a roll back named and left, because they had changed since.
    """

    revision = models.ForeignKey(ScheduleRevision, on_delete=models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=12, choices=DecisionKind)
    replaced = models.ForeignKey(ScheduleRevision, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    anomalies = models.JSONField(default=list, blank=True)
    changes = models.JSONField(default=list, blank=True)
    left = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_decision_against_an_anomaly_says_why",
                condition=~Q(kind=DecisionKind.ACCEPTED) | Q(anomalies=[]) | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="a_schedule_that_is_turned_down_says_why",
                condition=Q(kind=DecisionKind.ACCEPTED) | ~Q(reason=""),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="a_decision_is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.revision_id}"


class ScheduleCalendar(Row):
    """A calendar of the file. `key` is the file's own.

    `week` is seven lists of shifts, Monday first, each `[from, to]` in minutes of the day; empty where the file does
    not say. `exceptions` maps ISO dates to the shifts of that day, an empty list for a day off.
    """

    revision = models.ForeignKey(ScheduleRevision, on_delete=models.CASCADE, related_name="calendars")
    key = models.CharField(max_length=40)
    name = models.CharField(max_length=200, blank=True)
    base_key = models.CharField(max_length=40, blank=True)
    is_of_resource = models.BooleanField(default=False)
    hours_per_day = models.DecimalField(max_digits=8, decimal_places=4, null=True, blank=True)
    week = models.JSONField(default=list, blank=True)
    exceptions = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["revision", "key"], name="a_calendar_key_is_unique_within_a_revision"),
            models.CheckConstraint(
                name="a_schedule_calendar_has_plausible_hours", condition=plausible_number("hours_per_day", most="24")
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.key


class ScheduleWbs(Row):
    """A node of the work breakdown, in the order of the file. `key` and `parent_key` are the file's own."""

    revision = models.ForeignKey(ScheduleRevision, on_delete=models.CASCADE, related_name="wbs_nodes")
    key = models.CharField(max_length=40)
    parent_key = models.CharField(max_length=40, blank=True)
    place = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=80, blank=True)
    name = models.CharField(max_length=300, blank=True)
    is_project = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["revision", "key"], name="a_wbs_key_is_unique_within_a_revision"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Activity(Row):
    """One activity. Moments are local and without a zone; hours are those of its own calendar (`calendar_key`, which
    may name a calendar that the file lacks). What each column means, and its null, stands at
    `sites.domain.site_schedule.ScheduleActivity`, whose names they bear.
    """

    revision = models.ForeignKey(ScheduleRevision, on_delete=models.CASCADE, related_name="activities")
    place = models.PositiveIntegerField(default=0, help_text=_("Its place in the file"))
    code = models.CharField(max_length=80)
    name = models.CharField(max_length=300, blank=True)
    wbs = models.CharField(max_length=300, blank=True)
    wbs_key = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=20, choices=ActivityKind, default=ActivityKind.TASK)
    status = models.CharField(max_length=12, choices=ActivityStatus)
    calendar_key = models.CharField(max_length=40, blank=True)
    planned_start = LocalMomentField(null=True, blank=True)
    planned_finish = LocalMomentField(null=True, blank=True)
    early_start = LocalMomentField(null=True, blank=True)
    early_finish = LocalMomentField(null=True, blank=True)
    late_start = LocalMomentField(null=True, blank=True)
    late_finish = LocalMomentField(null=True, blank=True)
    actual_start = LocalMomentField(null=True, blank=True)
    actual_finish = LocalMomentField(null=True, blank=True)
    remaining_start = LocalMomentField(null=True, blank=True)
    remaining_finish = LocalMomentField(null=True, blank=True)
    suspended = LocalMomentField(null=True, blank=True)
    resumed = LocalMomentField(null=True, blank=True)
    expected_finish = LocalMomentField(null=True, blank=True)
    external_early_start = LocalMomentField(null=True, blank=True)
    external_late_finish = LocalMomentField(null=True, blank=True)
    original_hours = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    remaining_hours = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    at_completion_hours = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    total_float_hours = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    free_float_hours = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    percent_kind = models.CharField(max_length=8, choices=PercentKind, blank=True)
    percent_complete = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    constraint = models.CharField(max_length=40, blank=True)
    constraint_moment = LocalMomentField(null=True, blank=True)
    second_constraint = models.CharField(max_length=40, blank=True)
    second_constraint_moment = LocalMomentField(null=True, blank=True)
    is_driving = models.BooleanField(null=True, blank=True)
    is_manual = models.BooleanField(default=False)
    codes = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["revision", "code"], name="an_activity_code_is_unique_within_a_revision"),
            models.CheckConstraint(
                name="an_activity_has_plausible_dates",
                condition=plausible_date("planned_start")
                & plausible_date("planned_finish")
                & plausible_date("early_start")
                & plausible_date("early_finish")
                & plausible_date("late_start")
                & plausible_date("late_finish")
                & plausible_date("actual_start")
                & plausible_date("actual_finish")
                & plausible_date("remaining_start")
                & plausible_date("remaining_finish")
                & plausible_date("suspended")
                & plausible_date("resumed")
                & plausible_date("expected_finish")
                & plausible_date("external_early_start")
                & plausible_date("external_late_finish")
                & plausible_date("constraint_moment")
                & plausible_date("second_constraint_moment"),
            ),
            models.CheckConstraint(
                name="an_activity_has_a_plausible_float",
                condition=_plausible_hours("total_float_hours") & _plausible_hours("free_float_hours"),
            ),
            models.CheckConstraint(
                name="an_activity_has_plausible_durations",
                condition=_plausible_hours("original_hours")
                & _plausible_hours("remaining_hours")
                & _plausible_hours("at_completion_hours"),
            ),
            models.CheckConstraint(
                name="an_activity_has_a_plausible_percentage",
                condition=plausible_number("percent_complete", most="100"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def start(self) -> datetime | None:
        """Actual, else early, else planned."""
        found: datetime | None = self.actual_start or self.early_start or self.planned_start
        return found

    @property
    def finish(self) -> datetime | None:
        """Actual, else early, else planned."""
        found: datetime | None = self.actual_finish or self.early_finish or self.planned_finish
        return found

    @property
    def start_on(self) -> date | None:
        return self.start.date() if self.start else None

    @property
    def finish_on(self) -> date | None:
        return self.finish.date() if self.finish else None


class ActivityLink(Row):
    """Logic within the revision, or from an activity of another project, which is then named by codes alone
    (`predecessor` null). `lag_calendar` is empty where the project's option counts.
    """

    predecessor = models.ForeignKey(
        Activity, null=True, blank=True, on_delete=models.CASCADE, related_name="successors"
    )
    predecessor_project = models.CharField(max_length=80, blank=True)
    predecessor_code = models.CharField(max_length=80, blank=True)
    successor = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="predecessors")
    kind = models.CharField(max_length=14, choices=LinkKind, default=LinkKind.FINISH_START)
    lag_hours = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    lag_calendar = models.CharField(max_length=16, choices=LagCalendar, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="an_activity_never_follows_itself", condition=~Q(predecessor=F("successor"))),
            models.CheckConstraint(
                name="an_activity_link_has_a_plausible_lag", condition=_plausible_hours("lag_hours")
            ),
            models.CheckConstraint(
                name="a_predecessor_is_an_activity_here_or_named_by_its_project",
                condition=Q(predecessor__isnull=False, predecessor_project="", predecessor_code="")
                | (Q(predecessor__isnull=True) & ~Q(predecessor_project="") & ~Q(predecessor_code="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.lag_hours}h"


class ScheduleBaselineActivity(Row):
    """What one baseline in the file said of an activity, by code: the activity may be gone from the schedule.

    `baseline` is the baseline project's id, or Microsoft Project's number.
    """

    revision = models.ForeignKey(ScheduleRevision, on_delete=models.CASCADE, related_name="baseline_activities")
    baseline = models.CharField(max_length=80)
    code = models.CharField(max_length=80)
    start = LocalMomentField(null=True, blank=True)
    finish = LocalMomentField(null=True, blank=True)
    duration_hours = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["revision", "baseline", "code"], name="a_baseline_names_an_activity_once"),
            models.CheckConstraint(
                name="a_baseline_activity_has_plausible_values",
                condition=plausible_date("start") & plausible_date("finish") & _plausible_hours("duration_hours"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.baseline} {self.code}"


class AnchorRuleQuerySet(models.QuerySet["AnchorRule"]):
    def visible_to(self, actor: User) -> "AnchorRuleQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class AnchorRule(Row):
    """Binds requirements or gates of a site to the activities of a project whose text fits a pattern.

    The pattern is plain text with `*` for anything and one `{code}` where the requirement's tag stands, or the code
    of the gate's block, phase or site; `code_type` names the P6 activity code whose value is looked at. It is applied
    when it is made and again with each accepted revision; a hand-made binding is never replaced. `gate_kinds` are the
    kinds of gate that are bound.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="anchor_rules")
    project_code = models.CharField(max_length=80)
    subject = models.CharField(max_length=12, choices=AnchorSubject)
    gate_kinds = ArrayField(models.CharField(max_length=20, choices=GateKind), default=list, blank=True)
    field = models.CharField(max_length=14, choices=AnchorField)
    code_type = models.CharField(max_length=80, blank=True)
    pattern = models.CharField(max_length=200)
    edge = models.CharField(max_length=10, choices=ActivityEdge)
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was switched off"))

    objects = AnchorRuleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_anchor_rule_has_one_place_for_the_code",
                condition=Q(pattern__contains="{code}"),
            ),
            models.CheckConstraint(
                name="an_anchor_rule_on_activity_codes_names_their_type",
                condition=Q(field=AnchorField.ACTIVITY_CODE) & ~Q(code_type="")
                | ~Q(field=AnchorField.ACTIVITY_CODE) & Q(code_type=""),
            ),
            models.CheckConstraint(
                name="an_anchor_rule_for_gates_names_their_kinds",
                condition=Q(subject=AnchorSubject.GATE, gate_kinds__len__gte=1)
                | Q(subject=AnchorSubject.REQUIREMENT, gate_kinds=[]),
            ),
        ]

    def __str__(self) -> str:
        return self.pattern
