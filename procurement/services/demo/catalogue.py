"""What a data centre is built from: equipment classes, their usual chains, and what of them each kind of block takes.

MasterFormat gives section numbers only; a class without a section of its own has none. Durations are those of the
demo: a real portfolio types in its own.
"""

from dataclasses import dataclass

from procurement.models import ChainStep, ChainTemplate, EquipmentClass
from procurement.services.demo.draft import Draft
from procurement.vocabulary import CalendarOf, Criticality
from sites.vocabulary import Discipline, DurationBasis, Party

_CD, _WD = DurationBasis.CALENDAR, DurationBasis.WORKING
_SITE, _PLANT = CalendarOf.SITE, CalendarOf.PLANT
SEA_LEGS = ("DEPARTED", "ARRIVED_PORT", "IMPORT_CLEARED")


@dataclass(frozen=True, slots=True)
class TemplateStep:
    code: str
    days: int = 0
    basis: DurationBasis = _CD
    calendar_of: CalendarOf = _SITE
    responsible: Party = Party.VENDOR


@dataclass(frozen=True, slots=True)
class Template:
    code: str
    name: str
    steps: tuple[TemplateStep, ...]


def _front(submittal_days: int, approval_days: int) -> tuple[TemplateStep, ...]:
    return (
        TemplateStep("PO_ISSUED", responsible=Party.OWNER),
        TemplateStep("SUBMITTAL_IN", submittal_days, _WD, _PLANT),
        TemplateStep("SUBMITTAL_APPROVED", approval_days, _WD, responsible=Party.OWNER),
        TemplateStep("RTM", 5, _WD, _PLANT, Party.OWNER),
    )


def _shipping(ready_days: int, sea_days: int, inland_days: int) -> tuple[TemplateStep, ...]:
    return (
        TemplateStep("RTS", ready_days, _WD, _PLANT),
        TemplateStep("DEPARTED", 7, responsible=Party.CARRIER),
        TemplateStep("ARRIVED_PORT", sea_days, responsible=Party.CARRIER),
        TemplateStep("IMPORT_CLEARED", 7, responsible=Party.CUSTOMS),
        TemplateStep("ON_SITE", inland_days, _WD, responsible=Party.CARRIER),
    )


TEMPLATES = (
    Template(
        "HEAVY",
        "Power transformer, oversize transport, energised by us",
        (
            *_front(35, 20),
            TemplateStep("MATERIALS_IN", 210),
            TemplateStep("FAT_PASS", 220),
            *_shipping(15, 35, 10),
            TemplateStep("SET", 40, _WD, responsible=Party.SITE),
            TemplateStep("ENERGISED", 65, _WD, responsible=Party.SITE),
        ),
    ),
    Template(
        "MV_ELECTRICAL",
        "Medium-voltage gear by sea",
        (*_front(30, 15), TemplateStep("FAT_PASS", 230), *_shipping(10, 28, 5)),
    ),
    Template(
        "GENSET",
        "Generator set with engine slot",
        (
            *_front(25, 15),
            TemplateStep("SLOT_CONFIRMED", 20),
            TemplateStep("MATERIALS_IN", 150),
            TemplateStep("FAT_PASS", 110),
            *_shipping(10, 28, 5),
        ),
    ),
    Template(
        "LV_ELECTRICAL",
        "Low-voltage gear and power conversion",
        (*_front(20, 10), TemplateStep("FAT_PASS", 125), *_shipping(7, 28, 4)),
    ),
    Template(
        "COOLING",
        "Chillers, towers and coolers",
        (*_front(20, 12), TemplateStep("FAT_PASS", 115), *_shipping(7, 28, 4)),
    ),
    Template(
        "ROOM_COOLING",
        "Air and liquid units in the hall",
        (*_front(15, 10), TemplateStep("FAT_PASS", 80), *_shipping(5, 28, 3)),
    ),
    Template(
        "SHORT",
        "Made to drawing, without a witnessed test",
        (*_front(15, 8), *_shipping(40, 28, 3)),
    ),
)

