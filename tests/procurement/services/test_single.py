import pytest

from procurement.services.single import only_one
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_several_one_does_it_and_afterwards_another_may() -> None:
    with only_one("tick") as mine:
        assert mine

        def others(_place: int) -> bool:
            with only_one("tick") as too:
                return too

        assert at_once(2, others) == [False, False]
    assert at_once(1, others) == [True]


def test_two_names_do_not_meet() -> None:
    with only_one("tick"):

        def other(_place: int) -> bool:
            with only_one("night") as mine:
                return mine

        assert at_once(1, other) == [True]
