"""Every list of the portal takes as many queries for three rows as for one."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import QuerySet
from pytest_django import DjangoAssertNumQueries

from procurement.models import DeliveryLot
from procurement.queries import alert, lead_time, log, order, portfolio, power
from procurement.queries.alert import AlertFilter
from procurement.queries.line import line_view
from procurement.queries.log import LogFilter
from procurement.queries.mailbox import mails
from procurement.queries.requirement import requirement_view
from procurement.queries.site import site_view
from procurement.services import lots
from procurement.vocabulary import NotificationState
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from sites.vocabulary import AssignmentScope
from tests.factories.procurement import (
    AlertEventFactory,
    AlertFactory,
    AllocationFactory,
    BlockForecastFactory,
    ChainForecastFactory,
    DeliveryLotFactory,
    GroupNeedFactory,
    LeadTimeFactory,
    LotForecastFactory,
    NotificationFactory,
    NotificationItemFactory,
    OrderLineFactory,
    PurchaseOrderFactory,
    RequirementFactory,
    RequirementForecastFactory,
    RosAnchorFactory,
)
from tests.factories.sites import (
    AgreementFactory,
    AssignmentFactory,
    BlockFactory,
    GateFactory,
    GridConnectionFactory,
    MembershipFactory,
    PromiseFactory,
    ShareFactory,
    SiteFactory,
)

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def viewer() -> User:
    return MembershipFactory.create(role=Role.VIEWER).person


@pytest.fixture
def site() -> Site:
    return SiteFactory.create()


def late_lot(site: Site, **given: Any) -> DeliveryLot:
    """On order for a grouped requirement, promised once, forecast after it is required."""
    lot = DeliveryLotFactory.create(site=site, **given)
    need = GroupNeedFactory.create(block=BlockFactory.create(phase__site=site))
    requirement = RequirementFactory.create(site=site, group=need.group)
    AllocationFactory.create(lot=lot, requirement=requirement)
    RequirementForecastFactory.create(requirement=requirement)
    BlockForecastFactory.create(block=need.block, groups=[])
    promise = PromiseFactory.create(milestone=lot.chain.milestones.get(code="FAT_PASS"))
    LotForecastFactory.create(
        lot=lot,
        forecast_on=date(2027, 10, 31),
        driver="promise",
        driver_code="FAT_PASS",
        steps=[{"code": "FAT_PASS", "driver": "promise", "promise_id": str(promise.pk)}],
    )
    return lot


def whole_site(site: Site) -> None:
    """One more of everything that the portfolio and a site's page count."""
    late_lot(site)
    RequirementForecastFactory.create(unordered=True, requirement__site=site)
    AlertFactory.create(site=site)
    ChainForecastFactory.create(chain=GateFactory.create(site=site, name=f"Gate {site.gates.count()}").chain)
    ChainForecastFactory.create(chain=GridConnectionFactory.create(site=site).chain)
    share = ShareFactory.create(site=site)
    ChainForecastFactory.create(chain=share.agreement.chain, run__site=None)
    AssignmentFactory.create(site=site)
    AssignmentFactory.create(site=site, scope=AssignmentScope.ORDER_LINE, subject_id=OrderLineFactory.create().pk)
    MembershipFactory.create(site=site)


def told_alert(site: Site) -> None:
    item = NotificationItemFactory.create(event=AlertEventFactory.create(alert=AlertFactory.create(site=site)))
    assert item.pk


def test_the_portfolio(viewer: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for more in (1, 2):
        for _ in range(more):
            whole_site(SiteFactory.create())
        with django_assert_num_queries(9):
            portfolio.portfolio(viewer)


def test_a_site(site: Site, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for more in (1, 2):
        for _ in range(more):
            whole_site(site)
        with django_assert_num_queries(15):
            site_view(site)


Read = Callable[[User], object]


def one_agreement(site: Site) -> None:
    share = ShareFactory.create(agreement=AgreementFactory.create(), site=site)
    ChainForecastFactory.create(chain=share.agreement.chain, run__site=None)


def one_mail(viewer: User) -> None:
    NotificationFactory.create(frozen=True, recipient=viewer, state=NotificationState.SENT, sent_at="2026-11-20T12:00Z")


LISTS: dict[str, tuple[Callable[[Site], object], Read, int]] = {
    "log": (late_lot, lambda reader: log.log_page(reader, LogFilter()), 5),
    "log, narrowed": (late_lot, lambda reader: log.log_page(reader, LogFilter(late=True, text="45000 vendor")), 5),
    "unordered": (
        lambda site: RequirementForecastFactory.create(unordered=True, requirement__site=site),
        lambda reader: log.unordered_page(reader, LogFilter(sort="order_by")),
        3,
    ),
    "choices": (late_lot, log.choices, 2),
    "alerts": (told_alert, lambda reader: alert.alert_list(reader, AlertFilter(), as_of=date(2026, 11, 1)), 5),
    "agreements": (one_agreement, power.agreements, 6),
    "grid": (
        lambda site: ChainForecastFactory.create(chain=GridConnectionFactory.create(site=site).chain),
        power.grid,
        3,
    ),
    "lead times": (
        lambda site: RequirementFactory.create(
            site=site, lead_time=LeadTimeFactory.create(), lead_time_reason="The only one"
        ),
        lambda reader: lead_time.observations(reader, today=TODAY),
        3,
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list(name: str, viewer: User, site: Site, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    add, read, queries = LISTS[name]
    for more in (1, 2):
        for _ in range(more):
            add(site)
        with django_assert_num_queries(queries):
            read(viewer)


def test_the_mailbox(viewer: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for more in (1, 2):
        for _ in range(more):
            one_mail(viewer)
        with django_assert_num_queries(2):
            found: QuerySet[Any] = mails(viewer)
            assert [(mail.recipient.name, mail.site.code) for mail in found]


def test_a_line_with_more_lots(site: Site, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    one, three = late_lot(site), late_lot(site, quantity=Decimal(3))
    line = three.schedule_line
    for _ in range(2):
        lots.split_locked(three, Decimal(1), reason="They ship apart", now=NOON)
        three.refresh_from_db()

    for each in (one.schedule_line, line):
        with django_assert_num_queries(13):
            view = line_view(each)
    assert len(view.lots) == 3


def test_an_order_with_more_lines(viewer: User, site: Site, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    whole = PurchaseOrderFactory.create()
    for numbers in ((10,), (20, 30)):
        for number in numbers:
            lot = DeliveryLotFactory.create(
                site=site, schedule_line__line__order=whole, schedule_line__line__number=number
            )
            LotForecastFactory.create(lot=lot)
        with django_assert_num_queries(4):
            view = order.order_view(whole, viewer)
    assert len(view.lines) == 3


def test_a_requirement_with_more_anchors(site: Site, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    need = GroupNeedFactory.create(block=BlockFactory.create(phase__site=site))
    requirement = RequirementFactory.create(site=site, group=need.group)
    for numbers in ((1,), (2, 3)):
        for number in numbers:
            gate = GateFactory.create(site=site, name=f"Gate {number}")
            RosAnchorFactory.create(requirement=requirement, gate=gate)
        with django_assert_num_queries(6):
            view = requirement_view(requirement)
    assert len(view.anchors) == 3
