"""What operators and integrators rely on is written down: each setting, command, rule, role, permission and refusal."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from django.core.management import get_commands

import procurement.config.urls  # noqa: F401 - what refuses is known once all of it is imported
from procurement.config.environment import Environment
from procurement.management.runtime.places import REPOSITORY
from procurement.vocabulary import Rule
from sites.accounts.permissions import OPENED_BY, ROLES, Permission, Scope
from sites.domain.errors import RuleBroken

DOCS = REPOSITORY / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def settings() -> list[str]:
    return sorted(str(field.validation_alias) for field in Environment.model_fields.values())


def own_commands() -> list[str]:
    return sorted(name for name, app in get_commands().items() if app == "procurement")


def refusals(of: type[RuleBroken] = RuleBroken) -> Iterable[str]:
    yield of.code
    for child in of.__subclasses__():
        yield from refusals(child)


@pytest.mark.parametrize("name", settings())
def test_every_setting_is_described(name: str) -> None:
    assert f"`{name}`" in page("operating.md")


@pytest.mark.parametrize("name", own_commands())
def test_every_command_is_described(name: str) -> None:
    assert f"`{name}" in page("operating.md")


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_is_described(rule: Rule) -> None:
    assert f"`{rule.value}`" in page("alerts.md")


@pytest.mark.parametrize("permission", list(Permission))
def test_every_permission_is_described_with_the_roles_that_hold_it(permission: Permission) -> None:
    row = next(line for line in page("rights.md").splitlines() if line.startswith(f"| `{permission.value}`"))
    holders = {role.value for role, grant in ROLES.items() if permission in grant.permissions}

    assert {cell.strip("` ") for cell in row.split("|")[3].split(",")} == holders


@pytest.mark.parametrize("scope", list(Scope))
def test_every_scope_of_a_key_is_described_with_the_permissions_that_open_it(scope: Scope) -> None:
    row = next(line for line in page("rights.md").splitlines() if line.startswith(f"| `{scope.value}`"))
    needed = {permission.value for permission in OPENED_BY.get(scope, {Permission.SITE_VIEW})}

    assert {word.strip("` ") for word in row.split("|")[3].split(" or ")} == needed


@pytest.mark.parametrize("code", sorted(set(refusals())))
def test_every_refusal_is_described(code: str) -> None:
    assert f"`{code}`" in page("api.md")


@pytest.mark.parametrize(
    "link", ["dates.md", "alerts.md", "api.md", "architecture.md", "operating.md", "performance.md"]
)
def test_the_pages_that_the_readme_points_to_exist(link: str) -> None:
    assert f"docs/{link}" in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert Path(DOCS / link).is_file()
