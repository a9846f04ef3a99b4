"""Chains as the engine wants them: frozen facts, in a fixed number of queries for any number of chains."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import connection

from sites.domain import imprecise
from sites.domain.calendar import WorkingCalendar
from sites.domain.schedule import ChainFacts, PromiseFacts, RequiredOnSite, StepFacts
from sites.models import Site
from sites.queries.columns import as_list
from sites.vocabulary import DurationBasis, Precision

# Where a chain belongs to no site, its steps say calendar days; working days would be plain British ones.
UNPLACED = WorkingCalendar("GB")


_CALENDARS = """
SELECT w.id, w.code, array_agg(c.from_on ORDER BY c.from_on, c.until_on, c.id) FILTER (WHERE c.id IS NOT NULL),
    array_agg(c.until_on ORDER BY c.from_on, c.until_on, c.id) FILTER (WHERE c.id IS NOT NULL)
FROM sites_workcalendar w LEFT JOIN sites_closure c ON c.calendar_id = w.id
WHERE {which}
GROUP BY w.id
"""
_OF_CHAINS = """w.id = ANY(%(also)s::uuid[])
    OR w.id IN (SELECT m.calendar_id FROM sites_milestone m WHERE m.chain_id = ANY(%(chains)s::uuid[]))"""


def working_calendars(keys: Collection[UUID] | None = None) -> dict[UUID, WorkingCalendar]:
    """Calendars with their closures, by key: those named, in that order, or all of them. One query."""
    if keys is None:
        return _calendars("TRUE", {})
    found = _calendars("w.id = ANY(%(keys)s::uuid[])", {"keys": as_list(keys)})
    return {key: found[key] for key in keys}


def calendars_of_chains(chains: Collection[UUID], also: Collection[UUID]) -> dict[UUID, WorkingCalendar]:
    """The calendars that the milestones of these chains name, and those named besides. One query."""
    return _calendars(_OF_CHAINS, {"chains": as_list(chains), "also": as_list(also)})


def calendar_of_site(site_id: UUID) -> WorkingCalendar:
    """Raises Site.DoesNotExist."""
    found = _calendars("w.id = (SELECT s.calendar_id FROM sites_site s WHERE s.id = %(site)s)", {"site": site_id})
    if not found:
        raise Site.DoesNotExist(site_id)
    (calendar,) = found.values()
    return calendar


def _calendars(which: str, values: Mapping[str, Any]) -> dict[UUID, WorkingCalendar]:
    with connection.cursor() as cursor:
        cursor.execute(_CALENDARS.format(which=which), values)
        return {
            key: WorkingCalendar(code, tuple(zip(from_on or (), until_on or (), strict=True)))
            for key, code, from_on, until_on in cursor.fetchall()
        }


_PROMISES = """
SELECT p.milestone_id, p.id, p.value, p.precision, p.stated_on, p.recorded_at, p.conditional_on, p.supersedes_id,
    EXISTS (SELECT FROM sites_promiseretraction r WHERE r.promise_id = p.id)
FROM sites_milestone m JOIN sites_promise p ON p.milestone_id = m.id
WHERE m.chain_id = ANY(%s::uuid[]) ORDER BY p.milestone_id, p.place
"""
_BASELINES = """
SELECT DISTINCT ON (b.chain_id) b.chain_id, b.version, b.dates::text FROM sites_baseline b
WHERE b.chain_id = ANY(%s::uuid[]) ORDER BY b.chain_id, b.version DESC
"""
# The local date of the site when somebody pinned the date; UTC's where the chain is of no site.
LOCK_SET_ON: Final = """
CASE WHEN m.locked_at IS NOT NULL THEN (
    m.locked_at AT TIME ZONE coalesce((SELECT s.time_zone FROM sites_site s WHERE s.id = c.site_id), 'UTC')
)::date END
"""
_STEPS = f"""
SELECT m.chain_id, c.anchor_code, m.id, m.code, m.duration_days, m.basis, m.calendar_id, m.applicable, m.planned_on,
    m.locked_on, {LOCK_SET_ON}, m.actual_on
FROM sites_milestone m JOIN sites_chain c ON c.id = m.chain_id
WHERE m.chain_id = ANY(%s::uuid[]) ORDER BY m.chain_id, m.sequence
"""  # noqa: S608


def _rows(statement: str, chains: Collection[UUID]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [as_list(chains)])
        return list(cursor.fetchall())


def _promises(chain_ids: list[UUID]) -> dict[UUID, list[PromiseFacts]]:
    found: dict[UUID, list[PromiseFacts]] = defaultdict(list)
    rows = _rows(_PROMISES, chain_ids)
    for milestone_id, key, value, precision, stated_on, recorded_at, conditional_on, supersedes, is_retracted in rows:
        found[milestone_id].append(
            PromiseFacts(
                id=str(key),
                said=imprecise.read(value, Precision(precision)),
                stated_on=stated_on,
                recorded_at=recorded_at,
                conditional_on=conditional_on,
                supersedes=str(supersedes) if supersedes else None,
                retracted=is_retracted,
            )
        )
    return found


def baselines(chain_ids: Iterable[UUID]) -> dict[UUID, tuple[int, dict[str, date]]]:
    """The highest baseline of each chain: its version and its dates by milestone code. One query."""
    return {
        chain_id: (version, {code: date.fromisoformat(day) for code, day in json.loads(dates).items() if day})
        for chain_id, version, dates in _rows(_BASELINES, list(chain_ids))
    }


def chain_facts(
    chain_ids: Iterable[UUID],
    *,
    as_of: date | Mapping[UUID, date],
    site_calendar: WorkingCalendar | Mapping[UUID, WorkingCalendar],
    calendars: Mapping[UUID, WorkingCalendar],
    required_on_site: Mapping[UUID, date | None] | None = None,
) -> dict[UUID, ChainFacts]:
    """The facts of these chains, by key; a chain without milestones is left out. Three queries.

    `as_of` and `site_calendar` are one for all, or given by chain.
    """
    keys = list(chain_ids)
    promises = _promises(keys)
    base = baselines(keys)
    steps: dict[UUID, list[StepFacts]] = defaultdict(list)
    anchors: dict[UUID, str] = {}
    for (
        chain_id, anchor, key, code, days, basis, calendar_id, applicable, planned_on, locked_on, lock_set_on, actual_on
    ) in _rows(_STEPS, keys):  # fmt: skip
        anchors[chain_id] = anchor
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
                lock_set_on=lock_set_on,
                actual_on=actual_on,
                promises=tuple(promises.get(key, ())),
            )
        )
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
