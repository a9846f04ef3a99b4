"""What no schedule needs more of, whatever the format."""

import re
from decimal import Decimal

from sites.domain.errors import BadInput

EARLIEST_YEAR, LATEST_YEAR = 2000, 2100
MOST_HOURS = 1_000_000
LONGEST_FILE = 50 * 1024 * 1024
MOST_ACTIVITIES = 200_000
MOST_LINKS = 1_000_000
# Lines of text or elements of XML: what has more in 50 MiB is made to keep a reader busy.
MOST_PIECES = 2_000_000
# Days that differ, over all calendars of a file: a recurring exception without an end is a bomb.
MOST_EXCEPTIONS = 500_000
LONGEST_CODE = 80

_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,40})?(?:[Ee][+-]?[0-9]{1,3})?")


def refused(line: int, reason: str) -> BadInput:
    return BadInput(reason, field=f"line {line}")


def plain_number(text: str) -> Decimal:
    """Raises ValueError for what is no number of plausible size."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError
    value = Decimal(text)
    if abs(value) > MOST_HOURS:
        raise ValueError
    return value
