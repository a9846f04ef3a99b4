from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from procurement.models import Alert
from procurement.vocabulary import AlertState
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.procurement import AlertFactory, EquipmentClassFactory, RequirementFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import Place, browser_of

pytestmark = pytest.mark.django_db


def next_week() -> date:
    return timezone.now().date() + timedelta(days=7)


def test_an_alert_is_answered_with_a_commitment(browser: Client, expediter: User, sydney: Place) -> None:
    form = {"commitment_on": next_week().isoformat(), "note": "Recovery plan asked for"}

    answer = browser.post(f"/alerts/{sydney.alert.pk}/acknowledge/", form)

    row = Alert.objects.get(pk=sydney.alert.pk)
    assert (answer.status_code, row.state, row.acknowledged_by, row.commitment_on) == (
        302, AlertState.ACKNOWLEDGED, expediter, next_week(),
    )  # fmt: skip


def test_a_commitment_in_the_past_is_refused_at_its_field(browser: Client, sydney: Place) -> None:
    form = {"commitment_on": "2020-01-01", "note": "Recovery plan asked for"}

    answer = browser.post(f"/alerts/{sydney.alert.pk}/acknowledge/", form)

    assert (answer.status_code, answer.context["form"].errors) == (
        422, {"commitment_on": ["A commitment lies in the future."]},
    )  # fmt: skip
    assert 'value="Recovery plan asked for"' in answer.content.decode()


def test_a_viewer_reads_but_does_not_answer(sydney: Place) -> None:
    viewer = browser_of(MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person)

    page = viewer.get(f"/alerts/{sydney.alert.pk}/")
    answer = viewer.post(f"/alerts/{sydney.alert.pk}/acknowledge/", {})

    assert (page.status_code, page.context["may_answer"], answer.status_code) == (200, False, 403)


def test_the_page_says_what_was_seen_and_who_was_told(browser: Client, sydney: Place) -> None:
    html = browser.get(f"/alerts/{sydney.alert.pk}/").content.decode()

    wanted = ["91 days late: forecast 31 Aug 2027", "31 Aug 2027", "12.5", "Edith Expediter", "Band crossed: 7 days"]
    assert [words for words in wanted if words not in html] == []
    assert f"/lines/{sydney.line_key}/#lot-{sydney.lot.pk}" in html


def test_the_list_can_be_narrowed_to_a_site_and_a_rule(browser: Client, sydney: Place) -> None:
    AlertFactory.create(site=sydney.site, rule="no_ros")

    page = browser.get("/alerts/?site=SYD1&rule=no_ros")

    assert [each["row"].alert.rule for each in page.context["rows"]] == ["no_ros"]


def test_only_what_waits_for_an_answer_is_shown_first(browser: Client, sydney: Place) -> None:
    Alert.objects.filter(pk=sydney.alert.pk).update(state=AlertState.SNOOZED, snoozed_until=date(2027, 1, 4))

    pages = ("/alerts/?rule=late_forecast", "/alerts/?rule=late_forecast&shown=standing")
    totals = [browser.get(page).context["list"].total for page in pages]

    assert totals == [0, 1]


@pytest.mark.parametrize(("more", "shown"), [(0, "1<"), (98, "99<"), (99, "99+<"), (120, "99+<")])
def test_the_number_beside_alerts_says_no_more_than_99(
    more: int, shown: str, browser: Client, expediter: User, sydney: Place
) -> None:
    AlertFactory.create_batch(more, site=sydney.site, owner=expediter)

    html = browser.get("/views/").content.decode()

    assert f'<span class="ll-count">{shown}' in html


@pytest.mark.parametrize(
    ("query", "total"), [("lane=digest", 0), ("lane=urgent", 1), ("severity=critical", 0), ("severity=warning", 1)]
)
def test_the_list_can_be_narrowed_to_a_lane_and_a_severity(
    browser: Client, sydney: Place, query: str, total: int
) -> None:
    Alert.objects.update(lane="urgent", severity="warning")

    assert browser.get(f"/alerts/?{query}&rule=late_forecast").context["list"].total == total


@pytest.mark.parametrize(
    ("query", "total"), [("q=letter+7", 1), ("q=LETTER+8", 0), ("q=%00", 1), ("person=nobody", 1), ("q=ch-03", 1)]
)
def test_the_list_can_be_searched_for_text(browser: Client, sydney: Place, query: str, total: int) -> None:
    Alert.objects.update(subject_text="PO 1/10 Chiller CH-03", cause_text="Letter 7 of the vendor")

    assert browser.get(f"/alerts/?{query}&rule=late_forecast").context["list"].total == total


