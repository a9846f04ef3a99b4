"""What the pages about other systems list, as rows of a workbook."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from procurement.portal.context import zone_of
from procurement.portal.listing import Listing, at_most
from procurement.portal.pages import disagreements, message_log
from procurement.queries.api_clients import client_rows
from procurement.queries.integration import clients_of, deliveries_of, endpoint_of, endpoints_of, messages_among
from procurement.services import messages
from sites.accounts.models import User


def message_rows(request: HttpRequest, actor: User) -> Listing:
    """What failed, unless the address asks for something else; without what the messages held."""
    titles = [
        _("Message"), _("Direction"), _("Address"), _("System"), _("At"), _("State"), _("Answer"), _("Code"),
        _("Attempts"), _("Owner"), _("Settled by"), _("Reason"),
    ]  # fmt: skip
    zone = zone_of(actor)
    names = list(clients_of(actor).values_list("name", flat=True))
    found = messages_among(messages.readable_by(actor), message_log.wanted(request, names)).defer("payload", "headers")
    return titles, [
        (
            row.kind,
            row.get_direction_display(),
            f"{row.method} {row.path}".strip(),
            row.client.name,
            row.created_at.astimezone(zone),
            row.get_state_display(),
            row.status,
            row.code,
            row.attempts,
            str(row.owner or ""),
            str(row.settled_by or ""),
            row.reason,
        )
        for row in at_most(found)
    ]


def disagreement_rows(request: HttpRequest, actor: User) -> Listing:
    titles = [
        _("Order"), _("Line"), _("Schedule line"), _("System"), _("Site"), _("Kind"), _("Here"), _("There"), _("Since"),
        _("Left by"), _("Reason"),
    ]  # fmt: skip
    zone = zone_of(actor)
    return titles, [
        (
            row.number,
            row.line_number,
            row.schedule_number,
            row.system,
            row.site.code if row.site else None,
            row.get_kind_display(),
            row.ours,
            row.theirs,
            row.first_seen_at.astimezone(zone),
            str(row.accepted_by or ""),
            row.reason,
        )
        for row in at_most(disagreements.wanted(request, actor))
    ]


def webhook_rows(_request: HttpRequest, actor: User) -> Listing:
    titles = [
        _("Address"), _("Description"), _("Client"), _("System"), _("Switched on"), _("Waiting"), _("Given up"),
        _("Last taken"), _("Why switched off"),
    ]  # fmt: skip
    zone = zone_of(actor)
    return titles, [
        (
            row.url,
            row.description,
            row.client.name,
            row.client.system,
            _("yes") if row.active else _("no"),
            row.waiting,
            row.dead,
            row.succeeded_at.astimezone(zone) if row.succeeded_at else None,
            "" if row.active else row.disabled_because,
        )
        for row in at_most(endpoints_of(actor))
    ]


def delivery_rows(request: HttpRequest, actor: User) -> Listing:
    """Of the `endpoint` in the address."""
    endpoint = endpoint_of(actor, _key(request.GET.get("endpoint", "")))
    if endpoint is None:
        raise Http404
    titles = [_("Change"), _("Message id"), _("Written"), _("State"), _("Attempts"), _("Last answer"), _("Next")]
    zone = zone_of(actor)
    return titles, [
        (
            row.get_kind_display(),
            row.key,
            row.created_at.astimezone(zone),
            row.get_state_display(),
            row.attempts,
            row.last_code,
            row.next_attempt_at.astimezone(zone) if row.next_attempt_at else None,
        )
        for row in at_most(deliveries_of(endpoint, state=request.GET.get("state", "")[:20]).defer("body"))
    ]


def _key(said: str) -> UUID:
    try:
        return UUID(said)
    except ValueError:
        raise Http404 from None


def key_rows(_request: HttpRequest, actor: User) -> Listing:
    """Keys and client ids by what is public of them; no page and no file ever holds a secret."""
    titles = [
        _("System"), _("Client"), _("Owner"), _("Key"), _("Scopes"), _("Addresses"), _("Made"), _("Expires"),
        _("Last used"), _("Revoked"),
    ]  # fmt: skip
    return titles, list(_keys(actor))


def _keys(actor: User) -> Iterator[tuple[object, ...]]:
    zone = zone_of(actor)

    def local(at: datetime | None) -> datetime | None:
        return at.astimezone(zone) if at else None

    page, pages = 1, 1
    while page <= pages:
        rows, found = client_rows(actor, page=page)
        page, pages = page + 1, found.pages
        for each in rows:
            client = (each.client.system, each.client.name, str(each.client.owner or ""))
            for key in each.keys:
                yield (
                    *client,
                    key.prefix,
                    ", ".join(key.scopes),
                    ", ".join(map(str, key.addresses)),
                    local(key.created_at),
                    local(key.expires_at),
                    local(key.last_used_at),
                    local(key.revoked_at),
                )
            for row in each.registrations:
                yield (
                    *client,
                    row.client_id,
                    ", ".join(row.scopes),
                    ", ".join(row.addresses),
                    local(row.created_at),
                    local(row.expires_at),
                    None,
                    _("yes") if row.is_revoked else None,
                )
