"""May they? Answers for templates and lists; the raising twin is in `sites.services.access`."""

from uuid import UUID

from sites.accounts.models import User
from sites.accounts.permissions import Permission, roles_with
from sites.models import Site
from sites.vocabulary import ScopeKind


def can(actor: User, permission: Permission, *, site_id: UUID | None) -> bool:
    """Whether the actor holds the permission at this site; a null site asks for the whole portfolio."""
    if not actor.is_active:
        return False
    if site_id is None:
        return actor.memberships.filter(scope=ScopeKind.PORTFOLIO, role__in=roles_with(permission)).exists()
    return Site.objects.visible_to(actor, permission).filter(pk=site_id).exists()


def sites_where(actor: User, permission: Permission) -> set[UUID]:
    """The keys of all sites at which the actor holds the permission, in one query."""
    return set(Site.objects.visible_to(actor, permission).values_list("pk", flat=True))
