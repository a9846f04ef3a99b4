"""The alerts that stand, and one of them with everything that happened to it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import Case, DecimalField, Exists, OuterRef, Q, QuerySet, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from procurement.models import Alert, AlertEvent, DeliveryLot, EquipmentClass, NotificationItem, Requirement
from procurement.vocabulary import AlertEventKind, AlertState, AlertSubject, Channel, NotificationState
from sites.accounts.models import User, UserKind
from sites.accounts.permissions import ROLES, Permission
from sites.models import Block, Membership, PpaShare, Site
from sites.models.site import sight_of
from sites.vocabulary import ScopeKind

PAGE_SIZE = 100
MOST_COUNTED = 100


class Shown(StrEnum):
    """Those that wait for me, for anybody's answer, those that stand at all, or those that are over."""

    MINE = "mine"
    WAITING = "waiting"
    STANDING = "standing"
    CLOSED = "closed"


class Age(StrEnum):
    """How long it has been open, in days: up to 2, up to 7, up to 30, or longer."""

    NEW = "new"
    WEEK = "week"
    MONTH = "month"
    OLDER = "older"


_AGES = {Age.NEW: (0, 2), Age.WEEK: (3, 7), Age.MONTH: (8, 30), Age.OLDER: (31, None)}


def aged(age: Age, as_of: date) -> Q:
    """Opened so many days before `as_of`; what opened later, in a zone where it is tomorrow, is new."""
    least, most = _AGES[age]
    young = Q(opened_on__lte=as_of - timedelta(days=least)) if least else Q()
    return young if most is None else young & Q(opened_on__gte=as_of - timedelta(days=most))


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Empty means any; `site` and `equipment_class` are codes, `rule`, `lane` and `severity` are stored words.

    `person` is the key of whoever owns, has acknowledged or was told of it; `text` stands in its subject or its cause;
    `since` keeps those to which something happened after an instant.
    """

    site: str = ""
    rule: str = ""
    lane: str = ""
    severity: str = ""
    equipment_class: str = ""
    person: str = ""
    text: str = ""
    age: Age | None = None
    since: datetime | None = None
    shown: Shown = Shown.WAITING
    page: int = 1
    size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True)
class SubjectPage:
    """Where the subject of an alert is shown: the name of a page and its key; `part` is a place on it."""

    page: str
    key: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """`told` are the people to whom a message about it went or is about to go; `news` what happened since the instant
    of the filter, the newest first.
    """

    alert: Alert
    subject: SubjectPage | None
    told: tuple[str, ...]
    news: tuple[AlertEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertList:
    filter: AlertFilter
    rows: tuple[AlertRow, ...]
    total: int
    pages: int


@dataclass(frozen=True, slots=True)
class EventRow:
    event: AlertEvent
    told: tuple[NotificationItem, ...]


@dataclass(frozen=True, slots=True)
class AlertView:
    alert: Alert
    subject: SubjectPage | None
    events: tuple[EventRow, ...]


_SHOWN = {
    Shown.MINE: (AlertState.OPEN, AlertState.ESCALATED),
    Shown.WAITING: (AlertState.OPEN, AlertState.ESCALATED),
    Shown.STANDING: tuple(state for state in AlertState if state != AlertState.CLOSED),
    Shown.CLOSED: (AlertState.CLOSED,),
}
_URGENT_FIRST = Case(When(lane="urgent", then=Value(0)), default=Value(1))
_OF_A_SITE = (AlertSubject.SITE, AlertSubject.GRID_CONNECTION, AlertSubject.GATE)
_NOT_TOLD = (NotificationState.SUPPRESSED, NotificationState.CANCELLED)


def alert_list(actor: User, wanted: AlertFilter, *, as_of: date) -> AlertList:
    """The urgent ones first, then the worst band, then what weighs most. At most nine queries."""
    rows = _found(actor, wanted, as_of)
    total = rows.count()
    pages = max(1, -(-total // wanted.size))
    start = (min(wanted.page, pages) - 1) * wanted.size
    # Sorted by their keys alone: of tens of thousands the rows would be carried through the sort.
    keys = list(_sorted(rows).values_list("pk", flat=True)[start : start + wanted.size])
    by_key = Alert.objects.select_related("site", "acknowledged_by").in_bulk(keys)
    found = [by_key[key] for key in keys]
    subjects, told = subject_pages(found), _told(found)
    news: dict[UUID, list[AlertEvent]] = defaultdict(list)
    if wanted.since:
        for event in AlertEvent.objects.filter(alert__in=found, at__gte=wanted.since).order_by("-at", "-pk"):
            news[event.alert_id].append(event)
    return AlertList(
        filter=replace(wanted, page=min(wanted.page, pages)),
        rows=tuple(AlertRow(row, subjects.get(row.pk), told[row.pk], tuple(news[row.pk])) for row in found),
        total=total,
        pages=pages,
    )


def _found(actor: User, wanted: AlertFilter, as_of: date) -> QuerySet[Alert]:
    rows = Alert.objects.visible_to(actor).filter(state__in=_SHOWN[wanted.shown])
    if wanted.shown is Shown.MINE:
        rows = rows.filter(_asks(actor))
    if wanted.site:
        rows = rows.filter(site__code=wanted.site)
    if wanted.rule:
        rows = rows.filter(rule=wanted.rule)
    if wanted.lane:
        rows = rows.filter(lane=wanted.lane)
    if wanted.severity:
        rows = rows.filter(severity=wanted.severity)
    if wanted.equipment_class:
        rows = rows.filter(_of_class(wanted.equipment_class))
    if wanted.age:
        rows = rows.filter(aged(wanted.age, as_of))
    if wanted.person:
        rows = rows.filter(_concerns(UUID(wanted.person)))
    for word in wanted.text.split():
        rows = rows.filter(Q(subject_text__icontains=word) | Q(cause_text__icontains=word))
    if wanted.since:
        rows = rows.filter(Exists(AlertEvent.objects.filter(alert=OuterRef("pk"), at__gte=wanted.since)))
    return rows


def _of_class(code: str) -> Q:
    needs = Requirement.objects.filter(equipment_class__code=code)
    lots = DeliveryLot.objects.filter(schedule_line__line__equipment_class__code=code)
    return Q(subject_kind=AlertSubject.REQUIREMENT, subject_id__in=needs.values("pk")) | Q(
        subject_kind=AlertSubject.LOT, subject_id__in=lots.values("pk")
    )


def _concerns(person: UUID) -> Q:
    told = NotificationItem.objects.filter(event__alert=OuterRef("pk"), recipient=person, dropped_because="").exclude(
        notification__state__in=_NOT_TOLD
    )
    return Q(owner=person) | Q(acknowledged_by=person) | Q(Exists(told))


def _asks(actor: User) -> Q:
    """What was given to this person, or what they were told as a duty and have not turned down."""
    return Q(owner=actor) | _told_and_not_declined(actor)


def _told_and_not_declined(actor: User) -> Q:
    told = NotificationItem.objects.filter(
        event__alert=OuterRef("pk"), recipient=actor, channel=Channel.EMAIL, dropped_because=""
    ).exclude(reason="watcher")
    declined = AlertEvent.objects.filter(alert=OuterRef("pk"), kind=AlertEventKind.DECLINED, actor=actor)
    return Q(owner__isnull=True) & Exists(told) & ~Exists(declined)


def waiting_for(actor: User) -> int:
    """How many alerts ask this person for something, counted up to `MOST_COUNTED`; zero means zero. One query: what
    was given and what was told are found apart, each by its index and no further than is counted.
    """
    rows = Alert.objects.visible_to(actor).needing_action().order_by().values("pk")
    given, told = rows.filter(owner=actor), rows.filter(_told_and_not_declined(actor))
    return given.union(told, all=True)[:MOST_COUNTED].count()


def colleagues(actor: User) -> QuerySet[User]:
    """Whoever may be given an alert: people with a role that answers alerts, at a site the actor sees or above it."""
    sites = Site.objects.visible_to(actor)
    roles = [role for role, grant in ROLES.items() if Permission.ALERT_WRITE in grant.permissions]
    holders = Membership.objects.filter(
        Q(site__in=sites) | Q(desk__in=sites.values("desk")) | Q(scope=ScopeKind.PORTFOLIO), role__in=roles
    )
    people = User.objects.filter(kind=UserKind.PERSON, is_active=True, pk__in=holders.values("person"))
    return people.order_by("name", "pk")


def _sorted(rows: QuerySet[Alert]) -> QuerySet[Alert]:
    weighs = Cast(KeyTextTransform("mw_days", "facts"), DecimalField(max_digits=16, decimal_places=3))
    return rows.order_by(_URGENT_FIRST, "-band", weighs.desc(nulls_last=True), "subject_text", "pk")


def _told(alerts: Iterable[Alert]) -> dict[UUID, tuple[str, ...]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    rows = (
        NotificationItem.objects.filter(event__alert__in=list(alerts), dropped_because="")
        .exclude(notification__state__in=_NOT_TOLD)
        .order_by("recipient__name")
        .values_list("event__alert", "recipient__name")
        .distinct()
    )
    for key, name in rows:
        found[key].append(name)
    return defaultdict(tuple, {key: tuple(names) for key, names in found.items()})


def subject_pages(alerts: Iterable[Alert]) -> dict[UUID, SubjectPage]:
    """Where each alert's subject is shown; subjects that are gone are left out. Three queries."""
    rows = list(alerts)
    keys: dict[str, list[UUID]] = defaultdict(list)
    for row in rows:
        keys[row.subject_kind].append(row.subject_id)
    lots = dict(DeliveryLot.objects.filter(pk__in=keys[AlertSubject.LOT]).values_list("pk", "schedule_line"))
    shares = dict(PpaShare.objects.filter(pk__in=keys[AlertSubject.AGREEMENT_SHARE]).values_list("pk", "agreement"))
    blocks = dict(Block.objects.filter(pk__in=keys[AlertSubject.BLOCK]).values_list("pk", "phase__site__code"))
    pages: dict[UUID, SubjectPage] = {}
    for row in rows:
        key = row.subject_id
        if row.subject_kind == AlertSubject.REQUIREMENT:
            pages[row.pk] = SubjectPage("requirement", str(key))
        elif row.subject_kind == AlertSubject.LOT and key in lots:
            pages[row.pk] = SubjectPage("line", str(lots[key]), f"lot-{key}")
        elif row.subject_kind == AlertSubject.AGREEMENT_SHARE and key in shares:
            pages[row.pk] = SubjectPage("agreement", str(shares[key]))
        elif row.subject_kind == AlertSubject.COMPANY_AT_SITE:
            pages[row.pk] = SubjectPage("vendor", str(key))
        elif row.subject_kind == AlertSubject.BLOCK and key in blocks:
            pages[row.pk] = SubjectPage("site", blocks[key], "blocks")
        elif row.subject_kind == AlertSubject.AGREEMENT and row.facts.get("agreement"):
            pages[row.pk] = SubjectPage("agreement", str(row.facts["agreement"]))
        elif row.subject_kind in _OF_A_SITE and row.site:
            pages[row.pk] = SubjectPage("site", row.site.code, "power")
    return pages


