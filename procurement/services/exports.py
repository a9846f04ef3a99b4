"""Lists as workbooks that come back in: the same columns as an import reads, a hidden key and version in each row."""

from collections.abc import Iterator, Sequence
from itertools import islice
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain.table import MOST_ROWS
from procurement.gateways import spreadsheet
from procurement.services.import_kinds import handler
from procurement.services.import_rows import KEY, OWN_COLUMNS, VERSION, Exported
from procurement.vocabulary import ImportKind
from sites.accounts.models import User
from sites.domain.errors import BadInput


def workbook(kind: ImportKind, *, actor: User, keys: Sequence[UUID] | None = None) -> bytes:
    """What the actor may see, as .xlsx; `keys` None: all of it, else these records (of dates: schedule lines; of order
    lines: orders). Raises BadInput where the list is longer than a workbook that we would read.
    """
    of = handler(kind)
    columns = of.columns_of(kind)
    rows = list(islice(of.export(kind, actor, keys), MOST_ROWS + 1))
    if len(rows) > MOST_ROWS:
        raise BadInput(
            _("A workbook holds at most %(most)d rows; filter the list.") % {"most": MOST_ROWS}, field="kind"
        )
    shown = list(rows[0].shown) if rows else []
    own = [column.titles[0] for column in OWN_COLUMNS if column.field in {KEY, VERSION}]
    titles = [*(column.titles[0] for column in columns), *shown, *own]
    return spreadsheet.write(
        sheet=kind.value,
        titles=titles,
        rows=_cells([column.field for column in columns], shown, rows),
        hidden=range(len(titles) - len(own), len(titles)),
    )


def _cells(fields: Sequence[str], shown: Sequence[str], rows: Sequence[Exported]) -> Iterator[Sequence[object]]:
    for row in rows:
        yield (
            *(row.values.get(field) for field in fields),
            *(row.shown[title] for title in shown),
            row.key,
            row.version,
        )
