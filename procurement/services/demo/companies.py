"""Makers and sellers of the demo. Every company, person and address here is invented; mail goes to `.example` only."""

from dataclasses import dataclass
from datetime import date, timedelta

import holidays

from procurement.models import Company, Contact, Plant
from procurement.services.demo.draft import Draft

EUROPEAN_UNION = frozenset({"DE", "NL", "FR", "IE", "IT", "ES", "SE", "FI", "PL", "AT", "BE"})


@dataclass(frozen=True, slots=True)
class CompanyPlan:
    """`makes` names equipment classes; a company that makes nothing trades. `calendar` is that of its plant."""

    code: str
    name: str
    country: str
    calendar: str
    town: str
    port: str
    currency: str
    makes: tuple[str, ...]
    contact: str
    language: str = "en"


_JP, _KR, _DE, _FR, _IT = ("JP", "JP"), ("KR", "KR"), ("DE", "DE-BY"), ("FR", "FR"), ("IT", "IT")

COMPANIES = (
    CompanyPlan("OSTRIVANE", "Ostrivane Transformers", *_KR, "Changwon", "Busan", "USD",
                ("HV_TRANSFORMER", "MV_TRANSFORMER"), "Seo Harin-Mok"),
    CompanyPlan("QUELLMARSCH", "Quellmarsch Transformatorenwerk", *_DE, "Landshut", "Hamburg", "EUR",
                ("HV_TRANSFORMER",), "Jorinde Quastenberg", "de"),
    CompanyPlan("MINAZOE", "Minazoe Heavy Electric", *_JP, "Himeji", "Kobe", "JPY",
                ("HV_TRANSFORMER", "MV_SWITCHGEAR"), "Takuto Minazoe", "ja"),
    CompanyPlan("TORRECALDA", "Torrecalda Trasformatori", *_IT, "Vicenza", "Genoa", "EUR",
                ("HV_TRANSFORMER", "MV_TRANSFORMER"), "Fiammetta Torrecalda", "it"),
    CompanyPlan("FENNIMOOR", "Fennimoor Magnetics", "US", "US-WI", "Waukesha County", "Norfolk", "USD",
                ("MV_TRANSFORMER", "UNIT_SUBSTATION"), "Dale Fennimoor"),
    CompanyPlan("LINDQVARN", "Lindqvarn Spole", "SE", "SE", "Ludvika", "Gothenburg", "EUR",
                ("MV_TRANSFORMER", "UNIT_SUBSTATION"), "Elsa Lindqvarn", "sv"),
    CompanyPlan("CORRIGALOE", "Corrigaloe Windings", "AU", "AU-VIC", "Bendigo", "Melbourne", "AUD",
                ("MV_TRANSFORMER", "UNIT_SUBSTATION"), "Bronte Corrigaloe"),
    CompanyPlan("HOLLIMERE", "Hollimere Switchgear", "GB", "GB-ENG", "Stafford", "Felixstowe", "GBP",
                ("MV_SWITCHGEAR", "LV_SWITCHGEAR"), "Winifred Hollimere"),
    CompanyPlan("BRUGENHOEK", "Brugenhoek Schakeltechniek", "NL", "NL", "Hengelo", "Rotterdam", "EUR",
                ("MV_SWITCHGEAR", "SWITCHBOARD"), "Sjoerd Brugenhoek", "nl"),
    CompanyPlan("TESSAROUX", "Tessaroux Appareillage", *_FR, "Dijon", "Fos", "EUR",
                ("MV_SWITCHGEAR", "LV_SWITCHGEAR"), "Margaux Tessaroux", "fr"),
    CompanyPlan("PALMERINDO", "Palmerindo Metalclad", "US", "US-TX", "Lubbock", "Houston", "USD",
                ("MV_SWITCHGEAR", "LV_SWITCHGEAR", "PARALLELING_SWITCHGEAR"), "Rhett Palmerindo"),
    CompanyPlan("WEXCOMBE", "Wexcombe Boards", "GB", "GB-ENG", "Swindon", "Southampton", "GBP",
                ("SWITCHBOARD", "ATS", "PARALLELING_SWITCHGEAR"), "Barnaby Wexcombe"),
    CompanyPlan("DUNMARRIN", "Dunmarrin Switchboards", "AU", "AU-NSW", "Newcastle", "Newcastle", "AUD",
                ("LV_SWITCHGEAR", "SWITCHBOARD", "ATS"), "Tahlia Dunmarrin"),
    CompanyPlan("NORDHEIDER", "Nordheider Schaltgut", "DE", "DE-NI", "Celle", "Bremerhaven", "EUR",
                ("LV_SWITCHGEAR", "ATS", "SWITCHBOARD", "PARALLELING_SWITCHGEAR"), "Hauke Nordheider", "de"),
    CompanyPlan("OKUMIZU", "Okumizu Haiden", *_JP, "Takasaki", "Yokohama", "JPY",
                ("LV_SWITCHGEAR", "ATS"), "Rin Okumizu", "ja"),
    CompanyPlan("RAILBOURNE", "Railbourne Busduct", "TR", "TR", "Bursa", "Mersin", "EUR",
                ("BUSWAY",), "Defne Railbourne"),
    CompanyPlan("SAKURABANE", "Sakurabane Busduct", *_JP, "Hamamatsu", "Yokohama", "JPY",
                ("BUSWAY",), "Kenta Sakurabane", "ja"),
    CompanyPlan("COPPERWITHY", "Copperwithy Power Rails", "US", "US-OH", "Lima", "Newark", "USD",
                ("BUSWAY", "LOAD_BANK"), "Hollis Copperwithy"),
    CompanyPlan("GRINDELMOOR", "Grindelmoor Aggregate", "DE", "DE-BW", "Ravensburg", "Hamburg", "EUR",
                ("GENERATOR",), "Annegret Grindelmoor", "de"),
    CompanyPlan("KESTRELMAW", "Kestrelmaw Gensets", "GB", "GB-NIR", "Ballymena", "Tilbury", "GBP",
                ("GENERATOR", "LOAD_BANK"), "Rory Kestrelmaw"),
    CompanyPlan("TALLOWFORK", "Tallowfork Engines", "US", "US-MN", "Mankato", "Savannah", "USD",
                ("GENERATOR",), "Sigrid Tallowfork"),
    CompanyPlan("HAYATSUKI", "Hayatsukino Engine Works", *_JP, "Sakai", "Kobe", "JPY",
                ("GENERATOR",), "Mei Hayatsukino", "ja"),
    CompanyPlan("VALOMBREUX", "Groupes Valombreux", *_FR, "Brest", "Le Havre", "EUR",
                ("GENERATOR", "BESS"), "Corentin Valombreux", "fr"),
    CompanyPlan("STEADFERN", "Steadfern Power Conversion", "FI", "FI", "Vaasa", "Helsinki", "EUR",
                ("UPS", "BATTERY"), "Aino Steadfern", "fi"),
    CompanyPlan("VALCENDRE", "Onduleurs Valcendre", *_FR, "Valence", "Fos", "EUR",
                ("UPS",), "Sidonie Valcendre", "fr"),
    CompanyPlan("AMATSURA", "Amatsura Conversion", *_JP, "Kitakyushu", "Kitakyushu", "JPY",
                ("UPS", "BATTERY"), "Haruka Amatsura", "ja"),
    CompanyPlan("HEDGEVOLT", "Hedgeapple Static Power", "US", "US-NC", "Hickory", "Charleston", "USD",
                ("UPS", "ATS"), "Lorna Hedgeapple"),
    CompanyPlan("BRIGHTQUARRY", "Bright Quarry Cells", "US", "US-NV", "Sparks", "Oakland", "USD",
                ("BATTERY", "BESS"), "Emmett Quarryman"),
    CompanyPlan("CELADONRIDGE", "Celadon Ridge Storage", *_KR, "Cheongju", "Busan", "USD",
                ("BESS", "BATTERY"), "Yoon Garam-Sol", "ko"),
    CompanyPlan("GELIDORA", "Gelidora Refrigerazione", *_IT, "Belluno", "Genoa", "EUR",
                ("CHILLER_AIR", "CHILLER_CENTRIFUGAL", "DRY_COOLER"), "Ludovico Gelidora", "it"),
    CompanyPlan("NORTHMANTLE", "Northmantle Thermal", "US", "US-PA", "York County", "Newark", "USD",
                ("CHILLER_AIR", "CHILLER_CENTRIFUGAL"), "Ezra Northmantle"),
    CompanyPlan("KOGARASHI", "Kogarashino Thermal Works", *_JP, "Shimizu", "Shimizu", "JPY",
                ("CHILLER_CENTRIFUGAL", "CHILLER_AIR", "AHU"), "Souta Kogarashino", "ja"),
    CompanyPlan("TIDEWHARF", "Tidewharf Thermal", "TW", "TW", "Kaohsiung", "Kaohsiung", "USD",
                ("CDU", "CRAH", "HEAT_EXCHANGER"), "Chiang Yu-Wharf", "zh"),
    CompanyPlan("NEBELTURM", "Nebelturm Verdunstung", "DE", "DE-NW", "Siegen", "Wilhelmshaven", "EUR",
                ("COOLING_TOWER", "DRY_COOLER"), "Gesine Nebelturm", "de"),
    CompanyPlan("DEWFALLEN", "Dewfallen Towers", "US", "US-MD", "Frederick County", "Norfolk", "USD",
                ("COOLING_TOWER", "DRY_COOLER"), "Opal Dewfallen"),
    CompanyPlan("BRISALTA", "Brisalta Enfriadores", "ES", "ES", "Zaragoza", "Barcelona", "EUR",
                ("DRY_COOLER", "COOLING_TOWER"), "Iker Brisalta", "es"),
    CompanyPlan("QUILLHAVEN", "Quillhaven Air Systems", "GB", "GB-ENG", "Kendal", "London Gateway", "GBP",
                ("CRAH", "AHU"), "Tamsin Quillhaven"),
    CompanyPlan("LUFTGARTEN", "Luftgarten Klimatechnik", "DE", "DE-HE", "Fulda", "Hamburg", "EUR",
                ("CRAH", "AHU", "CDU"), "Falk Luftgarten", "de"),
    CompanyPlan("RILLWATER", "Rillwater Liquid Cooling", "US", "US-CA", "Fremont", "Oakland", "USD",
                ("CDU", "HEAT_EXCHANGER"), "Priya Rillwater"),
    CompanyPlan("HARBOURLINE", "Harbourreach Equipment Supply", "AU", "AU-NSW", "Sydney", "Sydney", "AUD",
                (), "Gwenyth Harbourreach"),
    CompanyPlan("EASTQUAY", "Eastquayside Shokai", *_JP, "Tokyo", "Tokyo", "JPY",
                (), "Jun Eastquayside", "ja"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BuiltCompany:
    plan: CompanyPlan
    row: Company
    plant: Plant | None


def add_companies(draft: Draft) -> dict[str, BuiltCompany]:
    years = range(draft.today.year - 4, draft.today.year + 4)
    return {plan.code: _add(draft, plan, years) for plan in COMPANIES}


def makers_of(companies: dict[str, BuiltCompany], class_code: str) -> list[BuiltCompany]:
    return [each for each in companies.values() if class_code in each.plan.makes]


def _add(draft: Draft, plan: CompanyPlan, years: range) -> BuiltCompany:
    row = draft.add(
        Company(
            id=draft.key("company", plan.code),
            code=plan.code,
            name=plan.name,
            country=plan.country,
            sells=True,
            makes=bool(plan.makes),
        )
    )
    plant = None
    if plan.makes:
        calendar = draft.add_calendar(f"{plan.name}, {plan.town}", plan.calendar, _closures(plan.country, years))
        plant = draft.add(
            Plant(
                id=draft.key("plant", plan.code),
                company=row,
                code=plan.town.upper().replace(" ", "-"),
                name=plan.town,
                country=plan.country,
                calendar=calendar,
            )
        )
    mailbox = plan.contact.split()[0].lower()
    draft.add(
        Contact(
            id=draft.key("contact", plan.code),
            company=row,
            plant=plant,
            name=plan.contact,
            email=f"{mailbox}@{plan.code.lower()}.example",
            language=plan.language,
        )
    )
    return BuiltCompany(plan, row, plant)


def _closures(country: str, years: range) -> list[tuple[date, date, str]]:
    """When a factory of this country stands still, year by year."""
    closed: list[tuple[date, date, str]] = []
    for year in years:
        new_year = (date(year, 12, 24), date(year + 1, 1, 2), "Year-end shutdown")
        if country == "JP":
            closed += [
                (date(year, 4, 29), date(year, 5, 5), "Golden Week"),
                (date(year, 8, 11), date(year, 8, 16), "Obon"),
                (date(year, 12, 29), date(year + 1, 1, 4), "Year-end shutdown"),
            ]
        elif country in {"KR", "TW"}:
            first = _lunar_new_year(country, year)
            closed.append((first - timedelta(days=2), first + timedelta(days=5), "Lunar New Year"))
        elif country in {"IT", "FR", "ES"}:
            closed += [(date(year, 8, 3), date(year, 8, 23), "August closure"), new_year]
        elif country == "US":
            closed += [(date(year, 7, 1), date(year, 7, 7), "Summer shutdown"), new_year]
        elif country == "AU":
            closed.append((date(year, 12, 22), date(year + 1, 1, 8), "Christmas shutdown"))
        elif country in {"SE", "FI"}:
            closed += [(date(year, 7, 6), date(year, 7, 26), "Midsummer closure"), new_year]
        else:
            closed.append(new_year)
    return closed


def _lunar_new_year(country: str, year: int) -> date:
    public = holidays.country_holidays(country, years=year, language="en_US")
    days = [day for day, name in public.items() if "New Year" in name and (day.month, day.day) != (1, 1)]
    first = [day for day in days if "receding" not in public[day] and "Eve" not in public[day]]
    return min(first or days)
