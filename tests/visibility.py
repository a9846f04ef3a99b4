"""Three sites at two desks, one thing that has no site, and the people who may see some of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Site
from tests.factories.accounts import UserFactory
from tests.factories.sites import DeskFactory, MembershipFactory, SiteFactory

HARBOUR, RIDGE, BAY, NOWHERE = "harbour", "ridge", "bay", "nowhere"
EVERYWHERE = {HARBOUR, RIDGE, BAY, NOWHERE}


@dataclass(frozen=True)
class Kind:
    """A table with a door. `make` gets a site, or None where `placeless`, and returns the row to look for."""

    model: type[Model]
    make: Callable[[Site | None], Model]
    placeless: bool = False

    def __str__(self) -> str:
        return self.model.__name__

    def rows(self, places: Mapping[str, Site]) -> dict[str, Model]:
        rows = {name: self.make(site) for name, site in places.items()}
        return rows | {NOWHERE: self.make(None)} if self.placeless else rows

    def seen_through(self, reaches: Iterable["Reach"], places: Mapping[str, Site]) -> dict[str, dict[Role, set[str]]]:
        """What of its rows shows to each role that is held in each of these ways."""
        rows = self.rows(places)
        seen: dict[str, dict[Role, set[str]]] = {}
        for reach in reaches:
            person = reach.person(Role.VIEWER, places)
            seen[reach.name] = {}
            for role in Role:
                person.memberships.update(role=role)
                seen[reach.name][role] = self.seen_by(person, rows)
        return seen

    def opened_by(self, reaches: Iterable["Reach"]) -> dict[str, dict[Role, set[str]]]:
        """What `seen_through` must be: whatever the role, the places that it is held for."""
        there = EVERYWHERE if self.placeless else EVERYWHERE - {NOWHERE}
        return {reach.name: {role: set(reach.opens & there) for role in Role} for reach in reaches}

    def seen_by(self, actor: User, rows: Mapping[str, Model]) -> set[str]:
        objects: Any = self.model._default_manager
        seen = set(objects.visible_to(actor).values_list("pk", flat=True))
        assert seen <= {row.pk for row in rows.values()}
        return {name for name, row in rows.items() if row.pk in seen}


def make_places() -> dict[str, Site]:
    """Harbour and Ridge belong to the Sydney desk, Bay to Tokyo's."""
    return {
        HARBOUR: SiteFactory.create(code="HARBOUR"),
        RIDGE: SiteFactory.create(code="RIDGE"),
        BAY: SiteFactory.create(code="BAY", tokyo=True),
    }


def _everywhere(places: Mapping[str, Site]) -> list[dict[str, object]]:
    return [{}]


def _sydney(places: Mapping[str, Site]) -> list[dict[str, object]]:
    return [{"desk": DeskFactory.create()}]


def _harbour(places: Mapping[str, Site]) -> list[dict[str, object]]:
    return [{"site": places[HARBOUR]}]


def _harbour_and_bay(places: Mapping[str, Site]) -> list[dict[str, object]]:
    return [{"site": places[HARBOUR]}, {"site": places[BAY]}]


def _harbour_and_tokyo(places: Mapping[str, Site]) -> list[dict[str, object]]:
    return [{"site": places[HARBOUR]}, {"desk": places[BAY].desk}]


def _nothing(places: Mapping[str, Site]) -> list[dict[str, object]]:
    return []


@dataclass(frozen=True)
class Reach:
    """What a person holds, and the places that it opens."""

    name: str
    scopes: Callable[[Mapping[str, Site]], list[dict[str, object]]]
    opens: frozenset[str]
    active: bool = True

    def __str__(self) -> str:
        return self.name

    def person(self, role: Role, places: Mapping[str, Site]) -> User:
        person: User = UserFactory.create(is_active=self.active)
        for scope in self.scopes(places):
            MembershipFactory.create(person=person, role=role, **scope)
        return person


REACHES = [
    Reach("the portfolio", _everywhere, frozenset(EVERYWHERE)),
    Reach("a desk", _sydney, frozenset({HARBOUR, RIDGE})),
    Reach("a site", _harbour, frozenset({HARBOUR})),
    Reach("two sites of two desks", _harbour_and_bay, frozenset({HARBOUR, BAY})),
    Reach("a site and another desk", _harbour_and_tokyo, frozenset({HARBOUR, BAY})),
    Reach("nothing", _nothing, frozenset()),
    Reach("the portfolio, disabled", _everywhere, frozenset(), active=False),
    Reach("a desk, disabled", _sydney, frozenset(), active=False),
    Reach("a site, disabled", _harbour, frozenset(), active=False),
]
