"""Makes a key, or a client id of OAuth 2, for a calling system, and the client itself on the first call. The secret is
printed once.
"""

import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from procurement.services import api_keys, oauth_clients
from sites.accounts.models import ApiClient
from sites.accounts.permissions import Role, Scope
from sites.domain.errors import RuleBroken

_DEFAULT_SCOPES = [
    Scope.REFERENCE_READ,
    Scope.ORDERS_READ,
    Scope.ORDERS_WRITE,
    Scope.DATES_WRITE,
    Scope.RECEIPTS_WRITE,
]


@dataclass(frozen=True)
class _Made:
    kind: str
    scopes: list[str]
    expires_at: datetime | None
    shown: dict[str, str]


class Command(BaseCommand):
    help = "Make an API key. The secret is printed once and cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", required=True, help="Name of the client; made where there is none yet")
        parser.add_argument("--system", help="External system of its ids, such as SAP-PRD; needed for a new client")
        parser.add_argument("--scopes", nargs="+", default=[str(scope) for scope in _DEFAULT_SCOPES], metavar="SCOPE")
        parser.add_argument("--site", action="append", default=[], metavar="CODE", help="New client: only this site")
        parser.add_argument("--desk", metavar="CODE", help="New client: only the sites of this desk")
        parser.add_argument("--role", choices=Role.values, help="New client: its role, erp_client where none is said")
        parser.add_argument("--address", action="append", default=[], metavar="NETWORK", help="Works only from here")
        parser.add_argument("--days", type=int, help="Days until it expires; without it, never")
        parser.add_argument("--test", action="store_true", help="Mark it as a key of a trial system")
        parser.add_argument("--oauth", action="store_true", help="A client id and secret of OAuth 2 instead of a key")
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        days = options["days"]
        if days is not None and not 1 <= days <= 3660:
            raise CommandError("days: 1 to 3660", returncode=2)
        try:
            with transaction.atomic():
                client = self._client(options)
                made = (_registration if options["oauth"] else _key)(client, options, now)
        except RuleBroken as refusal:
            raise CommandError(f"{refusal.field}: {refusal}", returncode=2) from None
        if options["as_json"]:
            expires_at = made.expires_at.isoformat() if made.expires_at else None
            said = {"client": client.name, "system": client.system, "scopes": made.scopes, "expires_at": expires_at}
            self.stdout.write(json.dumps(said | made.shown))
            return
        self.stdout.write(" ".join(made.shown.values()))
        # Beside the secret, not in it: the output can be piped into a file.
        named = ", ".join(made.scopes)
        sys.stderr.write(f"{made.kind} of {client.name} ({client.system}), shown this once. Scopes: {named}\n")

    def _client(self, options: dict[str, Any]) -> ApiClient:
        found = ApiClient.objects.filter(name=options["client"]).first()
        if found is not None:
            for name in ("site", "desk", "role"):
                if options[name]:
                    said = f"{name}: the client is here already; its rights are its memberships"
                    raise CommandError(said, returncode=2)
            if options["system"] not in {None, found.system}:
                raise CommandError(f"system: the client belongs to {found.system}", returncode=2)
            return found
        if not options["system"]:
            raise CommandError("system: a new client needs one", returncode=2)
        return api_keys.make_client(
            name=options["client"],
            system=options["system"],
            actor=None,
            role=Role(options["role"] or Role.ERP_CLIENT),
            site_codes=options["site"],
            desk_code=options["desk"],
        )


def _expiry(options: dict[str, Any], now: datetime) -> datetime | None:
    return now + timedelta(days=options["days"]) if options["days"] else None


def _key(client: ApiClient, options: dict[str, Any], now: datetime) -> _Made:
    key, secret = api_keys.make_key(
        client=client,
        scopes=options["scopes"],
        expires_at=_expiry(options, now),
        addresses=options["address"],
        actor=None,
        now=now,
        live=not options["test"],
    )
    return _Made("Key", list(key.scopes), key.expires_at, {"key": secret})


def _registration(client: ApiClient, options: dict[str, Any], now: datetime) -> _Made:
    registration, secret = oauth_clients.register(
        client=client,
        scopes=options["scopes"],
        expires_at=_expiry(options, now),
        addresses=options["address"],
        actor=None,
        now=now,
    )
    shown = {"client_id": str(registration.pk), "client_secret": secret}
    return _Made("Client id and secret", list(registration.get_scopes()), _expiry(options, now), shown)
