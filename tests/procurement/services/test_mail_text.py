"""A mail says what moved, why, what it costs, what to do, who else knows and why you got it, in your language."""

import html
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from procurement.gateways.mail import Outgoing, as_bytes
from procurement.models import Alert, Notification, Requirement
from procurement.services import alerts, mail_links, mail_text
from procurement.services.alert_clock import tick
from procurement.services.mail_links import Purpose
from procurement.services.notifications import release_due
from procurement.vocabulary import NotificationState, Rule
from sites.accounts.permissions import Role
from tests.factories.procurement import (
    AllocationFactory,
    BlockForecastFactory,
    ChainForecastFactory,
    GroupNeedFactory,
    RequirementFactory,
    RequirementForecastFactory,
    RosAnchorFactory,
)
from tests.factories.sites import GridConnectionFactory, MembershipFactory, ShareFactory, SiteFactory
from tests.procurement.stage import NOON, TODAY, Late, assigned, holder, late, look, move

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(seconds=settings.HOLD_SECONDS)
TOMORROW = NOON + timedelta(days=2)


def written(at: object = LATER) -> Notification:
    release_due(now=at)  # type: ignore[arg-type]
    return Notification.objects.get(state=NotificationState.DUE)


@pytest.fixture
def unit() -> Late:
    """Promised three weeks before it is needed; then the promise slips to twelve days after."""
    made = late(days=-20)
    order = made.lot.schedule_line.line.order
    order.number = "4500016221"
    order.save()
    order.seller.name = "Kita & Söhne"
    order.seller.save()
    need = GroupNeedFactory.create(
        block__phase__site=made.site,
        block__phase__code="P1",
        block__code="H1",
        group__equipment_class=made.requirement.equipment_class,
    )
    made.requirement.group = need.group
    made.requirement.save()
    BlockForecastFactory.create(block=need.block, rfs_forecast_on=date(2027, 12, 13))
    move(made, 12, mw_days=96)
    return made


def test_the_mail_of_a_slip_holds_all_of_it(unit: Late) -> None:
    assigned(unit.site)
    assigned(unit.site, Role.EXPEDITER)
    look(unit.site)
    release_due(now=LATER)
    row, other = Notification.objects.order_by("pk")

    alert = Alert.objects.get(rule=Rule.LATE_FORECAST)
    assert row.subject == "[Longlead][SYD1] PO 4500016221/10 Chiller CH-03"
    assert row.body_text == (
        "12 days late: PO 4500016221/10 Chiller CH-03\n"
        "\n"
        "Forecast: 31 Aug 2027 → 2 Oct 2027 (+32 days, +23 working days)\n"
        "Required on site: 20 Sep 2027\n"
        "\n"
        "Why\n"
        "  The vendor's promise for “Factory test passed” decides.\n"
        "  Cause: Statement letter-1\n"
        "  Vendor: Kita & Söhne\n"
        "\n"
        "What it costs\n"
        "  Against the baseline: no change\n"
        "  Float: -12 days, -9 working days\n"
        "  MW-days at risk: 96\n"
        "  Ready for service P1 H1: 1 Dec 2027 → 13 Dec 2027 (+12 days)\n"
        "\n"
        "What to do\n"
        "  Acknowledge it with a date by which it will be better, and get an earlier promise from the vendor.\n"
        f"  {settings.BASE_URL}/alerts/{alert.pk}/\n"
        "\n"
        "Answer all of this mail without logging in, for 14 days\n"
        f"  Acknowledge: {mail_links.url(Purpose.ACKNOWLEDGE, row.pk)}\n"
        f"  Ask me later: {mail_links.url(Purpose.SNOOZE, row.pk)}\n"
        f"  Not mine: {mail_links.url(Purpose.DECLINE, row.pk)}\n"
        "\n"
        f"Also told: {other.recipient.name} (Expediter)\n"
        "You get this because it is assigned to you. (Buyer, Site)\n"
        "This mail was written by Longlead. Answer the alert in the portal.\n"
        f"What you are told, and how: {settings.BASE_URL}/preferences/\n"
        f"No more of these: {mail_links.url(Purpose.UNSUBSCRIBE, row.pk)}\n"
    )


def facts(text: str) -> set[str]:
    """The words, numbers and dates of a part."""
    return set(re.findall(r"[\w'“”,.+→-]*\w[\w'“”,.+→-]*", text))


