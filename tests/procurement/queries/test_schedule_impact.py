"""What a late delivery does to the ready for service of a block, through the accepted schedule of its site.

The schedule: `SET` (two days, from Mon 4 October 2027) sets what is delivered, `TEST` (three) follows, `RFS` is the
milestone behind it, Fri 8 October. `PAD` (one day, Mon 4 October) leads to nothing but `TEST`, with a day of float.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from procurement.models import Requirement
from procurement.queries import schedule_impact
from procurement.queries.schedule_impact import Impact, impact_of_requirements, impact_on_blocks
from sites.models import Activity, Block, Gate, ScheduleRevision, Site
from sites.vocabulary import ActivityEdge, ActivityKind, ActivityStatus, GateKind, RevisionState
from tests.factories.procurement import RequirementFactory, RequirementForecastFactory, RosAnchorFactory
from tests.factories.sites import (
    ActivityFactory,
    ActivityLinkFactory,
    BlockFactory,
    GateFactory,
    ScheduleCalendarFactory,
    ScheduleRevisionFactory,
    SiteFactory,
)

pytestmark = pytest.mark.django_db

REQUIRED_ON = date(2027, 10, 4)
OFFICE = [[480, 720], [780, 1020]]


def at(day: int, hour: int) -> datetime:
    return datetime.fromisoformat(f"2027-10-{day:02}T{hour:02}:00")


def activity(revision: ScheduleRevision, code: str, days: int, start: int, finish: int, **given: Any) -> Activity:
    values: dict[str, Any] = {
        "name": f"{code} of the hall",
        "calendar_key": "1",
        "original_hours": Decimal(8 * days),
        "remaining_hours": Decimal(8 * days),
        "early_start": at(start, 8),
        "early_finish": at(finish, 17),
    }
    return ActivityFactory.create(revision=revision, code=code, **(values | given))


def schedule(site: Site, *, accepted: bool = True, code: str = "BUILD") -> ScheduleRevision:
    revision = ScheduleRevisionFactory.create(
        site=site,
        project_code=code,
        data_date=date(2027, 10, 1),
        data_moment=at(4, 8),
        calendar_key="1",
        state=RevisionState.ACCEPTED if accepted else RevisionState.QUARANTINED,
    )
    ScheduleCalendarFactory.create(revision=revision, key="1", week=[OFFICE] * 5 + [[], []])
    put = activity(revision, "SET", 2, 4, 5)
    pad = activity(revision, "PAD", 1, 4, 4)
    test = activity(revision, "TEST", 3, 6, 8)
    end = activity(
        revision, "RFS", 0, 8, 8, kind=ActivityKind.FINISH_MILESTONE, early_start=at(8, 17), early_finish=at(8, 17)
    )
    for first, then in ((put, test), (pad, test), (test, end)):
        ActivityLinkFactory.create(predecessor=first, successor=then)
    return revision


def block_of(site: Site, activity_code: str = "RFS", **given: Any) -> Block:
    block = BlockFactory.create(phase__site=site, it_mw=Decimal("6"), **given)
    GateFactory.create(
        site=site,
        block=block,
        kind=GateKind.RFS,
        project_code="BUILD" if activity_code else "",
        activity_code=activity_code,
        activity_edge=ActivityEdge.FINISH,
    )
    return block


def late(site: Site, on: date, activity_code: str = "SET", tag: str = "TX-01", **given: Any) -> Requirement:
    requirement = RequirementFactory.create(site=site, tag=tag, required_on_site=REQUIRED_ON, **given)
    RosAnchorFactory.create(
        requirement=requirement, gate=None, project_code="BUILD", activity_code=activity_code, edge=ActivityEdge.START
    )
    RequirementForecastFactory.create(requirement=requirement, forecast_on=on)
    return requirement


def told(impact: Impact) -> list[tuple[str, int, Decimal, list[str]]]:
    return [
        (each.delivery.tag, each.days_later, each.mw_days, [row.code for row in each.path]) for each in impact.effects
    ]


def test_a_late_transformer_moves_ready_for_service_by_its_own_path() -> None:
    # It comes on Thu 7: SET is Thu 7, Fri 8, TEST Mon 11 to Wed 13: five days behind Fri 8, six MW each.
    site = SiteFactory.create()
    schedule(site)
    block = block_of(site)
    late(site, date(2027, 10, 7))

    impact = impact_on_blocks(site.pk, [block])

    (effect,) = impact.effects
    assert told(impact) == [("TX-01", 5, Decimal(30), ["SET", "TEST", "RFS"])]
    assert (effect.rfs_before_on, effect.rfs_after_on) == (date(2027, 10, 8), date(2027, 10, 13))
    assert (effect.float_days_before, effect.float_days_after) == (Decimal(0), Decimal(-3))
    assert [(row.start_before, row.start_after) for row in effect.path][:2] == [
        (date(2027, 10, 4), date(2027, 10, 7)),
        (date(2027, 10, 6), date(2027, 10, 11)),
    ]
    assert effect.path[0].name == "SET of the hall"
    assert impact.worst(block.pk) == effect


def test_the_shake_out_comes_on_top_of_the_forecast() -> None:
    # On site on Tue 5, three working days of shake-out: Fri 8. SET Fri 8, Mon 11; TEST to Thu 14: six days.
    site = SiteFactory.create()
    schedule(site)
    late(site, date(2027, 10, 5), shake_out_days=3)

    (effect,) = impact_on_blocks(site.pk, [block_of(site)]).effects

    assert (effect.delivery.available_on, effect.days_later) == (date(2027, 10, 8), 6)


def test_a_delivery_within_the_float_of_its_activity_moves_nothing_and_says_so() -> None:
    # PAD may be done on Tue 5: it had a day of float, and has none left.
    site = SiteFactory.create()
    schedule(site)
    block = block_of(site)
    late(site, date(2027, 10, 5), "PAD")

    impact = impact_on_blocks(site.pk, [block])

    assert told(impact) == [("TX-01", 0, Decimal(0), ["PAD", "TEST", "RFS"])]
    assert (impact.effects[0].float_days_before, impact.effects[0].float_days_after) == (Decimal(1), Decimal(0))
    assert impact.worst(block.pk) is None


def test_the_worst_of_several_comes_first_and_speaks_for_the_block() -> None:
    site = SiteFactory.create()
    schedule(site)
    block = block_of(site)
    late(site, date(2027, 10, 6), tag="TX-02")
    late(site, date(2027, 10, 7), tag="TX-03")

    impact = impact_on_blocks(site.pk, [block])

    assert [(tag, days) for tag, days, *_ in told(impact)] == [("TX-03", 5), ("TX-02", 4)]
    worst = impact.worst(block.pk)
    assert worst is not None
    assert worst.delivery.tag == "TX-03"


def test_only_the_latest_of_very_many_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_impact, "MOST_FOLLOWED", 2)
    site = SiteFactory.create()
    schedule(site)
    block = block_of(site)
    for day, tag in ((6, "TX-6"), (8, "TX-8"), (7, "TX-7")):
        late(site, date(2027, 10, day), tag=tag)

    impact = impact_on_blocks(site.pk, [block])

    assert ([tag for tag, *_ in told(impact)], impact.left_out) == (["TX-8", "TX-7"], 1)


def test_a_gate_leads_to_the_activity_that_it_follows() -> None:
    # Needed when the pads are handed over, the finish of PAD: what follows waits until the morning of Thu 7.
    site = SiteFactory.create()
    schedule(site)
    block = block_of(site)
    gate = GateFactory.create(site=site, project_code="BUILD", activity_code="PAD", activity_edge=ActivityEdge.FINISH)
    requirement = RequirementFactory.create(site=site, tag="TX-09", required_on_site=REQUIRED_ON)
    RosAnchorFactory.create(requirement=requirement, gate=gate)
    RequirementForecastFactory.create(requirement=requirement, forecast_on=date(2027, 10, 7))

    # TEST runs Thu 7, Fri 8, Mon 11: three days behind Fri 8.
    assert told(impact_on_blocks(site.pk, [block])) == [("TX-09", 3, Decimal(18), ["PAD", "TEST", "RFS"])]


def _no_schedule(site: Site) -> Block:
    return block_of(site)


def _quarantined(site: Site) -> Block:
    schedule(site, accepted=False)
    return block_of(site)


def _in_service(site: Site) -> Block:
    schedule(site)
    return block_of(site, rfs_actual_on=date(2027, 10, 1))


def _gate_by_hand(site: Site) -> Block:
    schedule(site)
    return block_of(site, activity_code="")


def _rfs_done(site: Site) -> Block:
    revision = schedule(site)
    Activity.objects.filter(revision=revision, code="RFS").update(
        status=ActivityStatus.COMPLETED, actual_finish=at(4, 8), actual_start=at(4, 8)
    )
    return block_of(site)


def _anchor_done(site: Site) -> Block:
    revision = schedule(site)
    Activity.objects.filter(revision=revision, code="SET").update(
        status=ActivityStatus.COMPLETED, actual_finish=at(4, 8), actual_start=at(4, 8)
    )
    return block_of(site)


@pytest.mark.parametrize("made", [_no_schedule, _quarantined, _in_service, _gate_by_hand, _rfs_done, _anchor_done])
def test_where_no_accepted_schedule_leads_on_the_gate_dates_go_on_deciding(made: Callable[[Site], Block]) -> None:
    site = SiteFactory.create()
    block = made(site)
    late(site, date(2027, 10, 7))

    assert impact_on_blocks(site.pk, [block]).effects == ()


def test_a_schedule_that_cannot_be_calculated_says_why() -> None:
    site = SiteFactory.create()
    revision = schedule(site)
    rows = {row.code: row for row in revision.activities.all()}
    ActivityLinkFactory.create(predecessor=rows["TEST"], successor=rows["SET"])
    block = block_of(site)
    late(site, date(2027, 10, 7))

    impact = impact_on_blocks(site.pk, [block])

    assert impact.effects == ()
    assert impact.why_not == ("The activities SET, TEST follow each other in a circle.",)


def test_nothing_is_calculated_where_nothing_is_late(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    site = SiteFactory.create()
    schedule(site)
    block = block_of(site)
    late(site, REQUIRED_ON)

    with django_assert_num_queries(2):  # the gates, and what is late
        impact = impact_on_blocks(site.pk, [block])

    assert (impact.has_schedule, impact.effects) == (True, ())


def test_three_deliveries_take_as_many_queries_as_one(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in (1, 3):
        site = SiteFactory.create()
        schedule(site)
        blocks = [block_of(site, code=f"B{each}") for each in range(number)]
        for each in range(number):
            late(site, date(2027, 10, 7), tag=f"TX-{each}")
        impact_on_blocks(site.pk, blocks)  # makes the network

        # Gates, late requirements, anchors, calendars and their closures, revisions, dates of the gates.
        with django_assert_num_queries(6):
            impact = impact_on_blocks(site.pk, blocks)
        assert len(impact.effects) == number * number


def test_one_requirement_is_asked_over_all_blocks_of_its_site() -> None:
    site = SiteFactory.create()
    schedule(site)
    blocks = [block_of(site, code=f"B{each}") for each in range(2)]
    mine, _other = late(site, date(2027, 10, 7)), late(site, date(2027, 10, 8), tag="TX-08")

    impact = impact_of_requirements(site.pk, [mine.pk])

    assert {each.delivery.tag for each in impact.effects} == {"TX-01"}
    assert {each.target.block.pk for each in impact.effects} == {block.pk for block in blocks}
    assert Gate.objects.filter(site=site).count() == 2
