"""The first person: an administrator of the whole portfolio."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sites.domain.errors import RuleBroken
from sites.services import people

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Create an administrator. Asks for the password, or reads it from standard input with --password-stdin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else self._ask()
        try:
            user = people.create_administrator(
                username=options["username"], email=options["email"], name=options["name"], password=password
            )
        except RuleBroken as refusal:
            raise CommandError(f"{refusal.field}: {refusal.message}", returncode=BAD_INPUT) from None
        self.stdout.write(f"{user.username} can log in and grant roles.")

    def _ask(self) -> str:
        first = getpass.getpass("Password: ")
        if first != getpass.getpass("Again: "):
            raise CommandError("password: the two differ.", returncode=BAD_INPUT)
        return first
