"""What the demo's agreements say besides their own fields, and what is behind its grid connections.

Amounts follow from the currency alone; every party, document and curve is invented.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from procurement.services.demo.dated_chain import DatedChain
from procurement.services.demo.draft import Draft
from procurement.services.demo.places import BuiltSite
from sites.accounts.models import User
from sites.models import (
    AgreementDocument,
    AgreementNotice,
    ConditionPrecedent,
    CreditSupport,
    DamagesBand,
    DelayDamages,
    GridCapacityStep,
    GridConnection,
    NetworkWorks,
    PowerPurchaseAgreement,
    SpotPrice,
)
from sites.vocabulary import (
    ClockReference,
    ClockSide,
    ContractParty,
    CreditForm,
    DamagesDirection,
    DamagesDue,
    DamagesKind,
    DocumentKind,
    DurationBasis,
)

# What a unit of each currency is worth roughly, so that amounts look like those of a real contract.
_SCALE: Final = {"JPY": 100, "AUD": 1, "EUR": 1, "USD": 1}
_SPOT: Final = {"AUD": "96.00", "JPY": "14200", "EUR": "88.50", "USD": "61.00"}
_BANDS: Final = ((1, 150), (31, 250), (61, 350))


@dataclass(frozen=True, slots=True)
class TermsPlan:
    """`condition_open` leaves the last condition unmet. `percent` damages are 1.5 a day, 10 days' grace, at most 10."""

    percent: bool = False
    condition_open: bool = False
    payable: bool = False


TERMS: Final[Mapping[str, TermsPlan]] = {
    "PPA-AU-02": TermsPlan(percent=True),
    "PPA-NL-01": TermsPlan(payable=True),
    "PPA-FR-01": TermsPlan(condition_open=True),
    "PPA-DE-01": TermsPlan(payable=True),
}


def add_terms(draft: Draft, row: PowerPurchaseAgreement, chain: DatedChain, *, is_signed: bool, owner: User) -> None:
    plan = TERMS.get(row.code, TermsPlan())
    _add_documents(draft, row, chain, is_signed)
    _add_conditions(draft, row, chain, plan, is_signed, owner)
    if not is_signed:
        return
    _add_damages(draft, row, DamagesDirection.RECEIVABLE, DamagesDue.TARGET_COD, plan.percent)
    if plan.payable:
        _add_damages(draft, row, DamagesDirection.PAYABLE, DamagesDue.COD, is_percent=False)
    _add_notices(draft, row, owner, is_built=chain.actual("COD") is not None)
    _add_credit(draft, row, chain, owner)


def _add_damages(
    draft: Draft, row: PowerPurchaseAgreement, direction: DamagesDirection, due: DamagesDue, is_percent: bool
) -> None:
    scale = _SCALE[row.currency]
    clause = draft.add(
        DelayDamages(
            id=draft.key("damages", row.code, direction),
            agreement=row,
            direction=direction,
            kind=DamagesKind.PERCENT_PER_DAY if is_percent else DamagesKind.PER_MW_DAY,
            due=due,
            grace_days=10 if is_percent else 0,
            percent_per_day=Decimal("1.5") if is_percent else None,
            base_amount=row.contracted_mw * 100_000 * scale,
            cap_percent=Decimal(10) if is_percent else Decimal(25),
            cap_days=None if is_percent else 180,
        )
    )
    for from_day, amount in () if is_percent else _BANDS:
        draft.add(
            DamagesBand(
                id=draft.key("band", row.code, direction, from_day),
                damages=clause,
                from_day=from_day,
                amount_per_mw_day=Decimal(amount * scale),
            )
        )


def _add_conditions(
    draft: Draft, row: PowerPurchaseAgreement, chain: DatedChain, plan: TermsPlan, is_signed: bool, owner: User
) -> None:
    due_on = chain.baseline["CP_MET"]
    texts = (
        ("Connection agreement of the plant signed", ContractParty.SELLER),
        ("Planning consent granted and free of appeal", ContractParty.SELLER),
        ("Guarantees exchanged", ContractParty.BUYER),
    )
    for number, (text, party) in enumerate(texts, start=1):
        on = due_on - timedelta(days=30 * (len(texts) - number))
        is_open = not is_signed or on > draft.day(-2) or (plan.condition_open and number == len(texts))
        draft.add(
            ConditionPrecedent(
                id=draft.key("condition", row.code, number),
                agreement=row,
                number=number,
                text=text,
                party=party,
                due_on=max(on, draft.day(25)) if is_open and is_signed else on,
                met_on=None if is_open else on,
                document="" if is_open else f"Notice of satisfaction {number}",
                owner=owner,
            )
        )


