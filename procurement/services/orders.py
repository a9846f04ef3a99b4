"""The one way an order is written: header, lines and schedule lines of one document, in one transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial, reduce
from operator import or_
from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from procurement.domain.order_document import (
    Codes,
    LinesMode,
    OrderDocument,
    Version,
    check,
    codes_of,
    read_version,
)
from procurement.domain.revision import DateRevision
from procurement.gateways import wake
from procurement.models import DeliveryLot, ExternalRef, PurchaseOrder, Requirement
from procurement.queries import order_codes
from procurement.queries.order_codes import Known
from procurement.services import alerts, dates, forecasts, log_rows, progress
from procurement.services.forecasts import Touched, local_date
from procurement.services.lot_chains import Alike, Issue
from procurement.services.order_lines import GONE, Changes, LineWork, OrderWarning, path
from procurement.services.stored_orders import ORDER_REF, AtHand, Shelf, StoredLines
from procurement.services.unwritten import Overtaken, Unwritten
from procurement.vocabulary import (
    CommercialStatus,
    Incoterm,
    LineStatus,
    OrderKind,
    ProgressStep,
    RevisionKind,
    RunCause,
)
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.accounts.row import new_id
from sites.domain.errors import BadInput, ChangedSince, Conflict, NotFound
from sites.models import Promise, Site
from sites.queries.among import among
from sites.services.access import check_held, check_held_at_one
from sites.vocabulary import PromiseSource

_MANY_LOTS: Final = 1000

_ISSUED = (
    set(CommercialStatus)
    - GONE
    - {
        CommercialStatus.DRAFT,
        CommercialStatus.IN_APPROVAL,
        CommercialStatus.APPROVED,
    }
)
_AS_SAID = (
    "number", "title", "kind", "revision", "financial_status", "issued_on", "currency", "currency_text", "total_amount",
    "incoterm_place", "damages_rate_percent", "damages_unit", "damages_cap_percent", "damages_grace_days",
    "damages_measured_on", "notice_days",
)  # fmt: skip


class UpsertResult(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE_IGNORED = "stale_ignored"


@dataclass(frozen=True, slots=True)
class Upserted:
    """`changed` names what differs by line and schedule number: `lines/10/schedules/1/quantity`."""

    result: UpsertResult
    order: PurchaseOrder
    changed: tuple[str, ...]
    warnings: tuple[OrderWarning, ...]


@dataclass(slots=True)
class Later:
    """What many documents touched, by site, to be calculated together; and what they have in common, read once.

    With `writes_together` what they say waits for `write`; `waiting` are the external ids and numbers it is about.
    """

    lots: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    requirements: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    known: Known | None = None
    alike: Alike = field(default_factory=Alike)
    allowed: set[UUID | None] = field(default_factory=set)
    shelf: Shelf | None = None
    writes_together: bool = False
    unwritten: Unwritten = field(default_factory=Unwritten)
    waiting: set[str] = field(default_factory=set)
    moved: list[PurchaseOrder] = field(default_factory=list)
    said: dict[str, list[audit.Said]] = field(default_factory=lambda: defaultdict(list))
    silent: list[UUID] = field(default_factory=list)

    def knows(self, system: str, actor: User) -> Known:
        if self.known is None or (self.known.system, self.known.actor) != (system, actor):
            self.known = Known(system, actor)
        return self.known

    def take(self, other: "Later") -> None:
        for mine, theirs in ((self.lots, other.lots), (self.requirements, other.requirements)):
            for site, keys in theirs.items():
                mine[site] |= keys
        self.unwritten.take(other.unwritten)
        self.waiting |= other.waiting
        self.moved += other.moved
        self.silent += other.silent
        for verb, said in other.said.items():
            self.said[verb] += said

    def write(self, *, actor: User, request_id: str = "") -> None:
        """What waits, one statement a table. The log hears of it once its forecasts are there. Raises Overtaken."""
        if not self.waiting:
            return
        self.unwritten.write()
        for verb, said in self.said.items():
            audit.record_each(said, actor=actor, verb=verb, subject_kind="order", request_id=request_id)
        self.silent += [row.pk for row in self.unwritten.rows]
        now_at = PurchaseOrder.objects.filter(among("pk", (order.pk for order in self.moved)))
        versions = dict(now_at.values_list("pk", "version"))
        for order in self.moved:
            order.version = versions[order.pk]
        self.unwritten, self.waiting, self.said, self.moved = Unwritten(), set(), defaultdict(list), []

    def calculate(self, *, cause_key: str, cause_text: str, actor: User, now: datetime, request_id: str = "") -> None:
        """Once a site, in the order of their keys. Raises BadInput where stored facts contradict the engine."""
        self.write(actor=actor, request_id=request_id)
        sites = list(Site.objects.filter(pk__in=self.lots.keys() | self.requirements.keys()).order_by("pk"))
        for site in progress.told(ProgressStep.CALCULATING, sites):
            lots = self.lots.get(site.pk, set())
            forecasts.recalculate(
                site_id=site.pk,
                as_of=local_date(site, now),
                now=now,
                cause=RunCause.CHANGE,
                cause_text=cause_text,
                cause_key=cause_key,
                actor=actor,
                touched=Touched(lots=frozenset(lots), requirements=frozenset(self.requirements.get(site.pk, set()))),
                whole_look=len(lots) > _MANY_LOTS,
            )
        log_rows.add(self.silent)


class OrderNumberTaken(Conflict):
    code = "order_number_taken"


def upsert(
    *,
    document: OrderDocument,
    system: str,
    external_id: str,
    actor: User,
    now: datetime,
    lines_mode: LinesMode | str = LinesMode.MERGE,
    dry_run: bool = False,
    request_id: str = "",
    later: Later | None = None,
) -> Upserted:
    """Create or change the order that `system` calls `external_id`.

    A document older than the newest one seen is ignored. An unchanged one writes nothing of the order. With
    `dry_run` all of it is tried and nothing is kept; with `later`, whoever writes many calculates what that gathers,
    once. Raises BadInput naming the part of the document, NotFound
    where the order is out of the actor's sight, NotPermitted, OrderNumberTaken.
    """
    check(document)
    if later is not None and (
        document.parent is not None or later.waiting & {external_id, document.number or external_id}
    ):
        later.write(actor=actor, request_id=request_id)  # this document may be about one of those orders
    work = partial(_Upsert, document, system, external_id, actor, now, LinesMode(lines_mode), request_id)
    try:
        return _carry_out(work(), later, dry_run=dry_run)
    except Overtaken:
        if later is not None and later.shelf is not None:
            raise  # others of that shelf may wait with it
    return _carry_out(work(claims_first=True), later, dry_run=dry_run)


@transaction.atomic
def _carry_out(work: "_Upsert", later: Later | None, *, dry_run: bool) -> Upserted:
    if later is not None:
        work.later = Later(
            known=later.knows(work.system, work.actor),
            alike=later.alike,
            allowed=later.allowed,
            shelf=later.shelf,
            writes_together=later.writes_together and not dry_run,
        )
    done = work.run()
    if later is not None and work.later is not None:
        later.take(work.later)
    if dry_run:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)
    return done


def read_together(documents: Mapping[str, OrderDocument | None], later: Later, *, system: str, actor: User) -> None:
    """What the codes of these documents mean and, of the orders that these external ids name, the stored lines."""
    known, codes = later.knows(system, actor), [codes_of(each) for each in documents.values() if each is not None]
    known.learn(reduce(or_, codes, Codes()))
    if later.shelf is not None:
        later.shelf.read_lines(documents, known)


def change(
    *,
    order_id: UUID,
    document: OrderDocument,
    version: int,
    system: str,
    actor: User,
    now: datetime,
    lines_mode: LinesMode | str = LinesMode.MERGE,
    request_id: str = "",
) -> Upserted:
    """Change what the document says of an order that is at `version`; what it leaves out stays.

    An empty `vendor` or `currency` leaves the order's own. Raises as `upsert`, and ChangedSince where the order is at
    another version.
    """
    with transaction.atomic():
        order = lock(order_id=order_id, version=version, actor=actor)
        own = replace(
            document,
            vendor=document.vendor or order.seller.code,
            currency=document.currency or order.currency,
        )
        check(own)
        return _Change(order, own, system, actor, now, LinesMode(lines_mode), request_id).run()


def lock(*, order_id: UUID, version: int, actor: User) -> PurchaseOrder:
    """The order, which nobody else changes before the transaction ends.

    Raises NotFound, and ChangedSince where it is at another version.
    """
    order = PurchaseOrder.objects.select_for_update(of=("self",)).filter(pk=order_id).first()
    if order is None or not PurchaseOrder.objects.visible_to(actor).filter(pk=order.pk).exists():
        raise NotFound(_("There is no such order."))
    if order.version != version:
        raise ChangedSince(_("It has changed since you read it."), version=order.version)
    return order


class _Upsert:
    """One document at work."""

    def __init__(
        self,
        document: OrderDocument,
        system: str,
        external_id: str,
        actor: User,
        now: datetime,
        mode: LinesMode,
        request_id: str,
        *,
        claims_first: bool = False,
    ) -> None:
        self.claims_first = claims_first
        self.document = document
        self.system = system
        self.external_id = external_id
        self.actor = actor
        self.now = now
        self.mode = mode
        self.request_id = request_id
        self.changes = Changes()
        self.header: dict[str, str] = {}
        self.promise_sites: set[UUID] = set()
        self.is_new = False
        self.later: Later | None = None
        self.unwritten = Unwritten()
        self.at_hand: AtHand | None = None
        self.waits = False
        self.order: PurchaseOrder
        self.stored: StoredLines

    def run(self) -> Upserted:
        ref, found = self._find()
        version = read_version(self.document.version) if self.document.version is not None else None
        seen = Version(ref.document_version) if ref.document_version else None
        if found is not None and version is not None and seen is not None and version.is_older_than(seen):
            return Upserted(UpsertResult.STALE_IGNORED, found, (), ())
        known = self._look_up()
        vendor = known.vendor(self.document.vendor)
        self.is_new = found is None
        self.order = found or PurchaseOrder(pk=ref.subject_id)
        self.stored = self._read_lines(known)
        self._apply_header(vendor.pk)
        lines = LineWork(
            self.order, self.document, self.stored, known, self.mode, self._issue(), self.changes, self.unwritten,
            Alike() if self.later is None else self.later.alike, is_new=self.is_new,
        )  # fmt: skip
        lines.apply()
        if not self.is_new and self.header.keys() & {"incoterm", "incoterm_text"}:
            lines.follow_incoterm()
        self._check_issue_date(lines)
        self._check_rights(known)
        revisions = self._new_promises(lines)
        if self.is_new:
            self.changes.paths = ["order"]
        elif self.changes.paths and version is not None and version == seen:
            self.changes.warn("same_version", "document_version", _("Applied, although this version was sent before."))
        if version is not None and version != seen:
            ref.document_version = version.text
            self.unwritten.change(ref, ["document_version"])
        self._write(lines, version, is_more_to_come=bool(revisions))
        if self.changes.paths:
            self._tell(lines, revisions)
        return Upserted(
            self._result(), self.order, tuple(self.changes.paths), tuple(dict.fromkeys(self.changes.warnings))
        )

    def _read_lines(self, known: Known) -> StoredLines:
        shelf = self.later.shelf if self.later is not None and self.at_hand is not None else None
        if shelf is not None and shelf.lines is not None:
            return shelf.lines
        return StoredLines([] if self.is_new else [self.order], known)

    def _result(self) -> UpsertResult:
        if self.is_new:
            return UpsertResult.CREATED
        return UpsertResult.UPDATED if self.changes.paths else UpsertResult.UNCHANGED

    def _check_rights(self, known: Known) -> None:
        """At every site of what changes; many documents in one transaction ask once about each. Where nothing does,
        the document still counts as seen, and tells its sender what stands here: that takes the right at one site.
        """
        if not self.changes.sites:
            rows = self.stored.all_rows(self.order)
            check_held_at_one(known.rights, Permission.ORDER_WRITE, sites=[row.site for row in rows] or [None])
        allowed = set() if self.later is None else self.later.allowed
        asked = {key: site for key, site in self.changes.sites.items() if key not in allowed}
        for site in asked.values():
            check_held(known.rights, Permission.ORDER_WRITE, site=site)
        allowed.update(asked)

    def _look_up(self) -> Known:
        """What the codes mean; many documents in one transaction ask once for the same ones."""
        known = Known(self.system, self.actor) if self.later is None else self.later.knows(self.system, self.actor)
        known.learn(codes_of(self.document))
        return known

    def _find(self) -> tuple[ExternalRef, PurchaseOrder | None]:
        """The reference, new if there is none, and its order, locked. Two creators meet when they write the reference;
        the later one begins anew and, with `claims_first`, meets the other here.
        """
        if not self.claims_first:
            self.at_hand = self._shelf().take(self.external_id)
        if self.at_hand is not None:
            return self.at_hand.ref or self._new_ref(), self.at_hand.order
        refs = ExternalRef.objects.filter(system=self.system, kind=ORDER_REF, external_id=self.external_id)
        ref, namesake = refs.first(), None
        if ref is None:
            namesake = self._namesake()
            try:
                with transaction.atomic():
                    ref = self._ref(namesake)
                    ref.save(force_insert=True)
                if namesake is None:
                    return ref, None
            except IntegrityError:
                ref = refs.get()
        orders = PurchaseOrder.objects.filter(pk=ref.subject_id)
        order = orders.visible_to(self.actor).select_for_update(of=("self",)).first()
        if order is not None:
            ref.refresh_from_db()
            others = ExternalRef.objects.filter(system=self.system, kind=ORDER_REF, subject_id=order.pk)
            if namesake is not None and others.exclude(pk=ref.pk).exists():  # somebody else named it meanwhile
                raise self._number_taken()
        elif orders.exists():
            raise NotFound(_("There is no such order."))
        return ref, order

    def _shelf(self) -> Shelf:
        if self.later is not None and self.later.shelf is not None:
            return self.later.shelf
        number = self.document.number or self.external_id
        return Shelf({self.external_id: number}, system=self.system, actor=self.actor)

    def _ref(self, namesake: UUID | None) -> ExternalRef:
        version = self.document.version if namesake is None else None
        return ExternalRef(
            system=self.system,
            kind=ORDER_REF,
            external_id=self.external_id,
            subject_id=namesake or new_id(),
            document_version=read_version(version).text if version is not None else "",
        )

    def _new_ref(self) -> ExternalRef:
        ref = self._ref(None)
        self.unwritten.refs.append(ref)
        return ref

    def _namesake(self) -> UUID | None:
        """An order of this number that this system has not named yet, such as one that came from a file."""
        number = self.document.number or self.external_id
        if not PurchaseOrder.objects.filter(number=number).exists():  # what nearly every new order is
            return None
        found = PurchaseOrder.objects.visible_to(self.actor).filter(number=number).values_list("pk", flat=True).first()
        if found is None or ExternalRef.objects.filter(system=self.system, kind=ORDER_REF, subject_id=found).exists():
            return None
        self.changes.warn("adopted_by_number", None, _("An order of this number was here already; now it is this one."))
        return found

    # -- header --------------------------------------------------------------------------------------------------

    def _apply_header(self, vendor: UUID) -> None:
        document, order = self.document, self.order
        if self.is_new:
            order.number = document.number or self.external_id
            order.commercial_status = CommercialStatus.ISSUED if document.issued_on else CommercialStatus.DRAFT
        self._set("seller_id", vendor, "vendor")
        self._set("commercial_status", document.status, "status")
        for name in _AS_SAID:
            self._set(name, getattr(document, name), name)
        self._apply_incoterm()
        self._apply_parent()
        if order.kind != OrderKind.CALL_OFF and order.parent_id:
            raise BadInput(_("A call-off stays one while it has a parent."), field="kind")
        if order.damages_rate_percent is not None and not order.damages_unit:
            raise BadInput(_("A rate of damages states its unit."), field="damages_unit")
        is_free = self.is_new and self.at_hand is not None
        namesakes = PurchaseOrder.objects.filter(number=order.number).exclude(pk=order.pk)
        if (self.is_new or "number" in self.header) and not is_free and namesakes.exists():
            raise self._number_taken()
        if order.commercial_status in _ISSUED and order.issued_on is None:
            self.changes.warn("issue_date_missing", "issued_on", _("An issued order says since when."))

    def _number_taken(self) -> OrderNumberTaken:
        return OrderNumberTaken(_("Another order has this number."), field="number")

    def _set(self, kept: str, value: object, said: str) -> None:
        if value is None or getattr(self.order, kept) == value:
            return
        setattr(self.order, kept, value)
        self.header[kept] = said
        self.changes.paths.append(said)
        # The header is shared by every line, so whoever changes it answers for all of them.
        for row in self.stored.all_rows(self.order):
            self.changes.at(row)

    def _apply_incoterm(self) -> None:
        if self.document.incoterm is None:
            return
        sent = self.document.incoterm.strip()
        term = sent.upper()
        is_known = term in Incoterm.values
        self._set("incoterm", term if is_known else "", "incoterm")
        self._set("incoterm_text", "" if is_known else sent, "incoterm")
        if term and not is_known:
            self.changes.warn("unknown_incoterm", "incoterm", _("Kept as sent; the contract date counts on site."))

    def _apply_parent(self) -> None:
        if self.document.parent is None:
            return
        parent = order_codes.find_order(self.document.parent, system=self.system, actor=self.actor)
        if parent is None or parent == self.order.pk:
            raise BadInput(_("There is no such other order."), field="parent")
        if self.order.kind != OrderKind.CALL_OFF:
            raise BadInput(_("Only a call-off has a parent."), field="parent")
        self._set("parent_id", parent, "parent")

    def _issue(self) -> Issue:
        is_issued = self.order.commercial_status in _ISSUED
        on = self.order.issued_on
        return Issue(on if is_issued else None, None if is_issued else on, self.actor, self.now)

    def _check_issue_date(self, lines: LineWork) -> None:
        on = lines.issue.issued_on
        if on is None or not (self.is_new or self.header.keys() & {"issued_on", "commercial_status"}):
            return
        sites = [row.site for row in (*self.stored.all_rows(self.order), *lines.new_rows) if row.site is not None]
        today = min((local_date(site, self.now) for site in sites), default=self.now.date())
        if (on - today).days > 1:
            raise BadInput(_("An order cannot have been issued in the future."), field="issued_on")

    # -- writing and telling -------------------------------------------------------------------------------------

    def _write(self, lines: LineWork, version: Version | None, *, is_more_to_come: bool) -> None:
        if self.changes.paths and version is not None and self.order.document_version != version.text:
            self.order.document_version = version.text
            self.header["document_version"] = "document_version"
        lines.make_lots()
        if self.is_new:
            self.unwritten.orders.append(self.order)
        elif self.header:
            self.unwritten.change(self.order, self.header)
        if not self.is_new and self.header.keys() & {"commercial_status", "issued_on"}:
            lines.follow_issue()
        is_renamed = "number" in self.header and not self.is_new
        if (
            self.later is not None
            and self.later.writes_together
            and not (is_more_to_come or is_renamed or self.changes.released)
        ):
            self.waits = True
            self.later.unwritten.take(self.unwritten)
            self.later.waiting |= {self.external_id, self.order.number}
            if not self.is_new and self.changes.paths:
                self.later.moved.append(self.order)
            return
        try:
            self.unwritten.write()
        except Overtaken:
            if self.at_hand is not None and not is_renamed:
                raise
            raise self._number_taken() from None  # somebody took it since we looked
        if self.later is not None:
            self.later.silent += [row.pk for row in self.unwritten.rows]

    def _tell(self, lines: LineWork, revisions: Sequence[DateRevision]) -> None:
        """Leave what happened, move the forecasts, look at the alerts."""
        facts: dict[str, object] = {
            "system": self.system,
            "external_id": self.external_id,
            "changes": len(self.changes.paths),
            "changed": self.changes.paths[:100],
        }
        verb = "order.created" if self.is_new else "order.updated"
        if self.waits and self.later is not None:
            self.later.said[verb].append(audit.Said(str(self.order.pk), facts))
        else:
            self._record(verb, facts)
        if self.changes.released:
            released = [
                {"requirement": str(each.requirement_id), "lot": str(each.lot_id), "quantity": str(each.quantity)}
                for each in self.changes.released
            ]
            self._record("order.reduced", {"released": released})
        self._recalculate(lines)
        if self.changes.released:
            self._disagree()
        if revisions:
            self._record_promises(revisions)
            self._read_version()
        wake.after_commit()

    def _disagree(self) -> None:
        """The ERP is obeyed, and whose units it took is told."""
        lost: dict[UUID, dict[UUID, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        sites = dict(
            Requirement.objects.filter(pk__in={each.requirement_id for each in self.changes.released}).values_list(
                "pk", "site_id"
            )
        )
        for each in self.changes.released:
            lost[sites[each.requirement_id]][each.requirement_id] += each.quantity
        for site in Site.objects.filter(pk__in=lost).order_by("pk"):
            alerts.disagree(
                requirements=lost[site.pk],
                order_number=self.order.number,
                system=self.system,
                as_of=local_date(site, self.now),
                now=self.now,
                cause_key=f"order:{self.order.pk}:{self.order.version}",
            )

    def _record(self, verb: str, facts: dict[str, object]) -> None:
        audit.record(
            actor=self.actor,
            verb=verb,
            subject_kind="order",
            subject_id=self.order.pk,
            request_id=self.request_id,
            facts=facts,
        )

    def _recalculate(self, lines: LineWork) -> None:
        if not self.waits:
            self._read_version()
        needs: dict[UUID, set[UUID]] = defaultdict(set)
        if self.changes.released:
            freed = Requirement.objects.filter(pk__in={each.requirement_id for each in self.changes.released})
            for key, site_id in freed.values_list("pk", "site_id"):
                needs[site_id].add(key)
        if self.later is not None:
            self.later.take(Later(lots=self.changes.lots, requirements=needs))
            return
        for site in self._sites(needs.keys() | self.changes.lots.keys()):
            forecasts.recalculate(
                site_id=site.pk,
                as_of=local_date(site, self.now),
                now=self.now,
                cause=RunCause.CHANGE,
                cause_text=_("Order %(number)s by %(system)s") % {"number": self.order.number, "system": self.system},
                cause_key=f"order:{self.order.pk}:{self.order.version}",
                actor=self.actor,
                touched=Touched(lots=frozenset(self.changes.lots[site.pk]), requirements=frozenset(needs[site.pk])),
                # What the document promises is not written yet: that statement looks at the alerts, once.
                evaluate=site.pk not in self.promise_sites,
                site=site,
                calendars=lines.alike.calendars,
            )
        log_rows.add([row.pk for row in self.unwritten.rows])

    def _sites(self, keys: set[UUID]) -> list[Site]:
        here = {key: site for key, site in self.changes.sites.items() if site is not None}
        elsewhere = keys - here.keys()
        found = [here[key] for key in keys & here.keys()]
        found += Site.objects.filter(pk__in=elsewhere) if elsewhere else ()
        return sorted(found, key=lambda site: site.pk)

    def _read_version(self) -> None:
        if not self.is_new:  # in the transaction that makes an order it stays at its first
            self.order.refresh_from_db(fields=["version"])

    # -- promises ------------------------------------------------------------------------------------------------

    def _new_promises(self, lines: LineWork) -> list[DateRevision]:
        """The promised dates that this system did not state last; the rest is no news."""
        promised = [each for each in lines.promised if each.row.status == LineStatus.OPEN]
        last = self._last_promises({each.row.pk: each.row.contract_step for each in promised})
        revisions = []
        for each in promised:
            said = each.said.promise
            assert said is not None
            if last.get(each.row.pk) == (said.value, said.precision):
                continue
            self.changes.paths.append(f"{path(each.row)}/promised_date")
            if each.row.site_id is not None:
                self.promise_sites.add(each.row.site_id)
            revisions.append(
                DateRevision(
                    kind=RevisionKind.PROMISE,
                    line_number=each.row.line.number,
                    schedule_number=each.row.number,
                    said=said,
                    field=each.said.field,
                )
            )
        return revisions

    def _last_promises(self, steps: dict[UUID, str]) -> dict[UUID, tuple[str, str]]:
        """Of each schedule line, what the ERP stated last about its contract step."""
        if not steps:
            return {}
        live = Promise.objects.standing().filter(
            milestone__chain__lot__schedule_line__in=list(steps), source=PromiseSource.ERP
        )
        found = live.order_by("stated_on", "recorded_at", "place")
        last: dict[UUID, tuple[str, str]] = {}
        for key, code, value, precision in found.values_list(
            "milestone__chain__lot__schedule_line", "milestone__code", "value", "precision"
        ):
            if steps[key] == code:
                last[key] = value, precision
        return last

    def _record_promises(self, revisions: Sequence[DateRevision]) -> None:
        sites = [row.site for row in self.stored.all_rows(self.order) if row.site is not None]
        sites += [site for site in self.changes.sites.values() if site is not None]
        version = f" v{self.document.version}" if self.document.version is not None else ""
        try:
            done = dates.record(
                order_id=self.order.pk,
                revisions=revisions,
                stated_on=min((local_date(site, self.now) for site in sites), default=self.now.date()),
                source=PromiseSource.ERP,
                document=f"{self.system} {self.external_id}{version}",
                actor=self.actor,
                now=self.now,
                request_id=self.request_id,
                calculate=self.later is None,
            )
        except BadInput as refusal:
            at = (refusal.field or "").rpartition("/")[0]
            raise BadInput(refusal.message, field=f"{at}/promised_date" if at else refusal.field) from None
        if self.later is not None:
            lots = DeliveryLot.objects.filter(pk__in=done.lot_ids, schedule_line__site__isnull=False)
            for key, site_id in lots.values_list("pk", "schedule_line__site"):
                self.later.lots[site_id].add(key)


class _Change(_Upsert):
    """One document for an order that is at hand, locked and in sight; whatever the sender calls it."""

    def __init__(
        self,
        order: PurchaseOrder,
        document: OrderDocument,
        system: str,
        actor: User,
        now: datetime,
        mode: LinesMode,
        request_id: str,
    ) -> None:
        named = ExternalRef.objects.filter(system=system, kind=ORDER_REF, subject_id=order.pk)
        # Not stored where the sender has no name for it: then nothing is stale, and there is no version to keep.
        self.ref = named.order_by("external_id").first() or ExternalRef(
            system=system, kind=ORDER_REF, external_id=order.number, subject_id=order.pk
        )
        super().__init__(document, system, self.ref.external_id, actor, now, mode, request_id)
        self.order_at_hand = order

    def _find(self) -> tuple[ExternalRef, PurchaseOrder | None]:
        return self.ref, self.order_at_hand