def find_alert(actor: User, key: UUID) -> Alert | None:
    return Alert.objects.visible_to(actor).select_related("site", "acknowledged_by").filter(pk=key).first()


def alert_view(alert: Alert) -> AlertView:
    """For somebody who may see it. Who was told is named with the state and the time of their message."""
    events = list(AlertEvent.objects.filter(alert=alert).select_related("actor").order_by("at", "pk"))
    told: dict[UUID, list[NotificationItem]] = defaultdict(list)
    items = NotificationItem.objects.filter(event__in=events).select_related("recipient", "notification")
    for item in items.order_by("created_at"):
        told[item.event_id].append(item)
    return AlertView(
        alert, subject_pages([alert]).get(alert.pk), tuple(EventRow(each, tuple(told[each.pk])) for each in events)
    )


def classes_to_choose() -> list[tuple[str, str]]:
    return list(EquipmentClass.objects.order_by("name", "code").values_list("code", "name"))


def people_to_choose(actor: User) -> list[tuple[str, str]]:
    """(key, name) of whoever is concerned by an alert that the actor sees. Who sees everything asks it of each person,
    because the first message that an index finds is enough; else the messages of the sites are gone through once.
    """
    sight = sight_of(actor)
    alerts = Alert.objects.within(sight).order_by()
    told = NotificationItem.objects.filter(dropped_because="")
    were_told = (
        Q(Exists(told.filter(recipient=OuterRef("pk"))))
        if sight.whole
        else Q(pk__in=told.filter(event__alert__in=alerts).values("recipient"))
    )
    people = User.objects.filter(
        were_told | Exists(alerts.filter(owner=OuterRef("pk"))) | Exists(alerts.filter(acknowledged_by=OuterRef("pk")))
    )
    return [(str(key), name) for key, name in people.order_by("name", "pk").values_list("pk", "name")]


def sites_to_choose(actor: User) -> list[tuple[str, str]]:
    return list(Site.objects.visible_to(actor).order_by("code").values_list("code", "name"))
