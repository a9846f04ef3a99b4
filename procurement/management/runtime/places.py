"""Where a checkout keeps what it runs: `.longlead/` below the repository unless LONGLEAD_DATA_DIR says otherwise."""

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


class StartUpError(Exception):
    """A reason, in words for the person at the terminal, why something could not be started."""


@dataclass(frozen=True)
class Places:
    home: Path

    @classmethod
    def from_environment(cls) -> "Places":
        return cls(Path(os.environ.get("LONGLEAD_DATA_DIR") or REPOSITORY / ".longlead").resolve())

    def make(self) -> None:
        # WhiteNoise warns where there is no static folder, even though the demo serves from the sources.
        for folder in (self.run, self.log, self.home / "static"):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as refusal:
                raise StartUpError(f"{folder} cannot be made: {refusal.strerror}.") from refusal
            if not os.access(folder, os.W_OK):
                raise StartUpError(f"{folder} belongs to another account; it cannot be written to.")

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def database_url(self) -> Path:
        return self.run / "database-url"

    @property
    def redis_url(self) -> Path:
        return self.run / "redis-url"

    @property
    def database_users(self) -> Path:
        """Locked, shared, by every command that speaks to a server which another command started."""
        return self.run / "database.users"

    @property
    def owner(self) -> Path:
        """Locked by whoever runs the embedded servers; the kernel lets go of it even after `kill -9`."""
        return self.run / "owner.lock"

    @property
    def database_marker(self) -> Path:
        """Says in words of a path where the embedded database lies: below here, or under /var/lib/longlead for root."""
        return self.home / "database-lies-in"

    def pid(self, name: str) -> Path:
        return self.run / f"{name}.pid"

    def log_of(self, name: str) -> Path:
        return self.log / f"{name}.log"
