import argparse
import hashlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from psycopg import sql

from procurement.management.runtime import redis, stack
from procurement.management.runtime.lines import say
from procurement.management.runtime.places import Places, StartUpError
from procurement.management.runtime.supervisor import StopAsked, Supervisor

DEFAULT_PORT = 8000
HOLD_SECONDS = "5"
# The stored back-test of the demo: a fifth of the usual futures, so that the first start does not wait for it.
_HORIZON_DAYS = 180
_KEY_FILE = "erp-key"
_OWN_APPS = {"accounts", "sites", "procurement"}
_FEWER_TRIALS = 200
ACCOUNTS = (
    ("admin", "everything, and the technical tables"),
    ("sourcing", "all sites"),
    ("expediter", "Sydney and Tokyo"),
    ("energy", "all sites, power"),
    ("site-syd", "Sydney only"),
    ("viewer", "reads"),
)


class Command(BaseCommand):
    help = "Start PostgreSQL, Redis, web, worker, beat and sender with a demo portfolio; Ctrl-C stops everything."
    # Settings are read before there is a database to check.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=_port, help=f"port on loopback (default {DEFAULT_PORT}; --once: a free one)")
        parser.add_argument("--once", action="store_true", help="run the story end to end, report, stop")
        parser.add_argument("--schedule", type=Path, metavar="FILE", help="a site schedule for the story to import")
        # What the supervisor has its children do.
        parser.add_argument("--migrate", action="store_true", help=argparse.SUPPRESS)
        parser.add_argument("--load-portfolio", action="store_true", help=argparse.SUPPRESS)
        parser.add_argument("--tell-story", metavar="URL", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        schedule: Path | None = options["schedule"]
        if schedule is not None:
            schedule = schedule.resolve()
            if not schedule.is_file():
                raise CommandError(f"--schedule: there is no file {schedule}", returncode=2)
        if options["migrate"]:
            migrate()
        if options["load_portfolio"]:
            load_portfolio()
        if options["migrate"] or options["load_portfolio"]:
            return
        if url := options["tell_story"]:
            sys.exit(tell_story(url, schedule))
        else:
            sys.exit(run(port=options["port"], once=options["once"], schedule=schedule))


def run(*, port: int | None, once: bool, schedule: Path | None) -> int:
    """The exit code: 0 after a stop that was asked for, or what the story ended with."""
    if os.environ.get("LONGLEAD_MODE") != "demo":
        raise CommandError("`demo` runs only with LONGLEAD_MODE=demo.", returncode=2)
    port = port or (redis.free_port() if once else DEFAULT_PORT)
    try:
        with Supervisor(Places.from_environment(), say=say) as supervisor:
            stack.refuse_busy_port(port)
            url = start(supervisor, port)
            if once:
                return supervisor.run_step("story", _story_command(url, schedule), shown=True)
            welcome(url, supervisor.places)
            supervisor.watch()
    except StartUpError as refusal:
        raise CommandError(str(refusal)) from None
    except StopAsked as stop:
        return 128 + int(stop.args[0]) if once else 0
    return 0


def start(supervisor: Supervisor, port: int) -> str:
    """Everything up, in order, with the portfolio loaded. The address it is served at."""
    began_at = time.monotonic()
    url = f"http://{redis.LOOPBACK}:{port}"
    supervisor.env |= {
        "LONGLEAD_BASE_URL": os.environ.get("LONGLEAD_BASE_URL") or url,
        "LONGLEAD_HOLD_SECONDS": os.environ.get("LONGLEAD_HOLD_SECONDS") or HOLD_SECONDS,
        "LONGLEAD_DATA_DIR": str(supervisor.places.home),
        "PYTHONUNBUFFERED": "1",
    }
    stack.start_stores(supervisor)
    if not is_prepared(supervisor.env["DATABASE_URL"]) or not (supervisor.places.home / _KEY_FILE).exists():
        supervisor.require_step("portfolio", [*stack.MIGRATE, "--load-portfolio"])
    # Pages first: the others' imports would keep a small machine from serving them.
    supervisor.start(stack.web(url, port))
    supervisor.start(*stack.background())
    supervisor.tell("longlead", "up", os.getpid(), f"{url}/ ({time.monotonic() - began_at:.1f} s in all)")
    return url


def welcome(url: str, places: Places) -> None:
    say("")
    say(f"  Longlead is at {url}/ — Ctrl-C stops it; data stay in {places.home}")
    say("  Accounts, password `demo`:")
    for name, rights in ACCOUNTS:
        say(f"    {name:<10} {rights}")
    say(f"  An ERP client's key: {places.home / _KEY_FILE}   Logs: {places.log}")
    say("")


def is_prepared(database_url: str) -> bool:
    """Whether a database has every table of this code and a site. Asked from here: a child takes seconds to begin.

    Raises StartUpError where its tables are those of other code: until 1.0 the first migrations are written anew.
    """
    from sites.models import Site

    any_site = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(Site._meta.db_table))
    try:
        with psycopg.connect(database_url) as there:
            applied = there.execute("SELECT app, name FROM django_migrations").fetchall()
            cache = there.execute("SELECT to_regclass(%s)", [settings.CACHES["default"]["LOCATION"]]).fetchone()
            if not MigrationLoader(None).disk_migrations.keys() <= set(applied) or cache == (None,):
                return False
            made_by = there.execute("SELECT obj_description('django_migrations'::regclass, 'pg_class')").fetchone()
            if made_by != (_fingerprint(),):
                raise StartUpError(
                    "The demo's data are of another version of Longlead: `make clean-demo` removes them."
                )
            return there.execute(any_site).fetchone() == (True,)
    except psycopg.errors.UndefinedTable:
        return False


