"""What the log shows, in which order, and that its numbers are those of the portfolio."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from procurement.models import DeliveryLot
from procurement.queries.log import SORTS, Choices, LogFilter, Shown, choices, log_page, unordered_page
from procurement.queries.portfolio import portfolio
from procurement.services import lots
from procurement.vocabulary import DateState, LineStatus
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from sites.vocabulary import Precision
from tests.factories.accounts import UserFactory
from tests.factories.procurement import (
    AllocationFactory,
    BlockForecastFactory,
    CompanyFactory,
    DeliveryLotFactory,
    GroupNeedFactory,
    LotForecastFactory,
    RequirementFactory,
    RequirementForecastFactory,
)
from tests.factories.sites import BlockFactory, MembershipFactory, PromiseFactory, SiteFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def viewer() -> User:
    return MembershipFactory.create(role=Role.VIEWER).person


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


def lot(site: Site, on: date, *, tag: str = "", **given: Any) -> DeliveryLot:
    made = DeliveryLotFactory.create(site=site)
    if tag:
        AllocationFactory.create(lot=made, requirement=RequirementFactory.create(site=site, tag=tag))
    LotForecastFactory.create(lot=made, forecast_on=on, **given)
    return made


def shown(viewer: User, **wanted: Any) -> list[Any]:
    return [row.key for row in log_page(viewer, LogFilter(**wanted)).rows]


def test_the_worst_float_comes_first_and_what_is_not_known_last(viewer: User, site: Site) -> None:
    fine = lot(site, date(2027, 8, 1))
    unknown = DeliveryLotFactory.create(site=site)
    late = lot(site, date(2027, 10, 1))

    expected = [late.schedule_line_id, fine.schedule_line_id, unknown.schedule_line_id]
    assert shown(viewer) == expected
    assert shown(viewer, descending=True) == [expected[1], expected[0], expected[2]]


def test_a_line_says_how_it_stands(viewer: User, site: Site) -> None:
    lot(site, date(2027, 10, 1))
    lot(site, date(2027, 9, 10))
    lot(site, date(2027, 8, 1))
    lot(site, date(2027, 8, 1), required_on_site=None)
    DeliveryLotFactory.create(site=site)

    states = [row.state for row in log_page(viewer, LogFilter()).rows]
    assert states == [DateState.LATE, DateState.TIGHT, DateState.IN_TIME, DateState.NO_ROS, DateState.UNKNOWN]


def test_a_line_of_two_lots_shows_the_last_date_and_the_worst_float(viewer: User, site: Site) -> None:
    first = DeliveryLotFactory.create(site=site, quantity=Decimal(2))
    second = lots.split_locked(first, Decimal(1), reason="They ship apart", now=NOON)
    LotForecastFactory.create(lot=first, forecast_on=date(2027, 9, 30), required_on_site=date(2027, 9, 1))
    LotForecastFactory.create(lot=second, forecast_on=date(2028, 1, 10), required_on_site=date(2028, 3, 1))

    row = next(row for row in log_page(viewer, LogFilter()).rows if row.key == first.schedule_line_id)

    assert (row.lots, row.forecast_on, row.float_days, row.state) == (2, date(2028, 1, 10), -29, DateState.LATE)


def test_only_open_lines_are_shown_unless_others_are_asked_for(viewer: User, site: Site) -> None:
    ahead = lot(site, date(2027, 8, 1)).schedule_line_id
    there = lot(site, date(2026, 8, 1), delivered_on=date(2026, 8, 1)).schedule_line_id
    gone = lot(site, date(2027, 8, 1)).schedule_line
    gone.status = LineStatus.CANCELLED
    gone.save()

    seen = {each: set(shown(viewer, shown=each)) for each in Shown}
    assert seen == {
        Shown.OPEN: {ahead},
        Shown.DELIVERED: {there},
        Shown.CANCELLED: {gone.pk},
        Shown.ALL: {ahead, there, gone.pk},
    }


def test_it_is_narrowed_by_site_class_vendor_and_lateness(viewer: User, site: Site) -> None:
    mine = lot(site, date(2027, 10, 1))
    lot(SiteFactory.create(code="TYO1"), date(2027, 10, 1))
    lot(site, date(2027, 8, 1))
    line = mine.schedule_line.line

    wanted = {"site": "SYD1", "vendor": line.order.seller.code, "equipment_class": line.equipment_class.code}
    assert shown(viewer, late=True, **wanted) == [mine.schedule_line_id]
    assert line.plant is not None
    assert shown(viewer, vendor=line.plant.company.code) == [mine.schedule_line_id]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_counted_from_the_end_the_last_pages_are_those_of_the_whole_list(
    viewer: User, site: Site, sort: str, descending: bool
) -> None:
    for day in (3, 1, 2):
        lot(site, date(2027, 8, day), tag=f"CH-{day}")
    DeliveryLotFactory.create(site=site)
    whole = shown(viewer, sort=sort, descending=descending)

    pages = [shown(viewer, sort=sort, descending=descending, size=1, page=number) for number in (1, 2, 3, 4)]

    assert [key for page in pages for key in page] == whole


@pytest.mark.parametrize("text", ["CH", "chiller CH", "Vendor", "CH-A CH-B", "nothing"])
def test_a_search_looks_through_tags_descriptions_and_companies(viewer: User, site: Site, text: str) -> None:
    for tag in ("CH-A", "CH-B"):
        made = lot(site, date(2027, 8, 1), tag=tag)
        made.schedule_line.line.description = "chiller"
        made.schedule_line.line.save()

    found = shown(viewer, text=text)

    assert len(found) == (0 if text in {"nothing", "CH-A CH-B"} else 2)


@pytest.mark.parametrize("text", ["CH-A", "ch-a", "chiller_no CH-A", "450%", "CH_A"])
def test_every_word_of_a_search_must_be_found_as_it_is_written(viewer: User, site: Site, text: str) -> None:
    made = lot(site, date(2027, 8, 1), tag="CH-A")
    made.schedule_line.line.description = "chiller_no 1"
    made.schedule_line.line.save()
    lot(site, date(2027, 8, 1), tag="CH-B")

    found = shown(viewer, text=text)

    assert found == ([] if text in {"450%", "CH_A"} else [made.schedule_line_id])


def test_pages_never_overlap(viewer: User, site: Site) -> None:
    for _ in range(5):
        lot(site, date(2027, 8, 1))

    pages = [shown(viewer, size=2, page=number) for number in (1, 2, 3)]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({key for page in pages for key in page}) == 5
    assert shown(viewer, size=2, page=99) == pages[2]


def test_totals_are_of_all_pages(viewer: User, site: Site) -> None:
    lot(site, date(2027, 10, 1))
    lot(site, date(2027, 10, 2))
    lot(site, date(2027, 8, 1))

    page = log_page(viewer, LogFilter(size=1))

    assert (page.totals.lines, page.totals.late, page.pages) == (3, 2, 3)


def test_megawatt_days_count_each_block_once(viewer: User, site: Site) -> None:
    need = GroupNeedFactory.create(block=BlockFactory.create(phase__site=site))
    BlockForecastFactory.create(block=need.block, mw_days_at_risk=Decimal("80"))
    for _ in range(2):
        made = lot(site, date(2027, 10, 1))
        AllocationFactory.create(lot=made, requirement=RequirementFactory.create(site=site, group=need.group))

    assert log_page(viewer, LogFilter()).totals.mw_days_at_risk == Decimal("80")


def test_a_promise_that_names_no_day_is_marked(viewer: User, site: Site) -> None:
    made = DeliveryLotFactory.create(site=site)
    promise = PromiseFactory.create(
        milestone=made.chain.milestones.get(code="ON_SITE"),
        value="2027-W23",
        precision=Precision.WEEK,
        counts_on=date(2027, 6, 13),
    )
    step = {"code": "ON_SITE", "driver": "promise", "forecast_on": "2027-06-13", "promise_id": str(promise.pk)}
    LotForecastFactory.create(
        lot=made, promised_on=date(2027, 6, 13), driver="promise", driver_code="ON_SITE", steps=[step]
    )

    [row] = log_page(viewer, LogFilter()).rows

    assert (row.promised_on, row.promised_as, row.stated_on) == (date(2027, 6, 13), "2027-W23", promise.stated_on)
    assert row.why is not None
    assert (row.why.code, row.why.driver) == ("ON_SITE", "promise")


def test_the_portfolio_counts_what_the_log_lists(viewer: User, site: Site) -> None:
    for on in (date(2027, 10, 1), date(2027, 10, 2), date(2027, 8, 1)):
        lot(site, on)
    lot(site, date(2027, 10, 1), delivered_on=date(2027, 10, 1))
    RequirementForecastFactory.create(unordered=True, requirement__site=site, order_by_on=date(2026, 11, 1))
    RequirementForecastFactory.create(unordered=True, requirement__site=site)

    [line] = portfolio(viewer).sites

    assert line.late_lines == log_page(viewer, LogFilter(site="SYD1", late=True)).totals.lines == 2
    assert line.past_order_by == unordered_page(viewer, LogFilter(site="SYD1", late=True)).total == 1


def test_what_is_not_ordered_is_sorted_by_its_order_by_date(viewer: User, site: Site) -> None:
    for tag, on in (("B", date(2027, 2, 1)), ("A", date(2027, 1, 1)), ("C", None)):
        RequirementForecastFactory.create(unordered=True, requirement__site=site, requirement__tag=tag, order_by_on=on)

    page = unordered_page(viewer, LogFilter(sort="order_by"))

    assert [row.requirement.tag for row in page.rows] == ["A", "B", "C"]


def test_a_line_without_a_site_needs_the_portfolio(viewer: User, site: Site) -> None:
    DeliveryLotFactory.create(site=None)
    guest = MembershipFactory.create(role=Role.VIEWER, site=site).person

    assert [len(shown(person)) for person in (viewer, guest)] == [1, 0]


# -- what can be chosen ----------------------------------------------------------------------------------------------


def test_only_what_stands_in_the_readers_own_lines_can_be_chosen(viewer: User, site: Site) -> None:
    here, there = DeliveryLotFactory.create(site=site), DeliveryLotFactory.create()
    wanted = RequirementForecastFactory.create(unordered=True, requirement__site=site).requirement
    CompanyFactory.create()
    of_site = MembershipFactory.create(role=Role.VIEWER, site=site).person

    few, whole = choices(of_site), choices(viewer)

    assert [code for code, _name in few.sites] == ["SYD1"]
    assert {code for code, _name in few.classes} == {
        here.schedule_line.line.equipment_class.code,
        wanted.equipment_class.code,
    }
    sold_or_made = []
    for line in (here.schedule_line.line, there.schedule_line.line):
        assert line.plant is not None
        sold_or_made.append({line.order.seller.code, line.plant.company.code})
    assert {code for code, _name in few.vendors} == sold_or_made[0]
    assert {code for code, _name in whole.vendors} == sold_or_made[0] | sold_or_made[1]


@pytest.mark.parametrize("day", [None, date(2026, 11, 1)])
def test_who_sees_no_site_sees_no_line(site: Site, day: date | None) -> None:
    lot(site, date(2027, 8, 1))
    nobody = UserFactory.create()

    assert log_page(nobody, LogFilter(shown=Shown.ALL, as_known_on=day)).totals.lines == 0
    assert choices(nobody) == Choices((), (), ())
