"""What a gate or an activity of the accepted site schedule says about a date."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import QuerySet

from sites.models import Activity, Gate, Milestone
from sites.vocabulary import ActivityEdge, RevisionState


@dataclass(frozen=True, slots=True)
class ActivityKey:
    """An activity by its code within its project, never by a row of one revision."""

    project_code: str
    activity_code: str
    edge: str


def activity_dates(site_id: UUID, keys: Iterable[ActivityKey]) -> dict[ActivityKey, date]:
    """Actual, else early, else planned date in the accepted revision; keys that it lacks are left out. One query."""
    accepted = Activity.objects.filter(revision__site_id=site_id, revision__state=RevisionState.ACCEPTED)
    return _dates(accepted, keys)


def dates_in(revision_id: UUID, keys: Iterable[ActivityKey]) -> dict[ActivityKey, date]:
    """As `activity_dates`, in this revision, whatever its state."""
    return _dates(Activity.objects.filter(revision=revision_id), keys)


def _dates(activities: "QuerySet[Activity]", keys: Iterable[ActivityKey]) -> dict[ActivityKey, date]:
    wanted = set(keys)
    if not wanted:
        return {}
    rows = (
        activities.filter(
            revision__project_code__in={key.project_code for key in wanted},
            code__in={key.activity_code for key in wanted},
        )
        .only(*_DATED, "revision__project_code")
        .select_related("revision")
    )
    found: dict[ActivityKey, date] = {}
    for row in rows:
        for edge, on in ((ActivityEdge.START, row.start_on), (ActivityEdge.FINISH, row.finish_on)):
            key = ActivityKey(row.revision.project_code, row.code, edge.value)
            if key in wanted and on is not None:
                found[key] = on
    return found


_DATED = (
    "code", "actual_start", "early_start", "planned_start", "actual_finish", "early_finish", "planned_finish",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GateDate:
    """`on` is the actual, else its activity's date, else its plan; null where nothing is known.

    `is_lost` where the gate follows an activity that the accepted schedule no longer has: its last date stands.
    """

    on: date | None
    is_actual: bool
    is_lost: bool


def gate_dates(site_id: UUID, gates: Iterable[Gate]) -> dict[UUID, GateDate]:
    """The date of each of these gates of one site, in two queries."""
    known = list(gates)
    keys = {gate.pk: _key(gate) for gate in known if gate.activity_code}
    followed = activity_dates(site_id, keys.values())
    anchors = {
        row.chain_id: row
        for row in Milestone.objects.filter(chain__gate__in=known).select_related("chain")
        if row.code == row.chain.anchor_code
    }
    answers: dict[UUID, GateDate] = {}
    for gate in known:
        anchor = anchors.get(gate.chain_id)
        actual = anchor.actual_on if anchor else None
        activity_on = followed.get(keys[gate.pk]) if gate.pk in keys else None
        plan = anchor.planned_on if anchor else None
        answers[gate.pk] = GateDate(
            actual or activity_on or gate.followed_on or plan,
            is_actual=actual is not None,
            is_lost=gate.pk in keys and activity_on is None,
        )
    return answers


def _key(gate: Gate) -> ActivityKey:
    return ActivityKey(gate.project_code, gate.activity_code, gate.activity_edge)
