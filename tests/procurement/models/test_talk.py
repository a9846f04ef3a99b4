"""What the tables of comments and files refuse, each in the name of its rule."""

from datetime import UTC, datetime

import pytest

from procurement.models import Attachment, Comment, FileContent
from procurement.vocabulary import TalkSubject
from sites.accounts.row import new_id
from tests.factories.accounts import UserFactory
from tests.refusals import refused_by

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 3, tzinfo=UTC)


def a_comment(text: str = "Late") -> Comment:
    return Comment.objects.create(
        subject_kind=TalkSubject.ORDER, subject_id=new_id(), author=UserFactory.create(), at=NOON, text=text
    )


def a_file(**given: object) -> Attachment:
    person = UserFactory.create()
    kept, _made = FileContent.objects.get_or_create(sha256="a" * 64, defaults={"content": b"%PDF-"})
    whole = {
        "subject_kind": TalkSubject.ORDER, "subject_id": new_id(), "name": "letter.pdf", "size_bytes": 5,
        "content_type": "application/pdf", "content": kept, "added_by": person, "added_at": NOON,
    }  # fmt: skip
    return Attachment.objects.create(**{**whole, **given})


def test_a_comment_says_something_and_stays_as_it_is() -> None:
    with refused_by("a_comment_says_something"):
        a_comment(text="")
    row = a_comment()
    with refused_by("a_comment_is_never_changed"):
        Comment.objects.filter(pk=row.pk).update(text="In time")
    with refused_by("a_comment_is_never_changed"):
        Comment.objects.filter(pk=row.pk).delete()


def test_a_file_has_a_name_a_hash_and_somebody_who_removed_it() -> None:
    with refused_by("an_attachment_has_a_name"):
        a_file(name="")
    with refused_by("a_removed_attachment_says_who_and_when"):
        a_file(removed_at=NOON)
    with refused_by("a_file_is_named_by_its_hash"):
        FileContent.objects.create(sha256="../etc/passwd", content=b"")
    assert a_file(removed_at=NOON, removed_by=UserFactory.create()).removed_at == NOON
