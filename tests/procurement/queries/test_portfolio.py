from datetime import date
from decimal import Decimal

import pytest

from procurement.queries.portfolio import Energisation, portfolio
from procurement.queries.redundancy import Weight, holding_up, weight
from procurement.queries.site import site_view
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.vocabulary import GateKind
from tests.factories.procurement import (
    AllocationFactory,
    BlockForecastFactory,
    ChainForecastFactory,
    DeliveryLotFactory,
    GroupNeedFactory,
    LotForecastFactory,
    RequirementFactory,
)
from tests.factories.sites import BlockFactory, GateFactory, GridConnectionFactory, MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> User:
    return MembershipFactory.create(role=Role.VIEWER).person


def test_sites_with_trouble_come_first(viewer: User) -> None:
    for code, at_risk in (("A", "0"), ("B", "120"), ("C", "40")):
        block = BlockFactory.create(phase__site=SiteFactory.create(code=code))
        BlockForecastFactory.create(block=block, mw_days_at_risk=Decimal(at_risk))

    found = portfolio(viewer)

    assert [line.site.code for line in found.sites] == ["B", "C", "A"]
    assert found.totals.mw_days_at_risk == Decimal("160")


def test_a_site_shows_the_block_that_slips_most(viewer: User) -> None:
    site = SiteFactory.create()
    for code, on in (("H1", date(2027, 12, 4)), ("H2", date(2028, 1, 10)), ("H3", date(2027, 11, 1))):
        block = BlockFactory.create(phase__site=site, phase__code="P1" + code, code=code)
        BlockForecastFactory.create(block=block, rfs_forecast_on=on)

    worst = portfolio(viewer).sites[0].block

    assert worst is not None
    assert (worst.name, worst.days_later) == ("P1H2 H2", 40)


def test_the_next_energisation_is_the_first_that_is_still_to_come(viewer: User) -> None:
    site = SiteFactory.create()
    done = GridConnectionFactory.create(site=site)
    ChainForecastFactory.create(chain=done.chain, forecast_on=date(2026, 5, 1), done_on=date(2026, 5, 1))
    for on in (date(2027, 9, 1), date(2027, 8, 13)):
        ChainForecastFactory.create(chain=GridConnectionFactory.create(site=site).chain, forecast_on=on)

    ahead = portfolio(viewer).sites[0].energisation

    assert ahead is not None
    assert (ahead.forecast_on, ahead.days_later) == (date(2027, 8, 13), 12)


def test_without_a_grid_connection_the_first_energised_gate_is_the_next_energisation(viewer: User) -> None:
    site = SiteFactory.create()
    for name, on in (("North", date(2027, 9, 1)), ("South", date(2027, 8, 13)), ("West", date(2027, 10, 1))):
        gate = GateFactory.create(site=site, kind=GateKind.ENERGISED, name=name)
        ChainForecastFactory.create(chain=gate.chain, forecast_on=on)

    assert portfolio(viewer).sites[0].energisation == Energisation("South", date(2027, 8, 13), None)


def test_threats_are_ranked_by_what_they_recover_then_cost_then_float() -> None:
    site = SiteFactory.create()
    for number, recovers, costs, on in (
        (10, "0", "60", date(2027, 10, 1)),
        (20, "0", "0", date(2027, 12, 1)),
        (30, "12", "12", date(2027, 9, 25)),
        (40, "0", "60", date(2027, 11, 1)),
    ):
        lot = DeliveryLotFactory.create(site=site, schedule_line__line__number=number)
        LotForecastFactory.create(
            lot=lot, forecast_on=on, recovers_mw_days=Decimal(recovers), costs_mw_days=Decimal(costs)
        )

    threats = site_view(site).threats

    assert [threat.label.split("/")[1] for threat in threats] == ["30", "40", "10", "20"]


@pytest.mark.parametrize(("on", "expected"), [("2027-11-20", Weight.HOLDS), ("2027-12-20", Weight.JOINT)])
def test_a_late_unit_of_a_group_says_whether_the_group_holds(on: str, expected: Weight) -> None:
    site = SiteFactory.create()
    need = GroupNeedFactory.create(block=BlockFactory.create(phase__site=site))
    BlockForecastFactory.create(
        block=need.block,
        mw_days_at_risk=Decimal("80"),
        groups=[{"group": need.group.code, "needed": 1, "units": 2, "can_carry_on": on, "redundant_on": None}],
    )
    lot = DeliveryLotFactory.create(site=site)
    AllocationFactory.create(lot=lot, requirement=RequirementFactory.create(site=site, group=need.group))
    LotForecastFactory.create(lot=lot, forecast_on=date(2027, 12, 1), costs_mw_days=Decimal(0))

    [threat] = site_view(site).threats

    assert threat.weight == expected


def test_a_unit_that_costs_something_by_itself_counts_alone() -> None:
    answers = [
        weight(float_days=-3, costs=Decimal(5), groups=["G"], up={}, site_id=None),
        weight(float_days=2, costs=Decimal(0), groups=["G"], up={}, site_id=None),
        weight(float_days=-3, costs=Decimal(0), groups=[], up={}, site_id=None),
    ]

    assert (answers, holding_up([])) == ([None, None, None], {})
