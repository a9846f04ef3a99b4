"""Who is told of an alert: the narrowest duty that names somebody who may see it, and never nobody."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from copy import copy
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q

from procurement.domain import alerting
from procurement.domain.escalation import Step
from procurement.models import Alert, AlertEvent, Watch
from procurement.queries.alerts import Scopes, scopes_of
from procurement.services.mail_calendar import local_now, zone_of
from procurement.vocabulary import AlertEventKind, Rule, WatchKind, WatchSubject
from sites.accounts.models import User, UserKind
from sites.accounts.permissions import Permission, Role
from sites.models import Absence, Assignment, Membership, Site
from sites.queries.access import can
from sites.vocabulary import AssignmentScope, ScopeKind

_NARROWEST_FIRST = (
    AssignmentScope.ORDER_LINE,
    AssignmentScope.ORDER,
    AssignmentScope.COMPANY,
    AssignmentScope.EQUIPMENT_CLASS,
    AssignmentScope.DISCIPLINE,
    AssignmentScope.SITE,
)
_HOLDERS_FIRST = (ScopeKind.SITE, ScopeKind.DESK, ScopeKind.PORTFOLIO)
_ONE_DAY = timedelta(days=1)

__all__ = ["Directory", "Reason", "Told", "local_now", "portfolio_administrators", "zone_of"]


class Reason(StrEnum):
    """Why this person; stored with the message and said in it."""

    OWNER = "owner"
    ROLE_HOLDER = "role_holder"
    DEPUTY = "deputy"
    ADMINISTRATOR = "administrator"
    WATCHER = "watcher"
    ESCALATION = "escalation"

    @property
    def is_duty(self) -> bool:
        """Whether the person must be told, whatever they wished."""
        return self != Reason.WATCHER


class Told(NamedTuple):
    """`role` and `scope` are those of the assignment or membership that names the person, or whom they stand in for."""

    person: User
    reason: Reason
    role: str = ""
    scope: str = ""


class Directory:
    """Duties, roles and absences around some alerts, read in a fixed number of queries."""

    def __init__(
        self,
        alerts: Iterable[Alert],
        *,
        now: datetime,
        besides: Collection[UUID] = (),
        until: datetime | None = None,
    ) -> None:
        """`besides` are people whom no mail reaches, so that their deputies are told. Asked `at` a later instant, it
        knows who is away then up to `until`.
        """
        rows = list(alerts)
        self._now = now
        self._unreached = set(besides)
        self.scopes = scopes_of(rows)
        roles = {role for row in rows for role in alerting.TOLD[Rule(row.rule)]} | {Role.SITE_LEAD}
        site_ids = {row.site_id for row in rows if row.site_id}
        self._sites = {site.pk: site for site in Site.objects.filter(pk__in=site_ids)}
        self._assignments = list(
            Assignment.objects.filter(Q(site__isnull=True) | Q(site__in=site_ids), role__in=roles)
            .select_related("person")
            .order_by("pk")
        )
        self._memberships = list(
            Membership.objects.filter(
                Q(scope=ScopeKind.PORTFOLIO)
                | Q(desk__in=[site.desk_id for site in self._sites.values()])
                | Q(site__in=site_ids),
                role__in=roles | {Role.ADMINISTRATOR},
            )
            .select_related("person")
            .order_by("pk")
        )
        self._absences: dict[UUID, list[Absence]] = defaultdict(list)
        today, last_on = now.date(), max(now, until or now).date()
        for absence in (
            Absence.objects.filter(from_on__lte=last_on + _ONE_DAY, until_on__gte=today - _ONE_DAY)
            .select_related("deputy")
            .order_by("pk")
        ):
            self._absences[absence.person_id].append(absence)
        self._may_see: dict[tuple[UUID, UUID | None], bool] = {}
        self._declined: dict[UUID, set[UUID]] = defaultdict(set)
        declined = AlertEvent.objects.filter(alert__in=rows, kind=AlertEventKind.DECLINED, actor__isnull=False)
        for alert_id, person_id in declined.values_list("alert", "actor"):
            self._declined[alert_id].add(person_id)
        self._watches = list(Watch.objects.filter(self._watched()).select_related("person").order_by("pk"))

    def at(self, instant: datetime) -> "Directory":
        """The same, asked as if it were that instant."""
        later = copy(self)
        later._now = instant
        return later

    def _watched(self) -> Q:
        """The watches and mutes of anything that these alerts are about."""
        today = self._now.date() - _ONE_DAY
        about = Q(subject_kind=WatchSubject.ALERT, subject_id__in=list(self.scopes))
        named = (
            (WatchSubject.SITE, {scopes.site_id for scopes in self.scopes.values() if scopes.site_id}),
            (WatchSubject.ORDER, {key for scopes in self.scopes.values() for key in scopes.order_ids}),
            (WatchSubject.ORDER_LINE, {key for scopes in self.scopes.values() for key in scopes.line_ids}),
            (WatchSubject.REQUIREMENT, {key for scopes in self.scopes.values() for key in scopes.requirement_ids}),
            (WatchSubject.COMPANY, {key for scopes in self.scopes.values() for key in scopes.company_ids}),
            (WatchSubject.PLANT, {key for scopes in self.scopes.values() for key in scopes.plant_ids}),
            (WatchSubject.EQUIPMENT_CLASS, {key for scopes in self.scopes.values() for key in scopes.class_ids}),
        )
        for kind, keys in named:
            about |= Q(subject_kind=kind, subject_id__in=list(keys))
        return about & (Q(until_on__isnull=True) | Q(until_on__gte=today))

    def _watches_of(self, alert: Alert, kind: WatchKind) -> list[Watch]:
        scopes = self.scopes[alert.pk]
        about: dict[str, Collection[UUID | None]] = {
            WatchSubject.ALERT: {alert.pk},
            WatchSubject.SITE: {scopes.site_id},
            WatchSubject.ORDER: scopes.order_ids,
            WatchSubject.ORDER_LINE: scopes.line_ids,
            WatchSubject.REQUIREMENT: scopes.requirement_ids,
            WatchSubject.COMPANY: scopes.company_ids,
            WatchSubject.PLANT: scopes.plant_ids,
            WatchSubject.EQUIPMENT_CLASS: scopes.class_ids,
        }
        return [
            row
            for row in self._watches
            if row.kind == kind
            and row.holds_on(local_now(row.person, self._now).date())
            and row.subject_id in about[row.subject_kind]
        ]

    def mutes(self, alert: Alert) -> set[UUID]:
        """The people who do not want to hear of something that this alert is about."""
        return {row.person_id for row in self._watches_of(alert, WatchKind.MUTE)}

    def watchers(self, alert: Alert) -> tuple[Told, ...]:
        """Those who follow what it is about, besides whoever holds the duty."""
        named = (
            Told(row.person, Reason.WATCHER, "", row.subject_kind)
            for row in self._watches_of(alert, WatchKind.WATCH)
            if self._has_address(row.person)
        )
        site_id = self.scopes[alert.pk].site_id
        return tuple({told.person.pk: told for told in named if self._sees(told.person, site_id)}.values())

    def owner(self, alert: Alert) -> tuple[Told, ...]:
        """Who has taken it or was given it, or their deputy."""
        if alert.owner is None:
            return ()
        return tuple(self._reached([Told(alert.owner, Reason.OWNER, "", "alert")], alert.site_id).values())

    def escalated(self, alert: Alert, step: Step, besides: Collection[UUID]) -> tuple[Told, ...]:
        """Whom a step of the ladder tells; `besides` are those who know already. Never nobody."""
        scopes = self.scopes[alert.pk]
        roles = step.roles or alerting.TOLD[Rule(alert.rule)][:1]
        for named in self._holders(roles, scopes, step.scopes):
            fresh = [told._replace(reason=Reason.ESCALATION) for told in named if told.person.pk not in besides]
            reached = self._reached(fresh, scopes.site_id)
            if found := {key: told for key, told in reached.items() if key not in besides}:
                return tuple(found.values())
        return tuple(self._reached(self._administrators(scopes), scopes.site_id).values())

    def told(self, alert: Alert) -> tuple[Told, ...]:
        """The owner, else those assigned for each role the rule tells, else the holders of one, else administrators."""
        if owner := self.owner(alert):
            return owner
        scopes = self.scopes[alert.pk]
        roles = alerting.TOLD[Rule(alert.rule)]
        declined = self._declined[alert.pk]
        found: dict[UUID, Told] = {}
        for role in roles:
            for named in self._assigned(role, scopes):
                if reached := self._reached(named, scopes.site_id, declined):
                    found |= reached
                    break
        if not found:
            for named in self._holders(roles, scopes):
                if found := self._reached(named, scopes.site_id, declined):
                    break
        if not found:
            found = self._reached(self._administrators(scopes), scopes.site_id)
        return tuple(found.values())

    def administrators(self, alert: Alert) -> list[User]:
        """Whoever administers the alert's site, reached by mail or not."""
        scopes = self.scopes[alert.pk]
        people = {told.person.pk: told.person for told in self._administrators(scopes)}
        return [person for person in people.values() if self._sees(person, scopes.site_id)]

    def _administrators(self, scopes: Scopes) -> list[Told]:
        return [
            told._replace(reason=Reason.ADMINISTRATOR)
            for level in self._holders((Role.ADMINISTRATOR,), scopes)
            for told in level
        ]

    def _assigned(self, role: Role, scopes: Scopes) -> Iterator[list[Told]]:
        today = self._today_at(scopes.site_id)
        mine = [
            row
            for row in self._assignments
            if row.role == role
            and (row.site_id is None or row.site_id == scopes.site_id)
            and (row.from_on is None or row.from_on <= today)
            and (row.until_on is None or row.until_on >= today)
        ]
        for scope in _NARROWEST_FIRST:
            yield [
                Told(row.person, Reason.OWNER, row.role, scope)
                for row in mine
                if row.scope == scope and _is_about(row, scope, scopes)
            ]

    def _holders(
        self, roles: Collection[Role], scopes: Scopes, levels: Iterable[ScopeKind] = _HOLDERS_FIRST
    ) -> Iterator[list[Told]]:
        site = self._sites.get(scopes.site_id) if scopes.site_id else None
        for scope in levels:
            yield [
                Told(row.person, Reason.ROLE_HOLDER, row.role, scope)
                for row in self._memberships
                if row.role in roles
                and row.scope == scope
                and (
                    scope == ScopeKind.PORTFOLIO
                    or (site is not None and (row.site_id == site.pk or (row.desk_id == site.desk_id and row.desk_id)))
                )
            ]

    def _reached(
        self, named: Iterable[Told], site_id: UUID | None, declined: Collection[UUID] = ()
    ) -> dict[UUID, Told]:
        found: dict[UUID, Told] = {}
        for told in named:
            if told.person.pk in declined:
                continue
            reached = self._person_or_deputy(told, site_id, frozenset())
            if reached is not None:
                found.setdefault(reached.person.pk, reached)
        return found

    def _person_or_deputy(self, told: Told, site_id: UUID | None, seen: frozenset[UUID]) -> Told | None:
        person = told.person
        if person.pk in seen or not self._sees(person, site_id):
            return None
        away = next((row for row in self._absences[person.pk] if self._is_away(row, person)), None)
        if away is not None:
            deputy = away.deputy
        elif self._has_address(person):
            return told
        else:
            deputy = self._usual_deputy(person)
        if deputy is None:
            return None
        return self._person_or_deputy(told._replace(person=deputy, reason=Reason.DEPUTY), site_id, seen | {person.pk})

    def _has_address(self, person: User) -> bool:
        return bool(person.email) and person.email_refused_at is None and person.pk not in self._unreached

    def _is_away(self, absence: Absence, person: User) -> bool:
        return absence.from_on <= local_now(person, self._now).date() <= absence.until_on

    def _usual_deputy(self, person: User) -> User | None:
        """Who stood in last, or will next, for somebody who is there but whom no mail reaches."""
        row = (
            Absence.objects.filter(person=person, deputy__isnull=False)
            .select_related("deputy")
            .order_by("-until_on", "-pk")
            .first()
        )
        return row.deputy if row else None

    def _sees(self, person: User, site_id: UUID | None) -> bool:
        key = person.pk, site_id
        if key not in self._may_see:
            self._may_see[key] = person.kind == UserKind.PERSON and can(person, Permission.SITE_VIEW, site_id=site_id)
        return self._may_see[key]

    def _today_at(self, site_id: UUID | None) -> date:
        site = self._sites.get(site_id) if site_id else None
        return self._now.astimezone(ZoneInfo(site.time_zone)).date() if site else self._now.date()


def portfolio_administrators() -> list[User]:
    """Whom what belongs to no site is told to."""
    holders = Membership.objects.filter(role=Role.ADMINISTRATOR, scope=ScopeKind.PORTFOLIO).values("person")
    return list(User.objects.filter(pk__in=holders, kind=UserKind.PERSON, is_active=True).order_by("pk"))


def _is_about(row: Assignment, scope: AssignmentScope, scopes: Scopes) -> bool:
    if scope == AssignmentScope.SITE:
        return row.site_id == scopes.site_id
    if scope == AssignmentScope.DISCIPLINE:
        return row.discipline in scopes.disciplines
    named = {
        AssignmentScope.ORDER_LINE: scopes.line_ids,
        AssignmentScope.ORDER: scopes.order_ids,
        AssignmentScope.COMPANY: scopes.company_ids,
        AssignmentScope.EQUIPMENT_CLASS: scopes.class_ids,
    }[scope]
    return row.subject_id in named
