"""What a schedule changes, in rows and sentences for its page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from procurement.portal import words
from procurement.portal.templatetags.portal import NOT_KNOWN, amount, constraint_name, iso_day, signed
from procurement.queries.schedule_difference import (
    BoundDate,
    lines_of_lots,
    lots_of_requirements,
    requirements_of_gates,
)
from procurement.queries.schedule_revisions import float_days
from procurement.services.rehearsal import MovedAlert, MovedDate
from procurement.vocabulary import AlertEventKind
from sites.domain.schedule_difference import ActivityState, Anomaly, Change, ScheduleDifference
from sites.vocabulary import ScheduleAnomaly

MOST_ROWS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` are (label, value), in the order of the part's heads."""

    code: str
    name: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """`links` where the activity stands in the new revision; `more` counts what is not shown."""

    id: str
    title: str
    heads: tuple[str, ...]
    total: int
    rows: tuple[Row, ...]
    links: bool = True

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


@dataclass(frozen=True, slots=True)
class LinkedMove:
    """What moves, with its page; the address is empty where it has none of its own."""

    move: MovedDate
    url: str


@dataclass(frozen=True, slots=True)
class FollowerRow:
    """What follows an activity, and what becomes of it: `effect` is null where nothing does, `lots` are those that
    would move of the requirement, or of the requirements that follow the gate."""

    bound: BoundDate
    effect: MovedDate | None
    lots: tuple[LinkedMove, ...]


@dataclass(frozen=True, slots=True)
class Followers:
    """Those whose activity moves or is gone, and those whose does not."""

    moving: tuple[FollowerRow, ...]
    staying: tuple[FollowerRow, ...]


def linked(moves: Sequence[MovedDate]) -> list[LinkedMove]:
    """One query, for the lines of the lots."""
    lines = lines_of_lots([move.key for move in moves if move.kind == "lot"])
    return [LinkedMove(move, _address(move, lines)) for move in moves]


def _address(move: MovedDate, lines: Mapping[UUID, UUID]) -> str:
    if move.kind == "lot" and move.key in lines:
        return reverse("line", args=[lines[move.key]])
    return reverse(move.kind, args=[move.key]) if move.kind in {"requirement", "block"} else ""


def followers(bound: Sequence[BoundDate], moves: Sequence[LinkedMove]) -> Followers:
    """Two queries: the requirements behind the gates, and the lots of all of them."""
    behind = requirements_of_gates([row.key for row in bound if row.kind == "gate"])
    behind |= {row.key: (row.key,) for row in bound if row.kind == "requirement"}
    lots = lots_of_requirements({key for keys in behind.values() for key in keys})
    by_key = {(each.move.kind, each.move.key): each for each in moves}
    rows = []
    for row in bound:
        effect = by_key.get(("requirement", row.key))
        keys = dict.fromkeys(lot for key in behind.get(row.key, ()) for lot in lots.get(key, ()))
        meant = (by_key.get(("lot", lot)) for lot in keys)
        rows.append(FollowerRow(row, effect.move if effect else None, tuple(each for each in meant if each)))
    return Followers(tuple(row for row in rows if not row.bound.stays), tuple(row for row in rows if row.bound.stays))


@dataclass(frozen=True, slots=True)
class Odd:
    label: str
    detail: str = field(default="")


def parts(difference: ScheduleDifference) -> list[Part]:
    """One a kind of change; the ones that always show come first."""
    found = [
        _part(
            "moved", _("Moved"),
            (_("Start before"), _("Start after"), _("Finish before"), _("Finish after"), _("Days")),
            difference.moved, _of_change, _moved_cells,
        ),
        _part(
            "negative", _("Float gone negative"), (_("Float before, days"), _("Float after, days")),
            difference.gone_negative, _of_change, _float_cells,
        ),
        _part("added", _("Added"), (_("Start"), _("Finish")), difference.added, _of_state, _dates),
        _part("removed", _("Removed"), (_("Start"), _("Finish")), difference.removed, _of_state, _dates, links=False),
    ]  # fmt: skip
    if difference.constraint_changed:
        found.append(
            _part(
                "constraints", _("Constraint changed"), (_("Before"), _("After")),
                difference.constraint_changed, _of_change, _constraint_cells,
            )
        )  # fmt: skip
    if difference.calendar_changed:
        found.append(
            _part(
                "calendars", _("On another calendar"), (_("Before"), _("After")),
                difference.calendar_changed, _of_change, lambda each: (each.before.calendar, each.after.calendar),
            )
        )  # fmt: skip
    if difference.calendars_redefined:
        rows = tuple(Row(name or NOT_KNOWN, "", ()) for name in difference.calendars_redefined[:MOST_ROWS])
        found.append(
            Part("redefined", _("Calendars with other hours"), (), len(difference.calendars_redefined), rows, False)
        )
    if difference.renumbered:
        found.append(
            _part(
                "renumbered", _("Same name, another activity id"), (_("Before"),),
                [after for _before, after in difference.renumbered], _of_state,
                _before_codes(difference.renumbered),
            )
        )  # fmt: skip
    return found


