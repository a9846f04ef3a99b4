"""Walks through what an integration relies on, against a running Longlead, and prints pass or fail for each step.

    python -m procurement.api.conformance URL KEY --vendor CODE --site CODE --equipment-class CODE

It writes one or two orders whose numbers begin with CONFORMANCE and cancels them in the end. Nothing but the standard
library and httpx is imported, so the file may be copied to another machine. For the webhook step it listens on
`--listen` (127.0.0.1 and any port), which the server must be allowed to reach.
"""

import argparse
import base64
import hmac
import json
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any

import httpx

TOLERANCE_SECONDS = 300


class Failed(Exception):
    """A step found something else than it expected."""


class Skipped(Exception):
    """A step could not be tried."""


@dataclass
class Told:
    headers: dict[str, str]
    body: bytes


@dataclass
class Walk:
    """One run: what the steps found is kept for those that follow."""

    http: httpx.Client
    vendor: str
    site: str
    equipment_class: str
    listen: str
    wait_seconds: float
    name: str = field(default_factory=lambda: f"CONFORMANCE-{secrets.token_hex(4).upper()}")
    system: str = ""
    order: str = ""
    tag: str = ""
    cursor: str = ""

    @property
    def path(self) -> str:
        return f"purchase-orders/ext/{self.system}/{self.name}"

    def document(self, version: int, **said: Any) -> dict[str, Any]:
        line = {
            "line_number": "00010",
            "equipment_class": self.equipment_class,
            "quantity": "2",
            "contractual_date": "2029-05-21",
        }
        whole: dict[str, Any] = {
            "document_version": version,
            "vendor": self.vendor,
            "site": self.site,
            "currency": "EUR",
            "lines": [line],
        }
        return whole | said


def expect(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    if answer.status_code not in statuses:
        raise Failed(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found


def same(found: Any, wanted: Any, what: str) -> None:
    if found != wanted:
        raise Failed(f"{what}: {found!r}, expected {wanted!r}")


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


def whoami(walk: Walk) -> None:
    """The connection test."""
    found = expect(walk.http.get("me"), 200)
    walk.system = str(found["system"])


def feed_begins(walk: Walk) -> None:
    """A place in the change feed from which nothing is missed."""
    cursor = ""
    while True:
        found = expect(walk.http.get("changes", params={"limit": 500} | ({"cursor": cursor} if cursor else {})), 200)
        cursor = str(found["next_cursor"])
        if not found["has_more"]:
            break
    walk.cursor = cursor


def dry_run(walk: Walk) -> None:
    """A try keeps nothing."""
    found = expect(walk.http.put(walk.path, json=walk.document(1), params={"dry_run": "true"}), 200)
    same(found["dry_run"], True, "dry_run")
    expect(walk.http.get(walk.path), 404)


def create(walk: Walk) -> None:
    """PUT under your own id creates, with a strong tag and our address."""
    answer = walk.http.put(walk.path, json=walk.document(1))
    found = expect(answer, 201)
    same(found["result"], "created", "result")
    walk.order, walk.tag = str(found["id"]), answer.headers["ETag"]
    if not walk.tag.startswith('"'):
        raise Failed(f"ETag {walk.tag} is not a strong one")
    expect(walk.http.get(f"purchase-orders/{walk.order}"), 200)


def retry(walk: Walk) -> None:
    """The same again changes nothing; the same key is answered the same."""
    same(expect(walk.http.put(walk.path, json=walk.document(1)), 200)["result"], "unchanged", "result")
    said = {
        "stated_on": time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400)),
        "source": "erp",
        "revisions": [{"kind": "promise", "line_number": 10, "date": "2029-06-04"}],
    }
    path, once = f"purchase-orders/{walk.order}/date-revisions", key()
    first = walk.http.post(path, json=said, headers=once)
    body = expect(first, 200, 201)
    again = walk.http.post(path, json=said, headers=once)
    same(expect(again, first.status_code), body, "the second answer")
    same(again.headers.get("Idempotency-Replayed"), "true", "Idempotency-Replayed")
    expect(walk.http.post(path, json=said | {"source": "email"}, headers=once), 422)
    expect(walk.http.post(path, json=said), 400)


def conflict(walk: Walk) -> None:
    """A change names the version it was made from."""
    path, change = f"purchase-orders/{walk.order}", {"title": "Conformance"}
    expect(walk.http.patch(path, json=change), 428)
    expect(walk.http.patch(path, json=change, headers={"If-Match": '"v0"'}), 412)
    tag = walk.http.get(path).headers["ETag"]
    expect(walk.http.patch(path, json=change, headers={"If-Match": tag}), 200)
    expect(walk.http.patch(path, json=change | {"title": "Other"}, headers={"If-Match": tag}), 412)


def stale(walk: Walk) -> None:
    """A message that was overtaken is ignored, not refused."""
    expect(walk.http.put(walk.path, json=walk.document(5, title="Five")), 200)
    found = expect(walk.http.put(walk.path, json=walk.document(4, title="Four")), 200)
    same(found["result"], "stale_ignored", "result")


def refusals(walk: Walk) -> None:
    """A problem names the field; what is unknown is 404; a strict caller hears of unknown fields."""
    refused = walk.http.put(walk.path, json=walk.document(6, currency="XYZ"))
    expect(refused, 422)
    same(refused.headers["Content-Type"], "application/problem+json", "Content-Type")
    same([each["pointer"] for each in refused.json()["errors"]], ["/currency"], "pointers")
    expect(walk.http.get("purchase-orders/00000000-0000-7000-8000-000000000000"), 404)
    strict = {"Prefer": "handling=strict"}
    expect(walk.http.put(walk.path, json=walk.document(6, colour="blue"), headers=strict), 422)


