"""What people say and keep about a thing: comments that name people, and files."""

import pghistory
import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from procurement.vocabulary import TalkSubject
from sites.accounts.models import User
from sites.accounts.row import Row


class Comment(Row):
    """Said once: whoever was wrong says so in another one. Read by whoever may see what it is about.

    `mentioned` are the keys of the people whom it names.
    """

    subject_kind = models.CharField(max_length=16, choices=TalkSubject)
    subject_id = models.UUIDField()
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()
    mentioned = ArrayField(models.UUIDField(), default=list)

    class Meta:
        constraints = [models.CheckConstraint(name="a_comment_says_something", condition=~Q(text=""))]
        indexes = [models.Index(fields=["subject_kind", "subject_id", "at"], name="comments_about_a_thing")]
        triggers = [pgtrigger.Protect(name="a_comment_is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.author}, {self.at:%Y-%m-%d}"


class FileContent(models.Model):
    """Bytes, each kept once, in the database: no web server can serve them, and a backup holds them."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="a_file_is_named_by_its_hash", condition=Q(sha256__regex=r"^[0-9a-f]{64}$"))
        ]

    def __str__(self) -> str:
        return self.sha256


@pghistory.track()
class Attachment(Row):
    """A file about a thing. `content_type` is what its bytes are, never what its sender says. A removed one is not
    offered any more.
    """

    subject_kind = models.CharField(max_length=16, choices=TalkSubject)
    subject_id = models.UUIDField()
    name = models.CharField(_("name"), max_length=200)
    content_type = models.CharField(max_length=100)
    size_bytes = models.PositiveIntegerField()
    content = models.ForeignKey(FileContent, on_delete=models.PROTECT, related_name="attachments")
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    note = models.CharField(max_length=300, blank=True)
    removed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="an_attachment_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="a_removed_attachment_says_who_and_when",
                condition=Q(removed_by__isnull=True, removed_at__isnull=True)
                | Q(removed_by__isnull=False, removed_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["subject_kind", "subject_id"], name="attachments_of_a_thing")]

    def __str__(self) -> str:
        return self.name
