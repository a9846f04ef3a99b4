"""Site schedules as they were read: quarantined until accepted."""

import pghistory
from django.db import models
from django.db.models import F, Q

from sites.accounts.models import User
from sites.accounts.row import Row, plausible_date, plausible_number
from sites.models.site import Site
from sites.vocabulary import ActivityStatus, LinkKind, RevisionState


class ScheduleRevisionQuerySet(models.QuerySet["ScheduleRevision"]):
    def visible_to(self, actor: User) -> "ScheduleRevisionQuerySet":
        return self.filter(site__in=Site.objects.visible_to(actor))


@pghistory.track()
class ScheduleRevision(Row):
    """`shifted_days` is the whole-day shift laid on every date of the file when a demo reads it as of today."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="revisions")
    project_code = models.CharField(max_length=80)
    project_name = models.CharField(max_length=200, blank=True)
    data_date = models.DateField()
    file_name = models.CharField(max_length=200)
    file_sha256 = models.CharField(max_length=64)
    shifted_days = models.IntegerField(default=0)
    state = models.CharField(max_length=12, choices=RevisionState, default=RevisionState.QUARANTINED)
    uploaded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = ScheduleRevisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "project_code", "file_sha256", "shifted_days"],
                name="the_same_file_is_one_revision_of_a_project",
            ),
            models.UniqueConstraint(
                fields=["site", "project_code"],
                condition=Q(state=RevisionState.ACCEPTED),
                name="a_project_has_one_accepted_revision",
            ),
            models.CheckConstraint(name="a_revision_has_a_plausible_data_date", condition=plausible_date("data_date")),
        ]

    def __str__(self) -> str:
        return f"{self.project_code} of {self.data_date}"


class Activity(Row):
    revision = models.ForeignKey(ScheduleRevision, on_delete=models.CASCADE, related_name="activities")
    code = models.CharField(max_length=80)
    name = models.CharField(max_length=300, blank=True)
    wbs = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=12, choices=ActivityStatus)
    planned_start_on = models.DateField(null=True, blank=True)
    planned_finish_on = models.DateField(null=True, blank=True)
    early_start_on = models.DateField(null=True, blank=True)
    early_finish_on = models.DateField(null=True, blank=True)
    actual_start_on = models.DateField(null=True, blank=True)
    actual_finish_on = models.DateField(null=True, blank=True)
    total_float_hours = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["revision", "code"], name="an_activity_code_is_unique_within_a_revision"),
            models.CheckConstraint(
                name="an_activity_has_plausible_dates",
                condition=plausible_date("planned_start_on")
                & plausible_date("planned_finish_on")
                & plausible_date("early_start_on")
                & plausible_date("early_finish_on")
                & plausible_date("actual_start_on")
                & plausible_date("actual_finish_on"),
            ),
            models.CheckConstraint(
                name="an_activity_has_a_plausible_float",
                condition=plausible_number("total_float_hours", least="-1000000", most="1000000"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class ActivityLink(Row):
    predecessor = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="successors")
    successor = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="predecessors")
    kind = models.CharField(max_length=14, choices=LinkKind, default=LinkKind.FINISH_START)
    lag_hours = models.DecimalField(max_digits=10, decimal_places=2, default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(name="an_activity_never_follows_itself", condition=~Q(predecessor=F("successor"))),
            models.CheckConstraint(
                name="an_activity_link_has_a_plausible_lag",
                condition=plausible_number("lag_hours", least="-1000000", most="1000000"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.lag_hours}h"
