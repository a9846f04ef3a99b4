"""Copies the whole database to one file and back, with PostgreSQL's own programs."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from procurement.management.runtime.postgres import client_program

MOST_SECONDS: Final = 3600


class CopyFailed(Exception):
    pass


def dump(database: dict[str, Any], place: Path) -> int:
    """Write a copy to `place`, whole or not at all; its bytes. Raises CopyFailed."""
    partial = place.with_name(f"{place.name}.partial")
    try:
        _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={partial}"], database)
        partial.chmod(0o600)
        partial.replace(place)
    finally:
        partial.unlink(missing_ok=True)
    return place.stat().st_size


def load(database: dict[str, Any], place: Path) -> None:
    """Replace what the database holds, in one transaction. Raises CopyFailed; then nothing has changed."""
    _run(
        "pg_restore",
        [
            "--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error",
            f"--dbname={database['NAME']}", str(place),
        ],
        database,
    )  # fmt: skip


def _run(program: str, arguments: list[str], database: dict[str, Any]) -> None:
    known = {
        "PGHOST": database["HOST"],
        "PGPORT": database["PORT"],
        "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"],
        "PGDATABASE": database["NAME"],
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment |= {name: str(value) for name, value in known.items() if value}
    try:
        done = subprocess.run(  # noqa: S603 - our own program and arguments
            [_place_of(program), *arguments], env=environment, capture_output=True, timeout=MOST_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise CopyFailed(f"{program}: {failure}") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CopyFailed(f"{program}: {said[0] if said else done.returncode}")


def _place_of(program: str) -> str:
    """Ours is of the server's own version; without it, whatever is on PATH."""
    own = client_program(program)
    found = str(own) if own.is_file() else shutil.which(program)
    if found is None:
        raise CopyFailed(f"There is no {program} here.")
    return found
