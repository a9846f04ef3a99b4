"""The power balance as a chart."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from django.utils.translation import gettext as _

from procurement.portal import power_words
from procurement.portal.charts import Band, Chart, Dash, Mark, Series, Shape, Span, Tone
from procurement.queries.power_balance import SiteBalance
from sites.domain.power_balance import Period
from sites.domain.power_periods import Together
from sites.vocabulary import KnowledgeMode, PowerLimit

_LIMITS: Final = {
    PowerLimit.GRID: (Tone.A, Dash.DASHED),
    PowerLimit.SUPPLY: (Tone.B, Dash.DOTTED),
    PowerLimit.ELECTRICAL: (Tone.C, Dash.DASHED),
    PowerLimit.COOLING: (Tone.D, Dash.DOTTED),
}
_DAY: Final = timedelta(days=1)


def balance_chart(now: SiteBalance, others: Sequence[SiteBalance], *, today: date, table_id: str) -> Chart:
    """What is usable now, each limit, and beside them what was usable by other knowledge."""
    periods = now.periods
    kinds = [limit.kind for limit in now.facts.power.limits]
    limits = [
        Series(
            kind.label,
            _points(periods, [_limit(row, kind) for row in periods]),
            Shape.STEP,
            *_LIMITS[kind],
            width=1.5,
        )
        for kind in kinds
    ]
    return Chart(
        key="balance",
        label=_("Load and usable megawatts of %(site)s by day, and what limits them; the tables below say the same")
        % {"site": now.site.name},
        unit="MW",
        table_id=table_id,
        height=420,
        series=(
            Series(_("Load"), _points(periods, [row.ramp_mw for row in periods]), Shape.STEP, Tone.INK, width=3),
            Series(_("Usable"), _points(periods, [row.usable_mw for row in periods]), Shape.STEP, Tone.GOOD, width=3),
            *limits,
            *(_other(each, place) for place, each in enumerate(others)),
        ),
        bands=(_gap(periods), _unused(periods)),
        marks=_marks(now, today),
        spans=[
            Span(
                quarter.span.from_on,
                quarter.span.until_on + _DAY,
                power_words.binding(quarter),
                Tone(power_words.tone(quarter)),
            )
            for quarter in now.quarters
        ],
    )


def group_chart(periods: Sequence[Together], *, label: str, table_id: str) -> Chart:
    ends = [*(row.from_on for row in periods), *([periods[-1].until_on + _DAY] if periods else [])]
    return Chart(
        key="together",
        label=label,
        unit="MW",
        table_id=table_id,
        series=(
            Series(_("Load"), _held(ends, [row.ramp_mw for row in periods]), Shape.STEP, Tone.INK, width=3),
            Series(_("Usable"), _held(ends, [row.usable_mw for row in periods]), Shape.STEP, Tone.GOOD, width=3),
            Series(_("Gap"), _held(ends, [row.gap_mw for row in periods]), Shape.STEP, Tone.BAD, Dash.DASHED),
            Series(_("Unused"), _held(ends, [row.unused_mw for row in periods]), Shape.STEP, Tone.INFO, Dash.DOTTED),
        ),
    )


def _other(each: SiteBalance, place: int) -> Series:
    name = (
        _("Usable as agreed first")
        if each.knowledge.mode is KnowledgeMode.BASELINE
        else _("Usable as known on %(day)s") % {"day": each.knowledge.on.isoformat()}
    )
    dash = (Dash.DASHED, Dash.DOTTED)[place % 2]
    return Series(name, _points(each.periods, [row.usable_mw for row in each.periods]), Shape.STEP, Tone.QUIET, dash)


def _limit(row: Period, kind: PowerLimit) -> Decimal | None:
    return next((limit.mw for limit in row.limits if limit.kind is kind), None)


def _points(periods: Sequence[Period], values: Sequence[Decimal | None]) -> list[tuple[date | str, Decimal | None]]:
    return _held([*(row.from_on for row in periods), *([periods[-1].until_on + _DAY] if periods else [])], values)


def _held(days: Sequence[date], values: Sequence[Decimal | None]) -> list[tuple[date | str, Decimal | None]]:
    """A value a day and the last one again where the window ends."""
    return list(zip(days, [*values, *values[-1:]], strict=True))


def _gap(periods: Sequence[Period]) -> Band:
    parts = [
        (row.from_on, row.until_on + _DAY, row.ramp_mw - row.gap_mw, row.ramp_mw)
        for row in periods
        if row.gap_mw is not None and row.gap_mw > 0
    ]
    return Band(_("Gap"), Tone.BAD, parts)


def _unused(periods: Sequence[Period]) -> Band:
    parts = [
        (row.from_on, row.until_on + _DAY, row.ramp_mw, row.ramp_mw + row.unused_mw)
        for row in periods
        if row.unused_mw is not None and row.unused_mw > 0
    ]
    return Band(_("Unused"), Tone.INFO, parts)


def _marks(now: SiteBalance, today: date) -> list[Mark]:
    found = [Mark(today, _("today"), Tone.INFO)]
    if now.facts.first_power_on:
        found.append(Mark(now.facts.first_power_on, _("first power"), Tone.A))
    found += [
        Mark(each.share.share.cod_on, f"COD {each.share.agreement.code}", Tone.B)
        for each in now.shares
        if each.share.share.cod_on
    ]
    return [mark for mark in found if now.from_on <= mark.on <= now.until_on]
