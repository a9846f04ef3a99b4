"""The clocks of agreements and connection offers, with the dates they hang on as they stand today."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.db.models import QuerySet

from procurement.queries.power_facts import NO_DATES, ChainDates, Knowledge, chain_dates
from sites.accounts.models import User
from sites.domain.agreement_state import BINDING
from sites.domain.calendar import WorkingCalendar
from sites.domain.contract_clock import Clock, certificate_end, served_by, term_end
from sites.models import AgreementNotice, GridConnection, PowerPurchaseAgreement, PpaShare, Site
from sites.queries.chains import UNPLACED, working_calendars
from sites.vocabulary import Certificate, ClockKind, ClockReference, ClockSide, DurationBasis, GridState

_BINDING = sorted(state.value for state in BINDING)
_STILL_OFFERED = {GridState.ENQUIRY, GridState.APPLIED, GridState.IN_STUDY, GridState.OFFERED}


@dataclass(frozen=True, slots=True)
class PlacedClock:
    """`sites` are those it matters to, empty for an agreement that supplies none yet; `owner` is a name, or empty."""

    clock: Clock
    code: str
    owner: str
    sites: tuple[UUID, ...]


def all_clocks(on: date) -> tuple[PlacedClock, ...]:
    """Of every signed agreement and open connection offer. Nine queries."""
    return _clocks(PowerPurchaseAgreement.objects.all(), GridConnection.objects.all(), on)


def clocks_visible_to(actor: User, on: date) -> tuple[PlacedClock, ...]:
    """The same for what the reader may see; `sites` then holds only their own."""
    found = _clocks(PowerPurchaseAgreement.objects.visible_to(actor), GridConnection.objects.visible_to(actor), on)
    mine = set(Site.objects.visible_to(actor).values_list("pk", flat=True))
    return tuple(
        PlacedClock(row.clock, row.code, row.owner, tuple(site for site in row.sites if site in mine)) for row in found
    )


def _clocks(
    agreements: QuerySet[PowerPurchaseAgreement], connections: QuerySet[GridConnection], on: date
) -> tuple[PlacedClock, ...]:
    signed = list(
        agreements.filter(state__in=_BINDING)
        .select_related("owner")
        .prefetch_related("conditions__owner", "notices__owner", "credit_support__owner")
        .order_by("code")
    )
    offers = list(
        connections.filter(offer_expires_on__isnull=False)
        .select_related("owner", "site")
        .order_by("site__code", "name")
    )
    supplied: dict[UUID, list[UUID]] = defaultdict(list)
    calendar_of: dict[UUID, UUID] = {}
    for agreement_id, site_id, calendar_id in (
        PpaShare.objects.filter(agreement__in=signed)
        .order_by("site__code")
        .values_list("agreement_id", "site_id", "site__calendar_id")
    ):
        if site_id not in supplied[agreement_id]:
            supplied[agreement_id].append(site_id)
        calendar_of.setdefault(agreement_id, calendar_id)
    calendars = working_calendars()
    chains = {row.chain_id for row in signed} | {row.chain_id for row in offers}
    dates = chain_dates(chains, Knowledge(on))
    found: list[PlacedClock] = []
    for agreement in signed:
        chosen = agreement.calendar_id or calendar_of.get(agreement.pk)
        calendar = calendars.get(chosen, UNPLACED) if chosen else UNPLACED
        rows = _of_agreement(agreement, dates.get(agreement.chain_id, NO_DATES), calendar, calendars)
        found += [PlacedClock(clock, agreement.code, owner, tuple(supplied[agreement.pk])) for clock, owner in rows]
    for connection in offers:
        calendar = calendars[connection.calendar_id or connection.site.calendar_id]
        clock = _offer(connection, dates.get(connection.chain_id, NO_DATES), calendar)
        owner = str(connection.owner) if connection.owner else ""
        found.append(PlacedClock(clock, connection.site.code, owner, (connection.site_id,)))
    return tuple(sorted(found, key=lambda row: (row.clock.due_on or date.max, row.code, row.clock.kind.value)))


def _of_agreement(
    agreement: PowerPurchaseAgreement,
    cod: ChainDates,
    calendar: WorkingCalendar,
    calendars: Mapping[UUID, WorkingCalendar],
) -> list[tuple[Clock, str]]:
    found: list[tuple[Clock, str]] = []
    ends_on = term_end(agreement.starts_on or cod.anchor_on, agreement.term_years)
    moving = agreement.starts_on is None and not cod.is_actual

    def add(kind: ClockKind, due_on: date | None, *, row: Any = None, text: str = "", **given: Any) -> None:
        owner = getattr(row, "owner", None) or agreement.owner
        clock = Clock(
            kind=kind,
            subject=getattr(row, "pk", None) or uuid5(agreement.pk, kind.value),
            text=text or str(kind.label),
            due_on=due_on,
            owner=owner.pk if owner else None,
            calendar=calendar,
            agreement=agreement.pk,
        )
        found.append((replace(clock, **given), str(owner) if owner else ""))

    done_on = cod.anchor_on if cod.is_actual else None
    expected_on = None if cod.is_actual else cod.anchor_on
    for kind, due_on in (
        (ClockKind.TARGET_COD, agreement.target_cod_on),
        (ClockKind.GUARANTEED_COD, agreement.guaranteed_cod_on),
        (ClockKind.LONG_STOP, agreement.long_stop_on),
    ):
        if due_on is not None:
            add(kind, due_on, expected_on=expected_on, done_on=done_on)
    for condition in agreement.conditions.all():
        add(
            ClockKind.CONDITION, condition.due_on, row=condition, text=condition.text,
            done_on=condition.met_on or condition.waived_on,
        )  # fmt: skip
    for notice in agreement.notices.all():
        counted = calendars.get(notice.calendar_id, calendar) if notice.calendar_id else calendar
        due_on = served_by(
            _reference(notice, agreement, cod, ends_on),
            notice.days,
            DurationBasis(notice.basis),
            ClockSide(notice.side),
            counted,
        )
        moves = notice.reference == ClockReference.MILESTONE or (notice.reference == ClockReference.TERM_END and moving)
        add(
            ClockKind.NOTICE, due_on, row=notice, text=f"{notice.subject} ({notice.served_to})",
            done_on=notice.served_on, moves=moves, calendar=counted,
        )  # fmt: skip
    for credit in agreement.credit_support.all():
        if credit.expires_on is not None:
            add(
                ClockKind.CREDIT_SUPPORT, credit.expires_on - timedelta(days=credit.renew_days), row=credit,
                text=f"{credit.get_form_display()}, {credit.get_given_by_display()}", done_on=credit.released_on,
            )  # fmt: skip
    successor = Certificate(agreement.certificate_successor) if agreement.certificate_successor else None
    last = certificate_end(Certificate(agreement.certificate), successor, ends_on)
    if last is not None:
        add(ClockKind.CERTIFICATE_END, last, text=str(Certificate(agreement.certificate).label))
    if ends_on is not None:
        add(ClockKind.TERM_END, ends_on, moves=moving)
    return found


def _reference(
    notice: AgreementNotice, agreement: PowerPurchaseAgreement, cod: ChainDates, ends_on: date | None
) -> date | None:
    return {
        ClockReference.DAY: notice.reference_on,
        ClockReference.MILESTONE: cod.steps.get(notice.milestone_code),
        ClockReference.TARGET_COD: agreement.target_cod_on,
        ClockReference.GUARANTEED_COD: agreement.guaranteed_cod_on,
        ClockReference.LONG_STOP: agreement.long_stop_on,
        ClockReference.TERM_END: ends_on,
    }[ClockReference(notice.reference)]


def _offer(connection: GridConnection, dates: ChainDates, calendar: WorkingCalendar) -> Clock:
    signed_on = dates.steps.get("SIGNED")
    still_open = connection.state in _STILL_OFFERED
    return Clock(
        kind=ClockKind.OFFER_EXPIRY,
        subject=uuid5(connection.pk, ClockKind.OFFER_EXPIRY.value),
        text=f"{connection.name}, {connection.utility}",
        due_on=connection.offer_expires_on,
        expected_on=signed_on if still_open else None,
        done_on=None if still_open else signed_on or connection.offer_expires_on,
        owner=connection.owner_id,
        calendar=calendar,
        connection=connection.pk,
    )


def near(rows: Collection[PlacedClock], on: date) -> tuple[PlacedClock, ...]:
    """The open ones that are past, near, or will be missed; the most pressing first."""
    pressing = [row for row in rows if row.clock.state(on) in {"past", "missed", "near"}]
    return tuple(sorted(pressing, key=lambda row: (row.clock.due_on or date.max, row.code)))
