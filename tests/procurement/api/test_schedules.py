"""Site schedules by the API: a file in, what it would change, accepted, rejected, taken back."""

from typing import Any

import pytest

from sites.accounts.permissions import Role, Scope
from sites.models import ScheduleRevision, Site
from sites.vocabulary import RevisionState
from tests.procurement.api.calls import Caller, calling, problem, queries_of
from tests.procurement.management.test_import_schedule import SAMPLES
from tests.procurement.services.order_documents import World
from tests.samples import sample
from tests.sites.readers.test_schedule_file import BOMB
from tests.sites.readers.xer import SMALL, xer

pytestmark = pytest.mark.django_db

CONTENT = xer(*SMALL)
LATER = CONTENT.replace(b"2027-01-11", b"2027-03-15").replace(b"2027-02-05", b"2027-04-09")
EARLIER = LATER.replace(b"2026-11-20 08:00", b"2026-10-16 08:00")
MIXED = CONTENT.replace(b"Hall A", "Türöffnung".encode()).replace(
    b"%E", "%T\tMEMO\n%F\ttext\n%R\tTür\n%E".encode("cp1252")
)
SYDNEY = "/sites/SYD1/schedules"
BINARY = "application/octet-stream"


@pytest.fixture
def lead(world: World) -> Caller:
    return calling("Planner", system="P6", role=Role.SITE_LEAD)


@pytest.fixture
def approver(world: World) -> Caller:
    return calling("Approver", system="APPROVALS", role=Role.APPROVER)


def uploaded(caller: Caller, content: bytes = CONTENT) -> dict[str, Any]:
    answer = caller.post(f"{SYDNEY}?file_name=dc1.xer", content, content_type=BINARY)
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    return body


def one(caller: Caller, content: bytes = CONTENT) -> str:
    return str(uploaded(caller, content)["revisions"][0]["id"])


def accepted(lead: Caller, approver: Caller, content: bytes = CONTENT) -> str:
    revision = one(lead, content)
    assert approver.post(f"/schedules/{revision}/accept", {}).status_code == 200
    return revision


def test_a_file_lands_in_quarantine(lead: Caller) -> None:
    body = uploaded(lead)

    (revision,) = body["revisions"]
    assert (revision["site"], revision["project"], revision["state"], revision["file_name"], revision["format"]) == (
        "SYD1", "DC1", "quarantined", "dc1.xer", "xer",
    )  # fmt: skip
    assert (body["projects"][0]["activities"], body["projects"][0]["links"]) == (2, 1)


def test_a_file_may_be_larger_than_any_document_of_the_api(lead: Caller) -> None:
    memo = ["%T\tMEMO", "%F\ttext", *("%R\t" + "x" * 1000 for _ in range(6_500))]

    revision = uploaded(lead, xer(*SMALL, memo))["revisions"][0]

    assert revision["state"] == "quarantined"


def test_the_same_bytes_twice_are_one_import(lead: Caller) -> None:
    assert one(lead) == one(lead)
    assert ScheduleRevision.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (CONTENT[:-10], "line 20: The file ends without its end mark (%E): it is cut off."),
        (b"", "line 1: The file is empty."),
        (BOMB, "line 2: The XML declares a document type (DTD), which is never read."),
        (MIXED, "line 8: This line is UTF-8 and others are not: the file mixes encodings."),
        (b"PK\x03\x04 a workbook", "line 1: This is a ZIP archive, such as an .xlsx workbook; export the schedule as"),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_leaves_nothing(lead: Caller, content: bytes, why: str) -> None:
    body = problem(lead.post(SYDNEY, content, content_type=BINARY), 422, "validation_error")

    assert body["detail"].startswith(why)
    assert body["errors"][0]["pointer"] == "/file"
    assert not ScheduleRevision.objects.exists()


def test_the_difference_says_what_would_move(lead: Caller, approver: Caller) -> None:
    first = accepted(lead, approver)

    body = lead.get(f"/schedules/{one(lead, EARLIER)}/difference").json()

    assert (body["against"], body["counts"]["moved"], body["anomalies"]) == (
        first,
        2,
        [{"kind": "data_date_back", "facts": {"before": "2026-11-20", "after": "2026-10-16"}}],
    )
    assert [(row["code"], row["days"]) for row in body["moved"]] == [("A100", 63), ("A110", 63)]
    assert (body["effect"], body["alerts"]) == ([], [])


