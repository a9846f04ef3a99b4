"""Nobody sees a row of a site without a right at it; amounts ask for more."""

from decimal import Decimal

import pytest

from procurement.models import (
    Alert,
    DeliveryLot,
    Disagreement,
    LogLine,
    OrderLine,
    PurchaseOrder,
    RedundancyGroup,
    Requirement,
    ScheduleLine,
    UnitSerial,
    VendorQuestion,
    VendorRound,
)
from sites.accounts.permissions import Permission, Role, roles_with
from sites.models import Site
from tests.factories.accounts import UserFactory
from tests.factories.erp import DisagreementFactory
from tests.factories.procurement import (
    AlertFactory,
    DeliveryLotFactory,
    OrderLineFactory,
    PurchaseOrderFactory,
    RedundancyGroupFactory,
    RequirementFactory,
    UnitSerialFactory,
    VendorQuestionFactory,
)
from tests.factories.sites import MembershipFactory
from tests.visibility import BAY, HARBOUR, NOWHERE, REACHES, RIDGE, Kind, Reach, make_places

pytestmark = pytest.mark.django_db


def _lot(site: Site | None) -> DeliveryLot:
    return DeliveryLotFactory.create(site=site)


KINDS = [
    Kind(PurchaseOrder, lambda site: _lot(site).schedule_line.line.order, placeless=True),
    Kind(OrderLine, lambda site: _lot(site).schedule_line.line, placeless=True),
    Kind(ScheduleLine, lambda site: _lot(site).schedule_line, placeless=True),
    Kind(DeliveryLot, _lot, placeless=True),
    Kind(UnitSerial, lambda site: UnitSerialFactory.create(lot=_lot(site)), placeless=True),
    Kind(LogLine, lambda site: LogLine.objects.get(pk=_lot(site).schedule_line_id), placeless=True),
    Kind(Alert, lambda site: AlertFactory.create(site=site), placeless=True),
    Kind(Disagreement, lambda site: DisagreementFactory.create(site=site), placeless=True),
    Kind(VendorQuestion, lambda site: VendorQuestionFactory.create(lot=_lot(site)), placeless=True),
    Kind(VendorRound, lambda site: VendorQuestionFactory.create(lot=_lot(site)).round, placeless=True),
    Kind(RedundancyGroup, lambda site: RedundancyGroupFactory.create(site=site)),
    Kind(Requirement, lambda site: RequirementFactory.create(site=site)),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_role_sees_the_rows_of_its_own_sites_only(kind: Kind) -> None:
    seen = kind.seen_through(REACHES, make_places())

    assert seen == kind.opened_by(REACHES)


def _shared_order() -> tuple[PurchaseOrder, dict[str, DeliveryLot], dict[str, Site]]:
    """One order with a line for Harbour and another for Bay."""
    places = make_places()
    order = PurchaseOrderFactory.create(total_amount=Decimal(500000))
    lots = {
        name: DeliveryLotFactory.create(
            site=places[name], schedule_line__line__order=order, schedule_line__line__number=number
        )
        for name, number in ((HARBOUR, 10), (BAY, 20))
    }
    return order, lots, places


def test_an_order_is_seen_by_whoever_sees_one_of_its_schedule_lines() -> None:
    order, _, places = _shared_order()
    person = MembershipFactory.create(site=places[BAY]).person

    assert list(PurchaseOrder.objects.visible_to(person)) == [order]


def test_of_a_shared_order_only_the_own_lines_show() -> None:
    _, lots, places = _shared_order()
    person = MembershipFactory.create(site=places[BAY]).person

    assert list(OrderLine.objects.visible_to(person)) == [lots[BAY].schedule_line.line]
    assert list(ScheduleLine.objects.visible_to(person)) == [lots[BAY].schedule_line]
    assert list(DeliveryLot.objects.visible_to(person)) == [lots[BAY]]


def test_an_order_whose_lines_all_lie_elsewhere_is_not_seen() -> None:
    _, _, places = _shared_order()
    person = MembershipFactory.create(site=places[RIDGE]).person

    assert not PurchaseOrder.objects.visible_to(person).exists()
    assert not OrderLine.objects.visible_to(person).exists()


def test_a_line_with_schedule_lines_for_two_sites_is_seen_from_both() -> None:
    places = make_places()
    first = DeliveryLotFactory.create(site=places[HARBOUR])
    line = first.schedule_line.line
    DeliveryLotFactory.create(site=places[BAY], schedule_line__line=line, schedule_line__number=2)
    person = MembershipFactory.create(site=places[HARBOUR]).person

    assert list(OrderLine.objects.visible_to(person)) == [line]
    assert list(ScheduleLine.objects.visible_to(person)) == [first.schedule_line]


def test_an_order_without_lines_needs_the_portfolio() -> None:
    order = PurchaseOrderFactory.create()
    places = make_places()
    people = {str(reach): reach.person(Role.BUYER, places) for reach in REACHES}

    seen = {name for name, person in people.items() if PurchaseOrder.objects.visible_to(person).exists()}

    assert seen == {"the portfolio"}
    assert PurchaseOrder.objects.visible_to(people["the portfolio"]).get() == order


def test_a_line_without_schedule_lines_needs_the_portfolio() -> None:
    line = OrderLineFactory.create()
    site_buyer = MembershipFactory.create(role=Role.BUYER, site=make_places()[HARBOUR]).person
    buyer = MembershipFactory.create(role=Role.BUYER).person

    assert list(OrderLine.objects.visible_to(buyer)) == [line]
    assert not OrderLine.objects.visible_to(site_buyer).exists()


# -- amounts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reach", REACHES, ids=str)
def test_amounts_of_a_shared_order_need_the_right_at_all_of_its_sites(reach: Reach) -> None:
    _, _, places = _shared_order()

    shown = {role for role in Role if PurchaseOrder.objects.amounts_visible_to(reach.person(role, places)).exists()}

    both = {HARBOUR, BAY} <= reach.opens
    assert shown == (set(roles_with(Permission.AMOUNTS_VIEW)) if both else set())


def test_amounts_at_one_site_and_sight_of_the_other_show_no_amounts() -> None:
    _, _, places = _shared_order()
    person = UserFactory.create()
    MembershipFactory.create(person=person, role=Role.BUYER, site=places[HARBOUR])
    MembershipFactory.create(person=person, role=Role.SITE_LEAD, site=places[BAY])

    assert PurchaseOrder.objects.visible_to(person).exists()
    assert not PurchaseOrder.objects.amounts_visible_to(person).exists()


def test_a_line_without_a_site_keeps_the_amounts_for_the_portfolio() -> None:
    places = make_places()
    order = DeliveryLotFactory.create(site=places[HARBOUR]).schedule_line.line.order
    DeliveryLotFactory.create(site=None, schedule_line__line__order=order, schedule_line__line__number=20)
    site_buyer = MembershipFactory.create(role=Role.BUYER, site=places[HARBOUR]).person
    buyer = MembershipFactory.create(role=Role.BUYER).person

    assert not PurchaseOrder.objects.amounts_visible_to(site_buyer).exists()
    assert list(PurchaseOrder.objects.amounts_visible_to(buyer)) == [order]


@pytest.mark.parametrize("reach", REACHES, ids=str)
def test_amounts_of_an_order_without_lines_need_the_portfolio(reach: Reach) -> None:
    PurchaseOrderFactory.create(total_amount=Decimal(5))
    places = make_places()

    shown = {role for role in Role if PurchaseOrder.objects.amounts_visible_to(reach.person(role, places)).exists()}

    assert shown == (set(roles_with(Permission.AMOUNTS_VIEW)) if NOWHERE in reach.opens else set())
