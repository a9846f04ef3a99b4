import pytest

from sites.domain.agreement_state import MOVES, OVER, UNSIGNED, may_move, missing_fields, moves_from, required_fields
from sites.vocabulary import AgreementState as State


def _reachable() -> set[State]:
    found, open_ = {State.SCREENING}, [State.SCREENING]
    while open_:
        for state in moves_from(open_.pop()):
            if state not in found:
                found.add(state)
                open_.append(state)
    return found


def test_every_state_is_reached_from_screening() -> None:
    assert _reachable() == set(State)


def test_nothing_leads_out_of_an_end() -> None:
    assert {since for since, _ in MOVES} & OVER == set()


def test_no_signature_is_taken_back() -> None:
    signed = set(State) - UNSIGNED - OVER

    assert [(since, until) for since, until in MOVES if since in signed and until in UNSIGNED] == []


@pytest.mark.parametrize(
    ("since", "until", "may"),
    [
        (State.TERM_SHEET, State.SIGNED, True),
        (State.SCREENING, State.SIGNED, False),
        (State.CP_MET, State.COD, True),
        (State.IN_DEFAULT, State.OPERATING, True),
        (State.OPERATING, State.CONSTRUCTION, False),
        (State.SIGNED, State.SIGNED, False),
    ],
)
def test_moves_are_those_of_the_table(since: State, until: State, may: bool) -> None:
    assert may_move(since, until) is may


def test_construction_needs_the_dates_that_damages_and_ends_hang_on() -> None:
    signed = set(required_fields(State.SIGNED))

    assert missing_fields(State.CONSTRUCTION, signed) == ("guaranteed_cod_on", "long_stop_on")
    assert missing_fields(State.SCREENING, set()) == ()
