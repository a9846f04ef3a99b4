"""Asking a vendor about all its open lots at once: a workbook in its language, or a link to the same questions.

What comes back is an import like any other: looked at by a person before it counts, and taken back in one click. A lot
that comes back blank was asked and not answered.
"""

import csv
import hashlib
import io
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from procurement.domain import cells
from procurement.domain.cells import Declared
from procurement.gateways import spreadsheet
from procurement.models import Company, DeliveryLot, ImportBatch, VendorQuestion, VendorRound
from procurement.queries.vendor_rounds import open_lots, questions_of
from procurement.services import imports
from procurement.services.forecasts import local_date
from procurement.services.import_dates import dated, standing_promises
from procurement.services.import_rows import OWN_COLUMNS, QUESTION
from procurement.services.imports import Said
from procurement.vocabulary import ImportKind, VendorQuestionKind
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from sites.models import Milestone, Promise
from sites.queries.access import sites_where
from sites.vocabulary import Precision, step_name

GOOD_FOR: Final = timedelta(days=30)
SILENT_AFTER: Final = timedelta(days=14)
LONGEST_ANSWER: Final = 40
LONGEST_REMARK: Final = 500
# Titles that an import knows, in the vendor's language; others are for the reader alone.
_TITLES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "order": "PO No.", "line": "Item", "schedule": "Schedule line", "lot": "Delivery lot", "milestone": "Step",
        "promise": "New date", "conditional_on": "Subject to release by", "note": "Remarks",
    },
    "de": {
        "order": "Bestellung", "line": "Position", "schedule": "Lieferplaneinteilung", "lot": "Lieferlos",
        "milestone": "Schrittcode", "promise": "Neuer Termin", "conditional_on": "Unter Vorbehalt bis",
        "note": "Bemerkung",
    },
    "ja": {
        "order": "注文番号", "line": "明細", "schedule": "納入日程行", "lot": "ロット", "milestone": "マイルストーン",
        "promise": "回答納期", "conditional_on": "条件日", "note": "備考",
    },
}  # fmt: skip


class LinkUnknown(NotFound):
    """The link is none of ours, was closed, or is too old."""

    code = "link_unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was typed beside one question. Empty text: not answered."""

    question_id: UUID
    promise: str
    conditional_on: str = ""
    note: str = ""


@transaction.atomic
def ask(*, company_id: UUID, actor: User, now: datetime, language: str = "") -> VendorRound:
    """Open a round about every open lot of the seller at the sites where the actor may record dates.

    `language` empty: that of its first contact, else English. Raises NotFound, NotPermitted, Conflict where nothing
    is open.
    """
    company = Company.objects.filter(pk=company_id).first()
    if company is None:
        raise NotFound(_("There is no such company."), field="company")
    lots = open_lots(company, actor)
    writable = sites_where(actor, Permission.DATES_WRITE)
    if lots and not any(lot.schedule_line.site_id in writable for lot in lots):
        raise NotPermitted(_("You may not record dates of this vendor."), field="company")
    lots = [lot for lot in lots if lot.schedule_line.site_id in writable]
    if not lots:
        raise Conflict(_("Nothing of this vendor is open."), field="company")
    contact = company.contacts.order_by("name", "pk").first()
    spoken = language or (contact.language if contact else "en")
    made = VendorRound.objects.create(
        company=company,
        asked_by=actor,
        asked_on=now.date(),
        language=spoken if spoken in _TITLES else "en",
    )
    VendorQuestion.objects.bulk_create(_questions(made, lots, now))
    audit.record(actor=actor, verb="vendor.asked", subject_kind="company", subject_id=company.pk)
    return made


def _questions(made: VendorRound, lots: Sequence[DeliveryLot], now: datetime) -> list[VendorQuestion]:
    milestones = {
        (row.chain_id, row.code): row for row in Milestone.objects.filter(chain__in=[lot.chain_id for lot in lots])
    }
    of_lot = {lot.pk: milestones.get((lot.chain_id, lot.schedule_line.contract_step)) for lot in lots}
    promised = standing_promises([row.pk for row in of_lot.values() if row is not None])
    questions = []
    for lot in lots:
        milestone = of_lot[lot.pk]
        if milestone is None or milestone.actual_on is not None or not milestone.applicable:
            continue
        promise = promised.get(milestone.pk)
        site = lot.schedule_line.site
        questions.append(
            VendorQuestion(
                round=made,
                lot=lot,
                milestone=milestone,
                kind=kind_of(promise, local_date(site, now) if site else now.date()),
                held=(promise.value or Precision(promise.precision).label.upper()) if promise else "",
            )
        )
    return questions


def kind_of(promise: Promise | None, today: date) -> VendorQuestionKind:
    """The most pressing question about a lot that has not come."""
    if promise is None:
        return VendorQuestionKind.NO_DATE
    if promise.precision == Precision.TBD:
        return VendorQuestionKind.TBD
    if promise.counts_on is not None and promise.counts_on < today:
        return VendorQuestionKind.OVERDUE
    if promise.precision != Precision.DAY:
        return VendorQuestionKind.IMPRECISE
    if promise.stated_on < today - SILENT_AFTER:
        return VendorQuestionKind.SILENT
    return VendorQuestionKind.HOLDS


