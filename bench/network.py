"""Site schedules through their own logic: making a network ready, calculating it, and one late delivery."""

import random
from datetime import date, datetime, timedelta

from bench.case import Case, seconds, within
from sites.domain.network import Link, Network, Project, Task
from sites.domain.network_calendar import HourCalendar
from sites.domain.network_passes import calculate
from sites.domain.network_plan import Plan
from sites.domain.recalculation import recalculate
from sites.domain.schedule_impact import Impacts, Late, Point
from sites.readers import schedule_file
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


def generated_file(activities: int) -> bytes:
    """The same network as Primavera would write it."""
    network = generated(activities)
    lines = ["ERMHDR\t22.12\t2026-11-20\tProject\tADMIN\tSomebody\tdbx\tProject Management\tAUD"]

    def table(name: str, columns: str, rows: list[str]) -> None:
        lines.extend((f"%T\t{name}", f"%F\t{columns}", *(f"%R\t{row}" for row in rows)))

    table("PROJECT", "proj_id\tproj_short_name\tlast_recalc_date\tclndr_id", ["1\tBIG\t2026-11-20 08:00\tfive"])
    table(
        "CALENDAR",
        "clndr_id\tclndr_name\tday_hr_cnt\tclndr_data",
        [f"{each.id}\t{each.id}\t8\t{_calendar_text(each)}" for each in network.calendars],
    )
    table(
        "TASK",
        "task_id\tproj_id\ttask_code\ttask_name\tclndr_id\ttask_type\tstatus_code\ttarget_drtn_hr_cnt"
        "\tremain_drtn_hr_cnt",
        [
            f"{row.key}\t1\t{row.key}\tTask\t{row.calendar}\tTT_Task\tTK_NotStart"
            f"\t{row.duration // 60}\t{row.duration // 60}"
            for row in network.tasks
        ],
    )
    table(
        "TASKPRED",
        "task_pred_id\ttask_id\tpred_task_id\tpred_type\tlag_hr_cnt",
        [
            f"{number}\t{row.successor}\t{row.predecessor}\t{_LINKS[row.kind]}\t{row.lag // 60}"
            for number, row in enumerate(network.links)
        ],
    )
    return "\r\n".join((*lines, "%E", "")).encode()


_LINKS = {
    LinkKind.FINISH_START: "PR_FS",
    LinkKind.START_START: "PR_SS",
    LinkKind.FINISH_FINISH: "PR_FF",
    LinkKind.START_FINISH: "PR_SF",
}
_ZERO = date(1899, 12, 30)


def _calendar_text(calendar: HourCalendar) -> str:
    days = "".join(f"(0||{(place + 1) % 7 + 1}()({_shifts(shifts)}))" for place, shifts in enumerate(calendar.week))
    off = "".join(f"(0||{n}(d|{(day - _ZERO).days})())" for n, day in enumerate(calendar.exceptions))
    return f"(0||CalendarData()((0||DaysOfWeek()({days}))(0||Exceptions()({off}))))"


def _shifts(shifts: tuple[tuple[int, int], ...]) -> str:
    return "".join(f"(0||{n}(s|{_clock(a)}|f|{_clock(b)})())" for n, (a, b) in enumerate(shifts))


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def cases() -> list[Case]:
    file = schedule_file.read(generated_file(ACTIVITIES))
    if any(answer.not_calculated or answer.not_followed for answer in recalculate(file)):
        raise AssertionError("The generated file is calculated whole.")
    network = generated(ACTIVITIES)
    before = calculate(Plan(network))
    first, last = before.driving_path(f"A{ACTIVITIES - 1}")[0], f"A{ACTIVITIES - 1}"
    target = Point(last, ActivityEdge.FINISH)
    late = Late(Point(first, ActivityEdge.START), before.start(first).date() + timedelta(days=30))
    return [
        within(f"a file of {ACTIVITIES} activities recalculated", seconds(lambda: recalculate(file)), 1.0),
        within(f"a schedule of {ACTIVITIES} activities calculated", seconds(lambda: calculate(Plan(network))), 1.0),
        within(
            f"one late delivery through {ACTIVITIES} activities",
            seconds(lambda: Impacts(before).way(late, target)),
            1.0,
        ),
    ]
