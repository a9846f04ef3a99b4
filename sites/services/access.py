"""May they? Raises where `sites.queries.access` answers."""

from collections.abc import Iterable
from uuid import UUID

from django.utils.translation import gettext as _

from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import NotPermitted
from sites.models import Site
from sites.queries.access import Rights, can


def check_can(actor: User, permission: Permission, *, site_id: UUID | None) -> None:
    """Raises NotPermitted. A null site asks for the whole portfolio."""
    if not can(actor, permission, site_id=site_id):
        raise _not_permitted(permission)


def check_held(rights: Rights, permission: Permission, *, site: Site | None) -> None:
    """As `check_can`, of rights that are read already."""
    check_held_at_one(rights, permission, sites=[site])


def check_held_at_one(rights: Rights, permission: Permission, *, sites: Iterable[Site | None]) -> None:
    """At any of these sites."""
    reach = rights.reach(permission)
    if not any(reach.includes(site.pk if site else None, site.desk_id if site else None) for site in sites):
        raise _not_permitted(permission)


def _not_permitted(permission: Permission) -> NotPermitted:
    return NotPermitted(_("Your role does not allow this here: %(what)s.") % {"what": permission.label.lower()})


def check_can_at_all(actor: User, permission: Permission, *, site_ids: Iterable[UUID | None]) -> None:
    """Raises NotPermitted unless the actor holds the permission at every one of these sites."""
    for site_id in sorted(set(site_ids), key=str):
        check_can(actor, permission, site_id=site_id)
