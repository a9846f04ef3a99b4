"""What the alert rules read, from the current forecasts, in a fixed number of queries for any number of rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Max, OuterRef, Q, Subquery

from procurement.domain.alerting import BlockFacts, LotFacts, PowerFacts, RequirementFacts, ShareFacts, SiteFacts
from procurement.models import (
    Alert,
    Allocation,
    BlockForecast,
    ChainForecast,
    DeliveryLot,
    GroupNeed,
    LotForecast,
    Requirement,
    RequirementForecast,
)
from procurement.vocabulary import AlertSubject, CommercialStatus, LineStatus
from sites.domain.calendar import WorkingCalendar
from sites.models import Baseline, Gate, GridConnection, Milestone, PpaShare, Site
from sites.queries.chains import working_calendars
from sites.vocabulary import AgreementState, GateKind

_OVER = (CommercialStatus.CANCELLED, CommercialStatus.TERMINATED)
_NO_LONGER_WAITED_FOR = (AgreementState.TERMINATED, AgreementState.EXPIRED)
_TAGS_NAMED = 3


def site_facts(site_id: UUID) -> SiteFacts:
    """Everything the rules of one site need. Raises Site.DoesNotExist."""
    calendar = working_calendars()[Site.objects.values_list("calendar_id", flat=True).get(pk=site_id)]
    lots = _lots(site_id)
    requirements = _requirements(site_id)
    served: dict[UUID, list[UUID]] = defaultdict(list)
    serving: dict[UUID, list[UUID]] = defaultdict(list)
    for lot_id, requirement_id in (
        Allocation.objects.filter(ended_at__isnull=True, requirement__site_id=site_id)
        .order_by("pk")
        .values_list("lot_id", "requirement_id")
    ):
        if lot_id in lots and requirement_id in requirements:
            served[lot_id].append(requirement_id)
            serving[requirement_id].append(lot_id)
    steps = _next_steps(site_id)
    return SiteFacts(
        site_id=site_id,
        calendar=calendar,
        requirements=_requirement_facts(site_id, requirements, lots, serving),
        lots=tuple(
            _lot_facts(lot, steps.get(lot.key), [requirements[key].tag for key in served[lot.key]])
            for lot in lots.values()
        ),
    )


@dataclass(slots=True)
class _Lot:
    key: UUID
    order_number: str
    line_number: int
    class_name: str
    vendor: str
    baseline_version: int = 0
    forecast: LotForecast | None = None

    @property
    def text(self) -> str:
        return f"PO {self.order_number}/{self.line_number} {self.class_name}"


@dataclass(slots=True)
class _Requirement:
    key: UUID
    tag: str
    class_name: str
    block_id: UUID | None
    group_id: UUID | None
    required_on: date | None
    forecast: RequirementForecast | None = None
    blocks: list[UUID] = field(default_factory=list)


def _lots(site_id: UUID) -> dict[UUID, _Lot]:
    rows = (
        DeliveryLot.objects.filter(schedule_line__site_id=site_id)
        .exclude(schedule_line__status=LineStatus.CANCELLED)
        .exclude(schedule_line__line__status=LineStatus.CANCELLED)
        .exclude(schedule_line__line__order__commercial_status__in=_OVER)
        .order_by("pk")
        .values_list(
            "pk",
            "schedule_line__line__order__number",
            "schedule_line__line__number",
            "schedule_line__line__equipment_class__name",
            "schedule_line__line__order__seller__name",
        )
    )
    lots = {row[0]: _Lot(*row) for row in rows}
    of_site = Baseline.objects.filter(chain__lot__schedule_line__site_id=site_id)
    for lot_id, version in (
        of_site.values("chain__lot").annotate(newest=Max("version")).values_list("chain__lot", "newest")
    ):
        if lot_id in lots:
            lots[lot_id].baseline_version = version
    for forecast in LotForecast.objects.filter(current=True, lot__schedule_line__site_id=site_id):
        if forecast.lot_id in lots:
            lots[forecast.lot_id].forecast = forecast
    return lots


def _requirements(site_id: UUID) -> dict[UUID, _Requirement]:
    live = Requirement.objects.filter(site_id=site_id, cancelled_at__isnull=True)
    rows = live.order_by("pk").values_list(
        "pk", "tag", "equipment_class__name", "block_id", "group_id", "required_on_site"
    )
    found = {row[0]: _Requirement(*row) for row in rows}
    for forecast in RequirementForecast.objects.filter(current=True, requirement__in=live).defer("steps"):
        found[forecast.requirement_id].forecast = forecast
    blocks_of_group: dict[UUID, list[UUID]] = defaultdict(list)
    for group_id, block_id in (
        GroupNeed.objects.filter(group__site_id=site_id).order_by("pk").values_list("group_id", "block_id")
    ):
        blocks_of_group[group_id].append(block_id)
    for row in found.values():
        row.blocks = ([row.block_id] if row.block_id else []) + (blocks_of_group[row.group_id] if row.group_id else [])
    return found


def _requirement_facts(
    site_id: UUID,
    requirements: Mapping[UUID, _Requirement],
    lots: Mapping[UUID, _Lot],
    serving: Mapping[UUID, list[UUID]],
) -> tuple[RequirementFacts, ...]:
    blocks = _late_blocks(site_id)
    before = _answers_before(
        [key for key, row in requirements.items() if row.forecast and (row.forecast.float_days or 0) < 0]
    )
    facts = []
    for key, row in requirements.items():
        answer = row.forecast
        mine = [lots[lot_id] for lot_id in serving.get(key, ())]
        decides = max(mine, key=_forecast_on, default=None)
        forecast_before, required_before = before.get(key, (None, None))
        hit = max((blocks[block] for block in row.blocks if block in blocks), key=_days_late, default=None)
        facts.append(
            RequirementFacts(
                key=key,
                text=f"{decides.text if decides else row.class_name} {row.tag}"[:300],
                required_on=row.required_on,
                required_from_on=_if_other(required_before, row.required_on),
                forecast_on=answer.forecast_on if answer else None,
                forecast_from_on=_if_other(forecast_before, answer.forecast_on if answer else None),
                float_days=answer.float_days if answer else None,
                float_working_days=answer.float_working_days if answer else None,
                order_by_on=answer.order_by_on if answer else None,
                is_ordered=answer.ordered if answer else bool(mine),
                is_delivered=bool(
                    answer
                    and answer.ordered
                    and mine
                    and all(lot.forecast and lot.forecast.delivered_on for lot in mine)
                ),
                baseline_version=max((lot.baseline_version for lot in mine), default=0),
                mw_days=_larger(answer),
                block=hit,
                vendor=decides.vendor if decides else "",
                driver=decides.forecast.driver if decides and decides.forecast else "",
                driver_code=decides.forecast.driver_code if decides and decides.forecast else "",
            )
        )
    return tuple(facts)


def _forecast_on(lot: _Lot) -> date:
    return lot.forecast.forecast_on if lot.forecast and lot.forecast.forecast_on else date.max


def _days_late(block: BlockFacts) -> int:
    return (block.rfs_forecast_on - block.rfs_baseline_on).days


def _larger(answer: RequirementForecast | LotForecast | None) -> Decimal | None:
    if answer is None:
        return None
    known = [number for number in (answer.recovers_mw_days, answer.costs_mw_days) if number is not None]
    return max(known, default=None)


def _if_other(before: date | None, now: date | None) -> date | None:
    return before if before != now else None


def _answers_before(keys: list[UUID]) -> dict[UUID, tuple[date | None, date | None]]:
    """Forecast and required-on-site date of the answer before the current one, for these requirements."""
    earlier = RequirementForecast.objects.filter(requirement=OuterRef("pk"), current=False).order_by(
        "-created_at", "-pk"
    )
    rows = Requirement.objects.filter(pk__in=keys).values_list(
        "pk", Subquery(earlier.values("forecast_on")[:1]), Subquery(earlier.values("required_on_site")[:1])
    )
    return {key: (forecast_on, required_on) for key, forecast_on, required_on in rows}


def _late_blocks(site_id: UUID) -> dict[UUID, BlockFacts]:
    rows = BlockForecast.objects.filter(
        current=True, block__phase__site_id=site_id, rfs_forecast_on__gt=F("rfs_baseline_on")
    ).values_list("block_id", "block__phase__code", "block__code", "rfs_baseline_on", "rfs_forecast_on")
    return {
        block_id: BlockFacts(f"{phase} {block}", baseline_on, forecast_on)
        for block_id, phase, block, baseline_on, forecast_on in rows
        if baseline_on and forecast_on
    }


@dataclass(frozen=True, slots=True)
class _NextStep:
    code: str
    planned_on: date | None
    locked_on: date | None
    responsible: str


def _next_steps(site_id: UUID) -> dict[UUID, _NextStep]:
    rows = Milestone.objects.filter(
        chain__lot__schedule_line__site_id=site_id,
        chain__lot__forecasts__current=True,
        chain__lot__forecasts__next_code=F("code"),
        actual_on__isnull=True,
    ).values_list("chain__lot", "code", "planned_on", "locked_on", "responsible")
    return {
        lot_id: _NextStep(code, planned_on, locked_on, responsible)
        for lot_id, code, planned_on, locked_on, responsible in rows
    }


def _lot_facts(lot: _Lot, step: _NextStep | None, tags: list[str]) -> LotFacts:
    answer = lot.forecast
    due_on, due_kind = _due(step, answer) if step and answer and not answer.delivered_on else (None, "")
    named = ", ".join(sorted(tags)[:_TAGS_NAMED]) + (f" +{len(tags) - _TAGS_NAMED}" if len(tags) > _TAGS_NAMED else "")
    return LotFacts(
        key=lot.key,
        text=f"{lot.text} {named}".strip()[:300],
        step=step.code if step else "",
        due_on=due_on,
        due_kind=due_kind,
        responsible=step.responsible if step else "",
        baseline_version=lot.baseline_version,
        float_days=answer.float_days if answer else None,
        float_working_days=answer.float_working_days if answer else None,
        required_on=answer.required_on_site if answer else None,
        forecast_on=answer.forecast_on if answer else None,
        mw_days=_larger(answer),
        vendor=lot.vendor,
    )


def _due(step: _NextStep, answer: LotForecast) -> tuple[date | None, str]:
    """What was said last about the step, and by which field. The engine's answer holds the promise and its shift."""
    said: dict[str, Any] = next((row for row in answer.steps if row.get("code") == step.code), {})
    if step.locked_on:
        return step.locked_on, "lock"
    if said.get("promise_counts_on"):
        shift = timedelta(days=said.get("shift_days") or 0)
        return date.fromisoformat(said["promise_counts_on"]) + shift, "promise"
    if step.planned_on:
        return step.planned_on, "plan"
    if said.get("baseline_on"):
        return date.fromisoformat(said["baseline_on"]), "baseline"
    return None, ""


