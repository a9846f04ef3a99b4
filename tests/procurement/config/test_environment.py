"""All that is wrong is named at once, before anything starts."""

import os
from pathlib import Path

import pytest

from procurement.config.environment import UNSAFE_SECRET_KEY, Environment, Mode, read_environment

READ = {"DATABASE_URL", "REDIS_URL"}
GOOD = {
    "LONGLEAD_MODE": "production",
    "LONGLEAD_SECRET_KEY": "a" * 32,
    "LONGLEAD_KEY_PEPPER": "b" * 32,
    "LONGLEAD_SMTP_HOST": "mail.longlead.example",
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("LONGLEAD_") or name in READ:
            monkeypatch.delenv(name)


def _set(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def _refused(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Name and complaint of each wrong variable."""
    with pytest.raises(SystemExit) as ended:
        read_environment()
    assert ended.value.code == 2
    first, *lines = capsys.readouterr().err.splitlines()
    assert first == "Longlead cannot start, the environment is wrong:"
    complaints = [line.strip().partition(": ") for line in lines]
    return {name: complaint for name, _, complaint in complaints}


def test_production_starts_with_its_own_secrets_and_a_mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, GOOD)

    assert read_environment().mode is Mode.PRODUCTION


@pytest.mark.parametrize("mode", ["demo", "test"])
def test_only_production_needs_any_variable(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    _set(monkeypatch, {"LONGLEAD_MODE": mode})

    assert read_environment().mode == mode


def test_nothing_said_means_production_and_names_all_that_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    assert _refused(capsys) == {
        "LONGLEAD_SECRET_KEY": "must be set to at least 32 characters of your own",
        "LONGLEAD_KEY_PEPPER": "must be set to at least 32 characters of your own",
        "LONGLEAD_SMTP_HOST": "must name a mail server",
    }


def test_values_that_cannot_be_read_and_rules_of_production_are_named_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _set(
        monkeypatch,
        {
            "LONGLEAD_DEBUG": "on",
            "LONGLEAD_SMTP_PORT": "smtp",
            "LONGLEAD_HOLD_SECONDS": "-1",
            "LONGLEAD_SMTP_SECURITY": "ssl",
            "LONGLEAD_LOG_LEVEL": "LOUD",
            "DATABASE_URL": "mysql://longlead@/longlead",
            "REDIS_URL": "127.0.0.1:6379",
            "LONGLEAD_BASE_URL": "longlead.example",
        },
    )

    assert _refused(capsys).keys() == {
        "LONGLEAD_SECRET_KEY",
        "LONGLEAD_KEY_PEPPER",
        "LONGLEAD_DEBUG",
        "LONGLEAD_SMTP_HOST",
        "LONGLEAD_SMTP_PORT",
        "LONGLEAD_HOLD_SECONDS",
        "LONGLEAD_SMTP_SECURITY",
        "LONGLEAD_LOG_LEVEL",
        "DATABASE_URL",
        "REDIS_URL",
        "LONGLEAD_BASE_URL",
    }


WRONG = [
    pytest.param({"LONGLEAD_SECRET_KEY": UNSAFE_SECRET_KEY}, "LONGLEAD_SECRET_KEY", id="the default key"),
    pytest.param({"LONGLEAD_SECRET_KEY": "a" * 31}, "LONGLEAD_SECRET_KEY", id="a short key"),
    pytest.param({"LONGLEAD_KEY_PEPPER": UNSAFE_SECRET_KEY}, "LONGLEAD_KEY_PEPPER", id="the default key as pepper"),
    pytest.param({"LONGLEAD_KEY_PEPPER": "b" * 31}, "LONGLEAD_KEY_PEPPER", id="a short pepper"),
    pytest.param({"LONGLEAD_DEBUG": "true"}, "LONGLEAD_DEBUG", id="debug"),
    pytest.param({"LONGLEAD_SMTP_HOST": ""}, "LONGLEAD_SMTP_HOST", id="no mail server"),
    pytest.param({"LONGLEAD_SMTP_PORT": "0"}, "LONGLEAD_SMTP_PORT", id="no port"),
    pytest.param({"LONGLEAD_SMTP_PORT": "65536"}, "LONGLEAD_SMTP_PORT", id="a port too high"),
    pytest.param({"LONGLEAD_HOLD_SECONDS": "3601"}, "LONGLEAD_HOLD_SECONDS", id="a hold of more than an hour"),
    pytest.param({"LONGLEAD_STATEMENT_TIMEOUT_MS": "-1"}, "LONGLEAD_STATEMENT_TIMEOUT_MS", id="a negative time-out"),
    pytest.param({"LONGLEAD_LOCK_TIMEOUT_MS": "soon"}, "LONGLEAD_LOCK_TIMEOUT_MS", id="a time-out in words"),
    pytest.param({"LONGLEAD_MODE": "staging"}, "LONGLEAD_MODE", id="an unknown mode"),
]


@pytest.mark.parametrize(("given", "name"), WRONG)
def test_one_wrong_variable_is_the_only_one_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: dict[str, str], name: str
) -> None:
    _set(monkeypatch, {**GOOD, **given})

    assert _refused(capsys).keys() == {name}


def test_a_refusal_prints_no_secret(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _set(monkeypatch, {**GOOD, "LONGLEAD_SECRET_KEY": "hunter2", "LONGLEAD_KEY_PEPPER": "swordfish"})

    with pytest.raises(SystemExit):
        read_environment()

    said = capsys.readouterr().err
    assert "hunter2" not in said
    assert "swordfish" not in said


def test_an_environment_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {**GOOD, "LONGLEAD_SMTP_PASSWORD": "swordfish"})

    shown = repr(Environment())

    assert not {GOOD["LONGLEAD_SECRET_KEY"], GOOD["LONGLEAD_KEY_PEPPER"], "swordfish"} & set(shown.split("'"))


def test_the_pepper_follows_from_the_secret_key_where_none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"LONGLEAD_MODE": "demo", "LONGLEAD_SECRET_KEY": "k" * 40})

    assert Environment().pepper == b"k" * 40


def test_a_pepper_of_its_own_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, GOOD)

    assert Environment().pepper == b"b" * 32


def test_hosts_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {**GOOD, "LONGLEAD_ALLOWED_HOSTS": " a.example, b.example,, "})

    assert Environment().hosts == ["a.example", "b.example"]


def test_the_addresses_of_the_environment_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _set(monkeypatch, {**GOOD, "DATABASE_URL": "postgresql://db/x", "REDIS_URL": "redis://r/1"})
    _set(monkeypatch, {"LONGLEAD_DATA_DIR": str(tmp_path)})

    made = Environment()

    assert (made.database_url, made.redis_url, made.data_dir) == ("postgresql://db/x", "redis://r/1", tmp_path)
