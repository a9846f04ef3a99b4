import pytest
from django.test import Client
from pytest_django import Settings

from sites.accounts.models import User
from tests.factories.accounts import UserFactory
from tests.factories.sites import MembershipFactory

pytestmark = pytest.mark.django_db


def test_a_person_logs_in_and_goes_on_in_their_language(client: Client) -> None:
    UserFactory.create(username="sayuri", japanese=True, password="a long password")

    answer = client.post("/account/login/", {"login": "sayuri", "password": "a long password"})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.cookies["longlead_language"].value == "ja"


def test_a_wrong_password_is_told_and_the_name_kept(client: Client) -> None:
    UserFactory.create(username="sayuri", password="a long password")

    html = client.post("/account/login/", {"login": "sayuri", "password": "wrong"}).content.decode()

    assert 'value="sayuri"' in html
    assert "ll-error" in html or "ll-bad" in html


def test_nobody_signs_up(client: Client) -> None:
    form = {
        "username": "new",
        "email": "new@people.example",
        "password1": "a long password",
        "password2": "a long password",
    }

    client.post("/account/signup/", form)

    assert User.objects.filter(username="new").exists() is False


def test_the_demo_names_its_accounts_and_nothing_else_does(client: Client, settings: Settings) -> None:
    outside = client.get("/account/login/").content.decode()
    settings.DEMO = True

    inside = client.get("/account/login/").content.decode()

    assert [html.count("data-demo-account=") for html in (outside, inside)] == [0, 6]


def test_a_language_is_remembered_in_the_browser_and_for_mails(client: Client) -> None:
    person = MembershipFactory.create().person
    client.force_login(person)

    answer = client.post("/language/", {"language": "ja", "next": "/log/"})

    person.refresh_from_db()
    assert (answer.headers["Location"], client.cookies["longlead_language"].value, person.language) == (
        "/log/", "ja", "ja",
    )  # fmt: skip


@pytest.mark.parametrize(("target", "language"), [("https://elsewhere.example/", "ja"), ("//elsewhere.example", "xx")])
def test_the_language_form_leads_nowhere_else(client: Client, target: str, language: str) -> None:
    answer = client.post("/language/", {"language": language, "next": target})

    assert answer.headers["Location"] == "/"


def test_logging_out_takes_a_form(client: Client) -> None:
    client.force_login(UserFactory.create())

    asked = client.get("/account/logout/").status_code
    client.post("/account/logout/")

    assert (asked, client.get("/").status_code) == (200, 302)
