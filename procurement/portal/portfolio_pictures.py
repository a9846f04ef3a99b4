"""The portfolio as a map and as bars of megawatts by month."""

from collections.abc import Sequence

from django.urls import reverse
from django.utils.translation import gettext as _

from procurement.portal.charts import Chart, Series, Shape, Tone
from procurement.portal.world_map import Place, WorldMap, world_map
from procurement.queries.portfolio import SiteLine
from procurement.queries.portfolio_outlook import RfsOutlook
from procurement.vocabulary import DateState


def site_map(lines: Sequence[SiteLine]) -> WorldMap | None:
    """None where no site says where it lies."""
    places = [
        Place(
            code=line.site.code,
            url=reverse("site", args=[line.site.code]),
            says=_says(line),
            latitude=line.site.latitude,
            longitude=line.site.longitude,
            is_bad=None if line.state is DateState.UNKNOWN else line.state is DateState.LATE,
        )
        for line in lines
        if line.site.latitude is not None and line.site.longitude is not None
    ]
    return world_map(places) if places else None


def _says(line: SiteLine) -> str:
    later = max(line.block.days_later or 0, 0) if line.block else 0
    return _("%(name)s, %(state)s, RFS %(days)s days later than its baseline") % {
        "name": line.site.name,
        "state": line.state.label,
        "days": later,
    }


def rfs_chart(outlook: RfsOutlook, *, table_id: str) -> Chart:
    return Chart(
        key="rfs",
        label=_("Megawatts ready for service by month, as in the baseline and as forecast; the table says the same"),
        unit="MW",
        is_by_name=True,
        table_id=table_id,
        series=(
            Series(
                _("Baseline"),
                [(row.month.strftime("%Y-%m"), row.baseline_mw) for row in outlook.months],
                Shape.BAR,
                Tone.QUIET,
            ),
            Series(
                _("Forecast"),
                [(row.month.strftime("%Y-%m"), row.forecast_mw) for row in outlook.months],
                Shape.BAR,
                Tone.INFO,
            ),
        ),
    )
