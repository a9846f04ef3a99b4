"""Stored answers: one of them is current, the others are history."""

from typing import Any

import pytest

from tests.factories.procurement import (
    BlockForecastFactory,
    BlockProbabilityFactory,
    ChainForecastFactory,
    LotForecastFactory,
    LotProbabilityFactory,
    RequirementForecastFactory,
)
from tests.refusals import kept, refused_by

pytestmark = pytest.mark.django_db


def _make_two_current(factory: Any, subject: str) -> None:
    first = factory.create()
    second = factory.create(**{subject: getattr(first, subject)})
    type(first).objects.filter(pk__in=[first.pk, second.pk]).update(current=True)


def test_a_lot_has_one_current_answer() -> None:
    with refused_by("a_lot_has_one_current_forecast"):
        _make_two_current(LotForecastFactory, "lot")


def test_a_requirement_has_one_current_answer() -> None:
    with refused_by("a_requirement_has_one_current_forecast"):
        _make_two_current(RequirementForecastFactory, "requirement")


def test_a_block_has_one_current_answer() -> None:
    with refused_by("a_block_has_one_current_forecast"):
        _make_two_current(BlockForecastFactory, "block")


def test_a_chain_has_one_current_answer() -> None:
    with refused_by("a_chain_has_one_current_forecast"):
        _make_two_current(ChainForecastFactory, "chain")


def test_a_lot_has_one_current_probability() -> None:
    with refused_by("a_lot_has_one_current_probability"):
        _make_two_current(LotProbabilityFactory, "lot")


def test_a_block_has_one_current_probability() -> None:
    with refused_by("a_block_has_one_current_probability"):
        _make_two_current(BlockProbabilityFactory, "block")


def test_a_further_answer_leaves_the_first_as_history() -> None:
    first = LotForecastFactory.create()

    with kept():
        LotForecastFactory.create(lot=first.lot)
