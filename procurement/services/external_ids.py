"""What another system calls our vendors, sites, classes and units, so that its orders may name them so."""

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID

from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from procurement.domain.units import UNITS
from procurement.models import Company, EquipmentClass, ExternalRef, UnitMapping
from procurement.services.single import wait_to_commit
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.domain.text import check_text
from sites.models import Site
from sites.services.access import check_can

Pointer = TypeVar("Pointer", bound=models.Model)

_LONGEST: Final = 80
_LONGEST_CODE: Final = 40
_LONGEST_UNIT: Final = 20
_COUNTRY: Final = re.compile(r"[A-Z]{2}")


class Named(StrEnum):
    """Whose ids they are; the words of the stored references."""

    VENDOR = "company"
    SITE = "site"
    EQUIPMENT_CLASS = "equipment_class"


class NameResult(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Vendor:
    """What a system says a vendor is; None: it does not say."""

    name: str | None = None
    country: str | None = None
    makes: bool | None = None


@transaction.atomic
def name(
    *,
    kind: Named,
    system: str,
    external_id: str,
    code: str,
    actor: User,
    request_id: str = "",
    vendor: Vendor | None = None,
) -> tuple[NameResult, UUID]:
    """From now on `external_id` of the system means the record of this code, which becomes what `vendor` says, or is
    made. What happened, and our id of the record.

    Raises BadInput naming `external_id`, `code`, `name` or `country`, NotPermitted.
    """
    check_can(actor, Permission.ORDER_WRITE, site_id=None)
    check_text(external_id, "external_id", longest=_LONGEST)
    is_changed = vendor is not None and _upsert(code, vendor)
    key = _key_of(kind, code, actor)
    _ref, result = _point(ExternalRef, "subject_id", key, system=system, kind=kind.value, external_id=external_id)
    if result is NameResult.UNCHANGED:
        return (NameResult.UPDATED if is_changed else result), key
    audit.record(
        actor=actor,
        verb="external_id.named",
        subject_kind=kind.value,
        subject_id=key,
        request_id=request_id,
        facts={"system": system, "external_id": external_id},
    )
    return result, key


@transaction.atomic
def name_unit(
    *, system: str, external_id: str, unit: str, actor: User, request_id: str = ""
) -> tuple[NameResult, UUID]:
    """From now on `external_id` of the system means this unit.

    Raises BadInput naming `external_id` or `code`, NotPermitted.
    """
    check_can(actor, Permission.ORDER_WRITE, site_id=None)
    check_text(external_id, "external_id", longest=_LONGEST_UNIT)
    if external_id in UNITS:
        raise BadInput(_("%(code)s is a unit itself and means no other.") % {"code": external_id}, field="external_id")
    if unit not in UNITS:
        raise BadInput(_("Nothing of ours has the code %(code)s.") % {"code": unit}, field="code")
    row, result = _point(UnitMapping, "unit", unit, system=system, code=external_id)
    if result is NameResult.UNCHANGED:
        return result, row.pk
    audit.record(
        actor=actor,
        verb="external_id.named",
        subject_kind="unit",
        subject_id=row.pk,
        request_id=request_id,
        facts={"system": system, "external_id": external_id, "unit": unit},
    )
    return result, row.pk


def _upsert(code: str, said: Vendor) -> bool:
    """Whether the company of this code is another one now. One that nobody has takes a name and a country."""
    check_text(code, "code", longest=_LONGEST_CODE)
    values = {name: value for name, value in asdict(said).items() if value is not None}
    wait_to_commit("companies")  # code and name are looked for before they are written
    row = Company.objects.select_for_update(of=("self",)).filter(code=code).first()
    if row is None and not values:
        return False  # the code is refused as any other is
    for name in ("name", "country") if row is None else ():
        if name not in values:
            raise BadInput(_("A new company needs this."), field=name)
    row = row or Company(code=code)
    if not row._state.adding and all(getattr(row, name) == value for name, value in values.items()):
        return False
    for name, value in values.items():
        setattr(row, name, value)
    if not _COUNTRY.fullmatch(row.country):
        raise BadInput(_("A country is two letters of ISO 3166."), field="country")
    if Company.objects.annotate(plain=Lower("name")).filter(plain=row.name.lower()).exclude(pk=row.pk).exists():
        raise BadInput(_("Another company has this name."), field="name")
    row.save()
    return True


def _point(model: type[Pointer], field: str, value: object, **what: str) -> tuple[Pointer, NameResult]:
    """The row of `what`, made where there is none; from now on its `field` holds the value."""
    rows = model._default_manager.select_for_update(of=("self",))
    row, is_new = rows.get_or_create(**what, defaults={field: value})
    if is_new:
        return row, NameResult.CREATED
    if getattr(row, field) == value:
        return row, NameResult.UNCHANGED
    setattr(row, field, value)
    row.save(update_fields=[field])
    return row, NameResult.UPDATED


def _key_of(kind: Named, code: str, actor: User) -> UUID:
    if kind is Named.SITE:
        found = Site.objects.visible_to(actor).filter(code=code).values_list("pk", flat=True).first()
    elif kind is Named.VENDOR:
        found = Company.objects.filter(code=code).values_list("pk", flat=True).first()
    else:
        found = EquipmentClass.objects.filter(code=code).values_list("pk", flat=True).first()
    if found is None:
        raise BadInput(_("Nothing of ours has the code %(code)s.") % {"code": code}, field="code")
    return found
