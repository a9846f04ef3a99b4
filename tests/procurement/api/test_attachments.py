import hashlib
from typing import Any
from uuid import uuid4

import pytest

from procurement.models import Attachment
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, problem, queries_of

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 letter of 1 October"


@pytest.fixture
def about(erp: Caller) -> str:
    """The parameters that name an order of Sydney."""
    key = erp.put(ORDER, order_body()).json()["id"]
    return f"subject_kind=order&subject_id={key}"


def send(caller: Caller, about: str, name: str = "letter.pdf", content: bytes = PDF, **headers: str) -> Any:
    return caller.post(f"/attachments?{about}&file_name={name}", content, content_type="application/pdf", **headers)


def test_a_file_is_kept_and_read_back(erp: Caller, about: str) -> None:
    answer = send(erp, about + "&note=Signed")

    told = answer.json()
    assert (answer.status_code, answer["Location"]) == (201, f"/api/v1/attachments/{told['id']}")
    assert (told["name"], told["content_type"], told["size_bytes"]) == ("letter.pdf", "application/pdf", len(PDF))
    assert (told["sha256"], told["note"], told["added_by"]) == (hashlib.sha256(PDF).hexdigest(), "Signed", "ERP")
    assert erp.get(f"/attachments/{told['id']}").json() == told
    assert erp.get(f"/attachments?{about}").json()["items"] == [told]
    content = erp.get(f"/attachments/{told['id']}/content")
    assert (content.content, content["Content-Type"]) == (PDF, "application/octet-stream")
    assert content["Content-Disposition"] == 'attachment; filename="letter.pdf"'


@pytest.mark.parametrize(("name", "content"), [("letter.pdf", b""), ("run.exe", b"MZ"), ("letter.png", PDF)])
def test_what_is_none_of_the_files_taken_is_refused(erp: Caller, about: str, name: str, content: bytes) -> None:
    problem(send(erp, about, name, content), 422, "validation_error")
    assert not Attachment.objects.exists()


def test_a_file_that_is_too_large_is_refused(erp: Caller, about: str) -> None:
    problem(send(erp, about, content=PDF + bytes(15 * 1024 * 1024)), 413, "too_large")


@pytest.mark.parametrize("said", ["", "subject_kind=order", "subject_kind=moon&subject_id=x"])
def test_a_file_is_about_something(erp: Caller, said: str) -> None:
    problem(erp.get(f"/attachments?{said}"), 400, "invalid_parameter")
    problem(send(erp, said), 400, "invalid_parameter")


def test_files_are_those_of_things_in_sight(erp: Caller, about: str, world: Any) -> None:
    key = send(erp, about).json()["id"]
    tokyo = calling("Tokyo", site_codes=["TYO1"])

    for answer in (
        tokyo.get(f"/attachments?{about}"),
        tokyo.get(f"/attachments/{key}"),
        tokyo.get(f"/attachments/{key}/content"),
        send(tokyo, about),
        erp.get(f"/attachments/{uuid4()}"),
    ):
        problem(answer, 404, "not_found")


def test_a_file_is_removed_by_who_added_it(erp: Caller, about: str, sydney_only: Caller) -> None:
    key = send(erp, about).json()["id"]

    problem(sydney_only._send("DELETE", f"/attachments/{key}", b"", {}), 403, "not_permitted")
    assert erp._send("DELETE", f"/attachments/{key}", b"", {}).status_code == 200

    assert erp.get(f"/attachments?{about}").json()["items"] == []
    problem(erp.get(f"/attachments/{key}"), 404, "not_found")


def test_a_list_of_files_takes_a_fixed_number_of_queries(erp: Caller, about: str) -> None:
    send(erp, about)
    one = queries_of(lambda: erp.get(f"/attachments?{about}"))
    send(erp, about, "b.pdf")
    send(erp, about, "c.pdf")

    assert queries_of(lambda: erp.get(f"/attachments?{about}")) == one
