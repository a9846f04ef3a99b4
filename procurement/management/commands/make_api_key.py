"""Makes a key for a calling system, and the client itself on the first call. The secret is printed once."""

import json
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from procurement.services import api_keys
from sites.accounts.models import ApiClient
from sites.accounts.permissions import Role, Scope
from sites.domain.errors import RuleBroken

_DEFAULT_SCOPES = [Scope.REFERENCE_READ, Scope.ORDERS_READ, Scope.ORDERS_WRITE, Scope.DATES_WRITE]


class Command(BaseCommand):
    help = "Make an API key. The secret is printed once and cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", required=True, help="Name of the client; made where there is none yet")
        parser.add_argument("--system", help="External system of its ids, such as SAP-PRD; needed for a new client")
        parser.add_argument("--scopes", nargs="+", default=[str(scope) for scope in _DEFAULT_SCOPES], metavar="SCOPE")
        parser.add_argument("--site", action="append", default=[], metavar="CODE", help="New client: only this site")
        parser.add_argument("--desk", metavar="CODE", help="New client: only the sites of this desk")
        parser.add_argument("--role", choices=Role.values, default=Role.ERP_CLIENT.value)
        parser.add_argument("--address", action="append", default=[], metavar="NETWORK", help="Works only from here")
        parser.add_argument("--days", type=int, help="Days until it expires; without it, never")
        parser.add_argument("--test", action="store_true", help="Mark it as a key of a trial system")
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        days = options["days"]
        if days is not None and not 1 <= days <= 3660:
            raise CommandError("days: 1 to 3660", returncode=2)
        try:
            with transaction.atomic():
                client = self._client(options)
                key, secret = api_keys.make_key(
                    client=client,
                    scopes=options["scopes"],
                    expires_at=now + timedelta(days=days) if days else None,
                    addresses=options["address"],
                    actor=None,
                    now=now,
                    live=not options["test"],
                )
        except RuleBroken as refusal:
            raise CommandError(f"{refusal.field}: {refusal}", returncode=2) from None
        if options["as_json"]:
            shown = {
                "client": client.name,
                "system": client.system,
                "scopes": key.scopes,
                "expires_at": key.expires_at.isoformat() if key.expires_at else None,
                "key": secret,
            }
            self.stdout.write(json.dumps(shown))
            return
        self.stdout.write(secret)
        # Beside the secret, not in it: the output can be piped into a file.
        sys.stderr.write(f"Key of {client.name} ({client.system}), shown this once. Scopes: {', '.join(key.scopes)}\n")

    def _client(self, options: dict[str, Any]) -> ApiClient:
        found = ApiClient.objects.filter(name=options["client"]).first()
        if found is not None:
            if options["site"] or options["desk"]:
                raise CommandError("site: the client is here already; its rights are its memberships", returncode=2)
            if options["system"] not in {None, found.system}:
                raise CommandError(f"system: the client belongs to {found.system}", returncode=2)
            return found
        if not options["system"]:
            raise CommandError("system: a new client needs one", returncode=2)
        return api_keys.make_client(
            name=options["client"],
            system=options["system"],
            actor=None,
            role=Role(options["role"]),
            site_codes=options["site"],
            desk_code=options["desk"],
        )
