"""The net under the workers: releases and sends what is due, with nothing but the database and the mail server.

A whole round looks for what nobody was told yet and asks every clock; between two of them it only asks, at little cost,
whether a message is ripe. What takes long, and webhooks, whose receivers may be slow, are seen to beside the mail, on
threads of their own.
"""

import json
import logging
import signal
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from threading import Event, Thread
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils import timezone

from procurement.gateways.mail import courier
from procurement.gateways.webhook import poster
from procurement.services import change_feed, import_work, jobs, notifications, probabilities, webhooks

logger = logging.getLogger(__name__)

ROUND_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 1.0
PATIENCE: Final = timedelta(seconds=20)


class Command(BaseCommand):
    help = "Release and send what is due. With --loop until it is told to stop; it needs neither Redis nor Celery."
    # Mail must leave even while a page of the portal is broken.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on until SIGTERM or SIGINT")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output, at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        total: Counter[str] = Counter()
        if options["loop"]:
            self._loop(total)
        else:
            total.update(_round(Event()))
            _webhooks(Event())
        if options["json"]:
            self.stdout.write(json.dumps(dict(sorted(total.items()))))
        elif not options["loop"]:
            self.stdout.write(", ".join(f"{name} {count}" for name, count in sorted(total.items())))

    def _loop(self, total: Counter[str]) -> None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        # A daemon: what it leaves half done is rolled back, and waits for the next one.
        for work in (_long_work, _webhooks):
            Thread(target=_keep_at, args=(work, stop), name=work.__name__, daemon=True).start()
        whole_at = 0.0
        while not stop.is_set():
            pause = LOOK_SECONDS
            try:
                close_old_connections()
                is_whole = time.monotonic() >= whole_at
                if is_whole:
                    # Before it is begun: what breaks in it must not hold up what is ripe.
                    whole_at = time.monotonic() + ROUND_SECONDS
                if is_whole or notifications.is_ripe(now=timezone.now()):
                    total.update(done := _round(stop, only_ripe=not is_whole))
                    pause = ROUND_SECONDS if done["unreachable"] else LOOK_SECONDS
            except (OperationalError, InterfaceError) as failure:
                # The rows wait; so does this.
                logger.warning("The database cannot be reached (%s).", type(failure).__name__)
                connection.close()
            except Exception:
                logger.exception("A round failed; the next one tries again.")
                connection.close()
            stop.wait(pause)
        connection.close()


def _round(stop: Event, *, only_ripe: bool = False) -> dict[str, int]:
    done = notifications.do_round(
        courier=courier(),
        poster=poster(),
        now_fn=timezone.now,
        component="sender",
        stopping=stop.is_set,
        only_ripe=only_ripe,
    )
    counts = {f"released_{name}": count for name, count in asdict(done.released).items()}
    return counts | {name: int(count) for name, count in asdict(done.sent).items()} | {"held": done.held}


def _long_work(stop: Event) -> None:
    import_work.do_all(now_fn=timezone.now, patience=PATIENCE, stopping=stop.is_set)
    jobs.do_all(now_fn=timezone.now)
    probabilities.draw_due()


def _webhooks(stop: Event) -> None:
    webhooks.do_round(poster=poster(), now_fn=timezone.now, stopping=stop.is_set)
    change_feed.purge(timezone.now())


def _keep_at(work: Callable[[Event], None], stop: Event) -> None:
    while not stop.is_set():
        try:
            close_old_connections()
            work(stop)
        except (OperationalError, InterfaceError) as failure:
            logger.warning("The database cannot be reached (%s).", type(failure).__name__)
            connection.close()
        except Exception:
            logger.exception("%s failed; the next round tries again.", work.__name__)
            connection.close()
        stop.wait(ROUND_SECONDS)
    connection.close()
