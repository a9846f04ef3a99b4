from datetime import date
from decimal import Decimal

import pytest

from procurement.models import DeliveryLot
from procurement.queries.alert import Age
from procurement.queries.block import block_rows
from procurement.queries.portfolio_outlook import (
    Heat,
    RfsMonth,
    alerts_by_age,
    order_by_calendar,
    rfs_by_month,
    vendor_heat,
    worst_slips,
)
from procurement.vocabulary import Severity
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from tests.factories.procurement import (
    AlertFactory,
    BlockForecastFactory,
    DeliveryLotFactory,
    LotForecastFactory,
    RequirementFactory,
    RequirementForecastFactory,
)
from tests.factories.sites import BlockFactory, MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 2)  # a Monday


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD01")


@pytest.fixture
def reader(site: Site) -> User:
    """Of one site; each test puts the same thing at another one too."""
    return MembershipFactory.create(role=Role.VIEWER, site=site).person


def lot(site: Site, *, slip: int = 0, floats: int = 10, line: DeliveryLot | None = None) -> DeliveryLot:
    same = {"schedule_line__line__order__seller": line.schedule_line.line.order.seller} if line else {}
    made = DeliveryLotFactory.create(site=site, **same)
    LotForecastFactory.create(lot=made, slip_days=slip, float_days=floats)
    return made


def test_megawatts_are_summed_by_month_and_empty_months_stand_between(site: Site, reader: User) -> None:
    for where, planned, forecast, mw in (
        (site, date(2027, 5, 31), date(2027, 7, 1), "4"),
        (site, date(2027, 5, 2), date(2027, 5, 9), "6.5"),
        (site, None, None, "3"),
        (SiteFactory.create(), date(2027, 5, 2), date(2027, 5, 9), "100"),
    ):
        block = BlockFactory.create(phase__site=where, rfs_baseline_on=planned, it_mw=Decimal(mw))
        BlockForecastFactory.create(block=block, rfs_forecast_on=forecast)

    outlook = rfs_by_month(block_rows(reader))

    assert outlook.unknown_mw == Decimal(3)
    assert outlook.months == (
        RfsMonth(date(2027, 5, 1), Decimal("10.5"), Decimal("6.5"), Decimal("10.5"), Decimal("6.5")),
        RfsMonth(date(2027, 6, 1), Decimal(0), Decimal(0), Decimal("10.5"), Decimal("6.5")),
        RfsMonth(date(2027, 7, 1), Decimal(0), Decimal(4), Decimal("10.5"), Decimal("10.5")),
    )


def test_no_block_is_no_month() -> None:
    assert rfs_by_month(()).months == ()


def test_the_furthest_behind_come_first_and_none_that_is_not(site: Site, reader: User) -> None:
    little, much = lot(site, slip=3), lot(site, slip=40)
    lot(site, slip=0)
    lot(SiteFactory.create(), slip=90)

    assert [row.lot for row in worst_slips(reader)] == [much, little]


def test_of_a_line_in_two_lots_the_last_open_one_speaks_once(site: Site, reader: User) -> None:
    first = DeliveryLotFactory.create(site=site, quantity=1, schedule_line__quantity=2)
    LotForecastFactory.create(lot=first, slip_days=40)
    last = DeliveryLotFactory.create(schedule_line=first.schedule_line, number=2, quantity=1)
    LotForecastFactory.create(lot=last, slip_days=50, forecast_on=date(2029, 1, 1))

    assert [row.lot for row in worst_slips(reader)] == [last]


def test_what_must_be_ordered_lies_in_its_week_and_what_is_past_comes_first(site: Site, reader: User) -> None:
    for where, tag, on in (
        (site, "PAST", date(2026, 11, 1)),
        (site, "MONDAY", TODAY),
        (site, "SUNDAY", date(2026, 11, 8)),
        (site, "LAST", date(2027, 3, 1)),
        (site, "BEYOND", date(2027, 3, 2)),
        (SiteFactory.create(), "ELSEWHERE", TODAY),
    ):
        need = RequirementFactory.create(site=where, tag=tag)
        RequirementForecastFactory.create(requirement=need, ordered=False, order_by_on=on, costs_mw_days=Decimal("1.5"))

    weeks = order_by_calendar(reader, TODAY)

    assert [(week.from_on, week.mw_days, [row.requirement.tag for row in week.shown]) for week in weeks] == [
        (None, Decimal("1.5"), ["PAST"]),
        (TODAY, Decimal("3.0"), ["MONDAY", "SUNDAY"]),
        (date(2027, 3, 1), Decimal("1.5"), ["LAST"]),
    ]


def test_a_full_week_says_how_many_more_there_are(site: Site, reader: User) -> None:
    for number in range(8):
        need = RequirementFactory.create(site=site, tag=f"T{number}")
        RequirementForecastFactory.create(requirement=need, ordered=False, order_by_on=TODAY)

    [week] = order_by_calendar(reader, TODAY)

    assert (week.number, len(week.shown), week.more) == (8, 6, 2)


def test_alerts_that_wait_are_counted_by_age_and_severity(site: Site, reader: User) -> None:
    for where, day, severity in (
        (site, date(2026, 11, 3), Severity.NOTICE),
        (site, date(2026, 10, 31), Severity.CRITICAL),
        (site, date(2026, 10, 30), Severity.CRITICAL),
        (site, date(2026, 10, 2), Severity.WARNING),
        (SiteFactory.create(), date(2026, 10, 31), Severity.CRITICAL),
    ):
        AlertFactory.create(site=where, opened_on=day, severity=severity)

    ages = alerts_by_age(reader, TODAY)

    assert [(row.age, [number for _severity, number in row.by_severity]) for row in ages] == [
        (Age.NEW, [1, 0, 1]),
        (Age.WEEK, [1, 0, 0]),
        (Age.MONTH, [0, 0, 0]),
        (Age.OLDER, [0, 1, 0]),
    ]


def test_a_vendor_is_hot_where_much_of_it_is_late(site: Site, reader: User) -> None:
    elsewhere = SiteFactory.create(code="TYO01")
    MembershipFactory.create(person=reader, role=Role.VIEWER, site=elsewhere)
    late = lot(site, floats=-4)
    lot(site, line=late)
    lot(elsewhere, line=late)
    fine = lot(elsewhere)
    lot(SiteFactory.create(code="PAR01"), floats=-9, line=late)

    heat = vendor_heat(reader)

    assert (heat.sites, heat.more) == (("SYD01", "TYO01"), 0)
    assert [(row.key, row.together, row.cells) for row in heat.vendors] == [
        (
            late.schedule_line.line.order.seller_id,
            Heat(3, 1, -4),
            (("SYD01", Heat(2, 1, -4)), ("TYO01", Heat(1, 0, 10))),
        ),
        (fine.schedule_line.line.order.seller_id, Heat(1, 0, 10), (("SYD01", None), ("TYO01", Heat(1, 0, 10)))),
    ]


@pytest.mark.parametrize(("late", "level"), [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_heat_rises_with_the_share_that_is_late(late: int, level: int) -> None:
    assert Heat(8, late, None).level == level
