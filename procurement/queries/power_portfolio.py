"""The agreements in a reader's sight, filtered, by state and by year, with no megawatt beyond what they may know."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from procurement.queries import power
from procurement.queries.agreement import Sight, sights
from procurement.queries.power import AgreementView
from sites.accounts.models import User
from sites.domain.agreement_state import OVER, UNSIGNED
from sites.domain.contract_clock import term_end
from sites.domain.power_curve import ZERO
from sites.vocabulary import AgreementState, AgreementStructure

YEARS_AHEAD: Final = 10


class Stage(StrEnum):
    OPERATING = "operating"
    SIGNED = "signed"
    UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True)
class AgreementFilter:
    """Empty: no matter which."""

    site: str = ""
    country: str = ""
    state: str = ""
    structure: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class ListedAgreement:
    """`mw` is the whole agreement's where the reader sees all of it, else the sum of their sites' shares."""

    view: AgreementView
    sight: Sight
    mw: Decimal
    from_on: date | None
    until_on: date | None

    @property
    def state(self) -> AgreementState:
        return AgreementState(self.view.agreement.state)

    @property
    def stage(self) -> Stage | None:
        """None where it is over."""
        if self.state in OVER:
            return None
        if self.state in UNSIGNED:
            return Stage.UNSIGNED
        return Stage.OPERATING if self.view.answer and self.view.answer.done_on else Stage.SIGNED


@dataclass(frozen=True, slots=True)
class StateTotal:
    state: AgreementState
    number: int
    mw: Decimal


@dataclass(frozen=True, slots=True)
class YearTotal:
    """Megawatts that deliver on the last day of the year."""

    year: int
    mw: Mapping[Stage, Decimal]


def read_filter(query: Mapping[str, str]) -> AgreementFilter:
    """What cannot be read is left out: links get old."""
    state, structure = query.get("state", ""), query.get("structure", "")
    return AgreementFilter(
        site=query.get("site", "").replace("\x00", "")[:20],
        country=query.get("country", "").replace("\x00", "")[:2].upper(),
        state=state if state in AgreementState.values else "",
        structure=structure if structure in AgreementStructure.values else "",
        late=query.get("late", "") == "1",
    )


def listed(actor: User, wanted: AgreementFilter | None = None) -> tuple[ListedAgreement, ...]:
    """The late ones first, then by forecast COD. A fixed number of queries."""
    views = power.agreements(actor)
    seen = sights(actor, [view.agreement.pk for view in views])
    rows = (_listed(view, seen[view.agreement.pk]) for view in views)
    return tuple(row for row in rows if wanted is None or _fits(row, wanted))


def _listed(view: AgreementView, seen: Sight) -> ListedAgreement:
    agreement = view.agreement
    by_site: dict[UUID, Decimal] = defaultdict(Decimal)
    for each in view.shares:
        by_site[each.share.site_id] = max(by_site[each.share.site_id], each.share.share_mw)
    cod = (view.answer.done_on or view.answer.forecast_on) if view.answer else None
    starts_on = max((day for day in (agreement.starts_on, cod) if day), default=None)
    return ListedAgreement(
        view=view,
        sight=seen,
        mw=agreement.contracted_mw if seen.is_whole else sum(by_site.values(), ZERO),
        from_on=starts_on,
        until_on=term_end(agreement.starts_on or cod, agreement.term_years, agreement.tail_years),
    )


def _fits(row: ListedAgreement, wanted: AgreementFilter) -> bool:
    agreement = row.view.agreement
    return (
        (not wanted.site or any(each.share.site.code == wanted.site for each in row.view.shares))
        and (not wanted.country or agreement.country == wanted.country)
        and (not wanted.state or agreement.state == wanted.state)
        and (not wanted.structure or agreement.structure == wanted.structure)
        and (not wanted.late or row.view.is_late)
    )


def by_state(rows: Sequence[ListedAgreement]) -> tuple[StateTotal, ...]:
    """In the order of the vocabulary, those that occur."""
    found = []
    for state in AgreementState:
        mine = [row for row in rows if row.state is state]
        if mine:
            found.append(StateTotal(state, len(mine), sum((row.mw for row in mine), ZERO)))
    return tuple(found)


def by_year(rows: Sequence[ListedAgreement], first: int) -> tuple[YearTotal, ...]:
    found = []
    for year in range(first, first + YEARS_AHEAD):
        last_day = date(year, 12, 31)
        totals: dict[Stage, Decimal] = dict.fromkeys(Stage, ZERO)
        for row in rows:
            stage = row.stage
            if stage is None or row.from_on is None or row.from_on > last_day:
                continue
            if row.until_on is None or row.until_on >= last_day:
                totals[stage] += row.mw
        found.append(YearTotal(year, totals))
    return tuple(found)
