"""Comments that name people, files, and the history of a thing: read and written by whoever may see it."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from procurement.gateways.mail import Postbag
from procurement.models import Attachment, Comment, Notification, Watch
from procurement.services.folding import MAILS_AN_HOUR
from procurement.services.mail_calendar import local_now
from procurement.services.notifications import send_due
from procurement.vocabulary import MessageKind, NotificationState, WatchKind, WatchSubject
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.models import Milestone
from tests.factories.accounts import UserFactory
from tests.factories.procurement import CompanyFactory, NotificationFactory, PlantFactory, WatchFactory
from tests.factories.sites import MembershipFactory, PersonCalendarFactory
from tests.procurement.portal.conftest import TODAY, Place, browser_of

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7 a letter"


def notes_of(place: Place) -> str:
    return f"/notes/line/{place.line_key}/"


def colleague_of(place: Place, username: str) -> User:
    person = UserFactory.create(username=username, name=username.title())
    MembershipFactory.create(person=person, role=Role.VIEWER, site=place.site)
    return person


def test_who_is_named_gets_a_mail_at_once_and_the_author_none(browser: Client, sydney: Place, expediter: User) -> None:
    olga = colleague_of(sydney, "olga")

    answer = browser.post(f"{notes_of(sydney)}say/", {"text": "@olga, ask <b>them</b> again. Mail: x@olga.example"})

    assert (answer.status_code, answer["Location"]) == (302, f"{notes_of(sydney)}#comments")
    assert Comment.objects.get().mentioned == [olga.pk]
    mail = Notification.objects.get(reason="mentioned")
    assert (mail.recipient, mail.state) == (olga, NotificationState.DUE)
    assert "&lt;b&gt;them&lt;/b&gt;" in mail.body_html
    assert "<b>them" not in mail.body_html
    assert "&lt;b&gt;them" in browser.get(notes_of(sydney)).content.decode()


def test_a_second_mention_is_one_thread(browser: Client, sydney: Place) -> None:
    colleague_of(sydney, "olga")
    for text in ("@olga first", "@olga second"):
        browser.post(f"{notes_of(sydney)}say/", {"text": text})

    first, second = Notification.objects.filter(reason="mentioned").order_by("pk")
    assert second.headers["In-Reply-To"] == first.message_id


@pytest.mark.parametrize("name", ["nobody", "tokyo"])
def test_naming_somebody_who_may_not_see_it_is_refused_and_what_was_typed_stays(
    name: str, browser: Client, sydney: Place, tokyo: Place
) -> None:
    colleague_of(tokyo, "tokyo")

    answer = browser.post(f"{notes_of(sydney)}say/", {"text": f"Look, @{name}!"})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert f"Nobody called @{name} may see this" in html
    assert f"Look, @{name}!</textarea>" in html
    assert not Comment.objects.exists()


def test_watchers_of_the_order_are_told_and_those_without_the_right_are_not(
    browser: Client, sydney: Place, tokyo: Place
) -> None:
    order = sydney.lot.schedule_line.line.order_id
    watcher, other = colleague_of(sydney, "watcher"), colleague_of(tokyo, "other")
    for person in (watcher, other):
        Watch.objects.create(person=person, kind=WatchKind.WATCH, subject_kind=WatchSubject.ORDER, subject_id=order)

    browser.post(f"{notes_of(sydney)}say/", {"text": "Shipped"})

    assert [row.recipient for row in Notification.objects.filter(reason="watcher")] == [watcher]


@pytest.mark.parametrize(("days", "told"), [(None, 0), (0, 0), (-1, 1)])
def test_a_mute_of_the_line_holds_until_its_last_day(
    days: int | None, told: int, browser: Client, sydney: Place
) -> None:
    line = sydney.lot.schedule_line.line
    watcher = colleague_of(sydney, "watcher")
    until_on = None if days is None else local_now(watcher, timezone.now()).date() + timedelta(days=days)
    WatchFactory.create(person=watcher, subject_kind=WatchSubject.ORDER, subject_id=line.order_id)
    WatchFactory.create(person=watcher, subject_id=line.pk, kind=WatchKind.MUTE, until_on=until_on)

    browser.post(f"{notes_of(sydney)}say/", {"text": "Shipped"})

    assert Notification.objects.filter(reason="watcher").count() == told


def test_a_watcher_takes_leave_with_one_click_and_who_is_named_is_spoken_to(browser: Client, sydney: Place) -> None:
    watcher, olga = colleague_of(sydney, "watcher"), colleague_of(sydney, "olga")
    order = sydney.lot.schedule_line.line.order_id
    WatchFactory.create(person=watcher, subject_kind=WatchSubject.ORDER, subject_id=order)
    browser.post(f"{notes_of(sydney)}say/", {"text": "@olga, ask them"})
    told, named = (Notification.objects.get(recipient=person) for person in (watcher, olga))

    link = told.headers["List-Unsubscribe"].strip("<>")
    left = Client().post(link.removeprefix(settings.BASE_URL), {"List-Unsubscribe": "One-Click"})
    browser.post(f"{notes_of(sydney)}say/", {"text": "Shipped"})

    assert (left.status_code, link in told.body_text) == (200, True)
    assert told.headers["Auto-Submitted"] == named.headers["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in named.headers
    assert (Notification.objects.filter(recipient=watcher).count(), Watch.objects.exists()) == (1, False)


def test_what_is_said_at_night_waits_for_the_end_of_the_quiet_hours(browser: Client, sydney: Place) -> None:
    hours = PersonCalendarFactory.create(
        person=colleague_of(sydney, "olga"), quiet_from=time(0), quiet_until=time(23, 59), urgent_passes=False
    )
    browser.post(f"{notes_of(sydney)}say/", {"text": "@olga, ask them"})

    mail = Notification.objects.get(recipient=hours.person)
    assert mail.state == NotificationState.DUE
    assert mail.next_attempt_at is not None
    assert local_now(hours.person, mail.next_attempt_at).time() == time(23, 59)


def test_what_is_said_of_one_thing_at_night_is_one_mail_in_the_morning(browser: Client, sydney: Place) -> None:
    olga = colleague_of(sydney, "olga")
    here = local_now(olga, timezone.now())
    ends = (here + timedelta(hours=2)).time()
    PersonCalendarFactory.create(person=olga, quiet_from=(here - timedelta(hours=1)).time(), quiet_until=ends)
    for text in ("@olga first", "@olga second"):
        browser.post(f"{notes_of(sydney)}say/", {"text": text})

    mail = Notification.objects.get(recipient=olga)
    assert mail.body_text.index("@olga second") < mail.body_text.index("@olga first")
    assert "@olga second" in mail.body_html


def test_more_comments_than_an_hour_bears_wait_for_the_next(browser: Client, sydney: Place) -> None:
    olga, first = colleague_of(sydney, "olga"), timezone.now() - timedelta(minutes=50)
    for number in range(MAILS_AN_HOUR):
        at = first + timedelta(minutes=number)
        NotificationFactory.create(
            recipient=olga,
            kind=MessageKind.NOTICE,
            state=NotificationState.SENT,
            released_at=at,
            sent_at=at,
            frozen=True,
        )
    browser.post(f"{notes_of(sydney)}say/", {"text": "@olga look"})

    mail = Notification.objects.get(recipient=olga, state=NotificationState.DUE)
    assert mail.next_attempt_at == first + timedelta(hours=1)


def loses_the_site(person: User) -> None:
    person.memberships.all().delete()


def takes_the_watch_back(person: User) -> None:
    Watch.objects.filter(person=person).delete()


def is_not_reached(person: User) -> None:
    User.objects.filter(pk=person.pk).update(email_refused_at=timezone.now())


@pytest.mark.parametrize("happens", [None, loses_the_site, takes_the_watch_back, is_not_reached])
def test_what_happens_before_a_comment_is_sent_counts(
    browser: Client, sydney: Place, happens: Callable[[User], None] | None
) -> None:
    olga = colleague_of(sydney, "olga")
    WatchFactory.create(person=olga, subject_kind=WatchSubject.SITE, subject_id=sydney.site.pk)
    browser.post(f"/notes/site/{sydney.site.pk}/say/", {"text": "The roof is late"})
    if happens:
        happens(olga)

    postbag = Postbag()
    send_due(courier=postbag, now_fn=timezone.now)

    assert len(postbag.messages) == (0 if happens else 1)
    state = NotificationState.CANCELLED if happens else NotificationState.SENT
    assert Notification.objects.get(recipient=olga).state == state


def test_a_file_is_kept_and_served_to_be_saved_only(browser: Client, sydney: Place) -> None:
    sent = SimpleUploadedFile("../../Brief 手紙.pdf", PDF, content_type="text/html")

    answer = browser.post(f"{notes_of(sydney)}attach/", {"file": sent, "note": "Their letter"})

    assert answer.status_code == 302
    row = Attachment.objects.get()
    assert (row.name, row.content_type, row.size_bytes) == ("Brief 手紙.pdf", "application/pdf", len(PDF))
    served = browser.get(f"/files/{row.pk}/")
    assert served.content == PDF
    assert served["Content-Type"] == "application/pdf"
    assert served["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert (served["X-Content-Type-Options"], "sandbox" in served["Content-Security-Policy"]) == ("nosniff", True)


def test_a_file_that_is_not_what_it_is_called_is_refused_at_its_field(browser: Client, sydney: Place) -> None:
    sent = SimpleUploadedFile("letter.pdf", b"<script>alert(1)</script>")

    answer = browser.post(f"{notes_of(sydney)}attach/", {"file": sent, "note": "Kept <note>"})

    assert answer.status_code == 422
    assert "Taken are PDF" in answer.content.decode()
    assert "Kept &lt;note&gt;" in answer.content.decode()
    assert not Attachment.objects.exists()


def test_only_who_added_a_file_takes_it_away(browser: Client, sydney: Place) -> None:
    browser.post(f"{notes_of(sydney)}attach/", {"file": SimpleUploadedFile("a.pdf", PDF)})
    row = Attachment.objects.get()

    browser_of(colleague_of(sydney, "olga")).post(f"/files/{row.pk}/remove/")
    assert Attachment.objects.get().removed_at is None
    browser.post(f"/files/{row.pk}/remove/")

    assert Attachment.objects.get().removed_at is not None
    assert browser.get(f"/files/{row.pk}/").status_code == 404


def test_an_administrator_finds_the_button_that_removes_it(browser: Client, sydney: Place, administrator: User) -> None:
    browser.post(f"{notes_of(sydney)}attach/", {"file": SimpleUploadedFile("a.txt", b"Letter"), "note": ""})
    row = Attachment.objects.get()

    seen = [f"/files/{row.pk}/remove/" in browser_of(person).get(notes_of(sydney)).content.decode()
            for person in (administrator, colleague_of(sydney, "viewer"))]  # fmt: skip

    assert seen == [True, False]


def test_nobody_reads_or_writes_about_what_they_may_not_see(browser: Client, sydney: Place, tokyo: Place) -> None:
    stranger = browser_of(colleague_of(tokyo, "stranger"))
    browser.post(f"{notes_of(sydney)}attach/", {"file": SimpleUploadedFile("a.pdf", PDF)})
    row = Attachment.objects.get()
    order = sydney.lot.schedule_line.line.order_id
    plant = PlantFactory.create()

    closed = [
        stranger.get(notes_of(sydney)),
        stranger.get(f"/notes/order/{order}/"),
        stranger.get(f"/notes/requirement/{sydney.requirement.pk}/"),
        stranger.get(f"/notes/site/{sydney.site.pk}/"),
        stranger.get(f"/notes/block/{sydney.block.pk}/"),
        stranger.get(f"/notes/company/{CompanyFactory.create().pk}/"),
        stranger.get(f"/notes/nonsense/{order}/"),
        stranger.get(f"/plants/{plant.pk}/"),
        stranger.get(f"/files/{row.pk}/"),
        stranger.post(f"{notes_of(sydney)}say/", {"text": "x"}),
        stranger.post(f"/files/{row.pk}/remove/"),
    ]

    assert [answer.status_code for answer in closed] == [404] * len(closed)


def test_the_history_says_who_changed_what_from_what_and_why(browser: Client, sydney: Place) -> None:
    buyer = UserFactory.create(name="Bea Buyer")
    MembershipFactory.create(person=buyer, role=Role.BUYER, site=sydney.site)
    browser_of(buyer).post(
        f"/requirements/{sydney.unordered.pk}/required/",
        {"required_on": "2028-02-29", "why": "Confirmed by telephone"},
    )

    html = browser.get(f"/notes/requirement/{sydney.unordered.pk}/").content.decode()

    assert "Bea Buyer" in html
    assert "Confirmed by telephone" in html
    assert "<strong>29 Feb 2028</strong>" in html


def test_the_history_tells_instants_in_the_reader_s_zone_and_language(browser: Client, sydney: Place) -> None:
    Milestone.objects.filter(chain=sydney.lot.chain, code="FAT_PASS").update(
        locked_on=TODAY, locked_at=datetime(2026, 11, 20, 20, 30, tzinfo=UTC), applicable=True
    )

    html = browser.get(f"/notes/line/{sydney.line_key}/", headers={"accept-language": "ja"}).content.decode()

    assert "<strong>2026年11月20日</strong>" in html
    assert "<strong>2026年11月21日 07:30</strong>" in html


def test_prices_show_in_the_history_only_with_the_right_to_them(browser: Client, sydney: Place) -> None:
    line = sydney.lot.schedule_line.line
    line.unit_price, line.description = "123456.78", "Chiller, quiet"
    line.order.currency = "EUR"
    line.order.save()
    line.save()

    seen = browser.get(f"/notes/order/{line.order_id}/").content.decode()
    hidden = browser_of(colleague_of(sydney, "viewer")).get(f"/notes/order/{line.order_id}/").content.decode()

    assert "123456.78" in seen
    assert ("123456.78" in hidden, "Chiller, quiet" in hidden) == (False, True)


def test_a_plant_says_when_it_is_closed_whom_to_call_and_what_it_makes(browser: Client, sydney: Place) -> None:
    line = sydney.lot.schedule_line.line
    line.plant = PlantFactory.create(name="Works of the north")
    line.save()

    html = browser.get(f"/plants/{line.plant.pk}/").content.decode()

    assert "Works of the north" in html
    assert f"/lines/{sydney.line_key}/" in html
    assert browser.get(f"/notes/plant/{line.plant.pk}/").status_code == 200


def test_a_grid_connection_has_comments_and_the_history_of_its_steps(browser: Client, sydney: Place) -> None:
    page = f"/notes/grid_connection/{sydney.connection.pk}/"
    sydney.connection.utility = "Poles & Wires"
    sydney.connection.save()

    assert page in browser.get(f"/power/grid/{sydney.connection.pk}/").content.decode()
    assert browser.post(f"{page}say/", {"text": "Asked again"}).status_code == 302
    html = browser.get(page).content.decode()
    assert ("Asked again" in html, "Poles &amp; Wires" in html, sydney.connection.name in html) == (True, True, True)


@pytest.mark.parametrize("comments", [1, 3])
def test_it_takes_as_many_queries_for_three_comments_as_for_one(
    comments: int, browser: Client, sydney: Place, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for place in range(comments):
        browser.post(f"{notes_of(sydney)}say/", {"text": f"Comment {place}"})
    browser.get(notes_of(sydney))

    with django_assert_num_queries(32):
        browser.get(notes_of(sydney))
