"""Whose days a slip is; whatever the chain, the shares add up to it."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procurement.domain.attribution import Move, Share, StepDates, attribute, by_party, by_reason, party_of_step
from sites.vocabulary import Party

AGREED = date(2027, 5, 1)


def step(code: str, late: int | None, owner: Party = Party.VENDOR, *moves: Move) -> StepDates:
    stands_on = None if late is None else AGREED + timedelta(days=late)
    return StepDates(code, owner, AGREED, stands_on, moves)


def test_each_step_answers_for_what_it_adds() -> None:
    chain = [
        step("SUBMITTAL_IN", 8),
        step("SUBMITTAL_APPROVED", 42, Party.OWNER),
        step("RTM", 45),
        step("FAT_PASS", 42),
        step("ARRIVED_PORT", 43, Party.CARRIER),
        step("IMPORT_CLEARED", 43, Party.CUSTOMS),
        step("ON_SITE", 43, Party.CARRIER),
    ]

    shares = attribute(chain, "ON_SITE")

    assert [(share.code, share.party, share.days) for share in shares] == [
        ("SUBMITTAL_IN", Party.VENDOR, 8),
        ("SUBMITTAL_APPROVED", Party.OWNER, 34),
        ("RTM", Party.VENDOR, 3),
        ("FAT_PASS", Party.VENDOR, -3),
        ("ARRIVED_PORT", Party.CARRIER, 1),
    ]
    assert by_party(shares) == {
        Party.VENDOR: 8, Party.OWNER: 34, Party.CARRIER: 1, Party.CUSTOMS: 0, Party.SITE: 0,
    }  # fmt: skip


def test_the_party_that_a_move_names_overrides_the_owner_of_the_step() -> None:
    moves = (Move(10, Party.VENDOR, "capacity"), Move(20, Party.OWNER, "design_change"))

    assert attribute([step("FAT_PASS", 35, Party.VENDOR, *moves)], "FAT_PASS") == (
        Share("FAT_PASS", Party.OWNER, 20, "design_change"),
        Share("FAT_PASS", Party.VENDOR, 10, "capacity"),
        Share("FAT_PASS", Party.VENDOR, 5),
    )


def test_a_move_that_only_follows_an_earlier_step_is_not_counted_twice() -> None:
    chain = [
        step("SUBMITTAL_APPROVED", 30, Party.OWNER),
        step("FAT_PASS", 30, Party.VENDOR, Move(30, Party.OWNER, "late_approval")),
    ]

    assert by_party(attribute(chain, "FAT_PASS"))[Party.OWNER] == 30


def test_the_days_of_a_move_nobody_explained_are_apart_from_those_of_the_step_itself() -> None:
    shares = attribute([step("ON_SITE", 9, Party.VENDOR, Move(6, Party.VENDOR))], "ON_SITE")

    assert by_reason(shares) == {(Party.VENDOR, "not_stated"): 6, (Party.VENDOR, ""): 3}


def test_a_step_without_a_date_shows_in_the_next() -> None:
    chain = [step("RTM", None), StepDates("RTS", Party.VENDOR, None, AGREED), step("ON_SITE", 7, Party.CARRIER)]

    assert attribute(chain, "ON_SITE") == (Share("ON_SITE", Party.CARRIER, 7),)


@pytest.mark.parametrize("until", ["RTM", "NOT_THERE"])
def test_a_step_without_a_slip_has_no_shares(until: str) -> None:
    assert attribute([step("PO_ISSUED", 3), step("RTM", None)], until) == ()


_reasons = st.sampled_from(["not_stated", "capacity", "customs", "force_majeure"])
_moves = st.builds(Move, st.integers(-90, 200), st.sampled_from(list(Party)), _reasons)
_steps = st.builds(
    lambda late, has_baseline, owner, moves: (late, has_baseline, owner, tuple(moves)),
    st.none() | st.integers(-200, 400),
    st.booleans(),
    st.sampled_from(list(Party)),
    st.lists(_moves, max_size=5),
)


@given(st.lists(_steps, max_size=9), st.integers(-200, 400), st.lists(_moves, max_size=5))
def test_the_shares_sum_to_the_slip_exactly(
    drawn: list[tuple[int | None, bool, Party, tuple[Move, ...]]], slip: int, last_moves: list[Move]
) -> None:
    chain = [
        StepDates(
            f"S{place}",
            owner,
            AGREED if has_baseline else None,
            None if late is None else AGREED + timedelta(days=late),
            moves,
        )
        for place, (late, has_baseline, owner, moves) in enumerate(drawn)
    ]
    chain.append(step("ON_SITE", slip, Party.VENDOR, *last_moves))

    assert sum(share.days for share in attribute(chain, "ON_SITE")) == slip


CARRIAGE = [
    ("ARRIVED_PORT", "FOB", Party.CARRIER),
    ("ARRIVED_PORT", "DAP", Party.VENDOR),
    ("ON_SITE", "", Party.CARRIER),
    ("IMPORT_CLEARED", "DAP", Party.CUSTOMS),
    ("IMPORT_CLEARED", "DDP", Party.VENDOR),
    ("EXPORT_CLEARED", "EXW", Party.CUSTOMS),
    ("EXPORT_CLEARED", "FCA", Party.VENDOR),
    ("SET", "DDP", Party.SITE),
    ("FAT_PASS", "EXW", Party.VENDOR),
]


@pytest.mark.parametrize(("code", "incoterm", "party"), CARRIAGE)
def test_the_delivery_term_says_who_has_the_goods(code: str, incoterm: str, party: Party) -> None:
    assert party_of_step(code, Party.VENDOR, incoterm) is party


def test_what_the_chain_says_comes_before_the_delivery_term() -> None:
    assert party_of_step("ON_SITE", Party.CARRIER, "DDP") is Party.CARRIER
