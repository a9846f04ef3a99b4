"""Tries the mail server: connection, TLS, log-in, and a sample message; and asks what its sender's domain says."""

import json
import smtplib
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from procurement.gateways import name_server
from procurement.gateways.mail import Outcome, Outgoing, smtp_courier
from procurement.gateways.name_server import NameServers
from procurement.services import sender_domain
from procurement.services.mail_links import message_id
from sites.accounts.row import new_id

_WORDS = {True: "good", False: "wanting", None: "not known"}
FOUND_SOMETHING = 1
BAD_INPUT = 2


class Command(BaseCommand):
    help = (
        "Connect to the mail server, secure the connection, log in; with --to, send a sample. Says what the sender's "
        "domain has of SPF, DKIM and DMARC. Exits 1 on a failure of the server or a fault of the domain."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", metavar="ADDRESS", help="send a sample message there")
        parser.add_argument(
            "--dkim-selector", metavar="NAME", action="append", default=[], help="that your mail server signs with"
        )
        parser.add_argument("--name-server", metavar="ADDRESS[:PORT]", help="ask this one, not that of the machine")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["to"]:
            _check_address(options["to"])
        servers = _name_servers(options["name_server"])
        report = _report(options["to"])
        if not settings.MAIL_TO_MAILBOX:
            found = sender_domain.examine(servers, selectors=options["dkim_selector"])
            report["domain"] = {name: asdict(each) for name, each in found.items()}
            report["ok"] = report["ok"] and all(each.ok is not False for each in found.values())
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            for name, said in report.items():
                if name != "domain":
                    self.stdout.write(f"{name}: {said}")
            for name, each in report.get("domain", {}).items():
                self.stdout.write(f"{name}: {_WORDS[each['ok']]}, {each['says']}")
        if not report["ok"]:
            sys.exit(FOUND_SOMETHING)


def _name_servers(text: str | None) -> NameServers:
    if text is None:
        return name_server.of_this_machine()
    try:
        return name_server.named(text)
    except ValueError:
        raise CommandError(f"--name-server: {text} is not an address.", returncode=BAD_INPUT) from None


def _check_address(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError:
        raise CommandError(f"--to: {address} is not an address.", returncode=BAD_INPUT) from None


def _report(to_address: str | None) -> dict[str, Any]:
    if settings.MAIL_TO_MAILBOX:
        return {"ok": True, "server": "the mailbox page of the portal"}
    server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    if not settings.EMAIL_HOST:
        return {"ok": False, "server": "", "error": "LONGLEAD_SMTP_HOST names no mail server"}
    courier = smtp_courier()
    try:
        answer = courier.check()
    except (OSError, smtplib.SMTPException, ValueError) as failure:
        return {"ok": False, "server": server, "error": f"{type(failure).__name__}: {failure}"}
    report: dict[str, Any] = {"ok": True, "server": server, "answer": answer}
    if to_address:
        sample = courier.send(
            Outgoing(
                message_id=message_id(new_id()),
                to_address=to_address,
                to_name="",
                subject="[Longlead] Sample",
                text="Longlead can send mail from here.\n",
                html="",
                headers={"Auto-Submitted": "auto-generated"},
            )
        )
        courier.close()
        report["sample"] = asdict(sample)
        report["ok"] = sample.outcome is Outcome.ACCEPTED
    return report
