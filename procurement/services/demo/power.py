"""Where the demo's power comes from: one grid connection a site, its load ramp, and agreements of several structures.

Utilities, sellers and projects are invented; markets, zones and certificates are those of the country.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from procurement.services.demo.dated_chain import DatedChain, Statement, StepPlan, planned_dates, said
from procurement.services.demo.draft import Draft
from procurement.services.demo.places import BuiltSite
from procurement.services.demo.power_terms import add_spot_price, add_steps, add_terms
from sites.accounts.models import User
from sites.domain.calendar import WorkingCalendar
from sites.models import GridConnection, LoadStep, PowerPurchaseAgreement, PpaShare
from sites.vocabulary import (
    AgreementState,
    AgreementStructure,
    Certificate,
    ChainKind,
    ContractParty,
    DurationBasis,
    EnergyUnit,
    GridState,
    NegativePriceRule,
    Party,
    Precision,
    PriceKind,
    PromiseSource,
    ReasonCode,
    VolumeShape,
)

_CD = DurationBasis.CALENDAR
_GRID_STEPS = (
    ("ENQUIRY", 0, Party.OWNER), ("APPLIED", 60, Party.OWNER), ("IN_STUDY", 45, Party.VENDOR),
    ("OFFERED", 180, Party.VENDOR), ("SIGNED", 60, Party.OWNER), ("WORKS", 120, Party.VENDOR),
    ("SUBSTATION_READY", 300, Party.VENDOR), ("ENERGISED", 45, Party.VENDOR), ("CAPACITY_RELEASED", 30, Party.VENDOR),
)  # fmt: skip
_AGREEMENT_STEPS = (
    ("TERM_SHEET", 0, Party.OWNER), ("SIGNED", 120, Party.OWNER), ("CP_MET", 90, Party.VENDOR),
    ("CONSTRUCTION", 60, Party.VENDOR), ("BACKFEED", 330, Party.VENDOR), ("COD", 75, Party.VENDOR),
)  # fmt: skip
_WORKS_STEPS = (
    ("DESIGN_DONE", 0, Party.VENDOR), ("WORKS", 150, Party.VENDOR), ("COMPLETE", 330, Party.VENDOR),
)  # fmt: skip
# Where no power may be drawn without an agreement that delivers.
DEPENDS_ON_SUPPLY = frozenset({"DUB01"})
# Tenants who move in twice as quickly.
_QUICK_RAMPS = {"PAR01": 2}
_RAMP = ((0, "0.25"), (75, "0.50"), (150, "0.75"), (225, "1"))


@dataclass(frozen=True, slots=True)
class GridPlan:
    """`firm` is the part of the offer that is always available; `works_in_days` when a second circuit is planned."""

    utility: str
    kv: str
    slips: tuple[tuple[int, ReasonCode | None], ...] = ((0, None),)
    firm: str = "1"
    works_in_days: int | None = None


GRID = {
    "SYD01": GridPlan("Southern Bight Networks", "132"),
    "TYO01": GridPlan("Inbanuma Grid Service", "66"),
    "FRA01": GridPlan("Mainbogen Netz", "110"),
    "AMS01": GridPlan("Polderwijk Netbeheer", "150", ((0, None), (9, ReasonCode.CAPACITY)), "0.7", 620),
    "PAR01": GridPlan("Réseau Plaine-Nord", "90"),
    "DUB01": GridPlan("Liffeyside Networks", "110"),
    "IAD01": GridPlan("Bull Hollow Electric", "138", ((0, None), (6, None), (12, ReasonCode.SUB_SUPPLIER)), "0.9", 540),
}


@dataclass(frozen=True, slots=True)
class AgreementPlan:
    """Days are from the day of loading. `cod_slips` are what the seller said after the target, in days."""

    code: str
    name: str
    seller: str
    country: str
    technology: str
    structure: AgreementStructure
    shape: VolumeShape
    mw: str
    price: str
    currency: str
    market: str
    zone: str
    certificate: Certificate
    negative: NegativePriceRule
    target_cod_in_days: int
    shares: tuple[tuple[str, str], ...]
    term_years: str = "10"
    unit: EnergyUnit = EnergyUnit.MWH
    kind: PriceKind = PriceKind.FIXED
    escalation: str | None = None
    index_name: str = ""
    floor: str | None = None
    cap: str | None = None
    retailer: str = ""
    node: str = ""
    annual_mwh: str | None = None
    minimum_take: str | None = None
    cod_slips: tuple[tuple[int, ReasonCode | None], ...] = ((0, None),)
    is_signed: bool = True
    law: str = ""


_S, _V, _N, _C = AgreementStructure, VolumeShape, NegativePriceRule, Certificate
LATE_AGREEMENT = "PPA-JP-01"
SHARED_AGREEMENT = "PPA-EU-01"

AGREEMENTS = (
    AgreementPlan(
        "PPA-AU-01", "Gunyah Plains Solar", "Wattlefold Renewables", "AU", "Solar", _S.VIRTUAL, _V.PAY_AS_PRODUCED,
        "24", "61.50", "AUD", "NEM", "NSW1", _C.LGC, _N.NO_SETTLEMENT, -310, (("SYD01", "24"),), "12",
        floor="0", law="New South Wales", node="Darling plains 132 kV", annual_mwh="54000",
    ),
    AgreementPlan(
        "PPA-AU-02", "Cullinga Ridge Wind", "Brolga Hill Energy", "AU", "Wind and battery", _S.SLEEVED, _V.SHAPED,
        "18", "78.00", "AUD", "NEM", "NSW1", _C.REGO_AU, _N.FLOOR_ZERO, -150, (("SYD01", "18"),), "10",
        retailer="Banksia Lane Retail", kind=PriceKind.ESCALATING, escalation="2.5", law="New South Wales",
        annual_mwh="55000", minimum_take="85",
    ),
    AgreementPlan(
        LATE_AGREEMENT, "Kazemachi Solar", "Tsukuyomi Saisei Denryoku", "JP", "Solar", _S.SLEEVED, _V.PAY_AS_PRODUCED,
        "12", "17.80", "JPY", "JEPX", "TOKYO", _C.NFC, _N.SETTLES, 8, (("TYO01", "12"),), "20",
        unit=EnergyUnit.KWH, retailer="Asagiri Kouri Denki", law="Japan", annual_mwh="14500",
        cod_slips=((0, None), (14, None), (23, ReasonCode.SUB_SUPPLIER), (76, ReasonCode.POWER_NOT_READY)),
    ),
    AgreementPlan(
        "PPA-JP-02", "Yamabiko Wind", "Yamabiko Furyoku", "JP", "Onshore wind", _S.VIRTUAL, _V.BASELOAD,
        "10", "15.20", "JPY", "JEPX", "TOKYO", _C.NFC, _N.FLOOR_ZERO, -95, (("TYO01", "10"),), "15",
        unit=EnergyUnit.KWH, law="Japan",
    ),
    AgreementPlan(
        "PPA-DE-01", "Sonnenfeld Lauter", "Lauterquell Solar", "DE", "Solar", _S.SLEEVED, _V.PAY_AS_PRODUCED,
        "14", "58.90", "EUR", "Day-ahead", "DE_LU", _C.GO, _N.NO_SETTLEMENT, -140, (("FRA01", "14"),), "12",
        retailer="Eichgrund Energievertrieb", law="Germany", annual_mwh="14700",
    ),
    AgreementPlan(
        SHARED_AGREEMENT, "Nebelhorst Wind", "Windgarten Erzeugung", "DE", "Onshore wind", _S.VIRTUAL, _V.BASELOAD,
        "40", "68.40", "EUR", "Day-ahead", "DE_LU", _C.GO, _N.FLOOR_ZERO, -260,
        (("FRA01", "22"), ("AMS01", "10"), ("PAR01", "8")), "10", law="Germany", floor="35", cap="95",
        kind=PriceKind.INDEXED, index_name="German consumer price index", annual_mwh="350400",
    ),
    AgreementPlan(
        "PPA-NL-01", "Zandbank Offshore", "Noordgolf Energie", "NL", "Offshore wind", _S.SLEEVED, _V.PAY_AS_PRODUCED,
        "9", "74.00", "EUR", "Day-ahead", "NL", _C.GO, _N.FLOOR_ZERO, 41, (("AMS01", "9"),), "15",
        retailer="Polderlicht Levering", law="Netherlands", annual_mwh="38000", cod_slips=((0, None), (11, None)),
    ),
    AgreementPlan(
        "PPA-NL-02", "Dijkvelden Solar", "Dijkvelden Zon", "NL", "Solar", _S.SLEEVED, _V.PAY_AS_PRODUCED,
        "6", "61.00", "EUR", "Day-ahead", "NL", _C.GO, _N.NO_SETTLEMENT, 470, (), "10",
        retailer="Polderlicht Levering", law="Netherlands", is_signed=False,
    ),
    AgreementPlan(
        "PPA-FR-02", "Barrage de Clairfont", "Eaux de Clairfont", "FR", "Hydro", _S.SLEEVED, _V.SHAPED,
        "9", "64.00", "EUR", "Day-ahead", "FR", _C.GO, _N.SETTLES, -330, (("PAR01", "9"),), "8",
        retailer="Fournisseur Clairval", law="France", annual_mwh="39400", minimum_take="80",
    ),
    AgreementPlan(
        "PPA-FR-01", "Plateau des Alouettes", "Vent-Clairière Énergie", "FR", "Onshore wind", _S.SLEEVED, _V.BASELOAD,
        "11", "71.20", "EUR", "Day-ahead", "FR", _C.GO, _N.SETTLES, 66, (("PAR01", "11"),), "12",
        retailer="Fournisseur Clairval", law="France", minimum_take="90", cod_slips=((0, None), (8, None), (3, None)),
    ),
    AgreementPlan(
        "PPA-IE-01", "Knockbawn Wind", "Corrabane Wind", "IE", "Onshore wind", _S.SLEEVED, _V.PAY_AS_CONSUMED,
        "8", "83.50", "EUR", "SEM", "SEM", _C.GO, _N.SETTLES, -205, (("DUB01", "8"),), "15",
        retailer="Rathmoyle Supply", law="Ireland",
    ),
    AgreementPlan(
        "PPA-IE-02", "Ballymore Solar", "Ballymore Sunfields", "IE", "Solar", _S.SLEEVED, _V.PAY_AS_PRODUCED,
        "6", "69.00", "EUR", "SEM", "SEM", _C.GO, _N.FLOOR_ZERO, -90, (("DUB01", "6"),), "15",
        retailer="Rathmoyle Supply", law="Ireland", annual_mwh="5800",
    ),
    AgreementPlan(
        "PPA-US-01", "Tuckahollow Solar", "Piedmont Lantern Power", "US", "Solar and battery", _S.VIRTUAL,
        _V.PAY_AS_PRODUCED, "45", "52.75", "USD", "PJM", "WESTERN HUB", _C.REC, _N.FLOOR_ZERO, -60,
        (("IAD01", "45"),), "15", law="Virginia", node="Solar bus 7", annual_mwh="98000",
    ),
    AgreementPlan(
        "PPA-US-02", "Campus fuel cells", "Cedarquill Cells", "US", "Fuel cells on site", _S.PHYSICAL, _V.MATCHED,
        "10", "96.00", "USD", "PJM", "WESTERN HUB", _C.NONE, _N.SETTLES, 705, (), "10", is_signed=False,
        law="Virginia",
    ),
)  # fmt: skip


_INTERVALS = {"NEM": 5, "JEPX": 30, "Day-ahead": 15, "SEM": 30}


def add_power(draft: Draft, sites: dict[str, BuiltSite], people: dict[str, User]) -> None:
    for site in sites.values():
        _add_connection(draft, site, GRID[site.plan.code], people["energy"])
        _add_ramp(draft, site)
        add_spot_price(draft, site)
        site.row.depends_on_contracted_supply = site.plan.code in DEPENDS_ON_SUPPLY
    for plan in AGREEMENTS:
        _add_agreement(draft, plan, sites, people["energy"])


def _steps(plan: tuple[tuple[str, int, Party], ...]) -> list[StepPlan]:
    return [StepPlan(code, days, _CD, None, party) for code, days, party in plan]


def _chain_to(
    draft: Draft,
    name: str,
    kind: ChainKind,
    steps: list[StepPlan],
    anchor: str,
    anchor_on: date,
    site: BuiltSite | None,
    calendar: WorkingCalendar,
    author: User,
) -> DatedChain:
    """All steps are calendar days, so the start is the anchor's date less their sum."""
    span = planned_dates(draft, steps, draft.today, calendar)[anchor] - draft.today
    starts_on = anchor_on - span
    return DatedChain(
        draft, name, kind=kind, site=site.row if site else None, site_calendar=calendar, steps=steps,
        starts_on=starts_on, planned_on=starts_on, anchor=anchor, cause="Agreement signed", author=author,
    )  # fmt: skip


