"""Set-up of places and equipment: from nothing to the first requirement, and what a wrong row is told."""

from datetime import date

import pytest
from django.test import Client

from procurement.models import EquipmentClass, ForecastRun, GroupNeed, ImportBatch, Plant, Requirement
from sites.accounts.models import User
from sites.models import Block, Closure, Gate, Phase, Site
from tests.factories.procurement import ChainTemplateFactory, EquipmentClassFactory, RequirementFactory
from tests.factories.sites import PhaseFactory, SiteFactory
from tests.procurement.portal.conftest import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(administrator: User) -> Client:
    return browser_of(administrator)


def paste(browser: Client, kind: str, *rows: str, reason: str = "First site") -> str:
    answer = browser.post(f"/set-up/{kind}/save/", {"rows": "\r\n".join(rows), "reason": reason}, follow=True)
    return answer.content.decode()


def next_step(browser: Client) -> str:
    html = browser.get("/set-up/").content.decode()
    step = html.split('aria-current="step"')[1].split("</li>")[0]
    return step.split("/set-up/")[1].split("/")[0]


def bring_in(browser: Client, kind: str, *rows: str) -> None:
    """Previews and applies."""
    paste(browser, kind, *rows)
    browser.post(f"/imports/{ImportBatch.objects.latest('created_at').pk}/apply/")


def test_an_empty_installation_is_led_to_its_first_requirement(browser: Client) -> None:
    led = []

    def step(kind: str, *rows: str) -> None:
        led.append(next_step(browser) == kind)
        (bring_in if kind in {"gates", "requirements"} else paste)(browser, kind, *rows)

    step("desks", "APAC\tAsia Pacific\tAustralia/Sydney")
    step("calendars", "New South Wales\tAU-NSW")
    step("sites", "SYD1\tSydney 1\tAPAC\tAU\tNew South Wales\tAustralia/Sydney\tAUD")
    step("phases", "SYD1\tP1\tFirst phase\t24\t\t2027-12-01")
    step("blocks", "SYD1/P1\tH1\tHall 1\t12.5\t2027-12-01\t2027-12-01")
    step("gates", "SYD1\tP1\tH1\tdry_in\t\t2027-03-01")
    step("chains", "CHILLER\tChiller\tON_SITE")
    step("steps", "CHILLER\t10\tPO_ISSUED", "CHILLER\t20\tON_SITE\t140\tcalendar\tsite\tvendor")
    step("classes", "CHILLER\tChiller\tmechanical\tCHILLER\t23 64 16\t\t\t10\t5")
    paste(browser, "groups", "SYD1\tCHW\tCHILLER\tChilled water")
    paste(browser, "needs", "SYD1/P1/H1\tSYD1/CHW\t1")
    step("requirements", "SYD1\tCH-01\tCHILLER\tAir-cooled chiller\tH1\t1\tEA\tnormal\tCHW\t2027-06-01")

    assert led == [True] * len(led)
    requirement = Requirement.objects.get()
    assert (requirement.tag, requirement.required_on_site, requirement.block) == (
        "CH-01", date(2027, 6, 1), Block.objects.get(),
    )  # fmt: skip
    assert (Phase.objects.get().rfs_baseline_on, Gate.objects.get().block) == (date(2027, 12, 1), Block.objects.get())
    assert GroupNeed.objects.get().group == requirement.group
    assert next_step(browser) == "companies"


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


