"""The pattern of an anchor rule: plain text, `*` for anything, one `{code}` where the code of what is bound stands.

Compared without regard to capitals. No regular expression of a stranger is ever run.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sites.domain.errors import BadInput

PLACE = "{code}"
_MOST_STARS = 4


@dataclass(frozen=True, slots=True)
class AnchorPattern:
    text: str

    def check(self, field: str = "pattern") -> None:
        """Raises BadInput where it has not one place for the code, or more stars than any name needs."""
        if self.text.count(PLACE) != 1:
            raise BadInput(f"The pattern has one place for the code, {PLACE}.", field=field)
        if self.text.count("*") > _MOST_STARS or "**" in self.text:
            raise BadInput(f"The pattern has at most {_MOST_STARS} stars, none beside another.", field=field)

    def codes_in(self, text: str, codes: Collection[str]) -> Iterator[str]:
        """Which of the codes (casefolded) stand at the place as whole words, where the text fits. Longest first."""
        folded = text.casefold()
        before, after = self.text.casefold().split(PLACE)
        for code in sorted((code for code in codes if code and code in folded), key=len, reverse=True):
            if any(
                _fits(before, folded[:at]) and _fits(after, folded[at + len(code) :]) for at in _places(folded, code)
            ):
                yield code


def _places(text: str, code: str) -> Iterator[int]:
    """Where the code stands with nothing before and behind it that would make it another: TX-1 is not in TX-12."""
    at = text.find(code)
    while at >= 0:
        end = at + len(code)
        if not text[at - 1 : at].isalnum() and not text[end : end + 1].isalnum():
            yield at
        at = text.find(code, at + 1)


def _fits(pattern: str, text: str) -> bool:
    """Piece by piece from the left, the last at the end: no way back, so no text takes long."""
    first, *pieces = pattern.split("*")
    if not pieces:
        return text == first
    if not text.startswith(first):
        return False
    at = len(first)
    for piece in pieces[:-1]:
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return len(text) - at >= len(pieces[-1]) and text.endswith(pieces[-1])