def power_facts(as_of: date) -> PowerFacts:
    """Every share of a live agreement, with the forecast COD and the site's first forecast of grid power."""
    calendars = working_calendars()
    shares = list(
        PpaShare.objects.filter(Q(until_on__isnull=True) | Q(until_on__gte=as_of))
        .exclude(agreement__state__in=_NO_LONGER_WAITED_FOR)
        .select_related("agreement", "site")
        .order_by("pk")
    )
    energised = _energised({share.site_id for share in shares})
    cod = _chain_answers({share.agreement.chain_id for share in shares})
    versions = dict(
        Baseline.objects.filter(chain__in=[share.agreement.chain_id for share in shares])
        .values("chain")
        .annotate(newest=Max("version"))
        .values_list("chain", "newest")
    )
    return PowerFacts(tuple(_share_facts(share, calendars, energised, cod, versions) for share in shares))


@dataclass(frozen=True, slots=True)
class _ChainDate:
    on: date | None
    from_on: date | None
    is_actual: bool
    by: str = ""
    slip_days: int | None = None


def _share_facts(
    share: PpaShare,
    calendars: Mapping[UUID, WorkingCalendar],
    energised: Mapping[UUID, _ChainDate],
    cod: Mapping[UUID, _ChainDate],
    versions: Mapping[UUID, int],
) -> ShareFacts:
    agreement = share.agreement
    starts = cod.get(agreement.chain_id)
    power = energised.get(share.site_id)
    return ShareFacts(
        key=share.pk,
        text=f"PPA {agreement.code} {agreement.name}"[:300],
        site_id=share.site_id,
        calendar=calendars[share.site.calendar_id],
        share_mw=share.share_mw,
        cod_on=starts.on if starts else None,
        cod_from_on=starts.from_on if starts else None,
        cod_is_actual=bool(starts and starts.is_actual),
        energised_on=power.on if power else None,
        energised_from_on=power.from_on if power else None,
        energised_by=power.by if power else "",
        baseline_version=versions.get(agreement.chain_id, 0),
        seller=agreement.seller,
        guaranteed_cod_on=agreement.guaranteed_cod_on,
        long_stop_on=agreement.long_stop_on,
        slip_days=starts.slip_days if starts else None,
    )


