"""Ledgers only grow: what was stated, retracted, agreed or recorded is never changed and never removed."""

import pytest
from django.db import connection
from django.db.models import F, Model

from sites.models import Promise
from tests.conftest import LEDGERS
from tests.factories.sites import (
    BaselineFactory,
    PromiseFactory,
    RetractionFactory,
    ScheduleDecisionFactory,
    ScheduleDocumentFactory,
)
from tests.refusals import refused_by

pytestmark = pytest.mark.django_db


def _rewrite(row: Model, **values: object) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**values)


def _remove(row: Model) -> None:
    type(row)._default_manager.filter(pk=row.pk)._raw_delete("default")


def test_a_promise_is_not_rewritten() -> None:
    with refused_by("a_promise_is_never_changed"):
        _rewrite(PromiseFactory.create(), note="They meant June")


def test_a_promise_is_not_even_touched() -> None:
    with refused_by("a_promise_is_never_changed"):
        _rewrite(PromiseFactory.create(), note=F("note"))


def test_a_promise_is_not_removed() -> None:
    with refused_by("a_promise_is_never_changed"):
        _remove(PromiseFactory.create())


def test_a_retraction_is_not_rewritten() -> None:
    with refused_by("a_retraction_is_never_changed"):
        _rewrite(RetractionFactory.create(), reason="Another reason")


def test_a_retraction_is_not_removed() -> None:
    with refused_by("a_retraction_is_never_changed"):
        _remove(RetractionFactory.create())


def test_what_a_retracted_row_superseded_stands_again() -> None:
    first = PromiseFactory.create()
    again = PromiseFactory.create(milestone=first.milestone, supersedes=first)
    last = PromiseFactory.create(milestone=first.milestone, supersedes=again)
    RetractionFactory.create(promise=again)

    rows = {row.pk: row for row in Promise.objects.all()}
    assert set(Promise.objects.standing()) == {first, last}
    assert [rows[each.pk].is_superseded for each in (first, again, last)] == [False, True, False]
    assert [rows[each.pk].is_retracted for each in (first, again, last)] == [False, True, False]


def test_a_baseline_is_not_rewritten() -> None:
    with refused_by("a_baseline_is_never_changed"):
        _rewrite(BaselineFactory.create(), dates={"RTS": "2027-06-07"})


def test_a_baseline_is_not_removed() -> None:
    with refused_by("a_baseline_is_never_changed"):
        _remove(BaselineFactory.create())


def test_a_decision_on_a_schedule_is_not_rewritten() -> None:
    with refused_by("a_decision_is_never_changed"):
        _rewrite(ScheduleDecisionFactory.create(), reason="Another reason")


def test_a_decision_on_a_schedule_is_not_removed() -> None:
    with refused_by("a_decision_is_never_changed"):
        _remove(ScheduleDecisionFactory.create())


def test_a_schedule_file_is_not_rewritten() -> None:
    with refused_by("a_schedule_document_is_never_changed"):
        _rewrite(ScheduleDocumentFactory.create(), content=b"ERMHDR\t22.12")


@pytest.mark.parametrize("table", LEDGERS)
def test_a_ledger_is_not_emptied(table: str) -> None:
    with refused_by("a_ledger_is_never_emptied"), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER a_ledger_is_never_emptied")
        cursor.execute(f"TRUNCATE {table} CASCADE")
