import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from procurement.models import (
    Alert,
    DeliveryLot,
    ForecastRun,
    LotForecast,
    Notification,
    OrderLine,
    PurchaseOrder,
    Requirement,
    RequirementForecast,
)
from procurement.queries import invariants
from procurement.services import portfolio_loader
from sites.accounts.models import User
from sites.domain.errors import BadInput
from sites.models import Promise, Site

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
TODAY = NOW.date()

Loading = Callable[..., portfolio_loader.Loaded]


@pytest.fixture
def load() -> Loading:
    def loading(**given: Any) -> portfolio_loader.Loaded:
        return portfolio_loader.load(**{"lines": 200, "seed": 7, "today": TODAY, "now": NOW, **given})

    return loading


def test_a_portfolio_of_two_hundred_lines_is_whole(load: Loading) -> None:
    loaded = load()

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert OrderLine.objects.count() == DeliveryLot.objects.count() == loaded.counts["orderline"] == 200
    assert LotForecast.objects.filter(current=True).count() == 200
    assert Site.objects.count() == loaded.sites == 4
    to_order = RequirementForecast.objects.filter(current=True, ordered=False, order_by_on__isnull=False)
    not_ordered = Requirement.objects.filter(allocations__isnull=True)
    assert set(to_order.values_list("requirement", flat=True)) == set(not_ordered.values_list("pk", flat=True))
    assert not_ordered.count() >= 8
    assert invariants.broken() == []
    assert Notification.objects.exists()


def test_it_can_leave_the_forecasts_to_a_later_run(load: Loading) -> None:
    load(lines=30, recalculate=False)
    assert DeliveryLot.objects.count() == 30
    assert not LotForecast.objects.exists()


@pytest.mark.parametrize("recalculate", [True, False])
def test_the_log_says_what_was_loaded(load: Loading, recalculate: bool) -> None:
    load(lines=30, recalculate=recalculate, look=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(v) - 'mw_days' FROM longlead_log_line v ORDER BY v.schedule_line_id")
        wanted = cursor.fetchall()
        cursor.execute("SELECT to_jsonb(r) - 'mw_days' FROM procurement_logline r ORDER BY r.schedule_line_id")
        kept = cursor.fetchall()
        cursor.execute("SELECT current_setting('longlead.log_rests', true)")
        rests = cursor.fetchone()
    assert len(kept) == 30
    assert kept == wanted
    assert rests != ("on",)


def test_the_alerts_can_be_left_to_the_next_look(load: Loading) -> None:
    load(lines=30, look=False)
    assert LotForecast.objects.filter(current=True).count() == 30
    assert not Alert.objects.exists()


def test_history_is_kept_again_after_a_load(load: Loading) -> None:
    load(lines=1, recalculate=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'pgtrigger\\_%%' AND tgenabled = 'D'")
        assert cursor.fetchall() == []


def test_a_lot_has_none_to_six_promises_at_its_contract_step(load: Loading) -> None:
    load(lines=60, recalculate=False)
    ledgers = DeliveryLot.objects.values_list("chain", flat=True)
    sizes = {Promise.objects.filter(milestone__chain=chain).values("stated_on").distinct().count() for chain in ledgers}
    assert min(sizes) == 0
    assert 2 <= max(sizes) <= 6


def test_nobody_of_it_can_log_in(load: Loading) -> None:
    load(lines=1, recalculate=False)
    assert [person for person in User.objects.all() if person.has_usable_password()] == []


def test_the_history_of_its_rows_starts_with_their_first_change(load: Loading) -> None:
    load(lines=1, recalculate=False)
    line = OrderLine.objects.get()
    assert line.history.count() == 0  # type: ignore[attr-defined]
    line.description = "changed"
    line.save()
    assert line.history.count() == 1  # type: ignore[attr-defined]


def test_two_seeds_stand_side_by_side(load: Loading) -> None:
    load(lines=10, seed=1, recalculate=False)
    load(lines=10, seed=2, recalculate=False)
    assert OrderLine.objects.count() == 20


@pytest.mark.parametrize(("given", "field"), [({"lines": 0}, "lines"), ({"seed": -1}, "seed")])
def test_what_makes_no_portfolio_is_refused(load: Loading, given: dict[str, int], field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        load(**given)
    assert refusal.value.field == field


def test_the_command_prints_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_portfolio", lines=20, seed=3, no_recalculate=True, json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["lines"], document["sites"], document["rows"]["orderline"]) == (20, 1, 20)


def test_the_command_refuses_a_seed_that_is_there() -> None:
    call_command("load_portfolio", lines=5, seed=3, no_recalculate=True, json=True)
    with pytest.raises(CommandError, match="seed") as refusal:
        call_command("load_portfolio", lines=5, seed=3, no_recalculate=True, json=True)
    assert refusal.value.returncode == 2


def test_the_command_reports_rows_and_rates(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_portfolio", lines=5, seed=3, no_recalculate=True)
    printed = capsys.readouterr().out
    assert printed.startswith("5 lines at 1 sites in ")
    assert "lines a second" in printed


def test_a_large_portfolio_is_drawn_in_part_and_copied_whole(load: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portfolio_loader, "DRAWN_AT_MOST", 60)

    loaded = load(lines=203)

    assert OrderLine.objects.count() == DeliveryLot.objects.count() == loaded.counts["orderline"] == 203
    assert invariants.broken() == []
    numbers = set(PurchaseOrder.objects.values_list("number", flat=True))
    drawn = {number for number in numbers if number.count("-") == 2}
    assert {f"{number}-{copy}" for number in drawn for copy in (1, 2, 3)} >= numbers - drawn
    assert len(numbers - drawn) > len(drawn)


@pytest.mark.django_db(transaction=True)
def test_sites_are_calculated_side_by_side(load: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portfolio_loader, "_LINES_A_SITE_AT_LEAST", 4)

    loaded = load(lines=12, look=False)

    assert loaded.sites == 3
    assert LotForecast.objects.filter(current=True).count() == 12
    assert set(ForecastRun.objects.values_list("site", flat=True)) == set(Site.objects.values_list("pk", flat=True))
