"""What `manage.py` does where nobody configured anything: it speaks to the demo's own PostgreSQL."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence

from procurement.management.runtime import locks, ownership, postgres, processes, redis, stack
from procurement.management.runtime.ownership import AlreadyOwned
from procurement.management.runtime.places import REPOSITORY, Places, StartUpError

CONFIGURATION = ("LONGLEAD_MODE", "DATABASE_URL", "LONGLEAD_SECRET_KEY")
_WITHOUT_DATABASE = {
    "check",
    "collectstatic",
    "compilemessages",
    "demo",
    "diffsettings",
    "help",
    "makemessages",
    "makemigrations",
    "spectacular",
    "version",
}
_WITHOUT_DATABASE_WHEN = {"explain": "--facts", "import_schedule": "--dry-run"}
_HELP = {"-h", "--help", "--version"}
_PATIENCE = 3


def is_bare() -> bool:
    return not any(os.environ.get(name) for name in CONFIGURATION)


def needs_database(argv: Sequence[str]) -> bool:
    """Whether a command line, the program's name included, speaks to the database."""
    if len(argv) < 2 or argv[1] in _WITHOUT_DATABASE or _HELP & set(argv):
        return False
    switch = _WITHOUT_DATABASE_WHEN.get(argv[1])
    return not (switch and any(word == switch or word.startswith(f"{switch}=") for word in argv[2:]))


@contextlib.contextmanager
def surroundings(argv: Sequence[str]) -> Iterator[None]:
    """Demo mode and, for a command that needs one, the demo's database. Raises StartUpError."""
    os.environ["LONGLEAD_MODE"] = "demo"
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    if not needs_database(argv):
        yield
        return
    places = Places.from_environment()
    places.make()
    with contextlib.ExitStack() as context:
        url = _running_or_new(places, context)
        os.environ["DATABASE_URL"] = url
        _use_broker(places)
        yield


def _running_or_new(places: Places, context: contextlib.ExitStack) -> str:
    for _ in range(_PATIENCE):
        with contextlib.suppress(AlreadyOwned):
            context.enter_context(ownership.taken(places, "command"))
            return context.enter_context(_own_server(places))
        # As long as this is held, a command that started the server does not stop it.
        users = context.enter_context(locks.take(places.database_users, shared=True, wait=True))
        with contextlib.suppress(OSError):
            url = places.database_url.read_text().strip()
            if postgres.answers(url):
                return url
        users.close()
    raise StartUpError("The demo is just starting or stopping, its database does not answer. Try again in a moment.")


@contextlib.contextmanager
def _own_server(places: Places) -> Iterator[str]:
    server = stack.embedded_postgres(places)
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(server.forget)
        new = server.prepare()
        child = server.launch(places.log_of("postgres"))
        cleanup.callback(processes.end, child, stop_signal=server.stop_signal, seconds=server.stop_seconds)
        cleanup.callback(places.pid("postgres").unlink, missing_ok=True)
        places.pid("postgres").write_text(f"{child.pid}\n")
        server.wait_until_it_answers(child)
        server.make_role_and_database()
        stack.write_privately(places.database_url, server.url)
        cleanup.callback(places.database_url.unlink, missing_ok=True)
        if new:
            _migrate(server.url)
        # The default end of SIGTERM would skip the clean-up where the kernel sends no death signal.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        cleanup.callback(_wait_for_users, places)
        yield server.url


def _wait_for_users(places: Places) -> None:
    with locks.held(places.database_users, wait=True):
        pass


def _migrate(url: str) -> None:
    environment = os.environ | {"DATABASE_URL": url}
    done = subprocess.run(  # noqa: S603
        stack.MIGRATE, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StartUpError(f"The new database got no tables:\n{done.stdout}{done.stderr}")


def _use_broker(places: Places) -> None:
    with contextlib.suppress(OSError):
        url = places.redis_url.read_text().strip()
        if redis.Broker(url, None, "").answers():
            os.environ.setdefault("REDIS_URL", url)
