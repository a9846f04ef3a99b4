"""Grid connections through the API: added, changed, refused by field, and hidden where there is no right."""

from typing import Any

import pytest

from procurement.models import ChainForecast
from sites.accounts.permissions import Role, Scope
from sites.models import GridConnection, NetworkWorks
from tests.factories.power import NetworkWorksFactory
from tests.factories.sites import GridConnectionFactory
from tests.procurement.api.calls import Caller, calling, pointers
from tests.procurement.services.order_documents import World

pytestmark = pytest.mark.django_db

LIST = "/grid-connections"


@pytest.fixture
def energy(world: World) -> Caller:
    return calling("Energy desk", role=Role.ENERGY_LEAD)


@pytest.fixture
def sydney_energy(world: World) -> Caller:
    return calling("Sydney energy", site_codes=["SYD1"], role=Role.ENERGY_LEAD)


def terms(**said: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "site": "SYD1",
        "name": "North intake",
        "utility": "Harbour Grid",
        "requested_mw": "40",
        "offered_mw": "32.5",
        "firm_mw": "24",
        "energisation_target_on": "2029-03-01",
    }
    return body | said


def _added(caller: Caller, **said: Any) -> tuple[str, str]:
    made = caller.post(LIST, terms(**said))
    assert made.status_code == 201, made.content
    return f"{LIST}/{made.json()['id']}", made["ETag"]


def test_a_connection_is_added_and_read_back_as_sent(energy: Caller) -> None:
    path, tag = _added(energy)

    read = energy.get(path)

    assert read.json().items() >= terms().items()
    assert (read.json()["state"], read.json()["energisation_forecast_on"]) == ("enquiry", "2029-03-01")
    assert (read["ETag"], energy.get(path, if_none_match=tag).status_code) == (tag, 304)


def test_only_what_is_said_changes(energy: Caller) -> None:
    path, tag = _added(energy)

    changed = energy.patch(path, {"firm_mw": "20", "offer_expires_on": "2027-01-31"}, if_match=tag)

    assert changed.status_code == 200
    assert changed.json().items() >= (terms(firm_mw="20") | {"offer_expires_on": "2027-01-31"}).items()
    assert energy.patch(path, {"offer_expires_on": None}, if_match=changed["ETag"]).json()["offer_expires_on"] is None


def test_a_change_names_the_version_it_was_made_from(energy: Caller) -> None:
    path, tag = _added(energy)
    present = energy.patch(path, {"firm_mw": "20"}, if_match=tag)["ETag"]

    unsaid = energy.patch(path, {"firm_mw": "10"})
    stale = [
        energy.patch(path, {"firm_mw": "10"}, if_match=each)
        for each in (tag, "*", f"W/{present}", f"{present}, {tag}", present.strip('"'))
    ]

    assert (unsaid.status_code, "ETag" in unsaid) == (428, False)
    assert [(each.status_code, each["ETag"]) for each in stale] == [(412, present)] * 5
    assert str(GridConnection.objects.get().firm_mw) == "20.000"


def test_a_forecast_that_moves_makes_no_reading_stale_to_change_from(energy: Caller) -> None:
    path, _tag = _added(energy)
    works = energy.post(f"{path}/works", {"name": "Second circuit", "planned_on": "2027-05-01"})
    key = works.json()["works"][0]["id"]
    for at, on in ((path, "2029-06-01"), (f"/network-works/{key}", "2028-06-01")):
        promise = {"stated_on": "2026-11-15", "revisions": [{"kind": "promise", "date": on}]}
        assert energy.post(f"{at}/date-revisions", promise).status_code == 201

    read = energy.get(path, if_none_match=works["ETag"])
    changed = energy.patch(path, {"firm_mw": "20"}, if_match=works["ETag"])

    assert (read.status_code, read.json()["works"][0]["complete_on"]) == (200, "2028-06-01")
    assert (changed.status_code, changed.json()["firm_mw"]) == (200, "20")


