"""What every request passes: a name, its actor in history, and a plain answer when PostgreSQL is gone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pghistory
import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import get_resolver, path

from procurement.config import middleware
from procurement.config.middleware import DatabaseGone, Drained, HistoryContext, RequestIdentity
from sites.accounts.models import User
from sites.models import Desk, Site
from tests.factories.accounts import UserFactory
from tests.factories.sites import DeskFactory, SiteFactory
from tests.history import history_of


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/sites/%00/", "text/html; charset=utf-8"),
        ("/lead-times/A%00B/add/", "text/html; charset=utf-8"),
        ("/api/v1/sites/%00/schedules", "application/problem+json"),
        ("/api/v1/agreements/code/%00", "application/problem+json"),
    ],
)
def test_an_address_with_a_nul_is_not_there(client: Client, address: str, kind: str) -> None:
    client.force_login(UserFactory.create())

    answer = client.get(address)

    assert (answer.status_code, answer["Content-Type"]) == (404, kind)


def test_what_nobody_read_of_a_call_is_read(rf: RequestFactory) -> None:
    request = rf.post("/api/v1/imports", data=b"x" * 200_000, content_type="application/octet-stream")

    answer = Drained(_fine)(request)

    assert (answer.content, request.read(1)) == (b"fine", b"")


def test_what_is_too_large_is_not_waited_for(rf: RequestFactory) -> None:
    request = rf.post("/api/v1/imports", data=b"x" * 9_000_000, content_type="application/octet-stream")

    Drained(_fine)(request)

    assert request.read(1) == b"x"


def _fine(request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


# -- the database is gone ----------------------------------------------------------------------------------------


def _counts_sites(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(Site.objects.count()))


def _has_a_bug(request: HttpRequest) -> HttpResponse:
    raise ValueError("a bug")


# This module is the map of addresses of its own tests: every middleware runs, no page of the product is needed.
urlpatterns = [path(address, _counts_sites) for address in ("api/v1/sites", "sites/")]
urlpatterns += [path(address, _has_a_bug) for address in ("api/v1/bug", "bug/")]
handler500 = "procurement.config.middleware.server_error"

BOTH = [("/api/v1/sites", "application/problem+json"), ("/sites/", "text/html; charset=utf-8")]


def _point_at_nobody(folder: Path) -> dict[str, Any]:
    """The connection points at a socket that nobody listens on. Returns where it pointed."""
    kept = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(HOST=str(folder), PORT="")
    return kept


@pytest.fixture
def gone(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    kept = _point_at_nobody(tmp_path)
    yield
    connection.close()
    connection.settings_dict.update(kept)


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize(("address", "kind"), BOTH)
def test_a_page_without_a_database_answers_503(visitor: Client, address: str, kind: str) -> None:
    answer = visitor.get(address)

    assert (answer.status_code, answer["Content-Type"], answer["Retry-After"]) == (503, kind, "5")


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize(("address", "kind"), BOTH)
def test_a_middleware_without_a_database_answers_503(visitor: Client, address: str, kind: str) -> None:
    """History asks who the visitor is, so the session is read before any page runs."""
    visitor.cookies["longlead_session"] = "a" * 32

    answer = visitor.post(address)

    assert (answer.status_code, answer["Content-Type"], answer["Retry-After"]) == (503, kind, "5")


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("gone")
def test_the_problem_says_that_it_may_be_sent_again(visitor: Client) -> None:
    answer = visitor.get("/api/v1/sites")

    assert answer.json() == {
        "type": "/problems/unavailable",
        "title": "The database cannot be reached",
        "status": 503,
        "detail": "The database cannot be reached; send the same call again.",
        "instance": "/api/v1/sites",
        "code": "unavailable",
        "retryable": True,
        "trace_id": answer["X-Request-ID"],
        "errors": [],
    }


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("gone")
def test_the_page_is_html_that_needs_only_files_served_without_a_database(visitor: Client) -> None:
    said = visitor.get("/sites/").content.decode()

    assert "<title>" in said
    assert all(
        address.startswith("/static/") for address in re.findall(r'(?:src|rel="stylesheet" href)="([^"]*)"', said)
    )


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("gone")
def test_the_answer_still_names_the_request(visitor: Client) -> None:
    assert visitor.get("/sites/", headers={"X-Request-ID": "req-17"})["X-Request-ID"] == "req-17"


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
def test_requests_are_answered_again_once_the_database_is_back(visitor: Client, tmp_path: Path) -> None:
    kept = _point_at_nobody(tmp_path)
    first = visitor.get("/sites/")
    connection.settings_dict.update(kept)

    second = visitor.get("/sites/")

    assert (first.status_code, second.status_code, second.content) == (503, 200, b"0")


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "kind"), [("/api/v1/bug", "application/problem+json"), ("/bug/", "text/html; charset=utf-8")]
)
def test_a_bug_is_a_500_that_says_nothing_of_itself(visitor: Client, address: str, kind: str) -> None:
    answer = visitor.get(address)

    assert (answer.status_code, answer["Content-Type"]) == (500, kind)
    assert "a bug" not in answer.content.decode()


def test_the_product_answers_errors_the_same_way() -> None:
    assert get_resolver(settings.ROOT_URLCONF).resolve_error_handler(500) is middleware.server_error


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_a_lost_connection_inside_a_page_is_unavailable(error: Exception) -> None:
    answer = DatabaseGone(_fine).process_exception(RequestFactory().get("/api/v1/me"), error)

    assert answer is not None
    assert answer.status_code == 503


def test_any_other_error_is_left_to_others() -> None:
    assert DatabaseGone(_fine).process_exception(RequestFactory().get("/"), ValueError("a bug")) is None


# -- the name of a request ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", ["req-17", "a", "A.b_c-9", "x" * 64])
def test_a_request_keeps_the_name_its_caller_gave_it(sent: str) -> None:
    request = RequestFactory().get("/", headers={"X-Request-ID": sent})

    answer = RequestIdentity(_fine)(request)

    assert (answer["X-Request-ID"], request.META["longlead.request_id"]) == (sent, sent)


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "a\nSet-Cookie: b", "é", "a/b", "req-17\n"])
def test_a_name_that_is_none_is_replaced(sent: str) -> None:
    request = RequestFactory().get("/")
    request.META["HTTP_X_REQUEST_ID"] = sent

    answer = RequestIdentity(_fine)(request)

    assert answer["X-Request-ID"] != sent
    assert len(answer["X-Request-ID"]) == 32
    assert request.META["longlead.request_id"] == answer["X-Request-ID"]


def test_two_requests_without_a_name_get_two() -> None:
    names = {RequestIdentity(_fine)(RequestFactory().get("/"))["X-Request-ID"] for _ in range(2)}

    assert len(names) == 2


# -- the actor in history ----------------------------------------------------------------------------------------


def _renames_the_desk(request: HttpRequest) -> HttpResponse:
    Desk.objects.update(name="Renamed")
    return HttpResponse("fine")


def _through_history(request: HttpRequest, user: User | AnonymousUser | None) -> dict[str, object] | None:
    if user is not None:
        request.user = user
    RequestIdentity(HistoryContext(_renames_the_desk))(request)
    context = history_of(Desk.objects.get()).latest("pgh_id").pgh_context
    return context.metadata if context else None


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_is_recorded_with_its_actor_request_and_path(method: str) -> None:
    DeskFactory.create()
    person = UserFactory.create()
    request = RequestFactory().generic(method, "/desks/1/", headers={"X-Request-ID": "req-17"})

    assert _through_history(request, person) == {"actor": str(person.pk), "request_id": "req-17", "path": "/desks/1/"}


@pytest.mark.django_db
@pytest.mark.parametrize("user", [AnonymousUser(), None])
def test_a_write_of_nobody_known_has_no_actor(user: AnonymousUser | None) -> None:
    DeskFactory.create()
    request = RequestFactory().post("/desks/1/", headers={"X-Request-ID": "req-17"})

    assert _through_history(request, user) == {"actor": None, "request_id": "req-17", "path": "/desks/1/"}


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_opens_no_context(method: str) -> None:
    DeskFactory.create()

    assert _through_history(RequestFactory().generic(method, "/"), UserFactory.create()) is None


@pytest.mark.django_db(transaction=True)
def test_one_request_leaves_nothing_for_the_next() -> None:
    DeskFactory.create()
    _through_history(RequestFactory().post("/"), UserFactory.create())

    site = SiteFactory.create()

    assert history_of(Site.objects.get(pk=site.pk)).latest("pgh_id").pgh_context is None


@pytest.mark.django_db
def test_a_door_adds_to_the_context_of_its_request() -> None:
    DeskFactory.create()

    def authenticates(request: HttpRequest) -> HttpResponse:
        pghistory.context(actor="client-1")
        return _renames_the_desk(request)

    RequestIdentity(HistoryContext(authenticates))(
        RequestFactory().post("/api/v1/x", headers={"X-Request-ID": "req-17"})
    )

    metadata = history_of(Desk.objects.get()).latest("pgh_id").pgh_context.metadata
    assert metadata == {"actor": "client-1", "request_id": "req-17", "path": "/api/v1/x"}


# -- compressed --------------------------------------------------------------------------------------------------


def test_a_page_leaves_compressed_and_an_answer_of_the_api_as_it_is() -> None:
    def answered(path: str, kind: str) -> HttpResponse:
        request = RequestFactory().get(path, headers={"accept-encoding": "gzip"})
        answer = HttpResponse("fine " * 100, content_type=kind, headers={"ETag": '"1"'})
        done = middleware.Compressed(lambda _request: answer)(request)
        assert isinstance(done, HttpResponse)
        return done

    page, order, file = (
        answered("/log/", "text/html; charset=utf-8"),
        answered("/api/v1/purchase-orders", "application/json"),
        answered("/exports/promises.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    )

    assert [each.headers.get("Content-Encoding") for each in (page, order, file)] == ["gzip", None, None]
    assert order.headers["ETag"] == '"1"'


# -- signed out --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "back"),
    [
        ("/log/?site=SYD1", "/log/?site=SYD1"),
        ("/imports/00000000-0000-0000-0000-000000000000/progress/", "/log/?late=1"),
    ],
)
def test_a_part_asked_for_after_the_session_ended_leads_the_page_to_the_log_in(asked: str, back: str) -> None:
    answer = Client().get(asked, headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/log/?late=1"})

    assert answer.status_code == 200
    assert answer.headers["HX-Redirect"] == f"/account/login/?{urlencode({'next': back})}"


@pytest.mark.django_db
def test_a_page_asked_for_after_the_session_ended_is_redirected_as_ever() -> None:
    answer = Client().get("/log/?site=SYD1")

    assert (answer.status_code, "HX-Redirect" in answer.headers) == (302, False)
