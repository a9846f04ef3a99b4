"""The columns of the log, by the name they have in its address, and what each shows of a row.

Written out in Python and not by templates: a page of 500 rows has 8,000 cells.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Final

from django.urls import reverse
from django.utils.functional import Promise as Lazy
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from procurement.portal.templatetags.portal import amount, floating, icon, reason, short_day, signed, state
from procurement.portal.words import short_why
from procurement.queries.log import LogRow
from procurement.queries.log_changes import Changes
from sites.vocabulary import ReasonCode, step_name

_NOT_KNOWN: Final = "–"
_LONGEST_DESCRIPTION: Final = 44


@dataclass(frozen=True, slots=True)
class Column:
    """`plain` is what is compared with an earlier day and shown of it; `cell` is HTML; `more` a second line of it.

    `of` reads all that a cell is made from: rows in which it is the same show the same.
    """

    label: str | Lazy
    tone: str
    of: Callable[[LogRow], Hashable]
    plain: Callable[[LogRow], str]
    more: Callable[[LogRow], str] = lambda row: ""
    mark: Callable[[LogRow], str] = lambda row: ""
    cell: Callable[[LogRow], str] | None = None


def _second(text: str) -> str:
    return f'<span class="ll-second">{text}</span>' if text else ""


def _float(row: LogRow) -> str:
    tone = " ll-bad" if row.float_days is not None and row.float_days < 0 else ""
    return f'{state(row.state)} <span class="ll-float ll-strong{tone}">{floating(row.float_days)}</span>'


def _tags(row: LogRow) -> str:
    said = ", ".join(row.tags) or _("for no requirement")
    return f"{said} +{row.more_tags}" if row.more_tags else said


def _stated(row: LogRow) -> str:
    if not row.stated_on:
        return ""
    why = f"{reason(row.reason_code)}, " if row.reason_code not in {"", ReasonCode.NOT_STATED} else ""
    return why + _("stated %(day)s") % {"day": short_day(row.stated_on)}


def _forecast_more(row: LogRow) -> str:
    said = ""
    if row.p80_on:
        odds = _("P80 %(day)s") % {"day": short_day(row.p80_on)}
        if row.on_time_percent is not None:
            odds += ", " + _("%(percent)s %% in time") % {"percent": row.on_time_percent}
        said = _second(escape(odds))
    elif row.are_being_drawn:
        said = _second(escape(_("P80 being calculated")))
    if row.lots > 1:
        said += _second(escape(_("last of %(lots)s lots") % {"lots": row.lots}))
    return said


def _mw_days(row: LogRow) -> str:
    if row.recovers_mw_days is None and row.costs_mw_days is None:
        return _NOT_KNOWN
    return f"{amount(row.recovers_mw_days)} / {amount(row.costs_mw_days)}"


def _promise_more(row: LogRow) -> str:
    return _second(f'<span class="ll-mark">≈ {escape(row.promised_as)}</span>') if row.promised_as else ""


def _text(read: Callable[[LogRow], str]) -> Callable[[LogRow], str]:
    return lambda row: _second(escape(read(row)))


# Site and order stand first and stay in sight; they cannot be left out.
COLUMNS: Final[Mapping[str, Column]] = {
    "class": Column(
        gettext_lazy("Class, tags"),
        "ll-tags",
        attrgetter("equipment_class", "tags", "more_tags"),
        lambda row: row.equipment_class,
        _text(_tags),
    ),
    "float": Column(
        gettext_lazy("Float, days"),
        "ll-num",
        attrgetter("state", "float_days"),
        lambda row: floating(row.float_days),
        cell=_float,
    ),
    "why": Column(
        gettext_lazy("Why"),
        "ll-why",
        attrgetter("why", "stated_on", "reason_code"),
        lambda row: short_why(row.why),
        _text(_stated),
    ),
    "ros": Column(
        gettext_lazy("Required on site"),
        "ll-date",
        attrgetter("required_on_site"),
        lambda row: short_day(row.required_on_site),
    ),
    "forecast": Column(
        pgettext_lazy("date", "Forecast"),
        "ll-date",
        attrgetter("forecast_on", "p80_on", "on_time_percent", "are_being_drawn", "lots"),
        lambda row: short_day(row.forecast_on),
        _forecast_more,
    ),
    "promise": Column(
        gettext_lazy("Promise"),
        "ll-date",
        attrgetter("promised_on", "promised_as"),
        lambda row: short_day(row.promised_on),
        _promise_more,
    ),
    "contract": Column(
        gettext_lazy("Contract"),
        "ll-date",
        attrgetter("contract_on", "contract_step"),
        lambda row: short_day(row.contract_on),
        _text(lambda row: str(step_name(row.contract_step)) if row.contract_step != "ON_SITE" else ""),
    ),
    "slip": Column(
        gettext_lazy("Slip, days"),
        "ll-num",
        attrgetter("slip_days"),
        lambda row: signed(row.slip_days),
        mark=lambda row: " ll-warn" if row.slip_days is not None and row.slip_days > 0 else "",
    ),
    "actual": Column(
        gettext_lazy("On site"), "ll-date", attrgetter("delivered_on"), lambda row: short_day(row.delivered_on)
    ),
    "next": Column(
        gettext_lazy("Next step"),
        "ll-date",
        attrgetter("next_code", "next_on"),
        lambda row: str(step_name(row.next_code)) if row.next_code else _NOT_KNOWN,
        _text(lambda row: short_day(row.next_on) if row.next_code else ""),
    ),
    "vendor": Column(gettext_lazy("Vendor"), "ll-wrap", attrgetter("seller"), lambda row: row.seller),
    "maker": Column(gettext_lazy("Maker"), "ll-wrap", attrgetter("maker"), lambda row: row.maker or _NOT_KNOWN),
    "quantity": Column(
        gettext_lazy("Quantity"),
        "ll-num",
        attrgetter("quantity", "unit"),
        lambda row: amount(row.quantity, 3),
        cell=lambda row: f'{amount(row.quantity, 3)} <span class="ll-quiet">{escape(row.unit)}</span>',
    ),
    "mw_days": Column(gettext_lazy("MW-days"), "ll-num", attrgetter("recovers_mw_days", "costs_mw_days"), _mw_days),
}


@dataclass(frozen=True, slots=True)
class Head:
    name: str
    label: str | Lazy
    tone: str


def heads(names: Sequence[str]) -> list[Head]:
    return [Head(name, COLUMNS[name].label, _head_tone(COLUMNS[name].tone)) for name in names]


def _head_tone(tone: str) -> str:
    return tone if tone == "ll-num" else ""


def choices(names: Sequence[str]) -> list[tuple[str, str | Lazy, bool]]:
    """For the chooser: what is shown, in its order, then the rest."""
    rest = [name for name in COLUMNS if name not in names]
    return [(name, COLUMNS[name].label, name in names) for name in [*names, *rest]]


class Rows:
    """The rows of a page as HTML. `suffix` is what the address of a line carries to find back into the list."""

    def __init__(self, names: Sequence[str], suffix: str, changes: Changes | None) -> None:
        self._columns: list[tuple[Column, dict[Hashable, str]]] = [(COLUMNS[name], {}) for name in names]
        self._suffix = escape(suffix)
        self._changes = changes
        self._line = reverse("line", args=["00000000-0000-0000-0000-000000000000"]).split("0", 1)[0]
        self._site = reverse("site", args=["0"])[: -len("0/")]
        self._preview = escape(_("Preview"))
        self._eye = icon("eye")
        self._was = escape(_("Was"))
        came = escape(_("Came"))
        self._came = f'<span class="ll-state ll-info">{icon("plus")}{came}</span> '

    def html(self, rows: Sequence[LogRow]) -> SafeString:
        return mark_safe("\n".join(map(self._row, rows)))  # noqa: S308  every text in it went through escape()

    def _row(self, row: LogRow) -> str:
        was = self._changes.before.get(row.key) if self._changes else None
        came = self._changes is not None and row.key in (self._changes.came or ())
        site = escape(row.site)
        place = f'<a href="{self._site}{site}/">{site}</a>' if row.site else _NOT_KNOWN
        order = escape(f"{row.order}/{row.line}/{row.schedule}")
        text = row.description
        if len(text) > _LONGEST_DESCRIPTION:
            text = f"{text[: _LONGEST_DESCRIPTION - 1]}…"
        address = f"{self._line}{row.key}/"
        cells = "".join([self._cell(column, row, was, made) for column, made in self._columns])
        return (
            f'<tr data-row><td class="ll-pin">{place}</td>'
            f'<th scope="row" class="ll-pin2"><a href="{address}{self._suffix}" data-line="{row.key}">{order}</a>'
            f'<a class="ll-peek" href="{address}preview/{self._suffix}" data-preview '
            f'aria-label="{self._preview} {order}">{self._eye}</a>'
            f'<span class="ll-second">{self._came if came else ""}{escape(text)}</span></th>{cells}</tr>'
        )

    def _cell(self, column: Column, row: LogRow, was: LogRow | None, made: dict[Hashable, str]) -> str:
        """`made` holds the column's cells so far: few are different, and no word is looked up twice."""
        said = (column.of(row), column.of(was) if was is not None else None)
        cell = made.get(said)
        if cell is None:
            cell = made[said] = self._new_cell(column, row, was)
        return cell

    def _new_cell(self, column: Column, row: LogRow, was: LogRow | None) -> str:
        plain = column.plain(row)
        shown = column.cell(row) if column.cell else escape(plain)
        struck = ""
        if was is not None and (old := column.plain(was)) != plain:
            struck = f'<del class="ll-was"><span class="visually-hidden">{self._was} </span>{escape(old)}</del>'
        tone = f"{column.tone}{column.mark(row)}{' ll-changed' if struck else ''}"
        return f'<td class="{tone}">{shown}{struck}{column.more(row)}</td>'


def total_cells(names: Sequence[str], late: str, mw_days: Decimal | None, label: str) -> SafeString:
    """The foot under the chosen columns: how many are late under the float, MW-days at risk under theirs."""
    made = []
    for name in names:
        match name:
            case "float":
                made.append(f'<td class="ll-num">{escape(late)}</td>')
            case "mw_days":
                hidden = f'<span class="visually-hidden">{escape(label)}: </span>'
                made.append(f'<td class="ll-num">{hidden}{amount(mw_days)}</td>')
            case _:
                made.append("<td></td>")
    return mark_safe("".join(made))  # noqa: S308  escaped above
