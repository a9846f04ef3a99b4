"""How much of a site's energy is contracted, and how much of it carries certificates, by quarter and by year.

The load runs round the clock at its ramp; what a share delivers follows its load factor, alike on every day of the
year. Matching is by period, not by hour: what one day has too much covers another of the same period.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sites.domain.power_curve import ZERO, Curve, area, window
from sites.domain.power_market import CERTIFICATE_ENDS
from sites.domain.power_money import HOURS
from sites.domain.power_periods import Span
from sites.vocabulary import Certificate

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Supply:
    """`delivered` is what is contracted from COD on; `load_factor` None: the volume is not known. `tolerance_percent`
    is what the yearly quantity may differ by, None where nothing is agreed. `successor` takes over where the scheme of
    the certificate ends.
    """

    delivered: Curve
    load_factor: Decimal | None
    certificate: Certificate = Certificate.NONE
    successor: Certificate | None = None
    tolerance_percent: Decimal | None = None
    cod_is_known: bool = True


@dataclass(frozen=True, slots=True)
class Cover:
    """Energy in MWh. A None is not known; `matched_percent` is also None where there is no load.

    `least_mwh` and `most_mwh` are the contracted energy with its tolerance.
    """

    span: Span
    load_mwh: Decimal
    contracted_mwh: Decimal | None
    least_mwh: Decimal | None
    most_mwh: Decimal | None
    matched_mwh: Decimal | None
    matched_percent: Decimal | None
    certificates: tuple[tuple[Certificate, Decimal], ...]
    certificate_mwh: Decimal | None
    certificate_percent: Decimal | None


def cover(ramp: Curve, supplies: Sequence[Supply], spans: Iterable[Span]) -> tuple[Cover, ...]:
    return tuple(_cover(ramp, supplies, span) for span in spans)


def _cover(ramp: Curve, supplies: Sequence[Supply], span: Span) -> Cover:
    load = area(ramp, span.from_on, span.until_on) * HOURS
    energies = [_energy(supply, span) for supply in supplies]
    contracted = _sum(energies)
    proven: dict[Certificate, Decimal] = {}
    certified: Decimal | None = ZERO
    for supply, energy in zip(supplies, energies, strict=True):
        if supply.certificate is Certificate.NONE and supply.successor is None:
            continue
        certified = None if energy is None or certified is None else certified
        for certificate, mwh in _certificates(supply, span):
            proven[certificate] = proven.get(certificate, ZERO) + mwh
            certified = None if certified is None else certified + mwh
    matched = None if contracted is None else min(contracted, load)
    return Cover(
        span=span,
        load_mwh=_to_tenths(load),
        contracted_mwh=_rounded(contracted),
        least_mwh=_rounded(_sum(_with_tolerance(supplies, energies, -1))),
        most_mwh=_rounded(_sum(_with_tolerance(supplies, energies, 1))),
        matched_mwh=_rounded(matched),
        matched_percent=_percent(matched, load),
        certificates=tuple((each, _to_tenths(proven[each])) for each in Certificate if each in proven),
        certificate_mwh=_rounded(certified),
        certificate_percent=_percent(None if certified is None else min(certified, load), load),
    )


def _energy(supply: Supply, span: Span) -> Decimal | None:
    mw_days = area(supply.delivered, span.from_on, span.until_on)
    if not supply.cod_is_known or (mw_days > 0 and supply.load_factor is None):
        return None
    return mw_days * HOURS * (supply.load_factor or ZERO)


def _certificates(supply: Supply, span: Span) -> list[tuple[Certificate, Decimal]]:
    """What the scheme gives until its end, and what its successor gives after that."""
    if supply.load_factor is None:
        return []
    ends_on = CERTIFICATE_ENDS.get(supply.certificate, date.max)
    found: list[tuple[Certificate, Decimal]] = []
    for certificate, curve in (
        (supply.certificate, window(supply.delivered, date.min, ends_on)),
        (supply.successor, window(supply.delivered, ends_on + timedelta(days=1)) if ends_on < date.max else Curve()),
    ):
        mwh = area(curve, span.from_on, span.until_on) * HOURS * supply.load_factor
        if certificate is not None and certificate is not Certificate.NONE and mwh > 0:
            found.append((certificate, mwh))
    return found


def _with_tolerance(
    supplies: Sequence[Supply], energies: Sequence[Decimal | None], sign: int
) -> Iterable[Decimal | None]:
    for supply, energy in zip(supplies, energies, strict=True):
        tolerance = (supply.tolerance_percent or ZERO) / _HUNDRED
        yield None if energy is None else energy * (1 + sign * tolerance)


def _percent(part: Decimal | None, whole: Decimal) -> Decimal | None:
    return None if part is None or whole == 0 else (part / whole * _HUNDRED).quantize(Decimal("0.1"))


def _sum(figures: Iterable[Decimal | None]) -> Decimal | None:
    found = ZERO
    for figure in figures:
        if figure is None:
            return None
        found += figure
    return found


def _rounded(mwh: Decimal | None) -> Decimal | None:
    return None if mwh is None else _to_tenths(mwh)


def _to_tenths(mwh: Decimal) -> Decimal:
    return mwh.quantize(Decimal("0.1"))
