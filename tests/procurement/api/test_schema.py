import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator

from procurement.api.v1 import changelog
from procurement.api.v1.date_revisions import MOST_REVISIONS
from procurement.api.v1.shapes import MEANING
from procurement.domain.order_document import MOST_LINES
from procurement.readers.sap_orders import MOST_ENTITIES
from procurement.services import jobs, open_orders
from procurement.vocabulary import ChangeKind
from sites.accounts.permissions import Role
from tests.procurement.api.calls import calling
from tests.procurement.services.order_documents import World

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi-v1.yaml"


@pytest.fixture(scope="module")
def generated() -> str:
    out = StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def schema(generated: str) -> Any:
    return yaml.load(generated, Loader=yaml.CSafeLoader)


def test_the_committed_schema_is_current(generated: str) -> None:
    """Renew it with `manage.py spectacular --file docs/openapi-v1.yaml`."""
    assert COMMITTED.read_text().strip() == generated.strip()


def properties(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (name, field, about)
        for name, component in schema["components"]["schemas"].items()
        for field, about in component.get("properties", {}).items()
    ]


def test_every_field_says_what_it_is(schema: dict[str, Any]) -> None:
    silent = [(name, field) for name, field, about in properties(schema) if "description" not in about]

    assert silent == []


def operations_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in schema["paths"].values() for operation in path.values()]


def test_every_operation_says_what_it_does_and_what_its_address_holds(schema: dict[str, Any]) -> None:
    for operation in operations_of(schema):
        said, _dot, scope = operation["description"].rpartition("Scope: ")
        about = said if scope.startswith("`") else operation["description"]
        assert operation["summary"], operation["operationId"]
        assert len(about.removesuffix("Any key.")) > 20, operation["operationId"]
        assert "carry_out" not in about, operation["operationId"]
        assert [part["name"] for part in operation["parameters"] if not part.get("description")] == []


def test_every_answer_has_an_example_that_is_one(schema: dict[str, Any]) -> None:
    wrong: list[tuple[str, str]] = []
    for operation in operations_of(schema):
        shown = 0
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json", {})
            for each in content.get("examples", {}).values():
                shown += 1
                whole = content["schema"] | {"components": schema["components"]}
                wrong += [
                    (operation["operationId"], f"{error.json_path}: {error.message[:200]}")
                    for error in Draft202012Validator(whole).iter_errors(each["value"])
                ]
            if content and status in {"200", "201", "202"} and not shown and "204" not in operation["responses"]:
                wrong.append((operation["operationId"], f"no example of {status}"))
        if not shown and any("application/json" in a.get("content", {}) for a in operation["responses"].values()):
            wrong.append((operation["operationId"], "no example"))

    assert wrong == []


def test_every_operation_has_a_name_and_documents_its_refusals(schema: dict[str, Any]) -> None:
    paths = schema["paths"]
    operations = {
        operation["operationId"]: set(operation["responses"]) for path in paths.values() for operation in path.values()
    }

    assert sorted(operations) == [
        "acceptDisagreement",
        "acceptSchedule",
        "acknowledgeAlert",
        "addAttachment",
        "addGridConnection",
        "addNetworkWorks",
        "applyChangeOrder",
        "applyImport",
        "approveChangeOrder",
        "bulkUpsertPurchaseOrders",
        "changeFeed",
        "changeGridConnection",
        "changePurchaseOrder",
        "changeWebhookEndpoint",
        "compareOpenOrders",
        "createWebhookEndpoint",
        "discardImport",
        "discardMessage",
        "draftChangeOrder",
        "exportWorkbook",
        "fixDisagreement",
        "listAgreementDates",
        "listAgreements",
        "listAlerts",
        "listAttachments",
        "listChangeOrders",
        "listDateRevisions",
        "listDisagreements",
        "listEquipmentTypes",
        "listGoodsReceipts",
        "listGridConnectionDates",
        "listGridConnections",
        "listImportRows",
        "listImports",
        "listJobRows",
        "listJobs",
        "listLeadTimes",
        "listMessages",
        "listMilestones",
        "listNetworkWorksDates",
        "listPurchaseOrderLines",
        "listPurchaseOrders",
        "listReasonCodes",
        "listRequirements",
        "listScheduleActivities",
        "listSchedules",
        "listShipments",
        "listSites",
        "listUnits",
        "listVendors",
        "listWebhookDeliveries",
        "listWebhookEndpoints",
        "nameEquipmentType",
        "nameSite",
        "nameUnit",
        "nameVendor",
        "pingWebhookEndpoint",
        "readAgreement",
        "readAgreementByCode",
        "readAlert",
        "readAttachment",
        "readAttachmentContent",
        "readChangeOrder",
        "readChangelog",
        "readGridConnection",
        "readImport",
        "readJob",
        "readLoadRamps",
        "readMessage",
        "readPowerBalance",
        "readPowerBalanceOfSites",
        "readPurchaseOrder",
        "readPurchaseOrderByExternalId",
        "readSchedule",
        "readScheduleDifference",
        "readWebhookEndpoint",
        "recordAgreementDates",
        "recordConfirmation",
        "recordDateRevisions",
        "recordGoodsReceipt",
        "recordGridConnectionDates",
        "recordNetworkWorksDates",
        "recordShipment",
        "rejectChangeOrder",
        "rejectSchedule",
        "removeAttachment",
        "removeWebhookEndpoint",
        "replayWebhooks",
        "resolveAlert",
        "retryMessage",
        "rollBackSchedule",
        "rotateWebhookSecret",
        "sendWorkbook",
        "snoozeAlert",
        "takeSapPurchaseOrders",
        "undoImport",
        "uploadSchedule",
        "upsertAgreement",
        "upsertPurchaseOrder",
        "whoami",
        "writeLoadRamp",
    ]
    assert all({"401", "403", "429", "500", "503"} <= refusals for refusals in operations.values())
    assert {"201", "200", "400", "404", "409", "413", "415", "422"} <= operations["upsertPurchaseOrder"]


