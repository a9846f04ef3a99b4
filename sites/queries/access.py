"""May they? Answers for templates and lists; the raising twin is in `sites.services.access`."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection
from django.db.models import Q

from sites.accounts.models import User
from sites.accounts.permissions import Permission, roles_with
from sites.models import Membership, Site
from sites.models.site import Sight
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

    def add(self, scope: str, desk_id: UUID | None, site_id: UUID | None) -> None:
        if scope == ScopeKind.PORTFOLIO:
            self.everywhere = True
        elif scope == ScopeKind.DESK and desk_id is not None:
            self.desks.add(desk_id)
        elif site_id is not None:
            self.sites.add(site_id)

    def includes(self, site_id: UUID | None, desk_id: UUID | None) -> bool:
        """As `can` answers; a null site asks for the whole portfolio."""
        return self.everywhere or (site_id is not None and (site_id in self.sites or desk_id in self.desks))


@dataclass(frozen=True, slots=True)
class Rights:
    """What one person holds where, read once for several questions of one call."""

    held: tuple[tuple[str, str, UUID | None, UUID | None], ...]

    def reach(self, permission: Permission) -> Reach:
        found, roles = Reach(), roles_with(permission)
        for role, scope, desk_id, site_id in self.held:
            if role in roles:
                found.add(scope, desk_id, site_id)
        return found

    def sight(self) -> Sight:
        """As `sight_of`; a query only where it hangs on desks."""
        seen = self.reach(Permission.SITE_VIEW)
        if seen.everywhere or not seen.desks:
            return Sight(seen.everywhere, tuple(seen.sites))
        there = Site.objects.filter(Q(pk__in=seen.sites) | Q(desk__in=seen.desks))
        return Sight(whole=False, sites=tuple(there.values_list("pk", flat=True)))


_HELD = f"""
SELECT m.role, m.scope, m.desk_id, m.site_id FROM {Membership._meta.db_table} m
JOIN {User._meta.db_table} u ON u.id = m.person_id AND u.is_active WHERE m.person_id = %s
"""  # noqa: S608


def rights_of(actor: User) -> Rights:
    """One query. A disabled account holds nothing."""
    if not actor.is_active:
        return Rights(())
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [actor.pk])
        return Rights(tuple(cursor.fetchall()))


def reaches(people: Collection[UUID], permission: Permission) -> dict[UUID, Reach]:
    """`can` for many people and sites, in one query. A disabled account reaches nothing."""
    found: dict[UUID, Reach] = defaultdict(Reach)
    held = Membership.objects.filter(person__in=people, person__is_active=True, role__in=roles_with(permission))
    for person_id, scope, desk_id, site_id in held.values_list("person", "scope", "desk", "site"):
        found[person_id].add(scope, desk_id, site_id)
    return found
