from decimal import Decimal

import pytest

from procurement.domain.percentile import days_at, percentile, weeks_at
from sites.domain.errors import BadInput


@pytest.mark.parametrize(("percent", "value"), [(0, "10"), (25, "17.5"), (50, "25"), (80, "34"), (100, "40")])
def test_between_two_neighbours_it_is_in_proportion(percent: int, value: str) -> None:
    assert percentile([40, 10, 20, 30], percent) == Decimal(value)


def test_of_a_single_figure_every_percentile_is_that_one() -> None:
    assert days_at([17], 80) == 17


def test_weeks_are_never_rounded_down() -> None:
    assert weeks_at([Decimal("40"), Decimal("40.1")], 20) == Decimal("40.1")


@pytest.mark.parametrize(("figures", "percent"), [([], 50), ([1], 101), ([1], -1)])
def test_what_has_no_percentile_is_refused(figures: list[int], percent: int) -> None:
    with pytest.raises(BadInput) as refused:
        percentile(figures, percent)

    assert refused.value.field == "percentile"
