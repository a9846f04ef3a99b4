"""Small things that every page shows: icons, days, states, links that keep the filter."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.forms import BoundField, CheckboxSelectMultiple
from django.http import QueryDict
from django.utils import formats
from django.utils.functional import Promise as Lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from procurement.models import Watch
from procurement.portal import power_words, words
from procurement.queries.steps import Step
from procurement.vocabulary import DateState
from sites.accounts.permissions import ROLES
from sites.vocabulary import ConstraintKind, ReasonCode, step_name

register = template.Library()
register.filter(step_name)

NOT_KNOWN = "–"
_CENTS = 2
# Icon and colour of each state; the word beside them is the state's own. Never one without the other two.
_STATES: Mapping[str, tuple[str, str]] = {
    DateState.LATE: ("alert-triangle", "bad"),
    DateState.TIGHT: ("clock", "warn"),
    DateState.IN_TIME: ("check", "good"),
    DateState.DELIVERED: ("package", "good"),
    DateState.CANCELLED: ("x", "quiet"),
    DateState.NO_ROS: ("help", "warn"),
    DateState.UNKNOWN: ("help", "quiet"),
}
_ALERT_STATES: Mapping[str, tuple[str, str]] = {
    "open": ("alert-triangle", "bad"),
    "escalated": ("alert-triangle", "bad"),
    "acknowledged": ("user", "warn"),
    "snoozed": ("clock", "warn"),
    "recovered": ("check", "good"),
    "closed": ("check", "quiet"),
}

_CLOCK_STATES: Mapping[str, tuple[str, str, str | Lazy]] = {
    "done": ("check", "good", gettext_lazy("done")),
    "done_late": ("check", "warn", gettext_lazy("done, too late")),
    "unknown": ("help", "quiet", gettext_lazy("no date")),
    "past": ("alert-triangle", "bad", gettext_lazy("past")),
    "missed": ("alert-triangle", "bad", gettext_lazy("will be missed")),
    "near": ("clock", "warn", gettext_lazy("near")),
    "open": ("clock", "quiet", gettext_lazy("open")),
}


@lru_cache(maxsize=256)
def _drawing(name: str) -> str:
    """What an icon of the allow-list draws; empty where the browser's files were not collected."""
    place = finders.find(f"vendor/icons/{name}.svg")
    if not isinstance(place, str):
        return ""
    found = re.search(r"<svg[^>]*>(.*)</svg>", Path(place).read_text(), re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """Decoration beside words: hidden from screen readers."""
    drawing = mark_safe(_drawing(name))  # noqa: S308  our own vendored file
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false" width="24" height="24" viewBox="0 0 24 24" '
        'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">{}</svg>',
        extra,
        drawing,
    )


@register.filter
def day(on: date | None) -> str:
    """A date with the month in letters; a dash where it is not known."""
    return words.day(on)


@register.filter
def short_day(on: date | None) -> str:
    return _short_day(on, get_language()) if on else NOT_KNOWN


@register.filter
def ready_day(on: date | str | None, as_of: date, show: Callable[[date | None], str] = day) -> str:
    """When something will be ready, also as ISO text. By the day of calculation it is: no day before that is asked."""
    ready_on = date.fromisoformat(on) if isinstance(on, str) else on
    return _("now") if ready_on and ready_on <= as_of else show(ready_on)


@lru_cache(maxsize=4096)
def _short_day(on: date, language: str | None) -> str:
    """A page of the log shows thousands of days, few of them different."""
    return formats.date_format(on, "SHORT_DATE_FORMAT")


@register.filter
def iso_day(text: object) -> str:
    """A day that arrives as ISO text, as in an alert's facts; other text stays as it is."""
    try:
        return day(date.fromisoformat(str(text)))
    except ValueError:
        return str(text) if text not in {None, ""} else NOT_KNOWN


@register.filter(expects_localtime=True)
def told(value: str | date | None) -> str:
    """A value of a history; an instant in the reader's zone."""
    if isinstance(value, datetime):
        return formats.date_format(value, "DATETIME_FORMAT")
    return day(value) if isinstance(value, date) else value or NOT_KNOWN


@register.filter
def signed(number: int | None) -> str:
    """A difference in days with its sign; the minus is a real one."""
    if number is None:
        return NOT_KNOWN
    return f"+{number}" if number > 0 else str(number).replace("-", "−")


@register.filter
def floating(number: int | None) -> str:
    """A float in days: above zero needs no sign."""
    return NOT_KNOWN if number is None else str(number).replace("-", "−")


@register.filter
def amount(number: Decimal | int | str | None, places: int = 0) -> str:
    """A number as the reader's language writes it, with a real minus; trailing zeros are dropped, but from cents."""
    if number is None or number == "":
        return NOT_KNOWN
    return _amount(Decimal(number), places, get_language())


