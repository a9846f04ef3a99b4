"""Site schedules through their own logic: making a network ready, calculating it, and one late delivery."""

import random
from datetime import date, datetime, timedelta

from bench.case import Case, seconds, within
from sites.domain.network import Link, Network, Project, Task
from sites.domain.network_calendar import HourCalendar
from sites.domain.network_passes import calculate
from sites.domain.network_plan import Plan
from sites.domain.schedule_impact import Impacts, Late, Point
from sites.vocabulary import ActivityEdge, LinkKind

ACTIVITIES = 5000
_OFFICE = ((480, 720), (780, 1020))
_FIVE = HourCalendar(
    "five", (_OFFICE,) * 5 + ((), ()), {date(2027, 1, 1) + timedelta(days=11 * n): () for n in range(60)}
)
_SEVEN = HourCalendar("seven", (((420, 1140),),) * 7)
_NIGHTS = HourCalendar("nights", (((0, 360), (1320, 1440)),) * 6 + ((),))


def generated(activities: int, seed: int = 1) -> Network:
    """Two links an activity, three in ten of any kind, with lags and leads, on three calendars."""
    draw = random.Random(seed)
    tasks, links = [], []
    for number in range(activities):
        minutes = draw.randint(1, 20) * 480
        tasks.append(
            Task(f"A{number}", draw.choice(("five", "seven", "seven", "nights")), minutes, minutes, project="p")
        )
        for _ in range(2 if number else 0):
            kind = draw.choice(list(LinkKind)[:3]) if draw.random() < 0.3 else LinkKind.FINISH_START
            first = draw.randint(max(0, number - activities // 25), number - 1)
            links.append(Link(f"A{first}", f"A{number}", kind, draw.choice((0, 0, 0, 480, -480))))
    start = datetime.fromisoformat("2026-11-20T08:00")
    return Network(tuple(tasks), tuple(links), (_FIVE, _SEVEN, _NIGHTS), (Project("p", start, "five"),))


def cases() -> list[Case]:
    network = generated(ACTIVITIES)
    before = calculate(Plan(network))
    first, last = before.driving_path(f"A{ACTIVITIES - 1}")[0], f"A{ACTIVITIES - 1}"
    target = Point(last, ActivityEdge.FINISH)
    late = Late(Point(first, ActivityEdge.START), before.start(first).date() + timedelta(days=30))
    return [
        within(f"a schedule of {ACTIVITIES} activities calculated", seconds(lambda: calculate(Plan(network))), 1.0),
        within(
            f"one late delivery through {ACTIVITIES} activities",
            seconds(lambda: Impacts(before).way(late, target)),
            1.0,
        ),
    ]
