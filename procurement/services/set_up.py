"""What people keep by hand: desks, people, rights, duties, absences, companies and contacts, typed or pasted as rows.

Every row that can be is saved, the others are named with their field. A row is found again by the words that name it,
so the same sheet can be pasted twice. Only an administrator of the whole portfolio writes here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import available_timezones

import pghistory
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import QuerySet
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from procurement.models import Company, Contact
from sites.accounts import audit
from sites.accounts.models import User, UserKind
from sites.accounts.permissions import Permission, Role
from sites.domain.errors import BadInput, Conflict, NotFound, RuleBroken
from sites.domain.text import check_text
from sites.models import Absence, Assignment, Desk, Membership, Site
from sites.services.access import check_can
from sites.vocabulary import AssignmentScope, Discipline, ScopeKind

MOST_ROWS: Final = 1000
_YES: Final = frozenset({"yes", "y", "true", "1", "x", "はい", "○"})
_NO: Final = frozenset({"no", "n", "false", "0", "", "-", "–", "いいえ"})
Rows = QuerySet[Any]


@dataclass(frozen=True, slots=True)
class Column:
    """`read` makes a value of what was typed, raising BadInput or ValueError; `show` makes a text of a row's value."""

    name: str
    label: str | Lazy
    read: Callable[[str], Any]
    show: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Table:
    """`names` are the columns that tell a row from the others. A right or duty can be taken back, a fact only ended."""

    kind: str
    label: str | Lazy
    says: str | Lazy
    model: type[models.Model]
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    removable: bool = False
    scope: Callable[[Rows], Rows] = lambda rows: rows

    def rows(self) -> Rows:
        return self.scope(self.model._default_manager.all())


def _text(longest: int) -> Callable[[str], str]:
    def read(said: str) -> str:
        check_text(said, "", longest=longest)
        return said

    return read


def _choice(choices: type[models.TextChoices]) -> Callable[[str], str]:
    def read(said: str) -> str:
        known = {word.lower(): word for word in choices.values} | {
            str(label).lower(): word for word, label in choices.choices
        }
        if (word := known.get(said.lower())) is None:
            raise BadInput(_("One of: %(words)s.") % {"words": ", ".join(choices.values)})
        return word

    return read


def _flag(said: str) -> bool:
    if said.lower() in _YES | _NO:
        return said.lower() in _YES
    raise BadInput(_("Yes or no."))


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        raise BadInput(_("A day as 2027-05-21.")) from None


def _zone(said: str) -> str:
    if said not in available_timezones():
        raise BadInput(_("A time zone as Asia/Tokyo."))
    return said


def _named(model: type[models.Model], field: str) -> Callable[[str], Any]:
    def read(said: str) -> Any:
        if not said:
            return None
        row = model._default_manager.filter(**{f"{field}__iexact": said}).first()
        if row is None:
            raise BadInput(_("There is no %(what)s.") % {"what": f"“{said}”"})
        return row

    return read


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def _by(field: str) -> Callable[[Any], str]:
    return lambda row: "" if row is None else str(getattr(row, field))


def _yes_no(value: Any) -> str:
    return "yes" if value else "no"


def _column(name: str, label: str | Lazy, read: Callable[[str], Any], show: Callable[[Any], str] = _plain) -> Column:
    return Column(name, label, read, show)


_PERSON = _column("person", gettext_lazy("Person (user name)"), _named(User, "username"), _by("username"))
_SITE = _column("site", gettext_lazy("Site"), _named(Site, "code"), _by("code"))
_NAME = _column("name", gettext_lazy("Name"), _text(160))
_FROM = _column("from_on", gettext_lazy("From"), _day)
_UNTIL = _column("until_on", gettext_lazy("Until"), _day)

