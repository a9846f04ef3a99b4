"""Words for shares, and for what a probability was drawn from."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from procurement.vocabulary import HistoryKind, HistoryLevel

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    return "–" if share is None else f"{round(share * 100)} %"


@register.filter
def drawn_from(part: Mapping[str, Any]) -> str:
    """Where the durations of one step come from, with how many there were."""
    level = HistoryLevel(part["level"])
    if level is HistoryLevel.ASSUMED:
        return _("assumed: there is no history of such a step yet")
    sample = ngettext("%(count)d case", "%(count)d cases", part["sample"]) % {"count": part["sample"]}
    return f"{HistoryKind(part['kind']).label}; {level.label} ({sample})"
