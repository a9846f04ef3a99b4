"""The demo portfolio keeps its promises on any day. It is loaded once a day asked for and rolled back at the end."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Count, F, Model, Sum
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from procurement.models import (
    Alert,
    BlockForecast,
    ChainForecast,
    Company,
    Contact,
    DeliveryLot,
    EquipmentClass,
    LeadTimeObservation,
    LotForecast,
    PurchaseOrder,
    Receipt,
    RedundancyGroup,
    Requirement,
    RequirementForecast,
    ScheduleLine,
)
from procurement.queries import invariants
from procurement.queries.power_balance import site_balances
from procurement.queries.power_equipment import deciders
from procurement.queries.power_facts import Knowledge
from procurement.queries.schedule_impact import impact_on_blocks
from procurement.services import api_keys, demo
from procurement.services.demo import DemoLoaded, renew_erp_key
from procurement.services.demo.draft import Draft
from procurement.services.demo.lead_times import PUBLISHED
from procurement.services.demo.orders import CANCELLED_SLOT, SPARE_SLOT, SPLIT_SLOT, UNORDERED_SLOTS
from procurement.services.demo.people import PASSWORD
from procurement.services.demo.power import LATE_AGREEMENT, SHARED_AGREEMENT
from procurement.vocabulary import CalendarOf, Incoterm, LeadTimeKind, LineStatus, Rule
from sites.accounts.models import User
from sites.accounts.permissions import Role, scopes_of
from sites.domain.errors import Conflict
from sites.domain.recalculation import recalculate
from sites.domain.site_schedule import ScheduleFile
from sites.models import (
    Activity,
    Assignment,
    Baseline,
    Block,
    Gate,
    GridConnection,
    Milestone,
    PowerPurchaseAgreement,
    PpaShare,
    Promise,
    ScheduleRevision,
    Site,
)
from sites.queries.agreements import document_of, record_of
from sites.queries.site_schedules import stored_project
from sites.readers import agreement_record
from sites.vocabulary import AgreementStructure, PowerLimit, Precision, RevisionState, ScheduleFormat

pytestmark = pytest.mark.django_db

DAYS = (date(2026, 11, 21), date(2028, 2, 29))
# Makers and utilities that everybody in the field knows.
REAL_NAMES = (
    "abb", "siemens", "schneider", "eaton", "hitachi", "toshiba", "mitsubishi", "fuji", "meidensha", "hyosung",
    "hyundai", "ls electric", "caterpillar", "cummins", "rolls-royce", "mtu", "kohler", "generac", "himoinsa",
    "vertiv", "liebert", "stulz", "trane", "carrier", "daikin", "york", "johnson controls", "general electric",
    "powell", "socomec", "piller", "delta", "huawei", "legrand", "starline", "evapco", "baltimore", "spx", "munters",
    "airedale", "nortek", "motivair", "coolit", "boyd", "alfa laval", "tesla", "fluence", "catl", "samsung",
    "ausgrid", "tepco", "tennet", "eirgrid", "dominion", "rte", "transgrid",
)  # fmt: skip


@pytest.fixture(scope="module", params=DAYS, ids=str)
def today(request: pytest.FixtureRequest) -> date:
    day: date = request.param
    return day


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


@pytest.fixture(scope="module", autouse=True)
def loaded(django_db_setup: None, django_db_blocker: DjangoDbBlocker, today: date) -> Iterator[DemoLoaded]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield demo.load_demo(today=today, now=noon(today))
        transaction.set_rollback(True)


def lots_of(slot: tuple[str, str, str]) -> list[LotForecast]:
    site, class_code, block = slot
    rows = LotForecast.objects.filter(
        current=True,
        lot__schedule_line__site__code=site,
        lot__schedule_line__line__equipment_class__code=class_code,
        lot__allocations__requirement__block__code=block,
    )
    return list(rows.distinct().order_by("lot__schedule_line__number", "lot__number"))


# -- the same portfolio everywhere ---------------------------------------------------------------------------------


def drawn(day: date) -> dict[str, list[dict[str, Any]]]:
    draft = Draft(day, noon(day))
    demo.draw(draft)
    return {str(rows[0]._meta): [plain(row) for row in rows] for rows in draft.in_order()}


def plain(row: Model) -> dict[str, Any]:
    left_to_the_database = {"created_at", "version_transaction", "password"}
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.attname not in left_to_the_database
    }


def test_the_same_day_gives_the_same_portfolio(today: date) -> None:
    assert drawn(today) == drawn(today)


def test_another_day_moves_every_date_and_key(today: date) -> None:
    there, here = drawn(today)["sites.block"], drawn(today + timedelta(days=28))["sites.block"]
    assert [row["code"] for row in here] == [row["code"] for row in there]
    assert not {row["id"] for row in here} & {row["id"] for row in there}
    assert all(a["rfs_baseline_on"] < b["rfs_baseline_on"] for a, b in zip(there, here, strict=True))


def test_keys_are_valid_and_of_their_day(today: date) -> None:
    key = Draft(today, noon(today)).key("site", "SYD01")
    assert (key.version, key.variant) == (7, "specified in RFC 4122")
    assert datetime.fromtimestamp((key.int >> 80) / 1000, UTC) == datetime.combine(today, time(), UTC)


# -- its size and places -------------------------------------------------------------------------------------------


def test_the_portfolio_is_as_large_as_it_says(loaded: DemoLoaded) -> None:
    assert Site.objects.count() == loaded.counts["site"] == 7
    assert Requirement.objects.count() >= 150
    assert PurchaseOrder.objects.count() >= 60
    assert Company.objects.count() >= 36


@pytest.mark.parametrize(
    ("code", "calendar", "zone", "currency", "hertz", "settlement"),
    [
        ("SYD01", "AU-NSW", "Australia/Sydney", "AUD", 50, "NSW1"),
        ("TYO01", "JP", "Asia/Tokyo", "JPY", 50, "TOKYO"),
        ("FRA01", "DE-HE", "Europe/Berlin", "EUR", 50, "DE_LU"),
        ("AMS01", "NL", "Europe/Amsterdam", "EUR", 50, "NL"),
        ("PAR01", "FR", "Europe/Paris", "EUR", 50, "FR"),
        ("DUB01", "IE", "Europe/Dublin", "EUR", 50, "SEM"),
        ("IAD01", "US-VA", "America/New_York", "USD", 60, "WESTERN HUB"),
    ],
)
def test_each_site_lives_on_its_own_calendar_clock_and_grid(
    code: str, calendar: str, zone: str, currency: str, hertz: int, settlement: str
) -> None:
    site = Site.objects.select_related("calendar").get(code=code)
    found = (site.calendar.code, site.time_zone, site.currency, site.grid_frequency_hz, site.settlement_zone)
    assert found == (calendar, zone, currency, hertz, settlement)


def test_each_site_has_two_to_four_blocks() -> None:
    sizes = Counter(Site.objects.values_list("code", "phases__blocks").values_list("code", flat=True))
    assert all(2 <= size <= 4 for size in sizes.values())


def test_every_gate_follows_an_activity_of_the_accepted_schedule() -> None:
    known = set(Activity.objects.filter(revision__state="accepted").values_list("revision__project_code", "code"))
    followed = set(Gate.objects.values_list("project_code", "activity_code"))
    assert followed
    assert followed <= known


def test_every_class_is_ordered_or_needed_somewhere() -> None:
    assert not EquipmentClass.objects.filter(requirements__isnull=True).exclude(code="BESS").exists()
    assert EquipmentClass.objects.filter(masterformat="").get().code == "CDU"


def test_templates_count_days_at_the_plant_and_at_the_site() -> None:
    steps = EquipmentClass.objects.get(code="GENERATOR").template.steps
    assert set(steps.values_list("calendar_of", flat=True)) == set(CalendarOf)


# -- its people ----------------------------------------------------------------------------------------------------


def test_every_account_knows_the_password(loaded: DemoLoaded) -> None:
    people = User.objects.filter(username__in=loaded.accounts)
    assert set(loaded.accounts) == {"admin", "sourcing", "expediter", "energy", "site-syd", "viewer"}
    assert [person.username for person in people if not person.check_password(PASSWORD)] == []
    assert people.count() == len(loaded.accounts)


@pytest.mark.parametrize(
    ("username", "sites"), [("expediter", {"SYD01", "TYO01"}), ("site-syd", {"SYD01"}), ("sourcing", None)]
)
def test_each_account_sees_its_own_sites(username: str, sites: set[str] | None) -> None:
    seen = set(Site.objects.visible_to(User.objects.get(username=username)).values_list("code", flat=True))
    assert seen == (sites or set(Site.objects.values_list("code", flat=True)))


def test_every_role_that_a_rule_tells_has_a_holder_at_every_site() -> None:
    told = {Role.EXPEDITER, Role.BUYER, Role.SITE_LEAD, Role.ENERGY_LEAD}
    for site in Site.objects.all():
        held = set(Assignment.objects.filter(site=site, scope="site").values_list("role", flat=True))
        assert told <= held, site.code


def test_the_expediter_of_sydney_and_tokyo_is_the_expediter() -> None:
    holders = Assignment.objects.filter(role=Role.EXPEDITER, scope="site").values_list("site__code", "person__username")
    assert {site for site, person in holders if person == "expediter"} == {"SYD01", "TYO01"}


def test_mail_goes_to_reserved_addresses_only() -> None:
    addresses = [*User.objects.values_list("email", flat=True), *Contact.objects.values_list("email", flat=True)]
    assert [address for address in addresses if address and not address.endswith(".example")] == []


def test_no_real_company_appears() -> None:
    agreements = PowerPurchaseAgreement.objects.values_list("seller", "sleeving_retailer", "project")
    names = [
        *Company.objects.values_list("name", flat=True),
        *GridConnection.objects.values_list("utility", flat=True),
        *(name for row in agreements for name in row),
    ]
    words = [f" {name.lower().replace(',', ' ')} " for name in names]
    assert [(name, real) for name in words for real in REAL_NAMES if f" {real} " in name] == []


def test_the_erp_key_opens_the_api(loaded: DemoLoaded, today: date) -> None:
    key = api_keys.authenticate(loaded.erp_key_plain, "127.0.0.1", noon(today))
    assert key is not None
    assert key.client.system == "DEMO-ERP"
    assert key.scopes == scopes_of(Role.ERP_CLIENT)


def test_a_lost_erp_key_is_replaced(loaded: DemoLoaded, today: date) -> None:
    renewed = renew_erp_key(now=noon(today))

    assert api_keys.authenticate(loaded.erp_key_plain, "127.0.0.1", noon(today)) is None
    key = api_keys.authenticate(renewed, "127.0.0.1", noon(today))
    assert key is not None
    assert (key.client.system, key.scopes) == ("DEMO-ERP", scopes_of(Role.ERP_CLIENT))


# -- its orders and dates ------------------------------------------------------------------------------------------


def test_nothing_stored_contradicts_the_rules() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert invariants.broken() == []


def test_lots_add_up_to_their_schedule_lines() -> None:
    short = ScheduleLine.objects.annotate(held=Sum("lots__quantity")).exclude(held=F("quantity"))
    assert list(short) == []


def test_contract_dates_are_those_of_the_newest_baseline() -> None:
    newest: dict[Any, dict[str, str]] = {}
    for chain, dates in Baseline.objects.order_by("version").values_list("chain", "dates"):
        newest[chain] = dates
    for lot in DeliveryLot.objects.select_related("schedule_line"):
        line = lot.schedule_line
        assert line.contract_on is not None
        assert newest[lot.chain_id][line.contract_step] == line.contract_on.isoformat()


def test_a_change_order_moved_one_baseline_and_somebody_else_approved_it() -> None:
    moved = Baseline.objects.filter(version=2).select_related("author")
    assert [row.author.username if row.author else None for row in moved] == ["approver"]


def test_every_promise_has_its_place_and_its_condition() -> None:
    places: dict[Any, list[int]] = {}
    for milestone, place in Promise.objects.order_by("milestone", "place").values_list("milestone", "place"):
        places.setdefault(milestone, []).append(place)
    assert all(ledger == list(range(1, len(ledger) + 1)) for ledger in places.values())
    assert not Promise.objects.filter(conditional_on__isnull=True).exists()


def test_nothing_happened_or_was_said_after_yesterday(today: date) -> None:
    assert not Milestone.objects.filter(actual_on__gte=today).exists()
    assert not Promise.objects.filter(stated_on__gte=today).exists()


def test_dates_are_promised_in_every_precision() -> None:
    assert set(Promise.objects.values_list("precision", flat=True)) == set(Precision)


def test_some_vendor_moved_a_little_several_times_and_then_a_lot() -> None:
    moves: dict[Any, list[int]] = {}
    for row in Promise.objects.filter(precision=Precision.DAY, milestone__chain__kind="lot").order_by("place"):
        assert row.counts_on is not None
        moves.setdefault(row.milestone_id, []).append(row.counts_on.toordinal())
    steps = [[b - a for a, b in pairwise(dates)] for dates in moves.values()]
    assert any(len(s) >= 3 and s[-1] > 30 and all(0 < each < 15 for each in s[:-1]) for s in steps)
    assert any(len(s) >= 3 and max(s) > 20 and s[-1] < 0 for s in steps)


def test_all_eleven_terms_are_used_and_one_is_unknown() -> None:
    assert set(PurchaseOrder.objects.exclude(incoterm="").values_list("incoterm", flat=True)) == set(Incoterm)
    assert not PurchaseOrder.objects.exclude(incoterm="").filter(incoterm_place="").exists()
    assert ScheduleLine.objects.filter(contract_step_assumed=True, line__order__incoterm_text="FOT Hamburg").exists()


def test_some_lots_are_delivered_some_late_some_early() -> None:
    current = LotForecast.objects.filter(current=True)
    assert current.filter(delivered_on__isnull=False).count() >= 20
    assert 5 <= current.filter(delivered_on__isnull=True, float_days__lt=0).count() <= 30
    assert current.filter(slip_days__lt=0).count() >= 5
    assert current.filter(delivered_on__isnull=True, float_days__gte=0).count() >= 40


def test_what_was_delivered_was_received_on_the_day() -> None:
    assert (
        Receipt.objects.count()
        == Milestone.objects.filter(chain__kind="lot", code="ON_SITE").exclude(actual_on=None).count()
    )
    for receipt in Receipt.objects.select_related("lot"):
        arrived = receipt.lot.chain.milestones.get(code="ON_SITE").actual_on
        assert (receipt.received_on, receipt.quantity) == (arrived, receipt.lot.quantity)


def test_some_needs_are_not_ordered_and_planned_with_a_chosen_lead_time() -> None:
    unordered = RequirementForecast.objects.filter(current=True, ordered=False)
    assert unordered.count() >= 20
    assert unordered.filter(order_by_on__lt=F("as_of")).exists()
    chosen = Requirement.objects.filter(lead_time__isnull=False, forecasts__in=unordered)
    assert chosen.exclude(lead_time_reason="").count() >= 10
    for site, class_code, block in UNORDERED_SLOTS:
        slot = unordered.filter(requirement__site__code=site, requirement__equipment_class__code=class_code)
        assert slot.filter(requirement__block__code=block).exists()


def test_a_cancelled_line_leaves_its_need_unordered() -> None:
    site, class_code, block = CANCELLED_SLOT
    line = ScheduleLine.objects.get(status=LineStatus.CANCELLED)
    assert line.site is not None
    assert (line.site.code, line.line.equipment_class.code) == (site, class_code)
    need = RequirementForecast.objects.get(
        current=True, requirement__site__code=site, requirement__equipment_class__code=class_code,
        requirement__block__code=block,
    )  # fmt: skip
    assert not need.ordered


def test_one_line_moves_in_two_lots() -> None:
    first, second = lots_of(SPLIT_SLOT)
    assert second.lot.copied_from == first.lot
    assert first.forecast_on is not None
    assert second.forecast_on is not None
    assert second.forecast_on > first.forecast_on + timedelta(days=30)
    assert Promise.objects.filter(milestone__chain=second.lot.chain, copied_from__isnull=False).exists()


def test_a_spare_unit_slips_and_its_block_is_saved_by_its_redundancy() -> None:
    in_time, slipped = lots_of(SPARE_SLOT)
    assert (in_time.float_days or 0) >= 0
    assert (slipped.float_days or 0) < -30
    assert slipped.recovers_mw_days == Decimal(0)
    assert slipped.costs_mw_days == Decimal(0)
    block = BlockForecast.objects.get(current=True, block__phase__site__code="FRA01", block__code=SPARE_SLOT[2])
    assert block.mw_days_at_risk == 0
    (group,) = [row for row in block.groups if row["group"] == "GEN-H2"]
    assert group["can_carry_on"] <= str(block.rfs_baseline_on) < group["redundant_on"]


def test_a_whole_slip_moves_a_block() -> None:
    hit = BlockForecast.objects.get(current=True, block__phase__site__code="SYD01", block__code="H3")
    assert hit.mw_days_at_risk is not None
    assert hit.mw_days_at_risk > 0
    assert hit.decided_by == "GEN-H3"


def test_some_dates_are_pinned_and_say_why() -> None:
    pinned = Milestone.objects.filter(locked_on__isnull=False)
    assert pinned.exists()
    assert not pinned.filter(lock_reason="").exists()


def test_steps_by_sea_are_left_out_where_a_lorry_goes() -> None:
    left_out = Milestone.objects.filter(applicable=False)
    assert set(left_out.values_list("code", flat=True)) == {"DEPARTED", "ARRIVED_PORT", "IMPORT_CLEARED"}


def test_lead_times_come_from_the_market_quotes_contracts_and_deliveries() -> None:
    kinds = set(EquipmentClass.objects.exclude(lead_times=None).values_list("lead_times__kind", flat=True))
    assert kinds == set(LeadTimeKind)
    for code in ("COOLING_TOWER", "AHU", "GENERATOR", "MV_SWITCHGEAR", "UPS"):
        series = EquipmentClass.objects.get(code=code).lead_times.filter(source__startswith="SourceBlue")
        assert series.values("as_of").distinct().count() == series.count() == 9


def test_each_published_figure_of_a_class_is_there_with_its_source_and_day() -> None:
    market = LeadTimeObservation.objects.filter(kind=LeadTimeKind.MARKET)
    stored = Counter(market.values_list("equipment_class__code", "sub_class", "rating_band", "source", "as_of"))
    printed = Counter((row.class_code, row.sub_class, row.rating_band, row.source, row.as_of) for row in PUBLISHED)
    assert printed <= stored
    assert not market.filter(document="").exists()


# -- its power -----------------------------------------------------------------------------------------------------


def test_one_agreement_starts_after_its_site_has_power() -> None:
    alert = Alert.objects.get(rule=Rule.COD_AFTER_ENERGISATION)
    share = PpaShare.objects.get(pk=alert.subject_id)
    assert (share.agreement.code, share.site.code) == (LATE_AGREEMENT, "TYO01")
    cod = ChainForecast.objects.get(current=True, chain__agreement=share.agreement).forecast_on
    power = ChainForecast.objects.get(current=True, chain__grid_connection__site=share.site).forecast_on
    assert cod is not None
    assert power is not None
    assert cod > power


def test_a_transformer_leaves_one_site_short_and_the_grid_another(today: date) -> None:
    sites = list(Site.objects.filter(code__in=["AMS01", "PAR01"]).order_by("code"))
    grid, transformer = site_balances(sites, today, today + timedelta(days=1100), Knowledge(today))

    assert (PowerLimit.GRID,) in {row.binding for row in grid.periods if row.gap_mw}
    short = [row for row in transformer.periods if row.gap_mw]
    assert {row.binding for row in short} == {(PowerLimit.ELECTRICAL,)}
    (decider,) = (
        row
        for row in deciders(transformer.site)[PowerLimit.ELECTRICAL]
        if row.ready_on == short[-1].until_on + timedelta(days=1)
    )
    groups = RedundancyGroup.objects.filter(site=transformer.site).select_related("equipment_class")
    classes = {group.name or group.code: group.equipment_class.code for group in groups}
    assert [classes[name] for name in decider.groups] == ["MV_TRANSFORMER"]


def test_every_country_of_a_site_has_two_agreements_or_more() -> None:
    countries = set(Site.objects.values_list("country", flat=True))
    counted = PowerPurchaseAgreement.objects.values("country").annotate(number=Count("pk"))
    assert {row["country"]: row["number"] >= 2 for row in counted} == dict.fromkeys(countries, True)


def test_every_agreement_is_a_record_that_could_be_brought_in() -> None:
    for row in PowerPurchaseAgreement.objects.all():
        record = record_of(row)
        assert agreement_record.of(document_of(record)) == record, row.code


def test_one_agreement_is_shared_over_several_sites() -> None:
    shares = PpaShare.objects.filter(agreement__code=SHARED_AGREEMENT)
    assert shares.count() == 3
    total = shares.aggregate(mw=Sum("share_mw"))["mw"]
    assert total == PowerPurchaseAgreement.objects.get(code=SHARED_AGREEMENT).contracted_mw


def test_agreements_are_of_several_structures_and_state_their_rule_at_negative_prices() -> None:
    rows = PowerPurchaseAgreement.objects.all()
    assert {row.structure for row in rows} >= set(AgreementStructure) - {AgreementStructure.HYBRID}
    assert {row.price_unit for row in rows.filter(country="JP")} == {"kwh"}
    assert set(rows.filter(settlement_zone="NSW1").values_list("negative_price_rule", flat=True)) == {
        "no_settlement",
        "floor_zero",
    }


# -- loading it ----------------------------------------------------------------------------------------------------


def test_it_is_not_loaded_twice(today: date) -> None:
    with pytest.raises(Conflict):
        demo.load_demo(today=today, now=noon(today))


def test_it_is_not_loaded_in_production(today: date, settings: Settings) -> None:
    settings.MODE = "production"
    with pytest.raises(Conflict, match="production"):
        demo.load_demo(today=today, now=noon(today))


def test_every_schedule_gives_its_own_dates_when_its_logic_is_run() -> None:
    """So that what a late delivery does to ready for service is told in days that the portal shows elsewhere."""
    for revision in ScheduleRevision.objects.filter(state=RevisionState.ACCEPTED):
        (found,) = recalculate(ScheduleFile(ScheduleFormat.XER, "", "utf-8", "", (stored_project(revision),)))
        assert (found.not_calculated, found.differences, found.not_followed) == ("", (), ()), revision


def test_a_late_delivery_reaches_ready_for_service_somewhere() -> None:
    worst = [
        impact_on_blocks(site.pk, Block.objects.filter(phase__site=site).select_related("phase"))
        for site in Site.objects.all()
    ]

    assert any(effect.days_later > 0 for impact in worst for effect in impact.effects)
