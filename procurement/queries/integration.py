"""What lies between us and other systems, for the people who look after them."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from procurement.models import (
    Disagreement,
    ExternalRef,
    IntegrationMessage,
    OpenOrderList,
    WebhookDelivery,
    WebhookEndpoint,
)
from procurement.vocabulary import DeliveryState, DisagreementKind, MessageState
from sites.accounts.models import ApiClient, User
from sites.accounts.permissions import Permission
from sites.queries.access import can


def clients_of(actor: User) -> QuerySet[ApiClient]:
    """Those who grant keys look after every client, an owner after their own."""
    if can(actor, Permission.PEOPLE_WRITE, site_id=None):
        return ApiClient.objects.all()
    return ApiClient.objects.filter(owner=actor)


def endpoints_of(actor: User) -> QuerySet[WebhookEndpoint]:
    """Those that were not removed, switched off ones first; `waiting` and `dead` count their messages."""
    return (
        WebhookEndpoint.objects.filter(client__in=clients_of(actor), removed_at__isnull=True)
        .select_related("client", "owner")
        .annotate(
            waiting=Count("deliveries", filter=Q(deliveries__state=DeliveryState.DUE)),
            dead=Count("deliveries", filter=Q(deliveries__state=DeliveryState.DEAD)),
        )
        .order_by("active", "client__name", "created_at", "pk")
    )


def endpoint_of(actor: User, key: UUID) -> WebhookEndpoint | None:
    return endpoints_of(actor).filter(pk=key).first()


def deliveries_of(endpoint: WebhookEndpoint, *, state: str) -> QuerySet[WebhookDelivery]:
    """The newest first; an unknown state is none."""
    rows: QuerySet[WebhookDelivery] = endpoint.deliveries.order_by("-created_at", "-pk")
    return rows.filter(state=state) if state in DeliveryState.values else rows


def messages_among(rows: QuerySet[IntegrationMessage], said: Mapping[str, str]) -> QuerySet[IntegrationMessage]:
    """The newest first. `said` may name a `status`, a `direction` and a `client`; what is no such word is left out."""
    narrowed = rows.select_related("client", "owner", "settled_by").order_by("-created_at", "-pk")
    if said.get("status"):
        narrowed = narrowed.filter(state=said["status"])
    if said.get("direction"):
        narrowed = narrowed.filter(direction=said["direction"])
    if said.get("client"):
        narrowed = narrowed.filter(client__name=said["client"])
    return narrowed


def failed_by_direction(rows: QuerySet[IntegrationMessage]) -> dict[str, int]:
    counted = rows.filter(state=MessageState.FAILED).order_by().values_list("direction")
    return dict(counted.annotate(number=Count("pk")).values_list("direction", "number"))


def systems() -> list[str]:
    """The systems whose ids we know, or whose clients call."""
    named = set(ExternalRef.objects.order_by().values_list("system", flat=True).distinct())
    return sorted(named | set(ApiClient.objects.values_list("system", flat=True)))


def standing_disagreements(
    actor: User, *, kind: str = "", system: str = "", site: str = "", accepted: bool = False
) -> QuerySet[Disagreement]:
    """Those that nobody has accepted, or with `accepted` those that somebody has. What is no such word is left out."""
    rows = (
        Disagreement.objects.visible_to(actor)
        .amounts_visible_to(actor)
        .filter(resolved_at__isnull=True, accepted_at__isnull=not accepted)
        .select_related("site", "accepted_by")
        .order_by("system", "number", "line_number", "schedule_number", "kind")
    )
    if kind in DisagreementKind.values:
        rows = rows.filter(kind=kind)
    if system:
        rows = rows.filter(system=system)
    return rows.filter(site__code=site) if site else rows


def newest_lists(actor: User) -> list[OpenOrderList]:
    """For those who may see the portfolio: a list is of all sites."""
    if not can(actor, Permission.SITE_VIEW, site_id=None):
        return []
    return list(
        OpenOrderList.objects.select_related("sent_by").annotate(number=Count("rows")).order_by("system", "-stated_at")
    )
