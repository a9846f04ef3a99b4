"""A schedule that was read, packed to leave the closed room: what is said of it as JSON, its rows as PostgreSQL copies
them in. So whoever opens it never holds two hundred thousand rows as objects.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from json import dumps
from operator import attrgetter

from pydantic import TypeAdapter

from sites.domain.site_schedule import (
    ScheduleActivity,
    ScheduleBaselineActivity,
    ScheduleFile,
    ScheduleLink,
    ScheduleProject,
)
from sites.readers import schedule_file
from sites.readers.schedule_json import summary_of
from sites.vocabulary import ScheduleFormat

_NAME, _PATH, _KEY, _CODE = 300, 300, 40, 80

MOMENTS = (
    "planned_start", "planned_finish", "early_start", "early_finish", "late_start", "late_finish", "actual_start",
    "actual_finish", "remaining_start", "remaining_finish", "suspended", "resumed", "expected_finish",
    "external_early_start", "external_late_finish", "constraint_moment", "second_constraint_moment",
)  # fmt: skip
_AMOUNTS = (
    "original_hours", "remaining_hours", "at_completion_hours", "total_float_hours", "free_float_hours",
    "percent_complete",
)  # fmt: skip
ACTIVITY_COLUMNS = (
    "place", "code", "name", "wbs", "wbs_key", "kind", "status", "calendar_key", "percent_kind", "constraint",
    "second_constraint", "is_driving", "is_manual", "codes", *MOMENTS, *_AMOUNTS,
)  # fmt: skip
LINK_COLUMNS = (
    "place", "predecessor_project", "predecessor_code", "successor_code", "kind", "lag_hours", "lag_calendar",
)  # fmt: skip
BASELINE_COLUMNS = ("baseline", "code", "start", "finish", "duration_hours")


@dataclass(frozen=True, slots=True)
class PackedProject:
    """`project` without its rows, which follow as blocks of lines in the text form of COPY, their columns as above.

    `earliest` and `latest` are the first and last moment of any row; null where none has one. A link within the project
    has an empty `predecessor_project`.
    """

    project: ScheduleProject
    summary: dict[str, object]
    earliest: datetime | None
    latest: datetime | None
    activities: bytes
    links: bytes
    baselines: bytes


@dataclass(frozen=True, slots=True)
class PackedFile:
    format: ScheduleFormat
    version: str
    currency: str
    projects: tuple[PackedProject, ...]


def pack(file: ScheduleFile) -> PackedFile:
    return PackedFile(file.format, file.version, file.currency, tuple(map(_packed, file.projects)))


def parse(content: bytes) -> bytes:
    """All of a schedule file, packed. Raises BadInput naming the line."""
    return to_bytes(pack(schedule_file.read(content)))


# -- on the wire -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _HeadOfProject:
    project: ScheduleProject
    summary: dict[str, object]
    earliest: datetime | None
    latest: datetime | None
    sizes: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Head:
    format: ScheduleFormat
    version: str
    currency: str
    projects: tuple[_HeadOfProject, ...]


_HEAD = TypeAdapter(_Head)


def to_bytes(file: PackedFile) -> bytes:
    """The head on one line, then the blocks of each project behind each other."""
    projects: list[_HeadOfProject] = []
    blocks: list[bytes] = []
    for packed in file.projects:
        three = (packed.activities, packed.links, packed.baselines)
        sizes = (len(three[0]), len(three[1]), len(three[2]))
        projects.append(_HeadOfProject(packed.project, packed.summary, packed.earliest, packed.latest, sizes))
        blocks += three
    head = _HEAD.dump_json(_Head(file.format, file.version, file.currency, tuple(projects)))
    return b"".join((head, b"\n", *blocks))


def from_bytes(raw: bytes) -> PackedFile:
    """Raises ValueError where it is not what `to_bytes` made."""
    end = raw.index(b"\n")
    head = _HEAD.validate_json(raw[:end])
    at = end + 1
    projects = []
    for each in head.projects:
        blocks: list[bytes] = []
        for size in each.sizes:
            blocks.append(raw[at : at + size])
            at += size
        activities, links, baselines = blocks
        projects.append(
            PackedProject(each.project, each.summary, each.earliest, each.latest, activities, links, baselines)
        )
    if at != len(raw):
        raise ValueError
    return PackedFile(head.format, head.version, head.currency, tuple(projects))


# -- rows ------------------------------------------------------------------------------------------------------------


def _packed(project: ScheduleProject) -> PackedProject:
    moments = [at for row in project.activities for at in _moments(row) if at is not None]
    moments += [at for each in project.baselines for at in (each.start, each.finish) if at is not None]
    return PackedProject(
        project=replace(project, activities=(), links=(), baselines=()),
        summary=summary_of(project),
        earliest=min(moments, default=None),
        latest=max(moments, default=None),
        activities=_block(_activity(place, row) for place, row in enumerate(project.activities)),
        links=_block(_link(place, row, project.id) for place, row in enumerate(project.links)),
        baselines=_block(map(_baseline, project.baselines)),
    )


def _block(rows: Iterable[str]) -> bytes:
    return "".join(rows).encode()


_moments = attrgetter(*MOMENTS)
_amounts = attrgetter(*_AMOUNTS)
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_NULL = r"\N"
_FLAG = {True: "t", False: "f", None: _NULL}


def _text(value: str) -> str:
    """As COPY reads it; PostgreSQL keeps no zero byte."""
    return value if value.isprintable() and "\\" not in value else value.replace("\0", " ").translate(_ESCAPED)


@lru_cache(maxsize=65536)
def _moment(value: datetime | None) -> str:
    return _NULL if value is None else value.isoformat(" ")


@lru_cache(maxsize=65536)
def _amount(value: Decimal | None) -> str:
    return _NULL if value is None else format(value, "f")


def _activity(place: int, row: ScheduleActivity) -> str:
    return "\t".join(
        (
            str(place),
            _text(row.code),
            _text(row.name[:_NAME]),
            _text(row.wbs[-_PATH:]),
            _text(row.wbs_id[:_KEY]),
            row.kind.value,
            row.status.value,
            _text(row.calendar_id[:_KEY]),
            row.percent_kind.value if row.percent_kind else "",
            _text(str(row.constraint)),
            _text(str(row.second_constraint)),
            _FLAG[row.is_driving],
            _FLAG[row.is_manual],
            _text(dumps(dict(row.codes), ensure_ascii=False)) if row.codes else "{}",
            *map(_moment, _moments(row)),
            *map(_amount, _amounts(row)),
        )
    ) + "\n"  # fmt: skip


def _link(place: int, row: ScheduleLink, project_id: str) -> str:
    there = "" if row.predecessor_project == project_id else row.predecessor_project
    return "\t".join(
        (
            str(place),
            _text(there),
            _text(row.predecessor_code),
            _text(row.successor_code),
            row.kind.value,
            _amount(row.lag_hours),
            row.lag_calendar.value if row.lag_calendar else "",
        )
    ) + "\n"  # fmt: skip


def _baseline(row: ScheduleBaselineActivity) -> str:
    name, code = _text(row.baseline[:_CODE]), _text(row.code)
    return f"{name}\t{code}\t{_moment(row.start)}\t{_moment(row.finish)}\t{_amount(row.duration_hours)}\n"


def lines(block: bytes, first: str) -> Iterator[bytes]:
    """The block in pieces of whole lines, each line led by a column more: a value that needs no escaping."""
    lead = f"{first}\t".encode()
    at = 0
    while at < len(block):
        stop = block.find(b"\n", min(at + _PIECE, len(block) - 1)) + 1
        yield lead + block[at : stop - 1].replace(b"\n", b"\n" + lead) + b"\n"
        at = stop


_PIECE = 256 * 1024
