"""What a vendor confirms of an order is of lines that it has, and of one at least."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from procurement.models import Confirmation, DeliveryLot
from procurement.services import confirmations
from procurement.services.confirmations import Part, Response
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput
from sites.models import Promise
from tests.factories.procurement import DeliveryLotFactory
from tests.factories.sites import MembershipFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
DAY = date(2026, 11, 18)


@pytest.fixture
def expediter() -> User:
    return MembershipFactory.create(role=Role.EXPEDITER).person


@pytest.fixture
def lot() -> DeliveryLot:
    return DeliveryLotFactory.create(quantity=Decimal(2))


def confirm(lot: DeliveryLot, actor: User, parts: list[Part] | None, stated_on: date = DAY) -> None:
    confirmations.record(
        order_id=lot.schedule_line.line.order_id, number="AB-1", parts=parts, stated_on=stated_on, actor=actor, now=NOW
    )


def test_without_parts_the_whole_order_is_confirmed(lot: DeliveryLot, expediter: User) -> None:
    confirm(lot, expediter, None)

    assert Promise.objects.get().counts_on == lot.schedule_line.contract_on
    assert Confirmation.objects.get().confirmed_on == DAY


@pytest.mark.parametrize(
    ("parts", "stated_on", "field"),
    [
        ([], DAY, "lines"),
        ([Part(999, Response.ACCEPTED, field="lines/0")], DAY, "lines/0/line_number"),
        ([Part(10, Response.ACCEPTED, schedule_number=9, field="lines/0")], DAY, "lines/0/schedule_number"),
        (None, date(2026, 11, 30), "stated_on"),
    ],
    ids=["no part", "no such line", "no such schedule line", "a day to come"],
)
def test_what_cannot_be_confirmed_is_named(
    parts: list[Part] | None, stated_on: date, field: str, lot: DeliveryLot, expediter: User
) -> None:
    with pytest.raises(BadInput) as refusal:
        confirm(lot, expediter, parts, stated_on)

    assert refusal.value.field == field
    assert not Promise.objects.exists()
