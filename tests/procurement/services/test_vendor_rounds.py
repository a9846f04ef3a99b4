"""A vendor is asked about its open lots, and what comes back waits for review before it counts."""

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openpyxl
import pytest

from procurement.models import DeliveryLot, ImportBatch, VendorQuestion, VendorRound
from procurement.queries.vendor_rounds import askable
from procurement.readers import xlsx as xlsx_reader
from procurement.services import imports, vendor_rounds
from procurement.services.vendor_rounds import Answer, LinkUnknown
from procurement.vocabulary import ImportKind, ImportState, LineStatus, QuestionState, VendorQuestionKind
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from sites.models import Promise, Site
from sites.vocabulary import Precision
from tests.factories.procurement import CompanyFactory, ContactFactory, DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory, PromiseFactory, SiteFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
STATED = TODAY - timedelta(days=3)


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


@pytest.fixture
def expediter(site: Site) -> User:
    return MembershipFactory.create(role=Role.EXPEDITER, site=site, person__name="Alex Example").person


def lot(site: Site, number: int = 10, order: str = "PO-77", **more: Any) -> DeliveryLot:
    seller = CompanyFactory.create(code="KOALA", name="Koala Coils") if not order_of(order) else None
    made = order_of(order) or PurchaseOrderFactory.create(number=order, seller=seller)
    return DeliveryLotFactory.create(
        site=site,
        schedule_line__line__order=made,
        schedule_line__line__number=number,
        actuals={"PO_ISSUED": date(2026, 8, 3)},
        **more,
    )


def order_of(number: str) -> Any:
    return PurchaseOrderFactory._meta.model.objects.filter(number=number).first()


def say(of: DeliveryLot, value: str, precision: Precision, counts_on: date | None, stated_on: date = STATED) -> None:
    milestone = of.chain.milestones.get(code=of.schedule_line.contract_step)
    PromiseFactory.create(
        milestone=milestone, value=value, precision=precision, counts_on=counts_on, stated_on=stated_on
    )


def asked(site: Site, actor: User, **more: Any) -> VendorRound:
    company = order_of("PO-77").seller
    return vendor_rounds.ask(company_id=company.pk, actor=actor, now=NOW, **more)


def kinds(made: VendorRound) -> dict[int, str]:
    rows = made.questions.values_list("lot__schedule_line__line__number", "kind")
    return dict(rows.order_by("lot__schedule_line__line__number"))


def states(made: VendorRound) -> list[str]:
    return list(made.questions.order_by("lot__schedule_line__line__number").values_list("state", flat=True))


def test_each_open_lot_gets_the_question_that_fits(site: Site, expediter: User) -> None:
    lot(site, 10)
    say(lot(site, 20), "", Precision.TBD, None)
    say(lot(site, 30), "2027-W23", Precision.WEEK, date(2027, 6, 13))
    say(lot(site, 40), "2026-11-02", Precision.DAY, date(2026, 11, 2))
    say(lot(site, 50), "2027-06-05", Precision.DAY, date(2027, 6, 5), stated_on=TODAY - timedelta(days=15))
    say(lot(site, 60), "2027-06-05", Precision.DAY, date(2027, 6, 5))

    made = asked(site, expediter)

    assert kinds(made) == {
        10: VendorQuestionKind.NO_DATE,
        20: VendorQuestionKind.TBD,
        30: VendorQuestionKind.IMPRECISE,
        40: VendorQuestionKind.OVERDUE,
        50: VendorQuestionKind.SILENT,
        60: VendorQuestionKind.HOLDS,
    }


def test_what_is_cancelled_delivered_of_another_vendor_or_out_of_sight_is_not_asked(
    site: Site, expediter: User
) -> None:
    lot(site, 10)
    lot(site, 20, schedule_line__status=LineStatus.CANCELLED)
    done = lot(site, 30)
    done.chain.milestones.filter(code="ON_SITE").update(actual_on=date(2026, 11, 2))
    lot(SiteFactory.create(code="TYO1"), 40)
    DeliveryLotFactory.create(site=site)

    assert kinds(asked(site, expediter)) == {10: VendorQuestionKind.NO_DATE}


def test_where_nothing_is_open_nobody_is_asked(site: Site, expediter: User) -> None:
    company = CompanyFactory.create()

    with pytest.raises(Conflict):
        vendor_rounds.ask(company_id=company.pk, actor=expediter, now=NOW)
    assert VendorRound.objects.count() == 0


