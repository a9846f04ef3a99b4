"""A snooze ends, an answer is asked for again, and what nobody answers climbs the ladder in working days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings

from procurement.models import Alert, AlertEvent, NotificationItem
from procurement.services import alerts
from procurement.services.alert_clock import Ticked, ladder, next_steps, tick
from procurement.services.notifications import release_due
from procurement.vocabulary import AlertEventKind, AlertState, Lane, WatchSubject, WishedLane
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict
from sites.models import Site
from tests.factories.accounts import UserFactory
from tests.factories.procurement import AlertPreferenceFactory, WatchFactory
from tests.factories.sites import AbsenceFactory, MembershipFactory, PromiseFactory, SiteFactory
from tests.procurement.stage import NOON, TODAY, Late, assigned, holder, late, look, move

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FRIDAY_NOON = NOON  # 2026-11-20 in Sydney
MONDAY_NOON, TUESDAY_NOON = NOON + 3 * DAY, NOON + 4 * DAY


@pytest.fixture
def site() -> Site:
    return SiteFactory.create(code="SYD1")


@pytest.fixture
def buyer(site: Site) -> User:
    person = assigned(site)
    person.time_zone = "Australia/Sydney"
    person.save()
    return person


@pytest.fixture
def lead(site: Site) -> User:
    return holder(site, Role.SITE_LEAD, time_zone="Australia/Sydney")


def sourcing_head() -> User:
    person = UserFactory.create(time_zone="Australia/Sydney")
    MembershipFactory.create(person=person, role=Role.BUYER)
    return person


def told(kind: AlertEventKind) -> list[User]:
    rows = NotificationItem.objects.filter(event__kind=kind, dropped_because="").order_by("pk")
    return [row.recipient for row in rows.select_related("recipient")]


def the_alert() -> Alert:
    return Alert.objects.get(rule="late_forecast")


def opened(site: Site) -> Late:
    unit = late(site, days=12)
    look(site)
    release_due(now=NOON + timedelta(seconds=settings.HOLD_SECONDS))
    return unit


# -- the ladder --------------------------------------------------------------------------------------------------


def test_after_one_working_day_the_site_lead_is_told_and_after_two_the_portfolio(
    site: Site, buyer: User, lead: User
) -> None:
    head = sourcing_head()
    opened(site)
    first = the_alert().escalate_at
    assert first == MONDAY_NOON + timedelta(seconds=settings.HOLD_SECONDS)  # over the weekend

    assert tick(now=MONDAY_NOON).escalated == 0
    assert tick(now=first).escalated == 1
    assert (the_alert().state, the_alert().escalation_step, told(AlertEventKind.ESCALATED)) == (
        AlertState.ESCALATED, 1, [lead],
    )  # fmt: skip
    second = the_alert().escalate_at
    assert second is not None
    assert tick(now=second).escalated == 1

    assert told(AlertEventKind.ESCALATED) == [lead, head]
    assert (the_alert().escalation_step, the_alert().escalate_at) == (2, None)
    assert TUESDAY_NOON <= second <= TUESDAY_NOON + HOUR


def test_the_next_step_is_shown_before_it_is_taken(site: Site, buyer: User, lead: User) -> None:
    opened(site)
    row = the_alert()

    shown = next_steps([row], now=NOON)[row.pk]

    assert (shown.at, shown.people, shown.time_zone) == (row.escalate_at, (str(lead),), "Australia/Sydney")


def test_all_steps_are_shown_before_they_are_taken(site: Site, buyer: User, lead: User) -> None:
    head = sourcing_head()
    opened(site)

    shown = ladder(the_alert(), now=NOON)

    assert [step.people for step in shown] == [(str(lead),), (str(head),)]
    taken = [tick(now=at).escalated for at in (shown[0].at, shown[1].at + HOUR)]
    assert (taken, told(AlertEventKind.ESCALATED)) == ([1, 1], [lead, head])
    assert ladder(the_alert(), now=shown[1].at + HOUR) == ()


def test_the_next_step_names_who_stands_in_on_that_day(site: Site, buyer: User, lead: User) -> None:
    deputy = holder(site, Role.VIEWER)
    AbsenceFactory.create(person=lead, deputy=deputy, from_on=TODAY + 3 * DAY, until_on=TODAY + 20 * DAY)
    opened(site)
    row = the_alert()

    shown = next_steps([row], now=NOON)[row.pk]
    tick(now=shown.at)

    assert shown.people == (str(deputy),)
    assert told(AlertEventKind.ESCALATED) == [deputy]


def test_who_is_absent_is_skipped_for_the_deputy(site: Site, buyer: User, lead: User) -> None:
    deputy = holder(site, Role.VIEWER)
    AbsenceFactory.create(person=lead, deputy=deputy, from_on=TODAY, until_on=TODAY + 20 * DAY)
    opened(site)

    tick(now=MONDAY_NOON + HOUR)

    assert told(AlertEventKind.ESCALATED) == [deputy]


def test_an_acknowledgement_stops_the_ladder(site: Site, buyer: User, lead: User) -> None:
    opened(site)
    alerts.acknowledge(alert_id=the_alert().pk, actor=buyer, now=NOON + HOUR, commitment_on=date(2026, 12, 18))

    assert tick(now=TUESDAY_NOON) == Ticked(0, 0)
    assert the_alert().owner == buyer


def test_what_can_wait_for_the_digest_never_escalates(site: Site) -> None:
    assigned(site, Role.EXPEDITER)
    late(site, days=-3)  # too little float, but in time
    look(site)

    assert Alert.objects.get().lane == Lane.DIGEST
    assert Alert.objects.get().escalate_at is None


def test_two_who_look_at_the_clock_escalate_once(site: Site, buyer: User, lead: User) -> None:
    opened(site)
    when = MONDAY_NOON + HOUR

    assert [tick(now=when).escalated for _ in range(3)] == [1, 0, 0]


def came_back(unit: Late, now: datetime) -> None:
    """It recovers at `now`, and is late again two days after."""
    move(unit, -30)
    look(unit.site, now=now)
    move(unit, 12)
    look(unit.site, now=now + 2 * DAY)


def test_what_comes_back_unanswered_goes_on_climbing(site: Site, buyer: User, lead: User) -> None:
    came_back(opened(site), MONDAY_NOON - HOUR)

    first = the_alert().escalate_at
    assert first == MONDAY_NOON - HOUR + 3 * DAY  # one working day after it came back
    assert tick(now=first - HOUR).escalated == 0
    assert tick(now=first).escalated == 1
    assert told(AlertEventKind.ESCALATED) == [lead]


def test_what_comes_back_after_the_first_step_goes_on_with_the_second(site: Site, buyer: User, lead: User) -> None:
    head = sourcing_head()
    unit = opened(site)
    tick(now=MONDAY_NOON + HOUR)
    came_back(unit, MONDAY_NOON + 2 * HOUR)

    tick(now=MONDAY_NOON + 2 * HOUR + 3 * DAY)

    assert told(AlertEventKind.ESCALATED) == [lead, head]


# -- asked again -------------------------------------------------------------------------------------------------


def test_a_commitment_that_has_passed_is_asked_about_again(site: Site, buyer: User) -> None:
    opened(site)
    alerts.acknowledge(alert_id=the_alert().pk, actor=buyer, now=NOON, commitment_on=date(2026, 11, 26))

    assert tick(now=datetime(2026, 11, 26, 12, 59, tzinfo=UTC)).asked_again == 0
    assert tick(now=datetime(2026, 11, 26, 13, 0, tzinfo=UTC)).asked_again == 1  # midnight in Sydney

    row = the_alert()
    assert (row.state, row.acknowledged_by, row.escalation_round) == (AlertState.OPEN, None, 1)
    assert told(AlertEventKind.REARMED) == [buyer]
    assert row.escalate_at is not None


def test_what_is_asked_again_says_how_far_it_moved_since_it_was_told(site: Site, buyer: User) -> None:
    unit = opened(site)
    alerts.acknowledge(alert_id=the_alert().pk, actor=buyer, now=NOON, commitment_on=date(2026, 11, 26))
    move(unit, 9)
    look(site, now=NOON + HOUR, cause="letter-2")
    tick(now=NOON + 7 * DAY)

    event = AlertEvent.objects.get(kind=AlertEventKind.REARMED)
    assert (event.facts["since_told_days"], event.facts["told_forecast_on"]) == (-3, "2027-10-02")
    row = the_alert()
    assert (row.told_days, row.told_at, row.told_facts["days_late"]) == (9, NOON + 7 * DAY, 9)


def test_a_commitment_holds_over_a_recovery_that_did_not_last(site: Site, buyer: User) -> None:
    unit = opened(site)
    alerts.acknowledge(alert_id=the_alert().pk, actor=buyer, now=NOON, commitment_on=date(2026, 11, 21))
    move(unit, -30)
    look(site, now=NOON + HOUR)
    assert tick(now=NOON + 2 * DAY).asked_again == 0  # it has recovered, and nobody is asked
    move(unit, 12)
    look(site, now=NOON + 3 * DAY)

    assert the_alert().state == AlertState.ACKNOWLEDGED
    assert tick(now=NOON + 3 * DAY).asked_again == 1
    assert told(AlertEventKind.REARMED) == [buyer]


@pytest.mark.parametrize(("is_promised", "asked"), [(False, 1), (True, 0)])
def test_without_a_commitment_a_new_promise_is_expected_in_five_working_days(
    site: Site, buyer: User, is_promised: bool, asked: int
) -> None:
    unit = opened(site)
    alerts.acknowledge(alert_id=the_alert().pk, actor=buyer, now=NOON)
    if is_promised:
        milestone = unit.lot.chain.milestones.get(code="FAT_PASS")
        PromiseFactory.create(milestone=milestone, recorded_at=NOON + DAY)

    assert tick(now=NOON + 6 * DAY).asked_again == 0
    assert tick(now=NOON + 7 * DAY).asked_again == asked


# -- snooze ------------------------------------------------------------------------------------------------------


def test_a_snooze_ends_on_its_day(site: Site, buyer: User) -> None:
    opened(site)
    alerts.snooze(alert_id=the_alert().pk, actor=buyer, until_on=date(2026, 11, 24), now=NOON)
    assert (the_alert().state, the_alert().escalate_at) == (AlertState.SNOOZED, None)

    assert tick(now=datetime(2026, 11, 23, 12, 59, tzinfo=UTC)).asked_again == 0
    assert tick(now=datetime(2026, 11, 23, 13, 0, tzinfo=UTC)).asked_again == 1

    assert the_alert().state == AlertState.OPEN
    assert told(AlertEventKind.SNOOZE_ENDED) == [buyer]


@pytest.mark.parametrize(("days", "state"), [(13, AlertState.SNOOZED), (14, AlertState.OPEN), (9, AlertState.SNOOZED)])
def test_a_snooze_never_hides_a_worse_fact(site: Site, buyer: User, days: int, state: AlertState) -> None:
    unit = opened(site)
    alerts.snooze(alert_id=the_alert().pk, actor=buyer, until_on=date(2026, 12, 24), now=NOON)
    move(unit, days)
    look(site, now=NOON + HOUR)

    assert the_alert().state == state


def test_two_days_worse_inside_one_band_ends_a_snooze_too(site: Site, buyer: User) -> None:
    unit = late(site, days=8)
    look(site)
    alerts.snooze(alert_id=the_alert().pk, actor=buyer, until_on=date(2026, 12, 24), now=NOON)
    move(unit, 10)
    look(site, now=NOON + HOUR)

    assert the_alert().state == AlertState.OPEN
    assert told(AlertEventKind.SNOOZE_ENDED) == [buyer]


@pytest.mark.parametrize("until_on", [TODAY, TODAY - DAY, TODAY + 367 * DAY])
def test_a_snooze_until_no_sensible_day_is_refused(site: Site, buyer: User, until_on: date) -> None:
    opened(site)
    with pytest.raises(BadInput) as refusal:
        alerts.snooze(alert_id=the_alert().pk, actor=buyer, until_on=until_on, now=NOON)

    assert refusal.value.field == "until_on"


def test_what_has_recovered_cannot_be_snoozed(site: Site, buyer: User) -> None:
    unit = opened(site)
    move(unit, -30)
    look(site)
    with pytest.raises(Conflict):
        alerts.snooze(alert_id=the_alert().pk, actor=buyer, until_on=TODAY + DAY, now=NOON)


# -- not mine, yours ---------------------------------------------------------------------------------------------


def test_not_mine_tells_the_next_holder_and_this_one_no_more(site: Site, buyer: User) -> None:
    second = holder(site, Role.BUYER)
    unit = opened(site)
    alerts.decline(alert_id=the_alert().pk, actor=buyer, now=NOON + HOUR, note="Not my order")
    assert told(AlertEventKind.DECLINED) == [second]

    move(unit, 40)
    look(site, now=NOON + 2 * HOUR, cause="letter-2")

    worse = NotificationItem.objects.filter(event__band=30).values_list("recipient", flat=True)
    assert set(worse) == {second.pk}


def test_who_is_given_an_alert_is_told_at_once_and_from_then_on(site: Site, buyer: User) -> None:
    other = holder(site, Role.EXPEDITER)
    unit = opened(site)
    alerts.assign(alert_id=the_alert().pk, person=other, actor=buyer, now=NOON + HOUR)
    move(unit, 40)
    look(site, now=NOON + 2 * HOUR, cause="letter-2")

    assert told(AlertEventKind.ASSIGNED) == [other]
    worse = NotificationItem.objects.filter(event__band=30).values_list("recipient", flat=True)
    assert set(worse) == {other.pk}


def test_who_takes_an_alert_has_not_answered_it(site: Site, buyer: User, lead: User) -> None:
    opened(site)
    alerts.assign(alert_id=the_alert().pk, person=buyer, actor=buyer, now=NOON + HOUR)

    assert tick(now=MONDAY_NOON + HOUR).escalated == 1
    assert told(AlertEventKind.ESCALATED) == [lead]


def test_an_alert_is_given_only_to_who_may_answer_it(site: Site, buyer: User) -> None:
    opened(site)
    with pytest.raises(BadInput) as refusal:
        alerts.assign(alert_id=the_alert().pk, person=holder(site, Role.VIEWER), actor=buyer, now=NOON)

    assert refusal.value.field == "person"


def test_a_recovery_is_news_to_those_who_were_told(site: Site, buyer: User, lead: User) -> None:
    unit = opened(site)
    move(unit, -30)
    look(site, now=NOON + HOUR)

    assert told(AlertEventKind.RECOVERED) == [buyer]
    lanes = NotificationItem.objects.filter(event__kind=AlertEventKind.RECOVERED)
    assert set(lanes.values_list("notification__lane", flat=True)) == {Lane.DIGEST}


def test_who_wants_to_hear_no_more_of_it_hears_of_no_recovery(site: Site, buyer: User) -> None:
    watcher = holder(site, Role.VIEWER)
    WatchFactory.create(person=watcher, subject_kind=WatchSubject.SITE, subject_id=site.pk)
    unit = opened(site)
    AlertPreferenceFactory.create(person=watcher, rule="", lane=WishedLane.MUTE)
    AlertPreferenceFactory.create(person=buyer, rule="", lane=WishedLane.MUTE)
    move(unit, -30)
    look(site, now=NOON + HOUR)

    assert told(AlertEventKind.RECOVERED) == [buyer]


def test_what_came_and_went_before_anybody_was_told_is_no_news(site: Site, buyer: User) -> None:
    unit = late(site, days=12)
    look(site)
    move(unit, -30)
    look(site)

    assert told(AlertEventKind.RECOVERED) == []
    assert AlertEvent.objects.filter(kind=AlertEventKind.RECOVERED).count() == 1


# -- moves -------------------------------------------------------------------------------------------------------


def test_one_large_move_inside_a_band_is_told_with_both_measures(site: Site, buyer: User) -> None:
    unit = late(site, days=15)
    look(site)
    move(unit, 25)
    look(site, now=NOON + HOUR, cause="letter-2")

    event = AlertEvent.objects.get(kind=AlertEventKind.WORSENED)
    assert (event.lane, event.facts["since_told_days"], event.facts["days_late"]) == (Lane.URGENT, 10, 25)
    assert event.facts["told_forecast_on"] == "2027-10-05"
    assert told(AlertEventKind.WORSENED) == [buyer]


def test_small_drift_inside_a_band_never_mails(site: Site, buyer: User) -> None:
    unit = late(site, days=15)
    look(site)
    for day in range(1, 14):
        move(unit, 15 + day)
        assert look(site, now=NOON + day * DAY, as_of=TODAY + day * DAY, cause="").told == 0

    assert the_alert().facts["days_late"] == 28


@pytest.mark.parametrize(("days", "state"), [(0, AlertState.OPEN), (-1, AlertState.OPEN), (-2, AlertState.RECOVERED)])
def test_an_alert_stays_until_it_is_two_days_better_than_what_raised_it(
    site: Site, buyer: User, days: int, state: AlertState
) -> None:
    unit = opened(site)
    move(unit, days)
    look(site, now=NOON + HOUR)

    assert the_alert().state == state


def test_too_little_float_is_replaced_by_the_late_forecast_without_a_word(site: Site) -> None:
    assigned(site, Role.EXPEDITER)
    unit = late(site, days=-3)
    look(site)
    move(unit, 12)
    look(site, now=NOON + HOUR)

    low = Alert.objects.get(rule="low_float")
    assert (low.state, low.close_reason) == (AlertState.CLOSED, "replaced")
    assert the_alert().state == AlertState.OPEN
    assert told(AlertEventKind.RECOVERED) == []
