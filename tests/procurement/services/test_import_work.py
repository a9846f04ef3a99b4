"""Files too large for the call that sends them: kept, and done apart from it, once, by whoever looks first."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from procurement.gateways import wake
from procurement.models import Company, ImportBatch
from procurement.queries.imports import Progress, progress_of
from procurement.services import import_work, imports, progress, single
from procurement.services.imports import Said
from procurement.vocabulary import ImportKind, ImportState, ImportWork, ProgressStep
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import Conflict
from tests.factories.procurement import CompanyFactory
from tests.factories.sites import MembershipFactory
from tests.threads import at_once
from tests.workbooks import xlsx

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
MANY = 6
HEADER = ("Company code", "Company name", "Country code", "Is seller")
pytestmark = pytest.mark.django_db


def clock() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_work, "SMALL_ROWS", MANY - 1)


@pytest.fixture
def buyer() -> User:
    return MembershipFactory.create(role=Role.BUYER).person


def many(count: int = MANY, **more: Any) -> bytes:
    return xlsx(HEADER, *((f"C{number:05}", f"Company {number}", "AU", "yes") for number in range(count)), **more)


def sent(content: bytes, actor: User, **more: Any) -> ImportBatch:
    return import_work.stage(
        content=content,
        file_name="companies.xlsx",
        kind=ImportKind.COMPANIES,
        stated_on=date(2026, 11, 19),
        actor=actor,
        now=NOW,
        **more,
    )


def test_a_small_file_is_previewed_in_the_call(buyer: User) -> None:
    batch = sent(many(3), buyer)

    assert (batch.state, batch.work, batch.rows_accepted) == (ImportState.STAGED, "", 3)


def test_many_rows_are_kept_and_previewed_applied_and_undone_apart(
    buyer: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    asked: list[bool] = []
    wake.wire(None, for_work=lambda: asked.append(True))
    try:
        with django_capture_on_commit_callbacks(execute=True):
            batch = sent(many(), buyer)
    finally:
        wake.wire(None)
    assert (batch.state, batch.work, batch.rows_read, asked) == (ImportState.RECEIVED, "preview", 0, [True])

    assert import_work.do_all(now_fn=clock) == 1
    batch.refresh_from_db()
    assert (batch.state, batch.work, batch.rows_accepted) == (ImportState.STAGED, "", MANY)

    import_work.apply(batch_id=batch.pk, actor=buyer, now=NOW)
    assert not Company.objects.exists()
    with pytest.raises(Conflict):
        import_work.apply(batch_id=batch.pk, actor=buyer, now=NOW)
    import_work.do_all(now_fn=clock)
    assert Company.objects.count() == MANY

    import_work.undo(batch_id=batch.pk, reason="Wrong list", actor=buyer, now=NOW)
    import_work.do_all(now_fn=clock)
    batch.refresh_from_db()
    assert (batch.state, batch.undo_reason, Company.objects.count()) == (ImportState.UNDONE, "Wrong list", 0)
    assert import_work.do_all(now_fn=clock) == 0


def test_a_file_that_is_wrong_is_refused_with_its_reason_and_its_bytes_are_gone(buyer: User) -> None:
    batch = sent(b"PK" + bytes(import_work.SMALL_BYTES), buyer)

    import_work.do_all(now_fn=clock)

    batch.refresh_from_db()
    assert (batch.state, bytes(batch.content), batch.rows.count()) == (ImportState.REFUSED, b"", 0)
    assert batch.problem.startswith("file: ")


def test_the_same_large_file_sent_twice_is_one_import(buyer: User) -> None:
    content = many()
    first = sent(content, buyer)
    assert sent(content, buyer).pk == first.pk
    import_work.do_all(now_fn=clock)
    sent(content, buyer)

    import_work.do_all(now_fn=clock)

    again = ImportBatch.objects.exclude(pk=first.pk).get()
    assert (again.state, again.problem) == (ImportState.REFUSED, "file: This file was read this way already.")


def test_columns_of_a_large_file_are_said_and_read_anew_apart(buyer: User) -> None:
    rows = ((f"C{number:05}", f"Company {number}", "AU", "yes") for number in range(MANY))
    batch = sent(xlsx(("a", "b", "c", "d"), *rows), buyer, keep_unmapped=True)
    import_work.do_all(now_fn=clock)
    batch.refresh_from_db()
    assert batch.state == ImportState.UNMAPPED

    said = Said(sheet="Orders", header_row=1, columns={"company": "A", "name": "B", "country": "C", "sells": "D"})
    import_work.map_columns(batch_id=batch.pk, said=said, actor=buyer, now=NOW)
    import_work.do_all(now_fn=clock)

    batch.refresh_from_db()
    assert (batch.state, batch.rows_accepted, batch.problem) == (ImportState.STAGED, MANY, "")


def test_what_changed_since_the_preview_renews_it_and_says_so(buyer: User) -> None:
    batch = sent(many(), buyer)
    import_work.do_all(now_fn=clock)
    import_work.apply(batch_id=batch.pk, actor=buyer, now=NOW)
    CompanyFactory.create(code="C00000", name="Another name")

    import_work.do_all(now_fn=clock)

    batch.refresh_from_db()
    assert (batch.state, batch.work) == (ImportState.STAGED, "")
    assert "changed since the preview" in batch.problem
    assert batch.rows.get(number=2).changes[0]["old"] == "Another name"
    assert Company.objects.count() == 1


def test_many_rows_are_given_the_time_that_a_page_has_not(buyer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_MANY_ROWS", MANY - 1)
    sent(many(3), buyer)
    few = bounds()

    sent(many(), buyer)
    import_work.do_all(now_fn=clock)

    assert few[0] != "0"
    assert bounds() == ("0", few[1])


def bounds() -> tuple[str, str]:
    """How long a transaction may idle, and a lock be waited for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout')")
        idle, lock = cursor.fetchone() or ("", "")
    return idle, lock


