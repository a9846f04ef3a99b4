"""The power of sites: the balance, load ramps, grid connections, and what is said about the dates of power."""

from collections.abc import Callable
from typing import Any, ClassVar, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.auth import acting_user
from procurement.api.errors import BadParameter
from procurement.api.fields import Day, ExactDecimal, FlexDate, Text
from procurement.api.v1.bodies import checked
from procurement.api.v1.date_revisions import (
    ChainEntrySerializer,
    LedgerQuery,
    MovedSerializer,
    chain_entry_answer,
    moved_answer,
)
from procurement.api.v1.shapes import REQUEST_ID, example, problems
from procurement.api.view import ClientView, clock, query
from procurement.queries import chain_ledger, power_balance, power_json
from procurement.queries.agreement import sights
from procurement.queries.power_facts import Knowledge
from procurement.services import chain_dates, grid
from procurement.services.chain_dates import ChainRevision
from procurement.services.forecasts import local_date
from procurement.vocabulary import RevisionKind
from sites.accounts.models import User
from sites.accounts.permissions import Permission, Scope
from sites.domain.errors import BadInput, NotFound
from sites.models import Block, GridConnection, LoadStep, NetworkWorks, PowerPurchaseAgreement, Site
from sites.queries.access import sites_where
from sites.vocabulary import KnowledgeMode, Party, PromiseSource, ReasonCode

_MODES: Final = [mode.value for mode in KnowledgeMode]


# -- balance -----------------------------------------------------------------------------------------------------------


class BalanceQuery(serializers.Serializer[Any]):
    from_on = Day(help_text="First day.")
    until_on = Day(help_text="Last day; at most fifty years later.")
    knowledge = serializers.ChoiceField(
        _MODES, default=KnowledgeMode.TODAY.value, help_text="today, baseline (as agreed first) or known_on."
    )
    known_on = Day(required=False, help_text="With known_on: by the answers of this past day.")


class GroupQuery(BalanceQuery):
    desk = serializers.CharField(required=False, max_length=20, help_text="Only the sites of this desk.")


_BALANCE: Final = {
    "type": "object",
    "description": "Totals, periods and quarters with load, usable megawatts, each limit, what binds, gap and unused; "
    "shares with exposure, unused energy and, for those who may see amounts, money. Figures are decimals as text, null "
    "where not known, and then `usable_least_mw` and `usable_most_mw` say between what. The same document as "
    "`manage.py power_balance --json`.",
}


class SiteBalance(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.POWER_READ}

    @extend_schema(
        operation_id="readPowerBalance",
        summary="Read the power balance of a site",
        description="By day: load, what is usable and what binds it, gaps in megawatts and in money.",
        parameters=[BalanceQuery, REQUEST_ID],
        responses={(200, "application/json"): _BALANCE, **problems(400, 404)},
        tags=["power"],
    )
    def get(self, request: Request, code: str) -> Response:
        actor = acting_user(request)
        asked = query(request, BalanceQuery)
        sites = power_balance.visible_sites(actor, site=code)
        if not sites:
            raise NotFound("There is no such site.")
        found = _balances(sites, asked)[0]
        allowed = sites_where(actor, Permission.AMOUNTS_VIEW)
        return Response(power_json.site_document(found, amounts=sites[0].pk in allowed))


class GroupBalance(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.POWER_READ}

    @extend_schema(
        operation_id="readPowerBalanceOfSites",
        summary="Read the power balance of a desk, or of all sites in sight",
        description="Money only where the caller may see amounts at every one of these sites.",
        parameters=[GroupQuery, REQUEST_ID],
        responses={(200, "application/json"): _BALANCE, **problems(400, 404)},
        tags=["power"],
    )
    def get(self, request: Request) -> Response:
        actor = acting_user(request)
        asked = query(request, GroupQuery)
        sites = power_balance.visible_sites(actor, desk=asked.get("desk", ""))
        if not sites and "desk" in asked:
            raise BadParameter("desk: There is no such desk.")
        if not sites:
            raise NotFound("There is no site in sight.")
        found = _balances(sites, asked)
        amounts = {site.pk for site in sites} <= sites_where(actor, Permission.AMOUNTS_VIEW)
        return Response(power_json.group_document(power_balance.group(found), amounts=amounts))


