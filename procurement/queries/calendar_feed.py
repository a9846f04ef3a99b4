"""The dates a person may see, for a calendar: order-by, required on site, factory tests, power."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import DateField, F, Func

from procurement.models import Allocation, ChainForecast, LotForecast, RequirementForecast
from sites.accounts.models import User
from sites.models import PowerPurchaseAgreement, Site
from sites.vocabulary import AgreementState

MOST_ENTRIES: Final = 2000
_EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
# When the factory test is forecast, or was passed.
_TEST_DAY: Final = Func(
    F("steps"),
    template="""
    (jsonb_path_query_first(%(expressions)s, '$[*] ? (@.code == "FAT_PASS").forecast_on') #>> '{}')::date""",
    output_field=DateField(),
)
_OVER: Final = (AgreementState.TERMINATED, AgreementState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One whole day. `kind` and `key` make the identity; `changed_at` is when the answer was last another."""

    kind: str
    key: str
    day: date
    subject: str
    site: str
    page: str
    page_key: str
    changed_at: datetime

    @property
    def sequence(self) -> int:
        """Grows whenever the answer changes, and stays the same between (RFC 5545, section 3.8.7.4)."""
        return max(0, int((self.changed_at - _EPOCH).total_seconds()) // 60)


def entries(person: User, since: date, among: Collection[UUID] | None = None) -> list[Entry]:
    """From that day on, the earliest first; of these schedule lines and what they serve alone, where they are named.
    Five queries, whatever the number of sites.
    """
    sites = Site.objects.visible_to(person)
    found = [*_requirements(sites, since, among), *_tests(sites, since, among)]
    if among is None:
        found += [entry for entry in _power(person) if entry.day >= since]
    return sorted(found, key=lambda entry: (entry.day, entry.kind, entry.key))[:MOST_ENTRIES]


def _requirements(sites: Any, since: date, among: Collection[UUID] | None) -> Iterator[Entry]:
    rows = (
        RequirementForecast.objects.filter(current=True, requirement__site__in=sites)
        .select_related("requirement__site", "requirement__equipment_class", "run")
        .defer("steps")
    )
    if among is not None:
        live = Allocation.objects.filter(ended_at__isnull=True, lot__schedule_line__in=among)
        rows = rows.filter(requirement__in=live.values("requirement"))
    for kind, name in (("required_on_site", "required_on_site"), ("order_by", "order_by_on")):
        for row in rows.filter(**{f"{name}__gte": since}).order_by(name, "pk")[:MOST_ENTRIES]:
            need = row.requirement
            yield Entry(
                kind=kind,
                key=str(need.pk),
                day=getattr(row, name),
                subject=f"{need.tag} {need.equipment_class.name}",
                site=need.site.code,
                page="requirement",
                page_key=str(need.pk),
                changed_at=row.run.created_at,
            )


def _tests(sites: Any, since: date, among: Collection[UUID] | None) -> Iterator[Entry]:
    rows = (
        LotForecast.objects.filter(current=True, lot__schedule_line__site__in=sites, delivered_on__isnull=True)
        .annotate(day=_TEST_DAY)
        .filter(day__gte=since)
        .select_related(
            "lot__schedule_line__site",
            "lot__schedule_line__line__order",
            "lot__schedule_line__line__equipment_class",
            "run",
        )
        .defer("steps")
    )
    if among is not None:
        rows = rows.filter(lot__schedule_line__in=among)
    for row in rows.order_by("day", "pk")[:MOST_ENTRIES]:
        line = row.lot.schedule_line.line
        yield Entry(
            kind="factory_test",
            key=str(row.lot_id),
            day=row.day,
            subject=f"PO {line.order.number}/{line.number} {line.equipment_class.name}",
            site=row.lot.schedule_line.site.code if row.lot.schedule_line.site else "",
            page="line",
            page_key=str(row.lot.schedule_line_id),
            changed_at=row.run.created_at,
        )


def _power(person: User) -> Iterator[Entry]:
    agreements = {
        row.chain_id: row
        for row in PowerPurchaseAgreement.objects.visible_to(person).exclude(state__in=_OVER).order_by("pk")
    }
    forecasts = ChainForecast.objects.filter(current=True, chain__in=agreements).select_related("run").order_by("pk")
    for forecast in forecasts:
        row = agreements[forecast.chain_id]
        for kind, day in (
            ("cod", forecast.forecast_on),
            ("guaranteed_cod", row.guaranteed_cod_on),
            ("long_stop", row.long_stop_on),
        ):
            if day is not None:
                yield Entry(
                    kind, str(row.pk), day, f"PPA {row.code} {row.name}", "", "agreement", str(row.pk),
                    forecast.run.created_at,
                )  # fmt: skip
