"""What must hold for every network, on networks that nobody worked by hand."""

from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sites.domain.network import Link, Network, Project, Task
from sites.domain.network_calendar import HourCalendar, WorkingTime, instant_of, minute_of
from sites.domain.network_passes import Holds, calculate, delayed
from sites.domain.network_plan import Plan
from sites.vocabulary import LinkKind
from tests.sites.domain.networks import ALWAYS, FIVE, MONDAY, SEVEN, SHIFTS

CALENDARS = {calendar.id: calendar for calendar in (FIVE, SEVEN, SHIFTS, ALWAYS)}
MINUTES = st.integers(0, 20 * 24 * 60)


@st.composite
def networks(draw: st.DrawFn, *, calendars: int = len(CALENDARS)) -> Network:
    count = draw(st.integers(1, 12))
    names = draw(st.permutations(sorted(CALENDARS)))[:calendars]
    tasks = tuple(
        Task(f"A{n}", draw(st.sampled_from(names)), hours * 60, hours * 60, project="p")
        for n, hours in enumerate(draw(st.lists(st.integers(0, 60), min_size=count, max_size=count)))
    )
    links = tuple(
        Link(f"A{first}", f"A{then}", draw(st.sampled_from(list(LinkKind))), draw(st.integers(-20, 20)) * 60)
        for first, then in draw(
            st.lists(
                st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1]),
                max_size=20,
                unique=True,
            )
        )
    )
    return Network(tasks, links, tuple(CALENDARS.values()), (Project("p", MONDAY, "five"),))


@given(networks(calendars=1))
@settings(deadline=None)
def test_no_activity_without_constraint_has_less_float_than_none_and_one_has_none(network: Network) -> None:
    found = calculate(Plan(network))
    floats = [dates.total_float for dates in found.all.values() if dates.total_float is not None]

    assert len(floats) == len(network.tasks)
    assert min(floats) == 0


@given(networks())
@settings(deadline=None)
def test_every_link_is_kept(network: Network) -> None:
    found = calculate(Plan(network))
    tasks = {task.key: task for task in network.tasks}
    for link in network.links:
        first, then = found.dates(link.predecessor), found.dates(link.successor)
        time = WorkingTime(CALENDARS[tasks[link.predecessor].calendar], minute_of(MONDAY))
        own = WorkingTime(CALENDARS[tasks[link.successor].calendar], minute_of(MONDAY))
        from_start = link.kind in {LinkKind.START_START, LinkKind.START_FINISH}
        to_finish = link.kind in {LinkKind.FINISH_FINISH, LinkKind.START_FINISH}
        wanted = time.shifted(minute_of(first.early_start if from_start else first.early_finish), link.lag)
        placed = minute_of(then.early_finish if to_finish else then.early_start)
        # A finish may stand at the end of the work before, which is the same instant in working time.
        assert own.between(wanted, placed) >= 0


@given(networks(), st.integers(0, 11), st.integers(0, 40))
@settings(deadline=None)
def test_what_comes_later_never_makes_anything_earlier(network: Network, number: int, days: int) -> None:
    plan = Plan(network)
    key = network.tasks[number % len(network.tasks)].key
    before, after = calculate(plan), calculate(plan, Holds({key: MONDAY + timedelta(days=days)}))

    assert all(after.finish(task.key) >= before.finish(task.key) for task in network.tasks)


@given(networks(), st.integers(0, 11), st.integers(0, 40))
@settings(deadline=None)
def test_a_delay_is_the_same_as_a_calculation_with_it(network: Network, number: int, days: int) -> None:
    plan = Plan(network)
    holds = Holds({network.tasks[number % len(network.tasks)].key: MONDAY + timedelta(days=days)})
    after, again = delayed(calculate(plan), holds), calculate(plan, holds)

    assert [(after.start(task.key), after.finish(task.key)) for task in network.tasks] == [
        (again.start(task.key), again.finish(task.key)) for task in network.tasks
    ]


@given(networks(), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 40)), min_size=1, max_size=3))
@settings(deadline=None)
def test_several_delays_together_are_the_latest_of_each_alone(network: Network, moves: list[tuple[int, int]]) -> None:
    """What lets the effect of each late delivery on RFS be calculated by itself."""
    before = calculate(Plan(network))
    held = [
        Holds({network.tasks[number % len(network.tasks)].key: MONDAY + timedelta(days=days)}) for number, days in moves
    ]
    merged: dict[str, datetime] = {}
    for holds in held:
        for key, on in holds.starts.items():
            merged[key] = max(on, merged.get(key, on))
    together, alone = delayed(before, Holds(merged)), [delayed(before, holds) for holds in held]

    assert all(together.finish(task.key) == max(each.finish(task.key) for each in alone) for task in network.tasks)


@given(networks(calendars=1), st.integers(0, 11))
@settings(deadline=None)
def test_within_the_float_towards_it_the_target_stays_and_behind_it_it_moves(network: Network, number: int) -> None:
    plan = Plan(network)
    task, target = network.tasks[number % len(network.tasks)], network.tasks[-1]
    before = calculate(plan)
    left = before.towards(target.key).float_of(task.key)
    if left is None or not task.duration:
        return
    time = WorkingTime(CALENDARS[task.calendar], minute_of(MONDAY))
    own = WorkingTime(CALENDARS[target.calendar], minute_of(MONDAY))

    def moved(minutes: int) -> int:
        start = time.next_start(time.forward(minute_of(before.start(task.key)), minutes))
        after = calculate(plan, Holds({task.key: instant_of(start)}))
        return own.between(minute_of(before.finish(target.key)), minute_of(after.finish(target.key)))

    assert moved(left) == 0
    assert moved(left + 14 * 24 * 60) > 0


@given(st.sampled_from(sorted(CALENDARS)), MINUTES, MINUTES)
def test_forward_and_back_are_inverse_in_working_time(name: str, offset: int, minutes: int) -> None:
    time = WorkingTime(CALENDARS[name], minute_of(MONDAY))
    at = minute_of(MONDAY) + offset

    assert time.between(at, time.forward(at, minutes)) == minutes
    assert time.between(time.back(at, minutes), at) == minutes
    assert time.next_start(at) >= at >= time.last_finish(at)


@given(st.integers(-9000, 9000), st.integers(0, 900))
@settings(deadline=None, max_examples=50)
def test_counting_far_away_is_counting_near(days: int, minutes: int) -> None:
    """Five days a week of eight hours, counted without a calendar."""
    time = WorkingTime(FIVE, minute_of(MONDAY))
    start = MONDAY + timedelta(weeks=days // 7)
    end = instant_of(time.forward(minute_of(start), minutes * 480))
    weeks, rest = divmod(minutes, 5)
    if not rest and weeks:
        weeks, rest = weeks - 1, 5

    assert end == (start + timedelta(weeks=weeks, days=rest - 1, hours=9) if minutes else start)


def test_an_hour_before_a_year_without_work() -> None:
    """Closed for all of 2027: what starts before it goes on after it."""
    closed = HourCalendar("c", FIVE.week, {date(2027, 1, 1) + timedelta(days=n): () for n in range(365)})
    time = WorkingTime(closed, minute_of(MONDAY))

    ended = time.forward(minute_of(datetime.fromisoformat("2026-12-31T16:00")), 120)

    assert instant_of(ended) == datetime.fromisoformat("2028-01-03T09:00")
