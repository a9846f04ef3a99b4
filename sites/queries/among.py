"""Rows by many keys at once."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignKey, Lookup, Q
from django.db.models.sql.compiler import SQLCompiler


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
        return f"{column} = ANY(%s)", (*values, list(self.rhs))


def among(field: str, keys: Iterable[UUID]) -> Q:
    """Those of which `field`, a key or a relation, is one of these; of no keys nothing, and without a query."""
    wanted = frozenset(keys)
    return Q(**{f"{field}__among": wanted}) if wanted else Q(**{f"{field}__in": ()})