def test_what_is_odd_needs_a_reason(lead: Caller, approver: Caller) -> None:
    accepted(lead, approver)
    odd = one(lead, EARLIER)

    problem(approver.post(f"/schedules/{odd}/accept", {}), 409, "schedule_is_suspicious")
    answer = approver.post(f"/schedules/{odd}/accept", {"reason": "The site corrects October"})

    assert (answer.status_code, answer.json()["revision"]["state"]) == (200, "accepted")


def test_a_schedule_is_turned_down_with_a_reason(lead: Caller) -> None:
    revision = one(lead)

    problem(lead.post(f"/schedules/{revision}/reject", {}), 422, "validation_error")
    answer = lead.post(f"/schedules/{revision}/reject", {"reason": "Of another site"})

    assert answer.json()["revision"]["state"] == "rejected"


def test_an_acceptance_is_taken_back(lead: Caller, approver: Caller) -> None:
    first = accepted(lead, approver)
    second = accepted(lead, approver, LATER)

    answer = approver.post(f"/schedules/{second}/roll-back", {"reason": "Wrong file"})

    assert (answer.json()["revision"]["state"], answer.json()["left"]) == ("rolled_back", [])
    assert lead.get(f"/schedules/{first}").json()["state"] == "accepted"


def test_activities_are_found_page_by_page(lead: Caller) -> None:
    revision = one(lead)

    first = lead.get(f"/schedules/{revision}/activities?limit=1").json()
    rest = lead.get(f"/schedules/{revision}/activities?after=A100&search=hall").json()

    assert ([row["code"] for row in first["items"]], first["has_more"]) == (["A100"], True)
    assert rest == {
        "items": [
            {
                "code": "A110", "name": "Task A110", "wbs": "Hall A", "kind": "task", "status": "not_started",
                "start": "2027-01-11T08:00:00", "finish": "2027-02-05T17:00:00", "total_float_hours": "8",
                "constraint": "", "is_driving": None,
            }
        ],
        "has_more": False,
    }  # fmt: skip


def test_uploading_and_accepting_need_their_rights(lead: Caller, approver: Caller, erp: Caller) -> None:
    revision = one(lead)

    problem(approver.post(SYDNEY, CONTENT, content_type=BINARY), 403, "not_permitted")
    problem(lead.post(f"/schedules/{revision}/accept", {}), 403, "not_permitted")
    problem(erp.post(f"/schedules/{revision}/roll-back", {"reason": "No"}), 403, "not_permitted")
    assert ScheduleRevision.objects.get().state == RevisionState.QUARANTINED


def test_a_key_is_for_what_it_says(world: World) -> None:
    reader = calling("Reader", role=Role.SITE_LEAD, scopes=[Scope.SCHEDULES_READ])
    writer = calling("Writer", role=Role.SITE_LEAD, scopes=[Scope.SCHEDULES_WRITE])

    assert (reader.get(SYDNEY).status_code, writer.get(SYDNEY).status_code) == (200, 403)
    assert reader.post(SYDNEY, CONTENT, content_type=BINARY).status_code == 403
    assert writer.post(SYDNEY, CONTENT, content_type=BINARY).status_code == 201


@pytest.mark.parametrize("path", ["", "/difference", "/activities"])
def test_another_site_is_out_of_sight(lead: Caller, path: str) -> None:
    revision = one(lead)
    elsewhere = Site.objects.exclude(code="SYD1").order_by("code").first()
    assert elsewhere is not None
    stranger = calling("Elsewhere", role=Role.SITE_LEAD, site_codes=[elsewhere.code])

    problem(stranger.get(f"/schedules/{revision}{path}"), 404, "not_found")
    problem(stranger.get(SYDNEY), 404, "not_found")


def test_the_number_of_queries_does_not_grow_with_the_list(lead: Caller) -> None:
    one(lead)
    first = queries_of(lambda: lead.get(SYDNEY))
    one(lead, LATER)
    one(lead, EARLIER)

    assert queries_of(lambda: lead.get(SYDNEY)) == first
    assert len(lead.get(SYDNEY).json()["items"]) == 3


@pytest.mark.parametrize("name", SAMPLES)
def test_files_that_the_tools_themselves_wrote_are_imported(lead: Caller, name: str) -> None:
    body = uploaded(lead, sample(name).read_bytes())

    assert [row["state"] for row in body["revisions"]] == ["quarantined"]
    assert body["projects"][0]["activities"] == SAMPLES[name]
