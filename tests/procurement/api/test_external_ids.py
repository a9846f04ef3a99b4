"""A system's own ids of vendors, sites, classes and units, and orders that use them."""

import pytest

from procurement.models import Company, ExternalRef, OrderLine, PurchaseOrder
from sites.accounts.models import AuditEvent
from tests.factories.procurement import CompanyFactory
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, order_line, pointers, problem

pytestmark = pytest.mark.django_db


def test_orders_may_use_the_ids_that_were_named(erp: Caller) -> None:
    named = [
        erp.put("/vendors/ext/SAP-PRD/0000104711", {"code": "KITA"}),
        erp.put("/sites/ext/SAP-PRD/1000", {"code": "SYD1"}),
        erp.put("/equipment-types/ext/SAP-PRD/MG-77", {"code": "chiller"}),
    ]
    body = order_body(vendor="0000104711", site="1000")
    body["lines"][0]["equipment_class"] = "MG-77"

    written = erp.put(ORDER, body)

    assert [(each.status_code, each.json()["result"]) for each in named] == [(201, "created")] * 3
    assert written.status_code == 201, written.content
    assert PurchaseOrder.objects.get().seller.code == "KITA"


def test_the_same_again_writes_nothing_and_another_moves_it(erp: Caller) -> None:
    path, other = "/vendors/ext/SAP-PRD/4711", CompanyFactory.create(code="OTHER")
    results = [erp.put(path, {"code": code}).json()["result"] for code in ("KITA", "KITA", "OTHER")]

    assert results == ["created", "unchanged", "updated"]
    assert ExternalRef.objects.get(kind="company").subject_id == other.pk
    assert AuditEvent.objects.filter(verb="external_id.named").count() == 2


def test_a_code_nobody_has_or_sees_is_refused_at_its_field(erp: Caller) -> None:
    assert pointers(problem(erp.put("/vendors/ext/SAP-PRD/1", {"code": "NOBODY"}), 422, "validation_error")) == [
        "/code"
    ]
    assert ExternalRef.objects.filter(kind="company").count() == 0


def test_another_system_a_site_or_a_poor_key_names_nothing(erp: Caller, sydney_only: Caller) -> None:
    poor = calling("Poor", scopes=["ref:read"])

    problem(erp.put("/vendors/ext/SAP-DEV/1", {"code": "KITA"}), 403, "foreign_system")
    problem(sydney_only.put("/vendors/ext/SAP-PRD/1", {"code": "KITA"}), 403, "not_permitted")
    problem(poor.put("/vendors/ext/SAP-PRD/1", {"code": "KITA"}), 403, "scope")
    assert ExternalRef.objects.filter(kind="company").count() == 0


def test_a_try_keeps_nothing(erp: Caller) -> None:
    assert erp.put("/vendors/ext/SAP-PRD/1?dry_run=true", {"code": "KITA"}).json()["dry_run"] is True
    assert ExternalRef.objects.filter(kind="company").count() == 0


def test_a_vendor_is_made_changed_and_left(erp: Caller) -> None:
    path, body = "/vendors/ext/SAP-PRD/4711", {"code": "NEWCO", "name": "New Works", "country": "DE", "makes": True}

    results = [
        erp.put(path, said).json()["result"] for said in (body, body, body | {"name": "Newer Works"}, {"code": "NEWCO"})
    ]

    assert results == ["created", "unchanged", "updated", "unchanged"]
    company = Company.objects.get(code="NEWCO")
    assert (company.name, company.country, company.sells, company.makes) == ("Newer Works", "DE", True, True)


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"name": "New Works"}, "/country"),
        ({"country": "DE"}, "/name"),
        ({"name": "Other Works", "country": "DE"}, "/name"),
        ({"name": "New Works", "country": "de"}, "/country"),
    ],
)
def test_a_vendor_that_cannot_be_made_is_refused_at_its_field(erp: Caller, said: dict[str, str], pointer: str) -> None:
    CompanyFactory.create(code="OTHER", name="OTHER WORKS")

    answer = erp.put("/vendors/ext/SAP-PRD/4711", {"code": "NEWCO"} | said)

    assert pointers(problem(answer, 422, "validation_error")) == [pointer]
    assert not ExternalRef.objects.filter(kind="company").exists()


def test_a_unit_that_means_one_of_ours_is_kept_as_that_one(erp: Caller) -> None:
    refused = problem(erp.put(ORDER, order_body(order_line(unit="ST"))), 422, "validation_error")
    assert [(each["pointer"], each["code"], each["detail"]) for each in refused["errors"]] == [
        ("/lines/0/unit", "unknown_unit", "Unit 'ST' has no mapping for SAP-PRD.")
    ]

    named = erp.put("/units/ext/SAP-PRD/ST", {"code": "H87"})
    written, again = (erp.put(ORDER, order_body(order_line(unit="ST"))) for _turn in range(2))

    assert (named.status_code, named.json()["result"]) == (201, "created")
    assert (written.status_code, again.json()["result"]) == (201, "unchanged")
    assert OrderLine.objects.get().unit == "H87"
    units = {each["code"]: each["external_ids"] for each in erp.get("/units").json()["items"]}
    assert (units["H87"], units["EA"]) == (["ST"], [])


def test_a_unit_of_a_bulk_is_named_by_its_line(erp: Caller) -> None:
    rows = [
        {"op": "upsert", "system": "SAP-PRD", "external_id": unit, "body": order_body(order_line(20, unit=unit))}
        for unit in ("ST", "MTR")
    ]

    first, second = erp.post("/purchase-orders/bulk", {"rows": rows}).json()["results"]

    assert [(each["pointer"], each["code"]) for each in first["problem"]["errors"]] == [
        ("/lines/20/unit", "unknown_unit")
    ]
    assert second["result"] == "created"


def test_units_of_one_system_are_none_of_another(erp: Caller) -> None:
    erp.put("/units/ext/SAP-PRD/ST", {"code": "EA"})
    other = calling("Other", system="ODOO")

    problem(other.put("/purchase-orders/ext/ODOO/7", order_body(order_line(unit="ST"))), 422, "validation_error")
    assert all(not each["external_ids"] for each in other.get("/units").json()["items"])


@pytest.mark.parametrize(
    ("said", "code", "pointer"),
    [
        ("EA", "H87", "/external_id"),
        ("ST", "BOTTLE", "/code"),
        ("S" * 21, "EA", "/external_id"),
        ("ST%0A", "EA", "/external_id"),
    ],
)
def test_what_cannot_be_the_name_of_a_unit_is_refused(erp: Caller, said: str, code: str, pointer: str) -> None:
    answer = erp.put(f"/units/ext/SAP-PRD/{said}", {"code": code})

    assert pointers(problem(answer, 422, "validation_error")) == [pointer]


def test_a_unit_may_mean_another_from_now_on(erp: Caller) -> None:
    results = [erp.put("/units/ext/SAP-PRD/M", {"code": code}).json()["result"] for code in ("MTR", "MTR", "FOT")]

    assert results == ["created", "unchanged", "updated"]
    assert AuditEvent.objects.filter(verb="external_id.named", subject_kind="unit").count() == 2
