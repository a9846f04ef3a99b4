import pytest
from django.test import Client
from pytest_django import Settings

from sites.accounts.permissions import Role
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import Place, browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailbox(settings: Settings) -> None:
    settings.MAIL_TO_MAILBOX = True


def test_there_is_no_mailbox_where_mails_are_sent(browser: Client, sydney: Place) -> None:
    pages = ["/mailbox/", f"/mailbox/{sydney.mail.pk}/", f"/mailbox/{sydney.mail.pk}/html/"]

    assert [browser.get(page).status_code for page in pages] == [404, 404, 404]


@pytest.mark.usefixtures("mailbox")
def test_everybody_reads_only_their_own_mails(browser: Client, sydney: Place, tokyo: Place) -> None:
    listed = browser.get("/mailbox/").context["mails"]

    assert [mail.pk for mail in listed] == [sydney.mail.pk]
    assert browser.get(f"/mailbox/{tokyo.mail.pk}/").status_code == 404
    assert browser.get(f"/mailbox/{tokyo.mail.pk}/html/").status_code == 404


@pytest.mark.usefixtures("mailbox")
def test_an_administrator_reads_all(sydney: Place, tokyo: Place) -> None:
    admin = browser_of(MembershipFactory.create(role=Role.ADMINISTRATOR).person)

    assert {mail.pk for mail in admin.get("/mailbox/").context["mails"]} == {sydney.mail.pk, tokyo.mail.pk}


@pytest.mark.usefixtures("mailbox")
def test_the_html_part_runs_nothing_and_is_framed_only_by_us(browser: Client, sydney: Place) -> None:
    answer = browser.get(f"/mailbox/{sydney.mail.pk}/html/")

    policy = set(answer.headers["Content-Security-Policy"].split("; "))
    assert {"default-src 'none'", "style-src 'unsafe-inline'", "frame-ancestors 'self'"} <= policy
    assert [part for part in policy if part.startswith(("script-src", "sandbox"))] == [
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    ]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.usefixtures("mailbox")
def test_the_page_of_a_mail_shows_its_text_and_frames_its_html(browser: Client, sydney: Place) -> None:
    html = browser.get(f"/mailbox/{sydney.mail.pk}/").content.decode()

    assert f'src="/mailbox/{sydney.mail.pk}/html/" sandbox="' in html
    assert "<script>alert" not in html
