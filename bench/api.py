"""The API beside what it cannot do without: the same rows by hand, on the same server.

Calls go through the whole stack in this process, without a socket on either side; only the worker whose memory is
watched is a process of its own.
"""

import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache, partial
from typing import Any
from uuid import UUID, uuid4

import orjson
import psutil
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.case import Case, beside, within
from procurement.api.throttle import WINDOW
from procurement.api.v1.pages import cursor_of
from procurement.domain.money import in_minor_units
from procurement.management.runtime import processes
from procurement.management.runtime.places import REPOSITORY
from procurement.management.runtime.redis import LOOPBACK, free_port
from procurement.models import Company, EquipmentClass, LogLine
from procurement.services import api_keys
from sites.accounts.permissions import Scope
from sites.models import Site

PAGE = 100
ORDERS, LINES, SCHEDULES = 40, 5, 2
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "5000"))
MOST_MB, MOST_GROWTH = 200.0, 1.05
_ROUNDS = 5


def cases() -> Iterator[Case]:
    """On the portfolio that is loaded."""
    WINDOW.most = 10**9
    client = api_keys.make_client(name="Bench", system="BENCH", actor=None)
    _key, secret = api_keys.make_key(
        client=client,
        scopes=[scope.value for scope in Scope],
        expires_at=None,
        addresses=[],
        actor=None,
        now=timezone.now(),
    )
    caller = Caller(secret)
    yield from _pages(caller, client.account.pk)
    yield from _writing(caller)
    yield from _memory(secret)


class Caller:
    def __init__(self, key: str) -> None:
        self._browser = Client(headers={"host": "127.0.0.1", "authorization": f"Bearer {key}"})

    def get(self, path: str) -> Any:
        answer = self._browser.get(f"/api/v1{path}")
        assert answer.status_code == 200, (path, answer.status_code, answer.content[:300])
        return answer

    def send(self, method: str, path: str, body: Any) -> Any:
        answer = self._browser.generic(
            method,
            f"/api/v1{path}",
            data=json.dumps(body),
            content_type="application/json",
            headers={"idempotency-key": uuid4().hex},
        )
        assert answer.status_code in {200, 201}, (path, answer.status_code, answer.content[:300])
        return answer.json()


# -- pages ---------------------------------------------------------------------------------------------------------

# Every field of a listed line, as somebody would write it who needs nothing else: the sites in sight known beforehand.
_BY_HAND = """
SELECT line.schedule_line_id AS id, o.id AS "order", o.version AS order_version, line.order_number AS number,
    (SELECT coalesce(json_agg(json_build_object('system', x.system, 'external_id', x.external_id)
        ORDER BY x.system, x.external_id), '[]') FROM procurement_externalref x
        WHERE x.kind = 'purchase_order' AND x.subject_id = o.id) AS external_ids,
    o.title AS order_title, o.kind AS order_kind, o.commercial_status AS order_status, o.financial_status,
    seller.code AS vendor, line.seller_name AS vendor_name, o.issued_on, o.currency,
    coalesce(nullif(o.incoterm, ''), o.incoterm_text) AS incoterm, o.incoterm_place, o.document_version,
    line.line_number, l.external_line_id, l.status AS line_status, l.description, class.code AS equipment_class,
    maker.code || '/' || plant.code AS plant, l.unit, l.unit_price, l.over_delivery_percent,
    line.schedule_number, s.status,
    line.site_code AS site, line.quantity, line.contract_on AS contractual_date, s.contract_step,
    s.contract_step_assumed, coalesce(line.tags, '{{}}') AS tags, line.required_on_site, line.promised_on,
    line.forecast_on, line.delivered_on, line.next_on AS next_milestone_on, line.float_days, line.slip_days,
    line.is_late AS late
FROM procurement_logline line
JOIN procurement_scheduleline s ON s.id = line.schedule_line_id
JOIN procurement_orderline l ON l.id = s.line_id
JOIN procurement_purchaseorder o ON o.id = l.order_id
JOIN procurement_company seller ON seller.id = line.seller_id
JOIN procurement_equipmentclass class ON class.id = line.equipment_class_id
LEFT JOIN procurement_plant plant ON plant.id = l.plant_id
LEFT JOIN procurement_company maker ON maker.id = plant.company_id
WHERE (line.site_id = ANY(%(sites)s) OR line.site_id IS NULL) AND line.schedule_line_id > %(after)s {kept}
ORDER BY line.schedule_line_id LIMIT 101
"""
NOWHERE = UUID(int=0)


