"""What a large portfolio costs: full runs, one promise, a schedule that moves thousands of dates."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from django.db import connection, transaction
from django.test import Client

from bench.case import Case, beside, processor_seconds, seconds, within
from procurement.domain.revision import DateRevision
from procurement.gateways import wake
from procurement.models import LotForecast, Requirement, RosAnchor, ScheduleLine
from procurement.services import dates, schedules
from procurement.services.forecasts import local_date
from procurement.vocabulary import RevisionKind, RosRule
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.imprecise import on_day
from sites.models import Activity, Membership, ScheduleRevision, Site
from sites.vocabulary import ActivityStatus, DurationBasis, PromiseSource, ScopeKind

FULL_SECONDS = 60.0
TIMES_READING_AND_WRITING = 3.0
PEAK_MB = 1536.0
PROMISE_SECONDS = 0.1
LIST_SECONDS = 1.0
SCHEDULE_SECONDS = 10.0
MOVED_DATES = 5000
PROJECT = "BENCH"


def cases(*, lines: int, now: datetime) -> Iterator[Case]:
    """Of a portfolio that is loaded and calculated as of `now`. Nobody is woken: there is no broker here to answer."""
    wake.wire(None)
    yield from _one_promise(lines, now)
    yield from _full_runs(lines)
    yield _schedule(lines, now)


def _full_runs(lines: int) -> Iterator[Case]:
    """The same day again, in which nothing changes, then 30 days later, when every date that leans on today does."""
    again, later = _full_run(0), _full_run(30)
    of = f"of {lines} lines"
    for name, run in (("nothing changed", again), ("30 days later", later)):
        least = run["read_seconds"] + run["write_seconds"]
        yield within(f"a full run, {name}, {of}", run["seconds"], FULL_SECONDS)
        yield beside(
            f"a full run, {name}, {run['changed']:.0f} answers written",
            run["seconds"],
            TIMES_READING_AND_WRITING * least,
            "three times reading the rows and writing the changed answers",
        )
    yield within(f"memory of a full run {of}", max(again["peak_mb"], later["peak_mb"]), PEAK_MB, "MB")


def _full_run(days: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.full_run", str(days)], check=True, capture_output=True, env=os.environ
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _reader() -> User:
    standing = User.objects.filter(username="bench-scale").first()
    reader: User = standing or User.objects.create(username="bench-scale", name="Bench", email="scale@longlead.example")
    for role in (Role.BUYER, Role.APPROVER):
        Membership.objects.get_or_create(person=reader, role=role, scope=ScopeKind.PORTFOLIO)
    return reader


def _one_promise(lines: int, now: datetime) -> list[Case]:
    """From the call to the commit: ledger, forecasts, blocks, alerts, what is due to be drawn. The list is read after
    it. Once for a unit that stands alone, once for one of a redundancy group, whose block has to be looked at.
    """
    reader = _reader()
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(reader)
    days = iter(range(1, 1000))
    alone, grouped = (_a_line(grouped=grouped) for grouped in (False, True))

    def promise(line: ScheduleLine) -> None:
        assert line.site is not None
        today = local_date(line.site, now)
        with transaction.atomic():
            dates.record(
                order_id=line.line.order_id,
                revisions=[
                    DateRevision(
                        RevisionKind.PROMISE,
                        line.line.number,
                        on_day(today + timedelta(days=300 + next(days))),
                        schedule_number=line.number,
                        milestone="ON_SITE",
                    )
                ],
                stated_on=today,
                source=PromiseSource.EMAIL,
                document="",
                actor=reader,
                now=now,
            )

    def listed() -> None:
        number = alone.line.order.number
        answer = client.get("/log/", {"q": number})
        assert number in answer.content.decode()

    until = "processor time of one promise until the list has it"
    return [
        within(f"{until}, {lines} lines", processor_seconds(lambda: promise(alone)), PROMISE_SECONDS),
        within(f"{until}, of a group, {lines} lines", processor_seconds(lambda: promise(grouped)), PROMISE_SECONDS),
        within(f"the list read after it, {lines} lines", seconds(listed), LIST_SECONDS),
    ]


def _a_line(*, grouped: bool) -> ScheduleLine:
    answers = LotForecast.objects.filter(current=True, delivered_on=None)
    of_kind = answers.filter(lot__allocations__requirement__group__isnull=not grouped)
    row = of_kind.select_related("lot__schedule_line__line__order", "lot__schedule_line__site")
    return row.order_by("-forecast_on", "pk")[0].lot.schedule_line


def _schedule(lines: int, now: datetime) -> Case:
    """One site; its own requirements are bound to the schedule first, and more without an order up to the number."""
    site = Site.objects.order_by("code")[0]
    actor = _reader()
    activities = [f"A{number:04}" for number in range(200)]
    _bind(site, activities)
    start = local_date(site, now) + timedelta(days=400)
    revisions = iter([_revision(site, activities, start + timedelta(days=3 * turn), turn) for turn in range(1, 5)])
    schedules.accept(revision_id=next(revisions).pk, actor=actor, now=now, reason="Bench")
    before = dict(Requirement.objects.filter(site=site).values_list("pk", "required_on_site"))
    taken = seconds(
        lambda: schedules.accept(revision_id=next(revisions).pk, actor=actor, now=now, reason="Bench"), rounds=2
    )
    after = dict(Requirement.objects.filter(site=site).values_list("pk", "required_on_site"))
    moved = sum(after[key] != on for key, on in before.items())
    assert moved >= MOVED_DATES, moved
    return within(f"an accepted schedule that moves {moved} ROS dates, {lines} lines", taken, SCHEDULE_SECONDS)


def _bind(site: Site, activities: list[str]) -> None:
    kept = list(Requirement.objects.filter(site=site, cancelled_at=None).order_by("tag"))
    like = kept[0]
    more = [
        Requirement(
            site=site, tag=f"BENCH-{number:05}", equipment_class=like.equipment_class, ros_rule=RosRule.ANCHORED,
            shake_out_days=10, shake_out_basis=DurationBasis.WORKING,
        )
        for number in range(MOVED_DATES - len(kept))
    ]  # fmt: skip
    RosAnchor.objects.filter(requirement__site=site).delete()
    Requirement.objects.filter(site=site).update(ros_rule=RosRule.ANCHORED, ros_fixed_on=None)
    Requirement.objects.bulk_create(more)
    RosAnchor.objects.bulk_create(
        RosAnchor(requirement=row, project_code=PROJECT, activity_code=activities[place % len(activities)])
        for place, row in enumerate([*kept, *more])
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE procurement_requirement, procurement_rosanchor")


def _revision(site: Site, activities: list[str], start: date, turn: int) -> ScheduleRevision:
    revision = ScheduleRevision.objects.create(
        site=site,
        project_code=PROJECT,
        data_date=start - timedelta(days=400),
        file_name="bench.xer",
        file_sha256=f"{turn:064}",
    )
    Activity.objects.bulk_create(
        Activity(
            revision=revision, place=place, code=code, status=ActivityStatus.NOT_STARTED,
            early_start=datetime.combine(start + timedelta(days=place), time(8)),
            early_finish=datetime.combine(start + timedelta(days=place + 1), time(17)),
        )
        for place, code in enumerate(activities)
    )  # fmt: skip
    return revision
