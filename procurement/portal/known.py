"""What a page shows of a past day beside a later one: the five dates, float, quantity and status of lots."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from procurement.domain.reasons import Standing, waterfall
from procurement.models import DeliveryLot, LotForecast
from procurement.portal import words
from procurement.portal.waterfall import Picture, draw
from procurement.queries.known import KnownLot, lots_known_on
from procurement.queries.steps import read_steps
from sites.vocabulary import Driver


@dataclass(frozen=True, slots=True)
class KnownRow:
    """`known` is None where the lot was not there yet."""

    when: str
    known: KnownLot | None


@dataclass(frozen=True, slots=True)
class KnownPair:
    """`picture` is None where one of the two days has no float."""

    lot: DeliveryLot
    rows: tuple[KnownRow, KnownRow]
    picture: Picture | None


def known_pairs(
    lots: Collection[DeliveryLot], day: date, later: date | None, today: date, time_zone: str
) -> list[KnownPair]:
    """Then and later, or now where no later day is named; fourteen queries for any number of lots."""
    then = lots_known_on(lots, day, time_zone)
    after = lots_known_on(lots, later or today, time_zone)
    when = words.day(later) if later else _("now")
    return [
        KnownPair(
            lot,
            (KnownRow(words.day(day), then.get(lot.pk)), KnownRow(when, after.get(lot.pk))),
            _picture(then.get(lot.pk), after.get(lot.pk)),
        )
        for lot in lots
    ]


def _picture(then: KnownLot | None, now: KnownLot | None) -> Picture | None:
    before, after = _standing(then), _standing(now)
    return draw(waterfall(before, after)) if before and after else None


def _standing(known: KnownLot | None) -> Standing | None:
    """Without the steps of which only a later one is recorded: when they were done, nobody knows."""
    answer: LotForecast | None = known.answer if known else None
    if answer is None or answer.required_on_site is None:
        return None
    dates: list[tuple[str, date]] = []
    for step in read_steps(answer.steps):
        if step.forecast_on is not None and (step.is_anchor or step.driver != Driver.IMPLIED):
            dates.append((step.code, step.forecast_on))
        if step.is_anchor:
            return Standing(answer.required_on_site, dates) if step.forecast_on else None
    return None
