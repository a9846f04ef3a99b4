"""A throw-away PostgreSQL with a synthetic portfolio, for the length of one benchmark run."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from procurement.management.runtime import processes
from procurement.management.runtime.postgres import EmbeddedPostgres


@contextmanager
def database() -> Iterator[None]:
    """The server that DATABASE_URL names, else an embedded one; Django is set up and migrated inside."""
    folder = Path(tempfile.mkdtemp(prefix="longlead-bench-"))
    folder.chmod(0o711)
    os.environ.update(DJANGO_SETTINGS_MODULE="procurement.config.settings", LONGLEAD_MODE="test")
    server = None if os.environ.get("DATABASE_URL") else EmbeddedPostgres(folder / "postgres", durable=True)
    child = None
    try:
        if server is not None:
            server.prepare()
            child = server.launch(folder / "postgres.log")
            server.wait_until_it_answers(child)
            server.make_role_and_database()
            os.environ["DATABASE_URL"] = server.url
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        yield
    finally:
        if server is not None and child is not None:
            processes.end(child, stop_signal=server.stop_signal, seconds=server.stop_seconds)
            server.forget()
        shutil.rmtree(folder, ignore_errors=True)
