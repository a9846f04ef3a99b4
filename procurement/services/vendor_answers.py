"""Which questions to a vendor an import answers, and which came back blank."""

from uuid import UUID

from procurement.models import Company, ImportBatch, VendorQuestion
from procurement.services.import_rows import QUESTION
from procurement.vocabulary import QuestionState, RowOutcome


def came_back(batch: ImportBatch) -> None:
    """After an import was applied: which questions its rows answer, and which came back blank."""
    answered: set[str] = set()
    blank: set[str] = set()
    for row in batch.rows.exclude(outcome=RowOutcome.BLANK):
        question = row.cells.get(QUESTION)
        if question is None or row.outcome == RowOutcome.REFUSED:
            continue
        (answered if row.cells.get("promise") else blank).add(question)
    ours = VendorQuestion.objects.filter(round__company__in=_companies_of(batch))
    ours.filter(pk__in=_keys(answered)).update(state=QuestionState.ANSWERED, answer=batch)
    ours.filter(pk__in=_keys(blank), state=QuestionState.ASKED).update(state=QuestionState.UNANSWERED, answer=batch)


def taken_back(batch: ImportBatch) -> None:
    """After an import was undone: its questions are open again."""
    VendorQuestion.objects.filter(answer=batch).update(state=QuestionState.ASKED, answer=None)


def _keys(said: set[str]) -> list[UUID]:
    keys = []
    for each in said:
        try:
            keys.append(UUID(each))
        except ValueError:
            continue  # a stranger wrote over a hidden cell: the row itself is applied, no question is answered
    return keys


def _companies_of(batch: ImportBatch) -> list[UUID]:
    """Those whose orders the rows name: a question of another vendor is not answered by this file."""
    orders = {row["order"] for row in batch.rows.values_list("cells", flat=True) if row.get("order")}
    return list(Company.objects.filter(orders__number__in=orders).values_list("pk", flat=True).distinct())
