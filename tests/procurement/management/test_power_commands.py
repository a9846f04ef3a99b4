"""The balance as JSON and as text; an agreement out as its record and in again."""

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from sites.accounts.permissions import Role
from sites.models import PowerPurchaseAgreement
from tests.factories.procurement import ChainForecastFactory
from tests.factories.sites import BlockFactory, GridConnectionFactory, LoadStepFactory, MembershipFactory, SiteFactory
from tests.sites.readers.test_agreement_record import RIGHT

pytestmark = pytest.mark.django_db

WINDOW = ("--from", "2027-01-01", "--to", "2027-12-31")


def _run(*args: str) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def _balance(*args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_run("power_balance", *args, *WINDOW, "--json"))
    return found


def _site(code: str = "SYD01") -> None:
    site = SiteFactory.create(code=code)
    grid = GridConnectionFactory.create(site=site, firm_mw=8, offered_mw=10)
    ChainForecastFactory.create(chain=grid.chain, forecast_on=date(2027, 3, 1))
    LoadStepFactory.create(site=site, from_on=date(2027, 5, 1), gross_mw=10)


def test_a_site_is_one_document_of_periods_and_what_is_not_known() -> None:
    _site()

    found = _balance("--site", "SYD01")

    assert (found["site"], found["first_load_on"], found["first_power_on"]) == ("SYD01", "2027-05-01", "2027-03-01")
    assert [period["from_on"] for period in found["periods"]] == ["2027-01-01", "2027-03-01", "2027-05-01"]
    assert [period["limits_mw"]["grid"] for period in found["periods"]] == ["0", "8", "8"]
    assert found["periods"][-1]["usable_mw"] is None
    assert found["not_known"]["electrical"] == ["no blocks are recorded"]
    assert found["knowledge"]["mode"] == "today"
    assert [quarter["quarter"] for quarter in found["quarters"]] == ["2027-Q1", "2027-Q2", "2027-Q3", "2027-Q4"]


def test_a_desk_and_the_portfolio_hold_their_sites() -> None:
    _site()
    _site("SYD02")

    assert [each["site"] for each in _balance("--desk", "SYDNEY")["sites"]] == ["SYD01", "SYD02"]
    portfolio = _balance("--portfolio")
    assert len(portfolio["sites"]) == 2
    assert portfolio["periods"][-1]["ramp_mw"] == "20"


def test_the_states_of_knowledge_are_told() -> None:
    _site()

    assert _balance("--site", "SYD01", "--baseline")["knowledge"]["mode"] == "baseline"
    past = _balance("--site", "SYD01", "--as-known-on", "2026-01-01")
    assert past["knowledge"] == {"mode": "known_on", "on": "2026-01-01"}
    assert past["first_power_on"] is None


def test_states_of_knowledge_are_compared_in_one_document() -> None:
    """Energised in September instead of August: 31 days more of 8 MW missing."""
    site = SiteFactory.create(code="SYD01")
    ready = date(2026, 1, 1)
    BlockFactory.create(phase__site=site, it_mw=30, rfs_actual_on=ready, rfs_baseline_on=ready)
    grid = GridConnectionFactory.create(site=site, firm_mw=8, offered_mw=10, energisation_target_on=date(2027, 8, 1))
    ChainForecastFactory.create(chain=grid.chain, forecast_on=date(2027, 9, 1))
    LoadStepFactory.create(site=site, from_on=date(2027, 5, 1), gross_mw=10)

    found = _balance("--site", "SYD01", "--compare", "--as-known-on", "2026-01-01")

    assert [found[name]["totals"]["gap_mw_days"] for name in ("today", "baseline")] == ["1474", "1226"]
    assert found["differences"]["baseline"]["SYD01"]["gap_mw_days"] == "248"
    assert found["known_on"]["knowledge"]["on"] == "2026-01-01"
    assert found["differences"]["known_on"]["SYD01"] == {"gap_mw_days": "1474", "unused_mw_days": None}


def test_text_names_each_period_and_what_binds() -> None:
    _site()

    told = _run("power_balance", "--site", "SYD01", *WINDOW)

    assert "2027-03-01 to 2027-04-30" in told
    assert "Electrical equipment" in told


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("--site", "NOWHERE", *WINDOW), "--site"),
        (("--desk", "NOWHERE", *WINDOW), "--desk"),
        (("--site", "SYD01", "--from", "2027", "--to", "2027-12-31"), "--from"),
        (("--site", "SYD01", "--from", "2027-12-31", "--to", "2027-01-01"), "--to"),
        (("--site", "SYD01", *WINDOW, "--as-known-on", "2099-01-01"), "--as-known-on"),
        (("--site", "SYD01", *WINDOW, "--as-known-on", "2026-01-01", "--baseline"), "--baseline"),
    ],
)
def test_bad_input_names_its_option(args: tuple[str, ...], named: str) -> None:
    _site()

    with pytest.raises(CommandError) as refusal:
        _run("power_balance", *args, "--json")

    assert str(refusal.value).startswith(named)
    assert refusal.value.returncode == 2


def _file(folder: Path, **given: Any) -> str:
    path = folder / "record.json"
    path.write_text(json.dumps(RIGHT | given))
    return str(path)


def _energy() -> str:
    SiteFactory.create(code="SYD01")
    SiteFactory.create(code="SYD02")
    name: str = MembershipFactory.create(role=Role.ENERGY_LEAD).person.username
    return name


def test_an_agreement_goes_out_as_it_came_in(tmp_path: Path) -> None:
    name = _energy()

    assert json.loads(_run("import_agreement", _file(tmp_path), "--as", name, "--json"))["done"] == "created"
    out = json.loads(_run("export_agreement", RIGHT["code"]))
    (tmp_path / "again.json").write_text(json.dumps(out))
    _run("import_agreement", str(tmp_path / "again.json"), "--as", name)

    assert json.loads(_run("export_agreement", RIGHT["code"])) == out
    assert out["delay_damages"][0]["bands"][1] == {"from_day": 31, "amount_per_mw_day": "250"}


def test_a_record_can_be_checked_without_being_stored(tmp_path: Path) -> None:
    name = _energy()

    assert "is right" in _run("import_agreement", _file(tmp_path), "--as", name, "--check")
    assert not PowerPurchaseAgreement.objects.exists()


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [({"price": "0.06"}, "price", 2), ({"shares": [{"site": "NOWHERE", "share_mw": "1"}]}, "shares/0/site", 1)],
)
def test_a_wrong_record_is_refused_by_its_field(tmp_path: Path, given: dict[str, Any], field: str, code: int) -> None:
    name = _energy()

    with pytest.raises(CommandError) as refusal:
        _run("import_agreement", _file(tmp_path, **given), "--as", name)

    assert str(refusal.value).startswith(f"{field}: ")
    assert refusal.value.returncode == code


def test_a_file_or_a_person_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    name = _energy()

    for args in (
        ("import_agreement", str(tmp_path / "none"), "--as", name),
        ("import_agreement", "-", "--as", "nobody"),
    ):
        with pytest.raises(CommandError) as refusal:
            _run(*args)
        assert refusal.value.returncode == 2


def test_the_schema_is_printed_and_an_unknown_code_refused() -> None:
    assert json.loads(_run("export_agreement", "--schema"))["$id"] == "longlead.ppa/1"
    for args in (("export_agreement",), ("export_agreement", "NOWHERE")):
        with pytest.raises(CommandError):
            _run(*args)