def _chain_answers(chain_ids: Iterable[UUID]) -> dict[UUID, _ChainDate]:
    earlier = ChainForecast.objects.filter(chain=OuterRef("chain"), current=False).order_by("-created_at", "-pk")
    rows = (
        ChainForecast.objects.filter(current=True, chain__in=list(chain_ids))
        .annotate(from_on=Subquery(earlier.values("forecast_on")[:1]))
        .values_list("chain", "forecast_on", "done_on", "from_on", "slip_days")
    )
    return {
        chain_id: _ChainDate(done_on or on, _if_other(from_on, done_on or on), done_on is not None, slip_days=slip_days)
        for chain_id, on, done_on, from_on, slip_days in rows
    }


def _energised(site_ids: set[UUID]) -> dict[UUID, _ChainDate]:
    """Per site the first of its grid connections; the energised gate where the site has none with a date."""
    connections = list(
        GridConnection.objects.filter(site__in=site_ids).order_by("pk").values_list("site_id", "chain_id", "name")
    )
    gates = list(
        Gate.objects.filter(site__in=site_ids, kind=GateKind.ENERGISED)
        .order_by("pk")
        .values_list("site_id", "chain_id", "name")
    )
    answers = _chain_answers({row[1] for row in connections} | {row[1] for row in gates})
    first: dict[UUID, _ChainDate] = {}
    for rows in (connections, gates):
        found: dict[UUID, list[_ChainDate]] = defaultdict(list)
        for site_id, chain_id, name in rows:
            answer = answers.get(chain_id)
            if answer and answer.on and site_id not in first:
                found[site_id].append(_ChainDate(answer.on, answer.from_on, answer.is_actual, name))
        first |= {site_id: min(dates, key=lambda row: row.on or date.max) for site_id, dates in found.items()}
    return first


