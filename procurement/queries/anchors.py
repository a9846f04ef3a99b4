"""What the gates and required-on-site dates of a site hang on."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from procurement.models import Requirement, RosAnchor
from sites.models import Activity, AnchorRule, Gate, ScheduleRevision, Site
from sites.queries.anchors import GateDate, gate_dates
from sites.vocabulary import RevisionState

REQUIREMENTS_A_PAGE = 100


@dataclass(frozen=True, slots=True)
class GateRow:
    gate: Gate
    date: GateDate


@dataclass(frozen=True, slots=True)
class RequirementRow:
    """`anchors` is empty where the date is fixed by hand or nobody has said one."""

    requirement: Requirement
    anchors: tuple[RosAnchor, ...]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """`bound` counts the gates and anchors that stand by this rule."""

    rule: AnchorRule
    bound: int


@dataclass(frozen=True, slots=True)
class AnchorsView:
    """`code_types` are the P6 activity code types that the accepted schedules use."""

    site: Site
    projects: tuple[str, ...]
    gates: tuple[GateRow, ...]
    requirements: tuple[RequirementRow, ...]
    total: int
    pages: int
    rules: tuple[RuleRow, ...]
    code_types: tuple[str, ...]


def anchors_view(site: Site, *, page: int = 1) -> AnchorsView:
    """For somebody who may see the site; the caller asked at the door. Ten queries."""
    gates = list(Gate.objects.filter(site=site).select_related("phase", "block__phase", "rule").order_by("pk"))
    dates = gate_dates(gate.pk for gate in gates)
    live = Requirement.objects.filter(site=site, cancelled_at__isnull=True)
    total = live.count()
    pages = max(1, -(-total // REQUIREMENTS_A_PAGE))
    first = (min(page, pages) - 1) * REQUIREMENTS_A_PAGE
    shown = list(live.select_related("equipment_class").order_by("tag")[first : first + REQUIREMENTS_A_PAGE])
    by_requirement: dict[UUID, list[RosAnchor]] = defaultdict(list)
    for anchor in RosAnchor.objects.filter(requirement__in=shown).select_related("gate", "rule").order_by("pk"):
        by_requirement[anchor.requirement_id].append(anchor)
    accepted = ScheduleRevision.objects.filter(site=site, state=RevisionState.ACCEPTED)
    return AnchorsView(
        site=site,
        projects=tuple(accepted.order_by("project_code").values_list("project_code", flat=True)),
        gates=tuple(
            GateRow(gate, dates[gate.pk])
            for gate in sorted(gates, key=lambda gate: (dates[gate.pk].on or date.max, str(gate)))
        ),
        requirements=tuple(RequirementRow(row, tuple(by_requirement[row.pk])) for row in shown),
        total=total,
        pages=pages,
        rules=_rules(site),
        code_types=_code_types(site),
    )


def _rules(site: Site) -> tuple[RuleRow, ...]:
    rules = list(
        AnchorRule.objects.filter(site=site, ended_at__isnull=True).select_related("made_by").order_by("created_at")
    )
    bound: dict[UUID, int] = defaultdict(int)
    for table in (Gate.objects.filter(rule__in=rules), RosAnchor.objects.filter(rule__in=rules)):
        for key in table.values_list("rule", flat=True):
            if key is not None:
                bound[key] += 1
    return tuple(RuleRow(rule, bound[rule.pk]) for rule in rules)


def _code_types(site: Site) -> tuple[str, ...]:
    rows = Activity.objects.filter(revision__site=site, revision__state=RevisionState.ACCEPTED).exclude(codes={})
    return tuple(sorted({name for codes in rows.values_list("codes", flat=True)[:200] for name in codes}))
