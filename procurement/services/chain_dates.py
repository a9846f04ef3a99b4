"""The one way a date of a gate, an agreement, a grid connection or its works is written: the same ledger as a lot's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from procurement.gateways import wake
from procurement.models import RosAnchor
from procurement.services import first_baseline, forecasts
from procurement.services.forecasts import Moved, Touched, local_date
from procurement.vocabulary import RevisionKind, RunCause
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import new_id
from sites.domain.errors import BadInput, NotFound
from sites.domain.imprecise import ImpreciseDate
from sites.models import Chain, Gate, GridConnection, Milestone, NetworkWorks, PowerPurchaseAgreement, Promise, Site
from sites.queries.chains import UNPLACED, working_calendars
from sites.services import chains
from sites.services.access import check_can
from sites.vocabulary import GateKind, Precision, PromiseSource

Owner = Gate | GridConnection | NetworkWorks | PowerPurchaseAgreement


@dataclass(frozen=True, slots=True)
class ChainRevision:
    """`milestone` None: the chain's anchor. `said` None only when a lock is released. `field` is the path of this
    revision in the caller's own input, for refusals.
    """

    kind: RevisionKind
    said: ImpreciseDate | None
    milestone: str | None = None
    conditional_on: date | None = None
    reason_code: str = ""
    responsible: str = ""
    note: str = ""
    field: str = ""

    def at(self, name: str) -> str:
        return f"{self.field}/{name}" if self.field else name


@dataclass(frozen=True, slots=True)
class Recorded:
    """`promise_ids` in the order in which they were written."""

    statement_id: UUID
    promise_ids: tuple[UUID, ...]
    moved: tuple[Moved, ...]


@transaction.atomic
def record(
    *,
    chain_id: UUID,
    revisions: Sequence[ChainRevision],
    stated_on: date,
    source: PromiseSource,
    document: str,
    actor: User,
    now: datetime,
) -> Recorded:
    """Write one statement about a gate, an agreement or a grid connection, recalculate, and look at the alerts.

    Raises NotFound, NotPermitted, and BadInput naming the revision's field; then nothing is stored.
    """
    owner, site = _locked_owner(chain_id, actor)
    chain = Chain.objects.get(pk=chain_id)
    today = local_date(site, now) if site else now.date()
    if stated_on > today + timedelta(days=1):
        raise BadInput(_("Nothing can be stated in the future."), field="stated_on")
    promises: list[chains.StatedPromise] = []
    for revision in revisions:
        milestone = _milestone(chain, revision)
        on = _day(revision, today)
        if revision.kind is RevisionKind.RELEASE:
            chains.release_lock(milestone, field=revision.at("milestone"))
        elif revision.kind is RevisionKind.PROMISE:
            promises.append(_promise(revision, milestone))
        elif revision.kind is RevisionKind.ACTUAL and on is not None:
            chains.set_actual(milestone, on, document=document, actor=actor, now=now)
        elif on is not None:
            chains.set_lock(milestone, on, reason=revision.note, actor=actor, now=now)
    statement = chains.Statement(new_id(), stated_on, source, document, actor, now)
    written: list[Promise] = []
    if promises:
        calendars = working_calendars()
        calendar = calendars[site.calendar_id] if site else UNPLACED
        written = chains.state(chain, promises, statement, site_calendar=calendar, calendars=calendars)
    if isinstance(owner, NetworkWorks):
        # Added without a plan, they are measured against what is said first.
        first_baseline.keep(chain, agreed={}, cause="Works first dated", site=site, actor=actor, as_of=today)
    audit.record(
        actor=actor,
        verb=f"{chain.kind}.dates_recorded",
        subject_kind=chain.kind,
        subject_id=owner.pk,
        facts={
            "statement": str(statement.key),
            "document": document,
            "released": [each.note for each in revisions if each.kind is RevisionKind.RELEASE],
        },
    )
    moved = _recalculate(owner, site, statement)
    wake.after_commit()
    return Recorded(statement.key, tuple(row.pk for row in written), moved)


def _locked_owner(chain_id: UUID, actor: User) -> tuple[Owner, Site | None]:
    """The owner, locked so that writers queue, and its site; an agreement has none of its own."""
    gate = Gate.objects.visible_to(actor).filter(chain=chain_id).select_for_update(of=("self",)).first()
    if gate is not None:
        check_can(actor, Permission.SITE_WRITE, site_id=gate.site_id)
        return gate, gate.site
    grid = GridConnection.objects.visible_to(actor).filter(chain=chain_id).select_for_update(of=("self",)).first()
    if grid is not None:
        check_can(actor, Permission.POWER_WRITE, site_id=grid.site_id)
        return grid, grid.site
    works = NetworkWorks.objects.visible_to(actor).filter(chain=chain_id).select_for_update(of=("self",)).first()
    if works is not None:
        site = works.connection.site
        check_can(actor, Permission.POWER_WRITE, site_id=site.pk)
        return works, site
    agreements = PowerPurchaseAgreement.objects.visible_to(actor).filter(chain=chain_id)
    agreement = agreements.select_for_update(of=("self",)).first()
    if agreement is None:
        raise NotFound(_("There is no such chain."), field="chain")
    for site_id in agreement.shares.order_by("site").values_list("site", flat=True).distinct() or [None]:
        check_can(actor, Permission.POWER_WRITE, site_id=site_id)
    return agreement, None


def _milestone(chain: Chain, revision: ChainRevision) -> Milestone:
    code = revision.milestone or chain.anchor_code
    milestone = chain.milestones.filter(code=code, applicable=True).first()
    if milestone is None:
        raise BadInput(_("The chain has no milestone %(code)s.") % {"code": code}, field=revision.at("milestone"))
    return milestone


def _day(revision: ChainRevision, today: date) -> date | None:
    said = revision.said
    if revision.kind is RevisionKind.RELEASE:
        if said is not None:
            raise BadInput(_("A released lock has no date."), field=revision.at("date"))
        return None
    if said is None:
        raise BadInput(_("Give a date."), field=revision.at("date"))
    if revision.kind is RevisionKind.PROMISE:
        return None
    if said.precision is not Precision.DAY:
        raise BadInput(_("Only a promise may be imprecise; give a day."), field=revision.at("date"))
    assert said.counts_on is not None  # a day has one
    if revision.kind is RevisionKind.ACTUAL and said.counts_on > today + timedelta(days=1):
        raise BadInput(_("An actual date cannot lie in the future."), field=revision.at("date"))
    if revision.kind is RevisionKind.LOCK and not revision.note.strip():
        raise BadInput(_("Say why the date is pinned."), field=revision.at("note"))
    return said.counts_on


def _promise(revision: ChainRevision, milestone: Milestone) -> chains.StatedPromise:
    assert revision.said is not None  # `_day` has looked
    return chains.StatedPromise(
        milestone=milestone,
        said=revision.said,
        conditional_on=revision.conditional_on,
        reason_code=revision.reason_code,
        responsible=revision.responsible,
        note=revision.note,
        field=revision.at("date"),
    )


def _recalculate(owner: Owner, site: Site | None, statement: chains.Statement) -> tuple[Moved, ...]:
    cause_text = f"{owner}: {statement.document}" if statement.document else str(owner)
    cause_key = f"statement:{statement.key}"
    if site is None:
        return forecasts.recalculate_power(
            as_of=statement.now.date(),
            now=statement.now,
            cause=RunCause.CHANGE,
            cause_text=cause_text,
            cause_key=cause_key,
            actor=statement.actor,
            chains=[owner.chain_id],
        ).moved
    return forecasts.recalculate(
        site_id=site.pk,
        as_of=local_date(site, statement.now),
        now=statement.now,
        cause=RunCause.CHANGE,
        cause_text=cause_text,
        cause_key=cause_key,
        actor=statement.actor,
        touched=touched_by_gates([owner]) if isinstance(owner, Gate) else Touched(chains=frozenset({owner.chain_id})),
    ).moved


def touched_by_gates(gates: Sequence[Gate]) -> Touched:
    """What moves when these gates do: their chains, the requirements anchored to them, and blocks by their RFS gate."""
    return Touched(
        requirements=frozenset(RosAnchor.objects.filter(gate__in=gates).values_list("requirement", flat=True)),
        chains=frozenset(gate.chain_id for gate in gates),
        blocks=frozenset(gate.block_id for gate in gates if gate.block_id and gate.kind == GateKind.RFS),
    )
