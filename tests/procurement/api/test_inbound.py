"""Orders of SAP by the API: each with what became of it."""

from typing import Any

import pytest

from procurement.models import ExternalRef, PurchaseOrder
from sites.models import Site
from tests.factories.procurement import CompanyFactory
from tests.procurement.api.calls import Caller

SAP = "/inbound/sap/purchase-orders"


def header(number: str, **said: Any) -> dict[str, Any]:
    item = {
        "PurchaseOrderItem": "00010",
        "Plant": "SYD1",
        "Material": "chiller",
        "OrderQuantity": "4",
        "PurchaseOrderQuantityUnit": "ST",
        "to_ScheduleLine": {
            "results": [
                {"ScheduleLine": "1", "ScheduleLineDeliveryDate": "2027-07-19", "ScheduleLineOrderQuantity": "4"}
            ]
        },
    }
    told = {
        "PurchaseOrder": number,
        "Supplier": "100000",
        "DocumentCurrency": "AUD",
        "LastChangeDateTime": "/Date(1785715200000+0000)/",
        "to_PurchaseOrderItem": {"results": [{"PurchaseOrder": number, **item}]},
    }
    return told | said


@pytest.fixture
def sap(erp: Caller) -> Caller:
    vendor = CompanyFactory.create(code="SAPVENDOR")
    ExternalRef.objects.create(system="SAP-PRD", kind="company", external_id="100000", subject_id=vendor.pk)
    assert Site.objects.filter(code="SYD1").exists()
    return erp


def row(number: str, result: str, **said: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"id": None, "changed": [], "warnings": [], "code": None, "field": None, "detail": None}
    return {"purchase_order": number, "result": result} | told | said


@pytest.mark.django_db
def test_each_order_of_a_message_is_written_or_refused_by_itself(sap: Caller) -> None:
    answer = sap.post(SAP, {"d": {"results": [header("1"), header("2", Supplier="9"), header("3", Supplier=7)]}})

    stored = PurchaseOrder.objects.get()
    assert (answer.status_code, answer["X-Row-Failures"]) == (200, "2")
    assert answer.json() == {
        "results": [
            row("1", "created", id=str(stored.pk), changed=["order"]),
            row("2", "failed", code="invalid", field="d/results/1/Supplier", detail="There is no vendor 9."),
            row("3", "failed", code="invalid", field="d/results/2/Supplier", detail="Text is expected."),
        ],
        "passed_over": 0,
    }


@pytest.mark.django_db
def test_a_dry_run_keeps_nothing_and_names_no_id(sap: Caller) -> None:
    answer = sap.post(f"{SAP}?dry_run=true", header("1"))

    assert answer.json()["results"] == [row("1", "created", changed=["order"])]
    assert PurchaseOrder.objects.count() == 0


@pytest.mark.django_db
def test_what_the_sender_should_know_stands_in_the_row(sap: Caller) -> None:
    first = header("1")
    sap.post(SAP, first)
    first["LastChangeDateTime"] = "/Date(1785801600000+0000)/"
    schedules = first["to_PurchaseOrderItem"]["results"][0]["to_ScheduleLine"]["results"]
    schedules[0]["SchedLineStscDeliveryDate"] = "2027-08-02"

    (found,) = sap.post(SAP, first).json()["results"]

    assert [(each["code"], each["pointer"]) for each in found["warnings"]] == [
        (
            "baseline_not_moved",
            "/to_PurchaseOrderItem/results/0/to_ScheduleLine/results/0/ScheduleLineDeliveryDate",
        )
    ]