def _balances(sites: tuple[Site, ...], asked: dict[str, Any]) -> tuple[power_balance.SiteBalance, ...]:
    """Raises BadParameter, also where the window cannot be."""
    knowledge = _knowledge(asked, sites)
    try:
        return power_balance.site_balances(sites, asked["from_on"], asked["until_on"], knowledge)
    except BadInput as refusal:
        raise BadParameter(f"{refusal.field}: {refusal.message}") from None


def _knowledge(asked: dict[str, Any], sites: tuple[Site, ...]) -> Knowledge:
    now = clock()
    today = max(local_date(site, now) for site in sites)
    mode, on = KnowledgeMode(asked["knowledge"]), asked.get("known_on")
    if mode is not KnowledgeMode.KNOWN_ON:
        if on is not None:
            raise BadParameter("known_on: only with knowledge=known_on.")
        return Knowledge(today, mode)
    if on is None:
        raise BadParameter("known_on: name the day.")
    if on > today:
        raise BadParameter("known_on: nothing is known on a day to come.")
    return Knowledge(on, mode)


# -- load --------------------------------------------------------------------------------------------------------------


class LoadStepShape(serializers.Serializer[Any]):
    from_on = Day(help_text="From this day on.")
    gross_mw = ExactDecimal(help_text="Megawatts at the site's connection; not below zero, at most 3 decimals.")


class RampWrite(serializers.Serializer[Any]):
    """The whole ramp of a block, or of the site; an empty list takes it away."""

    block = serializers.UUIDField(required=False, allow_null=True, default=None, help_text="null: of the whole site.")
    steps = LoadStepShape(  # type: ignore[call-arg]
        many=True, max_length=1000, help_text="In any order; no day twice."
    )


class RampShape(serializers.Serializer[Any]):
    block = serializers.UUIDField(allow_null=True, help_text="null: of the whole site, which then counts alone.")
    block_code = serializers.CharField(allow_null=True, help_text="Phase and block.")
    steps = LoadStepShape(many=True, help_text="By day.")


class RampsShape(serializers.Serializer[Any]):
    site = serializers.CharField(help_text="Code of the site.")
    ramps = RampShape(many=True, help_text="Of the site and of its blocks, where there is one.")


class LoadRamps(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.POWER_READ, "PUT": Scope.POWER_WRITE}

    @extend_schema(
        operation_id="readLoadRamps",
        summary="Read the load ramps of a site",
        description="What the site or its blocks will draw, by day.",
        parameters=[REQUEST_ID],
        responses={200: RampsShape, **problems(404)},
        tags=["power"],
    )
    def get(self, request: Request, code: str) -> Response:
        return Response(RampsShape(_ramps(_site(acting_user(request), code))).data)

    @extend_schema(
        operation_id="writeLoadRamp",
        summary="Write one load ramp of a site",
        description="The ramp is made to say what is sent; steps that are left out are removed.",
        parameters=[REQUEST_ID],
        request=RampWrite,
        responses={200: RampsShape, **problems(400, 404, 413, 415, 422)},
        examples=[
            example(
                "In two steps",
                steps=[{"from_on": "2027-06-01", "gross_mw": "12"}, {"from_on": "2028-01-01", "gross_mw": "24"}],
            )
        ],
        tags=["power"],
    )
    def put(self, request: Request, code: str) -> Response:
        actor = acting_user(request)
        site = _site(actor, code)
        said = checked(RampWrite, request)
        steps = [(step["from_on"], step["gross_mw"]) for step in said["steps"]]
        grid.save_ramp(site_id=site.pk, block_id=said["block"], steps=steps, actor=actor, now=clock())
        return Response(RampsShape(_ramps(site)).data)


def _site(actor: User, code: str) -> Site:
    found = Site.objects.visible_to(actor).filter(code=code).first()
    if found is None:
        raise NotFound("There is no such site.")
    return found


