"""Schedule files of strangers, read in the closed room."""

from procurement.gateways import sandbox
from procurement.gateways.sandbox import Limits
from sites.readers import recalculated_json, schedule_file, schedule_json, schedule_pack
from sites.readers.limits import LONGEST_FILE
from sites.readers.schedule_pack import PackedFile

LIMITS = Limits(cpu_seconds=60, memory_bytes=1024 * 1024 * 1024, wall_seconds=120)


def read(content: bytes) -> PackedFile:
    """Raises BadInput naming the line, or `file` where reading it passes a limit."""
    _check_size(content)
    return schedule_pack.from_bytes(sandbox.run(f"{schedule_pack.__name__}:parse", content, limits=LIMITS))


def summarise(content: bytes, *, recalculated: bool = False) -> bytes:
    """What the file holds, as JSON: a list with one entry a project, and what its own logic makes of it where asked.

    Raises as `read`.
    """
    _check_size(content)
    reader = recalculated_json if recalculated else schedule_json
    return sandbox.run(f"{reader.__name__}:summarise", content, limits=LIMITS)


def _check_size(content: bytes) -> None:
    """Before a process is started for it."""
    if len(content) > LONGEST_FILE:
        raise schedule_file.too_large()
