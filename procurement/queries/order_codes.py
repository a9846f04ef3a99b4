"""What the codes of an order document mean: our own codes, else those of the sending system."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain.order_document import Codes
from procurement.domain.units import unit_of
from procurement.models import Company, EquipmentClass, ExternalRef, Plant, PurchaseOrder, UnitMapping
from sites.accounts.models import User
from sites.domain.errors import BadInput
from sites.models import Site


@dataclass(frozen=True, slots=True)
class Known:
    """Keyed by the code as it was sent. A site out of the actor's sight is as unknown as one that is not there."""

    vendor: Company
    sites: dict[str, Site]
    classes: dict[str, EquipmentClass]
    plants: tuple[Plant, ...]
    system: str
    units: dict[str, str]

    def unit(self, code: str, *, field: str) -> str:
        """Raises UnknownUnit naming `field`."""
        return unit_of(code, self.units, system=self.system, field=field)

    def plant(self, code: str, *, field: str) -> Plant:
        """By `COMPANY/PLANT` or by a plant code, the vendor's own first. Raises BadInput naming `field`."""
        company, _slash, name = code.rpartition("/")
        found = [each for each in self.plants if each.code == name and company in {"", each.company.code}]
        own = [each for each in found if each.company_id == self.vendor.pk]
        if not found:
            raise BadInput(_("There is no plant %(code)s.") % {"code": code}, field=field)
        if len(found) > 1 and len(own) != 1:
            raise BadInput(
                _("Several companies have a plant %(code)s; write COMPANY/PLANT.") % {"code": code}, field=field
            )
        return own[0] if own else found[0]


def look_up(codes: Codes, *, vendor: str, system: str, actor: User) -> Known:
    """A fixed number of queries. Raises BadInput naming `vendor`."""
    company = (
        Company.objects.filter(code=vendor).first()
        or Company.objects.filter(pk__in=_named(system, "company", [vendor]).values()).first()
    )
    if company is None:
        raise BadInput(_("There is no vendor %(code)s.") % {"code": vendor}, field="vendor")
    if not company.sells:
        raise BadInput(_("%(company)s makes, but does not sell.") % {"company": company.name}, field="vendor")
    return Known(
        vendor=company,
        sites=_sites(codes.sites, system, actor),
        classes=_classes(codes.classes, system),
        plants=tuple(
            Plant.objects.filter(code__in={code.rpartition("/")[2] for code in codes.plants}).select_related("company")
            if codes.plants
            else ()
        ),
        system=system,
        units=_units(codes.units, system),
    )


def find_order(said: str, *, system: str, actor: User) -> UUID | None:
    """An order by the sender's id, else by its number; None where there is none in the actor's sight."""
    visible = PurchaseOrder.objects.visible_to(actor)
    named = _named(system, "purchase_order", [said]).get(said)
    found = visible.filter(pk=named) if named else visible.filter(number=said)
    return found.values_list("pk", flat=True).first()


def _sites(codes: Collection[str], system: str, actor: User) -> dict[str, Site]:
    visible = Site.objects.visible_to(actor).select_related("calendar")
    found = {site.code: site for site in visible.filter(code__in=codes)} if codes else {}
    missing = _named(system, "site", codes - found.keys())
    by_key = visible.in_bulk(list(missing.values())) if missing else {}
    return found | {code: by_key[key] for code, key in missing.items() if key in by_key}


def _classes(codes: Collection[str], system: str) -> dict[str, EquipmentClass]:
    rows = EquipmentClass.objects.select_related("template")
    found = {row.code: row for row in rows.filter(code__in=codes)} if codes else {}
    missing = _named(system, "equipment_class", codes - found.keys())
    by_key = rows.in_bulk(list(missing.values())) if missing else {}
    return found | {code: by_key[key] for code, key in missing.items() if key in by_key}


def _units(codes: Collection[str], system: str) -> dict[str, str]:
    if not codes:
        return {}
    return dict(UnitMapping.objects.filter(system=system, code__in=codes).values_list("code", "unit"))


def _named(system: str, kind: str, ids: Collection[str]) -> dict[str, UUID]:
    if not ids:
        return {}
    refs = ExternalRef.objects.filter(system=system, kind=kind, external_id__in=ids)
    return dict(refs.values_list("external_id", "subject_id"))
