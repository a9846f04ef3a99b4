"""schemathesis against the API: whatever is sent, no server error, and no answer the schema does not announce.

The suite makes a short run; FUZZ_FULL=1, as `make fuzz` sets it, all phases for three roles and three seeds, and at
least 50,000 requests in all.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import WSGIRequestHandler
from django.utils import timezone

from procurement.api.throttle import WINDOW
from procurement.management.runtime.places import REPOSITORY
from procurement.models import Alert, PurchaseOrder
from procurement.services import api_keys
from procurement.services.demo import load_demo
from sites.accounts.permissions import Role, Scope
from sites.models import GridConnection, NetworkWorks, PowerPurchaseAgreement, Site
from tests.procurement.services.order_documents import document, make_world, put

FULL = bool(os.environ.get("FUZZ_FULL"))
SEEDS = (1, 2, 3) if FULL else (1,)
FEWEST = 50_000 if FULL else 100
# The suite tries reading one's own client, units, jobs and one order.
SHORT = "/(me|units|jobs/.job_id.|purchase-orders/.order_id.)$"
# As it is committed; tests/procurement/api/test_schema.py sees that it is what the API says.
SCHEMA = REPOSITORY / "docs" / "openapi-v1.yaml"
SETTINGS = Path(__file__).with_name("schemathesis.toml")
READS = [scope.value for scope in Scope if scope.value.endswith(":read")]
EVERY = [scope.value for scope in Scope]
# Who calls: one who may everything everywhere, the ERP of one site, and one who only reads.
CALLERS: dict[str, dict[str, Any]] = {
    "administrator": {"role": Role.ADMINISTRATOR, "scopes": EVERY},
    "erp": {"role": Role.ERP_CLIENT, "scopes": EVERY, "is_of_one_site": True},
    "reader": {"role": Role.VIEWER, "scopes": READS},
}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
)


class Answers:
    """How often each status was answered, whoever asked."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.counted: Counter[int] = Counter()

    def __call__(self, sender: object, status: int) -> None:
        with self._lock:
            self.counted[status] += 1


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    found = Answers()
    answer = WSGIHandler.get_response

    def counted(self: WSGIHandler, request: Any) -> Any:
        response = answer(self, request)
        found(self, response.status_code)
        return response

    monkeypatch.setattr(WSGIHandler, "get_response", counted)
    monkeypatch.setattr(WINDOW, "most", 10**9)
    # Head and body are two writes: without this the second waits 40 ms for the client's acknowledgement of the first.
    monkeypatch.setattr(WSGIRequestHandler, "disable_nagle_algorithm", True)
    return found


def known() -> dict[str, dict[str, list[str]]]:
    """Things that are there, by the first word of a path and the parameter that names them."""
    orders = [str(key) for key in PurchaseOrder.objects.values_list("pk", flat=True)[:20]]
    sites = list(Site.objects.values_list("code", flat=True))
    agreements = PowerPurchaseAgreement.objects.values_list("pk", "code")
    return {
        "purchase-orders": {"order_id": orders, "system": ["SAP-PRD"]},
        "sites": {"site": sites, "code": sites},
        "slip-alerts": {"alert_id": [str(key) for key in Alert.objects.values_list("pk", flat=True)[:20]]},
        "agreements": {
            "agreement_id": [str(key) for key, _code in agreements],
            "key": [str(key) for key, _code in agreements],
            "code": [code for _key, code in agreements],
        },
        "grid-connections": {"key": [str(key) for key in GridConnection.objects.values_list("pk", flat=True)]},
        "network-works": {"key": [str(key) for key in NetworkWorks.objects.values_list("pk", flat=True)]},
        "exports": {"kind": ["lines", "requirements"]},
    }


def run(url: str, key: str, seed: int, things: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(SETTINGS),
        "run",
        str(SCHEMA),
        "--url",
        url,
    ]
    command += ["--header", f"Authorization: Bearer {key}", "--checks", ",".join(CHECKS), "--seed", str(seed)]
    command += ["--request-timeout", "30", "--warnings", "off", "--suppress-health-check", "all", "--no-color"]
    command += ["--generation-database", "none", "--continue-on-failure", "--no-shrink"]
    if FULL:
        command += ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "15"]
    else:
        command += ["--phases", "examples,coverage", "--include-path-regex", SHORT]
    said = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.fuzz.known",
        "LONGLEAD_FUZZ_KNOWN": things,
        "PYTHONPATH": str(REPOSITORY),
    }
    return subprocess.run(command, cwd=folder, env=said, capture_output=True, text=True, check=False)


def prepare() -> None:
    """The demo's portfolio; for a short run a vendor, two sites and an order."""
    if FULL:
        load_demo(today=datetime.now(UTC).date(), now=timezone.now())
        return
    world = make_world()
    put(world, document())


@pytest.mark.django_db(transaction=True)
def test_no_server_error_and_no_answer_that_is_not_announced(
    answers: Answers, live_server: Any, tmp_path: Path
) -> None:
    now = timezone.now()
    prepare()
    things = json.dumps(known())
    found = {}
    site = Site.objects.order_by("code").values_list("code", flat=True)[0]
    keys = {}
    for name, said in CALLERS.items() if FULL else [("erp", CALLERS["erp"])]:
        codes = [site] if said.get("is_of_one_site") else []
        client = api_keys.make_client(name=name, system="SAP-PRD", actor=None, role=said["role"], site_codes=codes)
        _key, keys[name] = api_keys.make_key(
            client=client, scopes=said["scopes"], expires_at=None, addresses=[], actor=None, now=now
        )
    for seed in SEEDS:
        for name, secret in keys.items():
            ran = run(live_server.url, secret, seed, things, tmp_path)
            print(f"\n{name}, seed {seed}: exit {ran.returncode}, {sum(answers.counted.values())} requests so far")  # noqa: T201
            if ran.returncode:
                found[f"{name}, seed {seed}"] = ran.stdout[-20_000:] + ran.stderr[-2_000:]
                # Said at once too: a run of an hour may be stopped before its end.
                print(found[f"{name}, seed {seed}"])  # noqa: T201

    print(f"answered: {dict(sorted(answers.counted.items()))}")  # noqa: T201
    assert not found, "\n".join(f"== {name}\n{said}" for name, said in found.items())
    assert [status for status in answers.counted if status >= 500] == []
    assert sum(answers.counted.values()) >= FEWEST
