"""Records as reading each by itself would answer: what a webhook carries that asked for them whole."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from rest_framework.renderers import JSONRenderer

from procurement.api.v1.needs import alert_answer
from procurement.api.v1.order_shapes import OrderRead, order_answer
from procurement.models import Alert, PurchaseOrder
from procurement.queries import order_reading
from procurement.queries.agreement import document, sight
from procurement.vocabulary import ChangeSubject
from sites.accounts.models import User
from sites.models import PowerPurchaseAgreement


def whole(actor: User, things: Iterable[tuple[ChangeSubject, UUID]]) -> dict[UUID, Any]:
    """By their keys, as the actor may see them now; what is gone, out of sight or without an address is left out."""
    of: dict[ChangeSubject, set[UUID]] = defaultdict(set)
    for subject, key in things:
        of[subject].add(key)
    found = [*_orders(actor, of[ChangeSubject.ORDER]), *_alerts(actor, of[ChangeSubject.ALERT])]
    found += _agreements(actor, of[ChangeSubject.AGREEMENT])
    return {key: json.loads(JSONRenderer().render(said)) for key, said in found}


def _orders(actor: User, keys: set[UUID]) -> Iterator[tuple[UUID, Any]]:
    rows = PurchaseOrder.objects.visible_to(actor).filter(pk__in=keys).select_related("seller") if keys else ()
    for reading in order_reading.read_all(list(rows), actor) if keys else ():
        yield reading.order.pk, OrderRead(order_answer(reading)).data


def _alerts(actor: User, keys: set[UUID]) -> Iterator[tuple[UUID, Any]]:
    for row in Alert.objects.visible_to(actor).filter(pk__in=keys).select_related("site") if keys else ():
        yield row.pk, alert_answer(row)


def _agreements(actor: User, keys: set[UUID]) -> Iterator[tuple[UUID, Any]]:
    for row in PowerPurchaseAgreement.objects.visible_to(actor).filter(pk__in=keys) if keys else ():
        yield row.pk, document(actor, row, sight(actor, row))
