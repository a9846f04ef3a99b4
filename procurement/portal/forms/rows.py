"""A form of like rows, as a sheet has them: a cleared row is taken away, a filled blank one is new."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django import forms

from procurement.portal.forms.base import PortalForm
from sites.domain.errors import RuleBroken

MOST_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class RowOfFields:
    number: int
    fields: tuple[forms.BoundField, ...]

    @property
    def errors(self) -> list[str]:
        return [str(error) for bound in self.fields for error in bound.errors]


class RowsForm(PortalForm):
    """`path` is what the service calls the list: a refusal of `path/3/name` lands in the fourth filled row.

    `initial_rows` are what is stored; `blank` more are offered below them.
    """

    path: ClassVar[str]
    blank: ClassVar[int] = 2

    def __init__(
        self, data: Any = None, *, initial_rows: Sequence[Mapping[str, Any]] = (), prefix_id: str = "", **kwargs: Any
    ) -> None:
        self.count = self._count(data, len(initial_rows))
        super().__init__(data, auto_id=f"{prefix_id or self.path}-%s", **kwargs)
        self.single = list(self.fields)
        self.columns = self.column_fields()
        for number in range(self.count):
            values = initial_rows[number] if number < len(initial_rows) else {}
            for name, made in self.column_fields().items():
                made.initial = values.get(name, made.initial if number < len(initial_rows) else None)
                made.required = False
                self.fields[f"{name}__{number}"] = made
        super().style_fields()

    def column_fields(self) -> dict[str, forms.Field]:
        """New fields of one row, by column; `required` marks what a filled row must have."""
        raise NotImplementedError

    def _count(self, data: Any, stored: int) -> int:
        if data is None:
            return stored + self.blank
        sent = [int(key.rpartition("__")[2]) for key in data if key.rpartition("__")[2].isdecimal()]
        return min(MOST_ROWS, max(sent, default=-1) + 1)

    @property
    def rows(self) -> list[RowOfFields]:
        return [
            RowOfFields(number, tuple(self[f"{name}__{number}"] for name in self.columns))
            for number in range(self.count)
        ]

    @property
    def heads(self) -> list[forms.Field]:
        return list(self.columns.values())

    @property
    def singles(self) -> list[forms.BoundField]:
        return [self[name] for name in self.single]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.filled: list[int] = []
        for number in range(self.count):
            if all(cleaned.get(f"{name}__{number}") in (None, "") for name in self.columns) and not any(
                f"{name}__{number}" in self.errors for name in self.columns
            ):
                continue
            self.filled.append(number)
            for name, field in self.columns.items():
                key = f"{name}__{number}"
                if field.required and key not in self.errors and cleaned.get(key) in (None, ""):
                    self.add_error(key, str(field.error_messages["required"]))
        return cleaned

    def said_rows(self) -> list[dict[str, Any]]:
        """Only after `is_valid`."""
        return [{name: self.cleaned_data[f"{name}__{number}"] for name in self.columns} for number in self.filled]

    def refuse(self, refusal: RuleBroken) -> None:
        """At the row it names, else as any form."""
        path, _, rest = (refusal.field or "").partition("/")
        place, _, name = rest.partition("/")
        if path == self.path and place.isdecimal() and int(place) < len(self.filled):
            column = name.split("/")[0]
            key = f"{column}__{self.filled[int(place)]}"
            self.add_error(key if key in self.fields else None, refusal.message)
            return
        super().refuse(refusal)
