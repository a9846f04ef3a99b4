"""How an agreement moves from screening to its end, and what must be known before it gets there."""

from collections.abc import Collection
from typing import Final

from sites.vocabulary import AgreementState as State

_NEXT: Final[dict[State, frozenset[State]]] = {
    State.SCREENING: frozenset({State.RFP, State.SHORTLISTED, State.TERM_SHEET, State.TERMINATED}),
    State.RFP: frozenset({State.SCREENING, State.SHORTLISTED, State.TERMINATED}),
    State.SHORTLISTED: frozenset({State.RFP, State.TERM_SHEET, State.TERMINATED}),
    State.TERM_SHEET: frozenset({State.SHORTLISTED, State.SIGNED, State.TERMINATED, State.EXPIRED}),
    State.SIGNED: frozenset({State.CP_MET, State.IN_DEFAULT, State.TERMINATED}),
    # A plant that stands already has no construction left.
    State.CP_MET: frozenset({State.CONSTRUCTION, State.COD, State.IN_DEFAULT, State.TERMINATED}),
    State.CONSTRUCTION: frozenset({State.COD, State.IN_DEFAULT, State.TERMINATED}),
    State.COD: frozenset({State.OPERATING, State.IN_DEFAULT, State.TERMINATED}),
    State.OPERATING: frozenset({State.IN_DEFAULT, State.TERMINATED, State.EXPIRED}),
    # A default that is cured leads back to where it happened.
    State.IN_DEFAULT: frozenset(
        {State.SIGNED, State.CP_MET, State.CONSTRUCTION, State.COD, State.OPERATING, State.TERMINATED}
    ),
    State.TERMINATED: frozenset(),
    State.EXPIRED: frozenset(),
}
MOVES: Final = frozenset((since, until) for since, ends in _NEXT.items() for until in ends)
UNSIGNED: Final = frozenset({State.SCREENING, State.RFP, State.SHORTLISTED, State.TERM_SHEET})
OVER: Final = frozenset({State.TERMINATED, State.EXPIRED})
BINDING: Final = frozenset(State) - UNSIGNED - OVER

_TERM_SHEET: Final = ("price", "term_years", "target_cod_on")
_SIGNED: Final = (*_TERM_SHEET, "buyer", "signed_on", "settlement_zone")
_BUILT: Final = (*_SIGNED, "guaranteed_cod_on", "long_stop_on")
_REQUIRED: Final[dict[State, tuple[str, ...]]] = {
    State.TERM_SHEET: _TERM_SHEET,
    State.SIGNED: _SIGNED,
    State.CP_MET: _SIGNED,
    State.CONSTRUCTION: _BUILT,
    State.COD: _SIGNED,
    State.OPERATING: _SIGNED,
}


def may_move(since: State, until: State) -> bool:
    return (since, until) in MOVES


def moves_from(state: State) -> tuple[State, ...]:
    """In the order of the vocabulary."""
    return tuple(each for each in State if (state, each) in MOVES)


def required_fields(state: State) -> tuple[str, ...]:
    """What an agreement must state to be in this state, besides what it always must."""
    return _REQUIRED.get(state, ())


def missing_fields(state: State, known: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in required_fields(state) if name not in known)
