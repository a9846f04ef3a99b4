"""What the alert rules of the power portfolio read, and what an alert is about, each in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Max, OuterRef, Q, Subquery

from procurement.domain.alerting import PowerFacts, ShareFacts
from procurement.models import (
    Alert,
    Allocation,
    ChainForecast,
    DeliveryLot,
    Requirement,
)
from procurement.vocabulary import AlertSubject
from sites.domain.calendar import WorkingCalendar
from sites.models import Baseline, Gate, GridConnection, PpaShare
from sites.queries.chains import working_calendars
from sites.vocabulary import AgreementState, GateKind

_NO_LONGER_WAITED_FOR = (AgreementState.TERMINATED, AgreementState.EXPIRED)


def _if_other(before: date | None, now: date | None) -> date | None:
    return before if before != now else None


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
    plant_ids: frozenset[UUID] = frozenset()
    requirement_ids: frozenset[UUID] = frozenset()


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
    served: dict[UUID, list[UUID]] = defaultdict(list)
    about = Q(requirement__in=needs) | Q(lot__in=[lot for found in lot_of.values() for lot in found])
    for requirement_id, lot_id in Allocation.objects.filter(about, ended_at__isnull=True).values_list(
        "requirement_id", "lot_id"
    ):
        serving[requirement_id].append(lot_id)
        served[lot_id].append(requirement_id)
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
            "schedule_line__line__plant_id",
        )
    }
    return {
        row.pk: _scopes(
            row,
            [lots[lot] for lot in lot_of[row.pk] if lot in lots],
            classes,
            served.get(row.subject_id, [row.subject_id] if row.subject_kind == AlertSubject.REQUIREMENT else []),
        )
        for row in rows
    }


def _scopes(alert: Alert, lots: list[list[Any]], classes: Mapping[UUID, tuple[UUID, str]], needs: list[UUID]) -> Scopes:
    own = [classes[alert.subject_id]] if alert.subject_id in classes else []
    return Scopes(
        site_id=alert.site_id,
        line_ids=frozenset(lot[0] for lot in lots),
        order_ids=frozenset(lot[1] for lot in lots),
        company_ids=frozenset(company for lot in lots for company in lot[2:4] if company),
        class_ids=frozenset([lot[4] for lot in lots] + [row[0] for row in own]),
        disciplines=frozenset([lot[5] for lot in lots] + [row[1] for row in own]),
        plant_ids=frozenset(lot[6] for lot in lots if lot[6]),
        requirement_ids=frozenset(needs),
    )
