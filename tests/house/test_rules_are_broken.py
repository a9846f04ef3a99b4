"""No rule without a test that breaks it, by name."""

import re
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model, UniqueConstraint

TESTS = Path(__file__).resolve().parents[1]
FOLDERS = ["sites/models", "sites/accounts", "procurement/models"]
OURS = ["accounts", "sites", "procurement"]


def _models() -> list[type[Model]]:
    return [
        model
        for label in OURS
        for model in apps.get_app_config(label).get_models()
        if not hasattr(model, "pgh_tracked_model")
    ]


RULES = sorted(
    {constraint.name for model in _models() for constraint in model._meta.constraints}
    | {
        trigger.name
        for model in _models()
        for trigger in model._meta.original_attrs.get("triggers", [])
        if type(trigger).__name__ == "Protect"
    }
)


@cache
def _sources() -> str:
    return "\n".join(path.read_text() for folder in FOLDERS for path in sorted((TESTS / folder).glob("test_*.py")))


def _is_broken_somewhere(rule: str) -> bool:
    """As the first word of a case of a table, or where a test says who refuses."""
    return re.search(rf"(Check|Twice|refused_by)\(\s*\"{rule}\"", _sources()) is not None


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_of_a_model_has_a_test_that_breaks_it(rule: str) -> None:
    assert _is_broken_somewhere(rule)


@pytest.mark.django_db
def test_every_rule_of_a_trigger_has_a_test_that_breaks_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT prosrc FROM pg_proc"
            " WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'longlead%%'"
        )
        sources = [source for (source,) in cursor.fetchall()]

    named = {rule for source in sources for rule in re.findall(r"CONSTRAINT = '(\w+)'", source)}

    assert named
    assert {rule for rule in named if not _is_broken_somewhere(rule)} == set()


def _unique_columns() -> set[str]:
    """But for keys, and for those that a rule with a name holds as well."""
    return {
        f"{model.__name__}.{field.name}"
        for model in _models()
        for field in model._meta.local_fields
        if field.unique and not field.primary_key and (field.name,) not in _named_alone(model)
    }


def _named_alone(model: type[Model]) -> set[tuple[str, ...]]:
    unique = [rule for rule in model._meta.constraints if isinstance(rule, UniqueConstraint)]
    return {tuple(rule.fields) for rule in unique if rule.condition is None}


@pytest.mark.parametrize("column", sorted(_unique_columns()))
def test_every_unique_column_has_a_test_that_gives_a_value_twice(column: str) -> None:
    assert f'Column("{column}"' in _sources()
