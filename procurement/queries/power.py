"""Agreements against the dates of the sites they supply, and the grid connections."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from procurement.models import ChainForecast
from procurement.queries.steps import Step, read_steps
from sites.accounts.models import User
from sites.models import (
    Gate,
    GridConnection,
    LoadStep,
    Milestone,
    NetworkWorks,
    PowerPurchaseAgreement,
    PpaShare,
    Promise,
)
from sites.vocabulary import GateKind


@dataclass(frozen=True, slots=True)
class ShareView:
    """`energised_on` is the site's first power from the grid; `days_after` COD after it, below zero before it."""

    share: PpaShare
    energised_on: date | None
    days_after: int | None


@dataclass(frozen=True, slots=True)
class AgreementView:
    """`slack_days` is guaranteed COD minus forecast COD, `long_stop_days` long-stop minus forecast; below zero is late.

    Only the shares of sites the reader may see; `hidden` counts the others.
    """

    agreement: PowerPurchaseAgreement
    answer: ChainForecast | None
    shares: tuple[ShareView, ...]
    hidden: int
    slack_days: int | None
    long_stop_days: int | None

    @property
    def is_late(self) -> bool:
        past = self.slack_days is not None and self.slack_days < 0
        return past or any(each.days_after is not None and each.days_after > 0 for each in self.shares)


@dataclass(frozen=True, slots=True)
class ChainStepView:
    """`promise` is the deciding one; `before` the code of the step before."""

    step: Step
    milestone: Milestone | None
    promise: Promise | None
    before: str


@dataclass(frozen=True, slots=True)
class GridView:
    connection: GridConnection
    answer: ChainForecast | None
    days_later: int | None
    load: LoadStep | None


def agreements(actor: User) -> tuple[AgreementView, ...]:
    """The late ones first, then by forecast COD. Six queries."""
    rows = list(PowerPurchaseAgreement.objects.visible_to(actor).order_by("code"))
    return tuple(sorted(_views(actor, rows), key=_late_first))


def _late_first(view: AgreementView) -> tuple[bool, date, str]:
    on = view.answer.forecast_on if view.answer else None
    return not view.is_late, on or date.max, view.agreement.code


def find_agreement(actor: User, key: UUID) -> PowerPurchaseAgreement | None:
    return PowerPurchaseAgreement.objects.visible_to(actor).filter(pk=key).first()


def agreement_view(actor: User, agreement: PowerPurchaseAgreement) -> AgreementView:
    return _views(actor, [agreement])[0]


def _views(actor: User, agreements: list[PowerPurchaseAgreement]) -> list[AgreementView]:
    answers = _answers([row.chain_id for row in agreements])
    shares = list(
        PpaShare.objects.visible_to(actor)
        .filter(agreement__in=agreements)
        .select_related("site")
        .order_by("site__code", "from_on")
    )
    total: dict[UUID, int] = defaultdict(int)
    for key in PpaShare.objects.filter(agreement__in=agreements).values_list("agreement", flat=True):
        total[key] += 1
    powered = first_power({share.site_id for share in shares})
    views = []
    for agreement in agreements:
        answer = answers.get(agreement.chain_id)
        cod = answer.forecast_on if answer else None
        mine = tuple(
            ShareView(share, powered.get(share.site_id), _days(powered.get(share.site_id), cod))
            for share in shares
            if share.agreement_id == agreement.pk
        )
        views.append(
            AgreementView(
                agreement=agreement,
                answer=answer,
                shares=mine,
                hidden=total[agreement.pk] - len(mine),
                slack_days=_days(cod, agreement.guaranteed_cod_on),
                long_stop_days=_days(cod, agreement.long_stop_on),
            )
        )
    return views


def grid_view(found: GridConnection) -> GridView:
    """One connection as `grid` lists it. One query."""
    answer = _answers([found.chain_id]).get(found.chain_id)
    return GridView(found, answer, _days(found.energisation_target_on, answer.forecast_on if answer else None), None)


def works_of(found: GridConnection) -> list[tuple[NetworkWorks, date | None]]:
    """By name, each with the day it is complete, done or forecast; None: not known. Two queries."""
    rows = list(found.works.order_by("name"))
    answers = _answers([row.chain_id for row in rows])
    dates = {key: row.done_on or row.forecast_on for key, row in answers.items()}
    return [(row, dates.get(row.chain_id)) for row in rows]


def _days(since: date | None, until: date | None) -> int | None:
    return None if since is None or until is None else (until - since).days


def _answers(chain_ids: Collection[UUID]) -> dict[UUID, ChainForecast]:
    return {row.chain_id: row for row in ChainForecast.objects.filter(current=True, chain__in=chain_ids)}


def first_power(site_ids: Collection[UUID]) -> dict[UUID, date]:
    """Per site the first date of its grid connections, done or forecast; of its energised gates where it has none."""
    connections = list(GridConnection.objects.filter(site__in=site_ids).values_list("site_id", "chain_id"))
    gates = list(Gate.objects.filter(site__in=site_ids, kind=GateKind.ENERGISED).values_list("site_id", "chain_id"))
    answers = _answers([chain for _, chain in (*connections, *gates)])
    found: dict[UUID, date] = {}
    for rows in (connections, gates):
        dates: dict[UUID, list[date]] = defaultdict(list)
        for site_id, chain_id in rows:
            answer = answers.get(chain_id)
            on = (answer.done_on or answer.forecast_on) if answer else None
            if on is not None and site_id not in found:
                dates[site_id].append(on)
        found |= {site_id: min(each) for site_id, each in dates.items()}
    return found


def chain_steps(answer: ChainForecast | None) -> tuple[ChainStepView, ...]:
    """Every step of a stored answer with its milestone and the promise that decides it. Two queries."""
    if answer is None:
        return ()
    milestones = {row.code: row for row in Milestone.objects.filter(chain=answer.chain_id).select_related("locked_by")}
    promises = {str(row.pk): row for row in Promise.objects.filter(milestone__chain=answer.chain_id)}
    views, before = [], ""
    for step in read_steps(answer.steps):
        views.append(ChainStepView(step, milestones.get(step.code), promises.get(step.promise_id), before))
        before = step.code
    return tuple(views)


def ledger(chain_id: UUID) -> tuple[Promise, ...]:
    return tuple(
        Promise.objects.filter(milestone__chain=chain_id)
        .select_related("milestone", "recorded_by", "retraction", "superseded_by__retraction")
        .order_by("-stated_on", "-recorded_at", "-place")
    )


def grid(actor: User, *, site: str = "") -> tuple[GridView, ...]:
    """Grid connections of the visible sites, the latest against their target first. Three queries."""
    rows = GridConnection.objects.visible_to(actor).select_related("site").order_by("site__code", "name")
    connections = list(rows.filter(site__code=site) if site else rows)
    answers = _answers([row.chain_id for row in connections])
    loads: dict[UUID, LoadStep] = {}
    for load in LoadStep.objects.filter(site__in={row.site_id for row in connections}, block__isnull=True).order_by(
        "-from_on"
    ):
        loads[load.site_id] = load
    views = []
    for row in connections:
        answer = answers.get(row.chain_id)
        later = _days(row.energisation_target_on, answer.forecast_on if answer else None)
        views.append(GridView(row, answer, later, loads.get(row.site_id)))
    return tuple(sorted(views, key=lambda view: -(view.days_later or 0)))
