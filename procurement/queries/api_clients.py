"""Calling systems with their keys and client ids, for the people who look after them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.idp.oidc.models import Client
from django.utils.dateparse import parse_datetime

from procurement.queries.integration import clients_of
from procurement.queries.paging import A_PAGE, Paged, paged
from sites.accounts.models import ApiClient, ApiKey, User


@dataclass(frozen=True, slots=True)
class Registration:
    """A client id of OAuth 2. Revoked, it has no way left to get a token."""

    client_id: str
    scopes: tuple[str, ...]
    addresses: tuple[str, ...]
    expires_at: datetime | None
    is_revoked: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ClientRow:
    client: ApiClient
    keys: tuple[ApiKey, ...]
    registrations: tuple[Registration, ...]


def client_rows(actor: User, *, page: int, size: int = A_PAGE) -> tuple[list[ClientRow], Paged]:
    """By name, each with its keys and client ids, the newest first, in a fixed number of queries."""
    rows = clients_of(actor).select_related("owner", "account").prefetch_related("keys").order_by("name")
    found = paged(rows, page, size)
    return _with_registrations(found.rows), found


def _with_registrations(clients: Sequence[ApiClient]) -> list[ClientRow]:
    by_account: dict[UUID, list[Registration]] = defaultdict(list)
    for each in Client.objects.filter(owner__in=[row.account_id for row in clients]).order_by("-created_at"):
        by_account[each.owner_id].append(_registration(each))
    return [
        ClientRow(
            client,
            tuple(sorted(client.keys.all(), key=lambda key: (key.created_at, key.pk), reverse=True)),
            tuple(by_account[client.account_id]),
        )
        for client in clients
    ]


def _registration(row: Client) -> Registration:
    data = row.data or {}
    ends = data.get("expires_at")
    return Registration(
        client_id=str(row.pk),
        scopes=tuple(row.get_scopes()),
        addresses=tuple(data.get("addresses") or ()),
        expires_at=parse_datetime(ends) if ends else None,
        is_revoked=not row.get_grant_types(),
        created_at=row.created_at,
    )
