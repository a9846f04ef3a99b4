"""Lists of open orders out of files, the alert on what stands, and the nightly comparison."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from procurement.models import Alert, Disagreement, OpenOrderList, OpenOrderRow
from procurement.services import alerts, nightly, open_order_files, open_orders, orders
from procurement.services.open_orders import Compared
from procurement.vocabulary import AlertState, Rule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, NotPermitted
from tests.factories.sites import MembershipFactory
from tests.procurement.services.order_documents import NOON, World, document, line, make_world
from tests.workbooks import xlsx

pytestmark = pytest.mark.django_db
HEAD = "PO No.,Item,Qty,Price,Contract date,State\n"
AGREED = HEAD + "4500016221,00010,4,,2027-07-19,open\n"
FIVE = HEAD + "4500016221,00010,5,,2027-07-19,open\n"


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def buyer(world: World) -> User:
    return MembershipFactory.create(role=Role.BUYER).person


@pytest.fixture(autouse=True)
def ordered(world: World) -> None:
    orders.upsert(document=document(line()), system="SAP-PRD", external_id="4500016221", actor=world.erp, now=NOON)


def take(actor: User, content: str | bytes, *, now: datetime = NOON) -> Compared:
    return open_order_files.take_file(
        content=content.encode() if isinstance(content, str) else content,
        file_name="open.csv",
        system="SAP-PRD",
        stated_at=now,
        complete=True,
        actor=actor,
        now=now,
    )


def test_a_file_is_compared_as_if_the_system_had_sent_it(buyer: User) -> None:
    assert take(buyer, AGREED) == Compared(1, {})
    assert take(buyer, FIVE, now=NOON + timedelta(hours=1)) == Compared(1, {"quantity": 1})

    kept = OpenOrderList.objects.get()
    row = kept.rows.get()
    assert (kept.document, kept.sent_by, kept.client) == ("open.csv", buyer, None)
    assert (row.number, row.line_number, row.schedule_number, row.quantity) == ("4500016221", 10, 1, Decimal(5))


def test_a_workbook_is_read_too(buyer: User) -> None:
    content = xlsx(["PO", "Item", "Contract date"], ["4500016221", 10, date(2027, 8, 1)])

    assert take(buyer, content).standing == {"contract_date": 1}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("PO No.,Qty\n1,2\n", "line"),
        (HEAD + "4500016221,10,many,,,\n", "csv!C2"),
        (HEAD + "4500016221,10,,,,half\n", "csv!F2"),
        (HEAD + ",10,1,,,\n", "csv!A2"),
        (HEAD + "".join(f"45,{n},x,,,\n" for n in range(1, 8)), "2 cells more"),
        (FIVE + "4500016221,10,5,,2027-07-19,open\n", "twice"),
    ],
)
def test_a_file_that_cannot_be_read_whole_is_refused_whole(buyer: User, content: str, says: str) -> None:
    with pytest.raises(BadInput) as refusal:
        take(buyer, content)

    assert says in f"{refusal.value.field} {refusal.value.message}"
    assert OpenOrderList.objects.count() == 0


def test_a_file_needs_the_right_to_orders_everywhere(world: World) -> None:
    local = MembershipFactory.create(role=Role.BUYER, site=world.sydney).person

    with pytest.raises(NotPermitted):
        take(local, AGREED)


# -- the alert -----------------------------------------------------------------------------------------------------


def test_what_stands_is_one_alert_of_the_site_until_the_two_agree(buyer: User, world: World) -> None:
    take(buyer, FIVE)
    alert = Alert.objects.get(rule=Rule.ERP_DISAGREEMENT)
    assert (alert.site, alert.state, alert.facts["disagreements"]) == (world.sydney, AlertState.OPEN, 1)

    take(buyer, FIVE, now=NOON + timedelta(hours=1))
    assert Alert.objects.filter(rule=Rule.ERP_DISAGREEMENT).count() == 1

    take(buyer, AGREED, now=NOON + timedelta(hours=2))
    alert.refresh_from_db()
    assert alert.state == AlertState.RECOVERED


def test_what_was_accepted_or_taken_over_asks_nobody(buyer: User) -> None:
    take(buyer, HEAD + "4500016221,10,5,,2027-08-01,open\n")
    quantity, contract = (Disagreement.objects.get(kind=kind) for kind in ("quantity", "contract_date"))

    open_orders.accept(disagreement_id=quantity.pk, reason="Spares", actor=buyer, now=NOON)
    alert = Alert.objects.get(rule=Rule.ERP_DISAGREEMENT)
    one = alert.facts["disagreements"]
    open_orders.fix(disagreement_id=contract.pk, actor=buyer, now=NOON)

    alert.refresh_from_db()
    assert (one, alert.state) == (1, AlertState.RECOVERED)


def test_a_look_at_some_lots_leaves_the_alert_of_the_list(buyer: User, world: World) -> None:
    take(buyer, FIVE)
    orders.upsert(
        document=document(line(unit_price=Decimal(9)), version=9),
        system="SAP-PRD",
        external_id="4500016221",
        actor=world.erp,
        now=NOON,
    )

    assert Alert.objects.get(rule=Rule.ERP_DISAGREEMENT).state == AlertState.OPEN


# -- every night ---------------------------------------------------------------------------------------------------


def test_the_newest_list_is_compared_once_a_utc_day(buyer: User) -> None:
    take(buyer, AGREED)
    OpenOrderRow.objects.update(quantity=5)
    midnight = datetime(2026, 11, 21, 0, 5, tzinfo=UTC)

    assert open_orders.compare_again(now=NOON + timedelta(hours=1)) == ()
    assert open_orders.compare_again(now=midnight) == ("SAP-PRD",)
    assert open_orders.compare_again(now=midnight + timedelta(hours=2)) == ()
    assert [row.kind for row in Disagreement.objects.all()] == ["quantity"]


def test_a_list_of_somebody_who_left_stays_as_it_was_compared(buyer: User, caplog: pytest.LogCaptureFixture) -> None:
    take(buyer, AGREED)
    User.objects.filter(pk=buyer.pk).update(is_active=False)

    assert open_orders.compare_again(now=NOON + timedelta(days=1)) == ()
    assert "nobody answers for the list" in caplog.text


def test_the_nightly_run_compares(buyer: User, world: World) -> None:
    take(buyer, AGREED)
    OpenOrderRow.objects.update(quantity=5)

    nightly.catch_up(now=NOON + timedelta(days=1))

    assert Disagreement.objects.get().kind == "quantity"
    assert alerts.evaluate_site(
        site_id=world.sydney.pk, as_of=date(2026, 11, 21), now=NOON + timedelta(days=1)
    ).opened == 0  # fmt: skip
    assert Alert.objects.filter(rule=Rule.ERP_DISAGREEMENT).count() == 1
