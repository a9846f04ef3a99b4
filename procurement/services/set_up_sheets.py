"""Set-up lists whose rows go the way of a workbook: shown before anything is written, and taken back after."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import models
from django.utils import timezone
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from procurement.domain.import_table import plain
from procurement.models import ImportBatch, PurchaseOrder, Requirement
from procurement.services import import_work, imports
from procurement.services.import_gates import Gates
from procurement.services.import_records import Records
from procurement.services.import_requirements import Requirements
from procurement.services.import_rows import OWN_COLUMNS
from procurement.vocabulary import ImportKind
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.models import Gate
from sites.services.access import check_can

Cells = Sequence[object]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list shows now: not always what it takes, where a row of it is made of several."""

    titles: Sequence[str]
    rows: Callable[[User], "models.QuerySet[Any]"]
    cells: Callable[[User], Callable[[Any], Cells]]


@dataclass(frozen=True, slots=True)
class Sheet:
    kind: str
    import_kind: ImportKind
    label: str | Lazy
    says: str | Lazy
    model: type[models.Model]
    listing: Callable[[], Listing]

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(column.titles[0] for column in imports.columns_of(self.import_kind) if column not in OWN_COLUMNS)


def stage(*, kind: str, pasted: str, stated_on: date, actor: User, now: datetime) -> ImportBatch:
    """A preview of the rows, with the titles of the list before them where the paste brings none.

    Raises NotPermitted, and BadInput naming what `imports.stage` names.
    """
    check_can(actor, Permission.PEOPLE_WRITE, site_id=None)
    sheet = SHEETS[kind]
    lines = [line for line in pasted.replace("\r\n", "\n").split("\n") if line.strip()]
    if not lines:
        raise BadInput(_("Paste or type at least one row."), field="rows")
    known = {
        plain(title) for column in imports.columns_of(sheet.import_kind) for title in (column.field, *column.titles)
    }
    first = [plain(cell) for cell in lines[0].split("\t")]
    if not all(cell in known for cell in first if cell):
        lines.insert(0, "\t".join(sheet.titles))
    return import_work.stage(
        content="\n".join(lines).encode(),
        file_name=_("pasted rows"),
        kind=sheet.import_kind,
        stated_on=stated_on,
        actor=actor,
        now=now,
    )


def _of_records(kind: type[Records[Any]]) -> Callable[[], Listing]:
    def listing() -> Listing:
        def cells(actor: User) -> Callable[[Any], Cells]:
            records = kind(actor, (), document="", now=timezone.now())

            def of(row: Any) -> Cells:
                state = records.state(row)
                return [state.get(column.field) for column in kind.columns]

            return of

        return Listing(
            [column.titles[0] for column in kind.columns],
            lambda actor: kind(actor, (), document="", now=timezone.now()).rows_of(actor),
            cells,
        )

    return listing


def _orders() -> Listing:
    return Listing(
        [_("Order"), _("Kind"), _("Seller"), _("Issued on"), _("Currency"), _("Incoterm")],
        lambda actor: PurchaseOrder.objects.visible_to(actor).select_related("seller").order_by("number", "pk"),
        lambda actor: (
            lambda row: [
                row.number, row.get_kind_display(), row.seller.name, row.issued_on, row.currency, row.incoterm,
            ]
        ),
    )  # fmt: skip


SHEETS: Final[Mapping[str, Sheet]] = {
    sheet.kind: sheet
    for sheet in (
        Sheet(
            "gates", ImportKind.GATES, gettext_lazy("Gates"),
            gettext_lazy("Dated events of a site, phase or block, on which required-on-site dates hang."),
            Gate, _of_records(Gates),
        ),
        Sheet(
            "requirements", ImportKind.REQUIREMENTS, gettext_lazy("Requirements"),
            gettext_lazy("What a site needs: one tag, its class, and by when."), Requirement,
            _of_records(Requirements),
        ),
        Sheet(
            "orders", ImportKind.ORDER_LINES, gettext_lazy("Orders"),
            gettext_lazy("Orders that no ERP sends, by their lines."), PurchaseOrder, _orders,
        ),
    )
}  # fmt: skip
