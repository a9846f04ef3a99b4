"""Gates, agreements and grid connections: the same ledger and the same engine as a lot."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from procurement.models import BlockForecast, ChainForecast
from procurement.services import chain_dates
from procurement.services.chain_dates import ChainRevision, Recorded
from procurement.services.forecasts import Moved
from procurement.vocabulary import RevisionKind, RosRule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, NotFound, NotPermitted
from sites.domain.imprecise import on_day, read
from sites.models import Chain, Promise
from sites.vocabulary import GateKind, Precision, PromiseSource
from tests.factories.procurement import RequirementFactory
from tests.factories.sites import (
    AgreementFactory,
    BlockFactory,
    GateFactory,
    GridConnectionFactory,
    MembershipFactory,
    ShareFactory,
    SiteFactory,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
PROMISE = ChainRevision(RevisionKind.PROMISE, on_day(date(2028, 5, 1)))


def record(chain: Chain, actor: User, *revisions: ChainRevision) -> Recorded:
    return chain_dates.record(
        chain_id=chain.pk,
        revisions=revisions,
        stated_on=date(2026, 11, 19),
        source=PromiseSource.EMAIL,
        document="Seller's notice",
        actor=actor,
        now=NOW,
    )


def energy_lead(**scope: object) -> User:
    return MembershipFactory.create(role=Role.ENERGY_LEAD, **scope).person


def test_a_promise_about_an_agreement_speaks_for_its_cod() -> None:
    agreement = ShareFactory.create().agreement
    agreement.chain.milestones.filter(code="SIGNED").update(actual_on=date(2026, 10, 1))

    done = record(agreement.chain, energy_lead(), PROMISE)

    assert done.moved == (Moved("agreement", agreement.pk, f"{agreement}", None, date(2028, 5, 1)),)
    assert list(Promise.objects.values_list("pk", "statement_id")) == [(done.promise_ids[0], done.statement_id)]
    assert list(Promise.objects.values_list("milestone__code", "value")) == [("COD", "2028-05-01")]
    cod = agreement.chain.milestones.get(code="COD")
    assert Promise.objects.values_list("reason_code", "responsible").get() == ("not_stated", cod.responsible)


def test_an_actual_about_a_grid_connection_is_its_energisation() -> None:
    grid = GridConnectionFactory.create()

    record(grid.chain, energy_lead(site=grid.site), ChainRevision(RevisionKind.ACTUAL, on_day(date(2026, 11, 10))))

    row = ChainForecast.objects.get(chain=grid.chain, current=True)
    assert (row.forecast_on, row.done_on, row.next_code) == (date(2026, 11, 10), date(2026, 11, 10), "")


def test_a_gate_that_moves_takes_its_requirements_with_it() -> None:
    gate = GateFactory.create(planned_on=date(2027, 10, 5))
    requirement = RequirementFactory.create(
        site=gate.site, required_on_site=None, ros_rule=RosRule.ANCHORED, shake_out_days=10
    )
    requirement.anchors.create(gate=gate)
    lead = MembershipFactory.create(role=Role.SITE_LEAD, site=gate.site).person

    record(gate.chain, lead, ChainRevision(RevisionKind.ACTUAL, on_day(date(2026, 11, 12))))

    requirement.refresh_from_db()
    assert requirement.required_on_site == date(2026, 10, 29)


def test_the_rfs_gate_of_a_block_moves_the_blocks_date() -> None:
    block = BlockFactory.create(rfs_baseline_on=date(2027, 12, 1), rfs_plan_on=date(2027, 12, 1))
    gate = GateFactory.create(
        site=block.phase.site, phase=block.phase, block=block, kind=GateKind.RFS, planned_on=date(2027, 12, 11)
    )
    lead = MembershipFactory.create(role=Role.SITE_LEAD, site=block.phase.site).person

    record(gate.chain, lead, ChainRevision(RevisionKind.LOCK, on_day(date(2027, 12, 20)), note="Agreed"))

    row = BlockForecast.objects.get(block=block, current=True)
    assert (row.rfs_forecast_on, row.decided_by) == (date(2027, 12, 11), "schedule")


def test_a_lock_is_released_again() -> None:
    grid = GridConnectionFactory.create()
    lead = energy_lead()
    record(grid.chain, lead, ChainRevision(RevisionKind.LOCK, on_day(date(2028, 1, 1)), note="Utility's letter"))

    record(grid.chain, lead, ChainRevision(RevisionKind.RELEASE, None))

    assert grid.chain.milestones.get(code="ENERGISED").locked_on is None


@pytest.mark.parametrize(
    ("revision", "field"),
    [
        (ChainRevision(RevisionKind.PROMISE, None), "date"),
        (ChainRevision(RevisionKind.ACTUAL, None), "date"),
        (ChainRevision(RevisionKind.PROMISE, on_day(date(2028, 1, 1)), milestone="FAT_PASS"), "milestone"),
        (ChainRevision(RevisionKind.ACTUAL, read("2026-10", Precision.MONTH)), "date"),
        (ChainRevision(RevisionKind.ACTUAL, on_day(date(2026, 11, 25))), "date"),
        (ChainRevision(RevisionKind.LOCK, on_day(date(2028, 1, 1))), "note"),
        (ChainRevision(RevisionKind.RELEASE, None), "milestone"),
        (ChainRevision(RevisionKind.RELEASE, on_day(date(2028, 1, 1))), "date"),
    ],
)
@pytest.mark.parametrize("path", ["", "revisions/0"])
def test_a_refused_date_names_its_field_and_stores_nothing(revision: ChainRevision, field: str, path: str) -> None:
    grid = GridConnectionFactory.create()

    with pytest.raises(BadInput) as refusal:
        record(grid.chain, energy_lead(), replace(revision, field=path))

    assert refusal.value.field == (f"{path}/{field}" if path else field)
    assert (Promise.objects.count(), ChainForecast.objects.count()) == (0, 0)


def test_an_agreement_for_two_sites_needs_the_right_at_both() -> None:
    agreement = AgreementFactory.create()
    mine = ShareFactory.create(agreement=agreement).site
    ShareFactory.create(agreement=agreement)

    with pytest.raises(NotPermitted):
        record(agreement.chain, energy_lead(site=mine), PROMISE)


def test_a_chain_of_another_site_does_not_exist_for_a_stranger() -> None:
    grid = GridConnectionFactory.create()

    with pytest.raises(NotFound):
        record(grid.chain, energy_lead(site=SiteFactory.create()), PROMISE)
