"""What the ledger says of one vendor: its lots as the scorecard wants them, and whose days its slips are.

A vendor is the seller of an order or the maker of a line. Everything is of the lots that the reader may see.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Count, Min, QuerySet

from procurement.domain.attribution import Move, Share, StepDates, attribute, by_party, by_reason, party_of_step
from procurement.domain.vendor_performance import LotRecord, Scorecard, Word, scorecard
from procurement.models import Allocation, Company, DeliveryLot, LotForecast
from procurement.queries.known import last_answers
from procurement.queries.steps import day_of
from procurement.vocabulary import LineStatus
from sites.accounts.models import User
from sites.models import Milestone, Promise
from sites.models.site import sight_of
from sites.queries.among import among
from sites.vocabulary import Driver, Party, ReasonCode

MOST_LINES: Final = 20


class Side(StrEnum):
    """As what a company is looked at."""

    SELLER = "seller"
    MAKER = "maker"


_COMPANY: Final = {Side.SELLER: "line__order__seller", Side.MAKER: "line__plant__company"}


@dataclass(frozen=True, slots=True)
class VendorRow:
    """`late` of the open lots are forecast after they are required."""

    company: Company
    open: int
    late: int
    done: int


# The log's rows know seller, maker, site and state, which would be five tables.
_COUNTS = """
SELECT stored.{side}_id, count(*) FILTER (WHERE answer.delivered_on IS NULL),
    count(*) FILTER (WHERE answer.delivered_on IS NULL AND answer.float_days < 0),
    count(*) FILTER (WHERE answer.delivered_on IS NOT NULL)
FROM procurement_lotforecast answer
JOIN procurement_deliverylot lot ON lot.id = answer.lot_id
JOIN procurement_logline stored ON stored.schedule_line_id = lot.schedule_line_id
WHERE answer.current AND lot.quantity > 0 AND stored.shown IN ('open', 'delivered')
    AND (%(whole)s OR stored.site_id = ANY(%(sites)s))
GROUP BY stored.{side}_id
"""


def vendors(actor: User, side: Side) -> tuple[VendorRow, ...]:
    """Whoever sells or makes something that the actor may see, by name. Two queries, and those of the actor's sight."""
    sight = sight_of(actor)
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS.format(side=side.value), {"whole": sight.whole, "sites": list(sight.sites)})
        found = {key: counted for key, *counted in cursor.fetchall()}
    companies = Company.objects.filter(pk__in=[key for key in found if key]).order_by("name", "pk")
    return tuple(VendorRow(row, *found[row.pk]) for row in companies)


def find_vendor(actor: User, key: UUID) -> Company | None:
    """Whoever sells or makes something that the actor may see. Three queries at most."""
    company = Company.objects.filter(pk=key).first()
    sides = (_lots(actor).filter(**{f"schedule_line__{column}": key}) for column in _COMPANY.values())
    return company if company and any(lots.exists() for lots in sides) else None


def late_since(actor: User, side: Side, day: date) -> dict[UUID, int]:
    """By how many lots of each company more are late now than at the end of a past day. Two queries: an answer is
    stored only where something changed, so only lots with a later one are looked at.
    """
    column = f"lot__schedule_line__{_COMPANY[side]}"
    lots = _lots(actor)
    changed = LotForecast.objects.filter(current=True, lot__in=lots, as_of__gt=day)
    then = last_answers(LotForecast.objects.filter(lot__in=changed.values("lot")), "lot", day)
    more: dict[UUID, int] = defaultdict(int)
    for rows, sign in ((changed, 1), (LotForecast.objects.filter(pk__in=then.values("pk")), -1)):
        late = rows.filter(delivered_on=None, float_days__lt=0, **{f"{column}__isnull": False})
        for company, number in late.order_by().values_list(column).annotate(number=Count("pk")):
            more[company] += sign * number
    return dict(more)