# How the required-on-site date of a class hangs on the building: a gate of the block, or of the phase for the yard.
HV_YARD, PADS, MV_ROOM, EQUIPMENT, HALL = "HV_YARD", "PADS_READY", "MV_ROOM_READY", "EQUIPMENT_SET", "L3"


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """`unit_price_usd` is an order of magnitude for the demo's amounts. Days are working days of the site."""

    code: str
    name: str
    discipline: Discipline
    masterformat: str
    template: str
    installation_days: int
    commissioning_days: int
    needed_at: str
    shake_out_days: int
    unit_price_usd: int
    tag: str
    criticality: Criticality = Criticality.NORMAL


_E, _M, _HIGH = Discipline.ELECTRICAL, Discipline.MECHANICAL, Criticality.HIGH

CLASSES = (
    ClassPlan("HV_TRANSFORMER", "HV power transformer", _E, "33 73 13", "HEAVY", 40, 65, HV_YARD, 5, 3_800_000, "TX",
              _HIGH),
    ClassPlan("MV_TRANSFORMER", "MV transformer", _E, "26 12 16", "MV_ELECTRICAL", 30, 62, MV_ROOM, 5, 210_000, "MVT"),
    ClassPlan("UNIT_SUBSTATION", "Unit substation", _E, "26 11 16", "MV_ELECTRICAL", 25, 65, MV_ROOM, 5, 640_000,
              "USS"),
    ClassPlan("MV_SWITCHGEAR", "MV switchgear", _E, "26 13 26", "MV_ELECTRICAL", 25, 68, MV_ROOM, 5, 900_000, "MVG",
              _HIGH),
    ClassPlan("LV_SWITCHGEAR", "LV switchgear", _E, "26 23 00", "LV_ELECTRICAL", 20, 62, MV_ROOM, 3, 380_000, "LVG"),
    ClassPlan("PARALLELING_SWITCHGEAR", "Paralleling switchgear", _E, "26 23 13", "LV_ELECTRICAL", 20, 62, MV_ROOM, 3,
              450_000, "PSG"),
    ClassPlan("SWITCHBOARD", "LV switchboard", _E, "26 24 13", "LV_ELECTRICAL", 15, 48, EQUIPMENT, 3, 120_000, "MSB"),
    ClassPlan("BUSWAY", "Busway", _E, "26 25 13", "SHORT", 20, 38, EQUIPMENT, 3, 1_100, "BUS"),
    ClassPlan("GENERATOR", "Diesel generator set", _E, "26 32 13.13", "GENSET", 30, 70, PADS, 5, 1_450_000, "GEN",
              _HIGH),
    ClassPlan("LOAD_BANK", "Load bank", _E, "26 32 36", "SHORT", 5, 20, PADS, 3, 90_000, "LB", Criticality.LOW),
    ClassPlan("UPS", "Static UPS", _E, "26 33 53", "LV_ELECTRICAL", 15, 48, EQUIPMENT, 5, 520_000, "UPS", _HIGH),
    ClassPlan("BATTERY", "UPS battery string", _E, "26 33 13", "SHORT", 8, 48, EQUIPMENT, 3, 60_000, "BAT"),
    ClassPlan("BESS", "Battery energy storage container", _E, "48 17 13", "MV_ELECTRICAL", 20, 60, PADS, 5, 1_250_000,
              "BES"),
    ClassPlan("ATS", "Automatic transfer switch", _E, "26 36 23", "LV_ELECTRICAL", 10, 45, EQUIPMENT, 3, 45_000, "ATS"),
    ClassPlan("CHILLER_AIR", "Air-cooled screw chiller", _M, "23 64 26", "COOLING", 25, 48, EQUIPMENT, 5, 690_000,
              "CH", _HIGH),
    ClassPlan("CHILLER_CENTRIFUGAL", "Water-cooled centrifugal chiller", _M, "23 64 16.16", "COOLING", 25, 48,
              EQUIPMENT, 5, 880_000, "CH", _HIGH),
    ClassPlan("COOLING_TOWER", "Cooling tower cell", _M, "23 65 00", "COOLING", 20, 46, EQUIPMENT, 5, 240_000, "CT"),
    ClassPlan("DRY_COOLER", "Dry cooler", _M, "23 65 33", "COOLING", 18, 46, EQUIPMENT, 5, 165_000, "DC"),
    ClassPlan("HEAT_EXCHANGER", "Plate heat exchanger", _M, "23 57 19", "SHORT", 8, 42, EQUIPMENT, 3, 55_000, "HX"),
    ClassPlan("CRAH", "Computer-room air handler", _M, "23 81 23", "ROOM_COOLING", 12, 28, HALL, 3, 38_000, "CRAH"),
    ClassPlan("AHU", "Air-handling unit", _M, "23 73 00", "ROOM_COOLING", 18, 46, EQUIPMENT, 5, 190_000, "AHU"),
    ClassPlan("CDU", "Coolant distribution unit", _M, "", "ROOM_COOLING", 10, 28, HALL, 3, 145_000, "CDU", _HIGH),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KitItem:
    """`needed` of `units` carry the block; None where the quantity is one requirement outside any group."""

    class_code: str
    units: int
    needed: int | None
    unit: str = "EA"


_POWER = (
    KitItem("GENERATOR", 5, 4),
    KitItem("UPS", 4, 3),
    KitItem("LV_SWITCHGEAR", 2, 2),
)
KITS = {
    "AIR": (
        *_POWER,
        KitItem("MV_TRANSFORMER", 3, 2),
        KitItem("CHILLER_AIR", 4, 3),
        KitItem("CRAH", 16, None),
        KitItem("BUSWAY", 420, None, "MTR"),
    ),
    "WATER": (
        *_POWER,
        KitItem("MV_TRANSFORMER", 3, 2),
        KitItem("BATTERY", 24, None),
        KitItem("CHILLER_CENTRIFUGAL", 3, 2),
        KitItem("COOLING_TOWER", 4, 3),
        KitItem("CRAH", 12, None),
    ),
    "LIQUID": (
        *_POWER,
        KitItem("UNIT_SUBSTATION", 3, 2),
        KitItem("DRY_COOLER", 5, 4),
        KitItem("CDU", 6, 5),
        KitItem("ATS", 6, None),
    ),
    "FRESH_AIR": (
        *_POWER,
        KitItem("PARALLELING_SWITCHGEAR", 1, 1),
        KitItem("SWITCHBOARD", 2, 2),
        KitItem("AHU", 6, 5),
        KitItem("HEAT_EXCHANGER", 2, None),
    ),
}


def add_catalogue(draft: Draft) -> dict[str, EquipmentClass]:
    templates = {}
    for plan in TEMPLATES:
        row = templates[plan.code] = draft.add(
            ChainTemplate(id=draft.key("template", plan.code), code=plan.code, name=plan.name)
        )
        for place, step in enumerate(plan.steps, start=1):
            draft.add(
                ChainStep(
                    id=draft.key("template step", plan.code, step.code),
                    template=row,
                    sequence=place * 10,
                    code=step.code,
                    duration_days=step.days,
                    basis=step.basis,
                    calendar_of=step.calendar_of,
                    responsible=step.responsible,
                )
            )
    return {
        each.code: draft.add(
            EquipmentClass(
                id=draft.key("class", each.code),
                code=each.code,
                name=each.name,
                discipline=each.discipline,
                masterformat=each.masterformat,
                template=templates[each.template],
                installation_days=each.installation_days,
                commissioning_days=each.commissioning_days,
            )
        )
        for each in CLASSES
    }


def steps_of(class_code: str) -> tuple[TemplateStep, ...]:
    template = plan_of(class_code).template
    return next(each.steps for each in TEMPLATES if each.code == template)


def plan_of(class_code: str) -> ClassPlan:
    return next(each for each in CLASSES if each.code == class_code)
