"""The tables of cases, and their tests: rows that break one rule, and the nearest rows that keep it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, ClassVar

import pytest
from django.db import connection
from factory.declarations import SubFactory

from sites.accounts.row import new_id
from tests.factories.accounts import RowFactory
from tests.refusals import kept, refused_by

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


class RuleTests:
    """Of the tables that a module names in a class of its own."""

    checks: ClassVar[Sequence[Check]] = ()
    twice: ClassVar[Sequence[Twice]] = ()
    columns: ClassVar[Sequence[Column]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        asked = metafunc.fixturenames
        if "check" in asked:
            metafunc.parametrize("check", self.checks, ids=str)
        elif "column" in asked:
            metafunc.parametrize("column", self.columns, ids=str)
        elif "near" in asked:
            cases = [(case, near) for case in self.twice for near in case.near]
            metafunc.parametrize(("repeated", "near"), cases, ids=case_id)
        else:
            metafunc.parametrize("repeated", self.twice, ids=str)

    def test_a_row_that_breaks_a_rule_is_refused_in_its_name(self, check: Check) -> None:
        with refused_by(check.rule):
            check.factory.create(**check.wrong)

    def test_the_nearest_row_that_keeps_the_rule_is_stored(self, check: Check) -> None:
        with kept():
            check.factory.create(**check.right)

    def test_what_must_be_unique_is_refused_the_second_time(self, repeated: Twice) -> None:
        first = repeated.make_first()

        with refused_by(repeated.rule):
            repeated.make_second(first)

    def test_what_differs_in_one_part_of_a_unique_rule_is_stored(self, repeated: Twice, near: Given) -> None:
        first = repeated.make_first()

        with kept():
            repeated.make_second(first, **near)

    def test_a_unique_value_is_refused_the_second_time(self, column: Column) -> None:
        first = column.factory.create(**column.first)

        with refused_by(column.index_name):
            column.write_again(first)