def test_a_lot_that_has_reached_its_step_is_not_asked_about(site: Site, expediter: User) -> None:
    made = lot(site)
    made.chain.milestones.filter(code=made.schedule_line.contract_step).update(actual_on=date(2026, 11, 1))

    with pytest.raises(Conflict):
        asked(site, expediter)
    assert askable(expediter) == []


def test_who_may_only_look_asks_nobody(site: Site, expediter: User) -> None:
    lot(site)
    viewer = MembershipFactory.create(role=Role.VIEWER, site=site).person

    with pytest.raises(NotPermitted):
        asked(site, viewer)


def test_the_workbook_holds_dates_questions_and_room_for_answers(site: Site, expediter: User) -> None:
    say(lot(site), "2027-06-05", Precision.DAY, date(2027, 6, 5))
    made = asked(site, expediter)

    name, content = vendor_rounds.workbook(round_id=made.pk, actor=expediter)

    titles, row = xlsx_reader.read(content).sheets[0].rows
    shown = dict(zip(titles, row, strict=True))
    assert name == "koala-2026-11-20.xlsx"
    assert (shown["PO No."], shown["Item"], shown["Date we hold"], shown["Our question"], shown["New date"]) == (
        "PO-77", 10, date(2027, 6, 5), "Does this date hold?", None,
    )  # fmt: skip


def test_it_speaks_the_language_of_the_contact(site: Site, expediter: User) -> None:
    ContactFactory.create(company=lot(site).schedule_line.line.order.seller, language="ja")
    made = asked(site, expediter)

    _name, content = vendor_rounds.workbook(round_id=made.pk, actor=expediter)

    assert made.language == "ja"
    assert xlsx_reader.read(content).sheets[0].rows[0][:4] == ("注文番号", "明細", "納入日程行", "ロット")