def test_the_list_can_be_narrowed_to_a_person(browser: Client, expediter: User, sydney: Place, tokyo: Place) -> None:
    """Whoever was told, owns or has answered it; only people concerned by what the reader sees can be chosen."""
    colleague = MembershipFactory.create(role=Role.BUYER, site=sydney.site).person
    AlertFactory.create(site=sydney.site, rule="no_ros", owner=colleague)

    pages = [browser.get(f"/alerts/?shown=standing&person={person.pk}") for person in (expediter, colleague)]

    assert [[each["row"].alert.rule for each in page.context["rows"]] for page in pages] == [
        ["late_forecast"], ["no_ros"],
    ]  # fmt: skip
    assert pages[0].context["people"] == sorted(
        [(str(expediter.pk), expediter.name), (str(colleague.pk), colleague.name)], key=lambda pair: pair[1]
    )
    assert "selected>Edith Expediter</option>" in pages[0].content.decode()


def test_the_list_can_be_narrowed_to_a_class(browser: Client, sydney: Place) -> None:
    """A lot is of the class of its order line, a requirement of its own; a vendor is of none."""
    pump = RequirementFactory.create(site=sydney.site, equipment_class=EquipmentClassFactory.create(code="pump"))
    AlertFactory.create(site=sydney.site, rule="no_ros", subject_kind="requirement", subject_id=pump.pk)
    AlertFactory.create(site=sydney.site, rule="vendor_silent", subject_kind="company_at_site")
    lot_class = sydney.lot.schedule_line.line.equipment_class.code

    def rules(code: str) -> set[str]:
        page = browser.get(f"/alerts/?shown=standing&class={code}")
        return {each["row"].alert.rule for each in page.context["rows"]}

    assert (rules(lot_class), rules("pump"), rules("spoon")) == ({"late_forecast"}, {"no_ros"}, set())


def test_a_silent_vendor_leads_to_its_page(browser: Client, sydney: Place) -> None:
    seller = sydney.lot.schedule_line.line.order.seller
    alert = AlertFactory.create(
        site=sydney.site,
        rule="vendor_silent",
        subject_kind="company_at_site",
        subject_id=seller.pk,
        facts={"days_silent": 20, "heard_on": "2026-10-31", "open_lots": 3},
    )

    html = browser.get(f"/alerts/{alert.pk}/").content.decode()

    assert [f'href="/vendors/{seller.pk}/"' in html, "Silent for 20 days" in html, "31 Oct 2026" in html] == [True] * 3
    assert browser.get(f"/vendors/{seller.pk}/").status_code == 200


def test_several_alerts_are_acknowledged_with_one_reason(browser: Client, expediter: User, sydney: Place) -> None:
    other = AlertFactory.create(site=sydney.site, rule="no_ros")
    form = {"alerts": [sydney.alert.pk, other.pk], "note": "Vendor meeting on Friday"}

    answer = browser.post("/alerts/?shown=waiting", form)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/alerts/?shown=waiting")
    answered = Alert.objects.filter(pk__in=[sydney.alert.pk, other.pk])
    assert [(row.state, row.acknowledged_by) for row in answered] == [
        (AlertState.ACKNOWLEDGED, expediter), (AlertState.ACKNOWLEDGED, expediter),
    ]  # fmt: skip


def test_several_alerts_are_given_to_a_colleague(browser: Client, sydney: Place) -> None:
    colleague = MembershipFactory.create(role=Role.BUYER, site=sydney.site).person

    browser.post("/alerts/", {"alerts": [sydney.alert.pk], "person": colleague.pk, "note": "Yours"})

    assert Alert.objects.get(pk=sydney.alert.pk).owner == colleague


def test_one_alert_out_of_sight_leaves_all_unanswered(browser: Client, sydney: Place, tokyo: Place) -> None:
    both = browser.post("/alerts/", {"alerts": [sydney.alert.pk, tokyo.alert.pk], "note": "x"})

    assert both.status_code == 404
    assert set(Alert.objects.values_list("state", flat=True)) == {AlertState.OPEN}


@pytest.mark.parametrize(
    ("field", "given"),
    [("note", {"commitment_on": "2027-02-03"}), ("commitment_on", {"commitment_on": "2020-02-03", "note": "Soon"})],
)
def test_a_refused_answer_to_several_keeps_the_ticks_and_what_was_typed(
    browser: Client, sydney: Place, field: str, given: dict[str, str]
) -> None:
    other = AlertFactory.create(site=sydney.site, rule="no_ros")

    answer = browser.post("/alerts/?shown=waiting", {"alerts": [sydney.alert.pk], **given})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert f'value="{sydney.alert.pk}" checked' in html
    assert f'value="{other.pk}" checked' not in html
    assert all(f'value="{said}"' in html or f"{said}</textarea>" in html for said in given.values())
    assert f'id="id_{field}_error"' in html
    assert set(Alert.objects.values_list("state", flat=True)) == {AlertState.OPEN}


def test_an_answer_to_several_without_a_tick_says_what_is_missing(browser: Client, sydney: Place) -> None:
    answer = browser.post("/alerts/", {"note": "Vendor meeting on Friday"})

    assert answer.status_code == 422
    assert "Tick the alerts that this answers." in answer.content.decode()
    assert 'value="Vendor meeting on Friday"' in answer.content.decode()
