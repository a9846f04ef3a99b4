"""Cover against paper; the arithmetic stands beside each case."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sites.domain.energy_cover import Cover, Supply, cover
from sites.domain.power_curve import Curve, stepped, window
from sites.domain.power_periods import Span, quarters, years
from sites.vocabulary import Certificate
from tests.numbers import values

# 10 MW from 1 January 2027.
RAMP = stepped([(date(2027, 1, 1), Decimal(10))])


def _supply(mw: int, since: date = date(2027, 1, 1), **given: Any) -> Supply:
    return replace(Supply(stepped([(since, Decimal(mw))]), Decimal(1)), **given)


FIRST_QUARTER = Span("2027-Q1", date(2027, 1, 1), date(2027, 3, 31))


def _one(*supplies: Supply, span: Span = FIRST_QUARTER) -> Cover:
    (found,) = cover(RAMP, supplies, [span])
    return found


def test_a_quarter_is_covered_by_what_is_delivered_in_it() -> None:
    # 90 days x 10 MW x 24 h = 21 600 MWh of load; a share of 8 MW from 1 March: 31 x 8 x 24 = 5 952 MWh, 27.6 %.
    found = _one(_supply(8, date(2027, 3, 1)))

    assert values(found.load_mwh, found.contracted_mwh, found.matched_mwh) == (21_600, 5_952, 5_952)
    assert found.matched_percent == Decimal("27.6")


def test_what_is_contracted_beyond_the_load_matches_no_more_than_the_load() -> None:
    found = _one(_supply(8), _supply(8))

    assert values(found.contracted_mwh, found.matched_mwh, found.matched_percent) == (34_560, 21_600, 100)


def test_a_yearly_volume_is_spread_by_its_load_factor_and_bounded_by_its_tolerance() -> None:
    # 20 MW at a load factor of a quarter: 5 MW round the clock, 90 x 5 x 24 = 10 800; 10 % either way.
    found = _one(_supply(20, load_factor=Decimal("0.25"), tolerance_percent=Decimal(10)))

    assert values(found.contracted_mwh, found.least_mwh, found.most_mwh) == (10_800, 9_720, 11_880)
    assert found.matched_percent == 50


def test_a_volume_that_is_not_known_leaves_the_cover_unknown() -> None:
    found = _one(_supply(8, load_factor=None))

    assert values(found.contracted_mwh, found.matched_percent, found.load_mwh) == (None, None, 21_600)


def test_a_share_without_a_date_of_cod_leaves_the_cover_unknown() -> None:
    assert _one(Supply(Curve(), Decimal(1), cod_is_known=False)).contracted_mwh is None


def test_a_volume_that_is_not_known_but_comes_later_does_not_matter() -> None:
    assert _one(_supply(8, date(2028, 1, 1), load_factor=None)).contracted_mwh == 0


def test_without_load_there_is_no_share_matched() -> None:
    (found,) = cover(Curve(), [_supply(8)], [Span("2027", date(2027, 1, 1), date(2027, 12, 31))])

    assert values(found.load_mwh, found.matched_mwh, found.matched_percent) == (0, 0, None)


def test_certificates_are_counted_by_kind() -> None:
    found = _one(_supply(4, certificate=Certificate.LGC), _supply(2, certificate=Certificate.REGO_AU), _supply(3))

    # 4 x 24 x 90 = 8 640; 2 x 24 x 90 = 4 320; 12 960 of 21 600: 60 %.
    assert found.certificates == ((Certificate.LGC, Decimal(8640)), (Certificate.REGO_AU, Decimal(4320)))
    assert values(found.certificate_mwh, found.certificate_percent) == (12_960, 60)


def test_a_scheme_that_ends_gives_way_to_what_is_agreed_to_follow_it() -> None:
    span = Span("2030-2031", date(2030, 12, 30), date(2031, 1, 3))
    lasting = _supply(10, certificate=Certificate.LGC, successor=Certificate.REGO_AU)

    # Two days of LGC, three of its successor: 480 and 720 MWh.
    assert _one(lasting, span=span).certificates == (
        (Certificate.LGC, Decimal(480)),
        (Certificate.REGO_AU, Decimal(720)),
    )
    ending = _one(replace(lasting, successor=None), span=span)
    assert values(ending.certificate_mwh, ending.certificate_percent) == (480, 40)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 20), st.dates(date(2027, 1, 1), date(2028, 12, 31)), st.integers(1, 400))
def test_the_quarters_of_a_year_add_up_to_it(mw: int, since: date, days: int) -> None:
    until = date.fromordinal(since.toordinal() + days)
    supply = Supply(window(stepped([(since, Decimal(mw))]), since, until), Decimal(1), Certificate.GO)
    frame = date(2027, 1, 1), date(2028, 12, 31)

    by_quarter = cover(RAMP, [supply], quarters(*frame))
    by_year = cover(RAMP, [supply], years(*frame))

    for name in ("load_mwh", "contracted_mwh", "certificate_mwh"):
        assert sum(getattr(row, name) for row in by_quarter) == sum(getattr(row, name) for row in by_year)
