from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from psycopg.conninfo import make_conninfo

from procurement.management.commands.demo import is_prepared, sign_tables
from procurement.management.runtime.places import StartUpError
from tests.factories.sites import SiteFactory

pytestmark = pytest.mark.django_db(transaction=True)


def address(database: str) -> str:
    settings = connection.get_connection_params()
    known = {name: settings[name] for name in ("host", "port", "user", "password") if settings.get(name)}
    return make_conninfo("", dbname=database, **known)


@pytest.fixture
def here() -> Iterator[str]:
    sign_tables()
    yield address(connection.settings_dict["NAME"])
    comment("NULL")


def comment(said: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"COMMENT ON TABLE django_migrations IS {said}")


@pytest.fixture
def one_migration_short() -> Iterator[None]:
    recorder = MigrationRecorder(connection)
    app, name = next(iter(recorder.applied_migrations()))
    recorder.record_unapplied(app, name)
    yield
    recorder.record_applied(app, name)


def test_a_database_with_all_tables_and_a_site_needs_no_step_at_start_up(here: str) -> None:
    SiteFactory.create()

    assert is_prepared(here)


def test_a_database_without_a_site_still_gets_its_portfolio(here: str) -> None:
    assert not is_prepared(here)


def test_a_database_without_tables_still_gets_them() -> None:
    assert not is_prepared(address("postgres"))


@pytest.mark.parametrize("signed", ["'another'", "NULL"])
def test_tables_that_other_code_made_are_refused_with_the_way_out(here: str, signed: str) -> None:
    SiteFactory.create()
    comment(signed)

    with pytest.raises(StartUpError, match="make clean-demo"):
        is_prepared(here)


def test_a_migration_that_was_not_applied_yet_is_noticed(here: str, one_migration_short: None) -> None:
    SiteFactory.create()

    assert not is_prepared(here)
