"""The pages where somebody says what they want to be told, and where undelivered messages are tried again."""

import pytest

from procurement.models import Notification
from procurement.vocabulary import NotificationState
from sites.accounts.permissions import Role
from tests.factories.accounts import UserFactory
from tests.factories.procurement import NotificationFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import browser_of
from tests.procurement.stage import holder

pytestmark = pytest.mark.django_db


def test_everybody_has_a_page_of_preferences() -> None:
    assert browser_of(MembershipFactory.create().person).get("/preferences/").status_code == 200


def test_an_administrator_sees_and_retries_a_dead_message_of_their_site() -> None:
    dead = NotificationFactory.create(frozen=True, state=NotificationState.DEAD, next_attempt_at=None, last_code="554")
    assert dead.site is not None
    browser = browser_of(holder(dead.site, Role.ADMINISTRATOR))

    page = browser.get("/messages/undelivered/")
    answer = browser.post(f"/messages/{dead.pk}/retry/")

    assert (page.status_code, dead.subject in page.content.decode(), answer.status_code) == (200, True, 302)
    row = Notification.objects.get(pk=dead.pk)
    assert (row.state, row.message_id) == (NotificationState.DUE, dead.message_id)


def test_nobody_else_retries_it() -> None:
    dead = NotificationFactory.create(frozen=True, state=NotificationState.DEAD, next_attempt_at=None)
    outsider = UserFactory.create()

    assert browser_of(outsider).post(f"/messages/{dead.pk}/retry/").status_code == 404
    assert Notification.objects.get(pk=dead.pk).state == NotificationState.DEAD
