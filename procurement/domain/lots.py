"""Delivery lots: where a contract date applies, how quantities split, and which date a line shows."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Generic, TypeVar

from sites.domain.errors import BadInput

ON_SITE: Final = "ON_SITE"
RTS: Final = "RTS"

_AT_DESTINATION = frozenset({"DAP", "DPU", "DDP"})
_INCOTERMS = _AT_DESTINATION | {"EXW", "FCA", "CPT", "CIP", "FAS", "FOB", "CFR", "CIF"}


@dataclass(frozen=True, slots=True)
class ContractStep:
    """`is_guess` where the Incoterm is missing or unknown, so that somebody looks."""

    code: str
    is_guess: bool


def contract_step(incoterm: str | None) -> ContractStep:
    """The step at which the contract date, and a promise that names no step, apply."""
    term = (incoterm or "").strip().upper()
    if term not in _INCOTERMS:
        return ContractStep(ON_SITE, is_guess=True)
    return ContractStep(ON_SITE if term in _AT_DESTINATION else RTS, is_guess=False)


Lot = TypeVar("Lot", bound=Hashable)


@dataclass(frozen=True, slots=True)
class LotState(Generic[Lot]):
    """`forecast_on` is None where no date is known."""

    lot: Lot
    quantity: Decimal
    is_open: bool
    forecast_on: date | None = None


@dataclass(frozen=True, slots=True)
class Split:
    kept: Decimal
    split_off: Decimal


def split(quantity: Decimal, off: Decimal) -> Split:
    """Take `off` out of a lot; both parts stay above zero. Raises BadInput naming `quantity`."""
    if not off.is_finite() or off <= 0:
        raise BadInput("A quantity is above zero.", field="quantity")
    if off >= quantity:
        raise BadInput(f"A split leaves something of the {quantity} in the lot.", field="quantity")
    return Split(kept=quantity - off, split_off=off)


def most_received(quantity: Decimal, over_delivery_percent: Decimal) -> Decimal:
    """How many units of a lot may come at most: those that were ordered, and the tolerance of their line."""
    return quantity + quantity * over_delivery_percent / 100


@dataclass(frozen=True, slots=True)
class Share(Generic[Lot]):
    """`split_off` is None where the whole lot is meant."""

    lot: Lot
    split_off: Decimal | None


def spoken_for(lots: Sequence[LotState[Lot]], quantity: Decimal | None) -> tuple[Share[Lot], ...]:
    """The open lots a promise, shipment or receipt speaks for, in the order given; the last one may have to split.

    None speaks for all open lots. Raises BadInput naming `quantity` when more is meant than is open.
    """
    is_open = [lot for lot in lots if lot.is_open]
    if quantity is None:
        return tuple(Share(lot.lot, None) for lot in is_open)
    if not quantity.is_finite() or quantity <= 0:
        raise BadInput("A quantity is above zero.", field="quantity")
    left = quantity
    shares: list[Share[Lot]] = []
    for lot in is_open:
        if not left:
            break
        if left < lot.quantity:
            shares.append(Share(lot.lot, split(lot.quantity, left).split_off))
            left = Decimal(0)
        else:
            shares.append(Share(lot.lot, None))
            left -= lot.quantity
    if left:
        said, open_ = quantity.normalize(), (quantity - left).normalize()
        raise BadInput(f"{said:f} is more than is open ({open_:f}).", field="quantity")
    return tuple(shares)


def check_quantities(lots: Iterable[LotState[Lot]], scheduled: Decimal) -> None:
    """The lots of a schedule line sum to its quantity. Raises BadInput naming `quantity`."""
    total = sum((lot.quantity for lot in lots), Decimal(0))
    if total != scheduled:
        raise BadInput(f"The lots sum to {total}, the schedule line to {scheduled}.", field="quantity")


def line_forecast_on(lots: Iterable[LotState[Lot]]) -> date | None:
    """The forecast of the last open lot; None when none is open or one of them has no date."""
    latest: date | None = None
    for lot in lots:
        if not lot.is_open:
            continue
        if lot.forecast_on is None:
            return None
        latest = lot.forecast_on if latest is None else max(latest, lot.forecast_on)
    return latest