@pytest.mark.parametrize("alerts_in_it", [1, 3])
def test_text_and_html_say_the_same(unit: Late, alerts_in_it: int) -> None:
    for number in range(1, alerts_in_it):
        late(unit.site, days=12 + number, tag=f"CH-1{number}")
    assigned(unit.site)
    assigned(unit.site, Role.EXPEDITER)
    look(unit.site)
    release_due(now=LATER)

    for row in Notification.objects.all():
        shown = html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", row.body_html, flags=re.DOTALL)))
        links = set(re.findall(r'href="([^"]+)"', row.body_html))
        in_text = re.sub(r"http\S+", "", row.body_text)
        assert facts(in_text) - facts(shown) == set()
        assert facts(shown) - facts(in_text) <= {
            *("Open", "the", "alert", "What", "Dates", "Why", "it", "costs", "to", "do")
        }
        assert links == set(re.findall(r"http\S+", row.body_text))


def test_the_html_needs_nothing_from_outside_and_no_style_sheet(unit: Late) -> None:
    assigned(unit.site)
    look(unit.site)
    page = written().body_html

    assert not re.findall(r"<(?:img|link|script|iframe)\b", page)
    assert all(url.startswith(f"{settings.BASE_URL}/") for url in re.findall(r'(?:href|src)="([^"]+)"', page))
    assert 'style="' in page
    assert "@media (prefers-color-scheme: dark)" in page


def test_markup_in_a_name_stays_text(unit: Late) -> None:
    unit.requirement.tag = "<script>alert(1)</script>"
    unit.requirement.save()
    assigned(unit.site)
    look(unit.site)
    row = written()

    assert "<script" not in row.body_html
    assert "&lt;script&gt;" in row.body_html
    assert "<script>alert(1)</script>" in row.body_text


def test_headers_let_people_and_machines_sort_it(unit: Late) -> None:
    assigned(unit.site)
    look(unit.site)

    row = written()

    assert row.headers == {
        "List-Id": "<alerts.syd1.longlead.example>",
        "List-Unsubscribe": f"<{mail_links.url(Purpose.UNSUBSCRIBE, row.pk)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Longlead-Reason": "owner",
        "X-Longlead-Severity": "critical",
        "X-Longlead-Alert": str(Alert.objects.get(rule=Rule.LATE_FORECAST).pk),
        "Date": "Fri, 20 Nov 2026 01:10:00 +0000",
    }


def test_a_later_band_answers_the_first_mail_and_its_subject_is_the_same(unit: Late) -> None:
    assigned(unit.site)
    look(unit.site)
    first = written()
    first.state, first.sent_at = NotificationState.SENT, LATER
    first.save()
    move(unit, 20)
    look(unit.site, now=LATER, cause="letter-2")

    second = written(LATER + timedelta(hours=1))

    assert (second.headers["In-Reply-To"], second.headers["References"]) == (first.message_id, first.message_id)
    assert second.subject == first.subject
    assert "Since last told (20 Nov 2026): +8 days" in second.body_text
    assert "Forecast: 2 Oct 2027 → 10 Oct 2027 (+8 days, +4 working days)" in second.body_text


def test_two_moves_in_one_hold_are_told_from_the_first_to_the_last(unit: Late) -> None:
    assigned(unit.site)
    look(unit.site)
    move(unit, 20)
    look(unit.site)

    row = written()

    assert "Forecast: 31 Aug 2027 → 10 Oct 2027" in row.body_text
    assert row.body_text.startswith("20 days late")


def test_who_is_given_an_alert_reads_from_where_it_moved(unit: Late) -> None:
    buyer, other = assigned(unit.site), holder(unit.site, Role.EXPEDITER)
    look(unit.site)
    alert = Alert.objects.get(rule=Rule.LATE_FORECAST)
    alerts.assign(alert_id=alert.pk, person=other, actor=buyer, now=NOON)
    release_due(now=LATER)

    mail = Notification.objects.get(recipient=other)
    assert "Forecast: 31 Aug 2027 → 2 Oct 2027 (+32 days" in mail.body_text


