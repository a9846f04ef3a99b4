"""Who follows a line, an order or a site hears of it too; who muted it hears only what is their duty, next morning."""

from datetime import timedelta

import pytest

from procurement.models import NotificationItem
from procurement.vocabulary import Lane, WatchKind, WatchSubject
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.accounts import UserFactory
from tests.factories.procurement import WatchFactory
from tests.procurement.stage import TODAY, Late, assigned, holder, late, look

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit() -> Late:
    return late(days=12)


def subject(unit: Late, kind: WatchSubject) -> object:
    line = unit.lot.schedule_line.line
    return {
        WatchSubject.SITE: unit.site.pk, WatchSubject.ORDER: line.order.pk, WatchSubject.ORDER_LINE: line.pk,
        WatchSubject.REQUIREMENT: unit.requirement.pk, WatchSubject.COMPANY: line.order.seller.pk,
        WatchSubject.PLANT: line.plant_id, WatchSubject.EQUIPMENT_CLASS: line.equipment_class.pk,
    }[kind]  # fmt: skip


def told() -> dict[User, tuple[str, str]]:
    rows = NotificationItem.objects.select_related("recipient", "notification")
    return {row.recipient: (row.reason, row.notification.lane) for row in rows}


@pytest.mark.parametrize("kind", [kind for kind in WatchSubject if kind != WatchSubject.ALERT])
def test_a_watcher_is_told_besides_the_owner(unit: Late, kind: WatchSubject) -> None:
    buyer, watcher = assigned(unit.site), holder(unit.site, Role.VIEWER)
    WatchFactory.create(person=watcher, subject_kind=kind, subject_id=subject(unit, kind))
    look(unit.site)

    assert told() == {buyer: ("owner", Lane.URGENT), watcher: ("watcher", Lane.URGENT)}


def test_a_watch_ends_and_gives_no_right(unit: Late) -> None:
    buyer = assigned(unit.site)
    former = holder(unit.site, Role.VIEWER)
    line = subject(unit, WatchSubject.ORDER_LINE)
    WatchFactory.create(person=former, subject_id=line, until_on=TODAY - timedelta(days=2))
    WatchFactory.create(person=UserFactory.create(), subject_id=line)
    look(unit.site)

    assert set(told()) == {buyer}


def test_a_mute_puts_a_duty_into_the_digest_and_silences_a_watch(unit: Late) -> None:
    buyer, watcher = assigned(unit.site), holder(unit.site, Role.VIEWER)
    line = subject(unit, WatchSubject.ORDER_LINE)
    WatchFactory.create(person=watcher, subject_id=line)
    for person in (buyer, watcher):
        WatchFactory.create(person=person, kind=WatchKind.MUTE, subject_kind=WatchSubject.SITE, subject_id=unit.site.pk)
    look(unit.site)

    assert told() == {buyer: ("owner", Lane.DIGEST)}
