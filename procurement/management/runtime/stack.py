"""The components of one machine's Longlead: what each is started with and when it counts as up."""

import contextlib
import http.client
import os
import socket
import sys
from functools import partial
from pathlib import Path

from procurement.management.runtime import postgres, redis
from procurement.management.runtime.places import REPOSITORY, Places, StartUpError
from procurement.management.runtime.postgres import EmbeddedPostgres
from procurement.management.runtime.redis import LOOPBACK, Broker
from procurement.management.runtime.supervisor import Component, Supervisor

MANAGE = [sys.executable, str(REPOSITORY / "manage.py")]
CELERY = [sys.executable, "-m", "celery", "-A", "procurement.config"]
MIGRATE = [*MANAGE, "demo", "--migrate"]
_DATABASE_STAGE, _BROKER_STAGE, _APPLICATION_STAGE = range(3)


def refuse_busy_port(port: int) -> None:
    """Raises StartUpError when another program has the port. The address is reusable, as the web server asks too."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as refusal:
            raise StartUpError(
                f"Port {port} is not free ({refusal.strerror}). Choose another one: make demo PORT={port + 1}"
            ) from None


def write_privately(path: Path, text: str) -> None:
    """An address may carry a password, and a key is one: only its owner may read it."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")


def start_stores(supervisor: Supervisor) -> None:
    """Start PostgreSQL and Redis side by side, or use those that DATABASE_URL and REDIS_URL name."""
    places = supervisor.places
    components = []
    server = None if os.environ.get("DATABASE_URL") else embedded_postgres(places)
    if server is not None:
        supervisor.at_end(server.forget)
        components.append(postgres_component(server))
    database_url = server.url if server else os.environ["DATABASE_URL"]
    if server is None:
        if not postgres.answers(database_url):
            raise StartUpError("No database answers at DATABASE_URL.")
        supervisor.tell("postgres", "external", None, "DATABASE_URL")
    broker = redis.choose(places.run)
    if broker.argv is not None:
        components.append(broker_component(broker))
    elif broker.answers():
        supervisor.tell("redis", "external", None, broker.kind)
    else:
        raise StartUpError("No Redis answers at REDIS_URL.")
    supervisor.start(*components)
    if server is not None:
        server.make_role_and_database()
    for variable, url, place in (
        ("DATABASE_URL", database_url, places.database_url),
        ("REDIS_URL", broker.url, places.redis_url),
    ):
        supervisor.env[variable] = url
        write_privately(place, url)
        supervisor.at_end(partial(place.unlink, missing_ok=True))


def embedded_postgres(places: Places) -> EmbeddedPostgres:
    """The server of this data folder, not yet started. What a killed one left in the temporary folder is removed."""
    with contextlib.suppress(OSError):
        postgres.forget_sockets(places.database_url.read_text().strip())
    server = EmbeddedPostgres(postgres.home_for(places.home))
    places.database_marker.write_text(f"{server.home}\n")
    return server


def postgres_component(server: EmbeddedPostgres) -> Component:
    return Component(
        "postgres",
        server.argv,
        detail=f"socket in {server.sockets}, data in {server.data}"
        + (f", as {server.account.name}" if server.account else ""),
        env=server.env,
        bare_env=True,
        ready=server.answers,
        before=lambda: _prepare(server),
        cwd=Path("/"),
        account=server.account,
        stop_signal=server.stop_signal,
        stop_seconds=server.stop_seconds,
        stage=_DATABASE_STAGE,
    )


def _prepare(server: EmbeddedPostgres) -> None:
    server.prepare()


def broker_component(broker: Broker) -> Component:
    detail = f"{broker.kind} at {broker.url}"
    return Component("redis", broker.argv or [], detail=detail, ready=broker.answers, stage=_BROKER_STAGE)


def web(base_url: str, port: int) -> Component:
    """The parent process loads the code once for both workers, a restarted one included."""
    argv = [sys.executable, "-m", "gunicorn", "procurement.config.wsgi:application", "--bind", f"{LOOPBACK}:{port}"]
    argv += ["--preload", "--worker-class", "gthread", "--workers", "2", "--threads", "8"]
    argv += ["--timeout", "60", "--graceful-timeout", "5", "--no-control-socket", "--access-logfile", "-"]
    return Component("web", argv, detail=base_url, ready=lambda: _serves(port), stage=_APPLICATION_STAGE)


def background() -> list[Component]:
    """What works behind the pages. Celery serves the queues of the settings."""
    worker = [*CELERY, "worker", "--pool", "prefork", "--concurrency", "2", "--prefetch-multiplier", "1"]
    worker += ["--queues", "longlead,mail", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    # The schedule is a constant and kept in memory: no file of it can be damaged.
    beat = [*CELERY, "beat", "--scheduler", "celery.beat:Scheduler", "--loglevel", "INFO", "--pidfile="]
    sender = [*MANAGE, "send_due", "--loop"]
    return [
        Component("worker", worker, detail="Celery, 2 processes", ready_words=" ready.", stage=_APPLICATION_STAGE),
        Component("beat", beat, detail="wakes the worker", ready_words="beat: Starting", stage=_APPLICATION_STAGE),
        Component("sender", sender, detail="sends without Redis or Celery", stage=_APPLICATION_STAGE),
    ]


def _serves(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
