"""What is written about a site's grid connection, its load and what it is assumed to pay on the spot market."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.domain.money import decimal_places
from procurement.gateways import wake
from procurement.services import first_baseline, forecasts, named
from procurement.services.forecasts import Touched, local_date
from procurement.vocabulary import RunCause
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import EARLIEST_YEAR, LATEST_YEAR, new_id
from sites.domain import power_market
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.models import (
    Block,
    Chain,
    GridCapacityStep,
    GridConnection,
    LoadStep,
    Milestone,
    NetworkWorks,
    PowerPurchaseAgreement,
    Site,
    SpotPrice,
)
from sites.services.access import check_can
from sites.vocabulary import ChainKind, EnergyUnit, GridState, Party

# No site draws more; a figure above it is one in kilowatts.
MOST_MW: Final = Decimal(5000)
# Calendar days from design to works and from there to completion, as long as nobody has said a date.
WORKS_AFTER_DAYS, WORKS_TAKE_DAYS = 90, 240
_WORKS_STEPS: Final = (("DESIGN_DONE", 0), ("WORKS", WORKS_AFTER_DAYS), ("COMPLETE", WORKS_TAKE_DAYS))
_ANCHOR: Final = "ENERGISED"
_NAMED: Final = ("owner", "calendar")
# The usual way from the enquiry to released capacity, in calendar days.
_CONNECTION_STEPS: Final = (
    ("ENQUIRY", 0), ("APPLIED", 60), ("IN_STUDY", 45), ("OFFERED", 180), ("SIGNED", 60), ("WORKS", 120),
    ("SUBSTATION_READY", 300), (_ANCHOR, 45), ("CAPACITY_RELEASED", 30),
)  # fmt: skip
_OWNERS_STEPS: Final = {"ENQUIRY", "APPLIED", "SIGNED"}


@dataclass(frozen=True, slots=True)
class CapacityStep:
    """`works` names works of the connection, `milestone_code` a step of its chain; both empty where neither counts."""

    firm_mw: Decimal
    flexible_mw: Decimal = Decimal(0)
    from_on: date | None = None
    milestone_code: str = ""
    works: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionTerms:
    """What a connection says of itself. None is not known. `owner` is a user name, `calendar` the name of a work
    calendar; empty: the energy lead's duty, by the site's calendar.
    """

    name: str
    utility: str
    requested_mw: Decimal
    offered_mw: Decimal | None = None
    firm_mw: Decimal | None = None
    flexible_mw: Decimal | None = None
    voltage_kv: Decimal | None = None
    energisation_target_on: date | None = None
    offer_expires_on: date | None = None
    owner: str = ""
    calendar: str = ""


@transaction.atomic
def add_connection(*, site_id: UUID, terms: ConnectionTerms, actor: User, now: datetime) -> GridConnection:
    """With the usual way from the enquiry to released capacity. Raises NotFound, NotPermitted, BadInput naming the
    field.
    """
    site = _locked_site(site_id, actor)
    _check_terms(terms, site, None)
    chain = Chain.objects.create(kind=ChainKind.GRID_CONNECTION, site=site, anchor_code=_ANCHOR)
    codes = [code for code, _days in _CONNECTION_STEPS]
    span = sum(days for _code, days in _CONNECTION_STEPS[1 : codes.index(_ANCHOR) + 1])
    target_on = terms.energisation_target_on
    Milestone.objects.bulk_create(
        Milestone(
            chain=chain,
            sequence=place,
            code=code,
            duration_days=days,
            planned_on=target_on - timedelta(days=span) if target_on and place == 0 else None,
            responsible=Party.OWNER if code in _OWNERS_STEPS else Party.VENDOR,
        )
        for place, (code, days) in enumerate(_CONNECTION_STEPS)
    )
    connection = GridConnection(site=site, chain=chain)
    return _keep_terms(connection, terms, "grid_connection.added", actor=actor, now=now)


@transaction.atomic
def change_connection(*, connection_id: UUID, terms: ConnectionTerms, actor: User, now: datetime) -> GridConnection:
    """Raises NotFound, NotPermitted, BadInput naming the field."""
    connection = _locked_connection(connection_id, actor)
    _check_terms(terms, connection.site, connection)
    return _keep_terms(connection, terms, "grid_connection.changed", actor=actor, now=now)


def _keep_terms(
    connection: GridConnection, terms: ConnectionTerms, verb: str, *, actor: User, now: datetime
) -> GridConnection:
    for each in fields(terms):
        if each.name not in _NAMED:
            setattr(connection, each.name, getattr(terms, each.name))
    connection.owner = _owner(terms.owner, connection.site)
    connection.calendar = named.calendar(terms.calendar, "calendar")
    connection.name, connection.utility = terms.name.strip(), terms.utility.strip()
    connection.save()
    touched = frozenset({connection.chain_id})
    _finish(connection.site, verb, connection.pk, actor=actor, now=now, chains=touched)
    return connection


@transaction.atomic
def save_ramp(
    *, site_id: UUID, block_id: UUID | None, steps: Sequence[tuple[date, Decimal]], actor: User, now: datetime
) -> None:
    """The whole ramp of a block, or of the site where no block is named; an empty one is taken away.

    Raises NotFound, NotPermitted, BadInput naming `block`, `steps/N/from_on` or `steps/N/gross_mw`.
    """
    site = _locked_site(site_id, actor)
    if block_id is not None and not Block.objects.filter(pk=block_id, phase__site=site).exists():
        raise BadInput(_("There is no such block at this site."), field="block")
    _check_ramp(steps)
    rows = LoadStep.objects.filter(site=site)
    rows = rows.filter(block__isnull=True) if block_id is None else rows.filter(block_id=block_id)
    kept = {row.from_on: row for row in rows}
    wanted = dict(steps)
    LoadStep.objects.filter(pk__in=[row.pk for day, row in kept.items() if day not in wanted]).delete()
    for day, mw in wanted.items():
        row = kept.get(day)
        if row is None:
            LoadStep.objects.create(site=site, block_id=block_id, from_on=day, gross_mw=mw)
        elif row.gross_mw != mw:
            row.gross_mw = mw
            row.save(update_fields=["gross_mw"])
    _finish(site, "ramp.saved", site.pk, actor=actor, now=now)


@transaction.atomic
def save_capacity(
    *,
    connection_id: UUID,
    steps: Sequence[CapacityStep],
    offer_expires_on: date | None,
    actor: User,
    now: datetime,
    path: str = "steps",
) -> None:
    """The steps in which a connection gives its capacity, in order; each states all of it, not what it adds.

    Raises NotFound, NotPermitted, BadInput naming `steps/N/...` or `offer_expires_on`.
    """
    connection = _locked_connection(connection_id, actor)
    works = {row.name: row for row in connection.works.all()}
    codes = set(connection.chain.milestones.filter(applicable=True).values_list("code", flat=True))
    for place, step in enumerate(steps):
        _check_capacity(step, connection, works.keys(), codes, f"{path}/{place}")
    connection.capacity_steps.all().delete()
    for number, step in enumerate(steps, start=1):
        GridCapacityStep.objects.create(
            connection=connection,
            number=number,
            from_on=step.from_on,
            milestone_code=step.milestone_code,
            works=works[step.works] if step.works else None,
            firm_mw=step.firm_mw,
            flexible_mw=step.flexible_mw,
        )
    _check_day(offer_expires_on, "offer_expires_on")
    connection.offer_expires_on = offer_expires_on
    connection.save(update_fields=["offer_expires_on"])
    _finish(connection.site, "grid_connection.capacity_saved", connection.pk, actor=actor, now=now)


@transaction.atomic
def move_connection(*, connection_id: UUID, state: GridState, actor: User, now: datetime) -> GridConnection:
    """Forward by any number of states, or one back to correct an entry. Raises NotFound, NotPermitted, Conflict.

    What was agreed first is kept once it is signed: slips count from there.
    """
    connection = _locked_connection(connection_id, actor)
    order = list(GridState)
    steps = order.index(state) - order.index(GridState(connection.state))
    if steps == 0 or steps < -1:
        raise Conflict(_("A connection does not go back that far."), field="state")
    connection.state = state
    connection.save(update_fields=["state"])
    if order.index(state) >= order.index(GridState.SIGNED):
        first_baseline.keep(
            connection.chain,
            agreed={_ANCHOR: connection.energisation_target_on},
            cause="Connection signed",
            site=connection.site,
            actor=actor,
            as_of=local_date(connection.site, now),
        )
    touched = frozenset({connection.chain_id})
    _finish(connection.site, "grid_connection.moved", connection.pk, actor=actor, now=now, chains=touched)
    return connection


@transaction.atomic
def add_works(
    *, connection_id: UUID, name: str, contractor: str, planned_on: date | None, actor: User, now: datetime
) -> NetworkWorks:
    """Works of the utility with a chain of their own; a first plan is their baseline.

    Raises NotFound, NotPermitted, BadInput naming `name` or `planned_on`.
    """
    connection = _locked_connection(connection_id, actor)
    name = name.strip()
    if not name or len(name) > 120:
        raise BadInput(_("Name the works, in at most 120 characters."), field="name")
    if connection.works.filter(name=name).exists():
        raise BadInput(_("The connection has works of this name."), field="name")
    _check_day(planned_on, "planned_on")
    chain = Chain.objects.create(kind=ChainKind.NETWORK_WORKS, site=connection.site, anchor_code="COMPLETE")
    Milestone.objects.bulk_create(
        Milestone(
            chain=chain,
            sequence=place,
            code=code,
            duration_days=days,
            planned_on=planned_on if place == 0 else None,
            responsible=Party.VENDOR,
        )
        for place, (code, days) in enumerate(_WORKS_STEPS)
    )
    works = NetworkWorks.objects.create(
        connection=connection, name=name, contractor=contractor.strip()[:120], chain=chain
    )
    if planned_on is not None:
        first_baseline.keep(
            chain, agreed={}, cause="Works planned", site=connection.site, actor=actor,
            as_of=local_date(connection.site, now),
        )  # fmt: skip
    _finish(connection.site, "network_works.added", works.pk, actor=actor, now=now, chains=frozenset({chain.pk}))
    return works


@transaction.atomic
def set_spot_price(
    *,
    site_id: UUID,
    agreement_id: UUID | None,
    from_on: date,
    price: Decimal,
    unit: EnergyUnit,
    currency: str,
    source: str,
    actor: User,
    now: datetime,
) -> SpotPrice:
    """What a site is assumed to pay from a day on. Raises NotFound, NotPermitted, BadInput naming the field."""
    site = _locked_site(site_id, actor)
    if not source.strip():
        raise BadInput(_("Say where the price comes from."), field="source")
    _check_day(from_on, "from_on")
    power_market.check_price(price, unit, currency)
    per_mwh = price * 1000 if unit is EnergyUnit.KWH else price
    _check_places(per_mwh, 4, "price")
    supplying = PowerPurchaseAgreement.objects.filter(shares__site=site)
    if agreement_id is not None and not supplying.filter(pk=agreement_id).exists():
        raise BadInput(_("There is no such agreement at this site."), field="agreement")
    row, _created = SpotPrice.objects.update_or_create(
        site=site,
        agreement_id=agreement_id,
        from_on=from_on,
        defaults={
            "price_per_mwh": per_mwh,
            "currency": currency,
            "source": source.strip()[:300],
        },
    )
    _finish(site, "spot_price.set", row.pk, actor=actor, now=now)
    return row


def _owner(name: str, site: Site) -> User | None:
    """Somebody who can see what they answer for."""
    found = named.person(name, "owner")
    if found is not None and not Site.objects.visible_to(found).filter(pk=site.pk).exists():
        raise BadInput(_("%(name)s has no right at this site.") % {"name": name}, field="owner")
    return found


def _check_terms(terms: ConnectionTerms, site: Site, known: GridConnection | None) -> None:
    for name in ("name", "utility"):
        if not 0 < len(getattr(terms, name).strip()) <= 120:
            raise BadInput(_("Name it, in at most 120 characters."), field=name)
    others = site.grid_connections.filter(name=terms.name.strip())
    if (others.exclude(pk=known.pk) if known else others).exists():
        raise BadInput(_("The site has a connection of this name."), field="name")
    for name in ("requested_mw", "offered_mw", "firm_mw", "flexible_mw"):
        value = getattr(terms, name)
        if value is not None:
            _check_mw(value, name)
    if terms.requested_mw == 0:
        raise BadInput(_("A connection is asked for more than nothing."), field="requested_mw")
    if terms.voltage_kv is not None and not (terms.voltage_kv.is_finite() and 0 < terms.voltage_kv <= 2000):
        raise BadInput(_("A voltage lies between 0 and 2,000 kV. Is it in volts?"), field="voltage_kv")
    _check_places(terms.voltage_kv, 1, "voltage_kv")
    if terms.offered_mw is not None:
        if (terms.firm_mw or 0) + (terms.flexible_mw or 0) > terms.offered_mw:
            raise BadInput(_("This is more than was offered."), field="firm_mw")
        steps = known.capacity_steps.all() if known else ()
        if any(step.firm_mw + step.flexible_mw > terms.offered_mw for step in steps):
            raise BadInput(_("A step gives more than this."), field="offered_mw")
    _check_day(terms.energisation_target_on, "energisation_target_on")
    _check_day(terms.offer_expires_on, "offer_expires_on")


def _check_ramp(steps: Sequence[tuple[date, Decimal]]) -> None:
    seen: set[date] = set()
    for place, (day, mw) in enumerate(steps):
        _check_day(day, f"steps/{place}/from_on")
        if day in seen:
            raise BadInput(_("Two steps start on the same day."), field=f"steps/{place}/from_on")
        seen.add(day)
        _check_mw(mw, f"steps/{place}/gross_mw")


def _check_capacity(
    step: CapacityStep, connection: GridConnection, works: Collection[str], codes: Collection[str], path: str
) -> None:
    _check_mw(step.firm_mw, f"{path}/firm_mw")
    _check_mw(step.flexible_mw, f"{path}/flexible_mw")
    _check_day(step.from_on, f"{path}/from_on")
    if connection.offered_mw is not None and step.firm_mw + step.flexible_mw > connection.offered_mw:
        raise BadInput(_("A step gives more than was offered."), field=f"{path}/firm_mw")
    if step.milestone_code and step.milestone_code not in codes:
        raise BadInput(_("The connection has no such milestone."), field=f"{path}/milestone_code")
    if step.works and step.works not in works:
        raise BadInput(_("The connection has no such works."), field=f"{path}/works")


def _check_mw(mw: Decimal, field: str) -> None:
    if not mw.is_finite() or not 0 <= mw <= MOST_MW:
        raise BadInput(_("Megawatts lie between 0 and 5,000. Is it in kilowatts?"), field=field)
    _check_places(mw, 3, field)


def _check_places(number: Decimal | None, places: int, field: str) -> None:
    """Nothing is rounded unseen; zeros at the end are no decimals."""
    if number is not None and decimal_places(number) > places:
        raise BadInput(_("At most %(places)d decimals.") % {"places": places}, field=field)


def _check_day(day: date | None, field: str) -> None:
    if day is not None and not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise BadInput(_("This date is not plausible."), field=field)


def _locked_site(site_id: UUID, actor: User) -> Site:
    site = Site.objects.visible_to(actor).select_for_update(of=("self",), no_key=True).filter(pk=site_id).first()
    if site is None:
        raise NotFound(_("There is no such site."), field="site")
    check_can(actor, Permission.POWER_WRITE, site_id=site.pk)
    return site


def _locked_connection(connection_id: UUID, actor: User) -> GridConnection:
    rows = GridConnection.objects.visible_to(actor).select_related("site")
    connection = rows.select_for_update(of=("self",)).filter(pk=connection_id).first()
    if connection is None:
        raise NotFound(_("There is no such grid connection."), field="connection")
    check_can(actor, Permission.POWER_WRITE, site_id=connection.site_id)
    return connection


def _finish(
    site: Site,
    verb: str,
    subject_id: UUID,
    *,
    actor: User,
    now: datetime,
    chains: frozenset[UUID] = frozenset(),
) -> None:
    """Record the intention, answer what moved, and look at the power alerts."""
    audit.record(actor=actor, verb=verb, subject_kind=verb.split(".")[0], subject_id=subject_id)
    as_of, key = local_date(site, now), f"power:{new_id()}"
    if chains:
        forecasts.recalculate(
            site_id=site.pk, as_of=as_of, now=now, cause=RunCause.CHANGE, cause_text=str(site), cause_key=key,
            actor=actor, touched=Touched(chains=chains),
        )  # fmt: skip
    else:
        forecasts.recalculate_power(
            as_of=as_of, now=now, cause=RunCause.CHANGE, cause_text=str(site), cause_key=key, actor=actor, chains=[]
        )
    wake.after_commit()
