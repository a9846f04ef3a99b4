"""The simulator: a date or a threshold is tried by a person's own rights, and nothing of it is kept."""

import pytest
from django.test import Client

from procurement.models import Alert, AlertRuleSetting, Requirement
from sites.accounts.permissions import Role
from sites.models import Promise
from tests.factories.sites import MembershipFactory
from tests.procurement.portal.conftest import Place, browser_of
from tests.procurement.portal.test_markup import Page
from tests.procurement.stage import assigned, late

pytestmark = pytest.mark.django_db
WHERE = "/alerts/what-if/"


@pytest.fixture
def administrator() -> Client:
    return browser_of(MembershipFactory.create(role=Role.ADMINISTRATOR).person)


def test_the_page_can_be_read(browser: Client, sydney: Place) -> None:
    page = Page(browser.get(WHERE).content.decode())

    assert (page.inline, page.unlabelled, [key for key, times in page.ids.items() if times > 1]) == ([], [], [])


def test_a_promise_is_tried_and_taken_back(administrator: Client, sydney: Place) -> None:
    line, promises = sydney.lot.schedule_line.line, Promise.objects.count()
    given = {"order": line.order.number, "line": line.number, "milestone": "ON_SITE", "value": "2028-03-01"}

    answer = administrator.post(WHERE, {"change": "promise"} | {f"promise-{name}": given[name] for name in given})

    assert answer.status_code == 200, answer.context["promise"].errors
    assert answer.context["found"].moved
    assert Promise.objects.count() == promises


def test_a_required_date_is_tried_and_taken_back(administrator: Client) -> None:
    unit = late(days=-15)
    person = assigned(unit.site, Role.BUYER)
    before = Requirement.objects.values_list("ros_fixed_on", flat=True).get()
    given = {"site": "SYD1", "requirement": unit.requirement.tag, "on": "2026-12-01"}

    answer = administrator.post(WHERE, {"change": "required"} | {f"required-{name}": given[name] for name in given})

    assert answer.status_code == 200, answer.context["required"].errors
    assert str(person) in {row.person for row in answer.context["told"]}
    assert (Requirement.objects.values_list("ros_fixed_on", flat=True).get(), Alert.objects.count()) == (before, 0)


def test_a_threshold_is_tried_and_taken_back(administrator: Client) -> None:
    person = assigned(late(days=-15).site, Role.EXPEDITER)
    given = {"rule": "low_float", "site": "SYD1", "parameter": "buffer_days", "number": "400"}

    answer = administrator.post(WHERE, {"change": "threshold"} | {f"threshold-{name}": given[name] for name in given})

    assert [row.person for row in answer.context["told"]] == [str(person)]
    assert not AlertRuleSetting.objects.exists()


def test_an_order_out_of_sight_is_refused_like_one_that_is_not_there(
    browser: Client, sydney: Place, tokyo: Place
) -> None:
    def refused(order: str) -> tuple[int, dict[str, list[str]]]:
        given = {"change": "promise", "promise-order": order, "promise-line": "10", "promise-value": "2028-03-01"}
        answer = browser.post(WHERE, given)
        return answer.status_code, dict(answer.context["promise"].errors)

    there, nowhere = refused(tokyo.lot.schedule_line.line.order.number), refused("no such order")

    assert there == nowhere == (422, {"order": ["There is no such order."]})


def test_whoever_may_not_set_a_rule_may_not_try_it(browser: Client, sydney: Place) -> None:
    given = {"rule": "low_float", "site": "SYD1", "parameter": "buffer_days", "number": "400"}

    answer = browser.post(WHERE, {"change": "threshold"} | {f"threshold-{name}": given[name] for name in given})

    assert answer.status_code == 403
