"""Many order documents at once, each in its own savepoint, with one calculation a site at the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.order_document import LinesMode, OrderDocument
from procurement.models import PurchaseOrder
from procurement.queries import order_reading
from procurement.services import orders
from procurement.services.orders import Later, Upserted, UpsertResult
from procurement.services.stored_orders import Shelf, lock_all
from procurement.services.unwritten import Overtaken
from procurement.vocabulary import CommercialStatus
from sites.accounts.models import User
from sites.domain.errors import BadInput, NotFound, NotPermitted, RuleBroken

Outcome = dict[str, Any]
_READ_AT_ONCE = 100
_STATUSES = ((BadInput, 422), (NotFound, 404), (NotPermitted, 403))


@dataclass(frozen=True, slots=True)
class BulkRow:
    """One order of a bulk at its `place`. `document` None: the order is cancelled, whatever else it says.

    The parts of the document are named by their numbers (`lines/10/schedules/1`), so that a sender finds them.
    """

    place: int
    external_id: str
    document: OrderDocument | None
    version: str | None = None


class _Refused(Exception):
    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


def write(
    rows: Sequence[BulkRow],
    *,
    system: str,
    actor: User,
    now: datetime,
    lines_mode: LinesMode | str = LinesMode.MERGE,
    atomic: bool = False,
    request_id: str = "",
) -> list[Outcome]:
    """What became of each row, by its place. With `atomic` one refused row keeps all others from being written."""
    work = _Bulk(system, actor, now, LinesMode(lines_mode), request_id)
    try:
        with transaction.atomic():
            done = work.together(rows)
            if atomic and any(each["result"] == "failed" for each in done):
                raise _Refused(done)
    except _Refused as refused:
        return _none_written(refused.outcomes)
    except (RuleBroken, Overtaken):
        # What the rows say together contradicts itself, or somebody was faster with a name; alone, each names what is
        # wrong with it.
        with transaction.atomic():
            done = work.apart(rows)
            if atomic and any(each["result"] == "failed" for each in done):
                transaction.set_rollback(True)
                done = _none_written(done)
    return done


class _Bulk:
    def __init__(self, system: str, actor: User, now: datetime, mode: LinesMode, request_id: str) -> None:
        self.system = system
        self.actor = actor
        self.now = now
        self.mode = mode
        self.request_id = request_id

    def together(self, rows: Sequence[BulkRow]) -> list[Outcome]:
        numbers = {row.external_id: (row.document and row.document.number) or row.external_id for row in rows}
        later = Later(writes_together=True, shelf=Shelf(numbers, system=self.system, actor=self.actor))
        done = self._each(rows, later)
        later.calculate(
            cause_key=f"bulk:{uuid4().hex}",
            cause_text=_("%(count)s orders by %(system)s") % {"count": len(rows), "system": self.system},
            actor=self.actor,
            now=self.now,
            request_id=self.request_id,
        )
        return self._outcomes(done)

    def apart(self, rows: Sequence[BulkRow]) -> list[Outcome]:
        lock_all([row.external_id for row in rows], system=self.system, actor=self.actor)
        return self._outcomes(self._each(rows, None))

    def _each(self, rows: Sequence[BulkRow], later: Later | None) -> list[tuple[BulkRow, Upserted | RuleBroken]]:
        """In the order of their names, so that two who send the same orders do not wait for each other in a ring."""
        in_turn = sorted(rows, key=lambda row: (row.external_id, row.place))
        done: list[tuple[BulkRow, Upserted | RuleBroken]] = []
        for start in range(0, len(in_turn), _READ_AT_ONCE):
            portion = in_turn[start : start + _READ_AT_ONCE]
            if later is not None:
                orders.read_together(
                    {row.external_id: row.document for row in portion}, later, system=self.system, actor=self.actor
                )
            done += [(row, self._one(row, later)) for row in portion]
        return done

    def _one(self, row: BulkRow, later: Later | None) -> Upserted | RuleBroken:
        try:
            return orders.upsert(
                document=row.document or self._cancellation(row, later),
                system=self.system,
                external_id=row.external_id,
                actor=self.actor,
                now=self.now,
                lines_mode=self.mode,
                request_id=self.request_id,
                later=later,
            )
        except RuleBroken as refusal:
            return refusal

    def _outcomes(self, done: Sequence[tuple[BulkRow, Upserted | RuleBroken]]) -> list[Outcome]:
        in_place = sorted(done, key=lambda each: each[0].place)
        return [
            failed(row.place, row.external_id, *described(became))
            if isinstance(became, RuleBroken)
            else _outcome(row, became)
            for row, became in in_place
        ]

    def _cancellation(self, row: BulkRow, later: Later | None) -> OrderDocument:
        if later is not None and row.external_id in later.waiting:
            later.write(actor=self.actor, request_id=self.request_id)
        key = order_reading.key_of(system=self.system, external_id=row.external_id, actor=self.actor)
        order = PurchaseOrder.objects.select_related("seller").filter(pk=key).first() if key else None
        if order is None:
            raise NotFound(_("There is no such order."))
        return OrderDocument(
            vendor=order.seller.code,
            currency=order.currency,
            lines=(),
            version=row.version,
            status=CommercialStatus.CANCELLED,
        )


def _outcome(row: BulkRow, done: Upserted) -> Outcome:
    return {
        "index": row.place,
        "external_id": row.external_id,
        "status": 201 if done.result is UpsertResult.CREATED else 200,
        "result": done.result.value,
        "id": str(done.order.pk),
        "version": done.order.version,
        "changed": list(done.changed),
        "warnings": [
            {"code": each.code, "pointer": f"/{each.field}" if each.field else None, "detail": each.message}
            for each in done.warnings
        ],
    }


def described(refusal: RuleBroken) -> tuple[int, str, str, list[dict[str, Any]]]:
    """Status, code, text, and what was wrong where."""
    status = next((number for family, number in _STATUSES if isinstance(refusal, family)), 409)
    code = "validation_error" if status == 422 else refusal.code
    errors = (
        [{"pointer": f"/{refusal.field}", "code": refusal.code, "detail": refusal.message}] if refusal.field else []
    )
    return status, code, refusal.message, errors


def failed(
    place: int, external_id: str, status: int, code: str, detail: str, errors: Sequence[Mapping[str, Any]]
) -> Outcome:
    return {
        "index": place,
        "external_id": external_id,
        "status": status,
        "result": "failed",
        "problem": {"status": status, "code": code, "detail": detail, "errors": [dict(each) for each in errors]},
    }


def not_written(place: int, external_id: str) -> Outcome:
    """Another row of the same bulk was refused, and all were wanted or none."""
    return {"index": place, "external_id": external_id, "status": 424, "result": "not_written"}


def _none_written(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [
        each if each["result"] == "failed" else not_written(each["index"], each["external_id"]) for each in outcomes
    ]