def _fingerprint() -> str:
    """Of what the migrations of this code say."""
    found = hashlib.sha256()
    for key, migration in sorted(MigrationLoader(None).disk_migrations.items()):
        if key[0] in _OWN_APPS:
            found.update(Path(sys.modules[type(migration).__module__].__file__ or "").read_bytes())
    return found.hexdigest()


def migrate() -> None:
    """Whatever it makes names this code; tables that are there already stay as they are, and go on naming theirs."""
    recorder = MigrationRecorder(connection)
    before = recorder.applied_migrations()
    call_command("migrate", interactive=False)
    call_command("createcachetable")
    if recorder.applied_migrations() != before:
        sign_tables()


def sign_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("COMMENT ON TABLE django_migrations IS {}").format(sql.Literal(_fingerprint())))


def load_portfolio() -> None:
    """Fill a database that holds no site yet, and leave the ERP client's key where only this account reads it; a new
    one where the file is gone.
    """
    # Only this child speaks to tables; the supervisor, which shares this module, starts before there is a database.
    from procurement.services import backtests
    from procurement.services import demo as demo_portfolio
    from procurement.services.demo.past import add_past
    from sites.models import Site

    now = timezone.now()
    key = settings.DATA_DIR / _KEY_FILE
    # The key is shown once: without its file the portfolio is not kept either.
    with transaction.atomic():
        if not Site.objects.exists():
            loaded = demo_portfolio.load_demo(today=timezone.localdate(now), now=now)
            stack.write_privately(key, loaded.erp_key_plain)
            add_past(now=now)
            backtests.run(horizon=_HORIZON_DAYS, today=timezone.localdate(now), trials=_FEWER_TRIALS)
        elif not key.exists():
            stack.write_privately(key, demo_portfolio.renew_erp_key(now=now))


def tell_story(url: str, schedule: Path | None) -> int:
    from procurement.management.runtime import story

    return story.run(url, schedule)


def _story_command(url: str, schedule: Path | None) -> list[str]:
    return [*stack.MANAGE, "demo", "--tell-story", url, *(["--schedule", str(schedule)] if schedule else [])]


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return port
