import pytest
from django.core.management import get_commands, load_command_class

OURS = sorted((app, name) for name, app in get_commands().items() if app in {"procurement", "sites"})


@pytest.mark.parametrize(("app", "name"), OURS, ids=[name for _, name in OURS])
def test_every_command_can_say_what_it_does(app: str, name: str) -> None:
    command = load_command_class(app, name)
    parser = command.create_parser("manage.py", name)

    # Argparse wraps the words, and stumbles over any that are translated only when read.
    assert command.help in " ".join(parser.format_help().split())
