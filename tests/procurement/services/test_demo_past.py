"""The demo can be asked as known on a past day, and where the float of a line went between two."""

from datetime import UTC, date, datetime

import pytest

from procurement.models import DeliveryLot, LotForecast
from procurement.portal.known import known_pairs
from procurement.queries.known import block_answers, lots_known_on
from procurement.services import demo
from procurement.services.demo.past import add_past
from sites.models import Block

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
FIRST, SECOND = date(2026, 9, 1), date(2026, 10, 20)


def test_what_was_known_of_the_demo_on_a_past_day() -> None:
    demo.load_demo(today=NOW.date(), now=NOW)
    current = set(LotForecast.objects.filter(current=True).values_list("pk", flat=True))

    assert add_past(now=NOW) > 300

    assert set(LotForecast.objects.filter(current=True).values_list("pk", flat=True)) == current
    lots = list(DeliveryLot.objects.filter(schedule_line__site__code="SYD01", copied_from__isnull=True))
    then = lots_known_on(lots, FIRST, "Australia/Sydney")
    assert len(then) > 5
    assert sum(known.answer is not None for known in then.values()) > 5
    for known in then.values():
        assert known.answer is None or known.answer.as_of <= FIRST
        assert all(row.promise.stated_on <= FIRST for row in known.ledger)
        assert known.actual_on is None or known.actual_on <= FIRST
        if known.answer is not None:
            told = known.answer.promised_on, known.answer.delivered_on
            assert told == (known.promised_on, known.actuals.get("ON_SITE"))
        if known.float_days is not None and known.forecast_on and known.required_on_site:
            assert (known.required_on_site - known.forecast_on).days == known.float_days
    pictures = [pair.picture for pair in known_pairs(lots, FIRST, SECOND, NOW.date(), "Australia/Sydney")]
    blocks = block_answers(Block.objects.values_list("pk", flat=True), FIRST)
    assert len(blocks) == Block.objects.count()
    assert all(row.as_of <= FIRST and not row.current for row in blocks.values())
    for row in blocks.values():
        finished_on = row.block.rfs_actual_on
        assert (row.decided_by == "actual") == (finished_on is not None and finished_on <= row.as_of)
    assert any(row.mw_days_at_risk for row in blocks.values())
    assert any(picture and picture.float_from != picture.float_to for picture in pictures)
