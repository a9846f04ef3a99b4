"""What the codes of an order document mean: our own codes, else those of the sending system."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain.order_document import Codes
from procurement.domain.units import unit_of
from procurement.models import ChainTemplate, Company, EquipmentClass, ExternalRef, Plant, PurchaseOrder, UnitMapping
from sites.accounts.models import User
from sites.domain.errors import BadInput
from sites.models import Site, WorkCalendar
from sites.models.site import Sight, within_sql
from sites.queries.access import Rights, rights_of
from sites.queries.among import as_array
from sites.queries.whole_rows import Whole, whole_rows


@dataclass(slots=True)
class Known:
    """Keyed by the code as it was sent. A site out of the actor's sight is as unknown as one that is not there."""

    system: str
    actor: User
    vendors: dict[str, Company] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    classes: dict[str, EquipmentClass] = field(default_factory=dict)
    plants: list[Plant] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    asked: set[tuple[str, str]] = field(default_factory=set)
    _rights: Rights | None = None

    @property
    def rights(self) -> Rights:
        """Of the actor; looked up once."""
        self._rights = self._rights or rights_of(self.actor)
        return self._rights

    def learn(self, codes: Codes) -> None:
        """Look up those of them that were not asked about yet. A fixed number of queries."""
        if vendors := self._new("vendor", codes.vendors):
            self.vendors |= _meant(_companies, "company", vendors, self.system)
        if sites := self._new("site", codes.sites):
            self.sites |= _meant(partial(_sites, self.rights.sight()), "site", sites, self.system)
        if classes := self._new("class", codes.classes):
            self.classes |= _meant(_classes, "equipment_class", classes, self.system)
        if plants := self._new("plant", {code.rpartition("/")[2] for code in codes.plants}):
            self.plants += Plant.objects.filter(code__in=plants).select_related("company")
        if units := self._new("unit", codes.units):
            self.units |= _units(units, self.system)

    def _new(self, kind: str, codes: Collection[str]) -> set[str]:
        new = {code for code in codes if (kind, code) not in self.asked}
        self.asked.update((kind, code) for code in new)
        return new

    def vendor(self, code: str) -> Company:
        """Raises BadInput naming `vendor`."""
        company = self.vendors.get(code)
        if company is None:
            raise BadInput(_("There is no vendor %(code)s.") % {"code": code}, field="vendor")
        if not company.sells:
            raise BadInput(_("%(company)s makes, but does not sell.") % {"company": company.name}, field="vendor")
        return company

    def unit(self, code: str, *, field: str) -> str:
        """Raises UnknownUnit naming `field`."""
        return unit_of(code, self.units, system=self.system, field=field)

    def plant(self, code: str, *, vendor: UUID, field: str) -> Plant:
        """By `COMPANY/PLANT` or by a plant code, the vendor's own first. Raises BadInput naming `field`."""
        company, _slash, name = code.rpartition("/")
        found = [each for each in self.plants if each.code == name and company in {"", each.company.code}]
        own = [each for each in found if each.company_id == vendor]
        if not found:
            raise BadInput(_("There is no plant %(code)s.") % {"code": code}, field=field)
        if len(found) > 1 and len(own) != 1:
            raise BadInput(
                _("Several companies have a plant %(code)s; write COMPANY/PLANT.") % {"code": code}, field=field
            )
        return own[0] if own else found[0]


def find_order(said: str, *, system: str, actor: User) -> UUID | None:
    """An order by the sender's id, else by its number; None where there is none in the actor's sight."""
    visible = PurchaseOrder.objects.visible_to(actor)
    named = _named(system, "purchase_order", [said]).get(said)
    found = visible.filter(pk=named) if named else visible.filter(number=said)
    return found.values_list("pk", flat=True).first()


Meant = TypeVar("Meant", Company, Site, EquipmentClass)
_Which = dict[str, object]


def _meant(read: Callable[[_Which], list[Meant]], kind: str, codes: set[str], system: str) -> dict[str, Meant]:
    found = {row.code: row for row in read({"codes": list(codes), "keys": "{}"})}
    missing = _named(system, kind, codes - found.keys())
    by_key = {row.pk: row for row in read({"codes": [], "keys": as_array(missing.values())})} if missing else {}
    return found | {code: by_key[key] for code, key in missing.items() if key in by_key}


_COMPANY = Whole(Company, "x")
_SITE, _CALENDAR = Whole(Site, "x"), Whole(WorkCalendar, "y")
_CLASS, _TEMPLATE = Whole(EquipmentClass, "x"), Whole(ChainTemplate, "y")
_NAMED = "(x.code = ANY(%(codes)s) OR x.id = ANY(%(keys)s::uuid[]))"
_COMPANIES = f"SELECT {_COMPANY.columns} FROM {Company._meta.db_table} x WHERE {_NAMED}"  # noqa: S608
_SITES = f"""
SELECT {_SITE.columns}, {_CALENDAR.columns} FROM {Site._meta.db_table} x
JOIN {WorkCalendar._meta.db_table} y ON y.id = x.calendar_id WHERE {_NAMED} AND {within_sql("x.id")}
"""  # noqa: S608
_CLASSES = f"""
SELECT {_CLASS.columns}, {_TEMPLATE.columns} FROM {EquipmentClass._meta.db_table} x
JOIN {ChainTemplate._meta.db_table} y ON y.id = x.template_id WHERE {_NAMED}
"""  # noqa: S608


def _companies(which: _Which) -> list[Company]:
    return [row for (row,) in whole_rows(_COMPANIES, which, _COMPANY)]


def _sites(sight: Sight, which: _Which) -> list[Site]:
    found = []
    for row, row.calendar in whole_rows(_SITES, which | sight.values, _SITE, _CALENDAR):
        found.append(row)
    return found


def _classes(which: _Which) -> list[EquipmentClass]:
    found = []
    for row, row.template in whole_rows(_CLASSES, which, _CLASS, _TEMPLATE):
        found.append(row)
    return found


def _units(codes: Collection[str], system: str) -> dict[str, str]:
    if not codes:
        return {}
    return dict(UnitMapping.objects.filter(system=system, code__in=codes).values_list("code", "unit"))


def _named(system: str, kind: str, ids: Collection[str]) -> dict[str, UUID]:
    if not ids:
        return {}
    refs = ExternalRef.objects.filter(system=system, kind=kind, external_id__in=ids)
    return dict(refs.values_list("external_id", "subject_id"))