def test_a_list_of_a_body_says_how_long_it_may_be(schema: dict[str, Any]) -> None:
    found: dict[str, int | None] = {}

    def look(at: str, said: dict[str, Any]) -> None:
        if "$ref" in said:
            name = said["$ref"].rpartition("/")[2]
            for field, about in schema["components"]["schemas"][name].get("properties", {}).items():
                look(f"{name}.{field}", about)
        elif said.get("type") == "array":
            found[at] = said.get("maxItems")
            look(f"{at}[]", said["items"])
        for part in (*said.get("allOf", ()), *said.get("oneOf", ())):
            look(at, part)

    for operation in operations_of(schema):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            look(operation["operationId"], content["schema"])

    assert found == {
        "BulkWrite.rows": jobs.MOST_ROWS,
        "ChainStatementWrite.revisions": 100,
        "ConfirmationWrite.lines": 500,
        "EndpointWrite.types": 60,
        "GoodsReceiptWrite.serials": 1000,
        "OpenOrdersWrite.rows": open_orders.MOST_ROWS,
        "OrderLineWrite.schedules": 200,
        "PatchedConnectionChange.capacity_steps": 100,
        "PatchedEndpointChange.types": 60,
        "PatchedPurchaseOrderChange.lines": MOST_LINES,
        "PurchaseOrderChange.lines": MOST_LINES,
        "PurchaseOrderWrite.lines": MOST_LINES,
        "RampWrite.steps": 1000,
        "ReplayWrite.ids": 1000,
        "StatementWrite.revisions": MOST_REVISIONS,
        "takeSapPurchaseOrders": MOST_ENTITIES,
    }


def test_sap_sends_one_entity_or_a_list(schema: dict[str, Any]) -> None:
    (operation,) = [each for each in operations_of(schema) if each["operationId"] == "takeSapPurchaseOrders"]
    body = Draft202012Validator(operation["requestBody"]["content"]["application/json"]["schema"])
    sent: tuple[Any, ...] = ({"d": {}}, [{}, {}], ["4500016221"], "4500016221")

    assert [body.is_valid(said) for said in sent] == [True, True, False, False]


def test_the_change_feed_says_how_much_it_answers_at_once(schema: dict[str, Any]) -> None:
    (limit,) = [
        part["schema"] for part in schema["paths"]["/api/v1/changes"]["get"]["parameters"] if part["name"] == "limit"
    ]

    assert limit == {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}


def test_a_removal_that_is_tried_has_a_body(schema: dict[str, Any]) -> None:
    tried = {
        path["delete"]["operationId"]: str(path["delete"]["responses"]["200"]["content"]["application/json"]["schema"])
        for path in schema["paths"].values()
        if "delete" in path
    }

    assert tried.keys() == {"removeAttachment", "removeWebhookEndpoint"}
    assert all("#/components/schemas/Written" in said for said in tried.values())


def test_who_names_a_version_may_be_told_that_it_is_none(schema: dict[str, Any]) -> None:
    naming = {
        operation["operationId"]: {"412", "428"} - operation["responses"].keys()
        for operation in operations_of(schema)
        if any(part["name"] == "If-Match" for part in operation["parameters"])
    }

    assert naming == {
        "changeGridConnection": set(),
        "changePurchaseOrder": set(),
        "upsertAgreement": set(),
        "upsertPurchaseOrder": set(),
    }


def test_what_a_refusal_means_is_true_of_files_too(schema: dict[str, Any]) -> None:
    refusals = schema["components"]["responses"]

    assert refusals.keys() == {f"Problem{status}" for status in MEANING if status != 405}
    assert [name for name, said in refusals.items() if re.search(r"JSON|\d MB", said["description"])] == []


