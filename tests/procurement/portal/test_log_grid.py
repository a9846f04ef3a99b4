"""The grid: a frame at once, and its rows from an address of their own."""

from typing import Any

import pytest
from django.test import Client

from procurement.models import LogLine
from sites.accounts.models import User
from sites.accounts.permissions import Role
from tests.factories.procurement import DeliveryLotFactory
from tests.factories.sites import MembershipFactory, PromiseFactory
from tests.procurement.portal.conftest import Place, browser_of

pytestmark = pytest.mark.django_db


def rows(browser: Client, query: str = "") -> list[dict[str, Any]]:
    found = browser.get(f"/log/grid/rows/?{query or 'view='}").json()
    return [dict(zip(found["fields"], values, strict=True)) for values in found["rows"]]


def test_the_frame_holds_no_row_and_says_where_they_are(browser: Client, sydney: Place) -> None:
    page = browser.get("/log/grid/?site=SYD1&sort=-vendor")

    assert page.context["grid"]["rows"] == "/log/grid/rows/?site=SYD1&sort=-vendor"
    assert str(sydney.line_key) not in page.content.decode()


def test_a_row_says_what_stands_at_the_contract_step(browser: Client, sydney: Place) -> None:
    lot = sydney.lot
    PromiseFactory.create(
        milestone=lot.chain.milestones.get(code=lot.schedule_line.contract_step), value="2027-W30", precision="week"
    )

    (row,) = rows(browser)

    line = LogLine.objects.get(pk=sydney.line_key)
    assert row["order"] == str(line)
    assert (row["key"], row["site"], row["vendor"]) == (str(line.pk), "SYD1", line.seller_name)
    assert (row["promise"], row["actual"], row["lock"]) == ("2027-W30", "", "")
    assert (row["tags"], row["float"]) == (sydney.requirement.tag, str(line.float_days).replace("-", "−"))
    assert (row["open"], row["pin"]) == (True, True)


def test_rows_come_in_the_order_of_the_log(browser: Client, sydney: Place) -> None:
    DeliveryLotFactory.create(site=sydney.site)
    numbers = sorted(LogLine.objects.values_list("order_number", flat=True))

    found = [row["order"].partition("/")[0] for row in rows(browser, "sort=-line")]

    assert found == numbers[::-1]


def test_rows_of_other_sites_are_not_given(sydney: Place, tokyo: Place, browser: Client, expediter: User) -> None:
    assert [row["site"] for row in rows(browser)] == ["SYD1"]
    assert rows(browser_of(tokyo.mail.recipient)) == []


def test_who_may_not_write_finds_every_row_closed(sydney: Place) -> None:
    viewer = MembershipFactory.create(role=Role.VIEWER, site=sydney.site).person

    (row,) = rows(browser_of(viewer))

    assert (row["open"], row["pin"]) == (False, False)
