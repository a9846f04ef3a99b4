"""Lead-time observations of the demo: published market figures with their source and date, and our own quotes.

The published figures are demo data for orientation, never defaults of the product: nothing reads them as a duration
until a planner picks one for a requirement and says why. Where a publisher states no basis, "order to site" is
recorded and the document text says so.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from procurement.models import EquipmentClass, LeadTimeObservation, Requirement
from procurement.services.demo.companies import BuiltCompany, makers_of
from procurement.services.demo.draft import Draft
from procurement.services.demo.orders import Bought, Purchases
from procurement.services.demo.requirements import Slot
from procurement.vocabulary import LeadTimeKind
from sites.accounts.models import User

_ORDER, _RELEASE, _READY, _SITE = "PO_ISSUED", "SUBMITTAL_APPROVED", "RTS", "ON_SITE"
_NO_BASIS = "The publisher states no basis; read as order to site."

# Nine editions of one series (US, weeks): previous and current ranges. A note marks figures first printed as the
# "previous" column of the edition after.
_EDITIONS = (
    ("Q4 2022", date(2022, 12, 31), "previous column of the Q1 2023 edition"),
    ("Q1 2023", date(2023, 3, 31), ""),
    ("Q3 2023", date(2023, 9, 30), "previous column of the Q4 2023 edition"),
    ("Q4 2023", date(2023, 12, 31), ""),
    ("Q1 2024", date(2024, 3, 31), "previous column of the Q2 2024 edition"),
    ("Q2 2024", date(2024, 6, 30), ""),
    ("Q1 2025", date(2025, 3, 31), "previous column of the Q2 2025 edition"),
    ("Q2 2025", date(2025, 6, 30), ""),
    ("Q3 2025", date(2025, 9, 30), ""),
)
_SERIES: dict[str, tuple[str, tuple[tuple[int, int], ...]]] = {
    "COOLING_TOWER": ("", ((25, 30), (20, 25), (20, 32), (16, 32), (16, 32), (14, 32), (14, 30), (12, 25), (10, 25))),
    "CHILLER_CENTRIFUGAL": ("all chillers", ((25, 55), (20, 50), (25, 60), (25, 60), (25, 65), (30, 85), (20, 85),
                                             (12, 75))),
    "AHU": ("", ((25, 65), (20, 65), (16, 55), (16, 50), (16, 50), (20, 50), (16, 50), (12, 60), (14, 55))),
    "GENERATOR": ("", ((51, 100), (45, 100), (50, 110), (50, 109), (50, 130), (60, 156), (40, 130), (40, 130),
                       (40, 130))),
    "MV_SWITCHGEAR": ("voltage not said", ((65, 90), (65, 85), (42, 80), (40, 80), (32, 80), (32, 80), (45, 90),
                                           (45, 70), (45, 80))),
    "UPS": ("", ((30, 55), (30, 52), (20, 36), (16, 34), (16, 34), (18, 45), (30, 42), (30, 42), (30, 42))),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Published:
    """`months` figures are given in months and kept as weeks (a month is 52/12 weeks)."""

    class_code: str
    low: float
    high: float
    as_of: date
    source: str
    sub_class: str = ""
    rating_band: str = ""
    region: str = "US"
    basis_from: str = _ORDER
    months: bool = False
    document: str = _NO_BASIS


_APPROVED = "From approved submittal release, as printed under the publisher's table."
_COX = ("Cox Engineering market report, April 2024", date(2024, 4, 30))

PUBLISHED = (
    Published("CHILLER_AIR", 28, 42, date(2025, 9, 30), "SourceBlue MEP cost index, Q3 2025", "air-cooled"),
    Published("CHILLER_CENTRIFUGAL", 12, 47, date(2025, 9, 30), "SourceBlue MEP cost index, Q3 2025", "water-cooled"),
    Published("CHILLER_CENTRIFUGAL", 70, 75, date(2024, 6, 30), "SourceBlue MEP cost index, Q2 2024, remark",
              "large water-cooled centrifugal"),
    Published("CHILLER_AIR", 85, 85, date(2024, 6, 30), "SourceBlue MEP cost index, Q2 2024, remark",
              "air-cooled centrifugal"),
    Published("HV_TRANSFORMER", 128, 128, date(2025, 6, 30), "Wood Mackenzie, 2025 Q2, via POWER January 2026"),
    Published("HV_TRANSFORMER", 138, 138, date(2025, 3, 31), "Wood Mackenzie, 2025 Q1, via POWER January 2026"),
    Published("HV_TRANSFORMER", 144, 144, date(2025, 6, 30), "Wood Mackenzie, 2025 Q2, via POWER January 2026",
              "generator step-up"),
    Published("HV_TRANSFORMER", 50, 150, date(2023, 11, 15), "Reuters, 15 November 2023"),
    Published("HV_TRANSFORMER", 30, 48, date(2024, 12, 31), "Virtue Market Research, transmission substations",
              region="World", months=True),
    Published("HV_TRANSFORMER", 60, 120, date(2026, 4, 30), "build.inc, substation procurement, 30 April 2026"),
    Published("HV_TRANSFORMER", 48, 60, date(2026, 6, 22), "build.inc, procurement sequence, 22 June 2026",
              "first-tier makers", months=True),
    Published("HV_TRANSFORMER", 24, 42, date(2025, 6, 30), "gridreadiness.com, switchgear shortage 2025",
              "breakers 72-145 kV, beside the transformer", months=True),
    Published("HV_TRANSFORMER", 12, 24, date(2025, 6, 30), "gridreadiness.com, switchgear shortage 2025",
              "relays, beside the transformer", months=True),
    Published("HV_TRANSFORMER", 18, 24, date(2026, 2, 28), "energy-optima.com, transition hardware, February 2026",
              "GIS bays, beside the transformer", region="World", months=True),
    Published("HV_TRANSFORMER", 48, 48, date(2026, 5, 11), "PwC, via pv magazine USA, 11 May 2026",
              "high-capacity units", months=True, document=f"Printed as up to four years. {_NO_BASIS}"),
    Published("HV_TRANSFORMER", 12, 18, date(2019, 12, 31), "Virtue Market Research, transmission substations",
              "before 2020", region="World", months=True, document=f"The publisher's look back. {_NO_BASIS}"),
    Published("MV_TRANSFORMER", 12, 20, date(2026, 2, 15), "pv magazine, February 2026", "", "1-50 MVA", "World",
              months=True),
    Published("MV_TRANSFORMER", 6, 8, date(2021, 12, 31), "pv magazine, February 2026", "before 2022", "1-50 MVA",
              "World", months=True, document=f"The publisher's look back. {_NO_BASIS}"),
    Published("MV_TRANSFORMER", 110, 130, date(2025, 12, 31), "Barton Associates, quoted by Metapress", "pad-mount"),
    Published("MV_TRANSFORMER", 40, 110, date(2023, 1, 31), "JMK Engineering, January 2023: quotes for one item",
              "pad-mount"),
    Published("MV_SWITCHGEAR", 52, 65, date(2026, 3, 31), "irecruit.co, equipment lead times 2026"),
    Published("MV_SWITCHGEAR", 40, 65, date(2026, 4, 30), "build.inc, substation procurement, 30 April 2026"),
    Published("MV_SWITCHGEAR", 50, 80, date(2026, 1, 31), "archdesk.com, long-lead data-centre equipment"),
    Published("MV_SWITCHGEAR", 78, 78, date(2025, 12, 31), "computeforecast.com, headline figure"),
    Published("LV_SWITCHGEAR", 70, 80, date(2025, 12, 31), "Barton Associates, quoted by Metapress", "draw-out"),
    Published("LV_SWITCHGEAR", 20, 44, date(2026, 1, 31), "ecommercefastlane.com, electrical panels 2026", "standard"),
    Published("ATS", 45, 80, date(2025, 12, 31), "Barton Associates, quoted by Metapress"),
    Published("GENERATOR", 72, 104, date(2026, 2, 28), "secondwatt.com, procurement guide 2026", "", "over 2 MW"),
    Published("GENERATOR", 36, 48, date(2025, 12, 31), "Barton Associates, quoted by Metapress", "", "over 100 kW"),
    Published("GENERATOR", 12, 20, date(2026, 3, 31), "irecruit.co, equipment lead times 2026"),
    Published("GENERATOR", 60, 60, date(2006, 6, 30), "Data Center Knowledge, 2006", document="The long view."),
    Published("GENERATOR", 18, 18, date(2026, 6, 29), "Engine maker's news, 29 June 2026", "key parts", "over 2 MW",
              months=True, document=f"Printed as well beyond 18 months: at least this. {_NO_BASIS}"),
    Published("UPS", 20, 40, date(2026, 3, 31), "irecruit.co, equipment lead times 2026"),
    Published("CHILLER_AIR", 16, 24, date(2026, 3, 31), "irecruit.co, equipment lead times 2026"),
    Published("CHILLER_AIR", 10, 50, _COX[1], _COX[0], "air-cooled", basis_from=_RELEASE, document=_APPROVED),
    Published("CHILLER_CENTRIFUGAL", 13, 65, _COX[1], _COX[0], "water-cooled", basis_from=_RELEASE,
              document=_APPROVED),
    Published("CRAH", 10, 50, _COX[1], _COX[0], basis_from=_RELEASE, document=_APPROVED),
    Published("CRAH", 12, 18, date(2026, 3, 31), "irecruit.co, equipment lead times 2026", "AHU and CRAC"),
    Published("AHU", 12, 18, date(2026, 3, 31), "irecruit.co, equipment lead times 2026", "AHU and CRAC"),
    Published("CHILLER_AIR", 10, 60, _COX[1], _COX[0], "modular", basis_from=_RELEASE, document=_APPROVED),
    Published("CDU", 12, 18, date(2025, 11, 6), "DCD, November 2025", "compressors and controls", months=True,
              document=f"Parts only: no dependable figure for a whole unit is published. {_NO_BASIS}"),
    Published("COOLING_TOWER", 12, 22, _COX[1], _COX[0], basis_from=_RELEASE, document=_APPROVED),
    Published("COOLING_TOWER", 18, 24, _COX[1], _COX[0], "stainless", basis_from=_RELEASE, document=_APPROVED),
)  # fmt: skip


def add_lead_times(
    draft: Draft,
    classes: dict[str, EquipmentClass],
    companies: dict[str, BuiltCompany],
    purchases: Purchases,
    people: dict[str, User],
) -> None:
    by = people["sourcing"]
    _add_series(draft, classes, by)
    for place, row in enumerate(PUBLISHED):
        factor = Decimal(52) / 12 if row.months else Decimal(1)
        _observe(
            draft, f"published {place}", classes[row.class_code], LeadTimeKind.MARKET,
            (Decimal(row.low) * factor, Decimal(row.high) * factor), row.as_of, row.source, by,
            basis_from=row.basis_from, sub_class=row.sub_class, rating_band=row.rating_band, region=row.region,
            document=row.document,
        )  # fmt: skip
    for bought in purchases.lots:
        _from_order(draft, bought, by)
    quotes: dict[str, list[LeadTimeObservation]] = {}
    for slot in purchases.unordered:
        code = slot.plan.code
        if code not in quotes:
            quotes[code] = _quotes(draft, classes[code], companies, by)
        _choose(draft, slot, quotes[code])


def _add_series(draft: Draft, classes: dict[str, EquipmentClass], by: User) -> None:
    for class_code, (sub_class, ranges) in _SERIES.items():
        for (edition, as_of, note), (low, high) in zip(_EDITIONS, ranges, strict=False):
            _observe(
                draft, f"series {class_code} {edition}", classes[class_code], LeadTimeKind.MARKET,
                (Decimal(low), Decimal(high)), as_of, f"SourceBlue MEP cost index, {edition}", by,
                sub_class=sub_class, region="US", document=f"{note}. {_NO_BASIS}" if note else _NO_BASIS,
            )  # fmt: skip


def _from_order(draft: Draft, bought: Bought, by: User) -> None:
    """What the contract says; what came of it is derived from the actuals, as everywhere."""
    issued_on, ready_on = bought.chain.baseline[_ORDER], bought.chain.baseline[_READY]
    if bought.lot.number == 1 and bought.schedule_line.number == 1:
        _observe(
            draft, f"contract {bought.chain.name}", bought.line.equipment_class, LeadTimeKind.CONTRACT,
            (_weeks(issued_on, ready_on),) * 2, issued_on, f"Contract of {bought.maker.plan.name}", by,
            basis_to=_READY, maker=bought.maker, region=bought.maker.plan.country,
        )  # fmt: skip


def _quotes(
    draft: Draft, equipment_class: EquipmentClass, companies: dict[str, BuiltCompany], by: User
) -> list[LeadTimeObservation]:
    """One per maker, a few weeks apart: some valid, some expired."""
    found = []
    for maker in makers_of(companies, equipment_class.code):
        dice = draft.dice("quote", maker.plan.code, equipment_class.code)
        low = _USUAL_WEEKS[equipment_class.code] + dice.randint(-7, 3)
        quoted_on = draft.day(-dice.randint(8, 95))
        found.append(
            _observe(
                draft,
                f"quoted {maker.plan.code} {equipment_class.code}",
                equipment_class,
                LeadTimeKind.QUOTED,
                (Decimal(low), Decimal(low + dice.randint(2, 6))),
                quoted_on,
                f"Quotation of {maker.plan.name}",
                by,
                maker=maker,
                region=maker.plan.country,
                valid_until=quoted_on + timedelta(days=60),
            )
        )
    return found


_USUAL_WEEKS = {
    "HV_TRANSFORMER": 92, "MV_TRANSFORMER": 50, "UNIT_SUBSTATION": 52, "MV_SWITCHGEAR": 54, "LV_SWITCHGEAR": 34,
    "PARALLELING_SWITCHGEAR": 34, "SWITCHBOARD": 32, "BUSWAY": 22, "GENERATOR": 58, "LOAD_BANK": 20, "UPS": 34,
    "BATTERY": 22, "BESS": 48, "ATS": 32, "CHILLER_AIR": 34, "CHILLER_CENTRIFUGAL": 38, "COOLING_TOWER": 26,
    "DRY_COOLER": 28, "HEAT_EXCHANGER": 20, "CRAH": 26, "AHU": 28, "CDU": 30,
}  # fmt: skip


def _choose(draft: Draft, slot: Slot, quotes: list[LeadTimeObservation]) -> None:
    """Two planners in three pick a quotation; one of two of them trusts a shorter span than its upper end."""
    dice = draft.dice("choice", *slot.name)
    if dice.random() > 0.67 or not quotes:
        return
    quote = dice.choice(quotes)
    picked = (quote.low_weeks + quote.high_weeks) / 2 if dice.random() < 0.5 else None
    reason = "Newest quotation of a maker on our list"
    if picked is not None:
        reason = "Middle of the quoted span: the maker held it on the last two orders"
    for requirement in slot.requirements:
        _plan_with(requirement, quote, picked, reason)


def _plan_with(requirement: Requirement, quote: LeadTimeObservation, picked: Decimal | None, reason: str) -> None:
    requirement.lead_time = quote
    requirement.lead_time_weeks = picked
    requirement.lead_time_reason = reason


def _weeks(start: date, end: date) -> Decimal:
    return Decimal((end - start).days) / 7


def _observe(
    draft: Draft,
    name: str,
    equipment_class: EquipmentClass,
    kind: LeadTimeKind,
    weeks: tuple[Decimal, Decimal],
    as_of: date,
    source: str,
    by: User,
    *,
    basis_from: str = _ORDER,
    basis_to: str = _SITE,
    maker: BuiltCompany | None = None,
    sub_class: str = "",
    rating_band: str = "",
    region: str = "",
    document: str = "",
    valid_until: date | None = None,
) -> LeadTimeObservation:
    low, high = (each.quantize(Decimal("0.1")) for each in weeks)
    return draft.add(
        LeadTimeObservation(
            id=draft.key("lead time", name),
            equipment_class=equipment_class,
            sub_class=sub_class,
            rating_band=rating_band,
            company=maker.row if maker else None,
            plant=maker.plant if maker else None,
            kind=kind,
            low_weeks=low,
            high_weeks=high,
            basis_from=basis_from,
            basis_to=basis_to,
            region=region,
            as_of=as_of,
            valid_until=valid_until,
            source=source,
            document=document,
            recorded_by=by,
        )
    )
