"""Bulks that are carried out apart from their call. What is due stands in PostgreSQL: a worker may die."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import pghistory
from django.db import InterfaceError, OperationalError, transaction

from procurement.domain import order_text
from procurement.gateways import wake
from procurement.models import Job, JobRow
from procurement.services import bulk
from procurement.services.bulk import BulkRow, Outcome
from procurement.services.single import only_one, others_were_in_the_way
from procurement.vocabulary import JobState
from sites.accounts.models import ApiClient

logger = logging.getLogger(__name__)

ROWS_AT_ONCE: Final = 100
MOST_ROWS: Final = 20_000
MOST_ATTEMPTS: Final = 3
KEPT_FOR: Final = timedelta(days=90)
_TO_DO = (JobState.QUEUED, JobState.RUNNING)


@transaction.atomic
def ask(
    *,
    client: ApiClient,
    rows: Sequence[BulkRow],
    refused: Sequence[Outcome],
    lines_mode: str,
    atomic: bool,
    request_id: str,
) -> Job:
    """A job of these rows; `refused` are those that are known to be wrong, at their places."""
    job = Job.objects.create(client=client, atomic=atomic, lines_mode=lines_mode, request_id=request_id)
    waiting = [JobRow(job=job, place=row.place, body=_kept(row)) for row in rows]
    known = [JobRow(job=job, place=each["index"], body={}, outcome=each) for each in refused]
    JobRow.objects.bulk_create([*waiting, *known], batch_size=1000)
    wake.work_after_commit()
    return job


def do_all(*, now_fn: Callable[[], datetime]) -> int:
    """Carry out what waits, oldest first; how many jobs this process finished. One at a time across all machines."""
    finished = 0
    for job in Job.objects.filter(state__in=_TO_DO).select_related("client__account").order_by("created_at", "pk"):
        with only_one(f"job:{job.pk}") as mine:
            if not mine:
                continue
            job.refresh_from_db()
            if job.state in _TO_DO and _carry_out(job, now_fn):
                finished += 1
    return finished


def purge(now: datetime) -> int:
    """Forget jobs that ended ninety days ago, with their rows; how many went."""
    return Job.objects.filter(finished_at__lte=now - KEPT_FOR).delete()[1].get(Job._meta.label, 0)


def _carry_out(job: Job, now_fn: Callable[[], datetime]) -> bool:
    """Whether it ended. It did not where others hold what it needs: those behind it go on, and the next round tries."""
    job.attempts += 1
    job.state, job.started_at = JobState.RUNNING, job.started_at or now_fn()
    job.save(update_fields=["attempts", "state", "started_at"])
    if job.attempts > MOST_ATTEMPTS:
        _end(job, _NEVER_ENDED, now_fn())
        return True
    try:
        with pghistory.context(actor=str(job.client.account_id), client=str(job.client_id), request_id=job.request_id):
            if job.atomic:
                _all_or_none(job, now_fn())
            else:
                _in_portions(job, now_fn)
    except (OperationalError, InterfaceError) as trouble:
        if not others_were_in_the_way(trouble):
            raise  # the next wake-up takes it up where it stands
        Job.objects.filter(pk=job.pk).update(attempts=job.attempts - 1)
        logger.warning("Others hold what job %s needs; it is tried again.", job.pk)
        return False
    except Exception:
        logger.exception("Job %s failed.", job.pk)
        _end(job, _BROKEN, now_fn())
    return True


def _end(job: Job, problem: dict[str, Any] | None, now: datetime) -> None:
    job.state = JobState.DONE if problem is None else JobState.FAILED
    job.problem, job.finished_at = problem, now
    job.save(update_fields=["state", "finished_at", "problem"])


def _in_portions(job: Job, now_fn: Callable[[], datetime]) -> None:
    while rows := list(job.rows.filter(outcome__isnull=True).order_by("place")[:ROWS_AT_ONCE]):
        with transaction.atomic():
            _keep(rows, _write(job, rows, now_fn()))
            Job.objects.filter(pk=job.pk).update(attempts=1)  # it gets on
    _end(job, None, now_fn())


def _all_or_none(job: Job, now: datetime) -> None:
    """In one transaction with its end, so that nobody finds it half done."""
    rows = list(job.rows.filter(outcome__isnull=True).order_by("place"))
    with transaction.atomic():
        if job.rows.filter(outcome__isnull=False).exists():  # some were refused when they were sent
            done = [bulk.not_written(row.place, str(row.body["external_id"])) for row in rows]
            is_refused = True
        else:
            done = _write(job, rows, now)
            is_refused = any(each["result"] == "failed" for each in done)
        _keep(rows, done)
        _end(job, _ATOMIC_PROBLEM if is_refused else None, now)


_ATOMIC_PROBLEM: Final = {"status": 422, "code": "validation_error", "detail": "A row was refused; none was written."}
_BROKEN: Final = {"status": 500, "code": "internal_error", "detail": "Send the rows without an outcome again."}
_NEVER_ENDED: Final = {
    "status": 500,
    "code": "internal_error",
    "detail": f"It was begun {MOST_ATTEMPTS} times and never got on; send the rows without an outcome again.",
}


def _write(job: Job, rows: Sequence[JobRow], now: datetime) -> list[Outcome]:
    return bulk.write(
        [_read(row) for row in rows],
        system=job.client.system,
        actor=job.client.account,
        now=now,
        lines_mode=job.lines_mode,
        atomic=job.atomic,
        request_id=job.request_id,
    )


def _keep(rows: Sequence[JobRow], done: Sequence[Outcome]) -> None:
    """In the transaction of their effects."""
    by_place = {each["index"]: each for each in done}
    for row in rows:
        row.outcome = by_place[row.place]
    JobRow.objects.bulk_update(rows, ["outcome"], batch_size=500)


def _kept(row: BulkRow) -> dict[str, Any]:
    document = None if row.document is None else order_text.written(row.document)
    return {"external_id": row.external_id, "document": document, "version": row.version}


def _read(row: JobRow) -> BulkRow:
    body = row.body
    document = None if body["document"] is None else order_text.read(body["document"])
    return BulkRow(row.place, body["external_id"], document, body["version"])
