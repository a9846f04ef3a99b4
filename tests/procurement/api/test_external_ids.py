"""A system's own ids of vendors, sites and classes, and orders that use them."""

import pytest

from procurement.models import Company, ExternalRef, PurchaseOrder
from sites.accounts.models import AuditEvent
from tests.factories.procurement import CompanyFactory
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, pointers, problem

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
