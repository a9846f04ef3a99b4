"""What every form of the portal shares: how its inputs look, and how a refusal reaches its field."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse

from sites.domain.errors import BadInput, NotFound, NotPermitted, RuleBroken
from sites.domain.text import check_text


class PortalForm(forms.Form):
    """`said_as` maps a refusal's field, in the words of the service, to the field of this form."""

    said_as: ClassVar[Mapping[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.style_fields()

    def style_fields(self) -> None:
        """Once per field; again where a form adds fields of its own."""
        for field in self.fields.values():
            widget = field.widget
            if isinstance(field, forms.CharField) and _check_plain not in field.validators:
                field.validators.append(_check_plain)
            if isinstance(widget, forms.CheckboxInput):
                widget.attrs.setdefault("class", "form-check-input")
            elif isinstance(widget, forms.Select):
                widget.attrs.setdefault("class", "form-select")
            else:
                widget.attrs.setdefault("class", "form-control")

    def choose(self, name: str, choices: Iterable[tuple[Any, Any]]) -> None:
        """What a field of choices offers where only the page knows it."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(choices)

    def refuse(self, refusal: RuleBroken) -> None:
        """Show the refusal at the field it names, else above the form."""
        name = (refusal.field or "").rsplit("/", 1)[-1]
        field = self.said_as.get(name, name)
        self.add_error(field if field in self.fields else None, refusal.message)


def attempt(form: PortalForm, act: Callable[[], HttpResponse], again: Callable[[int], HttpResponse]) -> HttpResponse:
    """What `act` answers. Where the form or a rule refuses: the page `again` with that status, and the refusal at its
    field. Raises Http404 where what it is about is out of sight.
    """
    if not form.is_valid():
        return again(422)
    try:
        return act()
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        form.refuse(refusal)
        return again(status_of(refusal))


def status_of(refusal: RuleBroken) -> int:
    """Of the page that shows it."""
    return 403 if isinstance(refusal, NotPermitted) else 422


def _check_plain(text: str) -> None:
    """What the API refuses of a text, a form refuses too; how long it may be is the field's own matter."""
    try:
        check_text(text, "", longest=len(text), lines=True)
    except BadInput as refusal:
        raise ValidationError(refusal.message) from None


def day_input() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


def has_choices(form: forms.Form, name: str) -> bool:
    """Whether there is anything to choose: a form without is not offered."""
    return bool(list(getattr(form.fields[name], "choices", ())))