def bulk(walk: Walk) -> None:
    """Rows that are wrong do not stop the others, and are counted."""
    rows = [
        {"system": walk.system, "external_id": walk.name, "body": walk.document(7)},
        {"system": walk.system, "external_id": f"{walk.name}-B", "body": walk.document(1, vendor="NOBODY-AT-ALL")},
    ]
    answer = walk.http.post("purchase-orders/bulk", json={"rows": rows}, headers=key())
    found = expect(answer, 200)
    same(found["summary"]["failed"], 1, "failed")
    same(answer.headers.get("X-Row-Failures"), "1", "X-Row-Failures")
    same([row["status"] >= 400 for row in found["results"]], [False, True], "results")


def feed(walk: Walk) -> None:
    """Everything that was written is told, in order."""
    until, kinds, sequences = time.monotonic() + walk.wait_seconds, [], []
    while time.monotonic() < until:
        found = expect(walk.http.get("changes", params={"cursor": walk.cursor, "types": "po."}), 200)
        walk.cursor = str(found["next_cursor"])
        mine = [change for change in found["changes"] if change["data"]["id"] == walk.order]
        kinds += [change["type"] for change in mine]
        sequences += [change["data"]["sequence"] for change in mine]
        if {"po.created", "po.updated", "po.line.date_revised"} <= set(kinds):
            same(sequences, sorted(set(sequences)), "sequences")
            return
        time.sleep(0.5)
    raise Failed(f"only {kinds} came within {walk.wait_seconds:.0f} s")


def webhook(walk: Walk) -> None:
    """A test message comes signed, and the former secret still signs after a change."""
    came: Queue[Told] = Queue()
    server = _receiver(walk.listen, came)
    try:
        url = f"http://{walk.listen.partition(':')[0]}:{server.server_port}/"
        made = walk.http.post("webhook-endpoints", json={"url": url, "types": ["po.updated"]}, headers=key())
        if made.status_code == 422:
            raise Skipped(f"the server may not send to {url}")
        endpoint = expect(made, 201)
        path = f"webhook-endpoints/{endpoint['id']}"
        try:
            new = expect(walk.http.post(f"{path}/rotate-secret", headers=key()), 200)
            expect(walk.http.post(f"{path}/ping", headers=key()), 202)
            try:
                told = came.get(timeout=walk.wait_seconds)
            except Empty:
                raise Failed(f"nothing came within {walk.wait_seconds:.0f} s") from None
            same(json.loads(told.body)["type"], "webhook.ping", "type")
            for secret in (endpoint["secret"], new["secret"]):
                verify(str(secret), told)
        finally:
            expect(walk.http.delete(path), 204)
    finally:
        server.shutdown()
        server.server_close()


def cancel(walk: Walk) -> None:
    """Cancelled, never removed."""
    expect(walk.http.put(walk.path, json=walk.document(9, status="cancelled")), 200)
    same(expect(walk.http.get(walk.path), 200)["status"], "cancelled", "status")


def verify(secret: str, told: Told) -> None:
    """Standard Webhooks, by hand. Raises Failed."""
    headers = told.headers
    if abs(time.time() - int(headers["webhook-timestamp"])) > TOLERANCE_SECONDS:
        raise Failed("the message is older than five minutes")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + told.body
    mark = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, sha256).digest()
    wanted = "v1," + base64.b64encode(mark).decode()
    if not any(hmac.compare_digest(wanted, each) for each in headers["webhook-signature"].split()):
        raise Failed("no signature fits the secret")


def _receiver(listen: str, came: "Queue[Told]") -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.put(Told({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    host, _colon, port = listen.partition(":")
    server = HTTPServer((host, int(port or 0)), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


STEPS: tuple[Callable[[Walk], None], ...] = (
    whoami, feed_begins, dry_run, create, retry, conflict, stale, refusals, bulk, feed, webhook, cancel,
)  # fmt: skip


def walk_through(walk: Walk, say: Callable[[str], None]) -> bool:
    """Every step in turn; False where one failed. A step that needs an earlier one fails with it."""
    good = True
    for step in STEPS:
        try:
            step(walk)
        except Skipped as reason:
            say(f"skip  {step.__name__}: {reason}")
        except (Failed, httpx.HTTPError, KeyError, ValueError) as failure:
            good = False
            say(f"FAIL  {step.__name__}: {type(failure).__name__}: {failure}")
        else:
            say(f"pass  {step.__name__}: {step.__doc__}")
    return good


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m procurement.api.conformance", description=__doc__)
    parser.add_argument("url", help="such as http://127.0.0.1:8000")
    parser.add_argument("key", help="a key with the scopes po:*, dates:write, feed:read and hook:admin")
    parser.add_argument("--vendor", required=True, help="a vendor's code, yours or ours")
    parser.add_argument("--site", required=True, help="a site's code, yours or ours")
    parser.add_argument("--equipment-class", required=True, help="the code of a class of equipment")
    parser.add_argument("--listen", default="127.0.0.1", help="host, or host:port, for the webhook")
    parser.add_argument("--wait-seconds", type=float, default=30.0, help="for the feed and the webhook")
    said = parser.parse_args(arguments)
    with httpx.Client(
        base_url=said.url.rstrip("/") + "/api/v1/", headers={"Authorization": f"Bearer {said.key}"}, timeout=30
    ) as http:
        walk = Walk(http, said.vendor, said.site, said.equipment_class, said.listen, said.wait_seconds)
        return 0 if walk_through(walk, print) else 1


if __name__ == "__main__":
    sys.exit(main())
