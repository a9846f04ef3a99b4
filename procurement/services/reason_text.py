"""The reason of a date as one sentence in the reader's language, for every page, mail and answer.

Each clause is a whole one with its own message, and how clauses stand together is a message too, so that a language
with another order of words says it in its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from procurement.domain.reasons import Behind, Cause, Note, NoteKind, Reason, Rest
from sites.vocabulary import Party, step_name

_APPROVAL = "SUBMITTAL_APPROVED"


@dataclass(frozen=True, slots=True)
class Names:
    """What the facts of a reason are called; empty where not known. `said` is the deciding promise as the vendor put
    it, empty where it named a day, and `because` the reason it gave, empty where it gave none. `pinned_by` and
    `pin_reason` belong to a pinned date.
    """

    site: str = ""
    vendor: str = ""
    said: str = ""
    because: str = ""
    pinned_by: str = ""
    pin_reason: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """`notes` are further sentences, about what the dates rest on."""

    sentence: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.sentence, *self.notes))


def tell(found: Reason, names: Names) -> Told:
    clauses = [_need(found, names), _cause(found, names)]
    if found.rest is not None and (rest := _rest(found.rest)):
        clauses.append(rest)
    if found.cause is not Cause.ARRIVED:
        clauses.append(_result(found))
    elif found.worst is not None:
        clauses.append(_worst(found.worst))
    held = [_held(code) for code in found.rest.held] if found.rest else []
    return Told(_joined(clauses), (*held, *(_note(note) for note in found.notes)))


def _joined(clauses: Sequence[str]) -> str:
    named = dict(zip(("one", "two", "three", "four"), clauses, strict=False))
    match len(clauses):
        case 2:
            return _("%(one)s; %(two)s.") % named
        case 3:
            return _("%(one)s; %(two)s; %(three)s.") % named
    return _("%(one)s; %(two)s; %(three)s; %(four)s.") % named


def _day(on: date | None) -> str:
    return formats.date_format(on, "DATE_FORMAT") if on else "–"


def _need(found: Reason, names: Names) -> str:
    if found.required_on is None:
        return _("Nobody has said when it is required")
    if not names.site:
        return _("It is required on site by %(required)s") % {"required": _day(found.required_on)}
    return _("%(site)s asked for it by %(required)s") % {"site": names.site, "required": _day(found.required_on)}


def _result(found: Reason) -> str:
    days = found.float_days
    facts = {"forecast": _day(found.forecast_on), "days": abs(days or 0)}
    if days is None:
        return _("so it is expected on %(forecast)s") % facts
    if days == 0:
        return _("so it is expected on %(forecast)s, the very day") % facts
    if days < 0:
        late = ngettext(
            "so it is expected on %(forecast)s, %(days)d day late",
            "so it is expected on %(forecast)s, %(days)d days late",
            -days,
        )
        return late % facts
    early = ngettext(
        "so it is expected on %(forecast)s, %(days)d day before that",
        "so it is expected on %(forecast)s, %(days)d days before that",
        days,
    )
    return early % facts


# -- what decides ----------------------------------------------------------------------------------------------------


def _cause(found: Reason, names: Names) -> str:
    facts = {"step": step_name(found.code), "on": _day(found.on), "promised": _day(found.promised_on)}
    match found.cause:
        case Cause.ARRIVED:
            return _arrived(found)
        case Cause.DONE:
            return _done(found)
        case Cause.IMPLIED:
            return _("“%(step)s” is not recorded but a later step is done, so it counts as done by %(on)s") % facts
        case Cause.PINNED:
            return _pinned(facts, names)
        case Cause.PROMISED:
            return _promised(found.code, found.on, found.slip_days, names)
        case Cause.MOVED:
            return _moved(found, names)
        case Cause.PROMISE_OVER:
            over = _(
                "%(vendor)s promised “%(step)s” for %(promised)s, that day is over and nothing is recorded, "
                "so it counts as %(on)s"
            )
            return over % {**facts, "vendor": names.vendor or _("the vendor")}
        case Cause.OVERDUE:
            return _overdue(found)
        case Cause.ORDERED_TODAY:
            return _("nothing is ordered yet, so it counts as if ordered on %(on)s") % facts
        case Cause.PLANNED:
            return _("“%(step)s” is planned for %(on)s") % facts
    raise AssertionError(found.cause)


def _arrived(found: Reason) -> str:
    days = abs(found.float_days or 0)
    facts = {"on": _day(found.on), "days": days}
    if not found.float_days:
        return _("it came on %(on)s") % facts
    if found.float_days < 0:
        late = ngettext("it came on %(on)s, %(days)d day late", "it came on %(on)s, %(days)d days late", days)
        return late % facts
    early = ngettext(
        "it came on %(on)s, %(days)d day before that", "it came on %(on)s, %(days)d days before that", days
    )
    return early % facts


def _worst(step: Behind) -> str:
    facts = {"step": step_name(step.code), "party": step.owner.label, "days": step.late_days}
    told = ngettext(
        "most was lost at “%(step)s” (%(party)s), %(days)d day more than agreed",
        "most was lost at “%(step)s” (%(party)s), %(days)d days more than agreed",
        step.late_days or 0,
    )
    return told % facts


def _done(found: Reason) -> str:
    slip = found.slip_days
    facts = {"step": step_name(found.code), "on": _day(found.on), "days": abs(slip or 0)}
    if slip is None:
        return _("“%(step)s” was done on %(on)s") % facts
    if slip == 0:
        return _("“%(step)s” was done on %(on)s, as agreed") % facts
    if slip > 0:
        later = ngettext(
            "“%(step)s” was done on %(on)s, %(days)d day later than agreed",
            "“%(step)s” was done on %(on)s, %(days)d days later than agreed",
            slip,
        )
        return later % facts
    earlier = ngettext(
        "“%(step)s” was done on %(on)s, %(days)d day earlier than agreed",
        "“%(step)s” was done on %(on)s, %(days)d days earlier than agreed",
        -slip,
    )
    return earlier % facts


def _pinned(facts: dict[str, str], names: Names) -> str:
    if not names.pinned_by:
        return _("“%(step)s” is pinned to %(on)s") % facts
    told = {**facts, "who": names.pinned_by, "why": names.pin_reason}
    return _("%(who)s pinned “%(step)s” to %(on)s (%(why)s)") % told


def _promised(code: str, on: date | None, slip_days: int | None, names: Names) -> str:
    slip = slip_days or 0
    facts = {
        "vendor": names.vendor or _("the vendor"),
        "step": step_name(code),
        "on": _day(on),
        "said": names.said,
        "days": abs(slip),
    }
    if slip > 0 and names.said:
        later = ngettext(
            "%(vendor)s promises “%(step)s” for %(said)s, which counts as %(on)s, %(days)d day later than agreed",
            "%(vendor)s promises “%(step)s” for %(said)s, which counts as %(on)s, %(days)d days later than agreed",
            slip,
        )
    elif slip > 0:
        later = ngettext(
            "%(vendor)s promises “%(step)s” for %(on)s, %(days)d day later than agreed",
            "%(vendor)s promises “%(step)s” for %(on)s, %(days)d days later than agreed",
            slip,
        )
    elif names.said:
        later = _("%(vendor)s promises “%(step)s” for %(said)s, which counts as %(on)s")
    else:
        later = _("%(vendor)s promises “%(step)s” for %(on)s")
    return _with_reason(later % facts, names)


def _with_reason(clause: str, names: Names) -> str:
    return (
        _("%(clause)s (the reason given: %(reason)s)") % {"clause": clause, "reason": names.because}
        if names.because
        else clause
    )


def _moved(found: Reason, names: Names) -> str:
    behind = found.behind
    assert behind is not None  # what is moved was moved by something
    own_slip = (found.slip_days or 0) - found.shift_days
    if own_slip > found.shift_days:
        return _moved_further(found, behind, _promised(found.code, found.promised_on, own_slip, names))
    facts = {
        "step": step_name(found.code),
        "behind": step_name(behind.code),
        "party": behind.owner.label,
        "promised": _day(found.promised_on),
        "on": _day(found.on),
        "days": behind.late_days or 0,
        "shift": found.shift_days,
    }
    if behind.late_days is None or behind.late_days <= 0:
        told = ngettext(
            "“%(behind)s” (%(party)s) comes later than the vendor relied on, which moved the vendor's own date for "
            "“%(step)s” by %(shift)d day from %(promised)s to %(on)s",
            "“%(behind)s” (%(party)s) comes later than the vendor relied on, which moved the vendor's own date for "
            "“%(step)s” by %(shift)d days from %(promised)s to %(on)s",
            found.shift_days,
        )
        return told % facts
    return _moved_late(behind, behind.late_days) % facts


def _moved_further(found: Reason, behind: Behind, promise: str) -> str:
    """Where most of what it is late by is the vendor's own: the promise first, then what moved it further."""
    told = ngettext(
        "%(promise)s, and %(shift)d day more, to %(on)s, as “%(behind)s” (%(party)s) comes later than the vendor "
        "relied on",
        "%(promise)s, and %(shift)d days more, to %(on)s, as “%(behind)s” (%(party)s) comes later than the vendor "
        "relied on",
        found.shift_days,
    )
    return told % {
        "promise": promise,
        "shift": found.shift_days,
        "on": _day(found.on),
        "behind": step_name(behind.code),
        "party": behind.owner.label,
    }