TABLES: Final[Mapping[str, Table]] = {
    table.kind: table
    for table in (
        Table(
            "desks", gettext_lazy("Desks"), gettext_lazy("A team in one place that answers for several sites."), Desk,
            (_column("code", gettext_lazy("Code"), _text(20)), _NAME,
             _column("time_zone", gettext_lazy("Time zone"), _zone)),
            ("code",),
        ),
        Table(
            "people", gettext_lazy("People"),
            gettext_lazy("Who may log in. A new person chooses a password with “Forgotten?” on the log-in page."), User,
            (_column("username", gettext_lazy("User name"), _text(150)), _NAME,
             _column("email", gettext_lazy("E-mail"), _text(254)),
             _column("language", gettext_lazy("Language"), lambda said: said or "en"),
             _column("time_zone", gettext_lazy("Time zone"), _zone),
             _column("is_active", gettext_lazy("May log in"), _flag, _yes_no)),
            ("username",),
            scope=lambda rows: rows.filter(kind=UserKind.PERSON),
        ),
        Table(
            "memberships", gettext_lazy("Rights"),
            gettext_lazy("Which role a person holds where: in the portfolio, at a desk's sites, or at one site."),
            Membership,
            (_PERSON, _column("role", gettext_lazy("Role"), _choice(Role)),
             _column("scope", gettext_lazy("Where"), _choice(ScopeKind)),
             _column("desk", gettext_lazy("Desk"), _named(Desk, "code"), _by("code")), _SITE),
            ("person", "role", "scope", "desk", "site"), removable=True,
        ),
        Table(
            "assignments", gettext_lazy("Duties"),
            gettext_lazy("Who is told: the holder of a role for a site, or for a discipline at a site or everywhere."),
            Assignment,
            (_PERSON, _column("role", gettext_lazy("Role"), _choice(Role)),
             _column("scope", gettext_lazy("For"), _choice(AssignmentScope)), _SITE,
             _column("discipline", gettext_lazy("Discipline"), lambda said: said and _choice(Discipline)(said)),
             _FROM, _UNTIL),
            ("person", "role", "scope", "site", "discipline"), removable=True,
            scope=lambda rows: rows.filter(subject_id__isnull=True),
        ),
        Table(
            "absences", gettext_lazy("Absences"), gettext_lazy("Who is away, and who gets their mail meanwhile."),
            Absence,
            (_PERSON, _FROM, _UNTIL,
             _column("deputy", gettext_lazy("Deputy (user name)"), _named(User, "username"), _by("username"))),
            ("person", "from_on"), removable=True,
        ),
        Table(
            "companies", gettext_lazy("Companies"), gettext_lazy("Who sells, who makes, or both."), Company,
            (_column("code", gettext_lazy("Code"), _text(40)), _NAME,
             _column("country", gettext_lazy("Country"), _text(2)),
             _column("sells", gettext_lazy("Sells"), _flag, _yes_no),
             _column("makes", gettext_lazy("Makes"), _flag, _yes_no),
             _column("active", gettext_lazy("Active"), _flag, _yes_no)),
            ("code",),
        ),
        Table(
            "contacts", gettext_lazy("Contacts"), gettext_lazy("Whom to call at a company."), Contact,
            (_column("company", gettext_lazy("Company (code)"), _named(Company, "code"), _by("code")), _NAME,
             _column("email", gettext_lazy("E-mail"), _text(254)),
             _column("phone", gettext_lazy("Phone"), _text(40)),
             _column("language", gettext_lazy("Language"), lambda said: said or "en")),
            ("company", "name"), removable=True,
        ),
    )
}  # fmt: skip


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
def save(*, kind: str, rows: Sequence[Sequence[str]], reason: str, actor: User, now: datetime) -> list[Answer]:
    """One answer a row, in their order. Raises NotFound, NotPermitted, and BadInput naming `rows` or `reason`."""
    table = _table(kind, actor)
    if len(rows) > MOST_ROWS:
        raise BadInput(_("At most %(most)d rows at once.") % {"most": MOST_ROWS}, field="rows")
    said = reason.strip()
    check_text(said, "reason", longest=300)
    with pghistory.context(reason=said):
        return [_save(table, cells, said, actor) for cells in rows]


@transaction.atomic
def remove(*, kind: str, key: UUID, reason: str, actor: User) -> None:
    """Takes a right, a duty, an absence or a contact back; its history stays. Raises NotFound, NotPermitted,
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
    with pghistory.context(reason=reason.strip()):
        audit.record(actor=actor, verb=f"{kind}.removed", subject_kind=kind, subject_id=row.pk, reason=reason.strip())
        row.delete()


def shown(table: Table, row: Any) -> list[str]:
    return [column.show(getattr(row, column.name)) for column in table.columns]


def _table(kind: str, actor: User) -> Table:
    if kind not in TABLES:
        raise NotFound(_("There is no such list."), field="kind")
    check_can(actor, Permission.PEOPLE_WRITE, site_id=None)
    return TABLES[kind]


def _save(table: Table, cells: Sequence[str], reason: str, actor: User) -> Answer:
    try:
        with transaction.atomic():
            return _saved(table, cells, reason, actor)
    except RuleBroken as refusal:
        return Answer(Outcome.REFUSED, refusal.field or "", refusal.message)
    except ValidationError as refusal:
        if hasattr(refusal, "message_dict"):
            field, messages = next(iter(refusal.message_dict.items()))
            return Answer(Outcome.REFUSED, field if field != "__all__" else "", _as_sentence(messages[0]))
        return Answer(Outcome.REFUSED, "", " ".join(refusal.messages))


def _saved(table: Table, cells: Sequence[str], reason: str, actor: User) -> Answer:
    if len(cells) > len(table.columns):
        raise BadInput(_("The row has more cells than the list has columns."), field="")
    values: dict[str, Any] = {}
    for column, cell in zip(table.columns, [*cells, *[""] * (len(table.columns) - len(cells))], strict=True):
        try:
            values[column.name] = column.read(" ".join(cell.split()))
        except BadInput as refusal:
            raise BadInput(refusal.message, field=column.name) from None
    row = table.rows().filter(**{name: values[name] for name in table.names}).first()
    is_new = row is None
    row = row or table.model()
    if not is_new and all(getattr(row, name) == value for name, value in values.items()):
        return Answer(Outcome.UNCHANGED)
    for name, value in values.items():
        setattr(row, name, value)
    if isinstance(row, Membership) and row.person_id == actor.pk:
        raise Conflict(_("Nobody takes a right from or gives one to themselves."), field="person")
    if isinstance(row, User):
        _check_person(row, is_new=is_new, actor=actor)
    row.full_clean(exclude=["password"])
    row.save()
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


def _as_sentence(message: str) -> str:
    """A rule of the database is named as a sentence with underscores."""
    return message.replace("_", " ")
