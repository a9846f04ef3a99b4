"""The shape of the tables of cases: rows that break one rule, and the nearest rows that keep it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from django.db import connection
from factory.declarations import SubFactory

from sites.accounts.row import new_id
from tests.factories.accounts import RowFactory

Given = Mapping[str, Any]


class Own:
    """In `near`: let the factory choose this value for the second row."""


def case_id(part: Any) -> str:
    """The same in every process that shares the suite: no address of an object."""
    return "-".join(part) if isinstance(part, dict) else str(part)


@dataclass(frozen=True)
class Check:
    """One row given `wrong` is refused; given `right`, it is stored."""

    rule: str
    factory: type[RowFactory[Any]]
    wrong: Given
    right: Given

    def __str__(self) -> str:
        return self.rule


@dataclass(frozen=True)
class Twice:
    """A second row that is the `same` as the first in these fields is refused; with one of `near` it is stored."""

    rule: str
    factory: type[RowFactory[Any]]
    same: tuple[str, ...]
    near: tuple[Given, ...]
    first: Given = field(default_factory=dict)
    again: Given = field(default_factory=dict)

    def __str__(self) -> str:
        return self.rule

    def make_first(self) -> Any:
        return self.factory.create(**self.first)

    def make_second(self, first: Any, **near: Any) -> Any:
        shared = {path: reduce(getattr, path.split("__"), first) for path in self.same}
        given = {**self.first, **shared, **self.again, **near}
        return self.factory.create(**{name: value for name, value in given.items() if value is not Own})


@dataclass(frozen=True)
class Column:
    """A copy of a row is refused for this column, given `again` for the row's other unique values."""

    name: str
    factory: type[RowFactory[Any]]
    first: Given = field(default_factory=dict)
    again: Given = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def index_name(self) -> str:
        """PostgreSQL's own name for the rule."""
        meta = self.factory._meta.model._meta
        column = meta.get_field(self.name.split(".")[1]).column
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, meta.db_table)
        (name,) = (key for key, rule in found.items() if rule["unique"] and rule["columns"] == [column])
        return name

    def write_again(self, first: Any) -> None:
        copy = type(first).objects.get(pk=first.pk)
        copy.pk = new_id()
        copy._state.adding = True
        for name, value in self.again.items():
            setattr(copy, name, value.get_factory().create() if isinstance(value, SubFactory) else value)
        copy.save(force_insert=True)
