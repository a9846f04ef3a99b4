"""The chain of an agreement, a grid connection or its works, as both pages show it: steps, ledger, baselines, forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from procurement.models import ChainForecast
from procurement.portal import words
from procurement.portal.forms.base import PortalForm, has_choices
from procurement.portal.forms.chain_dates import FORMS
from procurement.portal.pictures import Timeline, timeline
from procurement.queries import power
from sites.models import Baseline, Chain, Promise


@dataclass(frozen=True, slots=True)
class ChainPart:
    chain: Chain
    answer: ChainForecast | None
    steps: list[dict[str, Any]]
    picture: Timeline | None
    ledger: tuple[Promise, ...]
    baselines: list[Baseline]
    forms: list[dict[str, Any]]


def chain_part(
    chain: Chain,
    answer: ChainForecast | None,
    *,
    actor_may_write: bool,
    today: date,
    required_on: date | None,
    refused: Mapping[str, PortalForm],
) -> ChainPart:
    """`refused` by name as `date-promise-<chain>`. Six queries."""
    rows = power.chain_steps(answer)
    return ChainPart(
        chain=chain,
        answer=answer,
        steps=[
            {
                "row": row,
                "why": words.long_why(
                    row.step, as_of=answer.as_of, before=row.before, promise=row.promise, milestone=row.milestone
                ),
            }
            for row in rows
            if answer
        ],
        picture=timeline([row.step for row in rows], required_on=required_on, as_of=answer.as_of) if answer else None,
        ledger=power.ledger(chain.pk),
        baselines=list(chain.baselines.select_related("author").order_by("-version")),
        forms=_forms(chain, answer, actor_may_write, today, refused),
    )


def form_name(kind: str, chain: Chain) -> str:
    return f"date-{kind}-{chain.pk}"


def _forms(
    chain: Chain, answer: ChainForecast | None, may_write: bool, today: date, refused: Mapping[str, PortalForm]
) -> list[dict[str, Any]]:
    milestones = list(chain.milestones.order_by("sequence"))
    titles = {
        "promise": ("calendar", _("Record a promise")),
        "actual": ("check", _("Record what happened")),
        "lock": ("lock", _("Pin a date")),
        "release": ("lock", _("Release a pinned date")),
    }
    found = []
    for kind, (sign, title) in titles.items():
        name = form_name(kind, chain)
        first = (answer.next_code if answer else "") if kind == "actual" else chain.anchor_code
        form = FORMS[kind](milestones=milestones, today=today, first=first, key=f"{chain.pk}-")
        if name in refused or (may_write and has_choices(form, "step")):
            found.append(
                {
                    "name": name,
                    "icon": sign,
                    "title": title,
                    "form": refused.get(name, form),
                    "url": reverse("power_dates", args=[chain.pk, kind]),
                    "is_open": name in refused,
                }
            )
    return found
