"""Why a date is what it is, in plain words."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from django.utils import formats
from django.utils.functional import Promise as Lazy
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from procurement.queries.steps import Step
from sites.models import Milestone, Promise
from sites.vocabulary import Driver, DurationBasis, Precision, StepFlag, step_name


def day(on: date | None) -> str:
    return _day(on, get_language()) if on else "–"


@lru_cache(maxsize=4096)
def _day(on: date, language: str | None) -> str:
    return formats.date_format(on, "DATE_FORMAT")


def days(number: int) -> str:
    return ngettext("%(number)d day", "%(number)d days", number) % {"number": number}


def said(value: str, precision: str) -> str:
    """A promise as it was said: the day itself, or its canonical spelling."""
    if precision == Precision.TBD:
        return _("to be decided")
    return day(date.fromisoformat(value)) if precision == Precision.DAY else value


# -- few words, for a row --------------------------------------------------------------------------------------------

_SHORT: Final[Mapping[str, str | Lazy]] = {
    Driver.ACTUAL: gettext_lazy("Done: %(step)s %(day)s"),
    Driver.IMPLIED: gettext_lazy("%(step)s not recorded, a later step is"),
    Driver.LOCKED: gettext_lazy("Pinned: %(step)s %(day)s"),
    Driver.PROMISE: gettext_lazy("Vendor's promise: %(step)s %(day)s"),
    Driver.PROMISE_SHIFTED: gettext_lazy("Promise for %(step)s moved %(shift)s, its condition is late"),
    Driver.DURATION: gettext_lazy("Usual duration up to %(step)s"),
    Driver.PLAN: gettext_lazy("Plan: %(step)s %(day)s"),
    Driver.TODAY: gettext_lazy("%(step)s still open, counted from today"),
    Driver.PREDECESSOR: gettext_lazy("%(step)s waits for the step before"),
    Driver.SPAN: gettext_lazy("Lead time up to %(step)s"),
}


def short_why(step: Step | None) -> str:
    """What decides the forecast, in a few words; empty where nothing was calculated."""
    if step is None:
        return ""
    facts = {"step": step_name(step.code), "day": day(step.forecast_on), "shift": days(step.shift_days)}
    return str(_SHORT.get(step.driver, step.driver)) % facts


# -- a whole sentence, for a step ------------------------------------------------------------------------------------


def long_why(
    step: Step,
    *,
    as_of: date,
    before: str = "",
    promise: Promise | None = None,
    milestone: Milestone | None = None,
) -> str:
    """The reason of one step. `before` is the code of the step before, empty on the first one."""
    facts = {
        "step": step_name(step.code),
        "before": step_name(before) if before else "",
        "day": day(step.forecast_on),
        "as_of": day(as_of),
    }
    match step.driver:
        case Driver.ACTUAL:
            return _("Happened on %(day)s.") % facts
        case Driver.IMPLIED:
            return _("Not recorded, but a later step is done, so this one must be. Record its own day.")
        case Driver.LOCKED:
            return _pinned(facts, milestone)
        case Driver.PROMISE:
            return _("%(sentence)s.") % {"sentence": _promised(step, promise)}
        case Driver.PROMISE_SHIFTED:
            return _shifted(step, facts, promise)
        case Driver.DURATION:
            return _lasting(step, facts)
        case Driver.SPAN:
            return _spanned(step)
        case Driver.PLAN:
            return _("Planned for %(day)s; neither promised nor done.") % facts
        case Driver.TODAY:
            return _open_still(step, facts, promise)
        case Driver.PREDECESSOR:
            return _("%(before)s comes first and is now expected on %(day)s.") % facts
        case other:
            return other


def _spanned(step: Step) -> str:
    if step.forecast_on is None:
        return _("Lead time")
    if step.duration_days % 7:
        return _("Lead time: %(days)s days.") % {"days": step.duration_days}
    return _("Lead time: %(weeks)s weeks.") % {"weeks": step.duration_days // 7}


def why_if_ordered(step: Step, *, as_of: date, before: str = "") -> str:
    """The same of a chain that nothing is ordered for: it starts on the day of the calculation."""
    if not before and step.driver == Driver.TODAY:
        return _("Nothing is ordered yet, so it counts as if ordered on %(as_of)s, the day of the calculation.") % {
            "as_of": day(as_of)
        }
    return long_why(step, as_of=as_of, before=before)


def _pinned(facts: dict[str, str], milestone: Milestone | None) -> str:
    if milestone is None or milestone.locked_by is None:
        return _("Pinned to %(day)s.") % facts
    return _("Pinned to %(day)s by %(who)s: %(reason)s") % {
        **facts,
        "who": milestone.locked_by.name,
        "reason": milestone.lock_reason,
    }


def _promised(step: Step, promise: Promise | None) -> str:
    if promise is None:
        return _("Promised %(day)s") % {"day": day(step.promise_counts_on)}
    words = _("Promised %(said)s (%(source)s of %(stated)s)") % {
        "said": said(promise.value, promise.precision),
        "source": promise.get_source_display(),
        "stated": day(promise.stated_on),
    }
    if promise.precision != Precision.DAY:
        words += _(", which counts as %(day)s") % {"day": day(promise.counts_on)}
    return words


def _shifted(step: Step, facts: dict[str, str], promise: Promise | None) -> str:
    return _(
        "%(promised)s, moved %(shift)s because it depended on %(before)s by %(condition)s, "
        "which is now expected on %(expected)s."
    ) % {
        **facts,
        "promised": _promised(step, promise),
        "shift": days(step.shift_days),
        "condition": day(step.conditional_on),
        "expected": day(step.previous_on),
    }


def _lasting(step: Step, facts: dict[str, str]) -> str:
    if not facts["before"]:
        return _("Counted from %(as_of)s.") % facts
    lasts = {**facts, "number": step.duration_days, "calendar": step.calendar}
    if step.basis == DurationBasis.WORKING:
        return (
            ngettext(
                "%(number)d working day (%(calendar)s) after %(before)s.",
                "%(number)d working days (%(calendar)s) after %(before)s.",
                step.duration_days,
            )
            % lasts
        )
    return (
        ngettext(
            "%(number)d calendar day after %(before)s.",
            "%(number)d calendar days after %(before)s.",
            step.duration_days,
        )
        % lasts
    )


def _open_still(step: Step, facts: dict[str, str], promise: Promise | None) -> str:
    if step.promise_counts_on is not None:
        return _("%(promised)s; that day is over and nothing was recorded, so it counts as %(as_of)s.") % {
            **facts,
            "promised": _promised(step, promise),
        }
    return _("Not done and its time is over, so it counts as %(as_of)s, the day of the calculation.") % facts


_FLAGS: Final[Mapping[str, str | Lazy]] = {
    StepFlag.OUT_OF_ORDER: gettext_lazy("Recorded before the step before it"),
    StepFlag.ACTUAL_MISSING: gettext_lazy("Its own day is not recorded"),
    StepFlag.TBD: gettext_lazy("The vendor has since said “to be decided”"),
    StepFlag.PROMISE_AFTER_LOCK: gettext_lazy("The vendor has stated a promise since it was pinned"),
}


def flag(word: str) -> str:
    return str(_FLAGS.get(word, word))
