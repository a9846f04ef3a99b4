"""What the start-up files name must exist: a command, a module, a variable, a target."""

import importlib.util
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands
from pydantic import ValidationError

from procurement.config.environment import Environment
from procurement.management.runtime import assets, stack
from procurement.management.runtime.places import REPOSITORY, StartUpError

START_UP_FILES = ["Makefile", "Dockerfile", "docker-compose.yml", ".ci/run"]
LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))
BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
MACHINE_PATH = re.compile(r"/(?:root|Users)/\w|/home/\w+/")
OURS = {"web", "worker", "beat", "sender", "migrate"}


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def committed_texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: nothing tells which files are committed")
    for name in filter(None, listed.stdout.split("\0")):
        path = REPOSITORY / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            yield name, content.decode("utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text("docker-compose.yml"))
    return loaded


def variables() -> set[str]:
    return {str(field.validation_alias) for field in Environment.model_fields.values()}


def interpolated(content: str) -> set[str]:
    return set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", content))


def required(content: str) -> set[str]:
    return set(re.findall(r"(?<!\$)\$\{([A-Z_]+):\?", content))


@pytest.mark.parametrize("name", START_UP_FILES)
def test_every_command_named_exists(name: str) -> None:
    named = set(re.findall(r"manage\.py\W+([a-z_]+)", text(name)))

    assert named <= set(get_commands())


def test_every_command_the_supervisor_runs_exists() -> None:
    argvs = [component.argv for component in stack.background()]
    commands = {argv[2] for argv in [*argvs, stack.MIGRATE] if list(argv[:2]) == stack.MANAGE}

    assert commands <= set(get_commands())
    assert commands


@pytest.mark.parametrize("name", START_UP_FILES)
def test_every_module_named_exists(name: str) -> None:
    content = text(name)
    named = set(re.findall(r"-m[\s\",]+([a-z][\w.]*)", content))
    named |= set(re.findall(r"-A[\s\",]+([a-z][\w.]*)", content)) | set(
        re.findall(r"([a-z][\w.]+):application", content)
    )

    assert [module for module in sorted(named) if importlib.util.find_spec(module) is None] == []


def test_every_variable_given_to_our_containers_is_read(compose: dict[str, Any]) -> None:
    for name in OURS:
        assert set(compose["services"][name]["environment"]) <= variables()


@pytest.mark.parametrize("name", [*START_UP_FILES, ".env.example"])
def test_every_variable_of_ours_that_a_file_names_is_read(name: str) -> None:
    named = set(re.findall(r"\bLONGLEAD_[A-Z_]+|\b(?:DATABASE|REDIS)_URL\b", text(name)))

    assert named <= variables()


def test_what_production_cannot_start_without_is_asked_for(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValidationError) as refusal:
        Environment()
    wrong = [str(error["loc"][0]) for error in refusal.value.errors()]
    missing = {str(Environment.model_fields[name].validation_alias) for name in wrong}

    assert missing
    assert missing <= required(text("docker-compose.yml"))


def test_the_example_environment_names_what_compose_asks_for() -> None:
    given = {line.split("=")[0] for line in text(".env.example").splitlines() if line and not line.startswith("#")}

    assert given == interpolated(text("docker-compose.yml"))


def test_compose_runs_every_process_and_keeps_what_must_be_kept(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert set(services) == OURS | {"postgres", "redis", "mailpit"}
    assert services["mailpit"]["profiles"] == ["trial"]
    assert services["postgres"]["image"] == "postgres:18"
    assert services["redis"]["command"] == ["redis-server", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
    for name in ("web", "worker", "beat", "sender"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for name in ("web", "worker", "postgres", "redis"):
        assert services[name]["healthcheck"]["test"]
    for name in ("postgres", "redis"):
        assert {mount.split(":")[0] for mount in services[name]["volumes"]} <= set(compose["volumes"])


def test_compose_and_the_supervisor_start_celery_on_the_same_queues(compose: dict[str, Any], settings: Any) -> None:
    def queues(argv: list[str]) -> set[str]:
        return set(argv[argv.index("--queues") + 1].split(","))

    supervised = next(part for part in stack.background() if part.name == "worker")
    routed = {settings.CELERY_TASK_DEFAULT_QUEUE} | {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}

    assert queues(compose["services"]["worker"]["command"]) == queues(list(supervised.argv)) == routed


def test_the_image_runs_as_an_ordinary_account() -> None:
    lines = text("Dockerfile").splitlines()
    user = [number for number, line in enumerate(lines) if line.startswith("USER ")]

    assert user
    assert lines[user[-1]] != "USER root"
    assert user[-1] < next(number for number, line in enumerate(lines) if line.startswith("CMD "))


def test_what_the_image_copies_is_let_through_and_exists() -> None:
    allowed = [line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY ((?:[\w./-]+ )+)", text("Dockerfile"), re.MULTILINE)
    sources = {source for group in copied for source in group.split()} - {"."}

    assert sources
    assert all((REPOSITORY / source).exists() for source in sources)
    assert all(Path(source).parts[0] in allowed for source in sources)


def test_make_describes_every_target_it_offers() -> None:
    content = text("Makefile")
    offered = set(re.search(r"^\.PHONY: (.*)$", content, re.MULTILINE)[1].split()) - {"help"}  # type: ignore[index]
    described = set(re.findall(r"@echo 'make ([a-z-]+)", content))

    assert offered == described
    assert offered == {"setup", "demo", "test", "check", "bench", "chaos", "fuzz", "pictures", "clean-demo"}


def test_ci_is_a_strict_script_that_can_be_run() -> None:
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)
    assert "set -euo pipefail" in text(".ci/run")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_by_hash_and_names_no_registry(lock: Path) -> None:
    content = lock.read_text()
    pinned = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==", content, re.MULTILINE)

    assert "://" not in content
    assert pinned
    assert not re.findall(r"^(?:-i|--index-url|--extra-index-url|--find-links)", content, re.MULTILINE)
    for block in re.split(r"^(?=[\w.-]+(?:\[[\w,]+\])?==)", content, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block


def test_the_package_lock_names_no_registry_and_every_package_by_hash() -> None:
    lock = json.loads(text("package-lock.json"))
    packages = {name: package for name, package in lock["packages"].items() if name}

    assert packages
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if not package.get("integrity")] == []


def test_npm_packages_are_exact_and_run_no_script() -> None:
    package = json.loads(text("package.json"))

    wanted = [*package["dependencies"].values(), *package["devDependencies"].values()]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted)
    assert "ignore-scripts=true" in text(".npmrc").splitlines()
    assert "omit-lockfile-registry-resolved=true" in text(".npmrc").splitlines()


def test_only_named_files_are_collected_and_a_missing_one_is_named(tmp_path: Path) -> None:
    modules, target = tmp_path / "node_modules", tmp_path / "assets" / "vendor"
    for source in [*assets.allow_list(), "@tabler/core/dist/js/tabler-theme.js"]:
        (modules / source).parent.mkdir(parents=True, exist_ok=True)
        (modules / source).write_text(source)

    assets.collect(modules, target)

    collected = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    named = set(assets.allow_list().values())
    assert collected == named | {f"{name}.gz" for name in named if name.endswith((".css", ".js"))}

    (modules / "@tabler/icons/icons/outline/bell.svg").unlink()
    with pytest.raises(StartUpError, match=r"outline/bell\.svg"):
        assets.collect(modules, target)
    assert (target / "icons" / "bell.svg").exists()


def test_committed_files_hold_no_hidden_direction_and_no_path_of_a_machine() -> None:
    found = [
        name for name, content in committed_texts() if BIDIRECTIONAL.search(content) or MACHINE_PATH.search(content)
    ]

    assert found == []
