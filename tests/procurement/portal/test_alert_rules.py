"""The rules page: what is in force where, tried before it is saved, set by whoever has the right."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from procurement.models import Alert, AlertRuleSetting
from sites.accounts.models import AuditEvent
from sites.accounts.permissions import Role
from tests.factories.procurement import AlertRuleSettingFactory, EquipmentClassFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.procurement.portal.conftest import Place, browser_of
from tests.procurement.portal.test_markup import Page
from tests.procurement.stage import assigned, late

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator() -> Client:
    return browser_of(MembershipFactory.create(role=Role.ADMINISTRATOR).person)


def lead_of(place: Place) -> Client:
    return browser_of(MembershipFactory.create(role=Role.SITE_LEAD, site=place.site).person)


def test_the_page_says_what_is_in_force_at_a_place(administrator: Client, sydney: Place) -> None:
    AlertRuleSettingFactory.create(site=sydney.site, parameters={"buffer_days": 33})

    everywhere = administrator.get("/alerts/rules/").content.decode()
    here = administrator.get("/alerts/rules/?site=SYD1").content.decode()

    assert ("<strong>33</strong>" in everywhere, "<strong>33</strong>" in here) == (False, True)
    page = Page(here)
    assert (page.inline, page.unlabelled, page.tables) == ([], [], page.captions)


def test_a_threshold_is_saved_with_its_reason_and_shown_again(administrator: Client, sydney: Place) -> None:
    where = "/alerts/rules/late_forecast/?site=SYD1"

    answer = administrator.post(where, {"bands": "14, 3", "large_move_days": "5", "reason": "Long sea legs"})

    row = AlertRuleSetting.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, where)
    assert (row.site, row.parameters) == (sydney.site, {"bands": [3, 14], "large_move_days": 5})
    assert AuditEvent.objects.filter(verb="alert_rule.set", reason="Long sea legs").count() == 1
    html = administrator.get(where).content.decode()
    assert 'value="3, 14"' in html
    assert "Long sea legs" in html


def test_emptied_thresholds_hold_as_in_the_wider_place_again(administrator: Client, sydney: Place) -> None:
    AlertRuleSettingFactory.create(site=sydney.site)

    answer = administrator.post("/alerts/rules/low_float/?site=SYD1", {"buffer_days": "", "reason": "Not worth it"})

    assert (answer.status_code, AlertRuleSetting.objects.count()) == (302, 0)


def test_a_rule_is_switched_off_for_a_class_at_a_site(administrator: Client, sydney: Place) -> None:
    EquipmentClassFactory.create(code="pump")

    administrator.post("/alerts/rules/low_float/?site=SYD1&class=pump", {"enabled": "no", "reason": "From stock"})

    row = AlertRuleSetting.objects.select_related("equipment_class").get()
    assert row.equipment_class is not None
    assert (row.equipment_class.code, row.parameters) == ("pump", {"enabled": False})


def test_trying_tells_who_would_hear_and_stores_nothing(administrator: Client) -> None:
    unit = late(days=-15)
    person = assigned(unit.site, Role.EXPEDITER)

    answer = administrator.post("/alerts/rules/low_float/?site=SYD1", {"buffer_days": "400", "do": "try"})

    assert answer.status_code == 200
    assert [row.person for row in answer.context["told"]] == [str(person)]
    assert (AlertRuleSetting.objects.exists(), Alert.objects.exists()) == (False, False)
    assert 'value="400"' in answer.content.decode()


@pytest.mark.parametrize(
    ("where", "given", "field"),
    [
        ("low_float/", {"buffer_days": "10"}, "reason"),
        ("low_float/", {"buffer_days": "x", "reason": "y"}, "buffer_days"),
        ("low_float/", {"buffer_days": "99999", "reason": "y"}, "buffer_days"),
        ("late_forecast/", {"bands": "7, 7", "reason": "y"}, "bands"),
        ("late_forecast/", {"bands": "one", "reason": "y"}, "bands"),
        ("rfs_hit/?class=pump", {"bands": "7", "reason": "y"}, "__all__"),
    ],
)
def test_what_cannot_be_set_is_refused_at_its_field(
    administrator: Client, where: str, given: dict[str, str], field: str
) -> None:
    EquipmentClassFactory.create(code="pump")

    answer = administrator.post(f"/alerts/rules/{where}", given)

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert not AlertRuleSetting.objects.exists()


def test_a_site_lead_sets_the_rules_of_the_own_site_only(sydney: Place) -> None:
    lead, given = lead_of(sydney), {"buffer_days": "20", "reason": "Long sea legs"}
    SiteFactory.create(code="TYO1")

    answers = [
        lead.post(f"/alerts/rules/low_float/{where}", given).status_code for where in ("", "?site=TYO1", "?site=SYD1")
    ]

    assert answers == [403, 404, 302]


def test_a_rule_of_power_is_set_by_whoever_keeps_its_terms(sydney: Place) -> None:
    energy = browser_of(MembershipFactory.create(role=Role.ENERGY_LEAD, site=sydney.site).person)
    where, given = "/alerts/rules/long_stop_near/?site=SYD1", {"near_days": "120, 30", "reason": "Banks ask"}

    answers = [client.post(where, given).status_code for client in (lead_of(sydney), energy)]

    assert answers == [403, 302]


def test_a_viewer_reads_the_thresholds_without_a_form(sydney: Place) -> None:
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person)

    page = viewer.get("/alerts/rules/low_float/?site=SYD1")

    assert (page.status_code, page.context["may_change"], b'name="do"' in page.content) == (200, False, False)


def test_settings_and_places_out_of_sight_are_not_shown(browser: Client, sydney: Place, tokyo: Place) -> None:
    AlertRuleSettingFactory.create(site=tokyo.site)

    html = browser.get("/alerts/rules/low_float/").content.decode()

    assert tokyo.site.code not in html
    assert browser.get(f"/alerts/rules/?site={tokyo.site.code}").status_code == 404
    assert browser.get("/alerts/rules/no_such_rule/").status_code == 404


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_takes_as_many_queries_for_one_setting_as_for_three(
    administrator: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for each in range(number):
        AlertRuleSettingFactory.create(equipment_class=EquipmentClassFactory.create(code=f"class-{each}"))

    with django_assert_num_queries(7):
        administrator.get("/alerts/rules/")
