"""What the power rules read: every site with load or power, its shares and its clocks, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from procurement.domain.alert_parameters import DEFAULTS, RuleSettings
from procurement.domain.power_alerting import Gap, Overlap, PowerClock, PowerPortfolio, PowerShare, PowerSite
from procurement.queries import contract_clocks, power_facts
from procurement.queries.power_facts import Knowledge, SiteFacts, SiteShare
from procurement.vocabulary import Rule
from sites.domain.calendar import WorkingCalendar
from sites.domain.power_balance import balance
from sites.domain.power_curve import Curve, first_above, stepped, total, window
from sites.domain.power_shares import contracted_twice
from sites.models import GridConnection, LoadStep, PpaShare, PpaShareStep, Site
from sites.queries.chains import working_calendars
from sites.vocabulary import ClockKind

_SEEN_BEYOND_DAYS: Final = 730
_WORDS_OF_THE_PARTIES: Final = (ClockKind.CONDITION, ClockKind.NOTICE, ClockKind.CREDIT_SUPPORT)


def portfolio(as_of: date, settings: RuleSettings) -> PowerPortfolio:
    """Gaps are looked for as far ahead as the rule's widest setting asks."""
    concerned = set(LoadStep.objects.order_by().values_list("site", flat=True).distinct())
    concerned |= set(GridConnection.objects.order_by().values_list("site", flat=True).distinct())
    concerned |= set(PpaShare.objects.order_by().values_list("site", flat=True).distinct())
    sites = list(Site.objects.filter(pk__in=concerned).order_by("code"))
    facts = power_facts.read(sites, Knowledge(as_of))
    calendars = working_calendars()
    ahead = max(settings.most(Rule.POWER_GAP, "within_days"), DEFAULTS[Rule.POWER_GAP].within_days)
    until_on = as_of + timedelta(days=ahead)
    # Far enough to see how long what begins inside the widest setting goes on.
    twice_ahead = settings.most(Rule.AGREEMENT_OVERLAP, "within_days") + _SEEN_BEYOND_DAYS
    overlaps = _overlaps([each for row in facts.values() for each in row.shares])
    found = [
        (
            _site(row, calendars[row.site.calendar_id], as_of, until_on),
            _shares(row, calendars, overlaps, as_of, as_of + timedelta(days=twice_ahead)),
        )
        for row in facts.values()
    ]
    return PowerPortfolio(
        sites=tuple(site for site, _ in found),
        shares=tuple(share for _, shares in found for share in shares),
        clocks=_clocks(as_of),
        settings=settings,
    )


def _site(row: SiteFacts, calendar: WorkingCalendar, as_of: date, until_on: date) -> PowerSite:
    return PowerSite(
        key=row.site.pk,
        text=f"{row.site.code} {row.site.name}",
        calendar=calendar,
        ramp=row.power.ramp,
        first_load_on=row.first_load_on,
        first_power_on=row.first_power_on,
        power_is_actual=row.first_power_on is not None and row.first_power_on <= as_of,
        gaps=tuple(
            Gap(each.from_on, each.until_on, each.gap_mw, tuple(str(kind.value) for kind in each.binding))
            for each in balance(row.power, as_of, until_on)
            if each.gap_mw is not None and each.gap_mw > 0
        ),
    )


def _shares(
    row: SiteFacts,
    calendars: Mapping[UUID, WorkingCalendar],
    overlaps: Mapping[UUID, date],
    as_of: date,
    until_on: date,
) -> list[PowerShare]:
    twice = contracted_twice([each.share for each in row.shares], row.power.ramp, as_of, until_on)
    return [
        PowerShare(
            key=each.row.pk,
            text=f"PPA {each.agreement.code} {each.agreement.name}",
            site_id=row.site.pk,
            calendar=calendars[row.site.calendar_id],
            share_mw=each.row.share_mw,
            seller=each.agreement.seller,
            cod_on=each.share.cod_on,
            cod_is_actual=each.cod.is_actual,
            cod_slip_days=each.cod.slip_days,
            guaranteed_cod_on=each.agreement.guaranteed_cod_on,
            long_stop_on=each.agreement.long_stop_on,
            overlap_on=overlaps.get(each.agreement.pk),
            expires_on=_expires_on(each, as_of),
            uncovered_mw=_uncovered(each, row),
            overlaps=tuple(Overlap(at.from_on, at.until_on, at.mw) for at in twice.get(each.share.key, ())),
        )
        for each in row.shares
    ]


def _expires_on(each: SiteShare, as_of: date) -> date | None:
    """None also once it has expired for good: then the gap speaks."""
    last = each.share.last_on
    return last if last is not None and last >= as_of else None


def _uncovered(each: SiteShare, row: SiteFacts) -> Decimal | None:
    """What of the load the other shares leave open on the day after, up to what this one gave.

    A successor whose plant comes after that day covers nothing yet; one without a date of COD is trusted.
    """
    last = each.share.last_on
    if last is None or last == date.max:
        return None
    after = last + timedelta(days=1)
    others = sum((_mw_on(other, after) for other in row.shares if not _ended(other, after)), Decimal(0))
    open_mw = min(row.power.ramp.at(after) - others, each.share.mw.at(last))
    return open_mw if open_mw > 0 else None


def _mw_on(other: SiteShare, day: date) -> Decimal:
    share = other.share
    return (share.planned() if share.cod_on is None else share.delivered()).at(day)


def _ended(other: SiteShare, day: date) -> bool:
    return other.share.last_on is not None and other.share.last_on < day


def _overlaps(shares: Sequence[SiteShare]) -> dict[UUID, date]:
    """Per agreement the first day on which its shares at all sites take more than is contracted."""
    contracted = {each.agreement.pk: each.agreement.contracted_mw for each in shares}
    steps: dict[UUID, list[tuple[date, Decimal]]] = defaultdict(list)
    for key, day, mw in PpaShareStep.objects.filter(share__agreement__in=contracted).values_list(
        "share_id", "from_on", "share_mw"
    ):
        steps[key].append((day, mw))
    curves: dict[UUID, list[Curve]] = defaultdict(list)
    for row in PpaShare.objects.filter(agreement__in=contracted):
        contracted_mw = stepped([(date.min, row.share_mw), *steps[row.pk]])
        curves[row.agreement_id].append(window(contracted_mw, row.from_on or date.min, row.until_on))
    found = {}
    for key, each in curves.items():
        above = first_above(total(each), contracted[key])
        if above is not None:
            found[key] = above[0]
    return found


def _clocks(as_of: date) -> tuple[PowerClock, ...]:
    found = []
    for row in contract_clocks.all_clocks(as_of):
        text = f"{row.code} {row.clock.kind.label}"
        # Whoever sees one of several sites reads the alert there, but not what the parties agreed about the others.
        if len(row.sites) <= 1 or row.clock.kind not in _WORDS_OF_THE_PARTIES:
            text += f": {row.clock.text}"
        found += [PowerClock(row.clock, text, row.owner, site) for site in row.sites or (None,)]
    return tuple(found)