@dataclass(frozen=True, slots=True)
class Scopes:
    """What an alert is about, in the terms of an Assignment; several where a requirement is served by several lots."""

    site_id: UUID | None
    line_ids: frozenset[UUID] = frozenset()
    order_ids: frozenset[UUID] = frozenset()
    company_ids: frozenset[UUID] = frozenset()
    class_ids: frozenset[UUID] = frozenset()
    disciplines: frozenset[str] = frozenset()


def scopes_of(alerts: Iterable[Alert]) -> dict[UUID, Scopes]:
    """By alert, in three queries."""
    rows = list(alerts)
    lot_of: dict[UUID, list[UUID]] = {row.pk: [row.subject_id] for row in rows if row.subject_kind == AlertSubject.LOT}
    needs = [row.subject_id for row in rows if row.subject_kind == AlertSubject.REQUIREMENT]
    classes = {
        key: (class_id, discipline)
        for key, class_id, discipline in Requirement.objects.filter(pk__in=needs).values_list(
            "pk", "equipment_class_id", "equipment_class__discipline"
        )
    }
    serving: dict[UUID, list[UUID]] = defaultdict(list)
    for requirement_id, lot_id in Allocation.objects.filter(requirement__in=needs, ended_at__isnull=True).values_list(
        "requirement_id", "lot_id"
    ):
        serving[requirement_id].append(lot_id)
    for row in rows:
        lot_of.setdefault(row.pk, serving.get(row.subject_id, []))
    lots = {
        key: details
        for key, *details in DeliveryLot.objects.filter(
            pk__in={lot for found in lot_of.values() for lot in found}
        ).values_list(
            "pk",
            "schedule_line__line_id",
            "schedule_line__line__order_id",
            "schedule_line__line__order__seller_id",
            "schedule_line__line__plant__company_id",
            "schedule_line__line__equipment_class_id",
            "schedule_line__line__equipment_class__discipline",
        )
    }
    return {row.pk: _scopes(row, [lots[lot] for lot in lot_of[row.pk] if lot in lots], classes) for row in rows}


def _scopes(alert: Alert, lots: list[list[Any]], classes: Mapping[UUID, tuple[UUID, str]]) -> Scopes:
    own = [classes[alert.subject_id]] if alert.subject_id in classes else []
    return Scopes(
        site_id=alert.site_id,
        line_ids=frozenset(lot[0] for lot in lots),
        order_ids=frozenset(lot[1] for lot in lots),
        company_ids=frozenset(company for lot in lots for company in lot[2:4] if company),
        class_ids=frozenset([lot[4] for lot in lots] + [row[0] for row in own]),
        disciplines=frozenset([lot[5] for lot in lots] + [row[1] for row in own]),
    )
