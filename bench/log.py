"""The log beside the hand-written API page of as many order lines, on the same server."""

from functools import partial

from django.test import Client

from bench.api import NOWHERE, by_hand, in_turn
from bench.case import Case, beside, seconds
from sites.accounts.models import User

TIMES_HAND_WRITTEN, TIMES_A_HUNDRED = 10.0, 5.0


def cases(*, reader: User, lines: int) -> list[Case]:
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(reader)

    hundred, hand = in_turn(lambda: client.get("/log/?view=&size=100"), partial(by_hand, NOWHERE))
    many = seconds(lambda: client.get("/log/?view=&size=500"))
    of = f"of {lines} lines"
    times = f"{hundred / hand:.1f} times the API page by hand, {hand * 1000:.1f} ms"
    return [
        beside(f"the log, 100 rows, {of} ({times})", hundred, TIMES_HAND_WRITTEN * hand, "ten times that page"),
        beside(f"the log, 500 rows, {of}", many, TIMES_A_HUNDRED * hundred, "five times the log of 100 rows"),
    ]
