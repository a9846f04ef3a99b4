"""Text as people and systems may write it: what a database can hold and a screen shows as it stands."""

import unicodedata
from typing import Final

from sites.domain.errors import BadInput

# Marks that turn the direction of what follows; with them a name can make a date read otherwise.
DIRECTION_MARKS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_text(text: str, field: str, *, longest: int, lines: bool = False) -> None:
    """Refuse NUL, control characters, half a surrogate pair, marks that turn the reading direction, and what is too
    long. `lines` allows line ends and tabs. Raises BadInput naming `field`.
    """
    allowed = "\n\r\t" if lines else ""
    if any(unicodedata.category(sign) in {"Cc", "Cs"} and sign not in allowed for sign in text):
        raise BadInput("The text holds a control character.", field=field)
    if not DIRECTION_MARKS.isdisjoint(text):
        raise BadInput("The text holds a mark that turns the reading direction.", field=field)
    if len(text) > longest:
        raise BadInput(f"The text is longer than {longest} characters.", field=field)


def one_line(text: str, *, most: int) -> str:
    """The text without control or direction marks and without line ends, at most so long."""
    kept = "".join(
        " " if unicodedata.category(letter) in {"Cc", "Zl", "Zp", "Cs"} else letter
        for letter in text
        if letter not in DIRECTION_MARKS
    )
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1] + "…"
