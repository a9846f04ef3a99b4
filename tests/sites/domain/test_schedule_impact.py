"""What a late delivery does to RFS, through a network small enough to be worked by hand.

A (five days) and B (two) with C (four) lead to Z: B, C, Z drive it, and Z ends on Tue 9. A has a day of float.
"""

from datetime import date

from sites.domain.network_passes import calculate
from sites.domain.network_plan import Plan
from sites.domain.schedule_impact import Impacts, Late, Point
from sites.vocabulary import ActivityEdge
from tests.sites.domain.networks import at, finish_milestone, link, network, task

START, FINISH = ActivityEdge.START, ActivityEdge.FINISH
ROWS = (
    task("A", 5),
    task("B", 2),
    task("C", 4),
    task("Z", 1),
    finish_milestone("RFS"),
    finish_milestone("OTHER"),
    link("A", "Z"),
    link("B", "C"),
    link("C", "Z"),
    link("Z", "RFS"),
    link("B", "OTHER"),
)
BEFORE = calculate(Plan(network(*ROWS)))
RFS = Point("RFS", FINISH)


def day(number: int) -> date:
    return date(2027, 3, number)


def later(*late: Late, target: Point = RFS) -> list[int]:
    return [Impacts(BEFORE).days_later(each, target) for each in late]


def test_a_delivery_within_the_float_of_its_anchor_moves_nothing() -> None:
    assert later(Late(Point("A", START), day(2)), Late(Point("A", START), day(1))) == [0, 0]


def test_each_delivery_moves_each_target_by_its_own() -> None:
    # A from Wed 3 ends Tue 9, Z on Wed 10: one day. B from Thu 4 ends Fri 5, C Thu 11, Z Fri 12: three days; OTHER
    # stood on Tue 2 with B and comes on Fri 5: three days too.
    one, two = Late(Point("A", START), day(3)), Late(Point("B", START), day(4))

    assert later(one, two) == [1, 3]
    assert later(one, two, target=Point("OTHER", FINISH)) == [0, 3]


def test_what_is_needed_by_the_finish_of_an_activity_holds_what_follows_it() -> None:
    # A is ready on Fri 5, but what belongs on it comes on Thu 11: Z is that day, two days after Tue 9.
    assert later(Late(Point("A", FINISH), day(11))) == [2]


def test_the_way_from_a_delivery_to_the_target_with_its_float_before_and_after() -> None:
    found = Impacts(BEFORE).way(Late(Point("A", START), day(4)), RFS)

    assert (found.target_before, found.target_after, found.days_later) == (day(9), day(11), 2)
    assert [step.activity for step in found.steps] == ["A", "Z", "RFS"]
    first = found.steps[0]
    assert (first.start_before, first.start_after) == (at("1 08"), at("4 08"))
    # A had a day of float towards RFS; three days later it is two days over.
    assert (first.float_before, first.float_after) == (480, -960)


def test_the_way_of_what_moves_nothing_is_the_tightest() -> None:
    found = Impacts(BEFORE).way(Late(Point("A", START), day(2)), RFS)

    assert ([step.activity for step in found.steps], found.days_later) == (["A", "Z", "RFS"], 0)
    assert (found.steps[0].float_before, found.steps[0].float_after) == (480, 0)


def test_what_does_not_lead_to_the_target_has_no_way() -> None:
    found = Impacts(BEFORE).way(Late(Point("A", START), day(20)), Point("OTHER", FINISH))

    assert (found.steps, found.days_later) == ((), 0)
