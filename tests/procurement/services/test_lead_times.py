"""The library of lead times: what may be recorded, what completed lines achieve, what stands in for a class."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from procurement.models import DeliveryLot, LeadTimeObservation, Requirement
from procurement.queries.lead_time import class_view, classes_standing_in
from procurement.services import dates, lead_times, requirements
from procurement.services.dates import ActualBefore
from procurement.services.lead_times import Stated
from procurement.vocabulary import LeadTimeKind
from sites.accounts.models import AuditEvent, User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from tests.factories.procurement import (
    DeliveryLotFactory,
    EquipmentClassFactory,
    LeadTimeFactory,
    RequirementFactory,
)
from tests.factories.sites import MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)


@pytest.fixture
def buyer() -> User:
    return MembershipFactory.create(role=Role.BUYER).person


def stated(**given: Any) -> Stated:
    said: dict[str, Any] = {
        "kind": LeadTimeKind.QUOTED, "low_weeks": Decimal(40), "high_weeks": Decimal(48), "basis_from": "PO_ISSUED",
        "basis_to": "RTS", "as_of": date(2026, 7, 1), "source": "Quotation 17", **given,
    }  # fmt: skip
    return Stated(**said)


def test_an_observation_is_recorded_with_who_recorded_it(buyer: User) -> None:
    row = lead_times.add(equipment_class=EquipmentClassFactory.create(), stated=stated(), actor=buyer)

    assert (row.recorded_by, row.high_weeks, row.retired_at) == (buyer, Decimal(48), None)
    assert AuditEvent.objects.filter(verb="lead_time.added", subject_id=str(row.pk)).exists()


REFUSED = [
    ({"basis_from": ""}, "basis_from"),
    ({"basis_to": ""}, "basis_to"),
    ({"basis_to": "L5_IST"}, "basis_to"),
    ({"basis_from": "RTS", "basis_to": "PO_ISSUED"}, "basis_to"),
    ({"as_of": None}, "as_of"),
    ({"as_of": date(1999, 1, 1)}, "as_of"),
    ({"valid_until": date(2101, 1, 1)}, "valid_until"),
    ({"valid_until": date(2026, 6, 30)}, "valid_until"),
    ({"source": " "}, "source"),
    ({"low_weeks": Decimal("48.1")}, "low_weeks"),
    ({"low_weeks": Decimal(-1)}, "low_weeks"),
    ({"high_weeks": Decimal("NaN")}, "high_weeks"),
    ({"high_weeks": Decimal("48.15")}, "high_weeks"),
    ({"kind": LeadTimeKind.ACHIEVED}, "kind"),
]


@pytest.mark.parametrize(("given", "field"), REFUSED)
def test_an_observation_is_refused_by_field_and_not_stored(buyer: User, given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        lead_times.add(equipment_class=EquipmentClassFactory.create(), stated=stated(**given), actor=buyer)

    assert refused.value.field == field
    assert not LeadTimeObservation.objects.exists()


def test_who_may_not_write_lead_times_may_not_add_or_retire_one() -> None:
    viewer = MembershipFactory.create(role=Role.VIEWER).person

    with pytest.raises(NotPermitted):
        lead_times.add(equipment_class=EquipmentClassFactory.create(), stated=stated(), actor=viewer)
    with pytest.raises(NotPermitted):
        lead_times.retire(observation_id=LeadTimeFactory.create().pk, reason="Old", actor=viewer, now=NOW)


def test_a_retired_observation_is_offered_no_more_and_kept_where_it_was_chosen(buyer: User) -> None:
    row = LeadTimeFactory.create()
    planned = RequirementFactory.create(lead_time=row, lead_time_reason="The only one")

    lead_times.retire(observation_id=row.pk, reason="Withdrawn", actor=buyer, now=NOW)

    assert Requirement.objects.get(pk=planned.pk).lead_time == row
    with pytest.raises(BadInput) as refused:
        requirements.choose_lead_time(
            requirement_id=RequirementFactory.create().pk, observation_id=row.pk, weeks=None, reason="Why not",
            actor=buyer, now=NOW,
        )  # fmt: skip
    assert refused.value.field == "observation"


def test_retiring_says_why_once_and_of_something_that_is_there(buyer: User) -> None:
    row = LeadTimeFactory.create()

    with pytest.raises(BadInput):
        lead_times.retire(observation_id=row.pk, reason=" ", actor=buyer, now=NOW)
    with pytest.raises(NotFound):
        lead_times.retire(observation_id=uuid4(), reason="Old", actor=buyer, now=NOW)
    lead_times.retire(observation_id=row.pk, reason="Old", actor=buyer, now=NOW)
    with pytest.raises(Conflict):
        lead_times.retire(observation_id=row.pk, reason="Old", actor=buyer, now=NOW)


# -- a percentile of several -----------------------------------------------------------------------------------------


def choose(requirement: Requirement, actor: User, rows: list[LeadTimeObservation], **given: Any) -> requirements.Ruled:
    said: dict[str, Any] = {"percent": 80, "reason": "Four quotations", **given}
    return requirements.choose_percentile(
        requirement_id=requirement.pk, observation_ids=[row.pk for row in rows], actor=actor, now=NOW, **said
    )


def test_a_percentile_of_several_is_what_the_chain_runs_with(buyer: User) -> None:
    rows = [
        LeadTimeFactory.create(low_weeks=Decimal(20), high_weeks=Decimal(weeks), as_of=date(2026, month, 1))
        for weeks, month in ((30, 1), (40, 2), (50, 3), (60, 4), (70, 5))
    ]
    requirement = RequirementFactory.create()

    ruled = choose(requirement, buyer, rows)

    planned = ruled.requirement
    assert (planned.lead_time_weeks, planned.lead_time_percentile, planned.lead_time) == (Decimal(62), 80, rows[-1])
    assert {row.observation for row in planned.considered.all()} == set(rows)
    answer = requirement.forecasts.get(current=True)
    assert {step["code"]: step.get("duration_days") for step in answer.steps}["RTS"] == 62 * 7


def test_a_single_choice_after_it_forgets_the_several(buyer: User) -> None:
    rows = [LeadTimeFactory.create(), LeadTimeFactory.create()]
    requirement = RequirementFactory.create()
    choose(requirement, buyer, rows)

    ruled = requirements.choose_lead_time(
        requirement_id=requirement.pk, observation_id=rows[0].pk, weeks=None, reason="Simpler", actor=buyer, now=NOW
    )

    assert (ruled.requirement.lead_time_percentile, ruled.requirement.considered.count()) == (None, 0)


@pytest.mark.parametrize(
    ("others", "percent", "field"),
    [([], 80, "observations"), ([{"basis_to": "ON_SITE"}], 80, "observations"), ([{}], 101, "percentile")],
)
def test_what_has_no_percentile_is_refused_by_field(
    buyer: User, others: list[dict[str, Any]], percent: int, field: str
) -> None:
    rows = [LeadTimeFactory.create(), *(LeadTimeFactory.create(**given) for given in others)]
    requirement = RequirementFactory.create()

    with pytest.raises(BadInput) as refused:
        choose(requirement, buyer, rows, percent=percent)

    assert refused.value.field == field
    assert Requirement.objects.get(pk=requirement.pk).lead_time is None


# -- what was achieved -----------------------------------------------------------------------------------------------

DONE = {"PO_ISSUED": date(2025, 11, 3), "RTS": date(2026, 8, 31), "ON_SITE": date(2026, 10, 26)}


def achieved(lot: DeliveryLot) -> dict[str, tuple[Decimal, date]]:
    rows = LeadTimeObservation.objects.filter(lot=lot, retired_at__isnull=True)
    return {row.basis_to: (row.high_weeks, row.as_of) for row in rows}


def test_a_completed_line_says_what_it_achieved_once() -> None:
    lot = DeliveryLotFactory.create(actuals=DONE)

    written = [lead_times.derive_achieved(now=NOW) for _ in range(3)]

    assert written == [2, 0, 0]
    assert achieved(lot) == {"RTS": (Decimal("43.0"), DONE["RTS"]), "ON_SITE": (Decimal("51.0"), DONE["ON_SITE"])}


def test_a_line_that_is_not_complete_has_achieved_nothing() -> None:
    DeliveryLotFactory.create(actuals={code: on for code, on in DONE.items() if code != "ON_SITE"})

    assert lead_times.derive_achieved(now=NOW) == 0


def test_a_corrected_actual_mends_the_row_and_one_taken_back_retires_it() -> None:
    lot = DeliveryLotFactory.create(actuals=DONE)
    lead_times.derive_achieved(now=NOW)
    arrival = lot.chain.milestones.filter(code="ON_SITE")

    arrival.update(actual_on=date(2026, 11, 2))
    lead_times.derive_achieved(now=NOW, lots=[lot.pk])
    assert achieved(lot)["ON_SITE"] == (Decimal("52.0"), date(2026, 11, 2))

    arrival.update(actual_on=None)
    assert lead_times.derive_achieved(now=NOW, lots=[lot.pk]) == 2
    assert achieved(lot) == {}

    arrival.update(actual_on=date(2026, 11, 9))
    lead_times.derive_achieved(now=NOW, lots=[lot.pk])
    assert achieved(lot)["ON_SITE"] == (Decimal("53.0"), date(2026, 11, 9))


def test_what_a_person_retired_stays_retired(buyer: User) -> None:
    lot = DeliveryLotFactory.create(actuals=DONE)
    lead_times.derive_achieved(now=NOW)
    row = LeadTimeObservation.objects.get(lot=lot, basis_to="RTS")
    lead_times.retire(observation_id=row.pk, reason="A prototype", actor=buyer, now=NOW)

    assert lead_times.derive_achieved(now=NOW, lots=[lot.pk]) == 0
    assert "RTS" not in achieved(lot)


def test_recording_the_arrival_derives_it_and_taking_it_back_withdraws_it(buyer: User) -> None:
    before = {code: on for code, on in DONE.items() if code != "ON_SITE"}
    lot = DeliveryLotFactory.create(site=SiteFactory.create(), actuals=before)
    milestone = lot.chain.milestones.get(code="ON_SITE")
    milestone.actual_on, milestone.actual_recorded_at = DONE["ON_SITE"], NOW
    milestone.save()
    lead_times.derive_achieved(now=NOW, lots=[lot.pk])

    dates.take_back(
        promises=[],
        actuals=[ActualBefore(milestone.pk, DONE["ON_SITE"], None, "")],
        reason="The wrong order", cause_key="undo", cause_text="Undone", force=False, actor=buyer, now=NOW,
    )  # fmt: skip

    assert achieved(lot) == {}


# -- what stands in --------------------------------------------------------------------------------------------------


def test_a_fallback_in_a_circle_is_refused_by_field(buyer: User) -> None:
    air, water = EquipmentClassFactory.create(code="air"), EquipmentClassFactory.create(code="water")
    lead_times.set_fallback(equipment_class=air, fallback=water, actor=buyer)

    with pytest.raises(BadInput) as refused:
        lead_times.set_fallback(equipment_class=water, fallback=air, actor=buyer)

    assert refused.value.field == "fallback"
    assert classes_standing_in(air.pk) == (air.pk, water.pk)


def test_the_lead_time_of_a_class_that_stands_in_may_be_chosen(buyer: User) -> None:
    water = EquipmentClassFactory.create(code="water")
    requirement = RequirementFactory.create()
    observation = LeadTimeFactory.create(equipment_class=water)
    lead_times.set_fallback(equipment_class=requirement.equipment_class, fallback=water, actor=buyer)

    ruled = requirements.choose_lead_time(
        requirement_id=requirement.pk, observation_id=observation.pk, weeks=None, reason="Nothing nearer",
        actor=buyer, now=NOW,
    )  # fmt: skip

    assert ruled.requirement.lead_time == observation


# -- the page's facts ------------------------------------------------------------------------------------------------


def test_spread_and_trend_leave_out_what_is_retired(buyer: User) -> None:
    made = EquipmentClassFactory.create()
    for as_of, low, high in ((date(2025, 3, 31), 20, 85), (date(2025, 6, 30), 12, 75), (date(2025, 9, 30), 12, 47)):
        LeadTimeFactory.create(
            equipment_class=made, kind=LeadTimeKind.MARKET, source=f"Cost index, {as_of:%Y-%m}", as_of=as_of,
            low_weeks=Decimal(low), high_weeks=Decimal(high),
        )  # fmt: skip
    gone = LeadTimeFactory.create(equipment_class=made, high_weeks=Decimal(500))
    lead_times.retire(observation_id=gone.pk, reason="A slip of the pen", actor=buyer, now=NOW)

    view = class_view(buyer, made, today=TODAY)

    (spread,) = view.spreads
    assert (spread.number, *map(int, (spread.low_weeks, spread.median_weeks, spread.high_weeks))) == (3, 12, 75, 85)
    (trend,) = view.trends
    assert (trend.publisher, [int(each.high_weeks) for each in trend.editions]) == ("Cost index", [85, 75, 47])
    assert len(view.rows) == 4
