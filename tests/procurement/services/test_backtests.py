"""The back-test knows only what was known then, and says how good that was."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from procurement.models import Backtest, DeliveryLot
from procurement.services import backtests
from sites.domain.errors import BadInput
from sites.models import Milestone
from tests.factories.procurement import DeliveryLotFactory
from tests.factories.sites import PromiseFactory, SiteFactory

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
CODES = ("PO_ISSUED", "SUBMITTAL_IN", "SUBMITTAL_APPROVED", "RTM", "FAT_PASS", "RTS", "ARRIVED_PORT", "IMPORT_CLEARED")


def arrived(on: date, *, late_days: int = 0) -> DeliveryLot:
    """A line that came, with every step recorded on its day; the vendor had promised it sooner."""
    lot: DeliveryLot = DeliveryLotFactory.create(site=SiteFactory.create())
    for place, code in enumerate((*CODES, "ON_SITE")):
        day = on - timedelta(days=40 * (len(CODES) - place))
        milestone = Milestone.objects.get(chain=lot.chain, code=code)
        milestone.actual_on = day
        milestone.actual_recorded_at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
        milestone.save(update_fields=["actual_on", "actual_recorded_at"])
    PromiseFactory.create(
        milestone=lot.chain.milestones.get(code="ON_SITE"),
        counts_on=on - timedelta(days=late_days),
        stated_on=on - timedelta(days=200),
        recorded_at=datetime.combine(on - timedelta(days=200), datetime.min.time(), UTC),
        conditional_on=None,
    )
    return lot


def test_a_line_is_forecast_from_every_origin_at_which_it_was_open_and_due() -> None:
    arrived(date(2026, 5, 1), late_days=20)

    row = backtests.run(horizon=180, today=TODAY, trials=50)

    whole = row.scores[0]
    assert (row.origins, whole["name"]) == (19, "all")
    assert row.forecasts == whole["forecasts"] > 1
    assert whole["compared"] == whole["forecasts"]
    assert whole["loss_promise"][0] > 0


def test_what_was_recorded_later_was_not_known() -> None:
    lot = arrived(date(2026, 5, 1))
    known = backtests.run(horizon=180, today=TODAY, trials=50).forecasts
    lot.chain.milestones.update(actual_recorded_at=datetime(2026, 11, 1, tzinfo=UTC))

    assert known > 0
    assert backtests.run(horizon=180, today=TODAY, trials=50).forecasts == 0


def test_the_same_seed_writes_the_same_scores() -> None:
    for week in range(4):
        arrived(date(2026, 5, 1) + timedelta(days=7 * week), late_days=10 * week)

    first, second = (backtests.run(horizon=120, today=TODAY, trials=80) for _ in range(2))

    assert first.scores == second.scores


@pytest.mark.parametrize("horizon", [0, 731])
def test_a_horizon_out_of_range_is_refused_by_name(horizon: int) -> None:
    with pytest.raises(BadInput) as refused:
        backtests.run(horizon=horizon, today=TODAY)

    assert refused.value.field == "horizon"


def test_the_command_prints_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("backtest", "--horizon", "90", "--json")

    printed = json.loads(capsys.readouterr().out)
    assert (printed["horizon_days"], printed["forecasts"], printed["scores"][0]["coverage"][0]) == (90, 0, None)
    assert Backtest.objects.count() == 1


def test_the_command_reports_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    arrived(date(2026, 5, 1))

    call_command("backtest")

    assert "forecasts from 19 days in the past" in capsys.readouterr().out


def test_the_command_refuses_with_two() -> None:
    with pytest.raises(CommandError) as refused:
        call_command("backtest", "--horizon", "0")

    assert (refused.value.returncode, str(refused.value)[:9]) == (2, "--horizon")
