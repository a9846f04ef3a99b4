"""Whole rows of models by statements spelled by hand: what Django makes of one costs several times what it reads."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models

Model = TypeVar("Model", bound=models.Model)


class Whole(Generic[Model]):
    """All columns of a model under an alias, for a statement, and the row that their values are.

    Of models whose values need no conversion: none with JSON.
    """

    def __init__(self, model: type[Model], alias: str) -> None:
        fields = model._meta.concrete_fields
        assert not any(hasattr(field, "from_db_value") for field in fields), model
        self._model = model
        self._names = [field.attname for field in fields]
        self.columns = ", ".join(f"{alias}.{connection.ops.quote_name(str(field.column))}" for field in fields)

    def taken(self, values: Sequence[Any]) -> tuple[Model | None, Sequence[Any]]:
        """The row of the first values (None where an outer join found none), and the values behind it."""
        count = len(self._names)
        row = None if values[0] is None else self._model.from_db(DEFAULT_DB_ALIAS, self._names, values[:count])
        return row, values[count:]


def whole_rows(statement: str, values: dict[str, Any], *tables: Whole[Any]) -> list[list[Any]]:
    """The rows of these tables, whose columns a statement selects in this order, and what it selects besides."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found = cursor.fetchall()
    taken = []
    for left in found:
        row: list[Any] = []
        for table in tables:
            each, left = table.taken(left)
            row.append(each)
        taken.append([*row, *left])
    return taken
