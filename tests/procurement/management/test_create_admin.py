import io

import pytest
from django.core.management import CommandError, call_command

from sites.accounts.models import User

pytestmark = pytest.mark.django_db


def _run(password: str, *, username: str = "root", email: str = "root@people.example") -> str:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(password + "\n"))
        call_command("create_admin", username, "--email", email, "--password-stdin", stdout=out)
    return out.getvalue()


def test_the_first_person_is_made_from_standard_input() -> None:
    said = _run("wind-tunnel-42-turbine")

    assert said == "root can log in and grant roles.\n"
    assert User.objects.get().check_password("wind-tunnel-42-turbine")


@pytest.mark.parametrize(
    ("password", "given", "field"),
    [
        ("short", {}, "password"),
        ("wind-tunnel-42-turbine", {"email": "nowhere"}, "email"),
        ("wind-tunnel-42-turbine", {"username": "no blanks"}, "username"),
    ],
)
def test_bad_input_is_named_and_ends_with_2(password: str, given: dict[str, str], field: str) -> None:
    with pytest.raises(CommandError, match=f"^{field}: ") as refusal:
        _run(password, **given)

    assert refusal.value.returncode == 2
    assert not User.objects.exists()


def test_two_different_passwords_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["wind-tunnel-42-turbine", "wind-tunnel-42-turbin"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))

    with pytest.raises(CommandError, match=r"^password: the two differ\.") as refusal:
        call_command("create_admin", "root", "--email", "root@people.example")

    assert refusal.value.returncode == 2


def test_a_password_typed_twice_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: "wind-tunnel-42-turbine")

    call_command("create_admin", "root", "--email", "root@people.example", stdout=io.StringIO())

    assert User.objects.get().check_password("wind-tunnel-42-turbine")
