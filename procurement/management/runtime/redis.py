"""Celery's broker: the one REDIS_URL names, else a server on PATH, else fakeredis as a process of its own."""

import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import redis

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Broker:
    """`argv` is None where the broker runs elsewhere."""

    url: str
    argv: list[str] | None
    kind: str

    def answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def choose(folder: Path) -> Broker:
    """Settle where the broker will be. Nothing is started here."""
    if url := os.environ.get("REDIS_URL"):
        return Broker(url, None, "REDIS_URL")
    return embedded(folder)


def embedded(folder: Path) -> Broker:
    port = free_port()
    url = f"redis://{LOOPBACK}:{port}/0"
    for program in ("redis-server", "valkey-server"):
        if found := shutil.which(program):
            # Nothing in the queue is worth keeping: each job follows again from PostgreSQL.
            options = {
                "port": str(port),
                "bind": LOOPBACK,
                "dir": str(folder),
                "save": "",
                "appendonly": "no",
                "maxmemory-policy": "noeviction",
                "daemonize": "no",
            }
            argv = [found, *(part for name, value in options.items() for part in (f"--{name}", value))]
            return Broker(url, argv, program)
    argv = [sys.executable, "-m", "procurement.management.runtime.fake_redis", str(port)]
    return Broker(url, argv, "fakeredis")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