def _pages(caller: Caller, account: UUID) -> list[Case]:
    _sites.cache_clear()
    keys = list(LogLine.objects.order_by("pk").values_list("pk", flat=True))
    last = keys[-PAGE - 1] if len(keys) > PAGE else NOWHERE
    site = Site.objects.order_by("code").values_list("code", flat=True)[0]
    of = f"of {len(keys)} lines"
    first_call = caller.get(f"/purchase-order-lines?limit={PAGE}")
    assert first_call.json()["items"] == json.loads(by_hand(NOWHERE))["items"][:PAGE], "not the same rows"
    first = in_turn(lambda: caller.get(f"/purchase-order-lines?limit={PAGE}"), lambda: by_hand(NOWHERE))
    final = in_turn(
        lambda: caller.get(f"/purchase-order-lines?limit={PAGE}&cursor={cursor_of(str(last))}"), lambda: by_hand(last)
    )
    filters = f"site={site}&shown=open&late=true"
    kept = (
        "AND line.shown = 'open' AND line.is_late AND line.site_id = (SELECT id FROM sites_site WHERE code = %(site)s)"
    )
    narrowed = in_turn(
        lambda: caller.get(f"/purchase-order-lines?limit={PAGE}&{filters}"), lambda: by_hand(NOWHERE, kept, site=site)
    )
    word = "AND line.words LIKE '%%transformer%%' AND line.words LIKE %(word)s"
    text = f"transformer {site}".lower()
    searched = in_turn(
        lambda: caller.get(f"/purchase-order-lines?limit={PAGE}&text={text.replace(' ', '%20')}"),
        lambda: by_hand(NOWHERE, word, word=f"%{site.lower()}%"),
    )
    few, many = (_queries(partial(caller.get, f"/purchase-order-lines?limit={n}")) for n in (2, 500))
    orders = [_queries(partial(caller.get, f"/purchase-orders?expand=lines&limit={n}")) for n in (2, 100)]
    return [
        _against(f"a page of {PAGE} order lines by the API, the first {of}", first, 3),
        _against(f"a page of {PAGE} order lines by the API, the last {of}", final, 3),
        beside(f"the last page beside the first {of}", final[0], first[0], "the first page"),
        _against(f"a page of {PAGE} order lines by the API, with filters {of}", narrowed, 4),
        _against(f"order lines by the API, a word search {of}", searched, 6),
        within("queries of 500 order lines (as of 2)", many, few, "queries"),
        within("queries of 100 orders with lines (as of 2)", orders[1], orders[0], "queries"),
    ]


