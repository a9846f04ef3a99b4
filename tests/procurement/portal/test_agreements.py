"""The page of an agreement and of a grid connection: what they show to whom, and the forms that change them."""

import json
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sites.accounts.permissions import Role
from sites.models import GridCapacityStep, GridConnection, NetworkWorks, PowerPurchaseAgreement, Promise
from sites.vocabulary import AgreementState
from tests.factories.power import ConditionFactory, CreditSupportFactory, DelayDamagesFactory, NoticeFactory
from tests.factories.sites import (
    AgreementFactory,
    GridConnectionFactory,
    MembershipFactory,
    PromiseFactory,
    ShareFactory,
    SiteFactory,
)
from tests.procurement.portal.conftest import Place, browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def energy(sydney: Place) -> Client:
    """Answers for power everywhere."""
    return browser_of(MembershipFactory.create(role=Role.ENERGY_LEAD).person)


@pytest.fixture
def agreement(sydney: Place) -> PowerPurchaseAgreement:
    found = sydney.agreement
    found.settlement_market, found.settlement_zone, found.signed_on = "NEM", "NSW1", date(2026, 1, 5)
    found.save()
    return found


def page(found: PowerPurchaseAgreement) -> str:
    return f"/power/agreements/{found.pk}/"


TERM = {
    "signed_on": "2026-01-05", "starts_on": "", "term_years": "12", "tail_years": "", "target_cod_on": "2027-06-01",
    "guaranteed_cod_on": "2027-09-01", "long_stop_on": "2028-03-01", "termination_right": "",
}  # fmt: skip


def test_terms_are_saved_group_by_group(energy: Client, agreement: PowerPurchaseAgreement) -> None:
    answer = energy.post(f"{page(agreement)}terms/term/", TERM)

    agreement.refresh_from_db()
    assert (answer.status_code, agreement.term_years, agreement.price) == (302, Decimal(12), Decimal(70))


def test_refused_terms_name_their_field_and_keep_what_was_typed(
    energy: Client, agreement: PowerPurchaseAgreement
) -> None:
    answer = energy.post(f"{page(agreement)}terms/term/", TERM | {"long_stop_on": "2027-08-01", "term_years": "13"})

    html = answer.content.decode()
    assert (answer.status_code, 'id="term-long_stop_on_error"' in html, 'value="13"' in html) == (422, True, True)
    agreement.refresh_from_db()
    assert agreement.long_stop_on == date(2028, 3, 1)


def test_a_zone_of_another_country_is_refused_at_the_zone(energy: Client, agreement: PowerPurchaseAgreement) -> None:
    sent = {"settlement_market": "JEPX", "settlement_zone": "TOKYO", "negative_price_rule": "settles"}

    answer = energy.post(f"{page(agreement)}terms/settlement/", sent)

    assert (answer.status_code, 'id="settlement-settlement_zone_error"' in answer.content.decode()) == (422, True)


def test_shares_above_the_whole_are_refused_and_stay_typed(energy: Client, agreement: PowerPurchaseAgreement) -> None:
    sent = {"site__0": "SYD1", "share_mw__0": "41", "from_on__0": "", "until_on__0": ""}

    answer = energy.post(f"{page(agreement)}shares/", sent)

    html = answer.content.decode()
    assert (answer.status_code, "The shares take 41 MW" in html, 'value="41"' in html) == (422, True, True)


def test_a_share_is_changed_and_another_site_added(energy: Client, agreement: PowerPurchaseAgreement) -> None:
    SiteFactory.create(code="MEL1")
    sent = {"site__0": "SYD1", "share_mw__0": "15", "site__1": "MEL1", "share_mw__1": "5", "from_on__1": "2028-01-01"}

    energy.post(f"{page(agreement)}shares/", sent)

    assert list(agreement.shares.order_by("share_mw").values_list("site__code", "share_mw", "from_on")) == [
        ("MEL1", Decimal(5), date(2028, 1, 1)),
        ("SYD1", Decimal(15), None),
    ]


