"""The log's columns, saved views and comparison with a past day, as its address asks for them."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from procurement.domain.revision import DateRevision
from procurement.models import LotForecast, SavedView
from procurement.queries import log_changes
from procurement.services import dates, forecasts
from procurement.vocabulary import RevisionKind, RunCause
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.accounts.row import new_id
from sites.domain.imprecise import read_as_said
from sites.vocabulary import PromiseSource
from tests.factories.procurement import DeliveryLotFactory, SavedViewFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import NOW, TODAY, Place, browser_of

pytestmark = pytest.mark.django_db

LATER = datetime(2099, 1, 10, 3, tzinfo=UTC)  # a Saturday


def html_of(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def heads(html: str) -> list[str]:
    head = html.split("<thead>")[-1].split("</thead>")[0]
    return [part.split("</a>")[0].split("<svg")[0].split(">")[-1] for part in head.split("<th ")[1:]]


def test_columns_stand_as_the_address_orders_them(browser: Client, sydney: Place) -> None:
    html = html_of(browser, "/log/?columns=forecast,float&columns=vendor&columns=nonsense&density=dense")

    assert heads(html) == ["Site", "Order / line", "Forecast", "Float, days", "Vendor"]
    assert "ll-dense" in html


def test_every_text_of_a_row_is_escaped(browser: Client, sydney: Place) -> None:
    line = sydney.lot.schedule_line.line
    line.description = "<script>alert(1)</script>"
    line.save()

    html = html_of(browser, "/log/?view=")

    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html


def test_a_view_is_saved_with_all_its_address_says_but_the_page(browser: Client, sydney: Place) -> None:
    answer = browser.post(
        "/views/save/", {"name": "Late in Sydney", "query": "site=SYD1&late=1&columns=float&page=3&q=", "shared": "on"}
    )

    view = SavedView.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, "/log/?view=late-in-sydney")
    assert (view.query, view.shared, view.listing) == ("site=SYD1&late=1&columns=float", True, "log")
    assert heads(html_of(browser, answer["Location"])) == ["Site", "Order / line", "Float, days"]


def test_what_the_address_says_itself_goes_before_the_view(browser: Client, sydney: Place) -> None:
    SavedViewFactory.create(slug="all", shared=True, query="columns=float&shown=all")

    html = html_of(browser, "/log/?view=all&columns=vendor")

    assert heads(html) == ["Site", "Order / line", "Vendor"]
    assert "shown=all" in html


def test_a_shared_view_shows_each_reader_their_own_sites(browser: Client, sydney: Place, tokyo: Place) -> None:
    SavedViewFactory.create(slug="all", shared=True, query="shown=all")
    other = MembershipFactory.create(role=Role.VIEWER, site=tokyo.site).person

    mine, theirs = html_of(browser, "/log/?view=all"), html_of(browser_of(other), "/log/?view=all")

    assert (str(sydney.line_key) in mine, str(tokyo.line_key) in mine) == (True, False)
    assert (str(sydney.line_key) in theirs, str(tokyo.line_key) in theirs) == (False, True)


def test_a_view_of_somebody_s_own_says_nothing_to_others(browser: Client, sydney: Place) -> None:
    SavedViewFactory.create(slug="mine", query="columns=float", name="Only mine")

    html = html_of(browser, "/log/?view=mine")

    assert len(heads(html)) > 3
    assert "Only mine" not in html


def test_a_role_begins_with_its_view_and_can_leave_it(browser: Client, sydney: Place) -> None:
    SavedViewFactory.create(slug="chase", shared=True, default_for=Role.EXPEDITER, query="columns=promise")

    assert heads(html_of(browser, "/log/")) == ["Site", "Order / line", "Promise"]
    assert len(heads(html_of(browser, "/log/?view="))) > 3


def test_only_an_administrator_chooses_what_a_role_begins_with(browser: Client, sydney: Place) -> None:
    admin = MembershipFactory.create(role=Role.ADMINISTRATOR).person
    said = {"name": "Start", "query": "late=1", "default_for": "viewer"}

    browser.post("/views/save/", said)
    browser_of(admin).post("/views/save/", said)

    assert sorted(SavedView.objects.values_list("default_for", "shared")) == [("", False), ("viewer", True)]


def test_a_name_is_asked_for_and_what_was_typed_is_kept(browser: Client, sydney: Place) -> None:
    answer = browser.post("/views/save/", {"name": "  ", "query": "site=SYD1"})

    assert answer.status_code == 422
    assert 'value="site=SYD1"' in answer.content.decode()


def test_a_view_is_removed_by_its_owner_alone(browser: Client, sydney: Place, expediter: User) -> None:
    mine, other = SavedViewFactory.create(owner=expediter), SavedViewFactory.create(shared=True)

    answers = [browser.post(f"/views/{view.pk}/remove/").status_code for view in (mine, other)]

    assert (answers, list(SavedView.objects.all())) == ([302, 404], [other])


def test_a_removed_view_is_put_back_at_its_address_by_its_owner_alone(
    browser: Client, sydney: Place, expediter: User
) -> None:
    view = SavedViewFactory.create(owner=expediter, name="Late <b>", slug="late", query="late=1", shared=True)
    browser.post(f"/views/{view.pk}/remove/")
    stranger = browser_of(MembershipFactory.create(role=Role.ADMINISTRATOR).person)

    assert "Late &lt;b&gt;" in browser.get("/views/").content.decode().split('id="removed"')[1]
    assert 'id="removed"' not in stranger.get("/views/").content.decode()
    answers = [each.post(f"/views/{view.pk}/put-back/").status_code for each in (stranger, browser, browser)]

    assert answers == [404, 302, 404]
    kept = SavedView.objects.values_list("pk", "owner", "name", "slug", "query", "shared")
    assert list(kept) == [(view.pk, expediter.pk, "Late <b>", "late", "late=1", True)]
    assert 'id="removed"' not in browser.get("/views/").content.decode()


def test_a_removed_view_stays_away_while_another_has_its_name(browser: Client, sydney: Place, expediter: User) -> None:
    view = SavedViewFactory.create(owner=expediter, name="Late")
    browser.post(f"/views/{view.pk}/remove/")
    SavedViewFactory.create(owner=expediter, name="Late")

    answer = browser.post(f"/views/{view.pk}/put-back/", follow=True)

    assert "Another view of yours has this name now." in answer.content.decode()
    assert SavedView.objects.count() == 1


def test_a_list_of_a_view_leaves_as_a_workbook(browser: Client, sydney: Place) -> None:
    SavedViewFactory.create(slug="none", shared=True, query="q=nowhere")

    whole, none = (len(browser.get(f"/exports/promises.xlsx?view={name}").content) for name in ("", "none"))

    assert none < whole


# -- changed since ---------------------------------------------------------------------------------------------------


def say(place: Place, actor: User, kind: RevisionKind, milestone: str, said: str) -> None:
    line = place.lot.schedule_line
    dates.record(
        order_id=line.line.order_id,
        revisions=[
            DateRevision(
                kind=kind,
                line_number=line.line.number,
                milestone=milestone,
                said=read_as_said(said, as_of=LATER.date()),
            )
        ],
        stated_on=LATER.date(),
        source=PromiseSource.EMAIL,
        document="Mail",
        actor=actor,
        now=LATER,
    )


@pytest.fixture
def years_later(sydney: Place) -> Any:
    """History is stamped by the clock of the database, which nothing here can turn: so all of it is long past."""
    with time_machine.travel(LATER, tick=False):
        yield


@pytest.mark.usefixtures("years_later")
def test_the_old_value_stands_struck_out_in_the_cell(browser: Client, sydney: Place, expediter: User) -> None:
    say(sydney, expediter, RevisionKind.PROMISE, "FAT_PASS", "2099-12-01")

    html = html_of(browser, "/log/?since=2099-01-05&columns=forecast")

    assert re.search('<del class="ll-was"><span class="visually-hidden">Was </span>31 Aug [^<]*</del>', html)


@pytest.mark.usefixtures("years_later")
def test_changed_only_leaves_out_what_stayed(browser: Client, sydney: Place, expediter: User) -> None:
    same = DeliveryLotFactory.create(site=sydney.site).schedule_line
    say(sydney, expediter, RevisionKind.PROMISE, "FAT_PASS", "2099-12-01")

    html = html_of(browser, "/log/?since_on=2099-01-05&changed=1")

    assert (str(sydney.line_key) in html, str(same.pk) in html) == (True, False)


@pytest.mark.usefixtures("years_later")
def test_an_answer_kept_anew_that_shows_the_same_is_no_change(browser: Client, sydney: Place, expediter: User) -> None:
    same = DeliveryLotFactory.create(site=sydney.site)
    forecasts.recalculate(site_id=sydney.site.pk, as_of=TODAY, now=NOW, cause=RunCause.LOAD, evaluate=False)
    say(sydney, expediter, RevisionKind.PROMISE, "FAT_PASS", "2099-12-01")
    answer = LotForecast.objects.get(lot=same, current=True)
    LotForecast.objects.filter(pk=answer.pk).update(current=False, as_of=TODAY)
    answer.pk, answer._state.adding, answer.as_of = new_id(), True, LATER.date()
    answer.run_id = LotForecast.objects.get(lot=sydney.lot, current=True).run_id
    answer.save(force_insert=True)

    html = html_of(browser, "/log/?since_on=2099-01-05&changed=1")

    assert (str(sydney.line_key) in html, str(same.schedule_line_id) in html) == (True, False)


@pytest.mark.usefixtures("years_later")
def test_a_line_that_is_on_site_now_went_from_those_to_come(browser: Client, sydney: Place, expediter: User) -> None:
    say(sydney, expediter, RevisionKind.ACTUAL, "ON_SITE", "2099-01-08")

    to_come, delivered = (html_of(browser, f"/log/?since=2099-01-05&shown={each}") for each in ("open", "delivered"))

    assert "1 line that went from this list" in to_come
    assert "1 line came into this list, 0 went." in delivered


@pytest.mark.usefixtures("years_later")
def test_a_list_is_compared_however_many_lines_changed_that_are_not_in_it(
    browser: Client, sydney: Place, expediter: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_changes, "MOST", 1)
    for _ in range(2):
        lot = DeliveryLotFactory.create(site=sydney.site)
    forecasts.recalculate(site_id=sydney.site.pk, as_of=LATER.date(), now=LATER, cause=RunCause.LOAD, evaluate=False)
    say(sydney, expediter, RevisionKind.ACTUAL, "ON_SITE", "2099-01-08")
    vendor = sydney.lot.schedule_line.line.order.seller.code

    every, its_own = (html_of(browser, f"/log/?since=2099-01-05{more}") for more in ("", f"&vendor={vendor}"))

    assert lot.schedule_line.line.order.seller.code != vendor
    assert "Too many lines changed to list which came and went" in every
    assert "1 line that went from this list" in its_own


@pytest.mark.usefixtures("years_later")
@pytest.mark.parametrize(
    ("said", "day"), [("yesterday", "9 Jan 2099"), ("monday", "5 Jan 2099"), ("week", "3 Jan 2099")]
)
def test_the_day_is_said_in_words(browser: Client, sydney: Place, said: str, day: str) -> None:
    assert f"Compared with the end of {day}" in html_of(browser, f"/log/?since={said}")


def test_what_a_page_asks_does_not_grow_with_its_rows(
    browser: Client, sydney: Place, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def ask() -> None:
        html_of(browser, "/log/?since=2000-01-01&columns=forecast")

    with django_assert_num_queries(15) as few:
        ask()
    for _more in range(3):
        DeliveryLotFactory.create(site=sydney.site)
    with django_assert_num_queries(len(few)):
        ask()


# -- the way on from a line ------------------------------------------------------------------------------------------


def test_a_line_knows_its_neighbours_in_the_list(browser: Client, sydney: Place) -> None:
    for number in ("1000", "9999"):
        DeliveryLotFactory.create(site=sydney.site, schedule_line__line__order__number=number)

    html = html_of(browser, f"/lines/{sydney.line_key}/?in=sort%3Dline%26shown%3Dall")

    assert "of 3" in html
    assert "Back to the list" in html


def test_the_preview_is_a_part_of_a_page(browser: Client, sydney: Place) -> None:
    address = f"/lines/{sydney.line_key}/preview/?in=late%3D1"

    part, whole = browser.get(address, headers={"HX-Request": "true"}), browser.get(address)

    assert (part.status_code, "<html" in part.content.decode()) == (200, False)
    assert (whole.status_code, whole["Location"]) == (302, f"/lines/{sydney.line_key}/?in=late%3D1")


def test_a_preview_of_another_site_is_not_found(browser: Client, sydney: Place, tokyo: Place) -> None:
    assert browser.get(f"/lines/{tokyo.line_key}/preview/", headers={"HX-Request": "true"}).status_code == 404


@pytest.mark.parametrize("day", ["2999-01-01", "2026-11-31", "tomorrow"])
def test_what_is_no_past_day_is_said_and_today_is_shown(browser: Client, sydney: Place, day: str) -> None:
    html = browser.get(f"/log/?shown=all&as_known_on={day}").content.decode()

    assert "give a day that is over" in html
    assert str(sydney.line_key) in html


def test_of_a_day_before_all_runs_the_log_says_that_nothing_is_known(browser: Client, sydney: Place) -> None:
    html = browser.get("/log/?shown=all&as_known_on=2001-01-01").content.decode()

    assert "No line of this filter was there on that day." in html
    assert str(sydney.line_key) not in html


@pytest.mark.parametrize(("query", "said"), [("", "No line here yet."), ("q=chiller", "No line matches.")])
def test_an_empty_log_says_where_orders_come_from_and_a_filtered_one_that_nothing_matches(
    browser: Client, query: str, said: str
) -> None:
    html = browser.get(f"/log/?{query}").content.decode()

    assert said in html
