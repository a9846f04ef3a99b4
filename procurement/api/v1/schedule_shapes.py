"""Shapes of site schedules: revisions, their activities, and what accepting one would change."""

from collections.abc import Sequence
from typing import Any, Final

from rest_framework import serializers

from procurement.api.v1.date_revisions import MovedSerializer
from procurement.queries.schedule_difference import BoundDate
from procurement.services.rehearsal import MovedAlert, MovedDate
from procurement.services.schedule_preview import SchedulePreview
from sites.domain.schedule_difference import ActivityState, Change

MOST_ROWS: Final = 200


class RevisionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Names the revision in this API.")
    site = serializers.CharField(source="site.code", help_text="Site code.")
    project = serializers.CharField(source="project_code", help_text="The project whose revision it is here.")
    file_project = serializers.CharField(source="file_project_code", help_text="How the file calls the project.")
    name = serializers.CharField(source="project_name", help_text="Name of the project in the file.")
    format = serializers.CharField(help_text="xer, pmxml or mspdi, told by what the file holds.")
    data_date = serializers.DateField(help_text="Local day up to which progress is told.")
    state = serializers.CharField(help_text="quarantined, accepted, superseded, rejected or rolled_back.")
    file_name = serializers.CharField(help_text="As it was sent.")
    file_sha256 = serializers.CharField(help_text="Of the bytes as they were sent; the same bytes are one import.")
    currency = serializers.CharField(help_text="The file's own word; need not be an ISO code.")
    warnings = serializers.ListField(child=serializers.CharField(), help_text="What the reader noticed.")
    created_at = serializers.DateTimeField(help_text="Instant in UTC at which it was read.")
    decided_at = serializers.DateTimeField(allow_null=True, help_text="Instant in UTC of the last decision, if any.")


class RevisionListSerializer(serializers.Serializer[Any]):
    items = RevisionSerializer(many=True, help_text="Newest first.")


class UploadedSerializer(serializers.Serializer[Any]):
    revisions = RevisionSerializer(many=True, help_text="One a project of the file; those known before included.")
    projects = serializers.ListField(child=serializers.DictField(), help_text="What the file holds, in figures.")


class DecisionWrite(serializers.Serializer[Any]):
    reason = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=500, help_text="Why; needed where something is odd."
    )


class RollBackWrite(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, help_text="Why it is taken back.")
    force = serializers.BooleanField(default=False, help_text="Also put back what others changed since.")


class DecidedSerializer(serializers.Serializer[Any]):
    revision = RevisionSerializer(help_text="As it stands now.")
    moved = MovedSerializer(many=True, help_text="Forecasts that moved.")
    left = serializers.ListField(
        child=serializers.DictField(), help_text="What others changed since, by table, id and name; it stays."
    )


class ActivityQuery(serializers.Serializer[Any]):
    search = serializers.CharField(required=False, default="", max_length=80, help_text="Part of a code, name or WBS.")
    after = serializers.CharField(required=False, default="", max_length=80, help_text="Code of the last one had.")
    limit = serializers.IntegerField(default=100, min_value=1, max_value=500, help_text="Most activities to answer.")


class ActivitySerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="By which it is known over all revisions.")
    name = serializers.CharField(help_text="Name in the file.")
    wbs = serializers.CharField(help_text="Names of the nodes above it.")
    kind = serializers.CharField(help_text="task, start_milestone, finish_milestone, level_of_effort and the like.")
    status = serializers.CharField(help_text="not_started, in_progress or completed.")
    start = serializers.CharField(allow_null=True, help_text="Local, no zone: actual, else early, else planned.")
    finish = serializers.CharField(allow_null=True, help_text="Local, no zone: actual, else early, else planned.")
    total_float_hours = serializers.CharField(allow_null=True, help_text="Hours of its own calendar; null unknown.")
    constraint = serializers.CharField(help_text="Its first constraint; empty where it has none.")
    is_driving = serializers.BooleanField(allow_null=True, help_text="On the longest path; null unknown.")


class ActivityListSerializer(serializers.Serializer[Any]):
    items = ActivitySerializer(many=True, help_text="In the order of their codes.")
    has_more = serializers.BooleanField(help_text="Whether more follow; ask again with `after`.")


class DifferentSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Code of the activity.")
    name = serializers.CharField(help_text="Its name, the newer one.")
    start_before_on = serializers.DateField(allow_null=True, help_text="Local day; null where unknown.")
    start_after_on = serializers.DateField(allow_null=True, help_text="Local day; null where unknown.")
    finish_before_on = serializers.DateField(allow_null=True, help_text="Local day; null where unknown.")
    finish_after_on = serializers.DateField(allow_null=True, help_text="Local day; null where unknown.")
    days = serializers.IntegerField(help_text="Calendar days by which it moves; above zero is later.")
    float_before_hours = serializers.CharField(allow_null=True, help_text="Total float; null where unknown.")
    float_after_hours = serializers.CharField(allow_null=True, help_text="Total float; null where unknown.")


class NamedSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Code of the activity.")
    name = serializers.CharField(help_text="Its name.")


class BoundSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="gate or requirement.")
    id = serializers.UUIDField(help_text="Of the gate or the requirement.")
    subject = serializers.CharField(help_text="What people call it.")
    activity = serializers.CharField(help_text="Code of the activity that it follows.")
    before_on = serializers.DateField(allow_null=True, help_text="The activity's day so far; null where unknown.")
    after_on = serializers.DateField(allow_null=True, help_text="The activity's day; null where it is gone.")
    days = serializers.IntegerField(allow_null=True, help_text="Calendar days; above zero is later.")
    is_lost = serializers.BooleanField(help_text="The activity is gone: the last date stands.")


class EffectSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="lot, requirement, block, gate or grid_connection.")
    id = serializers.UUIDField(help_text="Of it.")
    label = serializers.CharField(help_text="What people call it.")  # type: ignore[assignment]
    before_on = serializers.DateField(allow_null=True, help_text="Forecast before; null where unknown.")
    after_on = serializers.DateField(allow_null=True, help_text="Forecast after; null where unknown.")
    required_before_on = serializers.DateField(allow_null=True, help_text="Required on site, or RFS planned, before.")
    required_after_on = serializers.DateField(allow_null=True, help_text="Required on site, or RFS planned, after.")
    float_before_days = serializers.IntegerField(allow_null=True, help_text="Calendar days; below zero is late.")
    float_after_days = serializers.IntegerField(allow_null=True, help_text="Calendar days; below zero is late.")
    mw_days_before = serializers.CharField(allow_null=True, help_text="MW-days at stake before; null where unknown.")
    mw_days_after = serializers.CharField(allow_null=True, help_text="MW-days at stake after; null where unknown.")


class AlertEffectSerializer(serializers.Serializer[Any]):
    what = serializers.CharField(help_text="opened, or the event that it would bring: band, recovered, reopened, ...")
    rule = serializers.CharField(help_text="Rule of the alert.")
    subject = serializers.CharField(help_text="What it is about.")


class AnomalySerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="mass_shift, lost_anchors, renumbered, other_project or data_date_back.")
    facts = serializers.DictField(help_text="Counts, days and codes.")


class DifferenceSerializer(serializers.Serializer[Any]):
    """What accepting the revision would change. Lists hold at most 200 rows, worst first; `counts` counts all."""

    against = serializers.UUIDField(allow_null=True, help_text="The revision compared with; null for a first one.")
    data_date_before = serializers.DateField(allow_null=True, help_text="Of the revision compared with.")
    data_date_after = serializers.DateField(help_text="Of this revision.")
    anomalies = AnomalySerializer(many=True, help_text="Accepting needs a reason where there is one.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Activities by what becomes of them.")
    added = NamedSerializer(many=True, help_text="Activities that are new.")
    removed = NamedSerializer(many=True, help_text="Activities that are gone.")
    moved = DifferentSerializer(many=True, help_text="Activities whose dates move.")
    gone_negative = DifferentSerializer(many=True, help_text="Activities whose float falls below zero.")
    constraint_changed = NamedSerializer(many=True, help_text="Activities with another constraint.")
    calendar_changed = NamedSerializer(many=True, help_text="Activities on another calendar.")
    calendars_redefined = serializers.ListField(child=serializers.CharField(), help_text="Calendars of other hours.")
    bound = BoundSerializer(many=True, help_text="Gates and requirements that follow the project.")
    effect = EffectSerializer(many=True, allow_null=True, help_text="What would move; null once it was decided.")
    alerts = AlertEffectSerializer(many=True, allow_null=True, help_text="Alerts that would open or change; as effect.")


def difference_answer(shown: SchedulePreview) -> dict[str, Any]:
    found = shown.difference
    lists: dict[str, Sequence[ActivityState | Change]] = {
        "added": found.added,
        "removed": found.removed,
        "moved": found.moved,
        "gone_negative": found.gone_negative,
        "constraint_changed": found.constraint_changed,
        "calendar_changed": found.calendar_changed,
    }
    return {
        "against": shown.replaced.pk if shown.replaced else None,
        "data_date_before": found.data_date_before,
        "data_date_after": found.data_date_after,
        "anomalies": [{"kind": each.kind.value, "facts": each.facts} for each in found.anomalies],
        "counts": {name: len(rows) for name, rows in lists.items()} | {"unchanged": found.unchanged},
        **{name: [_row(row) for row in rows[:MOST_ROWS]] for name, rows in lists.items()},
        "calendars_redefined": list(found.calendars_redefined),
        "bound": [_bound(row) for row in shown.bound[:MOST_ROWS]],
        "effect": [_effect(row) for row in shown.effect.moved[:MOST_ROWS]] if shown.effect else None,
        "alerts": [_alert(row) for row in shown.effect.alerts[:MOST_ROWS]] if shown.effect else None,
    }


def _row(row: ActivityState | Change) -> dict[str, Any]:
    if isinstance(row, ActivityState):
        return {"code": row.code, "name": row.name}
    return {
        "code": row.code,
        "name": row.after.name,
        "start_before_on": row.before.start_on,
        "start_after_on": row.after.start_on,
        "finish_before_on": row.before.finish_on,
        "finish_after_on": row.after.finish_on,
        "days": row.days,
        "float_before_hours": row.before.float_hours,
        "float_after_hours": row.after.float_hours,
    }


def _bound(row: BoundDate) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "id": row.key,
        "subject": row.subject,
        "activity": row.activity_code,
        "before_on": row.before_on,
        "after_on": row.after_on,
        "days": row.days,
        "is_lost": row.is_lost,
    }


def _effect(row: MovedDate) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "id": row.key,
        "label": row.label,
        "before_on": row.before_on,
        "after_on": row.after_on,
        "required_before_on": row.required_before_on,
        "required_after_on": row.required_after_on,
        "float_before_days": row.float_before_days,
        "float_after_days": row.float_after_days,
        "mw_days_before": row.mw_days_before,
        "mw_days_after": row.mw_days_after,
    }


def _alert(row: MovedAlert) -> dict[str, Any]:
    return {"what": row.what, "rule": row.rule.value, "subject": row.subject_text}
