"""What came from vendors: a round with a reviewed answer, and a workbook that waits as a preview."""

from datetime import datetime, timedelta
from typing import Final

from procurement.gateways import spreadsheet
from procurement.models import VendorQuestion
from procurement.queries.vendor_rounds import askable, questions_of
from procurement.services import imports, vendor_rounds
from procurement.services.vendor_rounds import Answer
from procurement.vocabulary import ImportKind, VendorQuestionKind
from sites.accounts.models import User

_ANSWERED: Final = 2
_TITLES: Final = ("PO No.", "Item", "Schedule line", "Delivery lot", "Confirmed date", "Remarks")
_WAITS_WEEKS: Final = 3


def add_vendor_news(expediter: User, *, now: datetime) -> None:
    """The reviewed answers say the dates we hold again, so no forecast of the story moves."""
    vendors = askable(expediter)
    if not vendors:
        return
    vendor = vendors[0]
    yesterday = now - timedelta(days=1)
    asked = vendor_rounds.ask(company_id=vendor.company.pk, actor=expediter, now=yesterday)
    questions = questions_of(asked, expediter)
    sure = [each for each in questions if each.kind == VendorQuestionKind.HOLDS][:_ANSWERED]
    if sure:
        answers = [Answer(each.pk, each.held, note="On plan") for each in sure]
        secret = vendor_rounds.make_link(round_id=asked.pk, actor=expediter, now=yesterday)
        answered = vendor_rounds.take_answers(secret=secret, answers=answers, said_by="K. Example", now=yesterday)
        imports.apply(batch_id=answered.pk, actor=expediter, now=now)
    _stage_workbook([each for each in questions if each not in sure], expediter, now)


def _stage_workbook(questions: list[VendorQuestion], expediter: User, now: datetime) -> None:
    """A date that moves, one said again, a row that says nothing, and an order that is none of ours."""
    lines = [(each, each.lot.schedule_line) for each in questions[:3]]
    if not lines:
        return
    later = now.date() + timedelta(weeks=52 + _WAITS_WEEKS)
    said = (later, *(each.held or "TBD" for each, _line in lines[1:2]), None)
    rows: list[tuple[object, ...]] = [
        (line.line.order.number, line.line.number, line.number, each.lot.number, day, "")
        for (each, line), day in zip(lines, said, strict=False)
    ]
    rows.append(("4599999999", 10, 1, 1, later, "Not one of your orders?"))
    content = spreadsheet.write(sheet="Status", titles=_TITLES, rows=rows)
    imports.stage(
        content=content,
        file_name="vendor-status.xlsx",
        kind=ImportKind.PROMISES,
        stated_on=now.date(),
        actor=expediter,
        now=now,
        company_id=questions[0].lot.schedule_line.line.order.seller_id,
    )
