"""A vendor's page is made of its own lots that the reader may see, in a fixed number of queries."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from procurement.domain.vendor_performance import Against
from procurement.models import Company, DeliveryLot
from procurement.queries.vendor_performance import Side, vendor_view, vendors
from procurement.services import forecasts
from procurement.vocabulary import LineStatus, RunCause
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from sites.vocabulary import Party, ReasonCode
from tests.factories.procurement import (
    AllocationFactory,
    CompanyFactory,
    DeliveryLotFactory,
    OrderLineFactory,
    PlantFactory,
    PurchaseOrderFactory,
    RequirementFactory,
)
from tests.factories.sites import BaselineFactory, MembershipFactory, PromiseFactory, RetractionFactory, SiteFactory

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


@pytest.fixture
def reader(site: Site) -> User:
    return MembershipFactory.create(role=Role.VIEWER, site=site).person


@pytest.fixture
def seller() -> Company:
    return CompanyFactory.create(name="Kogarashino", makes=True)


def lot_of(seller: Company, site: Site, **given: Any) -> DeliveryLot:
    """Promised for its baseline and then 30 days later, because of a sub-supplier."""
    line = OrderLineFactory.create(
        order=PurchaseOrderFactory.create(seller=seller), plant=PlantFactory.create(company=seller)
    )
    lot = DeliveryLotFactory.create(
        site=site,
        schedule_line__line=line,
        schedule_line__contract_on=date(2027, 5, 24),
        schedule_line__contract_step="FAT_PASS",
        baseline={"PO_ISSUED": date(2026, 8, 3), "FAT_PASS": date(2027, 5, 24), "ON_SITE": date(2027, 7, 19)},
        **({"actuals": {"PO_ISSUED": date(2026, 8, 3)}} | given),
    )
    AllocationFactory.create(lot=lot, requirement=RequirementFactory.create(site=site))
    milestone = lot.chain.milestones.get(code="FAT_PASS")
    for place, days in enumerate((0, 30)):
        PromiseFactory.create(
            milestone=milestone,
            counts_on=date(2027, 5, 24) + timedelta(days=days),
            stated_on=date(2026, 9, 1) + timedelta(days=place),
            reason_code=ReasonCode.SUB_SUPPLIER if days else ReasonCode.NOT_STATED,
        )
    return lot


def calculated(site: Site) -> None:
    forecasts.recalculate(site_id=site.pk, as_of=TODAY, now=NOW, cause=RunCause.LOAD, evaluate=False)


def test_the_slip_is_shared_out_exactly(site: Site, reader: User, seller: Company) -> None:
    lots = [lot_of(seller, site) for _ in range(2)]
    calculated(site)

    view = vendor_view(reader, seller.pk, Side.SELLER, as_of=TODAY)

    assert view is not None
    stored = sum(row.slip_days or 0 for lot in lots for row in lot.forecasts.filter(current=True))
    assert (view.slip_days, sum(view.parties.values()), sum(view.reasons.values())) == (stored, stored, stored)
    assert stored > 0
    assert view.reasons[Party.VENDOR, ReasonCode.SUB_SUPPLIER] > 0
    assert (view.moves, view.moves_without_reason) == (2, 0)


def test_nobody_answers_for_a_step_of_which_only_a_later_one_is_recorded(
    site: Site, reader: User, seller: Company
) -> None:
    lot = lot_of(seller, site, actuals={"PO_ISSUED": date(2026, 8, 3), "RTM": date(2026, 11, 5)})
    lot.chain.milestones.filter(code="SUBMITTAL_APPROVED").update(responsible=Party.OWNER)
    agreed = {**lot.chain.baselines.get().dates, "SUBMITTAL_APPROVED": "2026-10-09", "RTM": "2026-10-16"}
    BaselineFactory.create(chain=lot.chain, version=2, dates=agreed)
    calculated(site)

    view = vendor_view(reader, seller.pk, Side.SELLER, as_of=TODAY)

    assert view is not None
    assert view.parties[Party.OWNER] == 0


def test_what_was_retracted_moved_nothing(site: Site, reader: User, seller: Company) -> None:
    lot = lot_of(seller, site)
    RetractionFactory.create(promise=lot.chain.milestones.get(code="FAT_PASS").promises.latest("place"))
    calculated(site)

    view = vendor_view(reader, seller.pk, Side.SELLER, as_of=TODAY)

    assert view is not None
    assert view.moves == 0


def test_what_was_said_before_a_retracted_correction_moved_it(site: Site, reader: User, seller: Company) -> None:
    lot = lot_of(seller, site)
    moved = lot.chain.milestones.get(code="FAT_PASS").promises.latest("place")
    RetractionFactory.create(
        promise=PromiseFactory.create(milestone=moved.milestone, supersedes=moved, stated_on=moved.stated_on)
    )
    calculated(site)

    view = vendor_view(reader, seller.pk, Side.SELLER, as_of=TODAY)

    assert view is not None
    assert (view.moves, view.moves_without_reason) == (1, 0)


def test_five_deliveries_make_a_score_by_the_physical_day(site: Site, reader: User, seller: Company) -> None:
    for late in (0, 0, 0, 12, 12):
        lot_of(seller, site, actuals={"FAT_PASS": date(2026, 11, 2) + timedelta(days=late)})
    DeliveryLot.objects.update()
    for lot in DeliveryLot.objects.select_related("schedule_line"):
        lot.schedule_line.contract_on = date(2026, 11, 10)
        lot.schedule_line.save()
    calculated(site)

    view = vendor_view(reader, seller.pk, Side.SELLER, as_of=TODAY)

    assert view is not None
    assert view.card.on_time[Against.CONTRACT].value == 60


def test_a_maker_is_a_vendor_too(site: Site, reader: User, seller: Company) -> None:
    lot_of(seller, site)
    calculated(site)

    assert [row.company for row in vendors(reader, Side.MAKER)] == [seller]
    assert vendor_view(reader, seller.pk, Side.MAKER, as_of=TODAY) is not None


def test_lots_of_other_sites_and_cancelled_lines_are_not_in_it(site: Site, reader: User, seller: Company) -> None:
    elsewhere = SiteFactory.create()
    lot_of(seller, elsewhere)
    cancelled = lot_of(seller, site)
    cancelled.schedule_line.status = LineStatus.CANCELLED
    cancelled.schedule_line.save()
    calculated(elsewhere)
    calculated(site)

    assert vendors(reader, Side.SELLER) == ()
    assert vendor_view(reader, seller.pk, Side.SELLER, as_of=TODAY) is None


def test_it_takes_as_many_queries_for_three_lots_as_for_one(
    site: Site, reader: User, seller: Company, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for more in (1, 2):
        for _ in range(more):
            lot_of(seller, site)
        calculated(site)
        with django_assert_num_queries(7):
            vendor_view(reader, seller.pk, Side.SELLER, as_of=TODAY)
        with django_assert_num_queries(4):
            vendors(reader, Side.SELLER)


def test_the_first_word_moves_a_step_from_what_was_agreed(site: Site, reader: User, seller: Company) -> None:
    lot = lot_of(seller, site)
    for said in lot.chain.milestones.get(code="FAT_PASS").promises.all():
        RetractionFactory.create(promise=said)
    PromiseFactory.create(
        milestone=lot.chain.milestones.get(code="FAT_PASS"),
        place=10,
        counts_on=date(2027, 6, 24),
        stated_on=date(2026, 9, 3),
        reason_code=ReasonCode.DESIGN_CHANGE,
        responsible=Party.OWNER,
    )
    calculated(site)

    view = vendor_view(reader, seller.pk, Side.SELLER, as_of=TODAY)

    assert view is not None
    assert view.reasons[Party.OWNER, ReasonCode.DESIGN_CHANGE] > 0
    assert sum(view.reasons.values()) == view.slip_days
