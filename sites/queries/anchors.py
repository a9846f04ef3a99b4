"""What a gate or an activity of the accepted site schedule says about a date."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from sites.models import Activity
from sites.queries.among import as_array
from sites.vocabulary import ActivityEdge, GateKind, RevisionState


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


_GATES = """
SELECT g.id, g.block_id, m.actual_on, g.followed_on, m.planned_on, g.activity_code <> '' AS follows,
    (CASE g.activity_edge WHEN 'start' THEN coalesce(a.actual_start, a.early_start, a.planned_start)
     ELSE coalesce(a.actual_finish, a.early_finish, a.planned_finish) END)::date
FROM sites_gate g
LEFT JOIN sites_chain c ON c.id = g.chain_id
LEFT JOIN sites_milestone m ON m.chain_id = c.id AND m.code = c.anchor_code
LEFT JOIN sites_schedulerevision r ON g.activity_code <> '' AND r.site_id = g.site_id AND r.state = 'accepted'
    AND r.project_code = g.project_code
LEFT JOIN sites_activity a ON a.revision_id = r.id AND a.code = g.activity_code
WHERE {which}
"""


def gate_dates(gates: Iterable[UUID]) -> dict[UUID, GateDate]:
    """The date of each of these gates. One query."""
    found = _gates("g.id = ANY(%(keys)s::uuid[])", gates)
    return {key: gate for key, _block, gate in found}


def gate_dates_of_blocks(blocks: Iterable[UUID], kind: GateKind) -> list[tuple[UUID, GateDate]]:
    """By block, the date of each of its gates of a kind. One query."""
    found = _gates("g.block_id = ANY(%(keys)s::uuid[]) AND g.kind = %(kind)s", blocks, kind=kind.value)
    return [(block, gate) for _key, block, gate in found]


def _gates(which: str, keys: Iterable[UUID], **values: str) -> Iterator[tuple[UUID, UUID, GateDate]]:
    wanted = as_array(keys)
    if wanted == "{}":
        return
    with connection.cursor() as cursor:
        cursor.execute(_GATES.format(which=which), {"keys": wanted} | values)
        rows = cursor.fetchall()
    for key, block, actual_on, followed_on, planned_on, follows, activity_on in rows:
        gate = GateDate(
            actual_on or activity_on or followed_on or planned_on,
            is_actual=actual_on is not None,
            is_lost=follows and activity_on is None,
        )
        yield key, block, gate
