"""Reads files of strangers in a process of its own, with limits on computing, memory and time and no way out.

The child is started with nothing of our environment (no database, no keys), may open no file and no connection once
it has its input, and answers with bytes that the parent decodes as data, never as code.
"""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from sites.domain.errors import BadInput

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[2]
_ANSWERED, _REFUSED = b"+", b"-"
_OUT_OF_MEMORY = 71
_STANDARD_FILES = 3


@dataclass(frozen=True, slots=True)
class Limits:
    cpu_seconds: int = 60
    memory_bytes: int = 1024 * 1024 * 1024
    wall_seconds: int = 180


DEFAULT_LIMITS = Limits()


def run(target: str, payload: bytes, *, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """What `target` (`package.module:function`, bytes to bytes) answers. Raises its BadInput, and BadInput naming
    `file` where it passes a limit or breaks.
    """
    command = [sys.executable, "-E", "-s", "-B", "-m", __name__, target, str(limits.cpu_seconds)]
    child = subprocess.Popen(  # noqa: S603 (our own module; the target is ours, the payload is standard input)
        [*command, str(limits.memory_bytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=_ROOT,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
    )
    with child:
        try:
            answer, complaint = child.communicate(payload, timeout=limits.wall_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            raise BadInput(f"Reading the file took more than {limits.wall_seconds} s.", field="file") from None
    if child.returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise BadInput(f"Reading the file took more than {limits.cpu_seconds} s of computing.", field="file")
    if child.returncode == _OUT_OF_MEMORY:
        raise BadInput(f"Reading the file took more than {limits.memory_bytes // 1024**2} MiB.", field="file")
    if child.returncode == 0 and answer[:1] == _ANSWERED:
        return answer[1:]
    if child.returncode == 0 and answer[:1] == _REFUSED:
        refusal = json.loads(answer[1:])
        raise BadInput(str(refusal["message"]), field=str(refusal["field"]))
    # The last line of a traceback may quote the file: only the kind of the error is for the log.
    kind = complaint.decode(errors="replace").strip().rpartition("\n")[2].partition(":")[0][:80]
    logger.error("%s broke on a file: exit %s, %s", target, child.returncode, kind)
    raise BadInput("The file could not be read.", field="file")


def main(target: str, cpu_seconds: str, memory_bytes: str) -> None:
    """The child: limits first, then our own code, then the input, then the answer."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CPU, int(cpu_seconds))
    _limit(resource.RLIMIT_AS, int(memory_bytes))
    module, _, name = target.partition(":")
    function = getattr(import_module(module), name)
    try:
        payload = sys.stdin.buffer.read()
        _limit(resource.RLIMIT_NPROC, 0)
        _limit(resource.RLIMIT_NOFILE, _STANDARD_FILES)
        answer = _ANSWERED + function(payload)
    except BadInput as refusal:
        answer = _REFUSED + json.dumps({"message": refusal.message, "field": refusal.field}).encode()
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)
    sys.stdout.buffer.write(answer)


def _limit(kind: int, most: int) -> None:
    """Never above what this process was given."""
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main(*sys.argv[1:])