def test_capacity_works_and_state_follow_one_another(energy: Caller) -> None:
    path, _tag = _added(energy)
    works = energy.post(f"{path}/works", {"name": "Second circuit", "planned_on": "2027-05-01"})
    steps = [
        {"firm_mw": "10", "flexible_mw": "5", "from_on": "2029-04-01", "milestone_code": "ENERGISED", "works": ""},
        {"firm_mw": "24", "flexible_mw": "0", "from_on": None, "milestone_code": "", "works": "Second circuit"},
    ]

    changed = energy.patch(path, {"capacity_steps": steps, "state": "signed"}, if_match=works["ETag"])

    assert works.status_code == 201
    assert works.json()["works"][0]["complete_on"] == "2028-03-26"  # 90 and 240 days
    kept = changed.json()
    assert kept["state"] == "signed"
    assert [(step["firm_mw"], step["flexible_mw"], step["works"]) for step in kept["capacity_steps"]] == [
        ("10", "5", ""),
        ("24", "0", "Second circuit"),
    ]
    connection = GridConnection.objects.get()
    assert connection.chain.baselines.count() == 1, "what was agreed is kept when it is signed"
    assert ChainForecast.objects.filter(chain=NetworkWorks.objects.get().chain, current=True).exists()


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"requested_mw": "-1"}, "/requested_mw"),
        ({"requested_mw": "32000"}, "/requested_mw"),
        ({"firm_mw": "33"}, "/firm_mw"),
        ({"firm_mw": "1e2"}, "/firm_mw"),
        ({"firm_mw": "20.1234"}, "/firm_mw"),
        ({"voltage_kv": "110.04"}, "/voltage_kv"),
        ({"site": "NOWHERE"}, "/site"),
        ({"voltage_kv": "132000"}, "/voltage_kv"),
        ({"offer_expires_on": "1999-01-01"}, "/offer_expires_on"),
        ({"name": "North\u0007"}, "/name"),
        ({"owner": "nobody"}, "/owner"),
        ({"calendar": "The moon's"}, "/calendar"),
        ({"utility": ""}, "/utility"),
    ],
)
def test_a_connection_that_cannot_be_is_refused_by_its_field(
    energy: Caller, said: dict[str, Any], pointer: str
) -> None:
    refused = energy.post(LIST, terms(**said))

    assert (refused.status_code, pointers(refused.json())) == (422, [pointer])
    assert not GridConnection.objects.exists()


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"capacity_steps": [{"firm_mw": "-1"}]}, "/capacity_steps/0/firm_mw"),
        ({"capacity_steps": [{"firm_mw": "1.2345"}]}, "/capacity_steps/0/firm_mw"),
        ({"capacity_steps": [{"firm_mw": "10"}, {"firm_mw": "10", "works": "None"}]}, "/capacity_steps/1/works"),
        ({"capacity_steps": [{"firm_mw": "10", "milestone_code": "NONE"}]}, "/capacity_steps/0/milestone_code"),
        ({"state": "moon"}, "/state"),
    ],
)
def test_a_change_that_cannot_be_is_refused_by_its_field(energy: Caller, said: dict[str, Any], pointer: str) -> None:
    path, tag = _added(energy)

    refused = energy.patch(path, {"name": "Other"} | said, if_match=tag)

    assert (refused.status_code, pointers(refused.json())) == (422, [pointer])
    assert GridConnection.objects.get().name == "North intake", "together or not at all"


def test_a_connection_does_not_go_far_back(energy: Caller) -> None:
    path, tag = _added(energy)
    signed = energy.patch(path, {"state": "signed"}, if_match=tag)

    assert energy.patch(path, {"state": "enquiry"}, if_match=signed["ETag"]).status_code == 409


def test_works_of_a_taken_name_are_refused(energy: Caller) -> None:
    path, _tag = _added(energy)
    energy.post(f"{path}/works", {"name": "Bay"})

    assert pointers(energy.post(f"{path}/works", {"name": "Bay"}).json()) == ["/name"]


def test_a_connection_of_another_site_is_not_there(sydney_energy: Caller, world: World) -> None:
    hidden = GridConnectionFactory.create(site=world.tokyo)
    NetworkWorksFactory.create(connection=hidden)
    path = f"{LIST}/{hidden.pk}"

    answers = [
        sydney_energy.get(path),
        sydney_energy.patch(path, {"name": "Mine"}, if_match='"v1"'),
        sydney_energy.post(f"{path}/works", {"name": "Mine"}),
    ]

    assert [each.status_code for each in answers] == [404, 404, 404]
    assert {each.json()["code"] for each in answers} == {"not_found"}


def test_a_site_out_of_sight_is_refused_as_one_that_is_not_there(sydney_energy: Caller) -> None:
    hidden, unknown = (sydney_energy.post(LIST, terms(site=code)).json() for code in ("TYO1", "NOWHERE"))

    assert (hidden["status"], pointers(hidden)) == (422, ["/site"])
    assert hidden["errors"][0]["detail"] == unknown["errors"][0]["detail"].replace("NOWHERE", "TYO1")


@pytest.mark.parametrize(("role", "scopes"), [(Role.VIEWER, None), (Role.ENERGY_LEAD, [Scope.POWER_READ.value])])
def test_who_only_reads_writes_nothing(world: World, role: Role, scopes: list[str] | None) -> None:
    hers = GridConnectionFactory.create(site=world.sydney)
    reader = calling("Reader", role=role, scopes=scopes)
    path = f"{LIST}/{hers.pk}"
    tag = reader.get(path)["ETag"]

    answers = [
        reader.post(LIST, terms()),
        reader.patch(path, {"name": "Mine"}, if_match=tag),
        reader.post(f"{path}/works", {"name": "Mine"}),
    ]

    assert [each.status_code for each in answers] == [403, 403, 403]
