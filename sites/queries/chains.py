"""Chains as the engine wants them: frozen facts, in a fixed number of queries for any number of chains."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet

from sites.domain import imprecise
from sites.domain.calendar import WorkingCalendar
from sites.domain.schedule import ChainFacts, PromiseFacts, RequiredOnSite, StepFacts
from sites.models import Baseline, Chain, Closure, Milestone, Promise, WorkCalendar
from sites.queries.among import among
from sites.vocabulary import DurationBasis, Precision

# Where a chain belongs to no site, its steps say calendar days; working days would be plain British ones.
UNPLACED = WorkingCalendar("GB")


def working_calendars(keys: Collection[UUID] | None = None) -> dict[UUID, WorkingCalendar]:
    """Calendars with their closures, by key: those named, in that order, or all of them. Two queries."""
    rows, shut = WorkCalendar.objects.all(), Closure.objects.all()
    if keys is not None:
        rows, shut = rows.filter(pk__in=keys), shut.filter(calendar__in=keys)
    found = _with_closures(rows, shut)
    return found if keys is None else {key: found[key] for key in keys}


def calendars_of_chains(chains: Collection[UUID], also: Collection[UUID]) -> dict[UUID, WorkingCalendar]:
    """The calendars that the milestones of these chains name, and those named besides. Two queries."""
    wanted = WorkCalendar.objects.filter(
        Q(pk__in=Milestone.objects.filter(chain__in=chains, calendar__isnull=False).values("calendar")) | Q(pk__in=also)
    )
    return _with_closures(wanted, Closure.objects.filter(calendar__in=wanted))


def _with_closures(calendars: QuerySet[WorkCalendar], shut: QuerySet[Closure]) -> dict[UUID, WorkingCalendar]:
    closures: dict[UUID, list[tuple[date, date]]] = defaultdict(list)
    for calendar_id, from_on, until_on in shut.order_by("from_on", "until_on", "id").values_list(
        "calendar_id", "from_on", "until_on"
    ):
        closures[calendar_id].append((from_on, until_on))
    return {key: WorkingCalendar(code, tuple(closures[key])) for key, code in calendars.values_list("pk", "code")}


def _promises(chain_ids: list[UUID]) -> dict[UUID, list[PromiseFacts]]:
    found: dict[UUID, list[PromiseFacts]] = defaultdict(list)
    rows = (
        Promise.objects.filter(among("milestone__chain", chain_ids))
        .order_by("milestone_id", "place")
        .values_list(
            "milestone_id", "id", "value", "precision", "stated_on", "recorded_at", "conditional_on",
            "supersedes_id", "retraction__id",
        )
    )  # fmt: skip
    for milestone_id, key, value, precision, stated_on, recorded_at, conditional_on, supersedes, retraction in rows:
        found[milestone_id].append(
            PromiseFacts(
                id=str(key),
                said=imprecise.read(value, Precision(precision)),
                stated_on=stated_on,
                recorded_at=recorded_at,
                conditional_on=conditional_on,
                supersedes=str(supersedes) if supersedes else None,
                retracted=retraction is not None,
            )
        )
    return found


def baselines(chain_ids: Iterable[UUID]) -> dict[UUID, tuple[int, dict[str, date]]]:
    """The highest baseline of each chain: its version and its dates by milestone code. One query."""
    newest: dict[UUID, tuple[int, dict[str, date]]] = {}
    rows = Baseline.objects.filter(among("chain", chain_ids)).order_by("chain_id", "version")
    for chain_id, version, dates in rows.values_list("chain_id", "version", "dates"):
        newest[chain_id] = version, {code: date.fromisoformat(day) for code, day in dates.items() if day}
    return newest


def chain_facts(
    chain_ids: Iterable[UUID],
    *,
    as_of: date | Mapping[UUID, date],
    site_calendar: WorkingCalendar | Mapping[UUID, WorkingCalendar],
    calendars: Mapping[UUID, WorkingCalendar],
    required_on_site: Mapping[UUID, date | None] | None = None,
) -> dict[UUID, ChainFacts]:
    """The facts of these chains, by key; a chain without milestones is left out. Four queries.

    `as_of` and `site_calendar` are one for all, or given by chain.
    """
    keys = list(chain_ids)
    promises = _promises(keys)
    base = baselines(keys)
    steps: dict[UUID, list[StepFacts]] = defaultdict(list)
    rows = (
        Milestone.objects.filter(among("chain", keys))
        .order_by("chain_id", "sequence")
        .values_list(
            "chain_id", "id", "code", "duration_days", "basis", "calendar_id", "applicable", "planned_on", "locked_on",
            "locked_at", "actual_on",
        )
    )  # fmt: skip
    for chain_id, key, code, days, basis, calendar_id, applicable, planned_on, locked_on, locked_at, actual_on in rows:
        steps[chain_id].append(
            StepFacts(
                code=code,
                duration_days=days,
                basis=DurationBasis(basis),
                calendar=calendars[calendar_id] if calendar_id else None,
                applicable=applicable,
                baseline_on=base[chain_id][1].get(code) if chain_id in base else None,
                planned_on=planned_on,
                locked_on=locked_on,
                lock_set_on=locked_at.date() if locked_at else None,
                actual_on=actual_on,
                promises=tuple(promises.get(key, ())),
            )
        )
    anchors = dict(Chain.objects.filter(among("pk", keys)).values_list("pk", "anchor_code"))
    return {
        key: ChainFacts(
            as_of=as_of if isinstance(as_of, date) else as_of[key],
            site_calendar=site_calendar if isinstance(site_calendar, WorkingCalendar) else site_calendar[key],
            steps=tuple(found),
            required_on_site=_fixed(required_on_site.get(key)) if required_on_site else None,
            anchor_step=anchors[key],
        )
        for key, found in steps.items()
    }


def _fixed(day: date | None) -> RequiredOnSite | None:
    return RequiredOnSite(fixed_on=day) if day else None


def with_required_on_site(facts: ChainFacts, day: date | None) -> ChainFacts:
    return replace(facts, required_on_site=_fixed(day))
