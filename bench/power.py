"""The power balance: two hundred sites by day over ten years, and the same as periods with what binds in each."""

from datetime import date, timedelta
from decimal import Decimal

from bench.case import Case, seconds, within
from sites.domain.power_balance import LIMITS, Limit, SitePower, balance, daily
from sites.domain.power_curve import Curve, stepped

SITES = 200
FROM, UNTIL = date(2027, 1, 1), date(2036, 12, 31)
SECONDS_FOR_ALL_SITES = 1.0


def _curve(steps: int, every_days: int, offset: int) -> Curve:
    start = FROM + timedelta(days=offset)
    return stepped((start + timedelta(days=every_days * n), Decimal(4 * (n + 1))) for n in range(steps))


def _site(number: int) -> SitePower:
    """A ramp by quarter for ten years, and limits of twelve steps each, one of them not known to its end."""
    limits = [Limit.known(kind, _curve(12, 250, 11 * place + number % 90)) for place, kind in enumerate(LIMITS[:3])]
    limits.append(Limit(LIMITS[3], _curve(11, 250, number % 60), _curve(12, 250, number % 60)))
    return SitePower(f"S{number}", _curve(40, 91, number % 45), tuple(limits), _curve(3, 700, 5))


def cases() -> list[Case]:
    sites = [_site(number) for number in range(SITES)]
    by_day = seconds(lambda: daily(sites, FROM, UNTIL))
    by_period = seconds(lambda: [balance(site, FROM, UNTIL) for site in sites], rounds=3)
    return [
        within("200 sites balanced by day over ten years", by_day, SECONDS_FOR_ALL_SITES),
        within("200 sites balanced by period over ten years", by_period, SECONDS_FOR_ALL_SITES),
    ]
