"""What another system calls our vendors, sites and classes, so that its orders may name them so."""

from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.models import Company, EquipmentClass, ExternalRef
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput
from sites.domain.text import check_text
from sites.models import Site
from sites.services.access import check_can

_LONGEST: Final = 80


class Named(StrEnum):
    """Whose ids they are; the words of the stored references."""

    VENDOR = "company"
    SITE = "site"
    EQUIPMENT_CLASS = "equipment_class"


class NameResult(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@transaction.atomic
def name(
    *, kind: Named, system: str, external_id: str, code: str, actor: User, request_id: str = ""
) -> tuple[NameResult, UUID]:
    """From now on `external_id` of the system means the record of this code. What happened, and our id of the record.

    Raises BadInput naming `external_id` or `code`, NotPermitted.
    """
    check_can(actor, Permission.ORDER_WRITE, site_id=None)
    check_text(external_id, "external_id", longest=_LONGEST)
    key = _key_of(kind, code, actor)
    ref, is_new = ExternalRef.objects.select_for_update(of=("self",)).get_or_create(
        system=system, kind=kind.value, external_id=external_id, defaults={"subject_id": key}
    )
    if not is_new and ref.subject_id == key:
        return NameResult.UNCHANGED, key
    if not is_new:
        ref.subject_id = key
        ref.save(update_fields=["subject_id"])
    audit.record(
        actor=actor,
        verb="external_id.named",
        subject_kind=kind.value,
        subject_id=key,
        request_id=request_id,
        facts={"system": system, "external_id": external_id},
    )
    return (NameResult.CREATED if is_new else NameResult.UPDATED), key


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
