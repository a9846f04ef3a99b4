"""Lists the keys and client ids of a calling system, and revokes one of them at once."""

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from allauth.idp.oidc.models import Client
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from procurement.services import api_keys, oauth_clients
from sites.accounts.models import ApiClient, ApiKey


class Command(BaseCommand):
    help = "Revoke an API key by its prefix, or a client id of OAuth 2; without one, list those of a client."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "name", nargs="?", metavar="PREFIX|CLIENT-ID", help="the key up to its dot, or the client id"
        )
        parser.add_argument("--client", metavar="NAME", help="list what this client holds")
        parser.add_argument("--reason", default="", help="kept with the audit")
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["name"]) == bool(options["client"]):
            raise CommandError("name: say what to revoke, or --client to list", returncode=2)
        said = (
            self._listed(options["client"]) if options["client"] else self._revoked(options["name"], options["reason"])
        )
        if options["as_json"]:
            self.stdout.write(json.dumps(said))
            return
        for each in said:
            self.stdout.write(f"{each['name']}  {each['state']}  {', '.join(each['scopes'])}")

    def _listed(self, name: str) -> list[dict[str, Any]]:
        client = ApiClient.objects.filter(name=name).first()
        if client is None:
            raise CommandError("client: there is no client of this name", returncode=2)
        now = timezone.now()
        held = [_key(key, now) for key in client.keys.order_by("created_at", "pk")]
        return held + [_registration(row) for row in Client.objects.filter(owner=client.account).order_by("created_at")]

    def _revoked(self, name: str, reason: str) -> list[dict[str, Any]]:
        # A whole key is taken as well: whoever found one that leaked pastes what they have.
        prefix = name.split(".", 1)[0]
        now = timezone.now()
        if key := ApiKey.objects.filter(prefix=prefix).first():
            return [_key(api_keys.revoke(key=key, actor=None, now=now, reason=reason), now)]
        ours = Client.objects.filter(pk=name, owner__api_client__isnull=False)
        if not ours.exists():
            raise CommandError("name: there is no such key or client id", returncode=2)
        oauth_clients.revoke(client_id=name, actor=None, reason=reason)
        return [_registration(ours.get())]


def _key(key: ApiKey, now: datetime) -> dict[str, Any]:
    is_over = key.expires_at is not None and key.expires_at <= now
    state = "revoked" if key.revoked_at else "expired" if is_over else "live"
    return {"kind": "key", "name": key.prefix, "state": state, "scopes": list(key.scopes)}


def _registration(row: Client) -> dict[str, Any]:
    state = "live" if row.get_grant_types() else "revoked"
    return {"kind": "oauth", "name": str(row.pk), "state": state, "scopes": list(row.get_scopes())}
