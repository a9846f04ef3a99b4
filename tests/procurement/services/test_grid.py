"""What is written about a site's grid connection, its load and its spot price; who may, and what is refused."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from procurement.models import ChainForecast
from procurement.queries import power_balance
from procurement.queries.power_facts import Knowledge
from procurement.services import chain_dates, grid
from procurement.services.chain_dates import ChainRevision
from procurement.services.grid import CapacityStep, ConnectionTerms
from procurement.vocabulary import RevisionKind
from sites.accounts.models import AuditEvent, User
from sites.accounts.permissions import Role
from sites.domain import imprecise
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted, RuleBroken
from sites.models import GridConnection, LoadStep, Site, SpotPrice
from sites.vocabulary import EnergyUnit, GridState, KnowledgeMode, Precision, PromiseSource
from tests.factories.power import CapacityStepFactory
from tests.factories.sites import BlockFactory, GridConnectionFactory, MembershipFactory, ShareFactory, SiteFactory
from tests.numbers import values

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
MAY, JUNE = date(2027, 5, 1), date(2027, 6, 1)


def _actor(site: Site, role: Role = Role.ENERGY_LEAD) -> User:
    person: User = MembershipFactory.create(role=role, site=site).person
    return person


def _ramp(site: Site, *steps: tuple[date, str], block_id: UUID | None = None, actor: User | None = None) -> None:
    grid.save_ramp(
        site_id=site.pk,
        block_id=block_id,
        steps=[(day, Decimal(mw)) for day, mw in steps],
        actor=actor or _actor(site),
        now=NOW,
    )


def _stored(site: Site) -> list[tuple[date, Decimal]]:
    return list(LoadStep.objects.filter(site=site).order_by("from_on").values_list("from_on", "gross_mw"))


def test_a_ramp_is_replaced_as_a_whole() -> None:
    site = SiteFactory.create()
    _ramp(site, (MAY, "10"), (JUNE, "20"))
    kept = LoadStep.objects.get(from_on=JUNE).pk

    _ramp(site, (JUNE, "22.5"))

    assert _stored(site) == [(JUNE, Decimal("22.5"))]
    assert LoadStep.objects.get().pk == kept


def test_the_ramp_of_a_block_stands_beside_that_of_another() -> None:
    site = SiteFactory.create()
    one, other = BlockFactory.create(phase__site=site), BlockFactory.create(phase__site=site)
    _ramp(site, (MAY, "10"), block_id=one.pk)
    _ramp(site, (MAY, "5"), (JUNE, "8"), block_id=other.pk)

    (found,) = power_balance.site_balances([site], MAY, JUNE, Knowledge(TODAY))

    assert [row.ramp_mw for row in found.periods] == [15, 18]


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([(MAY, "-1")], "steps/0/gross_mw"),
        ([(MAY, "10"), (JUNE, "NaN")], "steps/1/gross_mw"),
        ([(MAY, "24000")], "steps/0/gross_mw"),
        ([(MAY, "10.5000"), (JUNE, "12.1234")], "steps/1/gross_mw"),
        ([(MAY, "10"), (MAY, "20")], "steps/1/from_on"),
        ([(date(1999, 1, 1), "10")], "steps/0/from_on"),
    ],
)
def test_a_ramp_that_cannot_be_is_refused_by_its_field(steps: list[tuple[date, str]], field: str) -> None:
    site = SiteFactory.create()

    with pytest.raises(BadInput) as refusal:
        _ramp(site, *steps)

    assert refusal.value.field == field
    assert not _stored(site)


def test_a_block_of_another_site_is_refused_by_its_field() -> None:
    site, elsewhere = SiteFactory.create(), BlockFactory.create()

    with pytest.raises(BadInput) as refusal:
        _ramp(site, (MAY, "10"), block_id=elsewhere.pk)

    assert refusal.value.field == "block"


@pytest.mark.parametrize(("role", "refusal"), [(Role.VIEWER, NotPermitted), (Role.SITE_LEAD, NotPermitted)])
def test_only_who_answers_for_power_writes_it(role: Role, refusal: type[RuleBroken]) -> None:
    site = SiteFactory.create()

    with pytest.raises(refusal):
        _ramp(site, (MAY, "10"), actor=_actor(site, role))


def test_a_site_out_of_sight_is_not_found() -> None:
    with pytest.raises(NotFound):
        _ramp(SiteFactory.create(), (MAY, "10"), actor=_actor(SiteFactory.create()))


# -- capacity and state ---------------------------------------------------------------------------------------------


def _connection(**given: Any) -> GridConnection:
    made: GridConnection = GridConnectionFactory.create(**{"offered_mw": 40} | given)
    return made


def _capacity(connection: GridConnection, *steps: CapacityStep) -> None:
    grid.save_capacity(
        connection_id=connection.pk,
        steps=steps,
        offer_expires_on=date(2027, 1, 31),
        actor=_actor(connection.site),
        now=NOW,
    )


def test_capacity_steps_are_numbered_as_given_and_name_their_works() -> None:
    connection = _connection()
    works = grid.add_works(
        connection_id=connection.pk, name="Second circuit", contractor="Bight Lines", planned_on=MAY,
        actor=_actor(connection.site), now=NOW,
    )  # fmt: skip

    _capacity(connection, CapacityStep(Decimal(20), Decimal(5)), CapacityStep(Decimal(40), works="Second circuit"))

    columns = ("number", "firm_mw", "flexible_mw", "works")
    rows: list[Any] = list(connection.capacity_steps.order_by("number").values_list(*columns))
    assert rows == [(1, 20, 5, None), (2, 40, 0, works.pk)]
    connection.refresh_from_db()
    assert connection.offer_expires_on == date(2027, 1, 31)


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (CapacityStep(Decimal(-1)), "steps/0/firm_mw"),
        (CapacityStep(Decimal(10), Decimal("Infinity")), "steps/0/flexible_mw"),
        (CapacityStep(Decimal(36), Decimal(5)), "steps/0/firm_mw"),
        (CapacityStep(Decimal(10), milestone_code="NOWHERE"), "steps/0/milestone_code"),
        (CapacityStep(Decimal(10), works="Nothing"), "steps/0/works"),
        (CapacityStep(Decimal(10), from_on=date(2101, 1, 1)), "steps/0/from_on"),
    ],
)
def test_a_capacity_step_that_cannot_be_is_refused_by_its_field(step: CapacityStep, field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        _capacity(_connection(), step)

    assert refusal.value.field == field


def _moved(connection: GridConnection, state: GridState) -> str:
    actor = _actor(connection.site)
    return grid.move_connection(connection_id=connection.pk, state=state, actor=actor, now=NOW).state


def test_a_connection_goes_forward_and_one_step_back() -> None:
    connection = _connection(state=GridState.OFFERED)

    assert _moved(connection, GridState.WORKS) == "works"
    assert _moved(connection, GridState.SIGNED) == "signed"
    assert AuditEvent.objects.filter(verb="grid_connection.moved").count() == 2


@pytest.mark.parametrize("state", [GridState.WORKS, GridState.OFFERED])
def test_a_connection_does_not_go_far_back_or_nowhere(state: GridState) -> None:
    with pytest.raises(Conflict) as refusal:
        _moved(_connection(state=GridState.WORKS), state)

    assert refusal.value.field == "state"


# -- works are chains like any other --------------------------------------------------------------------------------


def test_works_have_a_forecast_and_a_ledger_of_promises() -> None:
    connection = _connection()
    actor = _actor(connection.site)
    works = grid.add_works(
        connection_id=connection.pk, name="Second circuit", contractor="", planned_on=MAY, actor=actor, now=NOW
    )
    before = ChainForecast.objects.get(chain=works.chain, current=True)
    assert before.forecast_on == date(2028, 3, 26)  # 1 May 2027, 90 and 240 days

    said = imprecise.read("2028-06-30", Precision.DAY)
    chain_dates.record(
        chain_id=works.chain_id,
        revisions=[ChainRevision(RevisionKind.PROMISE, said)],
        stated_on=TODAY,
        source=PromiseSource.MEETING,
        document="Minutes",
        actor=actor,
        now=NOW,
    )

    assert ChainForecast.objects.get(chain=works.chain, current=True).forecast_on == date(2028, 6, 30)


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "Second circuit"])
def test_works_need_a_name_of_their_own(name: str) -> None:
    connection = _connection()
    given: dict[str, Any] = {
        "connection_id": connection.pk, "contractor": "", "planned_on": None, "actor": _actor(connection.site),
        "now": NOW,
    }  # fmt: skip
    grid.add_works(name="Second circuit", **given)

    with pytest.raises(BadInput) as refusal:
        grid.add_works(name=name, **given)

    assert refusal.value.field == "name"


# -- spot prices ----------------------------------------------------------------------------------------------------


def _spot(site: Site, **given: Any) -> SpotPrice:
    asked: dict[str, Any] = {
        "agreement_id": None, "from_on": MAY, "price": Decimal("95"), "unit": EnergyUnit.MWH, "currency": "AUD",
        "source": "Forward curve", "actor": _actor(site), "now": NOW,
    }  # fmt: skip
    return grid.set_spot_price(site_id=site.pk, **asked | given)


def test_a_spot_price_is_kept_by_the_megawatt_hour_and_set_once_a_day() -> None:
    site = SiteFactory.create()
    _spot(site)

    again = _spot(site, price=Decimal("0.11"), unit=EnergyUnit.KWH)

    assert values(again.price_per_mwh, SpotPrice.objects.count()) == (110, 1)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"source": " "}, "source"),
        ({"price": Decimal("0.095")}, "price"),
        ({"price": Decimal("95.00005")}, "price"),
        ({"from_on": date(1999, 1, 1)}, "from_on"),
    ],
)
def test_a_spot_price_that_cannot_be_is_refused_by_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        _spot(SiteFactory.create(), **given)

    assert refusal.value.field == field


def test_a_spot_price_is_for_an_agreement_of_the_site() -> None:
    share = ShareFactory.create()

    assert _spot(share.site, agreement_id=share.agreement_id).agreement == share.agreement
    with pytest.raises(BadInput) as refusal:
        _spot(SiteFactory.create(), agreement_id=share.agreement_id)
    assert refusal.value.field == "agreement"


# -- the connection itself -----------------------------------------------------------------------------------------


TERMS = ConnectionTerms("North intake", "Harbour Grid", Decimal(30), energisation_target_on=date(2029, 3, 1))


def _add(site: Site, terms: ConnectionTerms = TERMS) -> GridConnection:
    return grid.add_connection(site_id=site.pk, terms=terms, actor=_actor(site), now=NOW)


def test_a_connection_runs_from_the_enquiry_to_its_capacity_and_meets_its_target() -> None:
    found = _add(SiteFactory.create())

    codes = list(found.chain.milestones.order_by("sequence").values_list("code", flat=True))
    assert (codes[0], codes[-1], found.state) == ("ENQUIRY", "CAPACITY_RELEASED", GridState.ENQUIRY)
    assert ChainForecast.objects.get(chain=found.chain, current=True).forecast_on == date(2029, 3, 1)


def test_what_was_agreed_is_kept_when_a_connection_is_signed_and_a_later_date_is_a_slip() -> None:
    site = SiteFactory.create()
    found, actor = _add(site), _actor(site)
    assert not found.chain.baselines.exists()

    grid.move_connection(connection_id=found.pk, state=GridState.SIGNED, actor=actor, now=NOW)
    chain_dates.record(
        chain_id=found.chain_id,
        revisions=[ChainRevision(RevisionKind.PROMISE, imprecise.read("2029-04-10", Precision.DAY), "ENERGISED")],
        stated_on=TODAY,
        source=PromiseSource.MEETING,
        document="Minutes",
        actor=actor,
        now=NOW,
    )

    answer = ChainForecast.objects.get(chain=found.chain, current=True)
    assert found.chain.baselines.get().dates["ENERGISED"] == "2029-03-01"
    assert (answer.forecast_on, answer.slip_days) == (date(2029, 4, 10), 40)


def test_a_first_plan_of_works_is_their_baseline() -> None:
    site = SiteFactory.create()
    works = grid.add_works(
        connection_id=_add(site).pk,
        name="Bay",
        contractor="",
        planned_on=date(2027, 1, 10),
        actor=_actor(site),
        now=NOW,
    )

    assert works.chain.baselines.get().dates["COMPLETE"] == "2027-12-06"
    assert ChainForecast.objects.get(chain=works.chain, current=True).slip_days == 0


def _said(chain_id: UUID, day: str, actor: User) -> None:
    chain_dates.record(
        chain_id=chain_id,
        revisions=[ChainRevision(RevisionKind.PROMISE, imprecise.read(day, Precision.DAY))],
        stated_on=TODAY,
        source=PromiseSource.MEETING,
        document="Minutes",
        actor=actor,
        now=NOW,
    )


def _grid_mw(site: Site, mode: KnowledgeMode) -> list[tuple[date, Decimal | None]]:
    (found,) = power_balance.site_balances([site], date(2029, 4, 1), date(2029, 12, 31), Knowledge(TODAY, mode))
    rows = [(row.from_on, row.limits[0].mw) for row in found.periods]
    return [row for place, row in enumerate(rows) if place == 0 or row[1] != rows[place - 1][1]]


def test_works_added_without_a_plan_are_measured_against_what_is_said_first() -> None:
    site = SiteFactory.create()
    actor = _actor(site)
    connection = _add(site)
    grid.move_connection(connection_id=connection.pk, state=GridState.SIGNED, actor=actor, now=NOW)
    works = grid.add_works(
        connection_id=connection.pk, name="Bay", contractor="", planned_on=None, actor=actor, now=NOW
    )
    _capacity(connection, CapacityStep(Decimal(10)), CapacityStep(Decimal(30), works="Bay"))
    assert not works.chain.baselines.exists()

    _said(works.chain_id, "2029-05-31", actor)
    _said(works.chain_id, "2029-08-31", actor)

    assert works.chain.baselines.get().dates["COMPLETE"] == "2029-05-31"
    assert ChainForecast.objects.get(chain=works.chain, current=True).slip_days == 92
    # 10 MW from energisation; all 30 with the works: as first said on 31 May, today three months later.
    start = date(2029, 4, 1), Decimal(10)
    assert _grid_mw(site, KnowledgeMode.BASELINE) == [start, (date(2029, 5, 31), Decimal(30))]
    assert _grid_mw(site, KnowledgeMode.TODAY) == [start, (date(2029, 8, 31), Decimal(30))]


def test_an_owner_is_somebody_with_a_right_at_the_site() -> None:
    site = SiteFactory.create()
    here, elsewhere = _actor(site, Role.SITE_LEAD), _actor(SiteFactory.create(), Role.SITE_LEAD)

    found = _add(site, replace(TERMS, owner=here.username.upper(), calendar=site.calendar.name))

    assert (found.owner, found.calendar) == (here, site.calendar)
    for terms, field in (
        (replace(TERMS, name="B", owner=elsewhere.username), "owner"),
        (replace(TERMS, name="B", owner="nobody at all"), "owner"),
        (replace(TERMS, name="B", calendar="The moon's"), "calendar"),
    ):
        with pytest.raises(BadInput) as refusal:
            _add(site, terms)
        assert refusal.value.field == field


def test_changed_terms_keep_the_chain() -> None:
    site = SiteFactory.create()
    found = _add(site)

    grid.change_connection(
        connection_id=found.pk, terms=replace(TERMS, offered_mw=Decimal(28), firm_mw=Decimal(20)), actor=_actor(site),
        now=NOW,
    )  # fmt: skip

    changed = GridConnection.objects.get()
    assert values(changed.offered_mw, changed.firm_mw, changed.chain_id) == (28, 20, found.chain_id)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "Taken"}, "name"),
        ({"utility": ""}, "utility"),
        ({"requested_mw": Decimal(30_000)}, "requested_mw"),
        ({"requested_mw": Decimal(0)}, "requested_mw"),
        ({"firm_mw": Decimal(-1)}, "firm_mw"),
        ({"offered_mw": Decimal(20), "firm_mw": Decimal(15), "flexible_mw": Decimal(6)}, "firm_mw"),
        ({"voltage_kv": Decimal(132_000)}, "voltage_kv"),
        ({"requested_mw": Decimal("20.1234")}, "requested_mw"),
        ({"voltage_kv": Decimal("110.04")}, "voltage_kv"),
        ({"energisation_target_on": date(20, 1, 1)}, "energisation_target_on"),
        ({"offer_expires_on": date(2222, 1, 1)}, "offer_expires_on"),
    ],
)
def test_a_connection_that_cannot_be_is_refused_by_its_field(given: dict[str, Any], field: str) -> None:
    site = SiteFactory.create()
    GridConnectionFactory.create(site=site, name="Taken")

    with pytest.raises(BadInput) as refusal:
        _add(site, replace(TERMS, **given))

    assert refusal.value.field == field


def test_an_offer_below_its_own_steps_is_refused() -> None:
    site = SiteFactory.create()
    found = GridConnectionFactory.create(site=site, name="North intake")
    CapacityStepFactory.create(connection=found, firm_mw=25)

    with pytest.raises(BadInput) as refusal:
        grid.change_connection(
            connection_id=found.pk, terms=replace(TERMS, offered_mw=Decimal(20)), actor=_actor(site), now=NOW
        )

    assert refusal.value.field == "offered_mw"


def test_a_viewer_adds_no_connection() -> None:
    site = SiteFactory.create()

    with pytest.raises(NotPermitted):
        grid.add_connection(site_id=site.pk, terms=TERMS, actor=_actor(site, Role.VIEWER), now=NOW)
