"""A quarantined schedule against the accepted one: its activities, and what of ours follows them."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from procurement.models import Allocation, DeliveryLot, RosAnchor
from sites.domain.schedule_difference import ScheduleDifference
from sites.models import Activity, Gate, ScheduleRevision
from sites.queries import schedule_difference as activities
from sites.queries.anchors import ActivityKey, dates_in
from sites.queries.schedule_difference import accepted_of

__all__ = [
    "BoundDate",
    "accepted_of",
    "bound_dates",
    "difference",
    "lines_of_lots",
    "lots_of_requirements",
    "requirements_of_gates",
]


def difference(revision: ScheduleRevision, before: ScheduleRevision | None) -> ScheduleDifference:
    """What `revision` changes against `before` (null for the first of its project), with its anomalies."""
    anchors = RosAnchor.objects.filter(
        requirement__site=revision.site_id, requirement__cancelled_at=None, project_code=revision.project_code
    )
    bound = frozenset(anchors.exclude(activity_code="").values_list("activity_code", flat=True))
    return activities.difference(revision, before, bound=bound)


@dataclass(frozen=True, slots=True)
class BoundDate:
    """What follows an activity: a requirement (`subject` is its tag) or a gate (its place and name). Dates are the
    activity's in the accepted and in the new revision, null where that one lacks it; then the last date stands.
    `activity_name` is the newer one.
    """

    kind: str
    key: UUID
    subject: str
    activity_code: str
    activity_name: str
    edge: str
    before_on: date | None
    after_on: date | None
    last_on: date | None

    @property
    def days(self) -> int | None:
        """Above zero is later; null where one of the dates is unknown."""
        return (self.after_on - self.before_on).days if self.before_on and self.after_on else None

    @property
    def is_lost(self) -> bool:
        return self.after_on is None

    @property
    def stays(self) -> bool:
        """On the same day in both revisions."""
        return self.days == 0


def bound_dates(revision: ScheduleRevision, before: ScheduleRevision | None) -> tuple[BoundDate, ...]:
    """Every gate and requirement that follows an activity of the project, the largest moves first."""
    project = revision.project_code
    gates = list(
        Gate.objects.filter(site=revision.site_id, project_code=project)
        .exclude(activity_code="")
        .select_related("site", "phase", "block")
    )
    anchors = list(
        RosAnchor.objects.filter(
            requirement__site=revision.site_id, requirement__cancelled_at=None, project_code=project
        )
        .exclude(activity_code="")
        .select_related("requirement")
    )
    keys = {ActivityKey(project, gate.activity_code, gate.activity_edge) for gate in gates}
    keys |= {ActivityKey(project, anchor.activity_code, anchor.edge) for anchor in anchors}
    old = dates_in(before.pk, keys) if before else {}
    new = dates_in(revision.pk, keys)
    codes = {key.activity_code for key in keys}
    either = [revision.pk] if before is None else [before.pk, revision.pk]
    names: dict[str, str] = {}
    rows = Activity.objects.filter(revision__in=either, code__in=codes).values_list("revision_id", "code", "name")
    for _, code, name in sorted(rows, key=lambda row: row[0] == revision.pk):
        names[code] = name
    found = []
    for gate in gates:
        key = ActivityKey(project, gate.activity_code, gate.activity_edge)
        found.append(
            BoundDate(
                "gate", gate.pk, f"{(gate.block or gate.phase or gate.site).code} {gate}", key.activity_code,
                names.get(key.activity_code, ""), key.edge, old.get(key), new.get(key), gate.followed_on,
            )
        )  # fmt: skip
    for anchor in anchors:
        key = ActivityKey(project, anchor.activity_code, anchor.edge)
        found.append(
            BoundDate(
                "requirement", anchor.requirement_id, anchor.requirement.tag, key.activity_code,
                names.get(key.activity_code, ""), key.edge, old.get(key), new.get(key), anchor.last_on,
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda row: (not row.is_lost, -abs(row.days or 0), row.kind, row.subject)))


def lots_of_requirements(requirements: Collection[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    """The lots that each one has its units from. One query."""
    found: dict[UUID, list[UUID]] = defaultdict(list)
    rows = Allocation.objects.filter(requirement__in=requirements, ended_at__isnull=True).order_by("lot")
    for requirement, lot in rows.values_list("requirement", "lot"):
        found[requirement].append(lot)
    return {requirement: tuple(dict.fromkeys(lots)) for requirement, lots in found.items()}


def requirements_of_gates(gates: Collection[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    """The requirements that follow each gate. One query."""
    found: dict[UUID, list[UUID]] = defaultdict(list)
    rows = RosAnchor.objects.filter(gate__in=gates, requirement__cancelled_at=None).order_by("requirement")
    for gate, requirement in rows.values_list("gate", "requirement"):
        found[gate].append(requirement)
    return {gate: tuple(dict.fromkeys(requirements)) for gate, requirements in found.items()}


def lines_of_lots(lots: Collection[UUID]) -> dict[UUID, UUID]:
    """The order line of each. One query."""
    return dict(DeliveryLot.objects.filter(pk__in=lots).values_list("pk", "schedule_line__line"))