def test_who_hears_for_want_of_an_answer_reads_how_far_it_moved_since_it_was_told(unit: Late) -> None:
    assigned(unit.site)
    lead = holder(unit.site, Role.SITE_LEAD)
    look(unit.site)
    release_due(now=LATER)
    move(unit, 13)
    look(unit.site, now=NOON + timedelta(hours=1))
    tick(now=NOON + timedelta(days=5))
    release_due(now=NOON + timedelta(days=6))

    mail = Notification.objects.get(recipient=lead, reason="escalation")
    assert "Since last told (20 Nov 2026): +1 day" in mail.body_text


def test_a_japanese_reader_gets_their_dates_and_a_subject_any_server_takes(unit: Late) -> None:
    unit.requirement.tag = "冷凍機3号"
    unit.requirement.save()
    person = holder(unit.site, japanese=True, name="山田 花子")
    look(unit.site)
    row = written()

    assert "2027年10月2日" in row.body_text
    assert 'lang="ja"' in row.body_html
    wire = as_bytes(
        Outgoing(row.message_id, row.address, person.name, row.subject, row.body_text, row.body_html, row.headers),
        sender=settings.DEFAULT_FROM_EMAIL,
    )
    assert wire.isascii()
    assert b"Subject: [Longlead][SYD1] PO 4500016221/10 Chiller =?utf-8?" in wire
    assert max(len(line) for line in wire.split(b"\r\n")) <= 998


def test_a_language_nobody_translated_falls_back(unit: Late) -> None:
    holder(unit.site, language="tlh")
    look(unit.site)

    assert "2 Oct 2027" in written().body_text


def test_the_other_rules_say_their_own() -> None:
    site = SiteFactory.create(code="SYD1")
    person = holder(site, Role.ADMINISTRATOR)
    near = RequirementFactory.create(site=site, tag="CH-01")
    RequirementForecastFactory.create(requirement=near, unordered=True, order_by_on=TODAY + timedelta(days=2))
    RequirementFactory.create(site=site, tag="CH-02", without_ros=True)
    overdue = late(site, days=-50)
    overdue.lot.forecasts.filter(current=True).update(
        next_code="SUBMITTAL_IN",
        steps=[{"code": "SUBMITTAL_IN", "promise_counts_on": "2026-11-01", "shift_days": 4}],
    )
    look(site)

    row = written(TOMORROW)

    assert row.recipient == person
    assert row.subject == "[Longlead] Digest November 2026"
    for said in (
        "20 Nov 2026: 3 alerts",
        "Chiller CH-01: order within 2 days",
        "Order by: 22 Nov 2026",
        "Chiller CH-02: no required-on-site date",
        "“Submittal in” 15 days overdue",
        "Submittal in: 5 Nov 2026 (promised)",
        "Waits for: Vendor",
        "You get this because nobody else was found who could be told.",
    ):
        assert said in row.body_text


def units(first: Late, *tags: str) -> None:
    """More units of the same lot, as late as the first."""
    for tag in tags:
        requirement = RequirementFactory.create(
            site=first.site,
            tag=tag,
            required_on_site=first.requirement.required_on_site,
            equipment_class=first.requirement.equipment_class,
        )
        AllocationFactory.create(requirement=requirement, lot=first.lot)
        move(Late(requirement, first.lot), 12)


@pytest.fixture
def five() -> Late:
    first = late(tag="CH-01")
    lot = first.lot
    lot.schedule_line.line.order.number = "4500016221"
    lot.schedule_line.line.order.save()
    lot.schedule_line.quantity = lot.quantity = 5
    with transaction.atomic():
        lot.schedule_line.save()
        lot.save()
    units(first, "CH-02", "CH-03", "CH-04", "CH-05")
    assigned(first.site)
    return first


def test_units_that_hang_on_one_line_are_told_once_and_answered_each(five: Late) -> None:
    look(five.site)
    row = written()

    assert row.subject == "[Longlead][SYD1] PO 4500016221/10 Chiller CH-01, CH-02, CH-03 +2"
    assert row.body_text.count("The vendor's promise") == row.body_html.count("The vendor's promise") == 1
    for alert in Alert.objects.all():
        tag = alert.subject_text.rpartition(" ")[2]
        url = f"{settings.BASE_URL}/alerts/{alert.pk}/"
        assert f"  {tag} {url}\n" in row.body_text
        assert re.search(f'<a href="{url}"[^>]*>{tag}</a>', row.body_html)
    assert len(row.headers["X-Longlead-Alert"].split()) == 5