def test_what_is_too_large_to_be_tried_is_told(schema: dict[str, Any]) -> None:
    telling = {each["operationId"] for each in operations_of(schema) if "dry run" in each["description"]}

    assert {"applyImport", "bulkUpsertPurchaseOrders", "sendWorkbook", "undoImport"} <= telling


@pytest.mark.parametrize("body", ["RevisionWrite", "ConfirmedLineWrite"])
def test_a_quantity_says_what_goes_with_it(schema: dict[str, Any], body: str) -> None:
    fields = schema["components"]["schemas"][body]["properties"]

    assert "`schedule_number` goes with it" in fields["quantity"]["description"]


def test_what_the_erp_owns_is_marked(schema: dict[str, Any]) -> None:
    schemas = schema["components"]["schemas"]

    assert {schemas[name]["x-owner"] for name in ("PurchaseOrderWrite", "OrderLineWrite", "ScheduleLineWrite")} == {
        "erp"
    }


def test_every_field_of_an_order_says_whose_it_is(schema: dict[str, Any]) -> None:
    schemas = schema["components"]["schemas"]
    orders = [
        "PurchaseOrderWrite", "PurchaseOrderChange", "OrderLineWrite", "ScheduleLineWrite", "PurchaseOrder",
        "OrderLine", "ScheduleLine", "Lot", "LotForecast",
    ]  # fmt: skip
    silent = [
        (name, field)
        for name in orders
        for field, about in schemas[name]["properties"].items()
        if about.get("x-owner") not in {"erp", "tracker"}
    ]

    line = schemas["ScheduleLine"]["properties"]
    assert silent == []
    assert (line["quantity"]["x-owner"], line["lots"]["x-owner"]) == ("erp", "tracker")


def test_every_body_has_an_example_that_is_one(schema: dict[str, Any]) -> None:
    bodies = [
        (operation["operationId"], content)
        for operation in operations_of(schema)
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]

    assert [name for name, content in bodies if not content.get("examples")] == []
    assert [
        (name, f"{error.json_path}: {error.message[:200]}")
        for name, content in bodies
        for each in content["examples"].values()
        for error in Draft202012Validator(content["schema"] | {"components": schema["components"]}).iter_errors(
            each["value"]
        )
    ] == []


FILES = {
    "addAttachment": "/attachments?subject_kind=site&subject_id={site}&file_name=factory-test.txt",
    "sendWorkbook": "/imports?kind=promises&file_name=status.csv",
    "uploadSchedule": "/sites/SYD1/schedules?file_name=fit-out.xml",
}


@pytest.mark.django_db
@pytest.mark.parametrize("operation", FILES)
def test_the_examples_of_files_are_taken(schema: dict[str, Any], world: World, operation: str) -> None:
    (body,) = [each["requestBody"] for each in operations_of(schema) if each["operationId"] == operation]
    (example,) = body["content"]["application/octet-stream"]["examples"].values()
    administrator = calling("Files", role=Role.ADMINISTRATOR)

    answer = administrator.post(
        FILES[operation].format(site=world.sydney.pk),
        example["value"].encode(),
        content_type="application/octet-stream",
    )

    assert answer.status_code == 201, answer.json()


def test_the_schema_describes_every_webhook(schema: dict[str, Any]) -> None:
    told = schema["webhooks"]

    bodies = {str(each["post"]["requestBody"]["content"]["application/json"]["schema"]) for each in told.values()}
    assert told.keys() == {kind.value for kind in ChangeKind}
    assert bodies == {"{'$ref': '#/components/schemas/WebhookMessage'}"}


def test_the_schema_is_open_to_all() -> None:
    answer = Client().get("/api/v1/schema")

    assert answer.status_code == 200
    assert b"openapi: 3.1" in answer.content


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/docs/reference"])
def test_the_readers_load_nothing_from_elsewhere(path: str) -> None:
    answer = Client().get(path)
    page = answer.content.decode()

    assert answer.status_code == 200
    assert "http://" not in page.replace("http://testserver", "")
    assert "https://" not in page
    assert not answer.cookies


def test_only_the_readers_have_a_wider_policy() -> None:
    policies = [Client().get(path)["Content-Security-Policy"] for path in ("/api/v1/docs", "/api/v1/schema")]

    assert ["style-src 'self' 'unsafe-inline'" in policy for policy in policies] == [True, False]
    assert all("unsafe-eval" not in policy and "script-src 'self'" in policy for policy in policies)
    assert settings.SPECTACULAR_SETTINGS["SWAGGER_UI_DIST"] == "SIDECAR"


def test_the_changelog_names_operations_that_are_there(schema: dict[str, Any]) -> None:
    operations = {each["operationId"] for path in schema["paths"].values() for each in path.values()}

    assert {name for _on, name, _what in changelog._CHANGES if name} <= operations
    assert [on for on, _name, _what in changelog._CHANGES] == sorted(
        (row[0] for row in changelog._CHANGES), reverse=True
    )
