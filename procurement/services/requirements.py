"""What a requirement's dates hang on: its required-on-site rule and its chosen lead time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.percentile import weeks_at
from procurement.gateways import wake
from procurement.models import ConsideredLeadTime, LeadTimeObservation, Requirement, RosAnchor
from procurement.queries import facts
from procurement.queries.lead_time import classes_standing_in
from procurement.services import forecasts
from procurement.services.forecasts import Moved, Touched, local_date
from procurement.services.single import hold_sites
from procurement.vocabulary import RosRule, RunCause
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import EARLIEST_YEAR, LATEST_YEAR
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.domain.lead_time import LeadTime, with_lead_time
from sites.domain.schedule import ChainFacts
from sites.models import ScheduleRevision
from sites.queries.anchors import ActivityKey, activity_dates
from sites.queries.chains import working_calendars
from sites.services.access import check_can
from sites.vocabulary import ActivityEdge, DurationBasis, RevisionState

_MOST_SHAKE_OUT_DAYS = 366
_MOST_WEEKS = Decimal(520)
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Ruled:
    """`moved` is what the forecasts show before and after."""

    requirement: Requirement
    moved: tuple[Moved, ...]


@transaction.atomic
def bind_ros(
    *,
    requirement_id: UUID,
    project_code: str,
    activity_code: str,
    edge: str,
    shake_out_days: int,
    shake_out_basis: str,
    reason: str,
    actor: User,
    now: datetime,
) -> Ruled:
    """Let the required-on-site date follow an activity of the accepted schedule, in place of the rule so far.

    Raises NotFound, NotPermitted, Conflict, and BadInput naming the argument.
    """
    requirement = _locked(requirement_id, actor, Permission.REQUIREMENT_WRITE)
    _check_reason(reason)
    if edge not in ActivityEdge.values:
        raise BadInput(_("An activity has a start and a finish."), field="edge")
    if shake_out_basis not in DurationBasis.values:
        raise BadInput(_("A shake-out is counted in calendar or working days."), field="shake_out_basis")
    if not 0 <= shake_out_days <= _MOST_SHAKE_OUT_DAYS:
        raise BadInput(_("A shake-out is 0 to %(most)s days.") % {"most": _MOST_SHAKE_OUT_DAYS}, field="shake_out_days")
    on = _activity_on(requirement, project_code, activity_code, edge)
    before = _rule_of(requirement)
    requirement.anchors.all().delete()
    RosAnchor.objects.create(
        requirement=requirement, project_code=project_code, activity_code=activity_code, edge=edge, last_on=on
    )
    requirement.ros_rule, requirement.ros_fixed_on = RosRule.ANCHORED, None
    requirement.shake_out_days, requirement.shake_out_basis = shake_out_days, shake_out_basis
    requirement.save(update_fields=["ros_rule", "ros_fixed_on", "shake_out_days", "shake_out_basis"])
    return _recorded(requirement, "requirement.ros_bound", reason, before, actor, now)


@transaction.atomic
def set_ros_fixed(*, requirement_id: UUID, required_on: date, reason: str, actor: User, now: datetime) -> Ruled:
    """Fix the required-on-site date by hand, in place of the rule so far.

    Raises NotFound, NotPermitted, Conflict, and BadInput naming the argument.
    """
    requirement = _locked(requirement_id, actor, Permission.REQUIREMENT_WRITE)
    _check_reason(reason)
    if not EARLIEST_YEAR <= required_on.year <= LATEST_YEAR:
        raise BadInput(_("This is no plausible date."), field="required_on")
    before = _rule_of(requirement)
    requirement.anchors.all().delete()
    requirement.ros_rule, requirement.ros_fixed_on = RosRule.FIXED, required_on
    requirement.save(update_fields=["ros_rule", "ros_fixed_on"])
    return _recorded(requirement, "requirement.ros_fixed", reason, before, actor, now)


@transaction.atomic
def choose_lead_time(
    *,
    requirement_id: UUID,
    observation_id: UUID | None,
    weeks: Decimal | None,
    reason: str,
    actor: User,
    now: datetime,
) -> Ruled:
    """Let a requirement that is not ordered run with this observation; None goes back to the chain's own durations.

    `weeks` is the planner's pick within the span of the observation's steps; None takes its high weeks. Raises
    NotFound, NotPermitted, Conflict, and BadInput naming `observation`, `basis_from`, `basis_to`, `weeks` or `reason`.
    """
    requirement = _locked(requirement_id, actor, Permission.LEAD_TIME_WRITE)
    _check_reason(reason)
    observation = None
    if observation_id is None:
        if weeks is not None:
            raise BadInput(_("Weeks belong to a chosen lead time."), field="weeks")
    else:
        observation = _observation(requirement, observation_id)
        _check_weeks(weeks)
        _check_basis(requirement, observation, weeks, local_date(requirement.site, now))
    return _plan_with(requirement, observation, weeks, None, (), reason, actor, now)


@transaction.atomic
def choose_percentile(
    *,
    requirement_id: UUID,
    observation_ids: Collection[UUID],
    percent: int,
    reason: str,
    actor: User,
    now: datetime,
) -> Ruled:
    """Let a requirement that is not ordered run with a percentile of the high weeks of several observations.

    They count between the same two steps; the newest of them stands for all. Raises NotFound, NotPermitted, Conflict,
    and BadInput naming `observations`, `percentile`, `basis_from`, `basis_to` or `reason`.
    """
    requirement = _locked(requirement_id, actor, Permission.LEAD_TIME_WRITE)
    _check_reason(reason)
    chosen = sorted(
        (_observation(requirement, key, field="observations") for key in set(observation_ids)),
        key=lambda row: (row.as_of, row.pk),
        reverse=True,
    )
    if len(chosen) < 2:
        raise BadInput(_("A percentile needs at least two lead times."), field="observations")
    if len({(row.basis_from, row.basis_to) for row in chosen}) > 1:
        raise BadInput(_("They do not count between the same two steps."), field="observations")
    weeks = weeks_at([row.high_weeks for row in chosen], percent)
    _check_basis(requirement, chosen[0], weeks, local_date(requirement.site, now))
    return _plan_with(requirement, chosen[0], weeks, percent, chosen, reason, actor, now)


def _plan_with(
    requirement: Requirement,
    observation: LeadTimeObservation | None,
    weeks: Decimal | None,
    percent: int | None,
    considered: Collection[LeadTimeObservation],
    reason: str,
    actor: User,
    now: datetime,
) -> Ruled:
    before = _rule_of(requirement)
    requirement.lead_time, requirement.lead_time_weeks = observation, weeks
    requirement.lead_time_percentile = percent
    requirement.lead_time_reason = reason.strip() if observation else ""
    requirement.save(update_fields=["lead_time", "lead_time_weeks", "lead_time_percentile", "lead_time_reason"])
    requirement.considered.all().delete()
    ConsideredLeadTime.objects.bulk_create(
        ConsideredLeadTime(requirement=requirement, observation=row) for row in considered
    )
    return _recorded(requirement, "requirement.lead_time_chosen", reason, before, actor, now)


def _locked(requirement_id: UUID, actor: User, permission: Permission) -> Requirement:
    visible = Requirement.objects.visible_to(actor).select_related("site", "equipment_class")
    hold_sites(visible.filter(pk=requirement_id).values_list("site_id", flat=True))
    requirement = visible.select_for_update(of=("self",)).filter(pk=requirement_id).first()
    if requirement is None:
        raise NotFound(_("There is no such requirement."), field="requirement")
    check_can(actor, permission, site_id=requirement.site_id)
    if requirement.cancelled_at is not None:
        raise Conflict(_("The requirement is cancelled."))
    return requirement


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    if len(reason.strip()) > _LONGEST_REASON:
        raise BadInput(_("Say it in %(most)s characters.") % {"most": _LONGEST_REASON}, field="reason")


def _activity_on(requirement: Requirement, project_code: str, activity_code: str, edge: str) -> date:
    accepted = ScheduleRevision.objects.filter(
        site=requirement.site_id, project_code=project_code, state=RevisionState.ACCEPTED
    ).first()
    if accepted is None:
        raise BadInput(_("The site has no accepted schedule of this project."), field="project_code")
    if not accepted.activities.filter(code=activity_code).exists():
        raise BadInput(_("The accepted schedule has no such activity."), field="activity_code")
    key = ActivityKey(project_code, activity_code, edge)
    on = activity_dates(requirement.site_id, [key]).get(key)
    if on is None:
        raise BadInput(_("The activity has no such date."), field="activity_code")
    return on


def _observation(requirement: Requirement, observation_id: UUID, *, field: str = "observation") -> LeadTimeObservation:
    """Of the class, or of one that stands in for it."""
    observation = LeadTimeObservation.objects.filter(
        pk=observation_id, equipment_class__in=classes_standing_in(requirement.equipment_class_id)
    ).first()
    if observation is None:
        raise BadInput(_("There is no such lead time for this class of equipment."), field=field)
    if observation.retired_at is not None and observation.pk != requirement.lead_time_id:
        raise BadInput(_("This lead time is retired."), field=field)
    return observation


def _check_weeks(weeks: Decimal | None) -> None:
    if weeks is None:
        return
    if not weeks.is_finite() or not 0 <= weeks <= _MOST_WEEKS:
        raise BadInput(_("A lead time is 0 to %(most)s weeks.") % {"most": _MOST_WEEKS}, field="weeks")
    if weeks != weeks.quantize(Decimal("0.1")):
        raise BadInput(_("Weeks have one decimal place at most."), field="weeks")


def _check_basis(
    requirement: Requirement, observation: LeadTimeObservation, weeks: Decimal | None, as_of: date
) -> None:
    """Raises BadInput naming `basis_from` or `basis_to` where the chain of the class does not have the step."""
    template = requirement.equipment_class.template_id
    chain = ChainFacts(
        as_of=as_of,
        site_calendar=working_calendars()[requirement.site.calendar_id],
        steps=facts.template_steps([template]).get(template, ()),
        anchor_step=facts.template_anchors([template])[template],
    )
    with_lead_time(chain, LeadTime(observation.basis_from, observation.basis_to, observation.high_weeks, weeks))


def _rule_of(requirement: Requirement) -> dict[str, object]:
    """For the record: what the dates hung on before."""
    return {
        "rule": requirement.ros_rule,
        "fixed_on": requirement.ros_fixed_on.isoformat() if requirement.ros_fixed_on else None,
        "anchors": [str(anchor) for anchor in requirement.anchors.select_related("gate").order_by("pk")],
        "shake_out": f"{requirement.shake_out_days} {requirement.shake_out_basis}",
        "lead_time": str(requirement.lead_time_id) if requirement.lead_time_id else None,
        "lead_time_weeks": str(requirement.lead_time_weeks) if requirement.lead_time_weeks is not None else None,
        "lead_time_percentile": requirement.lead_time_percentile,
    }


def _recorded(
    requirement: Requirement, verb: str, reason: str, before: dict[str, object], actor: User, now: datetime
) -> Ruled:
    event = audit.record(
        actor=actor,
        verb=verb,
        subject_kind="requirement",
        subject_id=requirement.pk,
        reason=reason.strip(),
        facts={"before": before, "after": _rule_of(requirement)},
    )
    moved = forecasts.recalculate(
        site_id=requirement.site_id,
        as_of=local_date(requirement.site, now),
        now=now,
        cause=RunCause.CHANGE,
        cause_text=f"{requirement.tag}: {reason.strip()}",
        cause_key=f"requirement:{event.pk}",
        actor=actor,
        touched=Touched(requirements=frozenset({requirement.pk})),
    ).moved
    wake.after_commit()
    requirement.refresh_from_db()
    return Ruled(requirement, moved)