def test_a_condition_keeps_what_its_form_does_not_show(energy: Client, agreement: PowerPurchaseAgreement) -> None:
    ConditionFactory.create(agreement=agreement, number=1, met_on=date(2026, 3, 1), document="Letter")
    sent = {"number__0": "1", "text__0": "Lease signed", "party__0": "buyer", "due_on__0": "2026-04-01"}

    answer = energy.post(f"{page(agreement)}rows/conditions/", sent)

    row = agreement.conditions.get()
    assert (answer.status_code, row.text, row.met_on, row.document) == (302, "Lease signed", date(2026, 3, 1), "Letter")


def test_a_condition_is_closed_and_a_notice_served(energy: Client, agreement: PowerPurchaseAgreement) -> None:
    condition = ConditionFactory.create(agreement=agreement)
    notice = NoticeFactory.create(agreement=agreement)

    energy.post(f"{page(agreement)}close/", {"condition": str(condition.pk), "on": "2026-11-02", "waived": "on"})
    energy.post(f"{page(agreement)}serve/", {"notice": str(notice.pk), "on": "2026-11-03", "document": "Post"})

    condition.refresh_from_db()
    notice.refresh_from_db()
    assert (condition.waived_on, notice.served_on) == (date(2026, 11, 2), date(2026, 11, 3))


def test_a_state_that_needs_more_is_refused_with_the_reason(energy: Client, agreement: PowerPurchaseAgreement) -> None:
    refused = energy.post(f"{page(agreement)}state/", {"state": "cod"})
    moved = energy.post(f"{page(agreement)}state/", {"state": "in_default"})

    agreement.refresh_from_db()
    assert (refused.status_code, "Record the day of commercial operation first" in refused.content.decode()) == (
        422,
        True,
    )
    assert (moved.status_code, agreement.state) == (302, AgreementState.IN_DEFAULT)


def test_a_promise_about_cod_moves_the_forecast(energy: Client, agreement: PowerPurchaseAgreement) -> None:
    sent = {"step": "COD", "said": "Q1 2029", "stated_on": "2026-11-15", "source": "meeting"}

    answer = energy.post(f"/power/dates/{agreement.chain_id}/promise/", sent, follow=True)

    assert "31 Mar 2029" in answer.content.decode()
    assert Promise.objects.get(milestone__chain=agreement.chain).value == "2029-Q1"


def test_a_refused_promise_keeps_what_was_typed(energy: Client, agreement: PowerPurchaseAgreement) -> None:
    sent = {"step": "COD", "said": "soonish", "stated_on": "2026-11-15", "source": "meeting", "note": "said by phone"}

    answer = energy.post(f"/power/dates/{agreement.chain_id}/promise/", sent)

    html = answer.content.decode()
    assert (answer.status_code, 'value="soonish"' in html, 'value="said by phone"' in html) == (422, True, True)


# -- who sees what -----------------------------------------------------------------------------------------------------


def test_a_reader_of_one_site_learns_only_of_their_own_share(
    browser: Client, agreement: PowerPurchaseAgreement, tokyo: Place
) -> None:
    agreement.shares.create(site=tokyo.site, share_mw=Decimal(317))
    ConditionFactory.create(agreement=agreement, text="Lease of the Inzai hall")
    NoticeFactory.create(agreement=agreement, subject="Notice about Inzai")
    CreditSupportFactory.create(agreement=agreement, issuer="Inzai Bank")
    DelayDamagesFactory.create(agreement=agreement)

    html = browser.get(page(agreement)).content.decode()
    exported = browser.get(f"{page(agreement)}record.json").content.decode()
    listed = browser.get("/power/agreements/").content.decode() + browser.get("/power/").content.decode()

    for shown in (html, exported, listed):
        assert [word for word in ("Inzai", "TYO1", "317 MW", tokyo.site.name) if word in shown] == []
    assert json.loads(exported)["shares"] == [{"site": "SYD1", "share_mw": "12"}]
    assert not {"price", "contracted_mw", "conditions"} & json.loads(exported).keys()
    assert "Contracted MW" not in html


def test_the_ledger_of_a_shared_agreement_shows_its_dates_without_documents_and_notes(
    browser: Client, agreement: PowerPurchaseAgreement, tokyo: Place
) -> None:
    agreement.shares.create(site=tokyo.site, share_mw=Decimal(317))
    PromiseFactory.create(
        milestone=agreement.chain.milestones.get(code="COD"),
        value="2029-02-01",
        counts_on=date(2029, 2, 1),
        document="Minutes of Inzai",
        note="Lease of the Inzai hall",
    )

    html = browser.get(page(agreement)).content.decode()

    assert "1 Feb 2029" in html
    assert "Inzai" not in html


