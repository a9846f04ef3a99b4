"""The power balance of sites and its money: by site, desk and portfolio, as known today, at first or on a past day."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from procurement.queries import power_facts
from procurement.queries.power_facts import Knowledge, SiteFacts, SiteShare
from procurement.queries.power_rows import PowerRows
from sites.accounts.models import User
from sites.domain.energy_cover import Cover, Supply, cover
from sites.domain.power_balance import Period, Totals, balance, totals
from sites.domain.power_curve import ZERO
from sites.domain.power_periods import Quarter, Together, by_quarter, quarters, together, years
from sites.domain.power_shares import ShareCost, cost
from sites.models import Site
from sites.vocabulary import Certificate

# The second and the fourth are contained in the one before each.
AMOUNTS = ("spot_cost", "spot_over_contract", "minimum_take", "tail", "damages_receivable", "damages_payable")


@dataclass(frozen=True, slots=True)
class Amount:
    """`amount` None: a part of it is not known; `known` is the sum of the parts that are."""

    kind: str
    currency: str
    amount: Decimal | None
    known: Decimal


@dataclass(frozen=True, slots=True)
class ShareBalance:
    share: SiteShare
    cost: ShareCost


@dataclass(frozen=True, slots=True)
class SiteBalance:
    """`notes` say what is not known about its limits, per limit."""

    facts: SiteFacts
    knowledge: Knowledge
    from_on: date
    until_on: date
    periods: tuple[Period, ...]
    totals: Totals
    quarters: tuple[Quarter, ...]
    shares: tuple[ShareBalance, ...]
    amounts: tuple[Amount, ...]
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def site(self) -> Site:
        return self.facts.site


@dataclass(frozen=True, slots=True)
class EnergyCover:
    """Contracted energy and certificates against the load, by quarter and by year of the window."""

    quarters: tuple[Cover, ...]
    years: tuple[Cover, ...]


@dataclass(frozen=True, slots=True)
class GroupBalance:
    """Several sites over one window. Sums are None where a site's figure is not known; `known_` sums leave it out."""

    sites: tuple[SiteBalance, ...]
    periods: tuple[Together, ...]
    gap_mw_days: Decimal | None
    unused_mw_days: Decimal | None
    known_gap_mw_days: Decimal
    known_unused_mw_days: Decimal
    amounts: tuple[Amount, ...]


def site_balances(
    sites: Sequence[Site], from_on: date, until_on: date, knowledge: Knowledge, stored: PowerRows | None = None
) -> tuple[SiteBalance, ...]:
    """In the order given, in a fixed number of queries. The caller chooses sites that the reader may see, and may give
    what is `stored` now.

    Raises BadInput naming `until_on`.
    """
    facts = power_facts.read(sites, knowledge, stored)
    return tuple(_balance(facts[site.pk], from_on, until_on, knowledge) for site in sites)


def visible_sites(actor: User, *, site: str = "", desk: str = "") -> tuple[Site, ...]:
    """By code. Of one site, of one desk, or all that the reader may see; empty where there is none."""
    rows = Site.objects.visible_to(actor).select_related("desk").order_by("code")
    if site:
        rows = rows.filter(code=site)
    return tuple(rows.filter(desk__code=desk) if desk else rows)


def group(balances: Sequence[SiteBalance]) -> GroupBalance:
    gaps = [row.totals.gap_mw_days for row in balances]
    unused = [row.totals.unused_mw_days for row in balances]
    return GroupBalance(
        sites=tuple(balances),
        periods=together({row.site.code: row.periods for row in balances}),
        gap_mw_days=_sum(gaps),
        unused_mw_days=_sum(unused),
        known_gap_mw_days=sum((each for each in gaps if each is not None), ZERO),
        known_unused_mw_days=sum((each for each in unused if each is not None), ZERO),
        amounts=add_up(amount for row in balances for amount in row.amounts),
    )


def energy_cover(row: SiteBalance) -> EnergyCover:
    """No query. A virtual agreement counts: it settles energy and brings certificates."""
    supplies = [_supply(each) for each in row.facts.shares]
    ramp = row.facts.power.ramp
    return EnergyCover(
        cover(ramp, supplies, quarters(row.from_on, row.until_on)),
        cover(ramp, supplies, years(row.from_on, row.until_on)),
    )


def _supply(each: SiteShare) -> Supply:
    agreement = each.agreement
    return Supply(
        delivered=each.share.delivered(),
        load_factor=each.share.load_factor,
        certificate=Certificate(agreement.certificate),
        successor=Certificate(agreement.certificate_successor) if agreement.certificate_successor else None,
        tolerance_percent=agreement.tolerance_percent,
        cod_is_known=each.share.cod_on is not None,
    )


def _balance(facts: SiteFacts, from_on: date, until_on: date, knowledge: Knowledge) -> SiteBalance:
    periods = balance(facts.power, from_on, until_on)
    costs = cost([each.share for each in facts.shares], periods)
    return SiteBalance(
        facts=facts,
        knowledge=knowledge,
        from_on=from_on,
        until_on=until_on,
        periods=periods,
        totals=totals(periods),
        quarters=by_quarter(periods),
        shares=tuple(ShareBalance(share, found) for share, found in zip(facts.shares, costs, strict=True)),
        amounts=add_up(amount for found in costs for amount in amounts_of(found)),
        notes={limit.kind.value: limit.why for limit in facts.power.limits if limit.why},
    )


def amounts_of(found: ShareCost) -> tuple[Amount, ...]:
    """In the order of `AMOUNTS`; what is zero for certain is left out."""
    figures = (
        found.spot_cost,
        found.spot_over_contract,
        found.minimum_take_cost,
        found.tail_cost,
        found.receivable.in_window if found.receivable else ZERO,
        found.payable.in_window if found.payable else ZERO,
    )
    return tuple(
        Amount(kind, found.currency, figure, figure or ZERO)
        for kind, figure in zip(AMOUNTS, figures, strict=True)
        if figure is None or figure != 0
    )


def add_up(amounts: Iterable[Amount]) -> tuple[Amount, ...]:
    """By kind and currency: money of two currencies is never added."""
    parts: dict[tuple[str, str], list[Amount]] = defaultdict(list)
    for each in amounts:
        parts[each.kind, each.currency].append(each)
    return tuple(
        Amount(kind, currency, _sum(each.amount for each in rows), sum((each.known for each in rows), ZERO))
        for (kind, currency), rows in sorted(parts.items(), key=lambda item: (AMOUNTS.index(item[0][0]), item[0][1]))
    )


def _sum(figures: Iterable[Decimal | None]) -> Decimal | None:
    found = ZERO
    for figure in figures:
        if figure is None:
            return None
        found += figure
    return found
