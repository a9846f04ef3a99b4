import pytest

from procurement.management.runtime import bare_checkout


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("", False),
        ("help", False),
        ("version", False),
        ("demo", False),
        ("migrate --help", False),
        ("makemigrations --check", False),
        ("explain --facts -", False),
        ("explain --facts=cases.json", False),
        ("explain SYD-TX-01", True),
        ("import_schedule plan.xer --dry-run", False),
        ("import_schedule plan.xer", True),
        ("migrate", True),
        ("send_due --loop", True),
    ],
)
def test_only_commands_that_touch_tables_start_a_database(words: str, needed: bool) -> None:
    assert bare_checkout.needs_database(["manage.py", *words.split()]) is needed


@pytest.mark.parametrize("name", ["LONGLEAD_MODE", "DATABASE_URL", "LONGLEAD_SECRET_KEY"])
def test_a_configured_checkout_is_not_bare(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for known in bare_checkout.CONFIGURATION:
        monkeypatch.delenv(known, raising=False)
    assert bare_checkout.is_bare()

    monkeypatch.setenv(name, "set")

    assert not bare_checkout.is_bare()