def _ramps(site: Site) -> dict[str, Any]:
    steps: dict[UUID | None, list[LoadStep]] = {}
    for step in LoadStep.objects.filter(site=site).order_by("from_on"):
        steps.setdefault(step.block_id, []).append(step)
    names = {
        row.pk: f"{row.phase.code} {row.code}" for row in Block.objects.filter(phase__site=site).select_related("phase")
    }
    ramps = [
        {"block": block, "block_code": names.get(block) if block else None, "steps": rows}
        for block, rows in sorted(steps.items(), key=lambda item: names.get(item[0], "") if item[0] else "")
    ]
    return {"site": site.code, "ramps": ramps}


# -- dates -------------------------------------------------------------------------------------------------------------


class ChainRevisionWrite(serializers.Serializer[Any]):
    """One date of an agreement, a grid connection or its works."""

    kind = serializers.ChoiceField(RevisionKind.choices, help_text="promise, actual, lock or release.")
    milestone = Text(required=False, max_length=40, help_text="Such as COD or ENERGISED. Default: the one that counts.")
    date = FlexDate(required=False, help_text="Only a promise may be imprecise or tbd; a release has none.")
    conditional_on = Day(required=False, help_text="The date of the step before on which it relies.")
    reason_code = serializers.ChoiceField(
        ReasonCode.choices, required=False, help_text="Why it moved. Default: not_stated."
    )
    responsible = serializers.ChoiceField(
        Party.choices, required=False, help_text="Who moved it. Default: whose reason or step it is."
    )
    note = Text(
        required=False, max_length=500, allow_blank=True, lines=True, help_text="Free text; a lock has to say why."
    )


class ChainStatementWrite(serializers.Serializer[Any]):
    """What one party said on one day, written together or not at all."""

    stated_on = Day(help_text="The day it was said; not in the future.")
    source = serializers.ChoiceField(  # type: ignore[assignment]
        PromiseSource.choices, default=PromiseSource.ERP.value, help_text="How it reached us."
    )
    document = Text(
        required=False, max_length=500, allow_blank=True, default="", help_text="The mail, file or message it came in."
    )
    revisions = ChainRevisionWrite(  # type: ignore[call-arg]
        many=True, allow_empty=False, max_length=100, help_text="1 to 100."
    )


class ChainLedgerSerializer(serializers.Serializer[Any]):
    items = ChainEntrySerializer(many=True, help_text="Newest first.")
    has_more = serializers.BooleanField(help_text="True: older entries were left off; raise `limit`.")


class ChainRecordedSerializer(serializers.Serializer[Any]):
    statement_id = serializers.UUIDField(help_text="Names this statement in the ledger.")
    promises = ChainEntrySerializer(many=True, help_text="The rows that were written, in order.")
    moved = MovedSerializer(many=True, help_text="Forecasts before and after.")


class _ChainDates(ClientView):
    scopes: ClassVar[dict[str, str | None]] = {"GET": Scope.POWER_READ, "POST": Scope.DATES_WRITE}

    def find(self, actor: User, key: UUID) -> UUID | None:
        """The chain, if the actor may see its owner."""
        raise NotImplementedError

    def _chain(self, request: Request, key: UUID) -> UUID:
        found = self.find(acting_user(request), key)
        if found is None:
            raise NotFound("There is no such thing.")
        return found

    def _ledger(self, request: Request, key: UUID, *, with_words: bool) -> Response:
        most = query(request, LedgerQuery)["limit"]
        found, has_more = chain_ledger.entries([self._chain(request, key)], most=most)
        items = [chain_entry_answer(entry) for entry in found]
        if not with_words:
            items = [each | {"document": "", "note": ""} for each in items]
        return Response(ChainLedgerSerializer({"items": items, "has_more": has_more}).data)

    def _record(self, request: Request, key: UUID) -> Response:
        chain = self._chain(request, key)
        said = checked(ChainStatementWrite, request)
        done = chain_dates.record(
            chain_id=chain,
            revisions=[_revision(each, f"revisions/{place}") for place, each in enumerate(said["revisions"])],
            stated_on=said["stated_on"],
            source=PromiseSource(said["source"]),
            document=said["document"],
            actor=acting_user(request),
            now=clock(),
        )
        shown = {
            "statement_id": done.statement_id,
            "promises": [chain_entry_answer(entry) for entry in chain_ledger.written(done.promise_ids)],
            "moved": moved_answer(done.moved),
        }
        return Response(ChainRecordedSerializer(shown).data, status=201)