def test_a_unit_that_stands_otherwise_is_told_apart(five: Late) -> None:
    odd = Late(Requirement.objects.get(tag="CH-05"), five.lot)
    RequirementForecastFactory.create(requirement=odd.requirement, forecast_on=date(2027, 10, 2), costs_mw_days=40)
    look(five.site)
    row = written()

    assert row.subject == "[Longlead][SYD1] Statement letter-1"
    assert row.body_text.startswith("Statement letter-1: 5 alerts\n")
    assert "PO 4500016221/10 Chiller CH-01, CH-02, CH-03 +1: 12 days late" in row.body_text
    assert "PO 4500016221/10 Chiller CH-05: 12 days late" in row.body_text
    assert row.body_text.count("MW-days at risk: 40") == 1
    assert (row.body_text.count("Statement letter-1"), row.body_html.count("Statement letter-1")) == (1, 2)


def test_what_is_the_same_of_all_is_said_once_and_above_them(five: Late) -> None:
    odd = Late(Requirement.objects.get(tag="CH-05"), five.lot)
    RequirementForecastFactory.create(requirement=odd.requirement, forecast_on=date(2027, 10, 2), costs_mw_days=40)
    look(five.site)
    row = written()

    for said in ("Acknowledge it with a date", "What to do", "Vendor: ", "The vendor's promise"):
        assert row.body_html.count(said) == row.body_text.count(said) == 1
    assert row.body_html.index("Ask me later") < row.body_html.index("<table")
    assert ">Why<" not in row.body_html


def test_what_to_do_stands_with_each_where_it_differs() -> None:
    site = SiteFactory.create(code="SYD1")
    holder(site, Role.SITE_LEAD)
    RequirementFactory.create(site=site, without_ros=True)
    unit = late(site, days=-50)
    RosAnchorFactory.create(requirement=unit.requirement, lost_at=NOON)
    look(site)
    row = written(TOMORROW)

    for step in ("Give the requirement a date", "Name the activity"):
        assert row.body_html.count(step) == row.body_text.count(step) == 1
    assert re.search("<th[^>]*>What to do<", row.body_html)


def test_a_later_mail_about_the_same_units_answers_the_first(five: Late) -> None:
    look(five.site)
    first = written()
    first.state, first.sent_at = NotificationState.SENT, LATER
    first.save()
    for requirement in Requirement.objects.all():
        RequirementForecastFactory.create(requirement=requirement, forecast_on=date(2027, 10, 10))
    look(five.site, now=LATER, cause="letter-2")

    second = written(LATER + timedelta(hours=1))

    assert second.headers["In-Reply-To"] == first.message_id
    assert second.subject == "[Longlead][SYD1] PO 4500016221/10 Chiller CH-01, CH-02, CH-03 +2"


@pytest.mark.parametrize("most", [2, 5])
def test_a_line_of_very_many_units_links_the_list_for_the_rest(
    five: Late, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_text, "UNITS_IN_A_LINE", most)
    look(five.site)
    row = written()

    assert row.body_text.count(f"{settings.BASE_URL}/alerts/") == min(most + 1, 5)
    assert (f"3 more units {settings.BASE_URL}/alerts/\n" in row.body_text) is (most == 2)
    assert ("3 more units</a>" in row.body_html) is (most == 2)


def test_many_mw_days_are_grouped(unit: Late) -> None:
    move(unit, 13, mw_days=3648)
    assigned(unit.site)
    look(unit.site)

    assert "  MW-days at risk: 3,648\n" in written().body_text


def test_a_block_that_one_unit_alone_does_not_move_is_told_so(unit: Late) -> None:
    move(unit, 12)
    assigned(unit.site)
    look(unit.site)

    assert (
        "Ready for service P1 H1 (not moved by one unit alone): 1 Dec 2027 → 13 Dec 2027 (+12 days)"
        in written().body_text
    )


