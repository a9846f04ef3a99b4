"""The choice that names most decides, and a duty never goes silent."""

from uuid import UUID

import pytest

from procurement.domain.wishes import Wish, Wished, chosen, lane_for
from procurement.vocabulary import Channel, Lane, Rule, Severity, WishedLane

SYDNEY, TOKYO, CHILLER = UUID(int=1), UUID(int=2), UUID(int=3)
ALERT = Wished(Rule.LOW_FLOAT, SYDNEY, {CHILLER}, Severity.WARNING)
ALL_DIGEST = Wish(WishedLane.DIGEST)


@pytest.mark.parametrize(
    ("wish", "is_about"),
    [
        (Wish(WishedLane.MUTE), True),
        (Wish(WishedLane.MUTE, rule=Rule.LOW_FLOAT), True),
        (Wish(WishedLane.MUTE, rule=Rule.NO_ROS), False),
        (Wish(WishedLane.MUTE, site_id=TOKYO), False),
        (Wish(WishedLane.MUTE, class_id=CHILLER), True),
        (Wish(WishedLane.MUTE, class_id=UUID(int=9)), False),
        (Wish(WishedLane.MUTE, severity=Severity.NOTICE), True),
        (Wish(WishedLane.MUTE, severity=Severity.CRITICAL), False),
        (Wish(WishedLane.MUTE, channel=Channel.CHAT), False),
    ],
)
def test_a_wish_is_about_what_it_names(wish: Wish, is_about: bool) -> None:
    assert (chosen([wish], ALERT) is not None) == is_about


def test_the_one_that_names_more_decides() -> None:
    of_the_rule = Wish(WishedLane.URGENT, rule=Rule.LOW_FLOAT)
    of_the_rule_here = Wish(WishedLane.MUTE, rule=Rule.LOW_FLOAT, site_id=SYDNEY)

    assert chosen([ALL_DIGEST, of_the_rule], ALERT) == WishedLane.URGENT
    assert chosen([of_the_rule_here, ALL_DIGEST, of_the_rule], ALERT) == WishedLane.MUTE


def test_of_two_that_name_as_much_the_rule_comes_before_the_site() -> None:
    here, rule = Wish(WishedLane.MUTE, site_id=SYDNEY), Wish(WishedLane.URGENT, rule=Rule.LOW_FLOAT)

    assert chosen([here, rule], ALERT) == chosen([rule, here], ALERT) == WishedLane.URGENT


@pytest.mark.parametrize(
    ("wished", "is_duty", "lane"),
    [
        (None, True, Lane.URGENT),
        (WishedLane.DIGEST, True, Lane.DIGEST),
        (WishedLane.MUTE, True, Lane.DIGEST),
        (WishedLane.MUTE, False, None),
        (WishedLane.URGENT, False, Lane.URGENT),
    ],
)
def test_a_duty_never_goes_silent(wished: WishedLane | None, is_duty: bool, lane: Lane | None) -> None:
    assert lane_for(Lane.URGENT, wished, is_duty=is_duty) == lane
