"""Tables on their way out as .xlsx: text as text, numbers as numbers, dates and times as such, never a formula.

The library comes with the first workbook: it is larger than all of the API, and most server processes write none.
"""

from collections.abc import Collection, Iterable, Sequence


def write(
    *, sheet: str, titles: Sequence[str], rows: Iterable[Sequence[object]], hidden: Collection[int] = ()
) -> bytes:
    """One sheet with a frozen header and a filter. `hidden` are columns counted from 0. None is an empty cell."""
    from procurement.gateways import spreadsheet_writer

    return spreadsheet_writer.write(sheet, titles, rows, hidden)


def write_sheets(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[object]]]]) -> bytes:
    """Several sheets, each a name, titles and rows; at least one. Names are cut to what a workbook takes."""
    from procurement.gateways import spreadsheet_writer

    return spreadsheet_writer.write_sheets(sheets)