@pytest.mark.parametrize(
    ("kind", "row", "why"),
    [
        ("sites", "SYD2\tSydney 2\tNONE\tAU\tx\tAustralia/Sydney\tAUD", "There is no “NONE”."),
        ("calendars", "Atlantis\tXX-99", "No calendar is known for this code"),
        ("phases", "SYD1\tP1\tFirst\tmany", "A number as 12.5."),
        ("phases", "SYD1\tP1\tFirst\t1.23456", "At most 3 decimals."),
        ("phases", "SYD1\tP1\tFirst", "cannot be null"),
        ("phases", "SYD1\t\tFirst\t12", "This is needed."),
        ("blocks", "SYD1/P9\tH1\tHall\t12", "There is no “SYD1/P9”."),
        ("blocks", "P9\tH1\tHall\t12", "There is no “P9”."),
        ("steps", "NONE\t1\tPO_ISSUED", "There is no “NONE”."),
        ("classes", "CH\tChiller\tmechanical\tEMPTY", "no step ON_SITE yet"),
        ("plants", "NONE\tA\tName\tDE\tx", "There is no “NONE”."),
    ],
)
def test_a_wrong_row_is_refused_in_words(browser: Client, site: Site, kind: str, row: str, why: str) -> None:
    paste(browser, "chains", "EMPTY\tWithout steps")

    html = paste(browser, kind, row)

    assert why in html
    assert "1 row is not saved" in html
    assert (Block.objects.exists(), EquipmentClass.objects.exists(), Plant.objects.exists()) == (False,) * 3


def test_a_frozen_baseline_is_not_moved_here(browser: Client, site: Site) -> None:
    PhaseFactory.create(site=site, code="P1", rfs_baseline_on=date(2027, 12, 1))

    html = paste(browser, "phases", "SYD1\tP1\tFirst\t24\t\t2028-01-01")

    assert "The baseline is frozen; an approver moves it." in html
    assert Phase.objects.get().rfs_baseline_on == date(2027, 12, 1)


def test_a_closure_makes_the_sites_calculate_anew_and_goes_again(browser: Client, site: Site) -> None:
    paste(browser, "closures", f"{site.calendar.name}\t2026-12-24\t2027-01-08\tSummer closure")
    after = ForecastRun.objects.filter(site=site).count()

    browser.post(f"/set-up/closures/{Closure.objects.get().pk}/remove/", {"reason": "Works through"})

    assert after == 1
    assert ForecastRun.objects.filter(site=site).count() == 2
    assert not Closure.objects.exists()
    assert "Works through" in browser.get("/set-up/closures/").content.decode()


def test_the_step_that_dates_hang_on_is_not_removed(browser: Client) -> None:
    template = ChainTemplateFactory.create()
    step = template.steps.get(code=template.anchor_code)

    html = browser.post(f"/set-up/steps/{step.pk}/remove/", {"reason": "x"}, follow=True).content.decode()

    assert "The dates of the chain hang on this step." in html
    assert template.steps.filter(pk=step.pk).exists()


def test_the_class_of_a_group_with_units_stays(browser: Client, site: Site) -> None:
    unit = RequirementFactory.create(site=site)
    paste(browser, "groups", f"SYD1\tG1\t{unit.equipment_class.code}\tOne")
    unit.group = unit.site.groups.get()
    unit.save()
    other = EquipmentClassFactory.create(code="another")

    assert "Units of the class so far are in it." in paste(browser, "groups", f"SYD1\tG1\t{other.code}\tOne")


def test_rows_that_cannot_be_previewed_stay_in_the_field(browser: Client, site: Site) -> None:
    html = paste(browser, "requirements", "<b>SYD1</b>\t")
    answer = browser.post("/set-up/requirements/save/", {"rows": "Site\tSite\tTag\r\n<b>SYD1</b>\tx\ty"})
    empty = browser.post("/set-up/requirements/save/", {"rows": ""})

    assert "<b>SYD1</b>" not in html
    assert (answer.status_code, empty.status_code) == (422, 422)
    assert "&lt;b&gt;SYD1" in answer.content.decode().split("<textarea")[1]
    assert "Paste or type at least one row." in empty.content.decode()


def test_what_a_list_of_sheets_holds_stands_below_with_its_history(browser: Client, site: Site) -> None:
    RequirementFactory.create(site=site, tag="CH-77")

    html = browser.get("/set-up/requirements/").content.decode()

    assert "CH-77" in html.split('id="rows-head"')[1]
    assert "CH-77" in html.split('id="history-head"')[1]
    assert browser.get("/set-up/gates/").status_code == browser.get("/set-up/orders/").status_code == 200
