import io
import json

import pytest
from django.core.management import call_command

from tests.factories.sites import ChainFactory

pytestmark = pytest.mark.django_db


def _run(*arguments: str) -> tuple[str, int]:
    out, code = io.StringIO(), 0
    try:
        call_command("check_invariants", *arguments, stdout=out)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return out.getvalue(), code


def test_silence_and_0_where_all_is_well() -> None:
    assert _run() == ("", 0)


def test_one_document_where_all_is_well() -> None:
    said, code = _run("--json")

    assert (json.loads(said), code) == ({"broken": []}, 0)


def test_a_line_for_each_row_that_breaks_a_rule_and_1() -> None:
    chain = ChainFactory.create(steps=["ON_SITE"])

    assert _run() == (f"a_chain_has_an_owner: {chain.pk} (lot)\n", 1)


def test_one_document_with_all_that_is_broken_and_1() -> None:
    chain = ChainFactory.create(steps=["ON_SITE"])

    said, code = _run("--json")

    broken = {"rule": "a_chain_has_an_owner", "subject": str(chain.pk), "detail": "lot"}
    assert (json.loads(said), code) == ({"broken": [broken]}, 1)
