"""The units of UN/ECE Recommendation 20 in which equipment is ordered. Others are refused, never guessed: a system's
own `ST` means pieces, the Recommendation's a sheet.
"""

from collections.abc import Mapping
from typing import Final

from sites.domain.errors import BadInput

UNITS: Final[Mapping[str, str]] = {
    "EA": "Each", "C62": "One", "H87": "Piece", "PR": "Pair", "SET": "Set", "KT": "Kit", "AS": "Assortment",
    "NAR": "Number of articles", "DZN": "Dozen", "LO": "Lot", "LS": "Lump sum",
    "MMT": "Millimetre", "CMT": "Centimetre", "MTR": "Metre", "KMT": "Kilometre", "INH": "Inch", "FOT": "Foot",
    "YRD": "Yard", "MTK": "Square metre", "FTK": "Square foot", "MTQ": "Cubic metre", "FTQ": "Cubic foot",
    "MLT": "Millilitre", "LTR": "Litre", "HLT": "Hectolitre", "GLL": "Gallon (US)",
    "GRM": "Gram", "KGM": "Kilogram", "TNE": "Tonne", "LBR": "Pound", "STN": "Ton (US)", "LTN": "Ton (UK)",
    "MIN": "Minute", "HUR": "Hour", "DAY": "Day", "WEE": "Week", "MON": "Month", "ANN": "Year",
    "WTT": "Watt", "KWT": "Kilowatt", "MAW": "Megawatt", "KVA": "Kilovolt-ampere", "MVA": "Megavolt-ampere",
    "KWH": "Kilowatt hour", "MWH": "Megawatt hour", "AMP": "Ampere", "AMH": "Ampere hour", "VLT": "Volt",
    "KVT": "Kilovolt",
}  # fmt: skip

# What people write in a workbook.
_WORDS: Final[Mapping[str, str]] = {
    "PC": "EA", "PCS": "EA", "UNIT": "EA", "UNITS": "EA", "NOS": "EA", "STK": "EA", "台": "EA", "基": "EA", "個": "EA",
    "本": "EA", "面": "EA", "式": "SET", "組": "SET", "M": "MTR", "KM": "KMT", "M2": "MTK", "M3": "MTQ", "L": "LTR",
    "KG": "KGM", "T": "TNE",
}  # fmt: skip


class UnknownUnit(BadInput):
    """A unit that is none of ours, and that its system was not said to mean one by."""

    code = "unknown_unit"


def said_by_people(word: str) -> str:
    """A code of ours in any case, or a word that can mean but one; another stays as it is."""
    plain = word.upper()
    return plain if plain in UNITS else _WORDS.get(plain, word)


def unit_of(code: str, mapped: Mapping[str, str], *, system: str, field: str) -> str:
    """A code of ours means itself; another what `mapped` says of it. Raises UnknownUnit naming `field`."""
    if code in UNITS:
        return code
    if code not in mapped:
        raise UnknownUnit(f"Unit {code!r} has no mapping for {system}.", field=field)
    return mapped[code]
