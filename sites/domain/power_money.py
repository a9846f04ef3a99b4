"""What a delay, an unused contract or a missing one costs, in the currency of the agreement. None is not known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from sites.domain.errors import BadInput
from sites.vocabulary import DamagesKind, EnergyUnit, PriceKind

HOURS: Final = Decimal(24)
HOURS_A_YEAR: Final = Decimal(8760)
_HUNDRED: Final = Decimal(100)
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Band:
    """From this chargeable day on (the first is 1), until the next band."""

    from_day: int
    amount_per_mw_day: Decimal


@dataclass(frozen=True, slots=True)
class DamagesTerms:
    """`percent_per_day` and `cap_percent` are of `base_amount`. Of several caps the lowest holds."""

    kind: DamagesKind = DamagesKind.PER_MW_DAY
    bands: tuple[Band, ...] = ()
    percent_per_day: Decimal | None = None
    base_amount: Decimal | None = None
    extension_days: int = 0
    grace_days: int = 0
    cap_percent: Decimal | None = None
    cap_amount: Decimal | None = None
    cap_days: int | None = None


@dataclass(frozen=True, slots=True)
class Damages:
    chargeable_days: int
    uncapped: Decimal
    amount: Decimal

    @property
    def is_capped(self) -> bool:
        return self.amount < self.uncapped


def check_damages(terms: DamagesTerms) -> None:
    """Raises BadInput naming `bands` or `percent_per_day` where the clause cannot be computed."""
    if terms.kind is DamagesKind.PERCENT_PER_DAY:
        if terms.percent_per_day is None or terms.base_amount is None:
            raise BadInput("Damages in percent need a rate and the amount it is of.", field="percent_per_day")
        if terms.bands:
            raise BadInput("Damages in percent have no bands.", field="bands")
        return
    days = [band.from_day for band in terms.bands]
    if not days or min(days) != 1:
        raise BadInput("The first band starts on day 1.", field="bands")
    if len(set(days)) != len(days):
        raise BadInput("Two bands start on the same day.", field="bands")


def damages(terms: DamagesTerms, delay_days: int, mw: Decimal, *, share: Decimal = Decimal(1)) -> Damages:
    """For a delay counted from the day it is due. `share` is the part of the agreement these megawatts are, which the
    amounts of the whole agreement (base and caps) are divided by.
    """
    chargeable = max(0, delay_days - terms.extension_days - terms.grace_days)
    if terms.cap_days is not None:
        chargeable = min(chargeable, terms.cap_days)
    if terms.kind is DamagesKind.PERCENT_PER_DAY:
        assert terms.percent_per_day is not None  # check_damages
        assert terms.base_amount is not None
        uncapped = terms.base_amount * share * terms.percent_per_day / _HUNDRED * chargeable
    else:
        uncapped = mw * _in_bands(terms.bands, chargeable)
    caps = [terms.cap_amount * share] if terms.cap_amount is not None else []
    if terms.cap_percent is not None and terms.base_amount is not None:
        caps.append(terms.base_amount * share * terms.cap_percent / _HUNDRED)
    return Damages(chargeable, rounded(uncapped), rounded(min([uncapped, *caps])))


def _in_bands(bands: Sequence[Band], chargeable: int) -> Decimal:
    """The amount for one megawatt."""
    ordered = sorted(bands, key=lambda band: band.from_day)
    amount = Decimal(0)
    for place, band in enumerate(ordered):
        end = ordered[place + 1].from_day - 1 if place + 1 < len(ordered) else chargeable
        amount += band.amount_per_mw_day * max(0, min(chargeable, end) - band.from_day + 1)
    return amount


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT)


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """`base_on` is where escalation counts from (the base date, else the start). `unit` is what `price` is for."""

    price: Decimal | None
    unit: EnergyUnit
    currency: str
    kind: PriceKind = PriceKind.FIXED
    escalation_percent: Decimal | None = None
    base_on: date | None = None
    floor: Decimal | None = None
    cap: Decimal | None = None


def price_per_mwh(terms: PriceTerms, day: date) -> Decimal | None:
    """On a day. An indexed price stands at its base: what the index will be nobody knows."""
    if terms.price is None:
        return None
    price = terms.price
    if terms.kind is PriceKind.ESCALATING and terms.escalation_percent is not None and terms.base_on is not None:
        years = max(0, _whole_years(terms.base_on, day))
        price *= (1 + terms.escalation_percent / _HUNDRED) ** years
    if terms.floor is not None:
        price = max(price, terms.floor)
    if terms.cap is not None:
        price = min(price, terms.cap)
    return price * 1000 if terms.unit is EnergyUnit.KWH else price


def _whole_years(since: date, until: date) -> int:
    return until.year - since.year - ((until.month, until.day) < (since.month, since.day))


def load_factor(
    *, is_flat: bool, annual_mwh: Decimal | None, p50_mwh: Decimal | None, contracted_mw: Decimal
) -> Decimal | None:
    """Energy of a year over that of the contracted megawatts round the clock; None where the volume is not known."""
    volume = annual_mwh if annual_mwh is not None else p50_mwh
    if volume is not None and contracted_mw > 0:
        return volume / (contracted_mw * HOURS_A_YEAR)
    return Decimal(1) if is_flat else None


def minimum_take_short_mwh(
    *, mw: Decimal, factor: Decimal, minimum_percent: Decimal, taken_mwh: Decimal, days: int
) -> Decimal:
    """Energy that must be paid for though nobody uses it, over `days` days alike."""
    return max(Decimal(0), mw * HOURS * factor * days * minimum_percent / _HUNDRED - taken_mwh)
