"""The test vector that partners get, against the library that signs."""

import re
from datetime import UTC, datetime
from pathlib import Path

from standardwebhooks import Webhook

PAGE = Path(__file__).resolve().parents[3] / "docs" / "erp" / "webhooks.md"


def test_the_vector_of_the_docs_is_what_we_sign() -> None:
    said = dict(re.findall(r"^\| `?([\w-]+)`? \| `(.+)` \|$", PAGE.read_text(encoding="utf-8"), re.M))
    at = datetime.fromtimestamp(int(said["webhook-timestamp"]), UTC)

    signed = Webhook(said["secret"]).sign(said["webhook-id"], at, said["body"])

    assert signed == said["webhook-signature"]
