"""The page that says how good our forecasts were, also where they were bad."""

import pytest
from django.test import Client

from procurement.domain.scoring import LEVELS
from tests.factories.procurement import BacktestFactory
from tests.procurement.portal.test_markup import Page

pytestmark = pytest.mark.django_db


def scores(*, held: float, ours: float, forecasts: int = 300) -> list[dict[str, object]]:
    return [
        {
            "name": "all",
            "forecasts": forecasts,
            "undecided": 2,
            "coverage": [held] * len(LEVELS),
            "compared": forecasts,
            "loss_ours": [ours, ours],
            "loss_promise": [6.0, 6.0],
            "loss_forward": [7.0, 7.0],
        }
    ]


def page(browser: Client) -> str:
    answer = browser.get("/forecasts/quality/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_before_a_back_test_it_says_what_to_run(browser: Client) -> None:
    assert "manage.py backtest --horizon 180" in page(browser)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"held": 0.5, "ours": 5.0}, "too hopeful"),
        ({"held": 0.95, "ours": 5.0}, "too careful"),
        ({"held": 0.8, "ours": 5.0}, "held about as often as it said"),
        ({"held": 0.8, "ours": 5.0}, "closer than the vendors"),
        ({"held": 0.8, "ours": 6.5}, "further off than the other"),
        ({"held": 0.8, "ours": 9.0}, "were both closer than we were"),
        ({"held": 0.8, "ours": 5.0, "forecasts": 12}, "too few forecasts to judge by"),
    ],
)
def test_it_says_what_was_good_and_what_was_bad(browser: Client, given: dict[str, float], sentence: str) -> None:
    BacktestFactory.create(scores=scores(**given))  # type: ignore[arg-type]

    assert sentence in page(browser)


def test_the_chart_has_its_table(browser: Client) -> None:
    BacktestFactory.create(scores=scores(held=0.8, ours=5.0))

    found = Page(page(browser))

    assert (found.inline, found.unlabelled, found.tables) == ([], [], found.captions)
    assert found.tables


def test_the_newest_back_test_is_shown(browser: Client) -> None:
    BacktestFactory.create(scores=scores(held=0.5, ours=5.0))
    BacktestFactory.create(scores=scores(held=0.8, ours=5.0))

    assert "held about as often as it said" in page(browser)


def test_it_is_found_in_the_navigation(browser: Client) -> None:
    assert '<a href="/forecasts/quality/" aria-current="page">' in page(browser)
    assert '<a href="/forecasts/quality/">' in browser.get("/vendors/").content.decode()