def by_hand(after: UUID, kept: str = "", **said: str) -> bytes:
    """The rights are looked up as little as the key: a handful of sites that are known."""
    connection.ensure_connection()
    with connection.connection.cursor() as cursor:
        cursor.execute(_BY_HAND.format(kept=kept), {"sites": _sites(), "after": after, **said})
        names = [column.name for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in found:
        for name in ("quantity", "over_delivery_percent"):
            row[name] = f"{row[name].normalize():f}"
        row["unit_price"] = (
            None if row["unit_price"] is None else str(in_minor_units(row["unit_price"], row["currency"]))
        )
    more = str(found[PAGE - 1]["id"]) if len(found) > PAGE else None
    return orjson.dumps({"items": found[:PAGE], "next_cursor": more})


@cache
def _sites() -> list[UUID]:
    """To be forgotten where a case before has loaded a site."""
    return list(Site.objects.values_list("pk", flat=True))


def in_turn(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Ours and the other's in turn, so that a busy machine is busy for both; medians."""
    ours(), theirs()
    taken: tuple[list[float], list[float]] = ([], [])
    for _round in range(20):
        for place, work in enumerate((ours, theirs)):
            started = time.perf_counter()
            work()
            taken[place].append(time.perf_counter() - started)
    return statistics.median(taken[0]), statistics.median(taken[1])


def _against(name: str, pair: tuple[float, float], times: float) -> Case:
    return within(f"{name} (by hand {pair[1] * 1000:.1f} ms)", pair[0], times * pair[1])


def _queries(call: Callable[[], object]) -> float:
    with CaptureQueriesContext(connection) as queries:
        call()
    return float(len(queries))


# -- writing -------------------------------------------------------------------------------------------------------


def _writing(caller: Caller) -> list[Case]:
    size = f"{ORDERS} orders of {LINES} lines of {SCHEDULES} schedule lines"
    with _twins() as twins:
        created, changed, unchanged, raw, rows = [], [], [], [], 0
        for number in range(3):
            orders = _orders(f"B{number}")
            before = _transaction()
            created.append(_taken(lambda: _bulk(caller, orders, 1, 0)))  # noqa: B023
            written = twins.rows_since(before)
            rows = sum(len(content.splitlines()) for content in written.values())
            raw.append(twins.copied(written))
            changed.append(_taken(lambda: _bulk(caller, orders, 2, 7)))  # noqa: B023
            unchanged.append(_taken(lambda: _bulk(caller, orders, 3, 7)))  # noqa: B023
        one, bare = [], []
        for number in range(_ROUNDS + 1):
            body = _orders(f"S{number}", count=1, lines=3, schedules=1)[f"S{number}-0"] | {"document_version": 1}
            before = _transaction()
            one.append(_taken(lambda: caller.send("PUT", f"/purchase-orders/ext/BENCH/S{number}-0", body)))  # noqa: B023
            bare.append(twins.inserted(twins.rows_since(before)))
    took = statistics.median(created)
    rate = statistics.median(raw)
    inserts = statistics.median(bare[1:])
    return [
        within(f"bulk upsert, {size}: {rows} rows (copied bare in {rate:.3f} s)", took, rate / 0.15),
        within(f"the same again, nothing changed (all changed: {statistics.median(changed):.3f} s)",
               statistics.median(unchanged), statistics.median(changed) / 3),
        within(f"one order of 3 lines (bare INSERTs of its rows: {inserts * 1000:.1f} ms)",
               statistics.median(one[1:]), 6 * inserts),
    ]  # fmt: skip


def _orders(
    name: str, count: int = ORDERS, lines: int = LINES, schedules: int = SCHEDULES
) -> dict[str, dict[str, Any]]:
    sites = list(Site.objects.order_by("code").values_list("code", flat=True)[:4])
    vendors = list(Company.objects.filter(sells=True).order_by("code").values_list("code", flat=True)[:10])
    classes = list(EquipmentClass.objects.order_by("code").values_list("code", flat=True)[:5])
    return {
        f"{name}-{place}": {
            "vendor": vendors[place % len(vendors)],
            "site": sites[place % len(sites)],
            "currency": "AUD",
            "issued_on": "2026-08-03",
            "incoterm": "DAP",
            "lines": [
                {
                    "line_number": 10 * (line + 1),
                    "equipment_class": classes[line % len(classes)],
                    "unit_price": "250000.00",
                    "schedules": [{"schedule_number": each + 1, "quantity": "2"} for each in range(schedules)],
                }
                for line in range(lines)
            ],
        }
        for place in range(count)
    }


def _bulk(caller: Caller, orders: dict[str, dict[str, Any]], version: int, later_days: int) -> None:
    """Every schedule line gets its contract date, so that with other days every one of them changes."""
    on = (date(2028, 3, 1) + timedelta(days=later_days)).isoformat()
    for body in orders.values():
        for line in body["lines"]:
            for schedule in line["schedules"]:
                schedule["contractual_date"] = on
    rows = [{"external_id": name, "document_version": version, "body": body} for name, body in orders.items()]
    summary = caller.send("POST", "/purchase-orders/bulk", {"rows": rows})["summary"]
    assert summary[("created", "updated", "unchanged")[version - 1]] == len(orders), summary


def _taken(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _transaction() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        return int(cursor.fetchone()[0])


class _Twins:
    """Of every table one with the same columns, keys, indexes and checks, without triggers and references."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT i.indrelid::regclass::text, string_agg(quote_ident(a.attname), ', ') FROM pg_index i"
                " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
                " JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace"
                " WHERE i.indisprimary GROUP BY 1 ORDER BY 1"
            )
            self.keys = dict(cursor.fetchall())

    def rows_since(self, transaction_id: int) -> dict[str, bytes]:
        """What was written by then and after it, by table, as COPY has it."""
        found = {}
        with connection.cursor() as cursor:
            for table in self.keys:
                statement = f'COPY (SELECT * FROM "{table}" WHERE xmin::text::bigint >= {transaction_id}) TO STDOUT'
                with cursor.copy(statement) as copied:
                    if rows := b"".join(bytes(block) for block in copied):
                        found[table] = rows
        return found

    def copied(self, written: dict[str, bytes]) -> float:
        """Seconds of COPY and INSERT ON CONFLICT of these rows in one commit."""
        with connection.cursor() as cursor:
            for table in written:
                cursor.execute(f'CREATE TEMPORARY TABLE "new_{table}" (LIKE "{table}")')
            started = time.perf_counter()
            with transaction.atomic():
                for table, rows in written.items():
                    with cursor.copy(f'COPY "new_{table}" FROM STDIN') as copy:
                        copy.write(rows)
                    cursor.execute(
                        f'INSERT INTO twin."{table}" SELECT * FROM "new_{table}"'
                        f" ON CONFLICT ({self.keys[table]}) DO NOTHING"
                    )
            taken = time.perf_counter() - started
            for table in written:
                cursor.execute(f'DROP TABLE "new_{table}"')
        return taken

    def inserted(self, written: dict[str, bytes]) -> float:
        """Seconds of one INSERT a row in one commit."""
        rows = [
            (table, [_plain(value) for value in line.split("\t")])
            for table, content in written.items()
            for line in content.decode().splitlines()
        ]
        statements = [
            (
                f'INSERT INTO twin."{table}" VALUES ({", ".join(["%s"] * len(values))})'
                f" ON CONFLICT ({self.keys[table]}) DO NOTHING",
                values,
            )
            for table, values in rows
        ]
        with connection.cursor():  # the driver's own cursor: what Django adds to each statement is not bare
            bare = connection.connection.cursor()
        started = time.perf_counter()
        with transaction.atomic():
            for statement, values in statements:
                bare.execute(statement, values)
        return time.perf_counter() - started


_ESCAPES = {"\\": "\\", "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


def _plain(value: str) -> str | None:
    """A value as COPY writes it."""
    if value == "\\N":
        return None
    parts = iter(re.split(r"(\\.)", value))
    return "".join(_ESCAPES.get(part[1:], part[1:]) if part.startswith("\\") else part for part in parts)


@contextmanager
def _twins() -> Iterator[_Twins]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA twin")
        try:
            twins = _Twins()
            for table in twins.keys:
                cursor.execute(
                    f'CREATE TABLE twin."{table}" (LIKE public."{table}" INCLUDING DEFAULTS INCLUDING CONSTRAINTS'
                    " INCLUDING INDEXES)"
                )
            yield twins
        finally:
            cursor.execute("DROP SCHEMA twin CASCADE")


# -- memory --------------------------------------------------------------------------------------------------------


def _memory(key: str) -> list[Case]:
    """Of the one worker of a server, over REQUESTS calls of several kinds; BENCH_REQUESTS says how many."""
    port = free_port()
    database = connection.settings_dict
    host = str(database["HOST"]).replace("/", "%2F")
    env = os.environ | {"DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}?host={host}"}
    argv = [sys.executable, "-m", "gunicorn", "bench.server:application", "--bind", f"{LOOPBACK}:{port}"]
    argv += ["--workers", "1", "--worker-class", "gthread", "--threads", "2", "--no-control-socket"]
    child = processes.start(argv, env=env, cwd=REPOSITORY, output=subprocess.DEVNULL)
    try:
        line = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
        until_it_answers(line)
        (worker,) = psutil.Process(child.pid).children()
        early = 0.0
        for number in range(REQUESTS):
            _call(line, key, number)
            if number == REQUESTS // 5:
                early = worker.memory_info().rss / 1e6
        late = worker.memory_info().rss / 1e6
    finally:
        processes.end(child, stop_signal=signal.SIGTERM, seconds=10)
    return [
        within(f"memory of a worker after {REQUESTS} calls", late, MOST_MB, "MB"),
        within(f"that memory beside the one after {REQUESTS // 5} calls", late, early * MOST_GROWTH, "MB"),
    ]


def until_it_answers(line: http.client.HTTPConnection) -> None:
    ends_at = time.monotonic() + 60
    while True:
        try:
            line.request("GET", "/readyz")
            line.getresponse().read()
        except OSError:
            line.close()
            assert time.monotonic() < ends_at, "the server does not answer"
            time.sleep(0.1)
        else:
            return


_READS = (
    "/me",
    "/purchase-order-lines?limit=20",
    "/changes?limit=20",
    "/purchase-orders?expand=lines&limit=10",
    "/units",
)


@cache
def _body(name: str) -> dict[str, Any]:
    return _orders(name, count=1, lines=1, schedules=1)[f"{name}-0"]


def _call(line: http.client.HTTPConnection, key: str, number: int) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if number % 10 == 0:
        name = f"M{number % 500}"
        body = _body(name) | {"document_version": number + 1, "title": f"Call {number // 500}"}
        line.request("PUT", f"/api/v1/purchase-orders/ext/BENCH/{name}-0", json.dumps(body), headers)
    else:
        line.request("GET", f"/api/v1{_READS[number % len(_READS)]}", headers=headers)
    answer = line.getresponse()
    content = answer.read()
    assert answer.status in {200, 201}, (answer.status, content[:300])
