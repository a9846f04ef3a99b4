"""The one way an agreement is written: a form, the API and an imported file call the same functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.gateways import wake
from procurement.services import first_baseline, forecasts, named
from procurement.services.forecasts import Moved
from procurement.services.single import wait_to_commit
from procurement.vocabulary import RunCause
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import new_id
from sites.domain import agreement_state, power_market
from sites.domain.errors import BadInput, Conflict, NotFound
from sites.models import (
    AgreementDocument,
    AgreementNotice,
    Chain,
    ConditionPrecedent,
    CreditSupport,
    DamagesBand,
    DelayDamages,
    Milestone,
    PowerPurchaseAgreement,
    PpaShare,
    PpaShareStep,
    Site,
)
from sites.readers import agreement_record
from sites.readers.agreement_record import COLUMNS, AgreementRecord, MilestoneRecord
from sites.services.access import check_can_at_all
from sites.vocabulary import AgreementState, AgreementStructure, ChainKind, Party

_ANCHOR: Final = "COD"
# The usual way to COD, in calendar days; a record may bring its own.
_USUAL_STEPS: Final = (
    MilestoneRecord(code="TERM_SHEET"),
    MilestoneRecord(code="SIGNED", duration_days=120),
    MilestoneRecord(code="CP_MET", duration_days=90),
    MilestoneRecord(code="CONSTRUCTION", duration_days=60),
    MilestoneRecord(code="BACKFEED", duration_days=330),
    MilestoneRecord(code=_ANCHOR, duration_days=75),
)
_OWNERS_STEPS: Final = {"TERM_SHEET", "SIGNED"}


@dataclass(frozen=True, slots=True)
class Saved:
    agreement: PowerPurchaseAgreement
    created: bool
    moved: tuple[Moved, ...]


@transaction.atomic
def save(record: AgreementRecord, *, actor: User, now: datetime, reason: str = "") -> Saved:
    """Create the agreement of this code, or make it say what the record says; rows the record lacks are removed.

    Promises, actuals and pinned dates of its milestones stay: they have their own ledger. Raises BadInput naming the
    field, NotPermitted, and Conflict where the code is taken or the state cannot be reached.
    """
    agreement_record.check(record)
    wait_to_commit(f"agreement:{record.code}")  # two that come first would both make it
    existing = PowerPurchaseAgreement.objects.select_for_update(of=("self",)).filter(code=record.code).first()
    if existing and not PowerPurchaseAgreement.objects.visible_to(actor).filter(pk=existing.pk).exists():
        raise Conflict(_("This code is taken."), field="code")
    sites = _sites(record, actor)
    _check_rights(existing, sites.values(), actor)
    if existing is None:
        agreement = PowerPurchaseAgreement(code=record.code, chain=_new_chain(record))
    else:
        agreement = existing
        _check_move(agreement, record.state)
        _change_steps(agreement.chain, record.milestones)
    for name in COLUMNS:
        setattr(agreement, name, getattr(record, name))
    agreement.state = record.state
    agreement.owner = named.person(record.owner, "owner")
    agreement.calendar = named.calendar(record.calendar, "calendar")
    agreement.save()
    _write_parts(agreement, record, sites)
    return _finish(agreement, existing is None, actor=actor, now=now, verb="agreement.saved", reason=reason)


@transaction.atomic
def move(
    *, agreement_id: UUID, state: AgreementState, actor: User, now: datetime, signed_on: date | None = None
) -> Saved:
    """To a further state. Raises NotFound, NotPermitted, Conflict naming `state`, BadInput naming what is missing."""
    agreement = _locked(agreement_id, actor)
    _check_move(agreement, state)
    if signed_on is not None:
        agreement.signed_on = signed_on
    known = {name for name in COLUMNS if getattr(agreement, name) not in (None, "")}
    for name in agreement_state.missing_fields(state, known):
        raise BadInput(_("In the state %(state)s this is required.") % {"state": state.label}, field=name)
    before = agreement.state
    agreement.state = state
    agreement.save(update_fields=["state", "signed_on"])
    return _finish(agreement, False, actor=actor, now=now, verb="agreement.moved", reason=f"{before} -> {state.value}")


@transaction.atomic
def close_condition(
    *, condition_id: UUID, on: date, waived: bool, document: str, actor: User, now: datetime
) -> ConditionPrecedent:
    """Met, or waived, on a day. Raises NotFound, NotPermitted, BadInput naming `on`, Conflict where it is closed."""
    row = ConditionPrecedent.objects.visible_to(actor).select_related("agreement").filter(pk=condition_id).first()
    if row is None:
        raise NotFound(_("There is no such condition."), field="condition")
    agreement = _locked(row.agreement_id, actor)
    row.refresh_from_db()
    _check_past(on, now, "on")
    if row.met_on or row.waived_on:
        raise Conflict(_("This condition is closed already."), field="on")
    row.met_on, row.waived_on = (None, on) if waived else (on, None)
    row.document = document[:500]
    row.save(update_fields=["met_on", "waived_on", "document"])
    _finish(agreement, False, actor=actor, now=now, verb="agreement.condition_closed", reason=f"condition {row.number}")
    return row


@transaction.atomic
def serve_notice(*, notice_id: UUID, on: date, document: str, actor: User, now: datetime) -> AgreementNotice:
    """Served in writing on a day. Raises NotFound, NotPermitted, BadInput naming `on`, Conflict where it was served."""
    row = AgreementNotice.objects.visible_to(actor).select_related("agreement").filter(pk=notice_id).first()
    if row is None:
        raise NotFound(_("There is no such notice."), field="notice")
    agreement = _locked(row.agreement_id, actor)
    row.refresh_from_db()
    _check_past(on, now, "on")
    if row.served_on:
        raise Conflict(_("This notice was served already."), field="on")
    row.served_on, row.document = on, document[:500]
    row.save(update_fields=["served_on", "document"])
    _finish(agreement, False, actor=actor, now=now, verb="agreement.notice_served", reason=f"notice {row.number}")
    return row


# -- who and where ---------------------------------------------------------------------------------------------------


def _locked(agreement_id: UUID, actor: User) -> PowerPurchaseAgreement:
    rows = PowerPurchaseAgreement.objects.visible_to(actor).filter(pk=agreement_id)
    agreement = rows.select_for_update(of=("self",)).first()
    if agreement is None:
        raise NotFound(_("There is no such agreement."), field="agreement")
    _check_rights(agreement, [], actor)
    return agreement


def _check_rights(agreement: PowerPurchaseAgreement | None, sites: Iterable[Site], actor: User) -> None:
    """At every site it supplies or will supply; over the portfolio where there is none."""
    keys: set[UUID | None] = {site.pk for site in sites}
    if agreement is not None:
        keys |= set(agreement.shares.order_by().values_list("site", flat=True))
    check_can_at_all(actor, Permission.POWER_WRITE, site_ids=keys or {None})


def _sites(record: AgreementRecord, actor: User) -> dict[str, Site]:
    wanted = {share.site for share in record.shares}
    found = {site.code: site for site in Site.objects.visible_to(actor).filter(code__in=wanted)}
    for place, share in enumerate(record.shares):
        if share.site not in found:
            raise BadInput(_("There is no site %(code)s.") % {"code": share.site}, field=f"shares/{place}/site")
        if record.structure is not AgreementStructure.VIRTUAL:
            country = found[share.site].country
            power_market.check_delivery(record.settlement_zone, country, field=f"shares/{place}/site")
    return found


def _check_past(on: date, now: datetime, field: str) -> None:
    if on > now.date() + timedelta(days=1):
        raise BadInput(_("This cannot have happened in the future."), field=field)


# -- state -----------------------------------------------------------------------------------------------------------


def _check_move(agreement: PowerPurchaseAgreement, state: AgreementState) -> None:
    since = AgreementState(agreement.state)
    if since is state:
        return
    if not agreement_state.may_move(since, state):
        raise Conflict(
            _("An agreement does not go from %(since)s to %(until)s.") % {"since": since.label, "until": state.label},
            field="state",
        )
    if state is AgreementState.CP_MET:
        still = agreement.conditions.filter(met_on__isnull=True, waived_on__isnull=True).order_by("number").first()
        if still is not None:
            raise Conflict(_("Condition %(number)s is not met yet.") % {"number": still.number}, field="conditions")
    if state in {AgreementState.COD, AgreementState.OPERATING}:
        anchor = agreement.chain.milestones.filter(code=agreement.chain.anchor_code).first()
        if anchor is None or anchor.actual_on is None:
            raise Conflict(_("Record the day of commercial operation first."), field="state")


# -- the chain -------------------------------------------------------------------------------------------------------


def _new_chain(record: AgreementRecord) -> Chain:
    steps = record.milestones or _USUAL_STEPS
    if steps[-1].code != _ANCHOR:
        raise BadInput(_("The last milestone of an agreement is COD."), field=f"milestones/{len(steps) - 1}/code")
    chain = Chain.objects.create(kind=ChainKind.AGREEMENT, site=None, anchor_code=_ANCHOR)
    span = timedelta(days=sum(step.duration_days for step in steps[1:]))
    first_on = steps[0].planned_on or (record.target_cod_on - span if record.target_cod_on else None)
    Milestone.objects.bulk_create(
        Milestone(
            chain=chain,
            sequence=place,
            code=step.code,
            duration_days=step.duration_days if place else 0,
            planned_on=step.planned_on if place else first_on,
            responsible=Party.OWNER if step.code in _OWNERS_STEPS else Party.VENDOR,
        )
        for place, step in enumerate(steps)
    )
    return chain


def _change_steps(chain: Chain, steps: Iterable[MilestoneRecord]) -> None:
    """The plan of the steps there are; none is added or taken away, since dates hang on them."""
    rows = {row.code: row for row in chain.milestones.all()}
    for place, step in enumerate(steps):
        row = rows.get(step.code)
        if row is None:
            raise BadInput(
                _("The agreement has no milestone %(code)s.") % {"code": step.code}, field=f"milestones/{place}/code"
            )
        if (row.duration_days, row.planned_on) != (step.duration_days, step.planned_on):
            row.duration_days, row.planned_on = step.duration_days, step.planned_on
            row.save(update_fields=["duration_days", "planned_on"])


def _baseline(agreement: PowerPurchaseAgreement, *, actor: User, now: datetime) -> None:
    """What was agreed first, once it is signed: the plan of every step, and the target for COD."""
    if agreement.state in agreement_state.BINDING:
        first_baseline.keep(
            agreement.chain,
            agreed={agreement.chain.anchor_code: agreement.target_cod_on},
            cause="Agreement signed",
            site=None,
            actor=actor,
            as_of=now.date(),
        )


# -- rows beside the agreement -----------------------------------------------------------------------------------------


def _write_parts(agreement: PowerPurchaseAgreement, record: AgreementRecord, sites: Mapping[str, Site]) -> None:
    shares = _keep(
        agreement.shares.all(),
        PpaShare,
        {"agreement": agreement},
        {
            (sites[share.site].pk, share.from_on): {
                "site": sites[share.site], "from_on": share.from_on, "share_mw": share.share_mw,
                "until_on": share.until_on,
            }
            for share in record.shares
        },
        ("site_id", "from_on"),
    )  # fmt: skip
    for share in record.shares:
        row = shares[sites[share.site].pk, share.from_on]
        steps = {(step.from_on,): step.model_dump() for step in share.steps}
        _keep(row.steps.all(), PpaShareStep, {"share": row}, steps, ("from_on",))
    clauses = _keep(
        agreement.delay_damages.all(),
        DelayDamages,
        {"agreement": agreement},
        {(clause.direction,): clause.model_dump(exclude={"bands"}) for clause in record.delay_damages},
        ("direction",),
    )
    for clause in record.delay_damages:
        damages = clauses[(clause.direction,)]
        bands = {(band.from_day,): band.model_dump() for band in clause.bands}
        _keep(damages.bands.all(), DamagesBand, {"damages": damages}, bands, ("from_day",))
    _write_terms(agreement, record)


def _write_terms(agreement: PowerPurchaseAgreement, record: AgreementRecord) -> None:
    of_agreement = {"agreement": agreement}
    conditions = {
        (row.number,): {
            **row.model_dump(exclude={"owner"}),
            "owner": named.person(row.owner, f"conditions/{place}/owner"),
        }
        for place, row in enumerate(record.conditions)
    }
    _keep(agreement.conditions.all(), ConditionPrecedent, of_agreement, conditions, ("number",))
    notices = {
        (row.number,): {
            **row.model_dump(exclude={"owner", "calendar"}),
            "owner": named.person(row.owner, f"notices/{place}/owner"),
            "calendar": named.calendar(row.calendar, f"notices/{place}/calendar"),
        }
        for place, row in enumerate(record.notices)
    }
    _keep(agreement.notices.all(), AgreementNotice, of_agreement, notices, ("number",))
    credit = {
        (row.given_by, row.form, row.issuer, row.from_on): {
            **row.model_dump(exclude={"owner"}),
            "owner": named.person(row.owner, f"credit_support/{place}/owner"),
        }
        for place, row in enumerate(record.credit_support)
    }
    if len(credit) < len(record.credit_support):
        raise BadInput(_("The same credit support is given twice."), field="credit_support")
    keys = ("given_by", "form", "issuer", "from_on")
    _keep(agreement.credit_support.all(), CreditSupport, of_agreement, credit, keys)
    documents = {(row.reference,): row.model_dump() for row in record.documents}
    _keep(agreement.documents.all(), AgreementDocument, of_agreement, documents, ("reference",))


def _keep(
    rows: Iterable[Any],
    model: type[Any],
    parent: Mapping[str, Any],
    wanted: Mapping[tuple[Any, ...], Mapping[str, Any]],
    key: tuple[str, ...],
) -> dict[tuple[Any, ...], Any]:
    """Change what differs, add what is new, remove what is gone; the rows by key. A kept row keeps its own key."""
    found = {tuple(getattr(row, name) for name in key): row for row in rows}
    for gone in found.keys() - wanted.keys():
        found.pop(gone).delete()
    for name, values in wanted.items():
        row = found.get(name)
        if row is None:
            found[name] = model.objects.create(**parent, **values)
        elif any(getattr(row, column) != value for column, value in values.items()):
            for column, value in values.items():
                setattr(row, column, value)
            row.save()
    return found


def _finish(
    agreement: PowerPurchaseAgreement, created: bool, *, actor: User, now: datetime, verb: str, reason: str
) -> Saved:
    _baseline(agreement, actor=actor, now=now)
    audit.record(
        actor=actor, verb=verb, subject_kind="agreement", subject_id=agreement.pk, reason=reason,
        facts={"code": agreement.code, "state": agreement.state},
    )  # fmt: skip
    done = forecasts.recalculate_power(
        as_of=now.date(),
        now=now,
        cause=RunCause.CHANGE,
        cause_text=str(agreement),
        cause_key=f"agreement:{new_id()}",
        actor=actor,
        chains=[agreement.chain_id],
    )
    wake.after_commit()
    return Saved(agreement, created, done.moved)