Each = TypeVar("Each")


def _part(
    id: str,
    title: str,
    heads: tuple[str, ...],
    rows: Sequence[Each],
    state: Callable[[Each], ActivityState],
    cells: Callable[[Each], Iterable[str]],
    *,
    links: bool = True,
) -> Part:
    shown = tuple(
        Row(state(each).code, state(each).name, tuple(zip(heads, cells(each), strict=True)))
        for each in rows[:MOST_ROWS]
    )
    return Part(id, title, heads, len(rows), shown, links)


def _of_change(each: Change) -> ActivityState:
    return each.after


def _of_state(each: ActivityState) -> ActivityState:
    return each


def _dates(each: ActivityState) -> tuple[str, str]:
    return words.day(each.start_on), words.day(each.finish_on)


def _moved_cells(each: Change) -> tuple[str, ...]:
    before, after = each.before, each.after
    return (*_interleaved(before, after), signed(each.days))


def _interleaved(before: ActivityState, after: ActivityState) -> tuple[str, ...]:
    return (
        words.day(before.start_on), words.day(after.start_on), words.day(before.finish_on), words.day(after.finish_on),
    )  # fmt: skip


def _float_cells(each: Change) -> tuple[str, str]:
    return amount(float_days(each.before.float_hours), 1), amount(float_days(each.after.float_hours), 1)


def _constraint_cells(each: Change) -> tuple[str, str]:
    return _constraints(each.before), _constraints(each.after)


def _constraints(state: ActivityState) -> str:
    said = [
        f"{constraint_name(word)} {words.day(at.date()) if at else ''}".strip()
        for word, at in (state.constraint, state.second_constraint)
        if word
    ]
    return "; ".join(said) or NOT_KNOWN


def _before_codes(pairs: Sequence[tuple[ActivityState, ActivityState]]) -> Callable[[ActivityState], tuple[str]]:
    codes = {after.code: before.code for before, after in pairs}
    return lambda each: (codes[each.code],)


def odd(anomalies: Iterable[Anomaly]) -> list[Odd]:
    return [Odd(str(each.kind.label), _detail(each)) for each in anomalies]


def _detail(anomaly: Anomaly) -> str:
    facts = anomaly.facts
    match anomaly.kind:
        case ScheduleAnomaly.DATA_DATE_BACK:
            return _("from %(before)s to %(after)s") % {
                "before": iso_day(facts["before"]), "after": iso_day(facts["after"]),
            }  # fmt: skip
        case ScheduleAnomaly.MASS_SHIFT:
            return _("%(count)s of %(of)s unfinished activities by %(days)s days") % {
                "count": facts["count"], "of": facts["of"], "days": signed(_whole(facts["days"])),
            }  # fmt: skip
        case ScheduleAnomaly.LOST_ANCHORS:
            return _some(facts.get("codes"))
        case ScheduleAnomaly.RENUMBERED:
            return _some([f"{old} → {new}" for old, new in _pairs(facts.get("pairs"))])
        case ScheduleAnomaly.OTHER_PROJECT:
            return _("it shares %(shared)s of %(of)s activity ids with %(project)s") % {
                "shared": facts["shared"], "of": facts["of"], "project": facts["project"],
            }  # fmt: skip


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _pairs(value: object) -> list[tuple[str, str]]:
    return [(str(old), str(new)) for old, new in value] if isinstance(value, list) else []


def _some(values: object) -> str:
    known = [str(each) for each in values] if isinstance(values, list) else []
    more = len(known) - 10
    return ", ".join(known[:10]) + (f" +{more}" if more > 0 else "")


def alerts(rows: Iterable[MovedAlert]) -> list[str]:
    """One sentence an alert: what becomes of it."""
    return [f"{_what(row)}: {row.rule.label}, {row.subject_text}" for row in rows]


def _what(row: MovedAlert) -> str:
    return _("Opens") if row.is_new else str(dict(AlertEventKind.choices).get(row.what, row.what))