def test_nobody_touches_a_file_while_it_is_worked_on(buyer: User) -> None:
    batch = sent(many(), buyer)

    with pytest.raises(Conflict):
        imports.discard(batch_id=batch.pk, actor=buyer)


def test_the_net_leaves_to_the_workers_what_is_fresh(buyer: User) -> None:
    sent(many(), buyer)

    assert import_work.do_all(now_fn=clock, patience=timedelta(seconds=20)) == 0
    assert import_work.do_all(now_fn=lambda: NOW + timedelta(seconds=21), patience=timedelta(seconds=20)) == 1


def test_what_kills_its_worker_again_and_again_is_given_up(buyer: User) -> None:
    batch = sent(many(), buyer)
    ImportBatch.objects.filter(pk=batch.pk).update(work_attempts=import_work.MOST_ATTEMPTS)

    import_work.do_all(now_fn=clock)

    batch.refresh_from_db()
    assert (batch.state, batch.work) == (ImportState.REFUSED, "")
    assert "several times" in batch.problem


@pytest.mark.django_db(transaction=True)
def test_what_others_are_in_the_way_of_is_tried_again_and_never_given_up() -> None:
    batch = sent(many(), MembershipFactory.create(role=Role.BUYER).person)
    import_work.do_all(now_fn=clock)
    import_work.apply(batch_id=batch.pk, actor=batch.uploaded_by, now=NOW)

    def in_vain(_place: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20ms'")
        return import_work.do_all(now_fn=clock)

    with transaction.atomic():  # somebody writes on every company, and for long
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE procurement_company IN EXCLUSIVE MODE")
        done = [at_once(1, in_vain)[0] for _try in range(import_work.MOST_ATTEMPTS + 1)]
    batch.refresh_from_db()
    assert (done, batch.work, batch.work_attempts) == ([0] * len(done), "apply", 0)

    assert import_work.do_all(now_fn=clock) == 1
    batch.refresh_from_db()
    assert (batch.state, Company.objects.count()) == (ImportState.APPLIED, MANY)


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_it_once() -> None:
    buyer = MembershipFactory.create(role=Role.BUYER).person
    batch = sent(many(), buyer)

    done = at_once(2, lambda _place: import_work.do_all(now_fn=clock))

    assert sum(done) == 1
    batch.refresh_from_db()
    assert (batch.work_attempts, batch.rows.count()) == (1, MANY)


@pytest.mark.django_db(transaction=True)
def test_what_another_process_works_on_is_left_to_it() -> None:
    batch = sent(many(), MembershipFactory.create(role=Role.BUYER).person)

    def held() -> int:
        with single.only_one(f"import:{batch.pk}") as mine:
            assert mine
            return at_once(1, lambda _place: import_work.do_all(now_fn=clock))[0]

    assert held() == 0
    assert ImportBatch.objects.get().work == ImportWork.PREVIEW


def test_how_far_it_has_come_is_seen_until_its_transaction_ends(buyer: User) -> None:
    batch = sent(many(), buyer)
    seen = []

    with transaction.atomic():
        with progress.of(f"import:{batch.pk.hex}"):
            for _row in progress.told(ProgressStep.WRITING, range(5), every=2):
                seen.append(as_seen(batch))
        transaction.set_rollback(True)

    assert [each and (each.step, each.done, each.total) for each in seen] == [
        (ProgressStep.WRITING, 0, 5), (ProgressStep.WRITING, 0, 5),
        (ProgressStep.WRITING, 2, 5), (ProgressStep.WRITING, 2, 5),
        (ProgressStep.WRITING, 4, 5),
    ]  # fmt: skip
    assert as_seen(batch) is None


def as_seen(batch: ImportBatch) -> Progress | None:
    """As the next transaction of another connection sees it: within one, PostgreSQL answers the same again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
    return progress_of(batch)


def test_nothing_is_told_of_what_nobody_waits_for(buyer: User) -> None:
    batch = sent(many(), buyer)

    progress.tell(ProgressStep.CALCULATING, 1, 2)

    assert progress_of(batch) is None
