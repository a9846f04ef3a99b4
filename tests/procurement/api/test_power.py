"""Agreements, load ramps, dates and the balance through the API: what is told, what is refused, what stays hidden."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from sites.accounts.permissions import Role
from sites.models import LoadStep, PowerPurchaseAgreement, Promise
from tests.factories.power import DelayDamagesFactory, NetworkWorksFactory
from tests.factories.sites import (
    AgreementFactory,
    BlockFactory,
    GridConnectionFactory,
    LoadStepFactory,
    ShareFactory,
    SiteFactory,
)
from tests.procurement.api.calls import Caller, calling, pointers, problem, queries_of
from tests.procurement.services.order_documents import NOON, World

pytestmark = pytest.mark.django_db

PATH = "/agreements/code/PPA-SYD"


@pytest.fixture
def energy(world: World) -> Caller:
    """Answers for power everywhere."""
    return calling("Energy desk", role=Role.ENERGY_LEAD)


@pytest.fixture
def sydney_energy(world: World) -> Caller:
    return calling("Sydney energy", site_codes=["SYD1"], role=Role.ENERGY_LEAD)


def record(**said: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "format": "longlead.ppa/1",
        "code": "PPA-SYD",
        "name": "Ridge wind",
        "seller": "Ridge Renewables",
        "country": "AU",
        "structure": "virtual",  # a sleeved one would not reach Tokyo
        "volume_shape": "baseload",
        "contracted_mw": "20",
        "price": "72.5",
        "currency": "AUD",
        "settlement_market": "NEM",
        "settlement_zone": "NSW1",
        "certificate": "rego_au",
        "term_years": "10",
        "target_cod_on": "2027-06-01",
        "guaranteed_cod_on": "2027-08-01",
        "long_stop_on": "2027-12-01",
        "shares": [{"site": "SYD1", "share_mw": "12"}, {"site": "TYO1", "share_mw": "8"}],
    }
    return body | said


def test_an_agreement_is_created_and_read_back_as_sent(energy: Caller) -> None:
    created = energy.put(PATH, record())

    assert (created.status_code, created.json()["result"]) == (201, "created")
    read = energy.get(PATH)
    assert read.json().items() >= record().items()
    assert read["ETag"] == created["ETag"]
    assert energy.get(f"/agreements/{created.json()['id']}").json() == read.json()


def test_the_same_record_again_changes_nothing(energy: Caller) -> None:
    energy.put(PATH, record())

    again = energy.put(PATH, record())
    changed = energy.put(PATH, record(name="Ridge wind east"))

    assert (again.json()["result"], changed.json()["result"]) == ("unchanged", "updated")


def test_a_dry_run_keeps_nothing(energy: Caller) -> None:
    answer = energy.put(f"{PATH}?dry_run=true", record())

    assert (answer.status_code, answer.json()["result"], answer.json()["id"]) == (200, "created", None)
    assert not PowerPurchaseAgreement.objects.exists()


def test_who_changes_an_older_reading_is_told(energy: Caller) -> None:
    tag = energy.put(PATH, record())["ETag"]
    present = energy.put(PATH, record(name="Ridge wind east"))["ETag"]

    refused = energy.put(PATH, record(name="Ridge wind west"), If_Match=tag)

    problem(refused, 412, "stale_version")
    assert (refused["ETag"], energy.get(PATH).json()["name"]) == (present, "Ridge wind east")


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_from_one_reading_the_second_is_told(energy: Caller) -> None:
    tag = energy.put(PATH, record())["ETag"]

    def change(place: int) -> int:
        try:
            return int(energy.put(PATH, record(name=f"Ridge {place}"), If_Match=tag).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(change, range(4)))

    assert statuses == [200, 412, 412, 412]


def test_any_version_is_none(energy: Caller) -> None:
    energy.put(PATH, record())

    problem(energy.put(PATH, record(name="Ridge wind east"), If_Match="*"), 412, "stale_version")


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"settlement_market": "JEPX", "settlement_zone": "TOKYO"}, "/settlement_zone"),
        ({"certificate": "nfc"}, "/certificate"),
        ({"long_stop_on": "2027-07-01"}, "/long_stop_on"),
        ({"price_unit": "kwh"}, "/price"),
        ({"contracted_mw": "-20"}, "/contracted_mw"),
        ({"contracted_mw": "19"}, "/shares"),
        ({"shares": [{"site": "NOWHERE", "share_mw": "1"}]}, "/shares/0/site"),
        ({"unheard_of": 1}, "/unheard_of"),
        ({"code": "PPA-OTHER"}, "/code"),
    ],
)
def test_a_record_that_cannot_be_is_refused_at_its_field(energy: Caller, said: dict[str, Any], pointer: str) -> None:
    body = problem(energy.put(PATH, record(**said)), 422, "validation_error")

    assert pointers(body)[0] == pointer
    assert not PowerPurchaseAgreement.objects.exists()


def test_every_wrong_field_is_named_at_once(energy: Caller) -> None:
    body = problem(energy.put(PATH, record(certificate="nfc", long_stop_on="2027-07-01")), 422, "validation_error")

    assert pointers(body) == ["/certificate", "/long_stop_on"]


def test_what_is_missing_and_what_nobody_knows_have_codes_of_their_own(energy: Caller) -> None:
    body = record(unheard_of=1)
    del body["name"]

    errors = problem(energy.put(PATH, body), 422, "validation_error")["errors"]

    assert [(each["pointer"], each["code"]) for each in errors] == [
        ("/name", "required"),
        ("/unheard_of", "unknown_field"),
    ]


def test_every_wrong_field_is_told_in_the_language_of_the_caller(energy: Caller) -> None:
    refused = energy.put(PATH, record(contracted_mw="1.2345", price="some"), accept_language="ja")

    assert not [each["detail"] for each in refused.json()["errors"] if each["detail"].isascii()]


@pytest.mark.parametrize("body", [[1], [], "PPA-SYD", None])
def test_a_body_that_is_no_record_is_refused_as_a_whole(energy: Caller, body: Any) -> None:
    refused = problem(energy.put(PATH, body), 422, "validation_error")

    assert [(each["pointer"], each["detail"]) for each in refused["errors"]] == [(None, "This is not an object.")]


def test_the_published_schema_is_open_and_names_its_format() -> None:
    schema = Client().get("/api/v1/agreements/schema").json()

    assert (schema["$id"], schema["additionalProperties"]) == ("longlead.ppa/1", False)


# -- rights ------------------------------------------------------------------------------------------------------------


def test_a_reader_of_one_site_learns_only_of_their_own_share(energy: Caller, sydney_energy: Caller) -> None:
    energy.put(PATH, record(conditions=[{"number": 1, "text": "Lease of the Tokyo hall"}]))

    read = sydney_energy.get(PATH)
    listed = sydney_energy.get("/agreements").json()["items"][0]

    assert read.json()["shares"] == [{"site": "SYD1", "share_mw": "12"}]
    assert not {"price", "contracted_mw", "conditions", "annual_mwh", "delay_damages"} & read.json().keys()
    assert (listed["contracted_mw"], [share["site"] for share in listed["shares"]]) == (None, ["SYD1"])
    assert "TYO1" not in read.content.decode()
    assert "Tokyo" not in read.content.decode()


def test_a_reader_of_one_site_writes_nothing_of_a_shared_agreement(energy: Caller, sydney_energy: Caller) -> None:
    energy.put(PATH, record())
    only_mine = record(shares=[{"site": "SYD1", "share_mw": "12"}])

    problem(sydney_energy.put(PATH, only_mine), 403, "not_permitted")

    assert len(energy.get(PATH).json()["shares"]) == 2


def test_an_agreement_of_another_site_is_not_there(sydney_energy: Caller, world: World) -> None:
    other = ShareFactory.create(site=world.tokyo).agreement
    grid = GridConnectionFactory.create(site=world.tokyo)
    works = NetworkWorksFactory.create(connection=grid)

    paths = [
        f"/agreements/{other.pk}",
        f"/agreements/code/{other.code}",
        f"/agreements/{other.pk}/date-revisions",
        f"/grid-connections/{grid.pk}/date-revisions",
        f"/network-works/{works.pk}/date-revisions",
        "/sites/TYO1/load-ramps",
        "/sites/TYO1/power-balance?from_on=2027-01-01&until_on=2027-12-31",
    ]

    assert {path: sydney_energy.get(path).status_code for path in paths} == dict.fromkeys(paths, 404)
    assert sydney_energy.get("/agreements").json()["items"] == []
    assert sydney_energy.get("/grid-connections").json()["items"] == []


def test_money_needs_the_right_to_amounts(energy: Caller, world: World) -> None:
    energy.put(PATH, record())
    viewer = calling("Viewer", role=Role.VIEWER)

    shown = viewer.get(PATH).json()
    balance = viewer.get("/sites/SYD1/power-balance?from_on=2027-01-01&until_on=2027-12-31").json()

    assert ("price" in shown, "contracted_mw" in shown, "amounts" in balance) == (False, True, False)


def test_damages_are_read_by_who_may_see_amounts(energy: Caller, world: World) -> None:
    agreement = ShareFactory.create(site=world.sydney).agreement
    DelayDamagesFactory.create(agreement=agreement)

    assert "delay_damages" in energy.get(f"/agreements/{agreement.pk}").json()
    assert "delay_damages" not in calling("Viewer", role=Role.VIEWER).get(f"/agreements/{agreement.pk}").json()


@pytest.mark.parametrize("path", ["/agreements", "/grid-connections", "/sites/SYD1/load-ramps"])
def test_a_key_without_the_scope_reads_nothing(world: World, path: str) -> None:
    problem(calling("Orders only", scopes=["po:read"]).get(path), 403, "scope")


# -- dates -------------------------------------------------------------------------------------------------------------


def said(milestone: str, value: str, **more: Any) -> dict[str, Any]:
    revision = {"kind": "promise", "milestone": milestone, "date": value} | more
    return {"stated_on": "2026-11-15", "source": "meeting", "document": "Minutes", "revisions": [revision]}


def test_a_cod_that_slips_is_said_and_stays_in_the_ledger(energy: Caller) -> None:
    key = energy.put(PATH, record()).json()["id"]

    told = energy.post(f"/agreements/{key}/date-revisions", said("COD", "2029-02-01"))

    assert told.status_code == 201
    body, (moved,) = told.json(), told.json()["moved"]
    assert (moved["kind"], moved["id"], moved["label"]) == ("agreement", key, "PPA-SYD Ridge wind")
    # Said for a step that is open, it drifts with the step before: on the day itself at the earliest.
    assert moved["after_on"] >= "2029-02-01"
    ledger = energy.get(f"/agreements/{key}/date-revisions").json()
    assert ledger == {"items": body["promises"], "has_more": False}
    (row,) = ledger["items"]
    assert row.items() >= {"kind": "promise", "milestone": "COD", "counts_on": "2029-02-01", "state": "live"}.items()
    assert (row["statement_id"], row["recorded_by"]) == (body["statement_id"], "Energy desk")
    assert energy.get("/agreements").json()["items"][0]["is_late"] is True


def test_what_happened_and_what_is_pinned_is_read_back_with_what_was_promised(energy: Caller, world: World) -> None:
    path = f"/grid-connections/{GridConnectionFactory.create(site=world.sydney).pk}/date-revisions"
    first = NOON.date().isoformat()
    for revision in (
        {"kind": "actual", "milestone": "SIGNED", "date": first},
        {"kind": "promise", "milestone": "ENERGISED", "date": "2029-03-01"},
        {"kind": "lock", "milestone": "ENERGISED", "date": "2029-05-01", "note": "The utility is never on time"},
    ):
        told = energy.post(path, {"stated_on": first, "document": "Letter 7", "revisions": [revision]})
        assert told.status_code == 201, told.content

    shown = energy.get(path).json()["items"]
    newest = energy.get(f"{path}?limit=1").json()
    energy.post(path, {"stated_on": first, "revisions": [{"kind": "release", "milestone": "ENERGISED"}]})

    assert [(row["kind"], row["milestone"], row["counts_on"], row["document"], row["note"]) for row in shown] == [
        ("lock", "ENERGISED", "2029-05-01", "", "The utility is never on time"),
        ("promise", "ENERGISED", "2029-03-01", "Letter 7", ""),
        ("actual", "SIGNED", first, "Letter 7", ""),
    ]
    assert newest == {"items": shown[:1], "has_more": True}
    assert energy.get(path).json()["items"] == shown[1:]


def test_a_reader_of_a_share_reads_the_dates_without_the_words(energy: Caller, sydney_energy: Caller) -> None:
    path = f"/agreements/{energy.put(PATH, record()).json()['id']}/date-revisions"
    energy.post(path, said("COD", "2029-02-01", note="The lender of the Tokyo hall"))
    energy.post(path, said("COD", "2029-03-01", kind="lock", note="Agreed in Tokyo"))

    items = sydney_energy.get(path).json()["items"]

    assert [(row["kind"], row["document"], row["note"]) for row in items] == [("lock", "", ""), ("promise", "", "")]


def test_what_a_saved_agreement_moves_is_the_agreement(energy: Caller) -> None:
    saved = energy.put(PATH, record()).json()

    (moved,) = saved["moved"]
    assert (moved["kind"], moved["id"], moved["label"]) == ("agreement", saved["id"], "PPA-SYD Ridge wind")


def test_a_dry_run_of_a_new_agreement_names_no_id(energy: Caller) -> None:
    tried = energy.put(f"{PATH}?dry_run=true", record()).json()

    assert (tried["id"], [(row["label"], row["id"]) for row in tried["moved"]]) == (
        None,
        [("PPA-SYD Ridge wind", None)],
    )


def test_dates_of_connections_and_works_go_the_same_way(energy: Caller, world: World) -> None:
    works = NetworkWorksFactory.create(connection__site=world.sydney)

    answers = [
        energy.post(f"/grid-connections/{works.connection_id}/date-revisions", said("ENERGISED", "2029-03-01")),
        energy.post(f"/network-works/{works.pk}/date-revisions", said("COMPLETE", "2029-04-01")),
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert [[(row["kind"], row["id"], row["label"]) for row in answer.json()["moved"]] for answer in answers] == [
        [("grid_connection", f"{works.connection_id}", f"{works.connection}")],
        [("network_works", f"{works.pk}", f"{works}")],
    ]
    assert Promise.objects.count() == 2


@pytest.mark.parametrize(
    ("revision", "pointer"),
    [
        (said("LAUNCH", "2027-02-01"), "/revisions/0/milestone"),
        (said("COD", "2027-02-01", kind="lock"), "/revisions/0/note"),
        (said("COD", "2027-02-01", kind="release"), "/revisions/0/date"),
        ({"stated_on": "2026-11-15", "revisions": [{"kind": "release"}]}, "/revisions/0/milestone"),
        ({"stated_on": "2026-11-15", "revisions": [{"kind": "actual"}]}, "/revisions/0/date"),
    ],
)
def test_a_date_that_cannot_be_is_refused_at_its_field(energy: Caller, revision: dict[str, Any], pointer: str) -> None:
    key = energy.put(PATH, record()).json()["id"]

    body = problem(energy.post(f"/agreements/{key}/date-revisions", revision), 422, "validation_error")

    assert pointers(body) == [pointer]


# -- load and balance --------------------------------------------------------------------------------------------------


def test_a_ramp_is_written_whole_and_read_back(energy: Caller, world: World) -> None:
    LoadStepFactory.create(site=world.sydney, from_on=date(2027, 1, 1))
    steps = [{"from_on": "2027-03-01", "gross_mw": "4.5"}, {"from_on": "2027-09-01", "gross_mw": "9"}]

    answer = energy.put("/sites/SYD1/load-ramps", {"steps": steps})

    assert answer.status_code == 200
    assert [step["from_on"] for step in energy.get("/sites/SYD1/load-ramps").json()["ramps"][0]["steps"]] == [
        "2027-03-01",
        "2027-09-01",
    ]
    assert LoadStep.objects.filter(site=world.sydney).count() == 2


@pytest.mark.parametrize(
    ("steps", "pointer"),
    [
        ([{"from_on": "2027-03-01", "gross_mw": "-4"}], "/steps/0/gross_mw"),
        ([{"from_on": "2027-03-01", "gross_mw": "4"}, {"from_on": "2027-03-01", "gross_mw": "5"}], "/steps/1/from_on"),
        ([{"from_on": "03/01/2027", "gross_mw": "4"}], "/steps/0/from_on"),
        ([{"from_on": "2027-03-01", "gross_mw": "12.1234"}], "/steps/0/gross_mw"),
    ],
)
def test_a_ramp_that_cannot_be_is_refused_at_its_step(
    energy: Caller, steps: list[dict[str, str]], pointer: str
) -> None:
    body = problem(energy.put("/sites/SYD1/load-ramps", {"steps": steps}), 422, "validation_error")

    assert pointers(body) == [pointer]


def test_a_ramp_of_a_block_that_is_elsewhere_is_refused_at_it(energy: Caller, world: World) -> None:
    elsewhere = BlockFactory.create(phase__site=world.tokyo)

    body = problem(
        energy.put("/sites/SYD1/load-ramps", {"block": f"{elsewhere.pk}", "steps": []}), 422, "validation_error"
    )

    assert pointers(body) == ["/block"]


def test_the_balance_says_load_usable_and_what_binds(energy: Caller, world: World) -> None:
    LoadStepFactory.create(site=world.sydney, from_on=date(2027, 1, 1), gross_mw=Decimal(6))

    body = energy.get("/sites/SYD1/power-balance?from_on=2027-01-01&until_on=2027-12-31").json()
    group = energy.get("/power-balance?from_on=2027-01-01&until_on=2027-12-31").json()

    assert [row["quarter"] for row in body["quarters"]] == ["2027-Q1", "2027-Q2", "2027-Q3", "2027-Q4"]
    assert body["periods"][0]["ramp_mw"] == "6"
    assert (body["knowledge"]["mode"], [row["site"] for row in group["sites"]]) == ("today", ["SYD1", "TYO1"])


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("until_on=2027-12-31", "from_on"),
        ("from_on=2027-12-31&until_on=2027-01-01", "until_on"),
        ("from_on=2020-01-01&until_on=2080-01-01", "until_on"),
        ("from_on=2027-01-01&until_on=2027-12-31&knowledge=known_on", "known_on"),
        ("from_on=2027-01-01&until_on=2027-12-31&known_on=2026-01-01", "known_on"),
        ("from_on=2027-01-01&until_on=2027-12-31&knowledge=known_on&known_on=2099-01-01", "known_on"),
    ],
)
@pytest.mark.parametrize("path", ["/sites/SYD1/power-balance", "/power-balance"])
def test_a_window_that_cannot_be_is_refused_by_its_parameter(energy: Caller, path: str, query: str, name: str) -> None:
    refused = problem(energy.get(f"{path}?{query}"), 400, "invalid_parameter")

    assert refused["detail"].startswith(f"{name}: ")


def test_a_desk_that_is_not_there_is_refused_by_its_parameter(energy: Caller, world: World) -> None:
    answer = energy.get("/power-balance?from_on=2027-01-01&until_on=2027-12-31&desk=NOWHERE")

    assert problem(answer, 400, "invalid_parameter")["detail"] == "desk: There is no such desk."


def test_where_no_site_is_there_is_no_balance() -> None:
    early = calling("Energy desk", role=Role.ENERGY_LEAD)

    problem(early.get("/power-balance?from_on=2027-01-01&until_on=2027-12-31"), 404, "not_found")


# -- queries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/agreements", "/grid-connections", "/power-balance?from_on=2027-01-01&until_on=2027-12-31"]
)
def test_lists_take_as_many_queries_for_three_as_for_one(energy: Caller, world: World, path: str) -> None:
    def add() -> None:
        site = SiteFactory.create()
        ShareFactory.create(site=site, agreement=AgreementFactory.create())
        GridConnectionFactory.create(site=site)
        LoadStepFactory.create(site=site)

    add()
    energy.get(path)
    one = queries_of(lambda: energy.get(path))
    add()
    add()

    assert queries_of(lambda: energy.get(path)) == one
