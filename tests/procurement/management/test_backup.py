"""A copy brings everything back, and no mail goes out twice for it."""

import io
import json
from datetime import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from procurement.gateways.mail import Postbag
from procurement.models import Alert, Notification, NotificationItem
from procurement.services import deliveries, notifications
from procurement.vocabulary import Channel, NotificationState
from sites.accounts.permissions import Role
from tests.factories.accounts import UserFactory
from tests.factories.procurement import SubscriptionFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.stage import assigned, holder, late, look, move

pytestmark = pytest.mark.django_db(transaction=True)


def said(command: str, *arguments: str) -> dict[str, int]:
    out = io.StringIO()
    call_command(command, *arguments, "--json", stdout=out)
    found: dict[str, int] = json.loads(out.getvalue())
    return found


def round_of(postbag: Postbag) -> None:
    notifications.do_round(courier=postbag, now_fn=timezone.now, component="sender")


def test_a_restored_database_is_whole_and_sends_nothing_twice(tmp_path: Path, settings: object) -> None:
    settings.HOLD_SECONDS = 0  # type: ignore[attr-defined]
    unit, other = late(days=12, tag="CH-01"), None
    buyer = assigned(unit.site)
    administrator = UserFactory.create()
    MembershipFactory.create(person=administrator, role=Role.ADMINISTRATOR)
    today = timezone.now().date()
    look(unit.site, now=timezone.now(), as_of=today)
    notifications.release_due(now=timezone.now())
    before = sorted(Notification.objects.values_list("message_id", "state"))
    assert [state for _key, state in before] == [NotificationState.DUE]

    said("backup", str(tmp_path / "copy"))
    first = Postbag()
    round_of(first)
    other = late(unit.site, days=40, tag="CH-02")
    look(unit.site, now=timezone.now(), as_of=today, cause="letter-2")
    round_of(first)
    assert len(first.messages) == 2

    assert said("restore", str(tmp_path / "copy"), "--replace") == {"set_aside": 1, "people_told": 1}
    call_command("check_invariants")
    again = Postbag()
    round_of(again)
    round_of(again)

    assert again.messages == []
    assert Alert.objects.count() == 1
    assert not type(other.requirement).objects.filter(tag="CH-02").exists()
    row = Notification.objects.get(channel=Channel.EMAIL)
    assert (row.state, row.last_code, row.message_id) == (NotificationState.DEAD, "restored", before[0][0])
    assert Notification.objects.get(channel=Channel.PORTAL).recipient == buyer

    deliveries.retry(message_id=row.pk, actor=administrator, now=timezone.now())
    round_of(again)
    assert again.messages == first.messages[:1]

    move(unit, 60)
    look(unit.site, now=timezone.now(), as_of=today, cause="letter-3")
    round_of(again)
    assert len(again.messages) == 2


def test_what_may_have_been_told_this_morning_is_not_told_again(tmp_path: Path, settings: object) -> None:
    settings.HOLD_SECONDS = 0  # type: ignore[attr-defined]
    unit = late(days=-3)  # too little float, which can wait for the digest
    expediter = assigned(unit.site, Role.EXPEDITER)
    noon = f"Etc/GMT{timezone.now().hour - 12:+d}"  # where it is about that hour just now
    reader = holder(unit.site, Role.VIEWER, time_zone=noon, digest_at=time(8))
    SubscriptionFactory.create(person=reader)
    said("backup", str(tmp_path / "copy"))
    first, again = Postbag(), Postbag()
    round_of(first)
    assert [message.to_address for message in first.messages] == [reader.email]

    said("restore", str(tmp_path / "copy"), "--replace")
    round_of(again)

    assert again.messages == []
    aside = Notification.objects.filter(state=NotificationState.DEAD, last_code="restored")
    assert set(aside.values_list("recipient", flat=True)) == {reader.pk, expediter.pk}
    assert not NotificationItem.objects.filter(notification__state=NotificationState.HELD).exists()


def test_a_filled_database_is_replaced_only_when_asked(tmp_path: Path) -> None:
    said("backup", str(tmp_path / "copy"))

    with pytest.raises(CommandError, match="not empty"):
        call_command("restore", str(tmp_path / "copy"))


def test_a_backup_overwrites_nothing_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "copy"
    place.write_bytes(b"PGDMP but not really")
    people = UserFactory.create()

    with pytest.raises(CommandError, match="exists"):
        call_command("backup", str(place))
    with pytest.raises(CommandError, match="pg_restore"):
        call_command("restore", str(place), "--replace")

    assert type(people).objects.filter(pk=people.pk).exists()
    assert not connection.in_atomic_block
