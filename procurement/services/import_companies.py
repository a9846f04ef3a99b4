"""Companies by their code."""

from collections.abc import Mapping, Sequence

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from procurement.domain.import_table import Column, ReadRow
from procurement.models import Company
from procurement.services.import_columns import capitals, text, yes_or_no
from procurement.services.import_records import Records
from procurement.services.import_rows import Undoing
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.queries.among import among


class Companies(Records[Company]):
    columns = (
        Column("company", ("Code", "Company code", "Vendor code", "Supplier code", "Lieferant", "会社コード"),
               capitals(40), required=True, names=True),
        Column("name", ("Company", "Company name", "Vendor", "Supplier", "Firma", "会社名"), text(160)),
        Column("country", ("Country code", "Land", "国"), capitals(2)),
        Column("sells", ("Is seller", "販売"), yes_or_no),
        Column("makes", ("Is maker", "製造"), yes_or_no),
        Column("active", ("In use", "有効"), yes_or_no),
    )  # fmt: skip

    # One may take the name that another gives up.
    in_turn = frozenset({"name"})

    def load(self, rows: Sequence[ReadRow]) -> None:
        codes = {row.values["company"] for row in rows}
        self._known = {company.code: company for company in Company.objects.filter(code__in=codes)}
        names = {row.values["name"].lower() for row in rows if "name" in row.values}
        called = Company.objects.annotate(plain=Lower("name")).filter(plain__in=names)
        self._called = dict(called.values_list("plain", "pk"))

    def subject(self, row: ReadRow) -> str:
        return str(row.values["company"])

    def find(self, row: ReadRow) -> Company | None:
        return self._known.get(row.values["company"])

    def rows_of(self, actor: User) -> models.QuerySet[Company]:
        return Company.objects.order_by("code")

    def state(self, record: Company) -> Mapping[str, object]:
        own = {name: getattr(record, name) for name in ("name", "country", "sells", "makes", "active")}
        return {"company": record.code} | own

    def save(self, row: ReadRow, record: Company | None) -> Company:
        self.check_may(Permission.ORDER_WRITE, site_id=None)
        names = [column.field for column in self.columns if not column.names]
        said = {name: row.values[name] for name in names if name in row.values}
        if record is None:
            for name in ("name", "country"):
                if name not in said:
                    raise BadInput(_("A new company needs this."), field=name)
            record = Company(code=row.values["company"])
        was_called = record.name.lower()
        for name, value in said.items():
            setattr(record, name, value)
        if len(record.country) != 2 or not record.country.isascii() or not record.country.isalpha():
            raise BadInput(_("A country is two letters of ISO 3166."), field="country")
        if not record.sells and not record.makes:
            raise BadInput(_("A company sells, makes, or both."), field="sells")
        if self._called.get(record.name.lower(), record.pk) != record.pk:
            raise BadInput(_("Another company has this name."), field="name")
        if not record._state.adding and record.name.lower() != was_called:
            self.write()
            record.save()
        else:
            self.keep(record)
        if self._called.get(was_called) == record.pk:
            del self._called[was_called]
        self._called[record.name.lower()] = record.pk
        return record

    def withdraw(self, records: Sequence[Company], undoing: Undoing) -> None:
        Company.objects.filter(among("pk", [record.pk for record in records])).delete()

    def check_write(self, record: Company) -> None:
        self.check_may(Permission.ORDER_WRITE, site_id=None)