def _moved_late(behind: Behind, days: int) -> str:
    if behind.owner is Party.OWNER and behind.code == _APPROVAL:
        return ngettext(
            "your approval, %(days)d day late, moved the vendor's own date for “%(step)s” from %(promised)s to %(on)s",
            "your approval, %(days)d days late, moved the vendor's own date for “%(step)s” from %(promised)s to %(on)s",
            days,
        )
    if behind.owner is Party.OWNER:
        return ngettext(
            "your “%(behind)s”, %(days)d day late, moved the vendor's own date for “%(step)s” from %(promised)s to "
            "%(on)s",
            "your “%(behind)s”, %(days)d days late, moved the vendor's own date for “%(step)s” from %(promised)s to "
            "%(on)s",
            days,
        )
    return ngettext(
        "“%(behind)s” (%(party)s), %(days)d day late, moved the vendor's own date for “%(step)s” from %(promised)s to "
        "%(on)s",
        "“%(behind)s” (%(party)s), %(days)d days late, moved the vendor's own date for “%(step)s” from %(promised)s to "
        "%(on)s",
        days,
    )


def _overdue(found: Reason) -> str:
    slip = found.slip_days or 0
    facts = {"step": step_name(found.code), "on": _day(found.on), "days": slip}
    if slip <= 0:
        return _("“%(step)s” is not done and its time is over, so it counts as %(on)s") % facts
    if found.code == _APPROVAL:
        told = ngettext(
            "your approval is still open and %(days)d day late, so it counts as %(on)s",
            "your approval is still open and %(days)d days late, so it counts as %(on)s",
            slip,
        )
        return told % facts
    told = ngettext(
        "“%(step)s” is still open and %(days)d day late, so it counts as %(on)s",
        "“%(step)s” is still open and %(days)d days late, so it counts as %(on)s",
        slip,
    )
    return told % facts


