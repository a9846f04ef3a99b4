"""The numbers of the Gantt: bars between their days, a milestone without width, each bar tied to the one above."""

from datetime import date
from decimal import Decimal

from procurement.portal.gantt import gantt
from procurement.queries.schedule_activities import PathStep
from sites.models import Activity
from sites.vocabulary import ActivityKind, ActivityStatus


def step(
    code: str, start: date, finish: date, *, kind: str = ActivityKind.TASK, status: str = ActivityStatus.NOT_STARTED,
    left: int | None = 0, name: str = "", is_chosen: bool = False,
) -> PathStep:  # fmt: skip
    activity = Activity(code=code, name=name, kind=kind, status=status)
    return PathStep(activity, start, finish, None if left is None else Decimal(left), is_chosen)


def test_a_bar_runs_from_the_morning_of_its_start_to_the_evening_of_its_finish() -> None:
    # The picture spans 25 February (a week before the first day) to 24 March (a fortnight behind the last): 27 days
    # over 680 of its 1000 units, from 300 on. Day 4: 300 + 7 * 680 / 27 = 476; day 9 ends at 300 + 13 * 680 / 27 = 627.
    steps = [
        step("A", date(2027, 3, 4), date(2027, 3, 9), left=-2),
        step("M", date(2027, 3, 10), date(2027, 3, 10), kind=ActivityKind.FINISH_MILESTONE, is_chosen=True),
    ]

    picture = gantt(steps, data_date=date(2027, 3, 4))

    assert picture is not None
    bar, milestone = picture.bars
    assert (bar.x, bar.end, bar.tone, bar.link_y) == (476, 627, "over", None)
    assert (milestone.is_milestone, milestone.end, milestone.x) == (True, milestone.x, 627)
    assert (milestone.link_y, milestone.link_x, milestone.is_chosen) == (bar.middle, bar.end, True)
    assert picture.data_date.x == bar.x


def test_what_is_done_is_told_apart_and_long_names_are_cut() -> None:
    done = step("A", date(2027, 3, 1), date(2027, 3, 2), status=ActivityStatus.COMPLETED, left=None, name="x" * 80)

    picture = gantt([done], data_date=date(2027, 3, 8))

    assert picture is not None
    assert (picture.bars[0].tone, len(picture.bars[0].name), picture.bars[0].name[-1]) == ("done", 46, "…")


def test_no_path_is_no_picture() -> None:
    assert gantt([], data_date=date(2027, 3, 8)) is None
