"""What a test run stands on: its own PostgreSQL and Redis, each started by the first test that needs it."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from procurement.management.runtime import processes, redis
from procurement.management.runtime.places import REPOSITORY
from procurement.management.runtime.postgres import EmbeddedPostgres


class Surroundings:
    """The addresses are settled before Django reads its settings; the servers follow when somebody asks for them.

    DATABASE_URL and REDIS_URL of the caller are kept, and nothing is started for them.
    """

    def __init__(self) -> None:
        self._exit = ExitStack()
        self._settled: list[str] = []
        self._folder = Path(tempfile.mkdtemp(prefix="longlead-test-"))
        # An account that PostgreSQL runs as must be able to pass through; it cannot list what is here.
        self._folder.chmod(0o711)
        self._exit.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self.own_database = False
        self._postgres: EmbeddedPostgres | None = None
        self._broker: redis.Broker | None = None

    def settle(self) -> None:
        for name in [
            name for name in os.environ if name.startswith(("LONGLEAD_", "PG")) and name != "LONGLEAD_SAMPLES"
        ]:
            del os.environ[name]
        self._set("DJANGO_SETTINGS_MODULE", "procurement.config.settings")
        os.environ["LONGLEAD_MODE"] = "test"
        os.environ["LONGLEAD_DATA_DIR"] = str(self._folder / "data")
        (self._folder / "data" / "static").mkdir(parents=True)
        if not os.environ.get("DATABASE_URL"):
            self.own_database = True
            self._postgres = EmbeddedPostgres(self._folder / "postgres", durable=False)
            self._exit.callback(self._postgres.forget)
            self._set("DATABASE_URL", self._postgres.url)
        if not os.environ.get("REDIS_URL"):
            self._broker = redis.embedded(self._folder)
            self._set("REDIS_URL", self._broker.url)

    def _set(self, name: str, value: str) -> None:
        os.environ[name] = value
        self._settled.append(name)

    def withdraw(self) -> None:
        """Takes back what was settled here: the workers that this process shares the tests among settle their own."""
        for name in self._settled:
            del os.environ[name]

    def start_database(self) -> None:
        server, self._postgres = self._postgres, None
        if server is None:
            return
        server.prepare()
        child = server.launch(self._folder / "postgres.log")
        self._exit.callback(processes.end, child, stop_signal=server.stop_signal, seconds=server.stop_seconds)
        server.wait_until_it_answers(child)
        server.make_role_and_database()

    def start_broker(self) -> None:
        broker, self._broker = self._broker, None
        if broker is None or broker.argv is None:
            return
        with (self._folder / "redis.log").open("ab") as log:
            child = processes.start(broker.argv, env=os.environ, cwd=REPOSITORY, output=log)
        self._exit.callback(processes.end, child, stop_signal=signal.SIGTERM, seconds=5)
        while not broker.answers():
            try:
                code = child.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise RuntimeError(f"The broker ended with exit code {code}: {(self._folder / 'redis.log').read_text()}")

    def close(self) -> None:
        self._exit.close()