def _agreement_chain(actor: User, key: UUID) -> UUID | None:
    return PowerPurchaseAgreement.objects.visible_to(actor).filter(pk=key).values_list("chain", flat=True).first()


def _connection_chain(actor: User, key: UUID) -> UUID | None:
    return GridConnection.objects.visible_to(actor).filter(pk=key).values_list("chain", flat=True).first()


def _works_chain(actor: User, key: UUID) -> UUID | None:
    return NetworkWorks.objects.visible_to(actor).filter(pk=key).values_list("chain", flat=True).first()


_Method = Callable[..., Response]
_Documenting = Callable[[_Method], _Method]


def _documented(name: str, what: str, milestone: str) -> tuple[_Documenting, _Documenting]:
    read: _Documenting = extend_schema(
        operation_id=f"list{name}Dates",
        summary=f"Read what was said about the dates of {what}",
        description="Promises, actual dates and the locks that stand, newest first.",
        parameters=[LedgerQuery, REQUEST_ID],
        responses={200: ChainLedgerSerializer, **problems(400, 404)},
        tags=["power"],
    )
    write: _Documenting = extend_schema(
        operation_id=f"record{name}Dates",
        summary=f"Say something about the dates of {what}",
        description="Appends to the ledger and recalculates what it touches, in one transaction.",
        parameters=[REQUEST_ID],
        request=ChainStatementWrite,
        responses={201: ChainRecordedSerializer, **problems(400, 404, 413, 415, 422)},
        examples=[
            example(
                "A date that slips",
                stated_on="2026-11-15",
                source="meeting",
                document="Minutes of 15 November",
                revisions=[
                    {"kind": "promise", "milestone": milestone, "date": {"value": "2027-Q1", "precision": "quarter"}}
                ],
            )
        ],
        tags=["power"],
    )
    return read, write


_AGREEMENT, _CONNECTION, _WORKS = (
    _documented("Agreement", "an agreement", "COD"),
    _documented("GridConnection", "a grid connection", "ENERGISED"),
    _documented("NetworkWorks", "works of the utility", "COMPLETE"),
)


class AgreementDates(_ChainDates):
    def find(self, actor: User, key: UUID) -> UUID | None:
        return _agreement_chain(actor, key)

    @_AGREEMENT[0]
    def get(self, request: Request, key: UUID) -> Response:
        seen = sights(acting_user(request), [key])[key]
        return self._ledger(request, key, with_words=seen.is_whole)

    @_AGREEMENT[1]
    def post(self, request: Request, key: UUID) -> Response:
        return self._record(request, key)


class GridConnectionDates(_ChainDates):
    def find(self, actor: User, key: UUID) -> UUID | None:
        return _connection_chain(actor, key)

    @_CONNECTION[0]
    def get(self, request: Request, key: UUID) -> Response:
        return self._ledger(request, key, with_words=True)

    @_CONNECTION[1]
    def post(self, request: Request, key: UUID) -> Response:
        return self._record(request, key)


class NetworkWorksDates(_ChainDates):
    def find(self, actor: User, key: UUID) -> UUID | None:
        return _works_chain(actor, key)

    @_WORKS[0]
    def get(self, request: Request, key: UUID) -> Response:
        return self._ledger(request, key, with_words=True)

    @_WORKS[1]
    def post(self, request: Request, key: UUID) -> Response:
        return self._record(request, key)


def _revision(said: dict[str, Any], field: str) -> ChainRevision:
    return ChainRevision(
        kind=RevisionKind(said["kind"]),
        said=said.get("date"),
        milestone=said.get("milestone"),
        conditional_on=said.get("conditional_on"),
        reason_code=said.get("reason_code", ""),
        responsible=said.get("responsible", ""),
        note=said.get("note", ""),
        field=field,
    )
