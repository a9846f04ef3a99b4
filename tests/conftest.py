import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.db import connection
from django.utils import translation

from tests.surroundings import Surroundings

LEDGERS = ("sites_promise", "sites_promiseretraction", "sites_baseline")

# Before anything reads Django's settings, and so that the conftest of any folder below may import models.
SURROUNDINGS = Surroundings()
SURROUNDINGS.settle()
django.setup()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.getoption("dist", "no") != "no":
        SURROUNDINGS.withdraw()


def pytest_unconfigure(config: pytest.Config) -> None:
    SURROUNDINGS.close()


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Starts the server for the first test that touches a table: pytest-django asks here before it makes its own."""
    SURROUNDINGS.start_database()


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """A server of our own ends with the run and its databases with it; the one of the caller is left as it was."""
    return SURROUNDINGS.own_database or bool(request.config.getvalue("reuse_db"))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests with transactions of their own are cleared away by TRUNCATE, which a ledger refuses."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in LEDGERS:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER a_ledger_is_never_emptied")


@pytest.fixture(scope="session")
def broker() -> None:
    """A real broker at REDIS_URL, for the few tests that need more than a recorder of wake-ups."""
    SURROUNDINGS.start_broker()


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A page answered in another language leaves its thread in it; the next test starts in ours."""
    yield
    translation.deactivate()


class NetworkTouched(AssertionError):
    """A test spoke to something beyond this machine."""


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

        def guarded_connect(self: socket.socket, address: Any) -> None:
            _refuse_far(self.family, address)
            connect(self, address)

        def guarded_connect_ex(self: socket.socket, address: Any) -> int:
            _refuse_far(self.family, address)
            return connect_ex(self, address)

        def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
            if host and not _is_near(host):
                raise NetworkTouched(f"a test looked up {host}")
            return getaddrinfo(host, *args, **kwargs)

        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


def _refuse_far(family: int, address: Any) -> None:
    if family != socket.AF_UNIX and not _is_near(address[0]):
        raise NetworkTouched(f"a test connected to {address}")


def _is_near(host: str | bytes) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        # `getfqdn`, which Django's mail asks for, looks up this machine's own name.
        return name in {"localhost", socket.gethostname()}
