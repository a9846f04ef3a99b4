"""May they? Answers for templates and lists; the raising twin is in `sites.services.access`."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from sites.accounts.models import User
from sites.accounts.permissions import Permission, roles_with
from sites.models import Membership, Site
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


@dataclass(slots=True)
class Reach:
    """Where one person holds a permission: everywhere, at the sites of some desks, or at some sites."""

    everywhere: bool = False
    desks: set[UUID] = field(default_factory=set)
    sites: set[UUID] = field(default_factory=set)

    def includes(self, site_id: UUID | None, desk_id: UUID | None) -> bool:
        """As `can` answers; a null site asks for the whole portfolio."""
        return self.everywhere or (site_id is not None and (site_id in self.sites or desk_id in self.desks))


def reaches(people: Collection[UUID], permission: Permission) -> dict[UUID, Reach]:
    """`can` for many people and sites, in one query. A disabled account reaches nothing."""
    found: dict[UUID, Reach] = defaultdict(Reach)
    held = Membership.objects.filter(person__in=people, person__is_active=True, role__in=roles_with(permission))
    for person_id, scope, desk_id, site_id in held.values_list("person", "scope", "desk", "site"):
        if scope == ScopeKind.PORTFOLIO:
            found[person_id].everywhere = True
        elif scope == ScopeKind.DESK:
            found[person_id].desks.add(desk_id)
        else:
            found[person_id].sites.add(site_id)
    return found
