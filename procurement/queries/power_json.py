"""The power balance as one JSON document: what the command prints and the API answers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from procurement.queries import power_balance
from procurement.queries.power_balance import Amount, GroupBalance, ShareBalance, SiteBalance
from sites.domain.energy_cover import Cover
from sites.domain.power_balance import Period, Totals
from sites.domain.power_periods import Quarter, Together
from sites.domain.power_shares import Delay

Json = dict[str, Any]


def site_document(row: SiteBalance, *, amounts: bool) -> Json:
    """`amounts` False leaves all money out."""
    energy = power_balance.energy_cover(row)
    found: Json = {
        "site": row.site.code,
        "from_on": row.from_on.isoformat(),
        "until_on": row.until_on.isoformat(),
        "knowledge": {"mode": row.knowledge.mode.value, "on": row.knowledge.on.isoformat()},
        "depends_on_contracted_supply": row.facts.depends,
        "first_power_on": _day(row.facts.first_power_on),
        "first_load_on": _day(row.facts.first_load_on),
        "totals": _totals(row.totals),
        "periods": [_period(each) for each in row.periods],
        "quarters": [_quarter(each) for each in row.quarters],
        "shares": [_share(each, amounts) for each in row.shares],
        "energy": {
            "quarters": [_cover(each) for each in energy.quarters],
            "years": [_cover(each) for each in energy.years],
        },
        "not_known": {kind: list(why) for kind, why in row.notes.items()},
    }
    if amounts:
        found["amounts"] = _amounts(row.amounts)
    return found


def group_document(row: GroupBalance, *, amounts: bool) -> Json:
    found: Json = {
        "totals": {
            "gap_mw_days": _number(row.gap_mw_days),
            "unused_mw_days": _number(row.unused_mw_days),
            "known_gap_mw_days": _number(row.known_gap_mw_days),
            "known_unused_mw_days": _number(row.known_unused_mw_days),
        },
        "periods": [_together(each) for each in row.periods],
        "sites": [site_document(each, amounts=amounts) for each in row.sites],
    }
    if amounts:
        found["amounts"] = _amounts(row.amounts)
    return found


def differences(found: Mapping[str, Sequence[SiteBalance]]) -> Json:
    """Per other state of knowledge and site what is more today, in MW-days; null where either side is not known."""
    now = {row.site.code: row.totals for row in found["today"]}
    return {
        name: {
            row.site.code: {
                "gap_mw_days": _more(now[row.site.code].gap_mw_days, row.totals.gap_mw_days),
                "unused_mw_days": _more(now[row.site.code].unused_mw_days, row.totals.unused_mw_days),
            }
            for row in rows
        }
        for name, rows in found.items()
        if name != "today"
    }


def _more(today: Decimal | None, before: Decimal | None) -> str | None:
    return None if today is None or before is None else _number(today - before)


def _period(row: Period) -> Json:
    return {
        "from_on": row.from_on.isoformat(),
        "until_on": row.until_on.isoformat(),
        "days": row.days,
        "ramp_mw": _number(row.ramp_mw),
        "usable_mw": _number(row.usable_mw),
        "usable_least_mw": _number(row.least_mw),
        "usable_most_mw": _number(row.most_mw),
        "limits_mw": {each.kind.value: _number(each.mw) for each in row.limits},
        "binding": [kind.value for kind in row.binding],
        "gap_mw": _number(row.gap_mw),
        "unused_mw": _number(row.unused_mw),
        "flexible_mw": _number(row.flexible_mw),
        "gap_with_flexible_mw": _number(row.flexible_gap_mw),
    }


def _totals(row: Totals) -> Json:
    return {
        "gap_mw_days": _number(row.gap_mw_days),
        "unused_mw_days": _number(row.unused_mw_days),
        "days": row.days,
        "known_days": row.known_days,
        "largest_gap_mw": _number(row.largest_gap_mw),
        "first_gap_on": _day(row.first_gap_on),
    }


def _quarter(row: Quarter) -> Json:
    return {
        "quarter": row.span.name,
        "from_on": row.span.from_on.isoformat(),
        "until_on": row.span.until_on.isoformat(),
        "ramp_mw": _number(row.ramp_mw),
        "usable_mw": _number(row.usable_mw),
        "gap_mw_days": _number(row.totals.gap_mw_days),
        "unused_mw_days": _number(row.totals.unused_mw_days),
        "binding": [{"limit": each.kind.value, "days": each.days, "gap_days": each.gap_days} for each in row.binding],
    }


def _cover(row: Cover) -> Json:
    return {
        "period": row.span.name,
        "from_on": row.span.from_on.isoformat(),
        "until_on": row.span.until_on.isoformat(),
        "load_mwh": _number(row.load_mwh),
        "contracted_mwh": _number(row.contracted_mwh),
        "contracted_least_mwh": _number(row.least_mwh),
        "contracted_most_mwh": _number(row.most_mwh),
        "matched_mwh": _number(row.matched_mwh),
        "matched_percent": _number(row.matched_percent),
        "certificates_mwh": {kind.value: _number(mwh) for kind, mwh in row.certificates},
        "certificate_mwh": _number(row.certificate_mwh),
        "certificate_percent": _number(row.certificate_percent),
    }


def _together(row: Together) -> Json:
    return {
        "from_on": row.from_on.isoformat(),
        "until_on": row.until_on.isoformat(),
        "ramp_mw": _number(row.ramp_mw),
        "usable_mw": _number(row.usable_mw),
        "gap_mw": _number(row.gap_mw),
        "unused_mw": _number(row.unused_mw),
        "held_down": {site: [kind.value for kind in binding] for site, binding in row.held_down},
    }


def _share(row: ShareBalance, amounts: bool) -> Json:
    cost, share = row.cost, row.share.share
    found: Json = {
        "agreement": row.share.agreement.code,
        "share_mw": _number(row.share.row.share_mw),
        "cod_on": _day(share.cod_on),
        "delivers_from_on": _day(share.starts_on),
        "delivers_until_on": _day(share.last_on),
        "exposed_mw_days": _number(cost.exposed_mw_days),
        "exposed_mwh": _number(cost.exposed_mwh),
        "unused_mw_days": _number(cost.unused_mw_days),
        "tail_mw_days": _number(cost.tail_mw_days),
        "minimum_take_mwh": _number(cost.minimum_take_mwh),
        "not_known": sorted(cost.unknown),
    }
    if amounts:
        found |= {
            "currency": cost.currency,
            "spot_cost": _number(cost.spot_cost),
            "spot_over_contract": _number(cost.spot_over_contract),
            "spot_price_source": share.spot.source if share.spot else None,
            "minimum_take_cost": _number(cost.minimum_take_cost),
            "tail_cost": _number(cost.tail_cost),
            "damages_receivable": _delay(cost.receivable),
            "damages_payable": _delay(cost.payable),
        }
    return found


def _delay(row: Delay | None) -> Json | None:
    if row is None:
        return None
    return {
        "due_on": row.due_on.isoformat(),
        "event_on": row.event_on.isoformat(),
        "delay_days": row.days,
        "chargeable_days": row.whole.chargeable_days,
        "amount": _number(row.whole.amount),
        "is_capped": row.whole.is_capped,
        "amount_in_window": _number(row.in_window),
    }


def _amounts(rows: Iterable[Amount]) -> list[Json]:
    return [
        {"kind": row.kind, "currency": row.currency, "amount": _number(row.amount), "known_amount": _number(row.known)}
        for row in rows
    ]


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _number(number: Decimal | None) -> str | None:
    """Decimals as text, without trailing zeros or exponents; None stays null."""
    return None if number is None else format(number.normalize() + 0, "f")
