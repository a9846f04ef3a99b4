"""Documents as an ERP sends them, and the world they speak of."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from procurement.domain.order_document import LineDocument, OrderDocument
from procurement.services import orders
from procurement.services.orders import Upserted
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from sites.vocabulary import ScopeKind
from tests.factories.accounts import UserFactory
from tests.factories.procurement import CompanyFactory, EquipmentClassFactory, PlantFactory
from tests.factories.sites import MembershipFactory, SiteFactory

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """A vendor with a plant in Japan, a site in Sydney and one in Tokyo, and an ERP that writes at both."""

    sydney: Site
    tokyo: Site
    erp: User


def make_world() -> World:
    vendor = CompanyFactory.create(code="KITA", makes=True)
    PlantFactory.create(company=vendor, code="OSAKA")
    EquipmentClassFactory.create(code="chiller")
    erp = UserFactory.create(machine=True)
    MembershipFactory.create(person=erp, role=Role.ERP_CLIENT, scope=ScopeKind.PORTFOLIO)
    return World(sydney=SiteFactory.create(code="SYD1"), tokyo=SiteFactory.create(code="TYO1", tokyo=True), erp=erp)


def line(number: int = 10, **said: Any) -> LineDocument:
    given: dict[str, Any] = {
        "quantity": Decimal(4),
        "equipment_class": "chiller",
        "plant": "OSAKA",
        "unit_price": Decimal("250000.00"),
        "contract_on": date(2027, 7, 19),
        "field": f"lines/{number // 10 - 1}",
    }
    return LineDocument(number=number, **(given | said))


def document(*lines: LineDocument, **said: Any) -> OrderDocument:
    plain = OrderDocument(
        vendor="KITA",
        currency="AUD",
        site="SYD1",
        incoterm="DAP",
        issued_on=date(2026, 8, 3),
        version=1,
        lines=lines or (line(),),
    )
    return replace(plain, **said)


def put(world: World, sent: OrderDocument, **said: Any) -> Upserted:
    given: dict[str, Any] = {"system": "SAP-PRD", "external_id": "4500016221", "actor": world.erp, "now": NOON}
    return orders.upsert(document=sent, **(given | said))
