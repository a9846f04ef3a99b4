from typing import Any

import pytest

from procurement.services.copying import insert_alike, insert_each
from sites.models import Milestone
from tests.factories.sites import ChainFactory, MilestoneFactory

pytestmark = pytest.mark.django_db


def test_rows_are_copied_in_with_their_defaults_and_their_history() -> None:
    chain = ChainFactory.create()
    rows = [MilestoneFactory.build(chain=chain, sequence=n, code=f"STEP_{n}", duration_days=n) for n in range(3)]

    insert_each(rows)

    stored = Milestone.objects.order_by("sequence")
    assert [(row.pk, row.code, row.duration_days) for row in stored] == [
        (row.pk, row.code, row.duration_days) for row in rows
    ]
    assert None not in {row.created_at for row in stored}
    labels = [event.pgh_label for row in stored for event in row.history.all()]  # type: ignore[attr-defined]
    assert labels == ["insert"] * 3


def test_no_rows_are_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        insert_each([])


def test_rows_alike_are_written_for_each_owner() -> None:
    one, other, alone = ChainFactory.create_batch(3)
    long = [Milestone(sequence=n, code=f"STEP_{n}", duration_days=n) for n in range(2)]
    short = [Milestone(sequence=7, code="LAST", lock_reason="5 % \\ \"'")]

    insert_alike([long, short], "chain", [(other.pk, 0), (alone.pk, 1), (one.pk, 0)])

    stored = Milestone.objects.order_by("sequence")
    assert [(row.chain_id, row.code, row.duration_days) for row in stored.exclude(chain=alone).order_by("pk")] == [
        (other.pk, "STEP_0", 0),
        (other.pk, "STEP_1", 1),
        (one.pk, "STEP_0", 0),
        (one.pk, "STEP_1", 1),
    ]
    assert [(row.code, row.lock_reason, row.applicable) for row in stored.filter(chain=alone)] == [
        ("LAST", "5 % \\ \"'", True)
    ]
    assert [event.pgh_label for row in stored for event in row.history.all()] == ["insert"] * 5  # type: ignore[attr-defined]
