"""Whole columns of a statement at once: PostgreSQL's binary form read as arrays, with no object a row.

Every column is fixed in width and never null: a missing date is '-infinity', which arrives as `NO_DAY`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from sites.queries.among import as_array

Column = NDArray[Any]
Keys = NDArray[np.bytes_]

# What PostgreSQL sends: dates as days and instants as microseconds since 2000-01-01.
_TYPES: Final = {"day": ">i4", "int": ">i4", "long": ">i8", "instant": ">i8", "flag": "u1", "key": "S16"}
_SENT: Final = {
    "day": "date_send(coalesce({0}, '-infinity'::date))",
    "int": "int4send(coalesce({0}, -1)::int4)",
    "long": "int8send(({0})::int8)",
    "instant": "timestamptz_send(coalesce({0}, '-infinity'::timestamptz))",
    "flag": "boolsend({0})",
    "key": "uuid_send(coalesce({0}, '00000000-0000-0000-0000-000000000000'::uuid))",
}
NO_KEY: Final = b""


def read(columns: Mapping[str, tuple[str, str]], source: str, values: Mapping[str, Any]) -> dict[str, Column]:
    """`columns` gives type and expression by name, `source` all from FROM on, with its order.

    COPY would do the same, but the driver takes it row by row: one value of all rows is read several times faster.
    Of an empty list of keys among `values` there is nothing, and no statement.
    """
    record = np.dtype([(name, _TYPES[kind]) for name, (kind, _) in columns.items()])
    if "{}" in values.values():
        return {name: _native(np.zeros(0, record)[name], kind) for name, (kind, _) in columns.items()}
    sent = " || ".join(_SENT[kind].format(expression) for kind, expression in columns.values())
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(string_agg(sent, ''::bytea), ''::bytea), count(*) FROM (SELECT {sent} AS sent {source})"  # noqa: S608
            " AS rows",
            values,
        )
        whole, count = cursor.fetchall()[0]
    rows = np.frombuffer(whole, record)
    assert len(rows) == count, "a column was null"
    return {name: _native(rows[name], kind) for name, (kind, _) in columns.items()}


def _native(column: Column, kind: str) -> Column:
    if kind == "key":
        return column.copy()
    return column.astype({"flag": np.bool_, "long": np.int64, "instant": np.int64}.get(kind, np.int32))


def keys_of(ids: Iterable[UUID]) -> Keys:
    return np.array([key.bytes for key in ids], "S16")


def as_list(keys: Keys | Iterable[UUID]) -> str:
    """As the text of a PostgreSQL array of uuid."""
    if isinstance(keys, np.ndarray):
        return "{" + ",".join(each.hex() for each in padded(keys)) + "}"
    return as_array(keys)


def padded(keys: Keys) -> list[bytes]:
    """All sixteen bytes of each: the array forgets zero bytes at the end."""
    return [each.ljust(16, b"\0") for each in keys.tolist()]


def uuids(keys: Keys) -> list[UUID]:
    return [UUID(bytes=each) for each in padded(keys)]


def found_in(wanted: Column, among: Column) -> NDArray[np.int64]:
    """The place of each wanted key in `among`, which is sorted; -1 where it is not there."""
    if not len(among):
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(among, wanted), len(among) - 1)
    return np.where(among[place] == wanted, place, -1)
