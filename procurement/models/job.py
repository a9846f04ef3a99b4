"""A bulk that is too large for one call, or was asked for apart from it: its rows, and what became of each."""

from django.db import models
from django.db.models import Q

from procurement.vocabulary import JobState
from sites.accounts.models import ApiClient
from sites.accounts.row import Row


class Job(Row):
    """Whoever works on it writes each row's outcome with the row's effect, so that a job may be taken up again.

    `atomic`: all rows or none. `strict`: what would be a warning is a refusal. `problem` is set on a failed one.
    `attempts`: how often it was begun since it last got on.
    """

    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="jobs")
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    atomic = models.BooleanField(default=False)
    strict = models.BooleanField(default=False)
    lines_mode = models.CharField(max_length=10, default="merge")
    attempts = models.PositiveSmallIntegerField(default=0)
    request_id = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    problem = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="a_finished_job_says_when",
                condition=~Q(state__in=[JobState.DONE, JobState.FAILED]) | Q(finished_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="jobs_to_be_done",
                condition=Q(state__in=[JobState.QUEUED, JobState.RUNNING]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.client}: {self.get_state_display()}"


class JobRow(models.Model):
    """`outcome` is null until the row is done."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="rows")
    place = models.PositiveIntegerField()
    body = models.JSONField()
    outcome = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "place"], name="a_job_has_one_row_at_each_place")]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.place}"