def _lots(actor: User) -> QuerySet[DeliveryLot]:
    """Lots of zero units and of cancelled lines are in no forecast, so in no score either."""
    return (
        DeliveryLot.objects.visible_to(actor)
        .filter(quantity__gt=0)
        .exclude(schedule_line__status=LineStatus.CANCELLED)
        .exclude(schedule_line__line__status=LineStatus.CANCELLED)
    )


@dataclass(frozen=True, slots=True)
class LotSlip:
    """`slip_days` at the contract step, the sum of the shares."""

    lot: DeliveryLot
    slip_days: int
    parties: dict[Party, int]


@dataclass(frozen=True, slots=True)
class VendorView:
    """`slips` are those of the lots that moved most. `parties` and `reasons` sum over all lots to `slip_days`.
    `moves_without_reason` are promises that moved a date and whose reason nobody stated.
    """

    company: Company
    side: Side
    card: Scorecard
    slip_days: int
    parties: dict[Party, int]
    reasons: dict[tuple[Party, str], int]
    slips: tuple[LotSlip, ...]
    slipped_lots: int
    moves: int
    moves_without_reason: int


def vendor_view(actor: User, key: UUID, side: Side, *, as_of: date) -> VendorView | None:
    """None where the actor sees nothing of such a vendor. Seven queries."""
    company = Company.objects.filter(pk=key).first()
    if company is None:
        return None
    mine = _lots(actor).filter(**{f"schedule_line__{_COMPANY[side]}": company})
    lots = [_Lot(*row) for row in mine.order_by("pk").values_list(*_LOT)]
    if not lots:
        return None
    facts = _facts(lots)
    records = [_record(lot, facts) for lot in lots]
    slips = {lot.key: _slip(lot, facts) for lot in lots}
    shares = [share for found in slips.values() for share in found]
    moves = [move for found in facts.moves.values() for move in found]
    moved = {key: days for key, found in slips.items() if (days := sum(share.days for share in found))}
    most = sorted(moved, key=lambda key: (-abs(moved[key]), key))[:MOST_LINES]
    shown = mine.select_related("schedule_line__line__order", "schedule_line__line__equipment_class").in_bulk(most)
    return VendorView(
        company=company,
        side=side,
        card=scorecard(records, as_of),
        slip_days=sum(share.days for share in shares),
        parties=by_party(shares),
        reasons=by_reason(shares),
        slips=tuple(LotSlip(shown[key], moved[key], by_party(slips[key])) for key in most),
        slipped_lots=len(moved),
        moves=sum(1 for move in moves if move.days),
        moves_without_reason=sum(1 for move in moves if move.days and move.reason_code == ReasonCode.NOT_STATED),
    )


class _Lot(NamedTuple):
    """In plain values, as the facts about it: a vendor has thousands."""

    key: UUID
    chain: UUID
    quantity: Decimal
    contract_on: date | None
    contract_step: str
    equipment_class: str
    incoterm: str


_LOT: Final = (
    "pk", "chain", "quantity", "schedule_line__contract_on", "schedule_line__contract_step",
    "schedule_line__line__equipment_class__name", "schedule_line__line__order__incoterm",
)  # fmt: skip


class _Said(NamedTuple):
    """A promise that stands and names a day."""

    on: date
    stated_on: date
    is_copied: bool
    responsible: str
    reason_code: str


class _Step(NamedTuple):
    """A step of a stored answer."""

    code: str
    baseline_on: date | None
    forecast_on: date | None
    is_implied: bool


@dataclass(frozen=True, slots=True)
class _Facts:
    """By chain and step code, or by lot, in plain values: a vendor has tens of thousands of steps. `actuals` hold what
    happened, `owners` who answers, `promises` are in ledger order.
    """

    actuals: Mapping[tuple[UUID, str], date]
    owners: Mapping[tuple[UUID, str], Party]
    promises: Mapping[tuple[UUID, str], Sequence[_Said]]
    moves: Mapping[tuple[UUID, str], Sequence[Move]]
    last_words: Mapping[UUID, date]
    required: Mapping[UUID, date | None]
    steps: Mapping[UUID, tuple[_Step, ...]]