def filled(content: bytes, answers: dict[Any, Any], title: str = "New date") -> bytes:
    """As the vendor sends it back: by line number, what was typed into the new date."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book.worksheets[0]
    titles = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        if row[1].value in answers:
            row[titles.index(title)].value = answers[row[1].value]
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def sent_back(content: bytes, actor: User) -> ImportBatch:
    batch = imports.stage(
        content=content, file_name="koala.xlsx", kind=ImportKind.PROMISES, stated_on=TODAY, actor=actor, now=NOW
    )
    return imports.apply(batch_id=batch.pk, actor=actor, now=NOW)


@pytest.mark.parametrize(("language", "title"), [("en", "New date"), ("de", "Neuer Termin"), ("ja", "回答納期")])
def test_what_comes_back_answers_its_questions_and_what_is_blank_was_not_answered(
    language: str, title: str, site: Site, expediter: User
) -> None:
    lot(site, 10)
    lot(site, 20)
    made = asked(site, expediter, language=language)
    _name, content = vendor_rounds.workbook(round_id=made.pk, actor=expediter)

    batch = sent_back(filled(content, {10: "CW23 2027"}, title), expediter)

    assert (batch.rows_read, batch.rows_accepted, batch.rows_refused) == (2, 2, 0)
    assert states(made) == [QuestionState.ANSWERED, QuestionState.UNANSWERED]
    said = Promise.objects.values_list("value", "reason_code", "responsible")
    assert list(said) == [("2027-W23", "not_stated", "carrier")]


def test_the_date_we_hold_said_again_is_an_answer(site: Site, expediter: User) -> None:
    say(lot(site), "2027-06-05", Precision.DAY, date(2027, 6, 5))
    made = asked(site, expediter)
    _name, content = vendor_rounds.workbook(round_id=made.pk, actor=expediter)

    sent_back(filled(content, {10: "2027-06-05"}), expediter)

    assert states(made) == [QuestionState.ANSWERED]
    assert Promise.objects.filter(document="koala.xlsx", stated_on=TODAY).count() == 1


def test_undoing_the_file_opens_its_questions_again(site: Site, expediter: User) -> None:
    lot(site)
    made = asked(site, expediter)
    _name, content = vendor_rounds.workbook(round_id=made.pk, actor=expediter)
    batch = sent_back(filled(content, {10: "TBD"}), expediter)

    imports.undo(batch_id=batch.pk, reason="Another round", actor=expediter, now=NOW)

    assert states(made) == [QuestionState.ASKED]
    assert VendorQuestion.objects.get().answer is None


# -- the link ------------------------------------------------------------------------------------------------------


def answer(made: VendorRound, promise: str, **more: str) -> Answer:
    return Answer(made.questions.get().pk, promise, **more)


def test_answers_by_the_link_wait_for_review_and_then_count(site: Site, expediter: User) -> None:
    lot(site)
    made = asked(site, expediter)
    secret = vendor_rounds.make_link(round_id=made.pk, actor=expediter, now=NOW)

    batch = vendor_rounds.take_answers(
        secret=secret, answers=[answer(made, "2027-06-09", note="Core steel came late")], said_by="Kim", now=NOW
    )

    assert (batch.state, batch.uploaded_by, batch.file_name) == (
        ImportState.STAGED, expediter, "Answers of Kim, Koala Coils",
    )  # fmt: skip
    assert Promise.objects.count() == 0
    assert states(made) == [QuestionState.ASKED]

    imports.apply(batch_id=batch.pk, actor=expediter, now=NOW)

    assert [(row.value, row.note) for row in Promise.objects.all()] == [("2027-06-09", "Core steel came late")]
    assert states(made) == [QuestionState.ANSWERED]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"promise": "soon"}, "promise"),
        ({"promise": "5/6/2027"}, "promise"),
        ({"promise": "x" * 41}, "promise"),
        ({"promise": "TBD", "conditional_on": "soon"}, "conditional_on"),
        ({"promise": "TBD", "note": "x" * 501}, "note"),
    ],
)
def test_a_wrong_answer_is_refused_at_its_field_and_nothing_is_kept(
    said: dict[str, str], field: str, site: Site, expediter: User
) -> None:
    lot(site)
    made = asked(site, expediter)
    secret = vendor_rounds.make_link(round_id=made.pk, actor=expediter, now=NOW)

    with pytest.raises(BadInput) as refusal:
        vendor_rounds.take_answers(secret=secret, answers=[answer(made, **said)], said_by="Kim", now=NOW)

    assert refusal.value.field == f"{made.questions.get().pk}/{field}"
    assert ImportBatch.objects.count() == 0


def test_a_question_of_another_round_is_not_answered_by_this_link(site: Site, expediter: User) -> None:
    lot(site)
    made, other = asked(site, expediter), asked(site, expediter)
    secret = vendor_rounds.make_link(round_id=made.pk, actor=expediter, now=NOW)

    with pytest.raises(BadInput, match="Answer at least one"):
        vendor_rounds.take_answers(secret=secret, answers=[answer(other, "TBD")], said_by="Kim", now=NOW)


def closed(made: VendorRound, actor: User) -> None:
    vendor_rounds.close(round_id=made.pk, actor=actor, now=NOW)


def renewed(made: VendorRound, actor: User) -> None:
    vendor_rounds.make_link(round_id=made.pk, actor=actor, now=NOW)


def aged(made: VendorRound, actor: User) -> None:
    VendorRound.objects.filter(pk=made.pk).update(link_expires_at=NOW)


def left(made: VendorRound, actor: User) -> None:
    User.objects.filter(pk=actor.pk).update(is_active=False)


@pytest.mark.parametrize("ended", [closed, renewed, aged, left])
def test_a_link_ends(ended: Any, site: Site, expediter: User) -> None:
    lot(site)
    made = asked(site, expediter)
    secret = vendor_rounds.make_link(round_id=made.pk, actor=expediter, now=NOW)
    assert vendor_rounds.behind_link(secret, now=NOW) == made

    ended(made, expediter)

    with pytest.raises(LinkUnknown):
        vendor_rounds.behind_link(secret, now=NOW)


def test_no_secret_is_stored(site: Site, expediter: User) -> None:
    lot(site)
    made = asked(site, expediter)
    secret = vendor_rounds.make_link(round_id=made.pk, actor=expediter, now=NOW)

    made.refresh_from_db()
    assert secret not in made.link_hash
    assert len(made.link_hash) == 64


def test_a_closed_round_gets_no_link(site: Site, expediter: User) -> None:
    lot(site)
    made = asked(site, expediter)
    closed(made, expediter)

    with pytest.raises(Conflict):
        vendor_rounds.make_link(round_id=made.pk, actor=expediter, now=NOW)


def test_a_round_out_of_sight_is_as_unknown_as_none(site: Site, expediter: User) -> None:
    lot(site)
    made = asked(site, expediter)
    stranger = MembershipFactory.create(role=Role.EXPEDITER, site=SiteFactory.create()).person

    for attempt in (vendor_rounds.make_link, vendor_rounds.close):
        with pytest.raises(NotFound):
            attempt(round_id=made.pk, actor=stranger, now=NOW)
    with pytest.raises(NotFound):
        vendor_rounds.workbook(round_id=made.pk, actor=stranger)
