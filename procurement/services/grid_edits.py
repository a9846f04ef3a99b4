"""Dates typed into a grid: every one that can be is written in one go, the others are named with their reason."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.revision import DateRevision
from procurement.models import PurchaseOrder, ScheduleLine
from procurement.queries.standing import NOTHING, Standing, done, pinned, standing
from procurement.services import dates
from procurement.services.date_meanings import NEEDS
from procurement.services.forecasts import local_date
from procurement.vocabulary import RevisionKind
from sites.accounts.models import User
from sites.accounts.row import new_id
from sites.domain.errors import BadInput, NotPermitted, RuleBroken
from sites.domain.imprecise import ImpreciseDate, read_as_typed
from sites.queries.access import can
from sites.vocabulary import Precision, PromiseSource

MOST_EDITS: Final = 5000
_STANDING: Final = {RevisionKind.PROMISE: standing, RevisionKind.ACTUAL: done, RevisionKind.LOCK: pinned}


class Outcome(StrEnum):
    SAVED = "saved"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Edit:
    """`was` is what the person saw when typing `said`, in the words of `standing`; None: write whatever stands.

    All at the contract step. An empty `said` of a lock releases it; its reason is the `note`.
    """

    schedule_line: UUID
    said: str
    was: str | None
    reason_code: str = ""
    note: str = ""
    kind: RevisionKind = RevisionKind.PROMISE


@dataclass(frozen=True, slots=True)
class Answer:
    """`said` is what stands now; of a conflict `by` and `at` are of who wrote it meanwhile."""

    outcome: Outcome
    said: str
    message: str = ""
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Meant:
    place: int
    edit: Edit
    line: ScheduleLine
    said: ImpreciseDate | None


@transaction.atomic
def save(
    edits: Sequence[Edit], *, stated_on: date, source: PromiseSource, document: str, actor: User, now: datetime
) -> list[Answer]:
    """One answer an edit, in their order. The orders are locked before what stands is read, so that nothing that
    somebody else wrote is lost unseen. Raises BadInput where there are too many edits; then nothing is stored.
    """
    if len(edits) > MOST_EDITS:
        raise BadInput(_("At most %(most)d rows at once.") % {"most": MOST_EDITS}, field="edits")
    lines = {
        line.pk: line
        for line in ScheduleLine.objects.visible_to(actor)
        .filter(pk__in={edit.schedule_line for edit in edits})
        .select_related("line", "site")
    }
    orders = sorted({line.line.order_id for line in lines.values()})
    list(PurchaseOrder.objects.filter(pk__in=orders).select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    kinds = {edit.kind for edit in edits}
    stands = {kind: read(lines) for kind, read in _STANDING.items() if kind in kinds}
    answers: dict[int, Answer] = {}
    meant: dict[UUID, list[_Meant]] = defaultdict(list)
    for place, edit in enumerate(edits):
        line = lines.get(edit.schedule_line)
        said = _weighed(edit, line, stands[edit.kind].get(edit.schedule_line, NOTHING), now)
        if isinstance(said, Answer):
            answers[place] = said
        elif line is not None:
            meant[line.line.order_id].append(_Meant(place, edit, line, said))
    statements = []
    for order_id, rows in meant.items():
        refused = _refused(order_id, rows, stated_on, source, document, actor, now)
        answers |= {row.place: Answer(Outcome.REFUSED, row.edit.was or "", refused[row.place])
                    for row in rows if row.place in refused}  # fmt: skip
        if left := [row for row in rows if row.place not in refused]:
            statements.append(_statement(order_id, left, stated_on, source, document))
            answers |= {row.place: Answer(Outcome.SAVED, _spelled(row.said)) for row in left}
    if statements:
        key = new_id()
        dates.record_all(
            statements, cause_key=f"grid:{key}", cause_text=_cause(document, len(statements)), actor=actor, now=now
        )
    return [answers[place] for place in range(len(edits))]


def _weighed(edit: Edit, line: ScheduleLine | None, now_is: Standing, now: datetime) -> Answer | ImpreciseDate | None:
    """None: what is pinned is released."""
    if line is None:
        return Answer(Outcome.REFUSED, "", _("There is no such line."))
    said = None
    if edit.said or edit.kind is not RevisionKind.LOCK:
        try:
            said = read_as_typed(edit.said, as_of=local_date(line.site, now) if line.site else now.date())
        except RuleBroken as refusal:
            return Answer(Outcome.REFUSED, now_is.said, refusal.message)
    if _spelled(said) == now_is.said:
        return Answer(Outcome.UNCHANGED, now_is.said)
    if edit.was is not None and edit.was != now_is.said:
        return Answer(Outcome.CONFLICT, now_is.said, "", now_is.by, now_is.at)
    return said


def _spelled(said: ImpreciseDate | None) -> str:
    if said is None:
        return ""
    return "TBD" if said.precision is Precision.TBD else said.value


def _refused(
    order_id: UUID,
    rows: Sequence[_Meant],
    stated_on: date,
    source: PromiseSource,
    document: str,
    actor: User,
    now: datetime,
) -> dict[int, str]:
    """The rows that recording would refuse, each found with the others as they would be written."""
    left, found = list(rows), dict[int, str]()
    while left:
        try:
            dates.check(_statement(order_id, left, stated_on, source, document), actor=actor, now=now)
        except RuleBroken as refusal:
            place = (refusal.field or "").partition("/")[0]
            at_fault = [row for row in left if str(row.place) == place]
            if isinstance(refusal, NotPermitted):
                may = {(row.edit.kind, row.line.site_id) for row in left}
                may = {each for each in may if can(actor, NEEDS[each[0]], site_id=each[1])}
                at_fault = [row for row in left if (row.edit.kind, row.line.site_id) not in may]
            at_fault = at_fault or left
            found |= {row.place: refusal.message for row in at_fault}
            left = [row for row in left if row.place not in found]
        else:
            break
    return found


def _statement(
    order_id: UUID, rows: Sequence[_Meant], stated_on: date, source: PromiseSource, document: str
) -> dates.Statement:
    revisions = [
        DateRevision(
            kind=RevisionKind.RELEASE if row.said is None else row.edit.kind,
            line_number=row.line.line.number,
            schedule_number=row.line.number,
            said=row.said,
            reason_code=row.edit.reason_code if row.edit.kind is RevisionKind.PROMISE else "",
            note=row.edit.note,
            field=str(row.place),
        )
        for row in rows
    ]
    return dates.Statement(order_id, revisions, stated_on, source, document)


def _cause(document: str, orders: int) -> str:
    if document:
        return document
    return _("Dates typed for %(orders)d orders") % {"orders": orders}
