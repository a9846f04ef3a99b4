"""The balance of stored sites: the paper case through the database, three states of knowledge, and who sees what."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from procurement.queries import power_balance
from procurement.queries.power_balance import SiteBalance
from procurement.queries.power_facts import Knowledge
from procurement.services import forecasts
from procurement.vocabulary import RunCause
from sites.domain.errors import BadInput
from sites.domain.power_curve import Curve
from sites.models import GridConnection, PpaShare, Site
from sites.vocabulary import (
    AgreementState,
    AgreementStructure,
    BlockPolicy,
    DamagesDirection,
    Discipline,
    KnowledgeMode,
    PowerLimit,
    VolumeShape,
)
from tests.factories.power import (
    CapacityStepFactory,
    DamagesBandFactory,
    DelayDamagesFactory,
    NetworkWorksFactory,
    ShareStepFactory,
    SpotPriceFactory,
)
from tests.factories.procurement import (
    AllocationFactory,
    BlockForecastFactory,
    ChainForecastFactory,
    EquipmentClassFactory,
    ForecastRunFactory,
    GroupNeedFactory,
    RedundancyGroupFactory,
)
from tests.factories.sites import (
    AgreementFactory,
    BaselineFactory,
    BlockFactory,
    GridConnectionFactory,
    LoadStepFactory,
    ShareFactory,
    SiteFactory,
)
from tests.history import happened_at
from tests.numbers import values

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
FROM, UNTIL = date(2027, 3, 1), date(2028, 3, 31)
LONG_AGO = datetime(2026, 8, 1, 12, tzinfo=UTC)


def _connection(site: Site, on: date, *, run__as_of: date = TODAY, **given: Any) -> GridConnection:
    row = GridConnectionFactory.create(site=site, **given)
    ChainForecastFactory.create(chain=row.chain, forecast_on=on, run__as_of=run__as_of)
    return row


def _share(site: Site, mw: int, cod_on: date | None, **given: Any) -> PpaShare:
    agreement = AgreementFactory.create(
        **{"contracted_mw": mw, "volume_shape": VolumeShape.BASELOAD, "term_years": 20} | given
    )
    share = ShareFactory.create(agreement=agreement, site=site, share_mw=mw)
    if cod_on:
        ChainForecastFactory.create(chain=agreement.chain, forecast_on=cod_on, run=ForecastRunFactory.create(site=None))
    return share


def _block(site: Site, code: str, mw: int, electrical: str | None, cooling: str | None, **given: Any) -> None:
    block = BlockFactory.create(phase__site=site, code=code, it_mw=mw, **given)
    groups = []
    for kind, on in ((Discipline.ELECTRICAL, electrical), (Discipline.MECHANICAL, cooling)):
        name = f"{kind.value}-{code}"
        equipment = EquipmentClassFactory.create(code=f"{kind.value}_unit", discipline=kind)
        RedundancyGroupFactory.create(site=site, code=name, equipment_class=equipment)
        groups.append({"group": name, "can_carry_on": on, "redundant_on": "2029-01-01"})
    BlockForecastFactory.create(block=block, groups=groups)


def _ramp(site: Site, *steps: tuple[str, int]) -> None:
    for day, mw in steps:
        LoadStepFactory.create(site=site, from_on=date.fromisoformat(day), gross_mw=mw)


def paper_site() -> Site:
    """The four step functions of the paper calculation, each from what is stored."""
    site = SiteFactory.create(depends_on_contracted_supply=True)
    grid = _connection(site, date(2027, 3, 1))
    CapacityStepFactory.create(connection=grid, number=1, firm_mw=20)
    CapacityStepFactory.create(connection=grid, number=2, firm_mw=40, from_on=date(2027, 9, 1))
    share = _share(site, 30, date(2027, 2, 1))
    ShareStepFactory.create(share=share, from_on=date(2028, 1, 1), share_mw=25)
    _block(site, "A", 12, "2027-04-01", "2027-04-01")
    _block(site, "B", 12, "2027-07-01", "2027-08-01")
    _block(site, "C", 12, "2027-10-01", "2027-11-01")
    _ramp(site, ("2027-05-01", 10), ("2027-08-01", 22), ("2028-01-01", 30))
    return site


def _balance(site: Site, knowledge: Knowledge | None = None) -> SiteBalance:
    (found,) = power_balance.site_balances([site], FROM, UNTIL, knowledge or Knowledge(TODAY))
    return found


def _limit(found: SiteBalance, kind: PowerLimit) -> Curve:
    return next(limit.low for limit in found.facts.power.limits if limit.kind is kind)


def test_stored_rows_give_the_balance_worked_on_paper() -> None:
    found = _balance(paper_site())

    assert [
        values(row.from_on.isoformat(), row.usable_mw, [kind.value for kind in row.binding]) for row in found.periods
    ] == [
        ("2027-03-01", 0, ["electrical", "cooling"]),
        ("2027-04-01", 12, ["electrical", "cooling"]),
        ("2027-05-01", 12, ["electrical", "cooling"]),
        ("2027-07-01", 12, ["cooling"]),
        ("2027-08-01", 20, ["grid"]),
        ("2027-09-01", 24, ["electrical", "cooling"]),
        ("2027-10-01", 24, ["cooling"]),
        ("2027-11-01", 30, ["supply"]),
        ("2028-01-01", 25, ["supply"]),
    ]
    assert values(found.totals.gap_mw_days, found.totals.unused_mw_days) == (517, 1154)


def test_a_quarter_says_what_binds_it_longest_and_what_leaves_a_gap() -> None:
    third = next(row for row in _balance(paper_site()).quarters if row.span.name == "2027-Q3")

    # July cooling 31 days; August the grid 31 with the gap; September both kinds of equipment 30.
    assert [(each.kind.value, each.days, each.gap_days) for each in third.binding] == [
        ("grid", 31, 31),
        ("cooling", 61, 0),
        ("electrical", 30, 0),
    ]
    assert values(third.usable_mw, third.ramp_mw, third.totals.gap_mw_days) == (24, 22, 62)


def test_a_site_that_does_not_depend_on_contracted_supply_is_not_held_down_by_it() -> None:
    site = paper_site()
    Site.objects.filter(pk=site.pk).update(depends_on_contracted_supply=False)
    site.refresh_from_db()

    found = _balance(site)

    assert [limit.kind.value for limit in found.facts.power.limits] == ["grid", "electrical", "cooling"]
    assert found.periods[-1].usable_mw == 36


@pytest.mark.parametrize(
    "given",
    [
        {"structure": AgreementStructure.VIRTUAL},
        {"state": AgreementState.TERM_SHEET},
        {"state": AgreementState.TERMINATED},
    ],
)
def test_what_delivers_no_power_is_no_supply(given: dict[str, Any]) -> None:
    site = SiteFactory.create(depends_on_contracted_supply=True)
    _share(site, 30, date(2027, 2, 1), **given)

    assert _limit(_balance(site), PowerLimit.SUPPLY).peak == 0


def test_supply_ends_with_its_term_and_tail() -> None:
    site = SiteFactory.create(depends_on_contracted_supply=True)
    _share(site, 30, date(2027, 6, 1), term_years=2, tail_years=Decimal("0.5"))

    supply = _limit(_balance(site), PowerLimit.SUPPLY)

    # Two and a half years from 1 June 2027 end on 30 November 2029.
    assert values(supply.at(date(2029, 11, 30)), supply.at(date(2029, 12, 1))) == (30, 0)


def test_capacity_waits_for_the_works_it_names() -> None:
    site = SiteFactory.create()
    grid = _connection(site, date(2027, 3, 1))
    works = NetworkWorksFactory.create(connection=grid)
    ChainForecastFactory.create(chain=works.chain, forecast_on=date(2027, 12, 1))
    CapacityStepFactory.create(connection=grid, number=1, firm_mw=20, flexible_mw=5)
    CapacityStepFactory.create(connection=grid, number=2, firm_mw=40, works=works)

    found = _balance(site)

    assert [_limit(found, PowerLimit.GRID).at(date(2027, month, 1)) for month in (2, 3, 11, 12)] == [0, 20, 20, 40]
    assert [found.facts.power.flexible.at(date(2027, month, 1)) for month in (2, 3, 11, 12)] == [0, 5, 5, 0]


def test_a_later_step_that_comes_first_is_not_undone_by_an_earlier_one() -> None:
    site = SiteFactory.create()
    grid = _connection(site, date(2027, 3, 1))
    CapacityStepFactory.create(connection=grid, number=1, firm_mw=20, from_on=date(2027, 9, 1))
    CapacityStepFactory.create(connection=grid, number=2, firm_mw=40, from_on=date(2027, 6, 1))

    curve = _limit(_balance(site), PowerLimit.GRID)

    assert [curve.at(date(2027, month, 1)) for month in (5, 6, 9)] == [0, 40, 40]


def test_a_block_without_a_date_leaves_the_answer_open_only_where_it_decides() -> None:
    site = SiteFactory.create()
    _connection(site, date(2027, 3, 1), firm_mw=10, offered_mw=10)
    _block(site, "A", 12, "2027-04-01", "2027-04-01")
    _block(site, "B", 12, None, "2027-08-01")

    found = _balance(site)

    # A alone already carries more than the grid gives: B's date does not matter.
    assert found.periods[-1].usable_mw == 10
    (why,) = found.notes["electrical"]
    assert why.endswith("B has no date")


def test_without_a_grid_connection_nothing_is_known_and_nothing_is_zero() -> None:
    site = SiteFactory.create()
    _block(site, "A", 12, "2027-01-01", "2027-01-01")
    _ramp(site, ("2027-05-01", 10))

    found = _balance(site)

    assert {row.usable_mw for row in found.periods} == {None}
    assert found.totals.gap_mw_days is None
    assert found.notes["grid"] == ("no grid connection is recorded",)


def test_a_redundant_block_waits_for_all_its_units() -> None:
    site = SiteFactory.create()
    _block(site, "A", 12, "2027-04-01", "2027-04-01", policy=BlockPolicy.REDUNDANT)

    assert _limit(_balance(site), PowerLimit.COOLING).steps == ((date(2029, 1, 1), Decimal(12)),)


def test_blocks_draw_their_part_of_what_the_phase_draws() -> None:
    site = SiteFactory.create()
    _block(site, "A", 8, "2027-04-01", "2027-04-01", phase__it_mw=24, phase__gross_mw=30)

    # 8 of 24 MW IT, 30 MW gross: 10 MW.
    assert _limit(_balance(site), PowerLimit.COOLING).peak == 10


# -- swapping one date ----------------------------------------------------------------------------------------------


def _calculated_site() -> tuple[Site, dict[Discipline, Any]]:
    """One block behind one transformer and one chiller, answered by the engine."""
    site = SiteFactory.create()
    block = BlockFactory.create(phase__site=site, it_mw=12)
    lots = {}
    for kind, code in ((Discipline.ELECTRICAL, "transformer"), (Discipline.MECHANICAL, "chiller")):
        equipment = EquipmentClassFactory.create(code=code, discipline=kind)
        group = RedundancyGroupFactory.create(site=site, code=code, equipment_class=equipment)
        GroupNeedFactory.create(block=block, group=group)
        allocation = AllocationFactory.create(
            lot__site=site, lot__schedule_line__line__equipment_class=equipment, requirement__group=group
        )
        lots[kind] = allocation.lot
    GridConnectionFactory.create(site=site, firm_mw=20, offered_mw=20)
    _recalculate(site)
    return site, lots


def _recalculate(site: Site) -> None:
    forecasts.recalculate(site_id=site.pk, as_of=TODAY, now=NOW, cause=RunCause.CHANGE, evaluate=False)


def test_swapping_one_transformer_date_moves_only_the_electrical_curve() -> None:
    site, lots = _calculated_site()
    before = _balance(site)

    lots[Discipline.ELECTRICAL].chain.milestones.filter(code="ON_SITE").update(
        locked_on=date(2028, 6, 1), locked_at=NOW
    )
    _recalculate(site)
    after = _balance(site)

    kinds = {PowerLimit.GRID, PowerLimit.ELECTRICAL, PowerLimit.COOLING}
    moved = {kind for kind in kinds if _limit(before, kind) != _limit(after, kind)}
    assert moved == {PowerLimit.ELECTRICAL}
    (ready_on,) = _limit(after, PowerLimit.ELECTRICAL).days
    assert ready_on > date(2028, 6, 1)


# -- states of knowledge --------------------------------------------------------------------------------------------


def test_the_balance_as_known_on_a_past_day_is_that_of_the_answers_of_that_day() -> None:
    site = SiteFactory.create()
    grid = GridConnectionFactory.create(site=site, firm_mw=20, offered_mw=20)
    happened_at(grid, LONG_AGO, "insert")
    for as_of, on in ((date(2026, 9, 1), date(2027, 3, 1)), (date(2026, 10, 1), date(2027, 7, 1))):
        run = ForecastRunFactory.create(site=site, as_of=as_of)
        ChainForecastFactory.create(chain=grid.chain, forecast_on=on, run=run)

    def energised(day: date, mode: KnowledgeMode) -> tuple[date, ...]:
        return _limit(_balance(site, Knowledge(day, mode)), PowerLimit.GRID).days

    assert energised(TODAY, KnowledgeMode.TODAY) == (date(2027, 7, 1),)
    assert energised(date(2026, 10, 1), KnowledgeMode.KNOWN_ON) == (date(2027, 7, 1),)
    assert energised(date(2026, 9, 30), KnowledgeMode.KNOWN_ON) == (date(2027, 3, 1),)
    assert energised(date(2026, 8, 31), KnowledgeMode.KNOWN_ON) == ()


def test_blocks_are_as_known_on_a_past_day_too() -> None:
    site = SiteFactory.create()
    _block(site, "A", 12, "2027-04-01", "2027-04-01")

    past = _balance(site, Knowledge(date(2026, 11, 19), KnowledgeMode.KNOWN_ON))

    assert _limit(past, PowerLimit.ELECTRICAL) == Curve()
    assert "electrical" in past.notes


def test_ramps_shares_and_capacity_are_as_they_stood_on_a_past_day() -> None:
    site = SiteFactory.create(depends_on_contracted_supply=True)
    grid = _connection(site, date(2027, 3, 1), run__as_of=date(2026, 8, 1))
    capacity = CapacityStepFactory.create(connection=grid, firm_mw=40)
    share = _share(site, 30, None)
    ChainForecastFactory.create(
        chain=share.agreement.chain,
        forecast_on=date(2027, 2, 1),
        run=ForecastRunFactory.create(site=None, as_of=date(2026, 8, 1)),
    )
    load = LoadStepFactory.create(site=site, from_on=date(2027, 5, 1), gross_mw=22)
    LoadStepFactory.create(site=site, from_on=date(2027, 6, 1), gross_mw=30)
    past_values: list[tuple[Any, dict[str, int]]] = [
        (site, {}), (share.agreement, {}), (grid, {}), (capacity, {"firm_mw": 25}), (share, {"share_mw": 12}),
        (load, {"gross_mw": 9}),
    ]  # fmt: skip
    for row, then in past_values:
        happened_at(row, LONG_AGO, "insert", **then)

    past = _balance(site, Knowledge(date(2026, 9, 1), KnowledgeMode.KNOWN_ON))

    assert past.facts.power.ramp.steps == ((date(2027, 5, 1), Decimal(9)),)
    assert values(_limit(past, PowerLimit.GRID).peak, _limit(past, PowerLimit.SUPPLY).peak) == (25, 12)
    assert _balance(site).facts.power.ramp.peak == 30


def test_a_row_removed_since_counts_on_the_days_it_was_there() -> None:
    site = SiteFactory.create()
    load = LoadStepFactory.create(site=site, gross_mw=9)
    happened_at(load, LONG_AGO, "insert")
    load.delete()

    past = _balance(site, Knowledge(date(2026, 9, 1), KnowledgeMode.KNOWN_ON))

    assert values(past.facts.power.ramp.peak, _balance(site).facts.power.ramp.peak) == (9, 0)


def _costly_past() -> tuple[Site, PpaShare]:
    """A site that depends on an agreement at 80 a MWh, all of it known since long ago."""
    site = SiteFactory.create(depends_on_contracted_supply=True)
    share = _share(site, 30, None, price=80, minimum_take_percent=80)
    ChainForecastFactory.create(
        chain=share.agreement.chain,
        forecast_on=date(2027, 2, 1),
        run=ForecastRunFactory.create(site=None, as_of=date(2026, 8, 1)),
    )
    return site, share


def test_terms_are_those_of_the_past_day() -> None:
    site, share = _costly_past()
    spot = SpotPriceFactory.create(site=site, from_on=date(2027, 1, 1), price_per_mwh=120)
    clause = DelayDamagesFactory.create(agreement=share.agreement, direction=DamagesDirection.RECEIVABLE)
    band = DamagesBandFactory.create(damages=clause, from_day=1, amount_per_mw_day=250)
    past_values: list[tuple[Any, dict[str, Any]]] = [
        (site, {"depends_on_contracted_supply": False}), (share, {}), (spot, {"price_per_mwh": 70}),
        (share.agreement, {"price": 60, "guaranteed_cod_on": date(2027, 1, 15)}), (clause, {"grace_days": 5}),
        (band, {"amount_per_mw_day": 150}),
    ]  # fmt: skip
    for row, then in past_values:
        happened_at(row, LONG_AGO, "insert", **then)

    past = _balance(site, Knowledge(date(2026, 9, 1), KnowledgeMode.KNOWN_ON)).facts

    (found,) = past.shares
    assert found.share.price.price == 60
    assert found.share.spot is not None
    assert found.share.spot.prices == ((date(2027, 1, 1), Decimal(70)),)
    assert found.share.receivable is not None
    assert (found.share.receivable.terms.grace_days, found.share.receivable.terms.bands[0].amount_per_mw_day) == (
        5,
        Decimal(150),
    )
    assert PowerLimit.SUPPLY not in {limit.kind for limit in past.power.limits}
    assert not past.depends


def test_an_agreement_signed_since_did_not_bind_on_the_past_day() -> None:
    site, share = _costly_past()
    for row, then in ((site, {}), (share, {}), (share.agreement, {"state": AgreementState.TERM_SHEET})):
        happened_at(row, LONG_AGO, "insert", **then)

    past = _balance(site, Knowledge(date(2026, 9, 1), KnowledgeMode.KNOWN_ON))

    assert past.shares == ()
    assert len(_balance(site).shares) == 1


def test_a_share_and_a_connection_removed_since_count_on_the_days_they_were_there() -> None:
    site, share = _costly_past()
    grid = _connection(site, date(2027, 3, 1), run__as_of=date(2026, 8, 1), firm_mw=20)
    for row in (site, share, share.agreement, grid):
        happened_at(row, LONG_AGO, "insert")
    share.delete()
    GridConnection.objects.filter(pk=grid.pk).delete()

    past = _balance(site, Knowledge(date(2026, 9, 1), KnowledgeMode.KNOWN_ON))

    assert values(_limit(past, PowerLimit.GRID).peak, _limit(past, PowerLimit.SUPPLY).peak) == (20, 30)
    assert _balance(site).shares == ()


def test_a_block_handed_over_since_was_not_ready_on_the_past_day() -> None:
    site = SiteFactory.create()
    block = BlockFactory.create(phase__site=site, it_mw=12, rfs_actual_on=date(2026, 8, 20))
    for row in (site, block.phase):
        happened_at(row, LONG_AGO, "insert")
    happened_at(block, LONG_AGO, "insert", rfs_actual_on=None, it_mw=9)

    past = _balance(site, Knowledge(date(2026, 9, 1), KnowledgeMode.KNOWN_ON))

    assert _limit(past, PowerLimit.ELECTRICAL).peak == 0
    assert "electrical" in past.notes
    assert _limit(_balance(site), PowerLimit.ELECTRICAL).peak == 12


def test_a_past_day_ends_where_the_site_lies() -> None:
    """At 20:00 UTC on 1 August it is the second in Sydney and still the first in Dublin."""
    sites = [SiteFactory.create(time_zone=zone) for zone in ("Australia/Sydney", "Europe/Dublin")]
    for site in sites:
        load = LoadStepFactory.create(site=site, gross_mw=9)
        happened_at(load, datetime(2026, 8, 1, 20, tzinfo=UTC), "insert")
    knowledge = Knowledge(date(2026, 8, 1), KnowledgeMode.KNOWN_ON)

    found = power_balance.site_balances(sites, FROM, UNTIL, knowledge)

    assert [row.facts.power.ramp.peak for row in found] == [0, 9]
    assert [row.site.pk for row in found] == [site.pk for site in sites]


def test_the_baseline_is_what_was_agreed_first_and_the_target_where_nothing_was() -> None:
    site = SiteFactory.create()
    grid = _connection(site, date(2027, 9, 1), firm_mw=20, offered_mw=40)
    BaselineFactory.create(chain=grid.chain, dates={"ENERGISED": "2027-06-01"})
    _connection(site, date(2027, 9, 1), firm_mw=10, offered_mw=20, energisation_target_on=date(2027, 7, 1))
    _block(site, "A", 12, "2028-04-01", None, rfs_baseline_on=date(2027, 12, 1))

    found = _balance(site, Knowledge(TODAY, KnowledgeMode.BASELINE))

    assert _limit(found, PowerLimit.GRID).steps == ((date(2027, 6, 1), Decimal(20)), (date(2027, 7, 1), Decimal(30)))
    assert _limit(found, PowerLimit.ELECTRICAL).days == (date(2027, 12, 1),)
    assert _limit(found, PowerLimit.COOLING).days == (date(2027, 12, 1),)


# -- money ----------------------------------------------------------------------------------------------------------


def _costly_site() -> Site:
    """Load of 10 MW from 1 May; 8 MW contracted, COD 1 July against a target of 1 June, connected on 1 March."""
    site = SiteFactory.create()
    _connection(site, date(2027, 3, 1), firm_mw=20, offered_mw=20)
    _block(site, "A", 20, "2027-01-01", "2027-01-01")
    _ramp(site, ("2027-05-01", 10))
    share = _share(site, 8, date(2027, 7, 1))
    damages = DelayDamagesFactory.create(agreement=share.agreement)
    DamagesBandFactory.create(damages=damages, from_day=1, amount_per_mw_day=150)
    DamagesBandFactory.create(damages=damages, from_day=31, amount_per_mw_day=250)
    return site


def _amounts(found: SiteBalance) -> dict[tuple[str, str], Decimal | None]:
    return {(each.kind, each.currency): each.amount for each in found.amounts}


def test_the_money_of_a_late_cod_stands_on_both_sides() -> None:
    site = _costly_site()
    SpotPriceFactory.create(site=site, price_per_mwh=95)

    # 61 days x 8 MW x 24 h = 11 712 MWh at 95, 25 above the contract's 70; 30 days late x 8 MW x 150.
    assert _amounts(_balance(site)) == {
        ("spot_cost", "AUD"): 1_112_640,
        ("spot_over_contract", "AUD"): 292_800,
        ("damages_receivable", "AUD"): 36_000,
    }


def test_without_a_spot_price_the_exposure_is_not_known_and_never_zero() -> None:
    assert _amounts(_balance(_costly_site())) == {
        ("spot_cost", "AUD"): None,
        ("spot_over_contract", "AUD"): None,
        ("damages_receivable", "AUD"): 36_000,
    }


def test_a_spot_price_of_the_agreement_counts_before_that_of_the_site() -> None:
    site = _costly_site()
    share = site.ppa_shares.get()
    SpotPriceFactory.create(site=site, price_per_mwh=95)
    SpotPriceFactory.create(site=site, agreement=share.agreement, price_per_mwh=70)

    assert _amounts(_balance(site))["spot_cost", "AUD"] == 819_840  # 11 712 x 70


def test_damages_are_payable_where_the_site_is_connected_late() -> None:
    # Due on 1 January, connected on 1 March: 59 days; 8 MW x 59 x 100.
    site = _costly_site()
    share = site.ppa_shares.get()
    damages = DelayDamagesFactory.create(
        agreement=share.agreement, direction=DamagesDirection.PAYABLE, due="day", due_on=date(2027, 1, 1)
    )
    DamagesBandFactory.create(damages=damages, amount_per_mw_day=100)

    (share_balance,) = _balance(site).shares

    assert share_balance.cost.payable is not None
    assert values(share_balance.cost.payable.days, share_balance.cost.payable.whole.amount) == (59, 47_200)


def test_money_of_two_currencies_is_never_added() -> None:
    site = _costly_site()
    other = _share(site, 2, date(2027, 6, 11), currency="EUR", target_cod_on=date(2027, 6, 1))
    DamagesBandFactory.create(damages__agreement=other.agreement, amount_per_mw_day=200)

    found = _amounts(_balance(site))

    assert found["damages_receivable", "AUD"] == 36_000
    assert found["damages_receivable", "EUR"] == 4_000  # 10 days x 2 MW x 200


# -- energy ---------------------------------------------------------------------------------------------------------


def test_energy_is_covered_by_quarter_and_by_year() -> None:
    # April to June 2027: load 10 MW from May, 61 x 240 = 14 640 MWh. The share of 8 MW delivers from July:
    # nothing until then, 92 x 192 = 17 664 of 92 x 240 = 22 080 in the third quarter: 80 %.
    found = power_balance.energy_cover(_balance(_costly_site()))

    by_name = {row.span.name: row for row in found.quarters}
    assert values(by_name["2027-Q2"].load_mwh, by_name["2027-Q2"].matched_percent) == (14_640, 0)
    assert values(by_name["2027-Q3"].contracted_mwh, by_name["2027-Q3"].matched_percent) == (17_664, 80)
    assert [row.span.name for row in found.years] == ["2027", "2028"]


# -- several sites, and how it is read ------------------------------------------------------------------------------


def test_a_group_of_sites_adds_up_and_does_not_fill_one_gap_from_another_site() -> None:
    one, other = paper_site(), SiteFactory.create()
    _connection(other, date(2027, 1, 1), firm_mw=50, offered_mw=50)
    _block(other, "A", 50, "2027-01-01", "2027-01-01")

    found = power_balance.group(power_balance.site_balances([one, other], FROM, UNTIL, Knowledge(TODAY)))

    assert values(found.gap_mw_days, found.known_gap_mw_days) == (517, 517)
    august = next(row for row in found.periods if row.from_on == date(2027, 8, 1))
    assert values(august.ramp_mw, august.usable_mw, august.gap_mw) == (22, 70, 2)
    assert august.held_down == ((one.code, (PowerLimit.GRID,)),)


def test_a_site_that_is_not_known_makes_the_sum_unknown_but_not_the_known_part() -> None:
    other = SiteFactory.create()
    _ramp(other, ("2027-05-01", 10))

    found = power_balance.group(power_balance.site_balances([paper_site(), other], FROM, UNTIL, Knowledge(TODAY)))

    assert values(found.gap_mw_days, found.known_gap_mw_days) == (None, 517)


def test_three_sites_take_as_many_queries_as_one() -> None:
    sites = [paper_site(), paper_site(), _costly_site()]

    def queries(chosen: list[Site], knowledge: Knowledge) -> int:
        with CaptureQueriesContext(connection) as made:
            power_balance.site_balances(chosen, FROM, UNTIL, knowledge)
        return len(made)

    for mode in KnowledgeMode:
        knowledge = Knowledge(TODAY, mode)
        assert queries(sites[2:], knowledge) == queries(sites, knowledge) <= 18


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(BadInput) as refusal:
        power_balance.site_balances([SiteFactory.create()], UNTIL, FROM, Knowledge(TODAY))

    assert refusal.value.field == "until_on"
