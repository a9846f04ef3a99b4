"""The alert rules of power: load before the grid, guaranteed dates, gaps, shares, expiries and contract clocks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from procurement.domain.alert_facts import Look, Plain, StandingAlert, Subject
from procurement.domain.alert_parameters import Parameters, RuleSettings
from procurement.domain.alerting import reached, reached_near
from procurement.vocabulary import AlertSubject, Lane, Rule
from sites.domain.calendar import WorkingCalendar
from sites.domain.contract_clock import Clock
from sites.domain.power_curve import Curve, area
from sites.vocabulary import ClockKind

# Those that no rule of their own speaks about.
_CLOCKS = frozenset(
    {
        ClockKind.CONDITION,
        ClockKind.NOTICE,
        ClockKind.CREDIT_SUPPORT,
        ClockKind.OFFER_EXPIRY,
        ClockKind.CERTIFICATE_END,
    }
)


@dataclass(frozen=True, slots=True)
class Gap:
    """Both days included."""

    from_on: date
    until_on: date
    mw: Decimal
    binding: tuple[str, ...]

    @property
    def days(self) -> int:
        return (self.until_on - self.from_on).days + 1


@dataclass(frozen=True, slots=True)
class Overlap:
    """Both days included. `mw` are those of the later agreement that no load of then or later would take."""

    from_on: date
    until_on: date
    mw: Decimal

    @property
    def days(self) -> int:
        return (self.until_on - self.from_on).days + 1


@dataclass(frozen=True, slots=True)
class PowerSite:
    """`gaps` are those from the date of the question on; `first_power_on` None: not known."""

    key: UUID
    text: str
    calendar: WorkingCalendar
    ramp: Curve
    first_load_on: date | None
    first_power_on: date | None
    power_is_actual: bool
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class PowerShare:
    """A share of a signed agreement for one site. `overlap_on` is the first day on which more is shared out than is
    contracted. `overlaps` are the days, from the date of the question on, on which the site's earlier shares leave less
    of its load at its height than this one delivers. `uncovered_mw` is the load that nothing covers once the share has
    expired; None: it is covered.
    """

    key: UUID
    text: str
    site_id: UUID
    calendar: WorkingCalendar
    share_mw: Decimal
    seller: str
    cod_on: date | None
    cod_is_actual: bool
    guaranteed_cod_on: date | None = None
    long_stop_on: date | None = None
    overlap_on: date | None = None
    expires_on: date | None = None
    uncovered_mw: Decimal | None = None
    overlaps: tuple[Overlap, ...] = ()
    cod_slip_days: int | None = None


@dataclass(frozen=True, slots=True)
class PowerClock:
    """One clock at one site; `site_id` None where the agreement supplies none yet."""

    clock: Clock
    text: str
    owner: str
    site_id: UUID | None


@dataclass(frozen=True, slots=True)
class PowerPortfolio:
    sites: tuple[PowerSite, ...] = ()
    shares: tuple[PowerShare, ...] = ()
    clocks: tuple[PowerClock, ...] = ()
    settings: RuleSettings = field(default_factory=RuleSettings)

    @property
    def subjects(self) -> dict[Subject, int]:
        found: dict[Subject, int] = {(AlertSubject.SITE, row.key): 0 for row in self.sites}
        found |= {(AlertSubject.AGREEMENT_SHARE, row.key): 0 for row in self.shares}
        return found | {(_kind(row), row.clock.subject): 0 for row in self.clocks}


def look(facts: PowerPortfolio, as_of: date) -> Look:
    """What should stand on this day, and what goes on standing where it does."""
    found: list[StandingAlert] = []
    for site in facts.sites:
        found += _energisation_after_load(site, facts.settings)
        found += _power_gap(site, facts.settings, as_of)
    for share in facts.shares:
        found += _before(Rule.COD_NEAR_GUARANTEED, share, share.guaranteed_cod_on, "guaranteed_cod_on", facts.settings)
        found += _before(Rule.LONG_STOP_NEAR, share, share.long_stop_on, "long_stop_on", facts.settings)
        found += _share_overlap(share, facts.settings)
        found += _agreement_overlap(share, facts.settings, as_of)
        found += _unmatched_expiry(share, facts.settings, as_of)
    for clock in facts.clocks:
        found += _contract_clock(clock, facts.settings, as_of)
    ordered = sorted(found, key=lambda alert: (alert.rule.value, alert.subject_id.int, str(alert.site_id)))
    return Look(tuple(ordered), facts.subjects)


def _energisation_after_load(site: PowerSite, settings: RuleSettings) -> Iterator[StandingAlert]:
    parameters = settings.of(Rule.ENERGISATION_AFTER_LOAD, site_id=site.key)
    if site.power_is_actual or site.first_load_on is None or site.first_power_on is None or not parameters.enabled:
        return
    days = (site.first_power_on - site.first_load_on).days
    found = reached(days, parameters)
    if found is None:
        return
    last = date.fromordinal(site.first_power_on.toordinal() - 1)
    yield _about_site(
        Rule.ENERGISATION_AFTER_LOAD,
        site,
        parameters,
        band=found[0],
        lingers=found[1],
        measure_days=days,
        load_on=site.first_load_on.isoformat(),
        energisation_on=site.first_power_on.isoformat(),
        days_late=days,
        working_days_late=site.calendar.working_days_between(site.first_load_on, site.first_power_on),
        float_days=-days,
        mw_days=_number(area(site.ramp, site.first_load_on, last)),
    )


def _power_gap(site: PowerSite, settings: RuleSettings, as_of: date) -> Iterator[StandingAlert]:
    """A gap of at least so many megawatts that begins within so many days and lasts for so many."""
    parameters = settings.of(Rule.POWER_GAP, site_id=site.key)
    if not parameters.enabled:
        return
    last = as_of.toordinal() + parameters.within_days
    rows = [gap for gap in site.gaps if gap.mw >= parameters.least_mw and gap.from_on.toordinal() <= last]
    days = sum(gap.days for gap in rows)
    if not rows or days < parameters.least_days:
        return
    worst = max(rows, key=lambda gap: (gap.mw, -gap.from_on.toordinal()))
    yield _about_site(
        Rule.POWER_GAP,
        site,
        parameters,
        band=parameters.band_of(max(days, parameters.first_band)),
        measure_days=days,
        gap_from_on=rows[0].from_on.isoformat(),
        gap_until_on=rows[-1].until_on.isoformat(),
        gap_days=days,
        gap_mw=_number(worst.mw),
        binding=", ".join(worst.binding),
        days_left=(rows[0].from_on - as_of).days,
        working_days_left=site.calendar.working_days_between(as_of, rows[0].from_on),
        mw_days=_number(sum((gap.mw * gap.days for gap in rows), Decimal(0))),
    )


def _before(
    rule: Rule, share: PowerShare, due_on: date | None, name: str, settings: RuleSettings
) -> Iterator[StandingAlert]:
    """The forecast COD comes near a date of the contract, or has passed it."""
    parameters = settings.of(rule, site_id=share.site_id)
    if share.cod_is_actual or share.cod_on is None or due_on is None or not parameters.enabled:
        return
    slack = (due_on - share.cod_on).days
    found = reached_near(slack, parameters)
    if found is None:
        return
    working = share.calendar.working_days_between(min(due_on, share.cod_on), max(due_on, share.cod_on))
    late: dict[str, Plain] = (
        {"days_late": -slack, "working_days_late": working}
        if slack < 0
        else {"days_left": slack, "working_days_left": working}
    )
    yield _about_share(
        rule,
        share,
        parameters,
        band=found[0],
        lingers=found[1],
        measure_days=-slack,
        facts={
            "cod_forecast_on": share.cod_on.isoformat(),
            "float_days": slack,
            "slip_days": share.cod_slip_days,
            "mw_days": _number(share.share_mw * max(0, -slack)),
            name: due_on.isoformat(),
            **late,
        },
    )


def _share_overlap(share: PowerShare, settings: RuleSettings) -> Iterator[StandingAlert]:
    """Says nothing of what the other sites take."""
    parameters = settings.of(Rule.SHARE_OVERLAP, site_id=share.site_id)
    if share.overlap_on is None or not parameters.enabled:
        return
    on = None if share.overlap_on == date.min else share.overlap_on.isoformat()
    yield _about_share(Rule.SHARE_OVERLAP, share, parameters, band=0, lane=Lane.DIGEST, facts={"overlap_on": on})


def _agreement_overlap(share: PowerShare, settings: RuleSettings, as_of: date) -> Iterator[StandingAlert]:
    """Megawatts of at least so many that begin to be contracted twice within so many days, and are so for so many."""
    parameters = settings.of(Rule.AGREEMENT_OVERLAP, site_id=share.site_id)
    if not parameters.enabled:
        return
    last = as_of.toordinal() + parameters.within_days
    rows = [each for each in share.overlaps if each.mw >= parameters.least_mw and each.from_on.toordinal() <= last]
    days = sum(each.days for each in rows)
    if not rows or days < parameters.least_days:
        return
    yield _about_share(
        Rule.AGREEMENT_OVERLAP,
        share,
        parameters,
        band=parameters.band_of(max(days, parameters.first_band)),
        lane=Lane.DIGEST,
        measure_days=days,
        facts={
            "overlap_from_on": rows[0].from_on.isoformat(),
            "overlap_until_on": rows[-1].until_on.isoformat(),
            "overlap_days": days,
            "overlap_mw": _number(max(each.mw for each in rows)),
            "mw_days": _number(sum((each.mw * each.days for each in rows), Decimal(0))),
        },
    )


def _unmatched_expiry(share: PowerShare, settings: RuleSettings, as_of: date) -> Iterator[StandingAlert]:
    parameters = settings.of(Rule.UNMATCHED_EXPIRY, site_id=share.site_id)
    if share.expires_on is None or share.uncovered_mw is None or not parameters.enabled:
        return
    days_left = (share.expires_on - as_of).days
    found = reached_near(days_left, parameters)
    if found is None:
        return
    yield _about_share(
        Rule.UNMATCHED_EXPIRY,
        share,
        parameters,
        band=found[0],
        lingers=found[1],
        lane=Lane.DIGEST,
        measure_days=-days_left,
        facts={
            "expires_on": share.expires_on.isoformat(),
            "days_left": days_left,
            "working_days_left": share.calendar.working_days_between(as_of, share.expires_on),
            "uncovered_mw": _number(share.uncovered_mw),
        },
    )


def _contract_clock(row: PowerClock, settings: RuleSettings, as_of: date) -> Iterator[StandingAlert]:
    parameters = settings.of(Rule.CONTRACT_CLOCK, site_id=row.site_id)
    clock = row.clock
    left = clock.days_left(as_of)
    if clock.kind not in _CLOCKS or not clock.is_open or left is None or clock.due_on is None or not parameters.enabled:
        return
    found = reached_near(left, parameters)
    slack = clock.slack_days
    if found is None and (slack is None or slack >= 0):
        return
    band, lingers = found or (-max(parameters.near_days), False)
    pressing = left <= min(parameters.near_days) or (slack is not None and slack < 0)
    yield StandingAlert(
        rule=Rule.CONTRACT_CLOCK,
        subject_kind=_kind(row),
        subject_id=clock.subject,
        subject_text=row.text[:300],
        site_id=row.site_id,
        baseline_version=0,
        band=band,
        lane=Lane.URGENT if pressing else Lane.DIGEST,
        measure_days=-left,
        lingers=lingers,
        large_move_days=parameters.large_move_days,
        facts={
            "clock": clock.kind.value,
            "due_on": clock.due_on.isoformat(),
            "expected_on": clock.expected_on.isoformat() if clock.expected_on else None,
            "days_left": left,
            "working_days_left": clock.working_days_left(as_of),
            "moves": "yes" if clock.moves else None,
            "owner": row.owner or None,
            "agreement": str(clock.agreement) if clock.agreement else None,
        },
    )


def _kind(row: PowerClock) -> AlertSubject:
    return AlertSubject.GRID_CONNECTION if row.clock.connection else AlertSubject.AGREEMENT


def _about_site(
    rule: Rule,
    site: PowerSite,
    parameters: Parameters,
    *,
    band: int,
    measure_days: int,
    lingers: bool = False,
    **facts: Plain,
) -> StandingAlert:
    return StandingAlert(
        rule=rule,
        subject_kind=AlertSubject.SITE,
        subject_id=site.key,
        subject_text=site.text[:300],
        site_id=site.key,
        baseline_version=0,
        band=band,
        lane=Lane.URGENT,
        measure_days=measure_days,
        lingers=lingers,
        large_move_days=parameters.large_move_days,
        facts=dict(facts),
    )


def _about_share(
    rule: Rule,
    share: PowerShare,
    parameters: Parameters,
    *,
    band: int,
    facts: dict[str, Plain],
    lane: Lane = Lane.URGENT,
    measure_days: int | None = None,
    lingers: bool = False,
) -> StandingAlert:
    return StandingAlert(
        rule=rule,
        subject_kind=AlertSubject.AGREEMENT_SHARE,
        subject_id=share.key,
        subject_text=share.text[:300],
        site_id=share.site_id,
        baseline_version=0,
        band=band,
        lane=lane,
        measure_days=measure_days,
        lingers=lingers,
        large_move_days=parameters.large_move_days,
        facts={**facts, "share_mw": _number(share.share_mw), "vendor": share.seller},
    )


def _number(number: Decimal) -> str:
    return format(number.normalize() + 0, "f")
