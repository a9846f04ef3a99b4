"""What stands behind the question mark: known by the schema, or named in the answer."""

import re
from typing import Any

import pytest
import yaml

from procurement.api import parameters
from procurement.api.v1.urls import urlpatterns
from procurement.api.view import ClientView
from procurement.management.runtime.places import REPOSITORY
from procurement.models import PurchaseOrder
from tests.procurement.api.calls import ORDER, Caller, order_body, problem

NOBODY_KNOWS = "Nobody knows the parameter %s; it was not read."


def test_each_operation_knows_the_parameters_that_the_schema_says() -> None:
    paths: dict[str, Any] = yaml.safe_load((REPOSITORY / "docs" / "openapi-v1.yaml").read_text())["paths"]
    views: dict[str, Any] = {
        "/api/v1/" + re.sub("<[a-z]+:([a-z_]+)>", r"{\1}", str(each.pattern)): each.callback for each in urlpatterns
    }
    said = {
        (path, method): {part["name"] for part in operation["parameters"] if part["in"] == "query"}
        for path, operations in paths.items()
        for method, operation in operations.items()
    }

    assert {(path, method): parameters.known(views[path].cls, method) for path, method in said} == said
    assert parameters.known(ClientView, "options") == frozenset()


@pytest.mark.django_db
def test_a_list_names_the_parameters_that_it_did_not_read(erp: Caller) -> None:
    answer = erp.get("/purchase-orders?site=SYD1&suplier=KITA&f%C3%BCr,x=&limit=3")
    asked_rightly = erp.get("/purchase-orders?site=SYD1&limit=3&expand=lines&fields=number&cursor=")

    assert (answer.status_code, answer["X-Unknown-Parameters"]) == (200, "suplier, f%C3%BCr%2Cx")
    assert answer.json() == {"items": [], "next_cursor": None}
    assert "X-Unknown-Parameters" not in asked_rightly


@pytest.mark.django_db
def test_a_strict_reader_is_refused_instead(erp: Caller) -> None:
    refused = erp.get("/me?site=SYD1&%00=1", prefer="handling=strict")

    body = problem(refused, 400, "invalid_parameter")
    assert refused["X-Unknown-Parameters"] == "site, %00"
    assert body["detail"] == NOBODY_KNOWS % "site"
    assert body["errors"] == [
        {"pointer": None, "code": "unknown_parameter", "detail": NOBODY_KNOWS % name} for name in ("site", "%00")
    ]


@pytest.mark.django_db
def test_a_write_warns_of_them_too(erp: Caller) -> None:
    answer = erp.put(f"{ORDER}?dryrun=true", order_body())

    assert (answer.status_code, answer["X-Unknown-Parameters"]) == (201, "dryrun")
    assert answer.json()["warnings"] == [
        {"code": "unknown_parameter", "pointer": None, "detail": NOBODY_KNOWS % "dryrun"}
    ]


@pytest.mark.django_db
def test_a_strict_write_with_one_writes_nothing(erp: Caller) -> None:
    refused = erp.put(f"{ORDER}?dryrun=true", order_body(), prefer="handling=strict")

    assert problem(refused, 400, "invalid_parameter")["errors"][0]["code"] == "unknown_parameter"
    assert not PurchaseOrder.objects.exists()


@pytest.mark.django_db
def test_every_parameter_that_cannot_be_read_is_named(erp: Caller) -> None:
    refused = problem(erp.get("/milestones?limit=x&cursor=%00"), 400, "invalid_parameter")

    assert ("limit: " in refused["detail"], "cursor: " in refused["detail"]) == (True, True)


@pytest.mark.django_db
def test_a_parameter_given_twice_is_not_guessed_at(erp: Caller) -> None:
    refused = erp.get("/purchase-orders?site=SYD1&site=TYO1")

    assert problem(refused, 400, "invalid_parameter")["detail"] == "site is given twice."
