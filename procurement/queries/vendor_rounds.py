"""Rounds of questions to vendors, as their pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from procurement.models import Company, DeliveryLot, ImportBatch, VendorQuestion, VendorRound
from procurement.vocabulary import ImportState, LineStatus, QuestionState
from sites.accounts.models import User
from sites.models import Milestone

NEWEST: Final = 100
_IN_ORDER: Final = (
    "schedule_line__line__order__number",
    "schedule_line__line__number",
    "schedule_line__number",
    "number",
)


@dataclass(frozen=True, slots=True)
class RoundRow:
    round: VendorRound
    asked: int
    answered: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class AskableVendor:
    company: Company
    open_lots: int


@dataclass(frozen=True, slots=True)
class RoundView:
    """`waiting` are imports of answers that nobody has decided about."""

    round: VendorRound
    questions: Sequence[VendorQuestion]
    waiting: Sequence[ImportBatch]


def _open() -> Q:
    """Ordered, and still before its contract step."""
    waits = Milestone.objects.filter(
        chain=OuterRef("chain"), code=OuterRef("schedule_line__contract_step"), actual_on__isnull=True, applicable=True
    )
    is_open = Q(quantity__gt=0, schedule_line__status=LineStatus.OPEN, schedule_line__line__status=LineStatus.OPEN)
    return is_open & Q(Exists(waits))


def open_lots(company: Company, actor: User) -> list[DeliveryLot]:
    """Lots of the seller that the actor may see and that have not reached their contract step. One query."""
    lots = DeliveryLot.objects.visible_to(actor).filter(_open(), schedule_line__line__order__seller=company)
    return list(
        lots.select_related(
            "schedule_line__line__order", "schedule_line__line__equipment_class", "schedule_line__site"
        ).order_by(*_IN_ORDER)
    )


def askable(actor: User) -> list[AskableVendor]:
    """Sellers with open lots in the actor's sight, the most first. One query."""
    lots = DeliveryLot.objects.visible_to(actor).filter(_open())
    counted = lots.values("schedule_line__line__order__seller").annotate(lots=Count("pk"))
    by_key = {row["schedule_line__line__order__seller"]: row["lots"] for row in counted}
    companies = Company.objects.filter(pk__in=by_key).order_by("name")
    return sorted((AskableVendor(each, by_key[each.pk]) for each in companies), key=lambda row: -row.open_lots)


def rounds(actor: User) -> list[RoundRow]:
    """The newest first, counted over the questions in the actor's sight. Two queries."""
    found = VendorRound.objects.visible_to(actor).select_related("company", "asked_by")
    newest = list(found.order_by("-created_at", "-pk")[:NEWEST])
    counted = (
        VendorQuestion.objects.visible_to(actor)
        .filter(round__in=newest)
        .values("round")
        .annotate(
            asked=Count("pk"),
            answered=Count("pk", filter=Q(state=QuestionState.ANSWERED)),
            unanswered=Count("pk", filter=Q(state=QuestionState.UNANSWERED)),
        )
    )
    by_round = {row["round"]: row for row in counted}
    return [
        RoundRow(each, *(by_round[each.pk][name] for name in ("asked", "answered", "unanswered"))) for each in newest
    ]


def round_view(actor: User, key: UUID) -> RoundView | None:
    found = VendorRound.objects.visible_to(actor).select_related("company", "asked_by").filter(pk=key).first()
    if found is None:
        return None
    waiting = ImportBatch.objects.visible_to(actor).filter(
        company=found.company_id, state=ImportState.STAGED, created_at__gte=found.created_at
    )
    return RoundView(found, questions_of(found, actor), list(waiting.defer("content").order_by("-created_at")))


def questions_of(asked: VendorRound, actor: User) -> list[VendorQuestion]:
    """In the order of the vendor's order numbers, those in the actor's sight. One query."""
    rows = VendorQuestion.objects.visible_to(actor).filter(round=asked)
    return list(
        rows.select_related(
            "milestone",
            "answer",
            "lot__schedule_line__line__order",
            "lot__schedule_line__line__equipment_class",
            "lot__schedule_line__site",
        )
        .defer("answer__content")
        .order_by(
            *(f"lot__schedule_line__{name}" for name in ("line__order__number", "line__number", "number")),
            "lot__number",
        )
    )
