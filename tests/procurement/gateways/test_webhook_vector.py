"""The test vector and the receivers that partners get, against the library that signs."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

PAGE = Path(__file__).resolve().parents[3] / "docs" / "erp" / "webhooks.md"
VECTOR = dict(re.findall(r"^\| `?([\w-]+)`? \| `(.+)` \|$", PAGE.read_text(encoding="utf-8"), re.M))
SECRET, BODY = VECTOR["secret"], VECTOR["body"]
OTHER = "whsec_YW5vdGhlci1zZWNyZXQtb2Ytc29tZW9uZS1lbHNl"
CALL = """
const [secret, headers, body] = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
console.log(isOurs(secret, headers, Buffer.from(body)));
"""

Receiver = Callable[[str, dict[str, str], str], bool]


def code(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return str(found)


def in_python(secret: str, headers: dict[str, str], body: str) -> bool:
    space: dict[str, Callable[[str, dict[str, str], bytes], bool]] = {}
    exec(code("python"), space)
    return space["is_ours"](secret, headers, body.encode())


def in_javascript(secret: str, headers: dict[str, str], body: str) -> bool:
    node = shutil.which("node")
    if node is None:
        pytest.skip("There is no node on PATH.")
    told = json.dumps([secret, headers, body])
    ran = subprocess.run([node, "-e", code("js") + CALL], input=told, capture_output=True, text=True, check=True)
    return {"true\n": True, "false\n": False}[ran.stdout]


@pytest.fixture(params=[in_python, in_javascript], ids=["Python", "JavaScript"])
def receiver(request: pytest.FixtureRequest) -> Receiver:
    return request.param  # type: ignore[no-any-return]


def headers(*secrets: str, ago: timedelta = timedelta()) -> dict[str, str]:
    """As they are sent: one signature for each secret."""
    at = datetime.now(UTC) - ago
    return {
        "webhook-id": VECTOR["webhook-id"],
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(each).sign(VECTOR["webhook-id"], at, BODY) for each in secrets),
    }


def test_the_vector_of_the_docs_is_what_we_sign() -> None:
    at = datetime.fromtimestamp(int(VECTOR["webhook-timestamp"]), UTC)

    signed = Webhook(SECRET).sign(VECTOR["webhook-id"], at, BODY)

    assert signed == VECTOR["webhook-signature"]


def test_a_receiver_of_the_docs_takes_what_we_sign(receiver: Receiver) -> None:
    assert receiver(SECRET, headers(SECRET), BODY)


def test_a_receiver_of_the_docs_takes_a_message_signed_with_two_secrets_by_either(receiver: Receiver) -> None:
    assert receiver(SECRET, headers(OTHER, SECRET), BODY)


# Signed when the test runs: what was signed at collection would be refused for its age alone.
REFUSED: dict[str, Callable[[], tuple[dict[str, str], str]]] = {
    "another secret": lambda: (headers(OTHER), BODY),
    "another body": lambda: (headers(SECRET), BODY.replace("ping", "pong")),
    "too old": lambda: (headers(SECRET, ago=timedelta(minutes=6)), BODY),
    "to come": lambda: (headers(SECRET, ago=timedelta(minutes=-6)), BODY),
    "no time": lambda: ({**headers(SECRET), "webhook-timestamp": "soon"}, BODY),
    "a signature of letters": lambda: ({**headers(SECRET), "webhook-signature": "v1," + "é" * 44}, BODY),
    "no headers": lambda: ({}, BODY),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_receiver_of_the_docs_refuses_what_we_did_not_sign(receiver: Receiver, case: str) -> None:
    sent, body = REFUSED[case]()

    assert not receiver(SECRET, sent, body)
