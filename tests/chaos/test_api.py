"""What systems do to each other through the API: updates lost, things done twice, fields smuggled in, doors inside.

CHAOS_FULL=1 runs each case in its full size.
"""

import _socket
import http.server
import ipaddress
import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from django.db import connection

from procurement.api.throttle import WINDOW
from procurement.gateways.webhook import HttpPoster, Post
from procurement.models import PurchaseOrder, Receipt
from tests.chaos.machine import FULL, report
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, order_line, problem
from tests.procurement.api.test_schema import COMMITTED
from tests.procurement.services.order_documents import make_world
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
TURNS = 1_000 if FULL else 12
KEYS, PARALLEL = (50, 100) if FULL else (3, 8)
# As many connections as a server in its default size leaves.
THREADS = 25 if FULL else 8


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Caller:
    monkeypatch.setattr(WINDOW, "most", 10**9)
    make_world()
    return calling()


def test_two_clients_that_change_one_order_lose_nothing(erp: Caller) -> None:
    """Each changes its own field, and tries again with the new tag when it is told that it is stale."""
    order = erp.put(ORDER, order_body())
    path = f"/purchase-orders/{order.json()['id']}"
    callers, fields = (erp, calling("Other")), ("title", "incoterm_place")
    applied: dict[str, list[str]] = {field: [] for field in fields}

    def work(place: int) -> int:
        caller, field, tag, stale = callers[place], fields[place], order["ETag"], 0
        for turn in range(TURNS):
            while True:
                answer = caller.patch(path, {field: f"{field} {turn}"}, if_match=tag)
                tag = answer["ETag"]
                if answer.status_code == 200:
                    applied[field].append(answer.json()["result"])
                    break
                assert answer.status_code == 412
                stale += 1
        return stale

    stale = sum(at_once(2, work))

    after = erp.get(path).json()
    written = [sum(result == "updated" for result in applied[field]) for field in fields]
    lost = 2 * TURNS - (after["version"] - 1)
    report("API-1", applied=sum(written), stale_and_tried_again=stale, lost_updates=lost)
    assert (written, lost) == ([TURNS, TURNS], 0)
    assert [after[field] for field in fields] == [f"{field} {TURNS - 1}" for field in fields]
    problem(erp.patch(path, {"title": "x"}), 428, "version_required")
    for tag in ("*", f'W/"v{after["version"]}"', order["ETag"]):
        problem(erp.patch(path, {"title": "x"}, if_match=tag), 412, "stale_version")


def test_many_at_once_under_one_key_do_one_thing(erp: Caller) -> None:
    """A receipt adds up: had one been done twice, there would be a row more."""
    key = erp.put(ORDER, order_body(order_line(quantity=str(KEYS)))).json()["id"]
    said = {"order": key, "line_number": 10, "quantity": "1", "received_on": "2026-11-01"}
    keys = [uuid4().hex for _each in range(KEYS)]
    calls = [(number, keys[number]) for number in range(KEYS) for _again in range(PARALLEL)]

    def send(place: int) -> list[tuple[int, int, bytes]]:
        found = []
        for number, once in calls[place::THREADS]:
            answer = erp.post("/goods-receipts", said | {"number": f"GR-{number}"}, idempotency_key=once)
            found.append((number, answer.status_code, answer.content))
        return found

    answers = [each for some in at_once(THREADS, send) for each in some]

    statuses = Counter(status for _number, status, _body in answers)
    bodies: dict[int, set[bytes]] = {number: set() for number in range(KEYS)}
    for number, status, body in answers:
        if status == 201:
            bodies[number].add(body)
    double = Receipt.objects.count() - KEYS
    report("API-2", calls=len(answers), statuses=dict(statuses), things=Receipt.objects.count(), double_effects=double)
    assert set(statuses) <= {201, 409}
    assert (double, {len(each) for each in bodies.values()}) == (0, {1})


# -- fields that nobody may set ------------------------------------------------------------------------------------


def columns() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        )
        return sorted(name for (name,) in cursor.fetchall())


def everything() -> dict[str, str]:
    """A mark of the rows of each table, but for what merely says that somebody called."""
    aside = {"accounts_apikey", "accounts_keptanswer", "procurement_integrationmessage"}
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table not in aside:
                cursor.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t")
                found[table] = cursor.fetchone()[0]
    return found


