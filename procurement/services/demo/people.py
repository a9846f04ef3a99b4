"""Who works in the demo: six accounts to log in with, the people around them, their rights, duties and absences."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.hashers import make_password

from procurement.models import EquipmentClass
from procurement.services.demo.draft import Draft
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Absence, Assignment, Desk, Membership, Site
from sites.vocabulary import AssignmentScope, Discipline, ScopeKind

PASSWORD = "demo"  # noqa: S105
MAIL_DOMAIN = "longlead.example"


@dataclass(frozen=True, slots=True)
class PersonPlan:
    """`desks` and `sites` name the scopes of the role; neither means the whole portfolio."""

    username: str
    name: str
    role: Role
    time_zone: str
    language: str = "en"
    desks: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()


ACCOUNTS = (
    PersonPlan("admin", "Robin Ashgrove", Role.ADMINISTRATOR, "UTC"),
    PersonPlan("sourcing", "Imogen Varlake", Role.BUYER, "Europe/London"),
    PersonPlan("expediter", "Daichi Morinose", Role.EXPEDITER, "Australia/Sydney", desks=("SYDNEY", "TOKYO")),
    PersonPlan("energy", "Petra Lindqvarn", Role.ENERGY_LEAD, "Europe/Amsterdam"),
    PersonPlan("site-syd", "Callum Wirraway", Role.SITE_LEAD, "Australia/Sydney", sites=("SYD01",)),
    PersonPlan("viewer", "Noor Haverbeck", Role.VIEWER, "Europe/Paris"),
)
OTHERS = (
    PersonPlan("approver", "Odile Marchetaux", Role.APPROVER, "Europe/London"),
    PersonPlan("site-tyo", "Sayuri Kamidori", Role.SITE_LEAD, "Asia/Tokyo", language="ja", sites=("TYO01",)),
    PersonPlan("site-eur", "Lennart Weidemoor", Role.SITE_LEAD, "Europe/Berlin", desks=("LONDON",)),
    PersonPlan("site-iad", "Marisol Tannerfield", Role.SITE_LEAD, "America/New_York", sites=("IAD01",)),
    PersonPlan("mechanical", "Fergus Oakhollow", Role.EXPEDITER, "Europe/London", desks=("LONDON",)),
    PersonPlan("gensets", "Joanna Pelhurst", Role.BUYER, "America/New_York", desks=("US",)),
)

_EXPEDITED_FROM_A_DESK = {"SYDNEY", "TOKYO"}


def add_people(draft: Draft) -> dict[str, User]:
    """All of them log in with the same password; one hash serves all, because a good one takes half a second."""
    password = make_password(PASSWORD)
    people = {}
    for plan in (*ACCOUNTS, *OTHERS):
        people[plan.username] = draft.add(
            User(
                id=draft.key("user", plan.username),
                username=plan.username,
                name=plan.name,
                email=f"{plan.username}@{MAIL_DOMAIN}",
                password=password,
                date_joined=draft.now,
                visited_on=draft.day(-4),
                language=plan.language,
                time_zone=plan.time_zone,
                is_staff=plan.role == Role.ADMINISTRATOR,
                is_superuser=plan.role == Role.ADMINISTRATOR,
            )
        )
    return people


def add_rights(draft: Draft, people: dict[str, User], desks: dict[str, Desk], sites: dict[str, Site]) -> None:
    for plan in (*ACCOUNTS, *OTHERS):
        person = people[plan.username]
        for code in plan.desks:
            _member(draft, person, plan.role, ScopeKind.DESK, desk=desks[code])
        for code in plan.sites:
            _member(draft, person, plan.role, ScopeKind.SITE, site=sites[code])
        if not plan.desks and not plan.sites:
            _member(draft, person, plan.role, ScopeKind.PORTFOLIO)


def _member(
    draft: Draft, person: User, role: Role, scope: ScopeKind, *, desk: Desk | None = None, site: Site | None = None
) -> None:
    key = draft.key("membership", person.username, role, scope, desk, site)
    draft.add(Membership(id=key, person=person, role=role, scope=scope, desk=desk, site=site))


def add_duties(
    draft: Draft, people: dict[str, User], sites: dict[str, Site], classes: dict[str, EquipmentClass]
) -> None:
    """At every site somebody holds each role a rule may tell; two narrower duties show that the narrowest wins."""
    leads = {"SYD01": "site-syd", "TYO01": "site-tyo", "IAD01": "site-iad"}
    for site in sites.values():
        expedited = site.desk.code in _EXPEDITED_FROM_A_DESK
        for role, username in (
            (Role.EXPEDITER, "expediter" if expedited else "sourcing"),
            (Role.BUYER, "sourcing"),
            (Role.SITE_LEAD, leads.get(site.code, "site-eur")),
            (Role.ENERGY_LEAD, "energy"),
            (Role.APPROVER, "approver"),
            (Role.ADMINISTRATOR, "admin"),
        ):
            draft.add(
                Assignment(
                    id=draft.key("assignment", site.code, role),
                    person=people[username],
                    role=role,
                    scope=AssignmentScope.SITE,
                    site=site,
                )
            )
    draft.add(
        Assignment(
            id=draft.key("assignment", "FRA01", "mechanical"),
            person=people["mechanical"],
            role=Role.EXPEDITER,
            scope=AssignmentScope.DISCIPLINE,
            site=sites["FRA01"],
            discipline=Discipline.MECHANICAL,
        )
    )
    draft.add(
        Assignment(
            id=draft.key("assignment", "IAD01", "GENERATOR"),
            person=people["gensets"],
            role=Role.BUYER,
            scope=AssignmentScope.EQUIPMENT_CLASS,
            site=sites["IAD01"],
            subject_id=classes["GENERATOR"].pk,
        )
    )
    away_on = draft.day(21)
    draft.add(
        Absence(
            id=draft.key("absence", "expediter"),
            person=people["expediter"],
            from_on=away_on,
            until_on=away_on + timedelta(days=11),
            deputy=people["sourcing"],
        )
    )
