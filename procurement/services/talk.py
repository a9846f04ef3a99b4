"""Comments that name people, and files: said and kept about a thing by whoever may see it."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.html import escape, linebreaks
from django.utils.translation import gettext as _

from procurement.domain import file_types
from procurement.gateways import wake
from procurement.models import Attachment, Comment, FileContent, Notification, ScheduleLine, Watch
from procurement.queries import subjects
from procurement.queries.subjects import Subject
from procurement.services import mail_links
from procurement.services.folding import MAILS_AN_HOUR
from procurement.services.mail_calendar import Calendars, local_now
from procurement.services.mail_links import Purpose, message_id
from procurement.services.mail_text import clean, language_of, list_headers, thread
from procurement.vocabulary import (
    Channel,
    Lane,
    MessageKind,
    NotificationState,
    TalkSubject,
    WatchKind,
    WatchSubject,
)
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import new_id
from sites.domain.errors import BadInput, NotFound, NotPermitted
from sites.domain.text import check_text
from sites.queries.access import can

MOST_ATTACHMENTS: Final = 200
_LONGEST_COMMENT: Final = 4000
_MENTION: Final = re.compile(r"(?<![\w@.])@([\w.+-]{1,150})")
_MOST_MENTIONED: Final = 20
_WATCHER: Final = "watcher"
_HOUR: Final = timedelta(hours=1)


@transaction.atomic
def comment(*, actor: User, kind: str, key: UUID, text: str, now: datetime) -> Comment:
    """Whom it names (`@name`) gets a mail at once, and so does who watches the thing.

    Raises NotFound, BadInput naming `text`.
    """
    subject = _find(actor, kind, key)
    said = text.strip()
    check_text(said, "text", longest=_LONGEST_COMMENT, lines=True)
    if not said:
        raise BadInput(_("Say something."), field="text")
    named = _mentioned(said, subject)
    row = Comment.objects.create(
        subject_kind=subject.kind,
        subject_id=subject.key,
        author=actor,
        at=now,
        text=said,
        mentioned=[person.pk for person in named],
    )
    readers = {person.pk: (person, "mentioned") for person in named}
    for person in _watchers(subject, now):
        readers.setdefault(person.pk, (person, _WATCHER))
    readers.pop(actor.pk, None)
    # In one order for everybody, so that two who write at once do not wait for each other's mails.
    for person, why in sorted(readers.values(), key=lambda reader: reader[0].pk):
        _tell(person, why, row, subject, now)
    if readers:
        wake.after_commit()
    return row


@transaction.atomic
def attach(*, actor: User, kind: str, key: UUID, name: str, content: bytes, note: str, now: datetime) -> Attachment:
    """Raises NotFound, BadInput naming `file` or `note`."""
    subject = _find(actor, kind, key)
    if len(content) > file_types.MOST_BYTES:
        raise BadInput(
            _("The file is larger than %(size)s MB.") % {"size": file_types.MOST_BYTES // 1024**2}, field="file"
        )
    if not content:
        raise BadInput(_("The file is empty."), field="file")
    called = re.split(r"[\\/]", name)[-1].strip()[-200:]
    check_text(called, "file", longest=200)
    check_text(note, "note", longest=300)
    content_type = file_types.content_type(called, content)
    if content_type is None:
        raise BadInput(
            _("Taken are PDF, PNG, JPEG, .xlsx, .docx and .pptx without macros, .eml, .msg, .txt and .csv, under a"
              " name that says which."),
            field="file",
        )  # fmt: skip
    if _attachments(subject).count() >= MOST_ATTACHMENTS:
        raise BadInput(_("At most %(most)d files.") % {"most": MOST_ATTACHMENTS}, field="file")
    kept, _created = FileContent.objects.get_or_create(
        sha256=hashlib.sha256(content).hexdigest(), defaults={"content": content}
    )
    return Attachment.objects.create(
        subject_kind=subject.kind,
        subject_id=subject.key,
        name=called,
        content_type=content_type,
        size_bytes=len(content),
        content=kept,
        added_by=actor,
        added_at=now,
        note=note.strip(),
    )


@transaction.atomic
def remove(*, actor: User, attachment_id: UUID, now: datetime) -> Attachment:
    """By who added it, or an administrator; its bytes stay for the history. Raises NotFound, NotPermitted."""
    row = Attachment.objects.select_for_update(of=("self",)).filter(pk=attachment_id, removed_at__isnull=True).first()
    if row is None or subjects.find(actor, row.subject_kind, row.subject_id) is None:
        raise NotFound(_("There is no such file."), field="file")
    if row.added_by_id != actor.pk and not can(actor, Permission.PEOPLE_WRITE, site_id=None):
        raise NotPermitted(_("Only who added a file, or an administrator, removes it."), field="file")
    row.removed_by, row.removed_at = actor, now
    row.save(update_fields=["removed_by", "removed_at"])
    audit.record(actor=actor, verb="attachment.removed", subject_kind="attachment", subject_id=row.pk)
    return row


def find_attachment(actor: User, key: UUID) -> Attachment | None:
    """With its bytes; None where it is gone, or about something that the actor may not see."""
    row = Attachment.objects.select_related("content").filter(pk=key, removed_at__isnull=True).first()
    if row is None or subjects.find(actor, row.subject_kind, row.subject_id) is None:
        return None
    return row


def _attachments(subject: Subject) -> QuerySet[Attachment]:
    return Attachment.objects.filter(subject_kind=subject.kind, subject_id=subject.key, removed_at__isnull=True)


def _find(actor: User, kind: str, key: UUID) -> Subject:
    subject = subjects.find(actor, kind, key)
    if subject is None:
        raise NotFound(_("There is no such thing to talk about."), field="subject")
    return subject


def _mentioned(text: str, subject: Subject) -> list[User]:
    """Whoever may not see the thing is not told of it, and its author is told so."""
    names = list(dict.fromkeys(name.rstrip(".-").lower() for name in _MENTION.findall(text)))
    if len(names) > _MOST_MENTIONED:
        raise BadInput(_("At most %(most)d people are named.") % {"most": _MOST_MENTIONED}, field="text")
    people = {person.username.lower(): person for person in User.objects.filter(_named(names), is_active=True)}
    for name in names:
        person = people.get(name)
        if person is None or subjects.find(person, subject.kind, subject.key) is None:
            raise BadInput(
                _("Nobody called @%(name)s may see this. Leave the @ out to write it as a word.") % {"name": name},
                field="text",
            )
    return [people[name] for name in names]


def _named(names: Iterable[str]) -> Q:
    wanted = Q(pk__in=[])
    for name in names:
        wanted |= Q(username__iexact=name)
    return wanted


def _watched(kind: str, key: UUID) -> list[tuple[str, UUID]]:
    """The things whose watchers hear what is said about this one."""
    match kind:
        case TalkSubject.ORDER | TalkSubject.SITE:
            return [(WatchSubject(kind), key)]
        case TalkSubject.LINE:
            line = ScheduleLine.objects.select_related("line").get(pk=key)
            return [(WatchSubject.ORDER_LINE, line.line_id), (WatchSubject.ORDER, line.line.order_id)]
        case TalkSubject.REQUIREMENT | TalkSubject.COMPANY | TalkSubject.PLANT | TalkSubject.EQUIPMENT_CLASS:
            return [(WatchSubject(kind), key)]
        case _:
            return []


def _about(watched: Iterable[tuple[str, UUID]]) -> Q:
    wanted = Q(pk__in=[])
    for kind, key in watched:
        wanted |= Q(subject_kind=kind, subject_id=key)
    return wanted


def _watchers(subject: Subject, now: datetime) -> list[User]:
    wanted = _about(_watched(subject.kind, subject.key))
    kept = Watch.objects.filter(wanted, person__is_active=True).select_related("person").order_by("pk")
    rows = [row for row in kept if row.holds_on(local_now(row.person, now).date())]
    muted = {row.person_id for row in rows if row.kind == WatchKind.MUTE}
    people = {row.person_id: row.person for row in rows if row.kind == WatchKind.WATCH and row.person_id not in muted}
    return [person for person in people.values() if subjects.find(person, subject.kind, subject.key) is not None]


def may_still_be_told(row: Notification, *, now: datetime) -> bool:
    """Whether its reader sees the thing still and, where they were told for watching it, watches it still."""
    kind, key = _talked_about(row)
    subject = subjects.find(row.recipient, kind, key)
    return subject is not None and (row.reason != _WATCHER or row.recipient in _watchers(subject, now))


def no_longer_watch(row: Notification) -> None:
    """The reader of this message takes back what made them hear of it."""
    watched = _about(_watched(*_talked_about(row)))
    Watch.objects.filter(watched, person=row.recipient, kind=WatchKind.WATCH).delete()


def _talked_about(row: Notification) -> tuple[str, UUID]:
    _talk, kind, key = row.cause_key.split(":")
    return kind, UUID(key)


def _tell(person: User, why: str, row: Comment, subject: Subject, now: datetime) -> None:
    if not person.email or person.email_refused_at is not None:
        return
    key = new_id()
    cause_key = f"talk:{subject.kind}:{subject.key}"
    with translation.override(language_of(person)):
        title = f"{subject.kind.label} {subject.title}"
        headline = _("%(author)s wrote about %(what)s") % {"author": row.author.name, "what": title}
        because = _("You are named in it.") if why == "mentioned" else _("You watch it.")
        url = f"{settings.BASE_URL}/notes/{subject.kind.value}/{subject.key}/"
        said = f"{headline}:\n\n{row.text}\n\n"
        text = f"{said}{url}\n\n{because}\n"
        if why == _WATCHER:
            text += f"{_('No more of these')}: {mail_links.url(Purpose.UNSUBSCRIBE, key)}\n"
    if _is_folded(person, why, cause_key, said, now):
        return
    mail = Notification(
        pk=key,
        recipient=person,
        channel=Channel.EMAIL,
        kind=MessageKind.NOTICE,
        lane=Lane.URGENT,
        cause_key=cause_key,
        cause_text=clean(headline, 300),
        reason=why,
        state=NotificationState.DUE,
        release_at=now,
        released_at=now,
        next_attempt_at=Calendars([person.pk]).of(person).leaves_at(_when_not_too_many(person, now), urgent=True),
        address=person.email,
        message_id=message_id(key),
        subject=clean(f"[Longlead] {title}", 300),
        body_text=text,
        body_html=linebreaks(escape(text)),
    )
    headers = list_headers(mail, "notes")
    if why != _WATCHER:  # who is named is spoken to, and has nothing to take leave of
        headers = {name: value for name, value in headers.items() if not name.startswith("List-Unsubscribe")}
    mail.headers = (
        {"Date": now.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")}
        | headers
        | thread(Notification.objects.filter(recipient=person, cause_key=cause_key))
    )
    mail.save(force_insert=True)


def _is_folded(person: User, why: str, cause_key: str, said: str, now: datetime) -> bool:
    """Whether it went into a mail about the same thing that still waits: the newest stands first."""
    waiting = (
        _comments_to(person)
        .filter(cause_key=cause_key, reason=why, state=NotificationState.DUE, attempts=0, next_attempt_at__gt=now)
        .select_for_update(of=("self",))
        .first()
    )
    if waiting is None:
        return False
    waiting.body_text = said + waiting.body_text
    waiting.body_html = linebreaks(escape(waiting.body_text))
    waiting.save(update_fields=["body_text", "body_html"])
    return True


def _when_not_too_many(person: User, now: datetime) -> datetime:
    """The first instant from `now` on at which one more is not more than so many in an hour."""
    leaving = _comments_to(person).annotate(leaves_at=Coalesce("next_attempt_at", "sent_at", "released_at"))
    last = list(leaving.order_by("-leaves_at").values_list("leaves_at", flat=True)[:MAILS_AN_HOUR])
    return max(now, last[-1] + _HOUR) if len(last) == MAILS_AN_HOUR else now


def _comments_to(person: User) -> QuerySet[Notification]:
    return Notification.objects.filter(recipient=person, channel=Channel.EMAIL, kind=MessageKind.NOTICE)
