"""What no reader should have to read: refused as the caller's mistake, at every door that takes JSON."""

import pytest

from procurement.models import PurchaseOrder
from tests.procurement.api.calls import ORDER, Caller, problem

DOORS = [("PUT", ORDER), ("POST", "/purchase-orders/bulk"), ("POST", "/goods-receipts"), ("POST", "/shipments")]
BODIES = {
    "deep lists": (b"[" * 10_000 + b"]" * 10_000, 400, "malformed"),
    "deep objects": (b'{"lines":' * 10_000 + b"1" + b"}" * 10_000, 400, "malformed"),
    "not a number": (b'{"quantity": NaN}', 400, "malformed"),
    "infinity": (b'{"quantity": -Infinity}', 400, "malformed"),
    "a long whole number": (b'{"quantity": ' + b"9" * 5_000 + b"}", 400, "malformed"),
    "a long fraction": (b'{"quantity": 0.' + b"9" * 5_000 + b"}", 422, "validation_error"),
    "a huge exponent": (b'{"quantity": 1e999999}', 422, "validation_error"),
    "a name twice": (b'{"quantity": 1, "quantity": 2}', 400, "malformed"),
    "a null character": (b'{"document": "\\u0000"}', 400, "malformed"),
    "half a character": (b'{"document": "\\ud800"}', 400, "malformed"),
    "another encoding": ("é".encode("latin-1"), 400, "malformed"),
    "a list": (b"[1]", 422, "validation_error"),
    "nothing": (b"null", 422, "validation_error"),
    "half of it": (b'{"quantity": ', 400, "malformed"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), DOORS, ids=[path for _method, path in DOORS])
@pytest.mark.parametrize("body", BODIES)
def test_it_is_refused_and_nothing_is_stored(erp: Caller, method: str, path: str, body: str) -> None:
    content, status, code = BODIES[body]

    answer = (erp.put if method == "PUT" else erp.post)(path, content)

    problem(answer, status, code)
    assert PurchaseOrder.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "utf-7", "nonsense"])
@pytest.mark.parametrize(("method", "path"), DOORS, ids=[path for _method, path in DOORS])
def test_a_body_that_claims_another_charset_is_refused(erp: Caller, method: str, path: str, charset: str) -> None:
    said = f"application/json; charset={charset}"

    answer = (erp.put if method == "PUT" else erp.post)(f"{path}?dry_run=true&x=%e9", b"{}", content_type=said)

    problem(answer, 415, "unsupported_charset")


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["utf-8", '"UTF-8"', "utf8"])
def test_a_body_that_says_it_is_utf8_is_read(erp: Caller, charset: str) -> None:
    problem(erp.put(ORDER, b"{}", content_type=f"application/json; charset={charset}"), 422, "validation_error")
