"""Chains as the engine over arrays wants them: three statements for any number of chains."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

import numpy as np
from django.db import connection

from sites.domain.calendar import WorkingCalendar
from sites.domain.calendar_arrays import NO_DAY, Days, number_of
from sites.domain.schedule_arrays import ChainTable, Ledger, Wide
from sites.queries.chains import LOCK_SET_ON
from sites.queries.columns import NO_KEY as NO_CALENDAR
from sites.queries.columns import Column, Keys, as_list, read, uuids
from sites.vocabulary import DurationBasis

_WANTED = "FROM unnest(%(chains)s::uuid[]) WITH ORDINALITY AS wanted(id, place)"
_STEPS = f"{_WANTED} JOIN sites_milestone m ON m.chain_id = wanted.id"
_NEWEST = f"""{_WANTED}
    CROSS JOIN LATERAL (
        SELECT dates FROM sites_baseline WHERE chain_id = wanted.id ORDER BY version DESC LIMIT 1
    ) newest
    CROSS JOIN LATERAL jsonb_each_text(newest.dates) AS each(code, on_day)
    WHERE each.on_day <> ''"""  # noqa: S608
# A retracted row is as if never written: what it superseded counts again. OFFSET keeps it one milestone at a time by
# the indexes: from statistics older than a file of thousands it would be the whole ledger against every chain.
_STANDING = f"""{_STEPS}
    CROSS JOIN LATERAL (
        SELECT * FROM sites_promise stated
        WHERE stated.milestone_id = m.id AND stated.recorded_at <= %(known_at)s AND stated.stated_on <= %(last_stated)s
            AND NOT EXISTS (
                SELECT 1 FROM sites_promiseretraction gone
                WHERE gone.promise_id = stated.id AND gone.created_at <= %(known_at)s
            )
            AND NOT EXISTS (
                SELECT 1 FROM sites_promise later
                WHERE later.supersedes_id = stated.id AND later.recorded_at <= %(known_at)s
                    AND NOT EXISTS (
                        SELECT 1 FROM sites_promiseretraction gone
                        WHERE gone.promise_id = later.id AND gone.created_at <= %(known_at)s
                    )
            )
        OFFSET 0
    ) p
    WHERE m.applicable
    ORDER BY wanted.place, m.sequence, p.place"""  # noqa: S608

# Codes are few and never change their hash while a server runs.
_codes: dict[int, str] = {}


@dataclass(frozen=True, slots=True)
class StoredChains:
    """`key` are the chains of the table's columns: those wanted that have milestones, in the order wanted.

    `code_hash` is the database's hash of each of the table's codes, rising.
    """

    key: Keys
    wanted_place: Wide
    code_hash: Wide
    table: ChainTable


def chain_table(
    chains: Keys,
    *,
    as_of: date,
    site_calendar: UUID,
    calendars: Callable[[list[UUID]], Mapping[UUID, WorkingCalendar]],
    known_at: datetime | None = None,
) -> StoredChains:
    """All chains are of one site; ROS is left to the caller. `calendars` gives the calendars of these keys.

    As known at an instant, where one is given: actuals and promises recorded later are left out, and so are all locks
    and baselines, of which the tables keep no instant. Durations and calendars are those of today.
    """
    values = {
        "chains": as_list(chains),
        "working": DurationBasis.WORKING.value,
        "known_at": known_at or datetime.max.replace(tzinfo=UTC),
        "last_stated": as_of if known_at else date.max,
        "as_of": as_of,
    }
    actual, lock = "m.actual_on", "m.locked_on"
    if known_at is not None:
        actual = "CASE WHEN m.actual_recorded_at <= %(known_at)s AND m.actual_on <= %(as_of)s THEN m.actual_on END"
        lock = "NULL::date"
    rows = read(
        {
            "place": ("int", "wanted.place"), "sequence": ("int", "m.sequence"),
            "code": ("long", "hashtextextended(m.code, 0)"), "duration": ("int", "m.duration_days"),
            "working": ("flag", "m.basis = %(working)s"), "calendar": ("key", "m.calendar_id"),
            "applicable": ("flag", "m.applicable"), "planned": ("day", "m.planned_on"),
            "locked": ("day", lock), "lock_set": ("day", LOCK_SET_ON), "actual": ("day", actual),
            "anchor": ("long", "hashtextextended(c.anchor_code, 0)"),
        },
        f"{_STEPS} JOIN sites_chain c ON c.id = m.chain_id ORDER BY wanted.place, m.sequence",
        values,
    )  # fmt: skip
    present, chain = np.unique(rows["place"], return_inverse=True)
    hashes, code = np.unique(rows["code"], return_inverse=True)
    starts = np.searchsorted(rows["place"], present)
    fact_place = np.arange(len(chain)) - starts[chain]
    kept = rows["applicable"]
    ahead = np.cumsum(kept)
    step = ahead - 1 - (ahead[starts] - kept[starts])[chain]
    shape = (int(step[kept].max(initial=0)) + 1, len(present))

    def grid(column: Column, empty: int) -> Column:
        filled = np.full(shape, empty, column.dtype)
        filled[step[kept], chain[kept]] = column[kept]
        return filled

    used = calendars(_used(rows["calendar"], site_calendar))
    number = {key: place for place, key in enumerate(used)}
    by_key = {key.bytes.rstrip(b"\0"): place for key, place in number.items()} | {NO_CALENDAR: number[site_calendar]}
    known, inverse = np.unique(rows["calendar"], return_inverse=True)
    calendar = np.array([by_key[key] for key in known.tolist()], np.int32)[inverse]
    everyone = np.zeros(len(present), np.int32)
    table = ChainTable(
        calendars=tuple(used.values()),
        codes=_texts(hashes, as_list(chains)),
        as_of=everyone + number_of(as_of),
        site_calendar=everyone + number[site_calendar],
        anchor=_anchors(rows["anchor"][starts], hashes, grid(code.astype(np.int16), -1)),
        ros_from=everyone + NO_DAY,
        ros_offset=everyone,
        ros_working=everyone.astype(np.bool_),
        code=grid(code.astype(np.int16), -1),
        place=grid(fact_place.astype(np.int16), 0),
        duration=grid(rows["duration"], 0),
        working=grid(rows["working"], 0),
        calendar=grid(calendar, 0),
        in_span=np.zeros(shape, np.bool_),
        is_span=np.zeros(shape, np.bool_),
        baseline=grid(_baselines(values, present, hashes, chain, code), NO_DAY),
        planned=grid(rows["planned"], NO_DAY),
        locked=grid(rows["locked"], NO_DAY),
        lock_set=grid(rows["lock_set"], NO_DAY),
        actual=grid(rows["actual"], NO_DAY),
        ledger=_ledger(values, rows, chain, step, len(present)),
    )
    return StoredChains(chains[present - 1], present - 1, hashes, table)


def _used(calendars: Keys, site_calendar: UUID) -> list[UUID]:
    others = np.unique(calendars)
    return [site_calendar, *(key for key in uuids(others[others != NO_CALENDAR]) if key != site_calendar)]


def _texts(hashes: Wide, chains: str) -> tuple[str, ...]:
    wanted = hashes.tolist()
    if any(each not in _codes for each in wanted):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT hashtextextended(code, 0), code FROM sites_milestone WHERE chain_id = ANY(%s::uuid[])",
                [chains],
            )
            _codes.update(cursor.fetchall())
    return tuple(_codes[each] for each in wanted)


def _anchors(anchor: Wide, hashes: Wide, code: Column) -> Days:
    """By chain, the step whose code is the chain's `anchor`; -1 for none."""
    is_anchor = (code >= 0) & (hashes[np.maximum(code, 0)] == anchor)
    return np.where(is_anchor.any(axis=0), is_anchor.argmax(axis=0), -1).astype(np.int32)