@lru_cache(maxsize=4096)
def _amount(number: Decimal, places: int, language: str | None) -> str:
    rounded = round(number, places)
    if rounded == rounded.to_integral_value():
        rounded = rounded.to_integral_value()
    elif places != _CENTS:
        rounded = rounded.normalize()
    return formats.number_format(rounded, use_l10n=True, force_grouping=True).replace("-", "−")


@register.filter
def short_why(step: Step | None) -> str:
    return words.short_why(step)


@register.filter
def reason(code: str) -> str:
    return str(dict(ReasonCode.choices).get(code, code))


@register.filter
def flag(word: str) -> str:
    return words.flag(word)


@register.filter
def said(value: str, precision: str) -> str:
    return words.said(value, precision)


@register.filter
def constraint_name(word: str) -> str:
    """A constraint in words; the planning tool's own word where it is unknown here."""
    return str(dict(ConstraintKind.choices).get(word, word))


@register.filter
def not_known(word: str) -> str:
    """What keeps a figure of the power balance from being known."""
    return str(power_words.NOT_KNOWN.get(word, word))


@register.simple_tag
def state(word: str) -> SafeString:
    sign, tone = _STATES[word]
    return _badge(sign, tone, str(DateState(word).label))


@register.simple_tag
def clock_state(word: str) -> SafeString:
    sign, tone, label = _CLOCK_STATES[word]
    return _badge(sign, tone, str(label))


@register.simple_tag
def alert_state(word: str, label: str) -> SafeString:
    sign, tone = _ALERT_STATES[word]
    return _badge(sign, tone, label)


@lru_cache(maxsize=256)
def _badge(sign: str, tone: str, label: str) -> SafeString:
    return format_html('<span class="ll-state ll-{}">{}{}</span>', tone, icon(sign), label)


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, wide: str = "") -> dict[str, object]:
    if bound.widget_type != "checkbox":
        bound.field.widget.attrs.setdefault("class", "form-control")
    is_several = isinstance(bound.field.widget, CheckboxSelectMultiple)
    return {
        "field": bound,
        "wide": wide or ("wide" if is_several else ""),
        "is_checkbox": bound.widget_type == "checkbox",
        "is_several": is_several,
    }


@register.inclusion_tag("components/sort_header.html", takes_context=True)
def sort_header(context: Mapping[str, Any], key: str, label: str, tone: str = "") -> dict[str, object]:
    """A column head that sorts by its column, first upwards, then downwards; the rest of the filter stays."""
    wanted = context["filter"]
    is_sorted = wanted.sort == key
    query = _query(context)
    query["sort"] = f"-{key}" if is_sorted and not wanted.descending else key
    query.pop("page", None)
    direction = ("descending" if wanted.descending else "ascending") if is_sorted else "none"
    return {"label": label, "url": f"?{query.urlencode()}", "direction": direction, "tone": tone}


@register.simple_tag(takes_context=True)
def with_query(context: Mapping[str, Any], **changes: object) -> str:
    """This page's address with some parameters changed; an empty value takes one out."""
    query = _query(context)
    for name, value in changes.items():
        query.pop(name, None)
        if value not in {None, ""}:
            query[name] = str(value)
    # Where an empty address has an answer of its own, saying nothing must be said.
    nothing = "view=" if context.get("address") is not None else ""
    return f"?{query.urlencode() or nothing}"


def _query(context: Mapping[str, Any]) -> QueryDict:
    """A page that answers with more than its address says gives the whole as `address`."""
    query: QueryDict = (context.get("address") or context["request"].GET).copy()
    return query


@register.inclusion_tag("components/watch_button.html", takes_context=True)
def watch_button(context: Mapping[str, Any], subject: str, key: UUID) -> dict[str, object]:
    """Watch or mute what a page is about; one query. `subject` is a word of `WatchSubject`."""
    request = context["request"]
    row = Watch.objects.filter(person=request.user, subject_kind=subject, subject_id=key).first()
    return {
        "subject": subject,
        "key": key,
        "kind": row.kind if row else "",
        "here": request.get_full_path(),
        "csrf_token": context["csrf_token"],
    }


@register.inclusion_tag("components/demo_accounts.html")
def demo_accounts() -> dict[str, object]:
    """Who can log in to the demo, with what they may do; nobody outside it."""
    if not settings.DEMO:
        return {"accounts": []}
    from procurement.services.demo import people  # a portfolio of its own, which other servers never load

    accounts = [
        {
            "username": plan.username,
            "name": plan.name,
            "role": plan.role.label,
            "scope": ", ".join(plan.desks or plan.sites) or _("all sites"),
            "description": ROLES[plan.role].description,
        }
        for plan in people.ACCOUNTS
    ]
    return {"accounts": accounts, "password": people.PASSWORD}
