"""What a gate or a required date hangs on: an activity named by its code, by hand or by a rule."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.gateways import wake
from procurement.models import Requirement, RosAnchor
from procurement.services import forecasts
from procurement.services.chain_dates import touched_by_gates
from procurement.services.forecasts import Moved, Touched, local_date
from procurement.vocabulary import RosRule, RuleMatch, RunCause
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.anchor_pattern import AnchorPattern
from sites.domain.errors import BadInput, NotFound
from sites.models import Activity, AnchorRule, Gate, Site
from sites.queries.anchors import ActivityKey, activity_dates
from sites.services import schedules
from sites.services.access import check_can
from sites.vocabulary import ActivityEdge, AnchorField, AnchorSubject, GateKind, RevisionState

# More activities than this for one requirement is a pattern that says too little.
_MOST_FOR_ONE = 20


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What a rule says; see AnchorRule for the meaning of each."""

    project_code: str
    subject: AnchorSubject
    field: AnchorField
    pattern: str
    edge: ActivityEdge
    code_type: str = ""
    gate_kinds: tuple[GateKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule makes of one requirement or gate. Dates are null where unknown; `before_on` is the one it has now."""

    subject_id: UUID
    subject: str
    match: RuleMatch
    activities: tuple[tuple[str, str], ...]
    before_on: date | None
    after_on: date | None


def preview(*, site_id: UUID, facts: RuleFacts, actor: User) -> tuple[Match, ...]:
    """What the rule would bind in the accepted schedule; nothing is written.

    Raises NotFound, NotPermitted, and BadInput naming the fact.
    """
    site = _site(site_id, facts, actor)
    return _matches(site.pk, facts, rule_id=None)


@transaction.atomic
def make(
    *, site_id: UUID, facts: RuleFacts, reason: str, actor: User, now: datetime
) -> tuple[AnchorRule, tuple[Moved, ...]]:
    """Keep the rule, bind what it matches, and recalculate. Raises as `preview`, and BadInput naming `reason`."""
    schedules.check_reason(reason)
    site = _site(site_id, facts, actor)
    rule = AnchorRule.objects.create(
        site=site,
        project_code=facts.project_code,
        subject=facts.subject,
        gate_kinds=[kind.value for kind in facts.gate_kinds],
        field=facts.field,
        code_type=facts.code_type,
        pattern=facts.pattern,
        edge=facts.edge,
        made_by=actor,
    )
    bound = _apply(rule)
    audit.record(
        actor=actor,
        verb="anchor_rule.made",
        subject_kind="anchor_rule",
        subject_id=rule.pk,
        reason=reason.strip(),
        facts={"pattern": rule.pattern, "bound": [match.subject for match in bound]},
    )
    return rule, _recalculated(site, rule, _bound(rule, bound), reason, actor, now)


@transaction.atomic
def end(*, rule_id: UUID, reason: str, actor: User, now: datetime) -> AnchorRule:
    """Switch the rule off. What it has bound stays bound, as if by hand. Raises NotFound, NotPermitted, BadInput."""
    rule = AnchorRule.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=rule_id).first()
    if rule is None:
        raise NotFound(_("There is no such rule."), field="rule")
    check_can(actor, _permission(AnchorSubject(rule.subject)), site_id=rule.site_id)
    schedules.check_reason(reason)
    if rule.ended_at is None:
        rule.ended_at = now
        rule.save(update_fields=["ended_at"])
        audit.record(
            actor=actor, verb="anchor_rule.ended", subject_kind="anchor_rule", subject_id=rule.pk, reason=reason.strip()
        )
    return rule


@transaction.atomic
def bind_gate(
    *, gate_id: UUID, project_code: str, activity_code: str, edge: str, reason: str, actor: User, now: datetime
) -> tuple[Gate, tuple[Moved, ...]]:
    """Let a gate follow an activity of the accepted schedule; an empty code lets it go, and it is kept by hand again.

    Raises NotFound, NotPermitted, and BadInput naming the argument.
    """
    gate = Gate.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=gate_id).first()
    if gate is None:
        raise NotFound(_("There is no such gate."), field="gate")
    check_can(actor, Permission.SITE_WRITE, site_id=gate.site_id)
    schedules.check_reason(reason)
    if edge not in ActivityEdge.values:
        raise BadInput(_("An activity has a start and a finish."), field="edge")
    before = f"{gate.project_code} {gate.activity_code} {gate.activity_edge}".strip()
    gate.rule, gate.followed_on, gate.lost_at = None, None, None
    gate.project_code, gate.activity_code, gate.activity_edge = "", "", edge
    if activity_code:
        gate.followed_on = _date_of(gate.site_id, project_code, activity_code, edge)
        gate.project_code, gate.activity_code = project_code, activity_code
    gate.save(update_fields=["project_code", "activity_code", "activity_edge", "followed_on", "lost_at", "rule"])
    audit.record(
        actor=actor,
        verb="gate.bound" if activity_code else "gate.let_go",
        subject_kind="gate",
        subject_id=gate.pk,
        reason=reason.strip(),
        facts={"before": before, "after": f"{project_code} {activity_code} {edge}" if activity_code else ""},
    )
    site = Site.objects.get(pk=gate.site_id)
    return gate, _run(site, touched_by_gates([gate]), f"{gate}: {reason.strip()}", f"gate:{gate.pk}", actor, now)


def apply_all(*, site_id: UUID, project_code: str) -> list[Match]:
    """Apply the rules of a project to the schedule that is accepted now. Nothing is recalculated here."""
    rules = AnchorRule.objects.filter(site=site_id, project_code=project_code, ended_at__isnull=True)
    return [match for rule in rules.order_by("created_at", "pk") for match in _apply(rule)]


# -- what fits what --------------------------------------------------------------------------------------------------


def _site(site_id: UUID, facts: RuleFacts, actor: User) -> Site:
    site = Site.objects.visible_to(actor).filter(pk=site_id).first()
    if site is None:
        raise NotFound(_("There is no such site."), field="site")
    check_can(actor, _permission(facts.subject), site_id=site.pk)
    AnchorPattern(facts.pattern).check()
    if not 0 < len(facts.pattern) <= 200:
        raise BadInput(_("A pattern has 200 characters at most."), field="pattern")
    if (facts.field is AnchorField.ACTIVITY_CODE) != bool(facts.code_type):
        raise BadInput(_("Name the activity code type just where one is looked at."), field="code_type")
    if (facts.subject is AnchorSubject.GATE) != bool(facts.gate_kinds):
        raise BadInput(_("Name the kinds of gate just where gates are bound."), field="gate_kinds")
    _accepted(site.pk, facts.project_code)
    return site


def _permission(subject: AnchorSubject) -> Permission:
    return Permission.SITE_WRITE if subject is AnchorSubject.GATE else Permission.REQUIREMENT_WRITE


def _accepted(site_id: UUID, project_code: str) -> None:
    known = Site.objects.filter(
        pk=site_id, revisions__project_code=project_code, revisions__state=RevisionState.ACCEPTED
    )
    if not known.exists():
        raise BadInput(_("The site has no accepted schedule of this project."), field="project_code")


def _date_of(site_id: UUID, project_code: str, activity_code: str, edge: str) -> date:
    _accepted(site_id, project_code)
    key = ActivityKey(project_code, activity_code, edge)
    on = activity_dates(site_id, [key]).get(key)
    if on is None:
        raise BadInput(_("The accepted schedule has no such activity with a date."), field="activity_code")
    return on


def _facts(rule: AnchorRule) -> RuleFacts:
    return RuleFacts(
        project_code=rule.project_code,
        subject=AnchorSubject(rule.subject),
        field=AnchorField(rule.field),
        pattern=rule.pattern,
        edge=ActivityEdge(rule.edge),
        code_type=rule.code_type,
        gate_kinds=tuple(GateKind(kind) for kind in rule.gate_kinds),
    )


def _matches(site_id: UUID, facts: RuleFacts, rule_id: UUID | None) -> tuple[Match, ...]:
    if facts.subject is AnchorSubject.GATE:
        return _gate_matches(site_id, facts, rule_id)
    return _requirement_matches(site_id, facts, rule_id)


def _found(site_id: UUID, facts: RuleFacts, codes: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Per code (casefolded) the activities of the accepted schedule whose text fits with it."""
    pattern, wanted = AnchorPattern(facts.pattern), frozenset(code.casefold() for code in codes)
    activities = Activity.objects.filter(
        revision__site=site_id, revision__project_code=facts.project_code, revision__state=RevisionState.ACCEPTED
    ).order_by("place", "code")
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for code, name, wbs, values in activities.values_list("code", "name", "wbs", "codes").iterator(5000):
        text = {"code": code, "name": name, "wbs": wbs}.get(facts.field.value) or ""
        if facts.field is AnchorField.ACTIVITY_CODE:
            text = values.get(facts.code_type, "")
        for each in pattern.codes_in(text, wanted) if text else ():
            found[each].append((code, name))
    return found


def _requirement_matches(site_id: UUID, facts: RuleFacts, rule_id: UUID | None) -> tuple[Match, ...]:
    rows = list(Requirement.objects.filter(site=site_id, cancelled_at=None).prefetch_related("anchors").order_by("tag"))
    found = _found(site_id, facts, [row.tag for row in rows])
    every = {code for fits in found.values() for code, _name in fits}
    dates = activity_dates(site_id, (ActivityKey(facts.project_code, code, facts.edge) for code in every))
    matches = []
    for row in rows:
        fits = found.get(row.tag.casefold())
        if not fits:
            continue
        anchors = list(row.anchors.all())
        if row.ros_rule == RosRule.FIXED or any(each.rule_id != rule_id or rule_id is None for each in anchors):
            match = RuleMatch.BOUND_BY_HAND
        elif len(fits) > _MOST_FOR_ONE:
            match = RuleMatch.AMBIGUOUS
        else:
            match = RuleMatch.BINDS
        known = [on for code, _name in fits if (on := dates.get(ActivityKey(facts.project_code, code, facts.edge)))]
        now_on = min((anchor.last_on for anchor in anchors if anchor.last_on), default=None)
        matches.append(
            Match(
                row.pk,
                row.tag,
                match,
                tuple(fits[:_MOST_FOR_ONE]),
                now_on or row.ros_fixed_on,
                min(known, default=None),
            )
        )
    return tuple(matches)


def _gate_matches(site_id: UUID, facts: RuleFacts, rule_id: UUID | None) -> tuple[Match, ...]:
    gates = list(
        Gate.objects.filter(site=site_id, kind__in=facts.gate_kinds)
        .select_related("site", "phase", "block")
        .order_by("kind", "pk")
    )
    codes = {gate.pk: (gate.block or gate.phase or gate.site).code for gate in gates}
    found = _found(site_id, facts, list(codes.values()))
    every = {code for fits in found.values() for code, _name in fits}
    dates = activity_dates(site_id, (ActivityKey(facts.project_code, code, facts.edge) for code in every))
    matches = []
    for gate in gates:
        fits = found.get(codes[gate.pk].casefold())
        if not fits:
            continue
        by_hand = bool(gate.activity_code) and (gate.rule_id != rule_id or rule_id is None)
        match = RuleMatch.BOUND_BY_HAND if by_hand else RuleMatch.AMBIGUOUS if len(fits) > 1 else RuleMatch.BINDS
        after = dates.get(ActivityKey(facts.project_code, fits[0][0], facts.edge)) if len(fits) == 1 else None
        subject = f"{codes[gate.pk]} {gate}"
        matches.append(Match(gate.pk, subject, match, tuple(fits[:_MOST_FOR_ONE]), gate.followed_on, after))
    return tuple(matches)


def _apply(rule: AnchorRule) -> list[Match]:
    facts = _facts(rule)
    matches = [row for row in _matches(rule.site_id, facts, rule.pk) if row.match is RuleMatch.BINDS and row.after_on]
    if facts.subject is AnchorSubject.GATE:
        return [match for match in matches if _bind_gate(rule, match)]
    return [match for match in matches if _bind_requirement(rule, match)]


def _bind_gate(rule: AnchorRule, match: Match) -> bool:
    code = match.activities[0][0]
    gates = Gate.objects.filter(pk=match.subject_id).exclude(
        project_code=rule.project_code, activity_code=code, activity_edge=rule.edge
    )
    return bool(
        gates.update(
            project_code=rule.project_code,
            activity_code=code,
            activity_edge=rule.edge,
            followed_on=match.after_on,
            lost_at=None,
            rule=rule,
        )
    )


def _bind_requirement(rule: AnchorRule, match: Match) -> bool:
    """Its anchors by this rule become those that fit now; what no longer fits goes only where another does."""
    wanted = {code for code, _name in match.activities}
    mine = {
        anchor.activity_code: anchor for anchor in RosAnchor.objects.filter(requirement=match.subject_id, rule=rule)
    }
    if wanted == mine.keys():
        return False
    RosAnchor.objects.filter(pk__in=[anchor.pk for code, anchor in mine.items() if code not in wanted]).delete()
    keys = {code: ActivityKey(rule.project_code, code, rule.edge) for code in wanted - mine.keys()}
    dates = activity_dates(rule.site_id, keys.values())
    RosAnchor.objects.bulk_create(
        [
            RosAnchor(
                requirement_id=match.subject_id,
                project_code=rule.project_code,
                activity_code=code,
                edge=rule.edge,
                last_on=dates.get(key),
                rule=rule,
            )
            for code, key in sorted(keys.items())
        ]
    )
    Requirement.objects.filter(pk=match.subject_id).exclude(ros_rule=RosRule.ANCHORED).update(ros_rule=RosRule.ANCHORED)
    return True


def _bound(rule: AnchorRule, matches: Sequence[Match]) -> Touched:
    keys = [match.subject_id for match in matches]
    if rule.subject == AnchorSubject.GATE:
        return touched_by_gates(list(Gate.objects.filter(pk__in=keys)))
    return Touched(requirements=frozenset(keys))


def _recalculated(
    site: Site, rule: AnchorRule, touched: Touched, reason: str, actor: User, now: datetime
) -> tuple[Moved, ...]:
    return _run(site, touched, f"{rule.pattern}: {reason.strip()}", f"anchor_rule:{rule.pk}", actor, now)


def _run(site: Site, touched: Touched, cause: str, cause_key: str, actor: User, now: datetime) -> tuple[Moved, ...]:
    moved = forecasts.recalculate(
        site_id=site.pk,
        as_of=local_date(site, now),
        now=now,
        cause=RunCause.CHANGE,
        cause_text=cause,
        cause_key=cause_key,
        actor=actor,
        touched=touched,
    ).moved
    wake.after_commit()
    return moved