def _so_far(draft: Draft, chain: DatedChain, delay_days: int, by: User) -> str:
    """Set what is done; the code of the last step done, or of the first."""
    last = chain.codes[0]
    for place, code in enumerate(chain.codes):
        on = chain.baseline[code] + timedelta(days=delay_days if place > len(chain.codes) // 2 else 0)
        if on > draft.day(-2):
            break
        chain.happened(code, on, by=by)
        last = code
    return last


def _say(
    draft: Draft, chain: DatedChain, slips: tuple[tuple[int, ReasonCode | None], ...], code: str, by: User
) -> None:
    """Monthly words on the date that counts, the last of them a few days ago."""
    if chain.actual(code):
        return
    for place, (days, reason) in enumerate(slips):
        stated_on = draft.day(-6 - 32 * (len(slips) - 1 - place))
        day = max(chain.baseline[code] + timedelta(days=days), stated_on + timedelta(days=5))
        chain.state(
            Statement(
                stated_on=stated_on,
                dates={code: said(day, Precision.DAY)},
                source=PromiseSource.MEETING,
                document=f"Progress report of {stated_on.isoformat()}",
                reason_code=reason or ReasonCode.NOT_STATED,
            ),
            by=by,
        )


def _add_connection(draft: Draft, site: BuiltSite, plan: GridPlan, by: User) -> None:
    first = min(site.blocks, key=lambda block: block.plan.rfs_in_days)
    target_on = first.dates["ENERGISED"]
    gross = sum((Decimal(block.it_mw) for block in site.plan.blocks), Decimal(0)) * Decimal(site.plan.pue)
    requested = gross.quantize(Decimal(1), ROUND_CEILING) + 2
    chain = _chain_to(
        draft, f"grid {site.plan.code}", ChainKind.GRID_CONNECTION, _steps(_GRID_STEPS), "ENERGISED", target_on, site,
        site.working, by,
    )  # fmt: skip
    state = _so_far(draft, chain, plan.slips[-1][0], by)
    _say(draft, chain, plan.slips, "ENERGISED", by)
    connection = draft.add(
        GridConnection(
            id=draft.key("connection", site.plan.code),
            site=site.row,
            name="Main intake",
            utility=plan.utility,
            state=GridState(state.lower()),
            requested_mw=requested,
            offered_mw=requested - 2,
            firm_mw=((requested - 2) * Decimal(plan.firm)).quantize(Decimal(1)),
            flexible_mw=requested - 2 - ((requested - 2) * Decimal(plan.firm)).quantize(Decimal(1)),
            voltage_kv=Decimal(plan.kv),
            energisation_target_on=target_on,
            owner=by,
            chain=chain.row,
        )
    )
    works = None
    if plan.works_in_days is not None:
        works = _chain_to(
            draft, f"works {site.plan.code}", ChainKind.NETWORK_WORKS, _steps(_WORKS_STEPS), "COMPLETE",
            draft.day(plan.works_in_days), site, site.working, by,
        )  # fmt: skip
        _so_far(draft, works, 0, by)
        _say(draft, works, ((0, None), (45, ReasonCode.CAPACITY)), "COMPLETE", by)
    add_steps(draft, connection, chain, works)


def _add_ramp(draft: Draft, site: BuiltSite) -> None:
    for block in site.blocks:
        gross = block.row.it_mw * Decimal(site.plan.pue)
        quicker = _QUICK_RAMPS.get(site.plan.code, 1)
        for days, share in _RAMP:
            from_on = (block.row.rfs_baseline_on or draft.today) + timedelta(days=days // quicker)
            draft.add(
                LoadStep(
                    id=draft.key("load", site.plan.code, block.plan.code, days),
                    site=site.row,
                    block=block.row,
                    from_on=from_on,
                    gross_mw=(gross * Decimal(share)).quantize(Decimal("0.001")),
                )
            )


def _add_agreement(draft: Draft, plan: AgreementPlan, sites: dict[str, BuiltSite], by: User) -> None:
    target_on = draft.day(plan.target_cod_in_days)
    # Agreements count calendar days; whose holidays the empty calendar would name makes no difference to them.
    calendar = next(iter(sites.values())).working
    chain = _chain_to(
        draft, plan.code, ChainKind.AGREEMENT, _steps(_AGREEMENT_STEPS), "COD", target_on, None, calendar, by
    )
    last = _so_far(draft, chain, plan.cod_slips[-1][0], by) if plan.is_signed else ""
    if plan.is_signed:
        _say(draft, chain, plan.cod_slips, "COD", by)
    row = draft.add(
        PowerPurchaseAgreement(
            id=draft.key("agreement", plan.code),
            code=plan.code,
            name=plan.name,
            seller=plan.seller,
            buyer="Longlead demo owner",
            sleeving_retailer=plan.retailer,
            project=plan.name,
            technology=plan.technology,
            country=plan.country,
            grid_node=plan.node,
            state=_state(last),
            structure=plan.structure,
            volume_shape=plan.shape,
            contracted_mw=Decimal(plan.mw),
            minimum_installed_mw=(Decimal(plan.mw) * Decimal("0.95")).quantize(Decimal("0.001")),
            annual_mwh=Decimal(plan.annual_mwh) if plan.annual_mwh else None,
            tolerance_percent=Decimal(10) if plan.annual_mwh else None,
            minimum_take_percent=Decimal(plan.minimum_take) if plan.minimum_take else None,
            term_years=Decimal(plan.term_years),
            price_kind=plan.kind,
            price=Decimal(plan.price),
            price_unit=plan.unit,
            currency=plan.currency,
            escalation_percent=Decimal(plan.escalation) if plan.escalation else None,
            index_name=plan.index_name,
            index_base_on=chain.baseline["SIGNED"] if plan.index_name else None,
            price_floor=Decimal(plan.floor) if plan.floor else None,
            price_cap=Decimal(plan.cap) if plan.cap else None,
            settlement_market=plan.market,
            settlement_zone=plan.zone,
            negative_price_rule=plan.negative,
            curtailment_borne_by=ContractParty.SELLER if plan.structure == _S.VIRTUAL else ContractParty.SHARED,
            certificate=plan.certificate,
            certificate_successor=_C.REGO_AU if plan.certificate == _C.LGC else "",
            target_cod_on=target_on,
            guaranteed_cod_on=target_on + timedelta(days=60),
            long_stop_on=target_on + timedelta(days=180),
            governing_law=plan.law,
            signed_on=(chain.actual("SIGNED") or chain.baseline["SIGNED"]) if plan.is_signed else None,
            settlement_interval_minutes=_INTERVALS.get(plan.market, 60),
            owner=by,
            chain=chain.row,
        )
    )
    add_terms(draft, row, chain, is_signed=plan.is_signed, owner=by)
    for site_code, mw in plan.shares:
        draft.add(
            PpaShare(
                id=draft.key("share", plan.code, site_code),
                agreement=row,
                site=sites[site_code].row,
                share_mw=Decimal(mw),
            )
        )


def _state(last_done: str) -> AgreementState:
    return {
        "": AgreementState.TERM_SHEET,
        "TERM_SHEET": AgreementState.TERM_SHEET,
        "SIGNED": AgreementState.SIGNED,
        "CP_MET": AgreementState.CP_MET,
        "COD": AgreementState.OPERATING,
    }.get(last_done, AgreementState.CONSTRUCTION)