def _baselines(values: Mapping[str, object], present: Days, hashes: Wide, chain: Wide, code: Wide) -> Days:
    rows = read(
        {
            "place": ("int", "wanted.place"),
            "code": ("long", "hashtextextended(each.code, 0)"),
            "on": ("day", "each.on_day::date"),
        },
        _NEWEST,
        values,
    )
    dates = np.full((len(present), max(1, len(hashes))), NO_DAY, np.int32)
    if len(hashes) and len(rows["code"]):
        number = np.minimum(np.searchsorted(hashes, rows["code"]), len(hashes) - 1)
        column = np.minimum(np.searchsorted(present, rows["place"]), len(present) - 1)
        mine = (hashes[number] == rows["code"]) & (present[column] == rows["place"])
        dates[column[mine], number[mine]] = rows["on"][mine]
    found: Days = dates[chain, code]
    return found


def _ledger(values: Mapping[str, object], steps: Mapping[str, Column], chain: Wide, step: Wide, chains: int) -> Ledger:
    rows = read(
        {
            "place": ("int", "wanted.place"), "sequence": ("int", "m.sequence"), "counts_on": ("day", "p.counts_on"),
            "stated_on": ("day", "p.stated_on"), "recorded_at": ("instant", "p.recorded_at"),
            "conditional_on": ("day", "p.conditional_on"), "key": ("key", "p.id"),
        },
        _STANDING,
        values,
    )  # fmt: skip
    wide = np.int64(2**20)
    of_step = np.searchsorted(steps["place"] * wide + steps["sequence"], rows["place"] * wide + rows["sequence"])
    return Ledger(
        cell=step[of_step] * chains + chain[of_step] if len(of_step) else np.zeros(0, np.int64),
        counts_on=rows["counts_on"],
        stated_on=rows["stated_on"],
        recorded_at=rows["recorded_at"],
        conditional_on=rows["conditional_on"],
        is_live=np.ones(len(of_step), np.bool_),
        key=rows["key"],
    )
