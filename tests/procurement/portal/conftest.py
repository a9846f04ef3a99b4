"""A Sydney and a Tokyo with one of everything, and people who may see one of them, both, or nothing."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.test import Client

from procurement.models import Alert, DeliveryLot, Notification, Requirement
from procurement.services import forecasts
from procurement.vocabulary import AlertSubject, NotificationState, RunCause
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Block, GridConnection, PowerPurchaseAgreement, Site
from sites.vocabulary import GateKind, ReasonCode, ScopeKind
from tests.factories.accounts import UserFactory
from tests.factories.procurement import (
    AlertEventFactory,
    AlertFactory,
    AllocationFactory,
    DeliveryLotFactory,
    GroupNeedFactory,
    LeadTimeFactory,
    NotificationFactory,
    NotificationItemFactory,
    RequirementFactory,
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

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)


@dataclass(frozen=True)
class Place:
    """A site with a late chiller on order, one not ordered yet, an alert, a mail, a grid connection and a share."""

    site: Site
    block: Block
    lot: DeliveryLot
    requirement: Requirement
    unordered: Requirement
    alert: Alert
    agreement: PowerPurchaseAgreement
    mail: Notification
    connection: GridConnection

    @property
    def line_key(self) -> UUID:
        return self.lot.schedule_line_id

    @property
    def pages(self) -> list[str]:
        """Every page that shows something of this site alone."""
        return [
            f"/sites/{self.site.code}/",
            f"/packs/sites/{self.site.code}/",
            f"/blocks/{self.block.pk}/",
            f"/lines/{self.line_key}/",
            f"/units/{self.line_key}/receive/",
            f"/orders/{self.lot.schedule_line.line.order_id}/",
            f"/requirements/{self.requirement.pk}/",
            f"/requirements/{self.unordered.pk}/",
            f"/alerts/{self.alert.pk}/",
            f"/power/agreements/{self.agreement.pk}/",
            f"/sites/{self.site.code}/power/",
            f"/power/grid/{self.connection.pk}/",
            f"/notes/line/{self.line_key}/",
            f"/notes/requirement/{self.requirement.pk}/",
        ]

    @property
    def doors(self) -> list[str]:
        """Every address that takes a form about this site."""
        forms = ("promise", "actual", "lock", "release", "split", "retract")
        agreement = ("terms/price", "shares", "rows/notices", "state", "close", "serve")
        return [
            *(f"/lines/{self.line_key}/{name}/" for name in forms),
            f"/units/{self.line_key}/receive/",
            f"/alerts/{self.alert.pk}/acknowledge/",
            *(f"/power/agreements/{self.agreement.pk}/{name}/" for name in agreement),
            *(f"/power/grid/{self.connection.pk}/{name}/" for name in ("terms", "capacity", "state", "works")),
            f"/power/dates/{self.agreement.chain_id}/promise/",
            f"/power/dates/{self.connection.chain_id}/actual/",
            f"/sites/{self.site.code}/power/ramp/site/",
            f"/sites/{self.site.code}/power/spot-price/",
        ]


LISTS = [
    "/",
    "/blocks/",
    "/blocks/?month=none",
    "/log/",
    "/log/?shown=all&sort=-vendor&size=50",
    "/log/?shown=unordered",
    "/log/?since=2026-11-01&columns=forecast,float&density=dense",
    "/log/?late=1&tour=1",
    "/log/gantt/?view=",
    "/log/gantt/?view=&zoom=weeks",
    "/log/grid/",
    "/register/?shown=open",
    "/units/",
    "/units/?q=CH",
    "/views/",
    "/find/?q=a",
    "/glossary/",
    "/alerts/",
    "/alerts/?shown=standing",
    "/alerts/rules/",
    "/alerts/rules/late_forecast/",
    "/alerts/what-if/",
    "/power/",
    "/power/agreements/",
    "/power/grid/",
    "/lead-times/",
    "/integration/",
    "/integration/webhooks/",
    "/integration/messages/",
    "/integration/disagreements/",
]


def make_place(site: Site, *, told: User) -> Place:
    lot = DeliveryLotFactory.create(
        site=site,
        quantity=Decimal(2),
        actuals={"PO_ISSUED": date(2026, 8, 3), "SUBMITTAL_IN": date(2026, 9, 25)},
        baseline={"FAT_PASS": date(2027, 5, 24), "ON_SITE": date(2027, 7, 19)},
    )
    PromiseFactory.create(
        milestone=lot.chain.milestones.get(code="FAT_PASS"),
        conditional_on=date(2026, 10, 16),
        document="Mail of 1 October",
        reason_code=ReasonCode.SUB_SUPPLIER,
        recorded_by=told,
    )
    need = GroupNeedFactory.create(block=BlockFactory.create(phase__site=site))
    requirement = RequirementFactory.create(site=site, required_on_site=date(2027, 6, 1), group=need.group)
    AllocationFactory.create(lot=lot, requirement=requirement)
    unordered = RequirementFactory.create(
        site=site, lead_time=LeadTimeFactory.create(), lead_time_reason="The only quotation"
    )
    GateFactory.create(site=site, kind=GateKind.ENERGISED)
    connection = GridConnectionFactory.create(site=site)
    agreement = AgreementFactory.create()
    ShareFactory.create(agreement=agreement, site=site)
    AssignmentFactory.create(site=site, person=told)
    alert = AlertFactory.create(
        site=site,
        subject_kind=AlertSubject.LOT,
        subject_id=lot.pk,
        facts={"days_late": 91, "forecast_on": "2027-08-31", "required_on_site": "2027-06-01", "mw_days": "12.5"},
    )
    mail = NotificationFactory.create(
        frozen=True,
        recipient=told,
        site=site,
        state=NotificationState.SENT,
        sent_at=NOW,
        body_html="<p style='color: red'>Chillers late</p><script>alert(1)</script>",
    )
    NotificationItemFactory.create(event=AlertEventFactory.create(alert=alert), notification=mail)
    forecasts.recalculate(site_id=site.pk, as_of=TODAY, now=NOW, cause=RunCause.LOAD, evaluate=False)
    forecasts.recalculate_power(as_of=TODAY, now=NOW, cause=RunCause.LOAD)
    return Place(site, need.block, lot, requirement, unordered, alert, agreement, mail, connection)


@pytest.fixture
def expediter() -> User:
    """Answers for Sydney and sees nothing else."""
    return UserFactory.create(username="expediter", name="Edith Expediter", time_zone="Australia/Sydney")


@pytest.fixture
def administrator() -> User:
    """Of the whole portfolio."""
    person = UserFactory.create(username="ada", name="Ada Administrator")
    MembershipFactory.create(person=person, role=Role.ADMINISTRATOR, scope=ScopeKind.PORTFOLIO, site=None)
    return person


@pytest.fixture
def sydney(expediter: User) -> Place:
    place = make_place(SiteFactory.create(code="SYD1"), told=expediter)
    MembershipFactory.create(person=expediter, role=Role.EXPEDITER, site=place.site)
    return place


@pytest.fixture
def tokyo() -> Place:
    return make_place(SiteFactory.create(code="TYO1", tokyo=True), told=UserFactory.create())


@pytest.fixture
def browser(expediter: User) -> Client:
    """Logged in as the expediter."""
    client = Client()
    client.force_login(expediter)
    return client


def browser_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client