@pytest.mark.parametrize("address", ["/log/?q=PPA-TYO", "/power/agreements/?site=TYO1", "/alerts/?q=PPA-TYO"])
def test_a_search_finds_no_agreement_of_another_site(browser: Client, tokyo: Place, address: str) -> None:
    PowerPurchaseAgreement.objects.filter(pk=tokyo.agreement.pk).update(code="PPA-TYO-9", name="Inzai Solar")

    html = browser.get(address).content.decode()

    assert "PPA-TYO-9" not in html
    assert "Inzai" not in html


def test_the_site_power_page_shows_the_own_share_only(
    browser: Client, agreement: PowerPurchaseAgreement, tokyo: Place
) -> None:
    agreement.shares.create(site=tokyo.site, share_mw=Decimal(317))

    html = browser.get("/sites/SYD1/power/").content.decode()

    assert (agreement.code in html, tokyo.agreement.code in html, "317 MW" in html, "TYO1" in html) == (
        True, False, False, False,
    )  # fmt: skip


def test_a_writer_of_one_site_changes_nothing_of_a_shared_agreement(
    agreement: PowerPurchaseAgreement, tokyo: Place
) -> None:
    agreement.shares.create(site=tokyo.site, share_mw=5)
    client = browser_of(
        MembershipFactory.create(role=Role.ENERGY_LEAD, site=agreement.shares.get(site__code="SYD1").site).person
    )

    answers = {
        name: client.post(f"{page(agreement)}{name}/", said).status_code
        for name, said in {
            "terms/term": TERM,
            "shares": {"site__0": "SYD1", "share_mw__0": "1"},
            "state": {"state": "terminated"},
        }.items()
    }

    assert answers == dict.fromkeys(answers, 403)
    assert agreement.shares.count() == 2


# -- in and out --------------------------------------------------------------------------------------------------------


def test_what_is_exported_is_brought_in_again(energy: Client, agreement: PowerPurchaseAgreement) -> None:
    text = energy.get(f"{page(agreement)}record.json").content.decode()
    copied = text.replace(agreement.code, "PPA-COPY")

    answer = energy.post("/power/agreements/bring-in/", {"record": copied})

    assert answer.status_code == 302
    made = PowerPurchaseAgreement.objects.get(code="PPA-COPY")
    assert (made.price, made.shares.get().share_mw) == (agreement.price, Decimal(12))


def test_a_record_that_cannot_be_is_refused_with_its_field(energy: Client, sydney: Place) -> None:
    answer = energy.post("/power/agreements/bring-in/", {"record": '{"code": "PPA-X"}'})

    html = answer.content.decode()
    assert (answer.status_code, "name:" in html, "PPA-X" in html) == (422, True, True)


def test_the_published_schema_is_served(energy: Client, sydney: Place) -> None:
    assert energy.get("/power/agreements/schema.json").json()["$id"] == "longlead.ppa/1"


# -- grid --------------------------------------------------------------------------------------------------------------


CONNECTION = {
    "name": "Second intake", "utility": "Harbour Grid", "requested_mw": "40", "offered_mw": "", "firm_mw": "",
    "flexible_mw": "", "voltage_kv": "132", "energisation_target_on": "2029-03-01", "offer_expires_on": "",
}  # fmt: skip


def test_a_connection_is_added_and_changed(energy: Client, sydney: Place) -> None:
    added = energy.post("/power/grid/add/", CONNECTION | {"site": str(sydney.site.pk)})
    found = GridConnection.objects.get(name="Second intake")
    changed = energy.post(f"/power/grid/{found.pk}/terms/", CONNECTION | {"offered_mw": "38", "firm_mw": "20"})

    found.refresh_from_db()
    assert (added.status_code, changed.status_code, found.firm_mw) == (302, 302, Decimal(20))
    assert "Second intake" in energy.get("/power/grid/").content.decode()


