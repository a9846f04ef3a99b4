"""A site with one late chiller on it, and the people who hear of it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from procurement.models import DeliveryLot, LotForecast, Requirement, RequirementForecast
from procurement.services import alerts
from procurement.services.alerts import Evaluated
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from tests.factories.accounts import UserFactory
from tests.factories.procurement import (
    AllocationFactory,
    LotForecastFactory,
    PurchaseOrderFactory,
    RequirementFactory,
    RequirementForecastFactory,
)
from tests.factories.sites import AssignmentFactory, MembershipFactory, SiteFactory

TODAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 1, tzinfo=UTC)  # noon in Sydney
REQUIRED_ON = date(2027, 9, 20)


@dataclass(frozen=True)
class Late:
    requirement: Requirement
    lot: DeliveryLot

    @property
    def site(self) -> Site:
        return self.requirement.site


def late(site: Site | None = None, *, days: int = 12, tag: str = "CH-03", **of_requirement: Any) -> Late:
    """One ordered unit that comes `days` after its required date; below zero it is in time."""
    site = site or SiteFactory.create(code="SYD1")
    requirement = RequirementFactory.create(site=site, tag=tag, required_on_site=REQUIRED_ON, **of_requirement)
    allocation = AllocationFactory.create(
        requirement=requirement,
        lot__site=site,
        lot__schedule_line__line__order=PurchaseOrderFactory.create(issued_on=TODAY),
        lot__schedule_line__line__equipment_class=requirement.equipment_class,
    )
    made = Late(requirement, allocation.lot)
    move(made, days)
    return made


def move(unit: Late, days: int, *, mw_days: int = 0) -> None:
    """A new forecast, as a recalculation leaves it."""
    on = REQUIRED_ON + timedelta(days=days)
    LotForecastFactory.create(
        lot=unit.lot, required_on_site=REQUIRED_ON, forecast_on=on, driver="promise", driver_code="FAT_PASS"
    )
    RequirementForecastFactory.create(requirement=unit.requirement, forecast_on=on, costs_mw_days=Decimal(mw_days))


def holder(site: Site, role: Role = Role.BUYER, **of_person: Any) -> User:
    """Somebody with this role at the site."""
    person = UserFactory.create(**of_person)
    MembershipFactory.create(person=person, role=role, site=site)
    return person


def assigned(at: Site, role: Role = Role.BUYER, **of_assignment: Any) -> User:
    """Somebody with this role at the site and the duty as well."""
    person = holder(at, role)
    AssignmentFactory.create(person=person, role=role, **({"site": at} | of_assignment))
    return person


def look(site: Site, now: datetime = NOON, as_of: date = TODAY, cause: str = "letter-1") -> Evaluated:
    return alerts.evaluate_site(
        site_id=site.pk, as_of=as_of, now=now, cause_key=cause, cause_text=f"Statement {cause}" if cause else ""
    )


def lot_forecast(unit: Late) -> LotForecast:
    return LotForecast.objects.get(lot=unit.lot, current=True)


def requirement_forecast(unit: Late) -> RequirementForecast:
    return RequirementForecast.objects.get(requirement=unit.requirement, current=True)