# -- what follows ----------------------------------------------------------------------------------------------------


def _rest(rest: Rest) -> str:
    """Empty where nothing follows but steps that could not stand earlier: those have a sentence of their own."""
    facts = {
        "from": step_name(rest.from_code),
        "to": step_name(rest.to_code),
        "days": rest.days,
        "steps": rest.steps,
        "off": rest.off_days or 0,
    }
    if rest.working_days is not None:
        return _working(rest.working_days, rest.off_days or 0) % {**facts, "days": rest.working_days}
    if not rest.steps:
        return ""
    if rest.is_lead_time:
        if rest.days % 7:
            return _("a lead time of %(days)s days from “%(from)s” to “%(to)s”") % facts
        return _("a lead time of %(weeks)s weeks from “%(from)s” to “%(to)s”") % {**facts, "weeks": rest.days // 7}
    if rest.steps == 1:
        told = ngettext(
            "%(days)d day from “%(from)s” to “%(to)s”", "%(days)d days from “%(from)s” to “%(to)s”", rest.days
        )
        return told % facts
    told = ngettext(
        "%(days)d day in %(steps)d usual steps from “%(from)s” to “%(to)s”",
        "%(days)d days in %(steps)d usual steps from “%(from)s” to “%(to)s”",
        rest.days,
    )
    return told % facts


def _working(days: int, off: int) -> str:
    worked = ngettext(
        "%(days)d working day from “%(from)s” to “%(to)s”", "%(days)d working days from “%(from)s” to “%(to)s”", days
    )
    if not off:
        return worked
    with_off = ngettext("%(worked)s (with %(off)d day off between)", "%(worked)s (with %(off)d days off between)", off)
    return with_off.replace("%(worked)s", worked)


def _held(code: str) -> str:
    return _("“%(step)s” had an earlier date of its own, but cannot come before the step before it.") % {
        "step": step_name(code)
    }


def _note(note: Note) -> str:
    facts = {
        "on": _day(note.on),
        "days": note.days,
        "step": step_name(note.code),
        "years": ", ".join(str(year) for year in note.years),
    }
    match note.kind:
        case NoteKind.VENDOR_UNDECIDED:
            return _("For “%(step)s” the vendor has since said “to be decided”.") % facts
        case NoteKind.STATED_SINCE_PINNED:
            if note.on is None:
                return _("For “%(step)s” the vendor has stated a promise since it was pinned.") % facts
            return _("For “%(step)s” the vendor has promised %(on)s since it was pinned.") % facts
        case NoteKind.OUT_OF_ORDER:
            return _("“%(step)s” is recorded before the step before it.") % facts
        case NoteKind.ACTUAL_MISSING:
            return _("For “%(step)s” its own day is not recorded.") % facts
        case NoteKind.WITHOUT_HOLIDAYS:
            return _("Up to “%(step)s” only weekends count in %(years)s: no holidays are known for then.") % facts
        case NoteKind.AGREED_TOO_LATE:
            told = ngettext(
                "What was agreed, %(on)s, is itself %(days)d day after the required date.",
                "What was agreed, %(on)s, is itself %(days)d days after the required date.",
                note.days,
            )
            return told % facts
    raise AssertionError(note.kind)