def workbook(*, round_id: UUID, actor: User) -> tuple[str, bytes]:
    """The file to send to the vendor, and its name. Raises NotFound."""
    asked = _visible(round_id, actor)
    titles = _TITLES[asked.language]
    with translation.override(asked.language):
        shown = [_("Equipment"), _("Units"), _("Date we hold"), _("Our question")]
        own = [column.titles[0] for column in OWN_COLUMNS if column.field == QUESTION]
        columns = [
            titles["order"], titles["line"], titles["schedule"], titles["lot"], titles["milestone"], _("Step in words"),
            *shown, titles["promise"], titles["conditional_on"], titles["note"], *own,
        ]  # fmt: skip
        rows = [
            (
                line.line.order.number,
                line.line.number,
                line.number,
                question.lot.number,
                question.milestone.code,
                step_name(question.milestone.code),
                line.line.description or line.line.equipment_class.name,
                question.lot.quantity,
                dated(question.held),
                VendorQuestionKind(question.kind).label,
                None,
                None,
                None,
                str(question.pk),
            )
            for question in questions_of(asked, actor)
            for line in (question.lot.schedule_line,)
        ]
        content = spreadsheet.write(sheet=_("Dates"), titles=columns, rows=rows, hidden=[4, len(columns) - 1])
    return f"{asked.company.code.lower()}-{asked.asked_on.isoformat()}.xlsx", content


# -- the link ------------------------------------------------------------------------------------------------------


@transaction.atomic
def make_link(*, round_id: UUID, actor: User, now: datetime) -> str:
    """The secret of a link to the questions, shown once; an earlier link ends. Raises NotFound, NotPermitted,
    Conflict.
    """
    asked = _locked(round_id, actor)
    secret = secrets.token_urlsafe(32)
    asked.link_hash, asked.link_expires_at = _hash(secret), now + GOOD_FOR
    asked.save(update_fields=["link_hash", "link_expires_at"])
    audit.record(actor=actor, verb="vendor.link_made", subject_kind="vendor_round", subject_id=asked.pk)
    return secret


@transaction.atomic
def close(*, round_id: UUID, actor: User, now: datetime) -> VendorRound:
    """End a round and its link. Raises NotFound, NotPermitted, Conflict."""
    asked = _locked(round_id, actor)
    asked.closed_at, asked.link_hash, asked.link_expires_at = now, "", None
    asked.save(update_fields=["closed_at", "link_hash", "link_expires_at"])
    audit.record(actor=actor, verb="vendor.round_closed", subject_kind="vendor_round", subject_id=asked.pk)
    return asked


def behind_link(secret: str, *, now: datetime) -> VendorRound:
    """Raises LinkUnknown."""
    found = (
        VendorRound.objects.select_related("company", "asked_by")
        .filter(link_hash=_hash(secret), link_expires_at__gt=now, closed_at__isnull=True)
        .first()
    )
    if found is None or not found.asked_by.is_active:
        raise LinkUnknown(_("This link is not valid any more. Ask whoever sent it for a new one."), field="token")
    return found


def take_answers(*, secret: str, answers: Sequence[Answer], said_by: str, now: datetime) -> ImportBatch:
    """What the vendor typed, kept as an import that waits for review under the name of who asked.

    Raises LinkUnknown, and BadInput naming `said_by` or `<question id>/<field>`; then nothing is stored.
    """
    asked = behind_link(secret, now=now)
    if not said_by.strip():
        raise BadInput(_("Say who you are."), field="said_by")
    questions = {question.pk: question for question in questions_of(asked, asked.asked_by)}
    given = [answer for answer in answers if answer.question_id in questions and answer.promise.strip()]
    if not given:
        raise BadInput(_("Answer at least one question."), field="said_by")
    for answer in given:
        _check_answer(answer, now.date())
    told = io.StringIO()
    writer = csv.writer(told)
    writer.writerow([*_TITLES["en"].values(), *(c.titles[0] for c in OWN_COLUMNS if c.field == QUESTION)])
    for answer in given:
        question = questions[answer.question_id]
        line = question.lot.schedule_line
        writer.writerow(
            [
                line.line.order.number, line.line.number, line.number, question.lot.number, question.milestone.code,
                answer.promise.strip(), answer.conditional_on.strip(), " ".join(answer.note.split()), str(question.pk),
            ]
        )  # fmt: skip
    return imports.stage(
        content=told.getvalue().encode(),
        file_name=_("Answers of %(who)s, %(company)s") % {"who": said_by.strip()[:80], "company": asked.company.name},
        kind=ImportKind.PROMISES,
        stated_on=now.date(),
        actor=asked.asked_by,
        now=now,
        company_id=asked.company_id,
        said=Said(sheet=None),
    )


def _check_answer(answer: Answer, today: date) -> None:
    declared = Declared(today)
    for field, reading in (("promise", cells.imprecise_day), ("conditional_on", cells.day)):
        said = getattr(answer, field).strip()
        if not said:
            continue
        try:
            if len(said) > LONGEST_ANSWER:
                raise BadInput(_("This is too long for a date."))
            reading(said, declared)
        except BadInput as refusal:
            raise BadInput(refusal.message, field=f"{answer.question_id}/{field}") from None
    try:
        cells.text(answer.note, longest=LONGEST_REMARK)
    except BadInput as refusal:
        raise BadInput(refusal.message, field=f"{answer.question_id}/note") from None


def _hash(secret: str) -> str:
    # A secret of 256 random bits needs no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()


def _visible(round_id: UUID, actor: User) -> VendorRound:
    found = VendorRound.objects.visible_to(actor).select_related("company").filter(pk=round_id).first()
    if found is None:
        raise NotFound(_("There is no such round."), field="round")
    return found


def _locked(round_id: UUID, actor: User) -> VendorRound:
    _visible(round_id, actor)
    found = VendorRound.objects.select_for_update(of=("self",)).select_related("company").get(pk=round_id)
    if not sites_where(actor, Permission.DATES_WRITE):
        raise NotPermitted(_("You may not record dates."), field="round")
    if found.closed_at is not None:
        raise Conflict(_("This round is closed."), field="round")
    return found
