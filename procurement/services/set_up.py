"""What people keep by hand, typed or pasted as rows: people and places, equipment, companies.

Every row that can be is saved, the others are named with their field. A row is found again by the words that name it,
so the same sheet can be pasted twice. Only an administrator of the whole portfolio writes here.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

import pghistory
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from procurement.models import ChainStep
from procurement.services.rule_words import in_words
from procurement.services.set_up_columns import Rows, Table
from procurement.services.set_up_tables import TABLES
from procurement.services.site_changes import recalculate_sites
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import BadInput, Conflict, NotFound, RuleBroken
from sites.domain.text import check_text
from sites.models import Membership
from sites.queries.access import can
from sites.services.access import check_can

MOST_ROWS: Final = 1000


class Outcome(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """`field` is the column that was wrong, empty where the row as a whole is."""

    outcome: Outcome
    field: str = ""
    message: str = ""


@transaction.atomic
def save(
    *, kind: str, rows: Sequence[Sequence[str]], reason: str, actor: User, now: datetime, only_new: bool = False
) -> list[Answer]:
    """One answer a row, in their order. With `only_new` a row that is there already is refused, else it is changed.

    Raises NotFound, NotPermitted, and BadInput naming `rows` or `reason`.
    """
    table = _table(kind, actor)
    if len(rows) > MOST_ROWS:
        raise BadInput(_("At most %(most)d rows at once.") % {"most": MOST_ROWS}, field="rows")
    said = reason.strip()
    check_text(said, "reason", longest=300)
    touched: set[UUID] = set()
    with pghistory.context(reason=said):
        answers = [_save(table, cells, said, actor, touched, only_new=only_new) for cells in rows]
    _recalculate(table, touched, said, actor, now)
    return answers


def _recalculate(table: Table, touched: set[UUID], reason: str, actor: User, now: datetime) -> None:
    recalculate_sites(
        touched,
        actor=actor,
        cause_key=f"set-up:{uuid4()}",
        cause_text=f"{table.label}: {reason}" if reason else str(table.label),
        now=now,
    )


@transaction.atomic
def remove(*, kind: str, key: UUID, reason: str, actor: User, now: datetime) -> None:
    """Takes a right, a duty, a closure or the like back; its history stays. Raises NotFound, NotPermitted,
    Conflict, BadInput naming `reason`.
    """
    table = _table(kind, actor)
    row = table.rows().select_for_update(of=("self",)).filter(pk=key).first() if table.removable else None
    if row is None:
        raise NotFound(_("There is no such row."), field="key")
    if not reason.strip():
        raise BadInput(_("Say why."), field="reason")
    if isinstance(row, Membership) and row.person_id == actor.pk:
        raise Conflict(_("Nobody takes a right from or gives one to themselves."), field="person")
    if isinstance(row, ChainStep) and row.code == row.template.anchor_code:
        raise Conflict(_("The dates of the chain hang on this step."), field="code")
    touched = set(table.sites(row))
    with pghistory.context(reason=reason.strip()):
        audit.record(actor=actor, verb=f"{kind}.removed", subject_kind=kind, subject_id=row.pk, reason=reason.strip())
        row.delete()
        if isinstance(row, Membership):
            _keep_staff(row.person)
    _recalculate(table, touched, reason.strip(), actor, now)


def rows_of(table: Table) -> Rows:
    """In the order of the words that name them, with what showing them reads."""
    relations = {field.name for field in table.model._meta.get_fields() if field.is_relation}
    own = [column.name for column in table.columns if column.name in relations]
    related = [*own, *table.related]
    rows = table.rows().select_related(*related) if related else table.rows()
    return rows.order_by(*table.names)


def shown(table: Table, row: Any) -> list[str]:
    return [column.show(getattr(row, column.name)) for column in table.columns]


def _table(kind: str, actor: User) -> Table:
    if kind not in TABLES:
        raise NotFound(_("There is no such list."), field="kind")
    check_can(actor, Permission.PEOPLE_WRITE, site_id=None)
    return TABLES[kind]


def _save(
    table: Table, cells: Sequence[str], reason: str, actor: User, touched: set[UUID], *, only_new: bool
) -> Answer:
    try:
        with transaction.atomic():
            return _saved(table, cells, reason, actor, touched, only_new=only_new)
    except RuleBroken as refusal:
        return Answer(Outcome.REFUSED, refusal.field or "", refusal.message)
    except ValidationError as refusal:
        if hasattr(refusal, "message_dict"):
            field, messages = next(iter(refusal.message_dict.items()))
            return Answer(Outcome.REFUSED, field if field != "__all__" else "", in_words(messages[0]))
        return Answer(Outcome.REFUSED, "", " ".join(refusal.messages))


def _saved(
    table: Table, cells: Sequence[str], reason: str, actor: User, touched: set[UUID], *, only_new: bool
) -> Answer:
    if len(cells) > len(table.columns):
        raise BadInput(_("The row has more cells than the list has columns."), field="")
    values: dict[str, Any] = {}
    for column, cell in zip(table.columns, [*cells, *[""] * (len(table.columns) - len(cells))], strict=True):
        try:
            values[column.name] = column.read(" ".join(cell.split()))
        except BadInput as refusal:
            raise BadInput(refusal.message, field=column.name) from None
    table.settle(values)
    row = table.rows().filter(**{name: values[name] for name in table.names}).first()
    is_new = row is None
    if only_new and not is_new:
        raise Conflict(_("There is such a row already; change it from where it stands."), field=table.names[-1])
    before, row = copy(row), row or table.model()
    if not is_new and all(getattr(row, name) == value for name, value in values.items()):
        return Answer(Outcome.UNCHANGED)
    for name, value in values.items():
        setattr(row, name, value)
    if isinstance(row, Membership) and row.person_id == actor.pk:
        raise Conflict(_("Nobody takes a right from or gives one to themselves."), field="person")
    if isinstance(row, User):
        _check_person(row, is_new=is_new, actor=actor)
    row.full_clean(exclude=["password"])
    table.check(row, before)
    row.save()
    touched |= set(table.sites(row))
    if isinstance(row, Membership):
        _keep_staff(row.person)
    if isinstance(row, User) and row.email:
        EmailAddress.objects.update_or_create(
            user=row, primary=True, defaults={"email": row.email.lower(), "verified": True}
        )
    verb = f"{table.kind}.{'added' if is_new else 'changed'}"
    audit.record(actor=actor, verb=verb, subject_kind=table.kind, subject_id=row.pk, reason=reason)
    return Answer(Outcome.ADDED if is_new else Outcome.CHANGED)


def _check_person(row: User, *, is_new: bool, actor: User) -> None:
    if is_new:
        row.set_unusable_password()
    if row.pk == actor.pk and not row.is_active:
        raise Conflict(_("Nobody locks themselves out."), field="is_active")
    if not is_new and row.is_active is False:
        row.is_staff = False


def _keep_staff(person: User) -> None:
    """Who administers the whole portfolio finds the set-up pages in the menu, and nobody else."""
    is_staff = can(person, Permission.PEOPLE_WRITE, site_id=None)
    if person.is_staff != is_staff and not person.is_superuser:
        person.is_staff = is_staff
        person.save(update_fields=["is_staff"])