def test_a_connection_has_an_owner_who_is_told_of_its_clocks(energy: Client, sydney: Place) -> None:
    owner = MembershipFactory.create(role=Role.SITE_LEAD, site=sydney.site).person
    grid = f"/power/grid/{sydney.connection.pk}/"

    saved = energy.post(f"{grid}terms/", CONNECTION | {"owner": owner.username, "calendar": sydney.site.calendar.name})
    refused = energy.post(f"{grid}terms/", CONNECTION | {"owner": "nobody at all"})

    sydney.connection.refresh_from_db()
    assert (saved.status_code, sydney.connection.owner, sydney.connection.calendar) == (
        302, owner, sydney.site.calendar,
    )  # fmt: skip
    assert (refused.status_code, 'id="terms-owner_error"' in refused.content.decode()) == (422, True)
    assert f'value="{owner.username}"' in energy.get(grid).content.decode(), "the form shows who it is"


def test_kilowatts_in_a_connection_are_refused_at_their_field(energy: Client, sydney: Place) -> None:
    sent = CONNECTION | {"site": str(sydney.site.pk), "requested_mw": "40000"}
    answer = energy.post("/power/grid/add/", sent)

    assert (answer.status_code, 'id="terms-requested_mw_error"' in answer.content.decode()) == (422, True)
    assert not GridConnection.objects.filter(name="Second intake").exists()


def test_who_does_not_answer_for_power_adds_no_connection(sydney: Place) -> None:
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person)

    assert viewer.get("/power/grid/add/").status_code == 403
    assert "/power/grid/add/" not in viewer.get("/power/grid/").content.decode()


def test_capacity_is_saved_in_steps_after_works(energy: Client, sydney: Place) -> None:
    grid = f"/power/grid/{sydney.connection.pk}/"
    energy.post(f"{grid}works/", {"name": "Second circuit", "contractor": "Lines", "planned_on": "2027-01-01"})
    sent = {"firm_mw__0": "10", "firm_mw__1": "20", "flexible_mw__1": "4", "works__1": "Second circuit"}

    answer = energy.post(f"{grid}capacity/", sent)

    assert answer.status_code == 302
    assert NetworkWorks.objects.get().name == "Second circuit"
    assert list(GridCapacityStep.objects.order_by("number").values_list("firm_mw", "works__name")) == [
        (Decimal(10), None),
        (Decimal(20), "Second circuit"),
    ]
    assert "Second circuit" in energy.get(grid).content.decode()


def test_more_than_was_offered_is_refused_at_its_row(energy: Client, sydney: Place) -> None:
    sydney.connection.offered_mw = 15
    sydney.connection.save()

    answer = energy.post(f"/power/grid/{sydney.connection.pk}/capacity/", {"firm_mw__0": "10", "firm_mw__1": "16"})

    html = answer.content.decode()
    assert (answer.status_code, 'id="capacity-firm_mw__1_error"' in html) == (422, True)
    assert not GridCapacityStep.objects.exists()


def test_a_connection_does_not_go_back_far(energy: Client, sydney: Place) -> None:
    path = f"/power/grid/{sydney.connection.pk}/state/"

    answers = [energy.post(path, {"state": state}).status_code for state in ("enquiry", "energised")]

    assert answers == [422, 302]


# -- lists -------------------------------------------------------------------------------------------------------------


def test_agreements_are_filtered_by_the_address(
    energy: Client, agreement: PowerPurchaseAgreement, tokyo: Place
) -> None:
    tokyo.agreement.country = "JP"
    tokyo.agreement.save()

    def codes(query: str) -> list[bool]:
        html = energy.get(f"/power/agreements/?{query}").content.decode()
        return [f">{code}<" in html for code in (agreement.code, tokyo.agreement.code)]

    assert [codes(query) for query in ("site=SYD1", "country=JP", "state=screening", "state=nonsense")] == [
        [True, False],
        [False, True],
        [False, False],
        [True, True],
    ]


@pytest.mark.parametrize("path", ["/power/", "/power/agreements/", "/power/grid/"])
def test_lists_take_as_many_queries_for_three_as_for_one(energy: Client, sydney: Place, path: str) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert energy.get(path).status_code == 200
        return len(queries)

    count()
    one = count()
    for _number in range(2):
        site = SiteFactory.create(desk=sydney.site.desk)
        ShareFactory.create(site=site, agreement=AgreementFactory.create())
        GridConnectionFactory.create(site=site)

    assert count() == one
