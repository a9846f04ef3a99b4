"""Rows by many keys at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignKey, Lookup, Q
from django.db.models.sql.compiler import SQLCompiler


@dataclass(frozen=True, slots=True)
class Keys:
    """As PostgreSQL reads an array of them, `{…}`: nothing that Django or the driver would take apart again."""

    array: str


@ForeignKey.register_lookup
@Field.register_lookup
class Among(Lookup):
    """As `in`, for keys: they go to PostgreSQL as one array. Django takes each of a thousand apart otherwise, and so
    does the driver, which costs more than reading the rows.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, values = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::uuid[])", (*values, self.rhs.array)


def among(field: str, keys: Iterable[UUID]) -> Q:
    """Those of which `field`, a key or a relation, is one of these; of no keys nothing, and without a query."""
    array = as_array(keys)
    return Q(**{f"{field}__in": ()}) if array == "{}" else Q(**{f"{field}__among": Keys(array)})


def as_array(keys: Iterable[UUID]) -> str:
    """For a statement that says `::uuid[]` behind its place."""
    return "{" + ",".join([f"{key.int:032x}" for key in keys]) + "}"