def test_power_after_energisation_says_what_is_not_covered() -> None:
    share = ShareFactory.create(site__code="SYD1", agreement__code="W-1", agreement__name="Ridge wind")
    connection = GridConnectionFactory.create(site=share.site)
    ChainForecastFactory.create(chain=share.agreement.chain, run__site=None, forecast_on=date(2027, 7, 20))
    ChainForecastFactory.create(
        chain=share.agreement.chain, run__site=None, forecast_on=date(2027, 8, 11), slip_days=41
    )
    ChainForecastFactory.create(chain=connection.chain, forecast_on=date(2027, 8, 1))
    MembershipFactory.create(role=Role.ENERGY_LEAD)
    alerts.evaluate_power(as_of=TODAY, now=NOON)

    row = written()

    assert "PPA W-1 Ridge wind: power 10 days after energisation" in row.body_text
    for said in (
        "Start of power (COD): 20 Jul 2027 → 11 Aug 2027 (+22 days, +16 working days)",
        "Energisation: 1 Aug 2027",
        "Power not covered: 12 MW",
        "MW-days at risk: 120",
        "Guaranteed COD: 1 Sep 2027",
        "Against the baseline: +41 days",
    ):
        assert said in row.body_text


def test_a_digest_counts_what_recovered_before_it_was_told() -> None:
    late_one = late(days=12)
    holder(late_one.site, Role.ADMINISTRATOR)
    RequirementFactory.create(site=late_one.site, tag="CH-02", without_ros=True)
    look(late_one.site)
    move(late_one, -15)
    look(late_one.site, now=NOON + timedelta(seconds=1), cause="letter-2")

    row = written(TOMORROW)

    said = "1 alert more recovered before you were to be told."
    assert (row.body_text.count(said), row.body_html.count(said)) == (1, 1)
    row.state, row.sent_at = NotificationState.SENT, TOMORROW
    row.save()
    RequirementFactory.create(site=late_one.site, tag="CH-04", without_ros=True)
    look(late_one.site, now=TOMORROW + timedelta(hours=12), as_of=TODAY + timedelta(days=2))

    assert "recovered" not in written(TOMORROW + timedelta(days=3)).body_text


def test_a_recovery_says_that_it_is_one_and_what_holds_now(unit: Late) -> None:
    """The alert keeps what held while it stood; whoever reads that would act on what is over."""
    assigned(unit.site)
    look(unit.site)
    bad = written()
    bad.state, bad.sent_at = NotificationState.SENT, LATER
    bad.save()
    move(unit, -15)
    look(unit.site, now=LATER, cause="letter-2")

    row = written(TOMORROW)

    assert row.body_text.startswith("recovered: PO 4500016221/10 Chiller CH-03\n")
    for said in (
        "Forecast: 2 Oct 2027 → 5 Sep 2027 (-27 days, -20 working days)",
        "Float: +15 days",
        "Nothing: it has recovered.",
    ):
        assert said in row.body_text
    for said in ("days late", "MW-days at risk", "Acknowledge it with a date", "Answer all of this mail"):
        assert said not in row.body_text + row.body_html


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("two\r\nlines", "two lines"),
        ("bell\x07 and\x00 nul", "bell and nul"),
        ("\u202egnihtyna\u2069", "gnihtyna"),
        ("line\u2028paragraph\u2029", "line paragraph"),
        ("x" * 300, "x" * 199 + "…"),
        ("山田", "山田"),
    ],
)
def test_what_people_type_is_one_clean_line(typed: str, shown: str) -> None:
    assert mail_text.clean(typed) == shown


def test_the_digests_of_a_month_are_one_thread() -> None:
    site = SiteFactory.create(code="SYD1")
    holder(site, Role.SITE_LEAD)
    sent: list[Notification] = []
    for day in range(3):
        RequirementFactory.create(site=site, tag=f"CH-{day}", without_ros=True)
        now = NOON + timedelta(days=day)
        look(site, now=now, as_of=TODAY + timedelta(days=day), cause="")
        row = written(now + timedelta(days=1))
        row.state, row.sent_at = NotificationState.SENT, now
        row.save()
        sent.append(row)

    assert {row.subject for row in sent} == {"[Longlead] Digest November 2026"}
    assert [row.headers.get("In-Reply-To") for row in sent] == [None, sent[0].message_id, sent[0].message_id]
    assert sent[2].headers["References"] == f"{sent[0].message_id} {sent[1].message_id}"


def test_who_answers_a_mail_finds_a_monitored_address(unit: Late, settings: Any) -> None:
    settings.MAIL_REPLY_TO = "expediting@owner.example"
    assigned(unit.site)
    look(unit.site)
    row = written()

    assert row.headers["Reply-To"] == "expediting@owner.example"
    for part in (row.body_text, row.body_html):
        assert "what you reply is read at expediting@owner.example" in " ".join(part.split())
