import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from procurement.management.runtime import processes
from procurement.management.runtime.postgres import EmbeddedPostgres, forget_sockets

DEADLINE_SECONDS = 30


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    # Not below pytest's own folder: the account that runs the server must be able to pass through.
    folder = Path(tempfile.mkdtemp(prefix="with a space "))
    folder.chmod(0o711)
    embedded = EmbeddedPostgres(folder / "postgres", durable=False)
    yield embedded
    embedded.prepare()  # ends whatever still runs there
    embedded.forget()
    shutil.rmtree(folder)


def start(server: EmbeddedPostgres) -> "subprocess.Popen[bytes]":
    child = server.launch(server.home.with_name("postgres.log"))
    server.wait_until_it_answers(child)
    return child


def stop(server: EmbeddedPostgres, child: "subprocess.Popen[bytes]") -> bool:
    return processes.end(child, stop_signal=server.stop_signal, seconds=DEADLINE_SECONDS)


def test_data_survive_a_server_that_outlived_its_supervisor(server: EmbeddedPostgres) -> None:
    assert server.prepare() is True
    child = start(server)
    server.make_role_and_database()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'Tokyo' AS site")

    assert server.prepare() is False
    assert child.wait(DEADLINE_SECONDS) == 0

    child = start(server)
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT site FROM kept").fetchall() == [("Tokyo",)]
    assert stop(server, child)


def test_a_lock_file_whose_process_id_now_belongs_to_another_program_is_no_obstacle(server: EmbeddedPostgres) -> None:
    server.prepare()
    child = start(server)
    lock = server.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    child.kill()
    child.wait(DEADLINE_SECONDS)
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    server.prepare()

    assert stop(server, start(server))


def test_the_applications_role_owns_its_database_and_is_no_superuser(server: EmbeddedPostgres) -> None:
    server.prepare()
    child = start(server)
    server.make_role_and_database()
    server.make_role_and_database()
    with psycopg.connect(server.url) as connection:
        rights = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        facts = "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = %s"
        assert connection.execute(rights).fetchone() == (False, True, False)
        assert connection.execute(facts, ["longlead"]).fetchone() == ("b", "C.UTF-8", "UTF8")
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert stop(server, child)


def test_only_the_servers_account_can_reach_its_socket(server: EmbeddedPostgres) -> None:
    assert server.sockets.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_sockets_is_forgotten_and_no_other_folder_is(server: EmbeddedPostgres, tmp_path: Path) -> None:
    mine = tmp_path / "somewhere"
    mine.mkdir()

    forget_sockets(f"postgresql://longlead@/longlead?host={mine}")
    forget_sockets(server.url)

    assert mine.is_dir()
    assert not server.sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another account")
def test_root_runs_the_server_as_another_account(server: EmbeddedPostgres) -> None:
    server.prepare()
    child = start(server)

    assert psutil.Process(child.pid).uids().effective != 0
    assert stop(server, child)
