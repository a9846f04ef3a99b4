"""The calls that partners copy, made one after the other as the file has them."""

import re
from typing import Any
from uuid import uuid4

import pytest

from procurement.management.runtime.places import REPOSITORY
from sites.accounts.permissions import Role, scopes_of
from tests.factories.procurement import EquipmentClassFactory
from tests.factories.sites import SiteFactory
from tests.procurement.api.calls import calling

FILE = (REPOSITORY / "docs" / "erp" / "requests.http").read_text()


@pytest.mark.django_db
def test_the_calls_to_copy_succeed_in_their_order() -> None:
    SiteFactory.create(code="SYD01")
    EquipmentClassFactory.create(code="CHILLER_AIR")
    erp = calling(scopes=scopes_of(Role.ERP_CLIENT))
    said = dict(re.findall(r"^@(\w+) = (.*)$", FILE, re.MULTILINE)) | {"system": "SAP-PRD", "key": erp.key}
    answers: dict[str, int] = {}

    for call in FILE.split("\n### ")[1:]:
        title, _end, rest = call.partition("\n")
        answer = made(erp.browser, filled(rest, said))
        answers[title] = answer.status_code
        assert answer.get("X-Row-Failures", "0") == "0", answer.content
        assert "X-Unknown-Parameters" not in answer
        if title.startswith("The order;"):
            said |= {"order": answer.json()["id"], "tag": answer["ETag"]}

    assert len(answers) > 15
    assert {title: status for title, status in answers.items() if status >= 300} == {}


def filled(text: str, said: dict[str, str]) -> str:
    while "{{" in text:
        text = re.sub(r"\{\{\$guid\}\}", uuid4().hex, text)
        text = re.sub(r"\{\{(\w+)\}\}", lambda name: said[name[1]], text)
    return text


def made(browser: Any, call: str) -> Any:
    head, _end, body = call.partition("\n\n")
    first, *rest = head.splitlines()
    method, address = first.split(" ")
    headers: dict[str, Any] = dict(line.split(": ", 1) for line in rest)
    path = address.removeprefix("http://127.0.0.1:8000")
    kind = headers.pop("Content-Type", "application/json")
    return browser.generic(method, path, data=body.strip().encode(), content_type=kind, headers=headers)
