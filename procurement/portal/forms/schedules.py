"""Uploading a site schedule, and deciding about one."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from procurement.portal.forms.base import PortalForm
from sites.domain.errors import RuleBroken

_LONGEST_REASON = 500
_LONGEST_CODE = 80


class UploadSchedule(PortalForm):
    """`projects` are those of the site that a file may be the next revision of."""

    file = forms.FileField(label=_("File"), help_text=_("Choose it, or drop it on this field"))
    project_code = forms.CharField(
        label=_("Project in the file"),
        max_length=_LONGEST_CODE,
        required=False,
        help_text=_("Needed only where the file holds several"),
    )
    update_of = forms.ChoiceField(
        label=_("It is the next revision of"),
        required=False,
        help_text=_("Where the file calls the project by another name"),
    )

    def __init__(self, data: Any = None, files: Any = None, *, projects: Sequence[str], **kwargs: Any) -> None:
        super().__init__(data, files, auto_id="upload-%s", **kwargs)
        field = self.fields["update_of"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("The project as the file names it")), *((code, code) for code in projects)]
        if not projects:
            field.widget = forms.HiddenInput()

    def refuse(self, refusal: RuleBroken) -> None:
        """What is wrong inside the file, a line or a table, is the file's refusal."""
        name = (refusal.field or "").rsplit("/", 1)[-1]
        self.add_error(name if name in self.fields else "file", refusal.message)


class AcceptSchedule(PortalForm):
    """`needs_reason` where something about the schedule is odd."""

    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST_REASON, required=False)

    def __init__(self, data: Any = None, *, needs_reason: bool, **kwargs: Any) -> None:
        super().__init__(data, auto_id="accept-%s", **kwargs)
        self.fields["reason"].required = needs_reason
        self.fields["reason"].help_text = (
            _("Say why it is right all the same: it is kept with your name")
            if needs_reason
            else _("Kept with your name")
        )


class RejectSchedule(PortalForm):
    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST_REASON, help_text=_("The planner reads it"))

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="reject-%s", **kwargs)


class RollBackSchedule(PortalForm):
    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST_REASON)
    force = forms.BooleanField(
        label=_("Take back also what has changed since"),
        required=False,
        help_text=_("Otherwise such rows are named and left as they are"),
    )

    said_as: ClassVar = {"changed_since": "force"}

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="roll-back-%s", **kwargs)
