"""Lead-time observations. They are never changed: a row that is not there word by word is a new one."""

from collections.abc import Mapping, Sequence

from django.db import models
from django.utils.translation import gettext as _

from procurement.domain import cells
from procurement.domain.import_table import Column, ReadRow
from procurement.models import Company, EquipmentClass, LeadTimeObservation, Plant
from procurement.services import lead_times
from procurement.services.import_columns import capitals, code, number, text, words
from procurement.services.import_records import Records
from procurement.services.import_rows import Undoing, as_text
from procurement.vocabulary import LeadTimeKind
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput

_WEEKS = number(places=1, most="520")
_OWN = (
    "kind", "low_weeks", "high_weeks", "basis_from", "basis_to", "as_of", "source",
    "sub_class", "rating_band", "region", "valid_until", "document",
)  # fmt: skip


class LeadTimes(Records[LeadTimeObservation]):
    columns = (
        Column("class", ("Equipment class", "Class code", "機器分類"), code(40), required=True, names=True),
        Column("kind", ("Kind", "Type", "種別"), words(LeadTimeKind), required=True, names=True),
        Column("low_weeks", ("Weeks low", "Low", "From weeks", "最短週"), _WEEKS, required=True, names=True),
        Column("high_weeks", ("Weeks high", "High", "To weeks", "最長週"), _WEEKS, required=True, names=True),
        Column("basis_from", ("From step", "Basis from"), capitals(40), required=True, names=True),
        Column("basis_to", ("To step", "Basis to"), capitals(40), required=True, names=True),
        Column("as_of", ("As of", "Date", "基準日"), cells.day, required=True, names=True),
        Column("source", ("Source", "Publisher", "出典"), text(200), required=True, names=True),
        Column("sub_class", ("Sub-class",), text(80), names=True),
        Column("rating_band", ("Rating", "Rating band"), text(80), names=True),
        Column("region", ("Region",), text(40), names=True),
        Column("valid_until", ("Valid until", "Valid to"), cells.day, names=True),
        Column("document", ("Document",), text(500), names=True),
        Column("company", ("Company code", "Vendor code"), capitals(40), names=True),
        Column("plant", ("Plant code",), code(40), names=True),
    )

    def load(self, rows: Sequence[ReadRow]) -> None:
        classes = {row.values["class"] for row in rows}
        self._classes = {each.code: each for each in EquipmentClass.objects.filter(code__in=classes)}
        self._steps = lead_times.steps_of(self._classes.values())
        companies = {row.values["company"] for row in rows if "company" in row.values}
        self._companies = {each.code: each for each in Company.objects.filter(code__in=companies)}
        self._plants = {
            (each.company.code, each.code): each
            for each in Plant.objects.filter(company__code__in=companies).select_related("company")
        }
        stored = LeadTimeObservation.objects.filter(
            equipment_class__in=[each.pk for each in self._classes.values()], retired_at__isnull=True
        ).select_related("equipment_class", "company", "plant__company")
        self._made: list[LeadTimeObservation] = []
        self._stored = {self._key(self.state(each)): each for each in stored}

    def _key(self, values: Mapping[str, object]) -> tuple[str, ...]:
        return tuple(as_text(values.get(column.field) or None) for column in self.columns)

    def subject(self, row: ReadRow) -> str:
        return " ".join(filter(None, self._key(row.values)))

    def find(self, row: ReadRow) -> LeadTimeObservation | None:
        return self._stored.get(self._key(row.values))

    def rows_of(self, actor: User) -> models.QuerySet[LeadTimeObservation]:
        rows = LeadTimeObservation.objects.filter(retired_at__isnull=True).exclude(kind=LeadTimeKind.ACHIEVED)
        return rows.select_related("equipment_class", "company", "plant__company").order_by(
            "equipment_class__code", "as_of", "pk"
        )

    def state(self, record: LeadTimeObservation) -> Mapping[str, object]:
        return {name: getattr(record, name) for name in _OWN} | {
            "class": record.equipment_class.code,
            "company": record.company.code if record.company else None,
            "plant": record.plant.code if record.plant else None,
        }

    def save(self, row: ReadRow, record: LeadTimeObservation | None) -> LeadTimeObservation:
        said = {column.field: row.values[column.field] for column in self.columns if column.field in row.values}
        equipment_class = self._classes.get(said.pop("class"))
        if equipment_class is None:
            raise BadInput(_("There is no such class."), field="class")
        company, plant = said.pop("company", None), said.pop("plant", None)
        if company is not None and company not in self._companies:
            raise BadInput(_("There is no such company."), field="company")
        if plant is not None and (company, plant) not in self._plants:
            raise BadInput(_("The company has no such plant."), field="plant")
        stated = lead_times.Stated(
            **{**said, "kind": LeadTimeKind(said["kind"])},
            company=self._companies.get(company or ""),
            plant=self._plants.get((company or "", plant or "")),
        )
        self.check_may(Permission.LEAD_TIME_WRITE, site_id=None)
        made = lead_times.observed(equipment_class, stated, self._steps[equipment_class.pk], actor=self.actor)
        self._made.append(made)
        return made

    def write(self) -> None:
        lead_times.add_each(self._made, actor=self.actor)
        self._made.clear()

    def withdraw(self, records: Sequence[LeadTimeObservation], undoing: Undoing) -> None:
        lead_times.retire_each(records, reason=undoing.reason[:300], actor=undoing.actor, now=undoing.now)

    def check_write(self, record: LeadTimeObservation) -> None:
        self.check_may(Permission.LEAD_TIME_WRITE, site_id=None)
