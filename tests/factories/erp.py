"""What lies between an ERP and us."""

from datetime import UTC, datetime

from factory.declarations import LazyFunction, Sequence, SubFactory

from procurement.models import (
    Change,
    Disagreement,
    FeedState,
    IntegrationMessage,
    OpenOrderList,
    OpenOrderRow,
    UnitMapping,
    WebhookDelivery,
    WebhookEndpoint,
)
from procurement.vocabulary import ChangeKind, ChangeSubject, DeliveryState, Direction, DisagreementKind, MessageState
from sites.accounts.row import new_id
from tests.factories.accounts import ApiClientFactory, RowFactory

_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class UnitMappingFactory(RowFactory[UnitMapping]):
    class Meta:
        model = UnitMapping

    system = Sequence(lambda n: f"ERP-{n}")
    code = Sequence(lambda n: f"U{n}")
    unit = "EA"


class ChangeFactory(RowFactory[Change]):
    class Meta:
        model = Change

    subject = ChangeSubject.ORDER
    subject_id = LazyFunction(new_id)
    sequence = 1
    kind = ChangeKind.ORDER_CREATED


class FeedStateFactory(RowFactory[FeedState]):
    class Meta:
        model = FeedState

    epoch = LazyFunction(new_id)
    cluster = "1/1/1"


class WebhookEndpointFactory(RowFactory[WebhookEndpoint]):
    class Meta:
        model = WebhookEndpoint

    client = SubFactory(ApiClientFactory)
    url = "https://erp.example/hook"
    secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class WebhookDeliveryFactory(RowFactory[WebhookDelivery]):
    class Meta:
        model = WebhookDelivery

    endpoint = SubFactory(WebhookEndpointFactory)
    key = Sequence(lambda n: f"msg_{n}")
    kind = ChangeKind.PING
    body = "{}"
    state = DeliveryState.DUE
    next_attempt_at = _NOON


class IntegrationMessageFactory(RowFactory[IntegrationMessage]):
    class Meta:
        model = IntegrationMessage

    direction = Direction.INBOUND
    state = MessageState.FAILED
    client = SubFactory(ApiClientFactory)
    kind = "upsertPurchaseOrder"


class OpenOrderListFactory(RowFactory[OpenOrderList]):
    class Meta:
        model = OpenOrderList

    system = "SAP-PRD"
    stated_at = _NOON


class OpenOrderRowFactory(RowFactory[OpenOrderRow]):
    class Meta:
        model = OpenOrderRow

    list = SubFactory(OpenOrderListFactory)
    number = Sequence(lambda n: f"45000{n:05}")
    line_number = 10


class DisagreementFactory(RowFactory[Disagreement]):
    class Meta:
        model = Disagreement

    system = "SAP-PRD"
    kind = DisagreementKind.MISSING_HERE
    number = Sequence(lambda n: f"45000{n:05}")
    line_number = 10
    schedule_number = 1
    first_seen_at = _NOON
    last_seen_at = _NOON