def _add_notices(draft: Draft, row: PowerPurchaseAgreement, owner: User, *, is_built: bool) -> None:
    """A plant that stands has no notice of delay left to be served."""
    plans = (
        ("Notice of delay after the guaranteed date", 10, DurationBasis.WORKING, ClockSide.AFTER,
         ClockReference.GUARANTEED_COD),
        ("Notice of termination at the long-stop date", 30, DurationBasis.CALENDAR, ClockSide.BEFORE,
         ClockReference.LONG_STOP),
        ("Notice to extend the term", 365, DurationBasis.CALENDAR, ClockSide.BEFORE, ClockReference.TERM_END),
    )  # fmt: skip
    for number, (subject, days, basis, side, reference) in enumerate(plans[2:] if is_built else plans, start=1):
        draft.add(
            AgreementNotice(
                id=draft.key("notice", row.code, number),
                agreement=row,
                number=number,
                subject=subject,
                served_to=row.seller,
                days=days,
                basis=basis,
                side=side,
                reference=reference,
                owner=owner,
            )
        )


def _add_credit(draft: Draft, row: PowerPurchaseAgreement, chain: DatedChain, owner: User) -> None:
    scale = _SCALE[row.currency]
    signed_on = chain.baseline["SIGNED"]
    plans = (
        (ContractParty.BUYER, CreditForm.LETTER_OF_CREDIT, "Havenmark Bank", 40_000, draft.day(150), 45),
        (ContractParty.SELLER, CreditForm.PARENT_GUARANTEE, f"{row.seller} Holding", 80_000, draft.day(1400), 60),
    )
    for party, form, issuer, per_mw, expires_on, renew_days in plans:
        draft.add(
            CreditSupport(
                id=draft.key("credit", row.code, party),
                agreement=row,
                given_by=party,
                form=form,
                issuer=issuer,
                amount=row.contracted_mw * per_mw * scale,
                currency=row.currency,
                from_on=signed_on,
                expires_on=expires_on,
                renew_days=renew_days,
                owner=owner,
            )
        )


def _add_documents(draft: Draft, row: PowerPurchaseAgreement, chain: DatedChain, is_signed: bool) -> None:
    kinds = [(DocumentKind.TERM_SHEET, "Term sheet", "TERM_SHEET")]
    if is_signed:
        kinds.append((DocumentKind.AGREEMENT, "Signed agreement", "SIGNED"))
    for kind, title, step in kinds:
        draft.add(
            AgreementDocument(
                id=draft.key("document", row.code, kind),
                agreement=row,
                kind=kind,
                title=title,
                reference=f"{row.code}/{step}",
                dated_on=min(chain.baseline[step], draft.day(-2)),
            )
        )


def add_spot_price(draft: Draft, site: BuiltSite) -> None:
    currency = site.plan.currency
    draft.add(
        SpotPrice(
            id=draft.key("spot", site.plan.code),
            site=site.row,
            from_on=date(draft.today.year - 1, 1, 1),
            price_per_mwh=Decimal(_SPOT[currency]),
            currency=currency,
            source="Energy desk's forward estimate for the zone",
        )
    )


def add_steps(draft: Draft, connection: GridConnection, chain: DatedChain, works: DatedChain | None) -> None:
    """All the firm megawatts at once; where there are works, six tenths until those are complete."""
    firm, offered = connection.firm_mw or Decimal(0), connection.offered_mw or Decimal(0)
    steps: list[tuple[Decimal, NetworkWorks | None]] = [(firm, None)]
    if works is not None:
        row = draft.add(
            NetworkWorks(
                id=draft.key("works", connection.site.code),
                connection=connection,
                name="Second circuit to the substation",
                contractor="Overhead and Cable Works",
                chain=works.row,
            )
        )
        steps = [((offered * Decimal("0.6")).quantize(Decimal(1)), None), (firm, row)]
    for number, (mw, behind) in enumerate(steps, start=1):
        draft.add(
            GridCapacityStep(
                id=draft.key("capacity", connection.site.code, number),
                connection=connection,
                number=number,
                milestone_code="ENERGISED" if number == 1 else "",
                works=behind,
                firm_mw=mw,
                flexible_mw=(offered - firm) if number == len(steps) else Decimal(0),
            )
        )