def _facts(lots: Collection[_Lot]) -> _Facts:
    of_chain = {lot.chain: lot.key for lot in lots}
    actuals: dict[tuple[UUID, str], date] = {}
    owners: dict[tuple[UUID, str], Party] = {}
    step_of: dict[UUID, tuple[UUID, str]] = {}
    for key, chain, code, owner, on, applicable in Milestone.objects.filter(among("chain", of_chain)).values_list(
        "pk", "chain", "code", "responsible", "actual_on", "applicable"
    ):
        step_of[key] = (chain, code)
        if applicable:
            owners[chain, code] = Party(owner)
        if applicable and on is not None:
            actuals[chain, code] = on
    promises: dict[tuple[UUID, str], list[_Said]] = defaultdict(list)
    last_words: dict[UUID, date] = {}
    # In the order in which the engine lets them decide; what was superseded or retracted counts as never said.
    rows = Promise.objects.standing().filter(among("milestone", step_of))
    for key, on, stated_on, copied_from, responsible, reason in rows.order_by(
        "stated_on", "recorded_at", "place"
    ).values_list("milestone", "counts_on", "stated_on", "copied_from", "responsible", "reason_code"):
        last_words[step_of[key][0]] = stated_on
        if on is not None:
            promises[step_of[key]].append(_Said(on, stated_on, copied_from is not None, responsible, reason))
    required = dict(
        Allocation.objects.filter(among("lot", of_chain.values()), ended_at__isnull=True)
        .values("lot")
        .annotate(first=Min("requirement__required_on_site"))
        .values_list("lot", "first")
    )
    answers = LotForecast.objects.filter(among("lot", of_chain.values()), current=True).values_list("lot", "steps")
    return _Facts(
        actuals,
        owners,
        promises,
        {key: _moves(found) for key, found in promises.items()},
        last_words,
        required,
        {key: tuple(map(_step, steps)) for key, steps in answers},
    )


def _step(row: Mapping[str, Any]) -> _Step:
    is_implied = row.get("driver") == Driver.IMPLIED
    return _Step(row["code"], day_of(row.get("baseline_on")), day_of(row.get("forecast_on")), is_implied)


def _moves(promises: Sequence[_Said]) -> list[Move]:
    """What was copied from the lot it was split from was moved there, not here."""
    return [
        Move((after.on - before.on).days, Party(after.responsible), after.reason_code)
        for before, after in pairwise(promises)
        if not after.is_copied
    ]


def _record(lot: _Lot, facts: _Facts) -> LotRecord:
    contract = (lot.chain, lot.contract_step)
    said = facts.promises.get(contract, ())
    return LotRecord(
        quantity=lot.quantity,
        equipment_class=lot.equipment_class,
        contract_on=lot.contract_on,
        required_on=facts.required.get(lot.key),
        done_on=facts.actuals.get(contract),
        arrived_on=facts.actuals.get((lot.chain, "ON_SITE")),
        words=tuple(Word(row.on, row.stated_on) for row in said),
        copied=sum(row.is_copied for row in said),
        last_word_on=facts.last_words.get(lot.chain),
    )


def _slip(lot: _Lot, facts: _Facts) -> tuple[Share, ...]:
    steps = (_step_dates(lot, step, facts) for step in facts.steps.get(lot.key, ()))
    return attribute(steps, lot.contract_step)


def _step_dates(lot: _Lot, step: _Step, facts: _Facts) -> StepDates:
    """The first word on a step moves it from what was agreed."""
    place = (lot.chain, step.code)
    owner = party_of_step(step.code, facts.owners.get(place, Party.VENDOR), lot.incoterm)
    moves = facts.moves.get(place, ())
    said = facts.promises.get(place)
    if said and step.baseline_on is not None:
        first = Move((said[0].on - step.baseline_on).days, Party(said[0].responsible), said[0].reason_code)
        moves = (first, *moves)
    # Nobody knows when a step was done of which only a later one is recorded: its days are that one's.
    unknown = step.is_implied and step.code != lot.contract_step
    return StepDates(step.code, owner, step.baseline_on, None if unknown else step.forecast_on, tuple(moves))
