"""What the power balance of sites is made of, as known today, as agreed first, or as known on a past day.

A fixed number of queries for any number of sites. Dates come from stored answers, never from a new calculation. Where a
past day is asked for, everything is as the history has it at the end of that day where the site lies: ramps, shares,
states, prices and other terms, connections, blocks, what was removed since among it. Sites of several time zones are
then read one zone after the other.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from procurement.models import BlockForecast, ChainForecast
from procurement.queries import power_rows
from procurement.queries.known import day_ends_at, last_answers
from procurement.queries.power_rows import PowerRows
from sites.domain.contract_clock import term_end
from sites.domain.power_balance import Limit, SitePower
from sites.domain.power_curve import ZERO, Curve, stepped, total
from sites.domain.power_money import Band, DamagesTerms, PriceTerms, load_factor
from sites.domain.power_shares import DelayTerms, Share, SpotTerms
from sites.models import (
    Block,
    Chain,
    DelayDamages,
    Gate,
    GridCapacityStep,
    GridConnection,
    LoadStep,
    PowerPurchaseAgreement,
    PpaShare,
    Site,
    SpotPrice,
)
from sites.queries.chains import baselines
from sites.vocabulary import (
    AgreementStructure,
    BlockPolicy,
    DamagesDirection,
    DamagesDue,
    DamagesKind,
    Discipline,
    EnergyUnit,
    KnowledgeMode,
    PowerLimit,
    PriceKind,
    VolumeShape,
)

# Round the clock up to the contracted megawatts, where no yearly volume is stated.
_FLAT = {VolumeShape.BASELOAD, VolumeShape.PAY_AS_CONSUMED, VolumeShape.MATCHED}


@dataclass(frozen=True, slots=True)
class Knowledge:
    """`on` is the day of the question: today, or the past day whose answers are asked for."""

    on: date
    mode: KnowledgeMode = KnowledgeMode.TODAY


@dataclass(frozen=True, slots=True)
class ChainDates:
    """`anchor_on` is done or forecast (or the baseline's); None where no answer has a date. `slip_days` is against the
    baseline, None where there is none.
    """

    anchor_on: date | None
    is_actual: bool = False
    steps: Mapping[str, date] = field(default_factory=dict)
    slip_days: int | None = None


NO_DATES = ChainDates(None)


@dataclass(frozen=True, slots=True)
class SiteShare:
    """A share with its agreement, as stored and as the arithmetic wants it."""

    row: PpaShare
    agreement: PowerPurchaseAgreement
    share: Share
    cod: ChainDates


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """`depends` says whether it needed contracted supply by what was known."""

    site: Site
    power: SitePower
    shares: tuple[SiteShare, ...]
    first_power_on: date | None
    first_load_on: date | None
    depends: bool = False


def read(sites: Sequence[Site], knowledge: Knowledge, stored: PowerRows | None = None) -> dict[UUID, SiteFacts]:
    """By site, in the order given. At most seventeen queries; for a past day as many for every time zone. Who asks by
    several kinds of knowledge gives what is `stored` now, which is then read once.
    """
    if knowledge.mode is not KnowledgeMode.KNOWN_ON:
        return _read(sites, knowledge, stored or power_rows.read(sites, None))
    found: dict[UUID, SiteFacts] = {}
    for zone in sorted({site.time_zone for site in sites}):
        here = [site for site in sites if site.time_zone == zone]
        found |= _read(here, knowledge, power_rows.read(here, day_ends_at(knowledge.on, zone)))
    return {site.pk: found[site.pk] for site in sites}


def _read(sites: Sequence[Site], knowledge: Knowledge, rows: PowerRows) -> dict[UUID, SiteFacts]:
    keys = [site.pk for site in sites]
    dates = chain_dates(
        {row.chain_id for row in rows.connections}
        | {row.chain_id for row in rows.gates}
        | {step.works.chain_id for step in rows.capacity if step.works}
        | {share.agreement.chain_id for share in rows.shares},
        knowledge,
    )
    if knowledge.mode is KnowledgeMode.BASELINE:
        _fill_targets(dates, rows.connections, rows.shares)
    energised = first_power(rows.connections, rows.gates, dates)
    ramps = _ramps(rows.loads)
    equipment = _equipment(keys, rows, knowledge)
    terms = _terms(rows, dates, energised)
    found = {}
    for site in sites:
        mine = tuple(each for each in terms if each.row.site_id == site.pk)
        connections = [row for row in rows.connections if row.site_id == site.pk]
        grid, flexible = _grid(connections, rows.capacity, dates, knowledge.on)
        limits = [grid]
        if site.pk in rows.depends:
            limits.append(_supply(mine, knowledge.on))
        limits += equipment[site.pk]
        ramp = ramps.get(site.pk, Curve())
        power = SitePower(site.code, ramp, tuple(limits), flexible)
        first_load = next((day for day, mw in ramp.steps if mw > 0), None)
        found[site.pk] = SiteFacts(
            site, power, mine, energised.get(site.pk), first_load, depends=site.pk in rows.depends
        )
    return found


# -- dates -----------------------------------------------------------------------------------------------------------


def chain_dates(chain_ids: Collection[UUID], knowledge: Knowledge) -> dict[UUID, ChainDates]:
    """One query; two for baselines. A chain without an answer is left out."""
    if knowledge.mode is KnowledgeMode.BASELINE:
        anchors = dict(Chain.objects.filter(pk__in=chain_ids).values_list("pk", "anchor_code"))
        return {
            key: ChainDates(dates.get(anchors[key]), steps=dates) for key, (_, dates) in baselines(chain_ids).items()
        }
    rows = ChainForecast.objects.filter(chain__in=chain_ids)
    if knowledge.mode is KnowledgeMode.KNOWN_ON:
        rows = last_answers(rows, "chain", knowledge.on)
    else:
        rows = rows.filter(current=True)
    return {
        row.chain_id: ChainDates(
            row.done_on or row.forecast_on, row.done_on is not None, _step_dates(row.steps), row.slip_days
        )
        for row in rows
    }


def _step_dates(steps: Iterable[Mapping[str, Any]]) -> dict[str, date]:
    return {row["code"]: date.fromisoformat(row["forecast_on"]) for row in steps if row.get("forecast_on")}


def _fill_targets(
    dates: dict[UUID, ChainDates], connections: Iterable[GridConnection], shares: Iterable[PpaShare]
) -> None:
    """Where a chain has no baseline, the target stands for what was agreed first."""
    for row in connections:
        dates.setdefault(row.chain_id, ChainDates(row.energisation_target_on))
    for share in shares:
        dates.setdefault(share.agreement.chain_id, ChainDates(share.agreement.target_cod_on))


def first_power(
    connections: Iterable[GridConnection], gates: Iterable[Gate], dates: Mapping[UUID, ChainDates]
) -> dict[UUID, date]:
    """Per site the first of its connections; of its energised gates where none of them has a date."""
    found: dict[UUID, date] = {}
    owners: tuple[Iterable[GridConnection | Gate], ...] = (connections, gates)
    for rows in owners:
        here: dict[UUID, date] = {}
        for row in rows:
            on = dates.get(row.chain_id, NO_DATES).anchor_on
            if on is not None and row.site_id not in found:
                here[row.site_id] = min(on, here.get(row.site_id, on))
        found |= here
    return found


# -- grid ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reached:
    number: int
    on: date | None
    firm_mw: Decimal | None
    flexible_mw: Decimal
    most_mw: Decimal


def _grid(
    connections: Sequence[GridConnection],
    steps: Sequence[GridCapacityStep],
    dates: Mapping[UUID, ChainDates],
    today: date,
) -> tuple[Limit, Curve]:
    """The firm megawatts of all connections, and the flexible ones beside them."""
    if not connections:
        return Limit.unknown(PowerLimit.GRID, "no grid connection is recorded"), Curve()
    lows, highs, flexible, why = [], [], [], []
    for connection in connections:
        mine = [step for step in steps if step.connection_id == connection.pk]
        reached = _reached(connection, mine, dates)
        why += [f"{connection.name}: no date of energisation"] * (reached[0].on is None)
        why += [f"{connection.name}: firm megawatts are not recorded"] * any(each.firm_mw is None for each in reached)
        lows.append(_by_number((each.number, each.on, each.firm_mw or ZERO) for each in reached))
        highs.append(
            _by_number(
                (each.number, each.on or today, each.most_mw if each.firm_mw is None else each.firm_mw)
                for each in reached
            )
        )
        flexible.append(_by_number((each.number, each.on, each.flexible_mw) for each in reached))
    low, high = total(lows), total(highs)
    known = Limit.known(PowerLimit.GRID, low)
    return (known if low == high else Limit(PowerLimit.GRID, low, high, tuple(why))), total(flexible)


def _reached(
    connection: GridConnection, steps: Sequence[GridCapacityStep], dates: Mapping[UUID, ChainDates]
) -> list[_Reached]:
    chain = dates.get(connection.chain_id, NO_DATES)
    if not steps:
        most = connection.offered_mw or connection.requested_mw
        return [_Reached(0, chain.anchor_on, connection.firm_mw, connection.flexible_mw or ZERO, most)]
    found = []
    for step in steps:
        named: list[date | None] = [chain.anchor_on]
        if step.from_on:
            named.append(step.from_on)
        if step.milestone_code:
            named.append(chain.steps.get(step.milestone_code))
        if step.works:
            named.append(dates.get(step.works.chain_id, NO_DATES).anchor_on)
        known = [day for day in named if day is not None]
        on = max(known) if len(known) == len(named) else None
        found.append(_Reached(step.number, on, step.firm_mw, step.flexible_mw, step.firm_mw))
    return found


def _by_number(reached: Iterable[tuple[int, date | None, Decimal]]) -> Curve:
    """The value of the reached step with the highest number; a step without a date is not reached."""
    rows = sorted((on, number, mw) for number, on, mw in reached if on is not None)
    found, highest = [], -1
    for on, number, mw in rows:
        if number > highest:
            highest = number
            found.append((on, mw))
    return stepped(found)


# -- load and equipment ----------------------------------------------------------------------------------------------


def _ramps(loads: Iterable[LoadStep]) -> dict[UUID, Curve]:
    """A ramp of the whole site counts for the site; otherwise those of its blocks together."""
    parts: dict[UUID, dict[UUID | None, list[tuple[date, Decimal]]]] = defaultdict(lambda: defaultdict(list))
    for row in loads:
        parts[row.site_id][row.block_id].append((row.from_on, row.gross_mw))
    return {
        site_id: stepped(blocks[None]) if None in blocks else total(stepped(steps) for steps in blocks.values())
        for site_id, blocks in parts.items()
    }


_LIMIT_OF = {Discipline.ELECTRICAL: PowerLimit.ELECTRICAL, Discipline.MECHANICAL: PowerLimit.COOLING}


def _equipment(site_ids: Sequence[UUID], stored: PowerRows, knowledge: Knowledge) -> dict[UUID, list[Limit]]:
    """Per site one limit a discipline: the gross megawatts of the blocks whose units of it are ready. One query."""
    blocks: dict[UUID, list[Block]] = defaultdict(list)
    for block in stored.blocks:
        blocks[block.phase.site_id].append(block)
    answers: dict[UUID, BlockForecast] = {}
    if knowledge.mode is not KnowledgeMode.BASELINE:
        rows = BlockForecast.objects.filter(block__in=[block.pk for block in stored.blocks])
        past = knowledge.mode is KnowledgeMode.KNOWN_ON
        chosen = last_answers(rows, "block", knowledge.on) if past else rows.filter(current=True)
        answers = {row.block_id: row for row in chosen}
    return {
        site_id: [
            _equipment_limit(kind, blocks[site_id], answers, stored.groups[site_id, discipline], knowledge)
            for discipline, kind in _LIMIT_OF.items()
        ]
        for site_id in site_ids
    }


def _equipment_limit(
    kind: PowerLimit,
    blocks: Sequence[Block],
    answers: Mapping[UUID, BlockForecast],
    groups: frozenset[str],
    knowledge: Knowledge,
) -> Limit:
    if not blocks:
        return Limit.unknown(kind, "no blocks are recorded")
    known, unknown, why = [], [], []
    for block in blocks:
        mw = gross_mw(block)
        on = _ready_on(block, answers.get(block.pk), groups, knowledge)
        if on is not None:
            known.append(stepped([(on, mw)]))
        else:
            unknown.append(stepped([(knowledge.on, mw)]))
            why.append(f"{block.phase.code} {block.code} has no date")
    low = total(known)
    return Limit(kind, low, total([low, *unknown]), tuple(why)) if unknown else Limit.known(kind, low)


def _ready_on(block: Block, answer: BlockForecast | None, groups: frozenset[str], knowledge: Knowledge) -> date | None:
    """The day when those of its groups among these are ready."""
    if knowledge.mode is KnowledgeMode.BASELINE:
        return block.rfs_baseline_on
    if block.rfs_actual_on is not None and block.rfs_actual_on <= knowledge.on:
        return block.rfs_actual_on
    by = "redundant_on" if block.policy == BlockPolicy.REDUNDANT else "can_carry_on"
    days = [row.get(by) for row in answer.groups if row["group"] in groups] if answer else []
    return None if not days or None in days else date.fromisoformat(max(days))


def gross_mw(block: Block) -> Decimal:
    """The block's part of what its phase draws; its IT megawatts where the phase does not say."""
    phase = block.phase
    if phase.gross_mw is None or not phase.it_mw:
        return block.it_mw
    return (block.it_mw * phase.gross_mw / phase.it_mw).quantize(Decimal("0.001"))


# -- agreements ------------------------------------------------------------------------------------------------------


def _supply(shares: Iterable[SiteShare], today: date) -> Limit:
    """Megawatts that are delivered; a virtual agreement delivers none."""
    lows, more, why = [], [], []
    for each in shares:
        if each.agreement.structure == AgreementStructure.VIRTUAL:
            continue
        if each.share.cod_on is None:
            why.append(f"{each.agreement.code} has no date of COD")
            more.append(stepped([(max(today, each.share.from_on or today), each.share.mw.peak)]))
        lows.append(each.share.delivered())
    low = total(lows)
    known = Limit.known(PowerLimit.SUPPLY, low)
    return Limit(PowerLimit.SUPPLY, low, total([low, *more]), tuple(why)) if more else known


def _contracted(stored: PowerRows) -> dict[UUID, Curve]:
    """Per share its megawatts by day."""
    steps: dict[UUID, list[tuple[date, Decimal]]] = defaultdict(list)
    for row in stored.share_steps:
        steps[row.share_id].append((row.from_on, row.share_mw))
    return {share.pk: stepped([(date.min, share.share_mw), *steps[share.pk]]) for share in stored.shares}


def _clauses(stored: PowerRows) -> dict[tuple[UUID, str], tuple[DelayDamages, DamagesTerms]]:
    """By agreement and direction."""
    bands: dict[UUID, list[Band]] = defaultdict(list)
    for band in stored.bands:
        bands[band.damages_id].append(Band(band.from_day, band.amount_per_mw_day))
    return {
        (row.agreement_id, row.direction): (row, _damages_terms(row, tuple(bands[row.pk]))) for row in stored.damages
    }


def _terms(stored: PowerRows, dates: Mapping[UUID, ChainDates], energised: Mapping[UUID, date]) -> list[SiteShare]:
    clauses = _clauses(stored)
    spot = _spot_prices(stored.spot_prices)
    contracted = _contracted(stored)
    found = []
    for row in stored.shares:
        agreement = row.agreement
        cod = dates.get(agreement.chain_id, NO_DATES)
        ends_on = term_end(agreement.starts_on or cod.anchor_on, agreement.term_years, agreement.tail_years)
        part = row.share_mw / agreement.contracted_mw if agreement.contracted_mw else Decimal(1)
        share = Share(
            key=str(row.pk),
            mw=contracted[row.pk],
            currency=agreement.currency,
            price=price_terms(agreement, cod.anchor_on),
            cod_on=cod.anchor_on,
            from_on=max((day for day in (row.from_on, agreement.starts_on) if day), default=None),
            until_on=row.until_on,
            ends_on=ends_on,
            load_factor=agreement_load_factor(agreement),
            minimum_take_percent=agreement.minimum_take_percent,
            part=part,
            spot=spot.get((row.site_id, agreement.pk)) or spot.get((row.site_id, None)),
            receivable=_delay(clauses.get((agreement.pk, DamagesDirection.RECEIVABLE)), agreement, cod, cod.anchor_on),
            payable=_delay(
                clauses.get((agreement.pk, DamagesDirection.PAYABLE)), agreement, cod, energised.get(row.site_id)
            ),
        )
        found.append(SiteShare(row, agreement, share, cod))
    return found


def price_terms(agreement: PowerPurchaseAgreement, cod_on: date | None) -> PriceTerms:
    return PriceTerms(
        price=agreement.price,
        unit=EnergyUnit(agreement.price_unit),
        currency=agreement.currency,
        kind=PriceKind(agreement.price_kind),
        escalation_percent=agreement.escalation_percent,
        base_on=agreement.index_base_on or agreement.starts_on or cod_on,
        floor=agreement.price_floor,
        cap=agreement.price_cap,
    )


def agreement_load_factor(agreement: PowerPurchaseAgreement) -> Decimal | None:
    return load_factor(
        is_flat=agreement.volume_shape in _FLAT,
        annual_mwh=agreement.annual_mwh,
        p50_mwh=agreement.p50_mwh,
        contracted_mw=agreement.contracted_mw,
    )


def _damages_terms(row: DelayDamages, bands: tuple[Band, ...]) -> DamagesTerms:
    return DamagesTerms(
        kind=DamagesKind(row.kind),
        bands=bands,
        percent_per_day=row.percent_per_day,
        base_amount=row.base_amount,
        extension_days=row.extension_days,
        grace_days=row.grace_days,
        cap_percent=row.cap_percent,
        cap_amount=row.cap_amount,
        cap_days=row.cap_days,
    )


def _delay(
    clause: tuple[DelayDamages, DamagesTerms] | None,
    agreement: PowerPurchaseAgreement,
    cod: ChainDates,
    event_on: date | None,
) -> DelayTerms | None:
    if clause is None:
        return None
    row, terms = clause
    due_on = {
        DamagesDue.TARGET_COD: agreement.target_cod_on,
        DamagesDue.GUARANTEED_COD: agreement.guaranteed_cod_on,
        DamagesDue.COD: cod.anchor_on,
        DamagesDue.DAY: row.due_on,
    }[DamagesDue(row.due)]
    return DelayTerms(terms, due_on, event_on)


def _spot_prices(stored: Iterable[SpotPrice]) -> dict[tuple[UUID, UUID | None], SpotTerms]:
    """In order of their day. Of several currencies of one site the latest entry's counts, with the prices in it."""
    rows: dict[tuple[UUID, UUID | None], list[SpotPrice]] = defaultdict(list)
    for row in stored:
        rows[row.site_id, row.agreement_id].append(row)
    found = {}
    for key, prices in rows.items():
        last = prices[-1]
        mine = tuple((row.from_on, row.price_per_mwh) for row in prices if row.currency == last.currency)
        found[key] = SpotTerms(mine, last.currency, last.source)
    return found
