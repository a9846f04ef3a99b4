#!/usr/bin/env python3
"""Longlead's command line. In a checkout that nobody configured it runs on the demo's own database."""

import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def use_own_environment() -> None:
    """Start again under the checkout's virtual environment where this Python has no Django."""
    own = HERE / ".venv"
    python = own / "bin" / "python"
    if importlib.util.find_spec("django") is None and python.exists() and Path(sys.prefix).resolve() != own.resolve():
        os.execv(python, [str(python), str(HERE / "manage.py"), *sys.argv[1:]])  # noqa: S606


def main() -> None:
    use_own_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "procurement.config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Run `make setup` in the repository first.")

    from procurement.management.runtime import bare_checkout
    from procurement.management.runtime.places import StartUpError

    if sys.argv[1:2] == ["demo"]:
        os.environ.setdefault("LONGLEAD_MODE", "demo")
    if not bare_checkout.is_bare():
        execute_from_command_line(sys.argv)
        return
    try:
        with bare_checkout.surroundings(sys.argv):
            execute_from_command_line(sys.argv)
    except StartUpError as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main()