def known_names(schema: Any, schemas: dict[str, Any]) -> set[str]:
    """The names that a body may hold at its top."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return set(schema.get("properties", {})).union(*(known_names(each, schemas) for each in schema.get("allOf", [])))


def writes() -> Iterator[tuple[str, str, set[str]]]:
    document = yaml.safe_load(COMMITTED.read_text())
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if method != "get" and content:
                yield method.upper(), path, known_names(content["schema"], document["components"]["schemas"])


def test_no_column_can_be_set_by_its_name(erp: Caller) -> None:
    """Every column of the catalogue, in every write: told or refused, and nothing is changed."""
    order = erp.put(ORDER, order_body())
    key = order.json()["id"]
    names, before, sent, told = columns(), everything(), 0, 0
    places = {
        "{order_id}": key,
        "{system}": "SAP-PRD",
        "{external_id}": "4500016221",
        "{site}": "SYD1",
        "{code}": "SYD1",
    }
    for method, path, known in writes():
        for there, value in places.items():
            path = path.replace(there, value)
        if "{" in path:
            path = f"{path[: path.index('{')]}{UUID(int=7)}{path[path.index('}') + 1 :]}"
        foreign = {name: "1" for name in names if name not in known}
        whole = order_body() if path.endswith("4500016221") else {}
        for strict in (False, True):
            headers = {"if_match": order["ETag"], "idempotency_key": uuid4().hex}
            if strict:
                headers["prefer"] = "handling=strict"
            answer = erp._send(method, path.removeprefix("/api/v1"), foreign | whole, headers)
            sent += len(foreign)
            assert answer.status_code < 500, (method, path, answer.content)
            if strict:
                assert answer.status_code >= 400, (method, path)
                continue
            if answer.status_code < 300:
                said = {each["pointer"].strip("/") for each in answer.json()["warnings"]}
                assert set(foreign) - set(whole) <= said, (method, path)
                told += len(said)

    changed = sorted(table for table, mark in everything().items() if before[table] != mark)
    report("API-4", columns=len(names), fields_sent=sent, warnings=told, tables_changed=len(changed))
    assert (changed, PurchaseOrder.objects.get().version) == ([], 1)


# -- addresses inside ----------------------------------------------------------------------------------------------

INSIDE = [
    "https://127.0.0.1:{port}/",
    "https://127.1:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://017700000001:{port}/",
    "https://0:{port}/",
    "https://localhost:{port}/",
    "https://[::1]:{port}/",
    "https://[::]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::7f00:1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[64:ff9b::7f00:1]:{port}/",
    "https://[fe80::1]:{port}/",
    "https://[fd00::1]:{port}/",
    "https://169.254.169.254:{port}/",
    "https://100.64.0.1:{port}/",
    "https://10.0.0.1:{port}/",
    "https://192.168.0.1:{port}/",
    "https://224.0.0.1:{port}/",
    "https://user@127.0.0.1:{port}/",
    "https://example.com@127.0.0.1:{port}/",
    "https://example.com#@127.0.0.1:{port}/",
    "https://example.com\\@127.0.0.1:{port}/",
    "https://both.example:{port}/",
    "https://inside.example:{port}/",
    "https://fails-first.example:{port}/",
    "http://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
]


class Names:
    """Answers for names as a hostile server would; what is a number is read as the library reads it."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, host: Any, port: Any, *args: Any, **said: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        self.asked[name] += 1
        if name == "fails-first.example" and self.asked[name] == 1:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        found = {
            "localhost": ["127.0.0.1"],
            "inside.example": ["127.0.0.1"],
            "fails-first.example": ["127.0.0.1"],
            "both.example": ["93.184.216.34", "127.0.0.1"],
            "changes.example": ["93.184.216.34"] if self.asked[name] == 1 else ["127.0.0.1"],
        }.get(name)
        if found is None:
            return _socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
def canary() -> Iterator[list[object]]:
    """A listener of this machine, and who came."""
    came: list[object] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def setup(self) -> None:
            came.append(self.client_address)
            super().setup()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    came.append(server.server_port)
    yield came
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_address_inside_is_reached(canary: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    port, names = canary.pop(), Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    connected: list[str] = []

    def connect(self: socket.socket, address: Any) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    secret, at = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0", datetime(2026, 11, 20, 12, tzinfo=UTC)
    poster = HttpPoster(networks=[], seconds=2)
    answered: Counter[str] = Counter()
    for url in INSIDE:
        for _attempt in range(2):
            told = poster.post(Post("x", url.format(port=port), secret, json.dumps({})), at=at)
            answered[told.outcome.value] += 1
    monkeypatch.setattr(socket.socket, "connect", connect)
    poster.post(Post("x", f"https://changes.example:{port}/", secret, "{}"), at=at)

    report("CON-3", addresses=len(INSIDE) + 1, outcomes=dict(answered), connections_to_the_canary=len(canary))
    assert canary == []
    assert "accepted" not in answered
    # Looked up once, and connected to what was looked at.
    assert (names.asked["changes.example"], connected) == (1, ["93.184.216.34"])
    assert all(ipaddress.ip_address(address).is_global for address in connected)
