"""Two at the same time: what the one wrote the other reads before it writes, and they never wait in a ring."""

from datetime import date, timedelta
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from procurement.domain.revision import DateRevision
from procurement.gateways.mail import Delivery, Outcome
from procurement.gateways.webhook import PostRecorder
from procurement.models import (
    Confirmation,
    DeliveryLot,
    Disagreement,
    ForecastRun,
    IntegrationMessage,
    Job,
    LotForecast,
    PurchaseOrder,
    WebhookDelivery,
)
from procurement.services import agreements, dates, forecasts, jobs, webhooks
from procurement.services.dates import ActualBefore
from procurement.services.orders import OrderNumberTaken
from procurement.services.site_answers import SiteWork
from procurement.vocabulary import RevisionKind, RunCause
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import Conflict
from sites.domain.imprecise import on_day
from sites.models import Milestone
from sites.vocabulary import PromiseSource
from tests.factories.power import ConditionFactory
from tests.factories.procurement import AllocationFactory, DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory
from tests.procurement.api.calls import ORDER, Caller, calling, order_body, problem
from tests.procurement.api.test_inbound import SAP, header
from tests.procurement.api.test_power import record
from tests.procurement.services.order_documents import NOON, World, document, line, make_world, put
from tests.threads import at_once, beside, until_waiting

pytestmark = pytest.mark.django_db(transaction=True)

BULK = "/purchase-orders/bulk"
URL = "https://erp.example/hook"


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def erp(world: World) -> Caller:
    return calling()


@pytest.fixture
def expediter() -> User:
    return MembershipFactory.create(role=Role.EXPEDITER).person


def promise(lot: DeliveryLot, actor: User, day: date) -> None:
    dates.record(
        order_id=lot.schedule_line.line.order_id,
        revisions=[DateRevision(RevisionKind.PROMISE, 10, on_day(day), field="revisions/0")],
        stated_on=NOON.date(),
        source=PromiseSource.EMAIL,
        document="",
        actor=actor,
        now=NOON,
    )


def held(order: PurchaseOrder) -> None:
    PurchaseOrder.objects.select_for_update().get(pk=order.pk)


# -- forecasts ---------------------------------------------------------------------------------------------------------


def test_a_slip_is_not_overwritten_by_a_calculation_that_began_before_it(
    expediter: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = DeliveryLotFactory.create(actuals={"PO_ISSUED": date(2026, 8, 3), "RTM": date(2026, 10, 16)})
    AllocationFactory.create(lot=lot)
    site = lot.schedule_line.site
    assert site is not None
    has_read, may_store, calculate = Event(), Event(), SiteWork.calculate

    def calculate_slowly(work: SiteWork) -> None:
        calculate(work)
        if work.touched is None:
            has_read.set()
            assert may_store.wait(60)

    monkeypatch.setattr(SiteWork, "calculate", calculate_slowly)
    with beside() as start:
        night = start(
            lambda: forecasts.recalculate(site_id=site.pk, as_of=NOON.date(), now=NOON, cause=RunCause.NIGHTLY)
        )
        assert has_read.wait(60)
        slip = start(lambda: promise(lot, expediter, date(2028, 3, 1)))
        until_waiting(unless=slip.done)
        may_store.set()
        night.result()
        slip.result()

    assert LotForecast.objects.get(lot=lot, current=True).forecast_on == date(2028, 3, 1)
    assert ForecastRun.objects.filter(site=site).count() == 2


# -- the ledger --------------------------------------------------------------------------------------------------------


def test_an_actual_date_that_was_changed_meanwhile_is_not_taken_back(expediter: User) -> None:
    lot = DeliveryLotFactory.create(actuals={"PO_ISSUED": date(2026, 8, 3), "RTM": date(2026, 10, 16)})
    released = Milestone.objects.get(chain=lot.chain, code="RTM")
    before = ActualBefore(released.pk, date(2026, 10, 16), None, "")

    def take_back() -> dates.TakenBack:
        return dates.take_back(
            promises=[], actuals=[before], reason="Undone", cause_key="undo", cause_text="Undone", force=False,
            actor=expediter, now=NOON,
        )  # fmt: skip

    with beside() as start:
        with transaction.atomic():
            held(lot.schedule_line.line.order)
            undoing = start(take_back)
            until_waiting()
            Milestone.objects.filter(pk=released.pk).update(actual_on=date(2026, 10, 20))
        left = undoing.result().left

    assert left == {released.pk: "The actual date was changed since."}
    assert Milestone.objects.get(pk=released.pk).actual_on == date(2026, 10, 20)


def test_of_two_reversals_of_a_confirmation_one_is_told_that_it_is_done(erp: Caller) -> None:
    erp.put(ORDER, order_body())
    key = erp.post("/confirmations", confirmation()).json()["id"]
    callers = [calling(f"Hand {number}", system="SAP-PRD" if number else "SAP-QAS") for number in range(2)]

    with beside() as start:
        with transaction.atomic():
            held(PurchaseOrder.objects.get())
            sent = [
                start(partial(caller.post, "/confirmations", {"reverses": key, "reason": "Wrong order"}))
                for caller in callers
            ]
            until_waiting(2)
        answers = [each.result() for each in sent]

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert Confirmation.objects.filter(reverses=key).count() == 1


def confirmation() -> dict[str, Any]:
    return {"external_id": "4500016221", "number": "AB-1", "confirmed_on": "2026-11-18"}


# -- who comes first ---------------------------------------------------------------------------------------------------


def test_a_vendor_that_many_name_first_is_made_once(world: World) -> None:
    callers = [calling(f"System {number}", system=f"ERP-{number}") for number in range(3)]
    body = {"code": "NORDLICHT", "name": "Nordlicht Works", "country": "DE"}

    answers = at_once(3, lambda place: callers[place].put(f"/vendors/ext/ERP-{place}/77", body))

    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_an_agreement_that_many_send_first_is_made_once(world: World) -> None:
    callers = [calling(f"Desk {number}", role=Role.ENERGY_LEAD) for number in range(3)]

    answers = at_once(3, lambda place: callers[place].put("/agreements/code/PPA-SYD", record()))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]


def test_an_order_that_came_from_a_file_is_adopted_under_one_name(world: World) -> None:
    order = PurchaseOrderFactory.create(number="4500016221")
    DeliveryLotFactory.create(schedule_line__line__order=order, site=world.sydney)

    def adopt(name: str) -> str:
        try:
            return put(world, document(line(20), number="4500016221"), external_id=name).result.value
        except OrderNumberTaken:
            return "taken"

    with beside() as start:
        with transaction.atomic():
            held(order)
            sent = [start(partial(adopt, name)) for name in ("A", "B")]
            until_waiting(2)
        done = [each.result() for each in sent]

    assert sorted(done) == ["taken", "updated"]


def test_a_condition_that_was_met_meanwhile_is_not_waived() -> None:
    condition = ConditionFactory.create()
    energy = MembershipFactory.create(role=Role.ENERGY_LEAD).person

    def close(*, waived: bool) -> None:
        agreements.close_condition(
            condition_id=condition.pk, on=NOON.date(), waived=waived, document="", actor=energy, now=NOON
        )

    with beside() as start:
        with transaction.atomic():
            close(waived=False)
            waiving = start(lambda: close(waived=True))
            until_waiting()
        with pytest.raises(Conflict):
            waiving.result()

    condition.refresh_from_db()
    assert (condition.met_on, condition.waived_on) == (NOON.date(), None)


def test_a_disagreement_that_is_taken_over_while_lists_are_compared_does_not_return(erp: Caller) -> None:
    erp.put(ORDER, order_body())
    row = {"order": "4500016221", "line_number": "00010", "quantity": "5", "contractual_date": "2027-07-19"}
    erp.post("/open-orders", {"stated_at": "2026-11-20T08:00:00Z", "rows": [row]})
    standing = Disagreement.objects.get()
    other = calling("Other")

    with beside() as start:
        with transaction.atomic():
            Disagreement.objects.select_for_update().get(pk=standing.pk)
            comparing = start(lambda: other.post("/open-orders", {"stated_at": "2026-11-20T09:00:00Z", "rows": [row]}))
            until_waiting()
            assert erp.post(f"/disagreements/{standing.pk}/fix", {}).status_code == 200
        assert comparing.result().json()["standing"] == {}

    assert not Disagreement.objects.filter(resolved_at__isnull=True).exists()


# -- in no ring --------------------------------------------------------------------------------------------------------


def test_messages_of_the_same_orders_in_another_order_do_not_meet_in_a_ring(world: World) -> None:
    callers = calling("First"), calling("Second")

    def both(round_: int) -> list[dict[str, Any]]:
        said = {"LastChangeDateTime": f"/Date(178571520{round_}000+0000)/", "IncotermsLocation1": f"Quay {round_}"}
        return [header(number, Supplier="KITA", **said) for number in ("4500000001", "4500000002")]

    def send(round_: int) -> list[Any]:
        return at_once(2, lambda place: callers[place].post(SAP, both(round_ + place)[:: 1 - 2 * place]))

    callers[0].post(SAP, both(0))
    answers = [answer for round_ in (1, 3, 5) for answer in send(round_)]

    assert [(answer.status_code, answer["X-Row-Failures"]) for answer in answers] == [(200, "0")] * 6


def test_changes_are_replayed_without_waiting_for_the_one_that_is_being_sent(erp: Caller) -> None:
    endpoint = erp.post("/webhook-endpoints", {"url": URL}).json()["id"]
    erp.put(ORDER, order_body())
    webhooks.put_all(now=timezone.now())
    sending = WebhookDelivery.objects.order_by("pk").first()
    assert sending is not None
    others = WebhookDelivery.objects.count() - 1

    with beside() as start, transaction.atomic():
        WebhookDelivery.objects.select_for_update().get(pk=sending.pk)
        since = (timezone.now() - timedelta(hours=1)).isoformat()
        replayed = start(lambda: erp.post(f"/webhook-endpoints/{endpoint}/replay", {"since": since})).result(30)

    assert (replayed.status_code, replayed.json()["replayed"]) == (202, others)


def test_a_message_that_is_being_sent_is_not_sent_again(erp: Caller) -> None:
    endpoint = erp.post("/webhook-endpoints", {"url": URL}).json()["id"]
    erp.post(f"/webhook-endpoints/{endpoint}/ping", {})
    gone = PostRecorder(answers={URL: Delivery(Outcome.PERMANENT, "410", "", address_refused=True)})
    webhooks.deliver_due(poster=gone, now_fn=timezone.now)
    failed = IntegrationMessage.objects.get()
    erp.patch(f"/webhook-endpoints/{endpoint}", {"active": True})

    with beside() as start, transaction.atomic():
        WebhookDelivery.objects.select_for_update().get()
        again = start(lambda: erp.post(f"/integration-messages/{failed.pk}/retry", {})).result(30)

    assert problem(again, 409, "conflict")["detail"] == "It is being sent just now."


# -- jobs --------------------------------------------------------------------------------------------------------------


def asked(erp: Caller, *names: str, query: str = "") -> Job:
    rows = [{"external_id": name, "body": order_body()} for name in names]
    answer = erp.post(f"{BULK}{query}", {"rows": rows}, prefer="respond-async")
    return Job.objects.get(pk=answer.json()["id"])


def test_a_job_whose_order_others_hold_lets_those_behind_it_go_on(erp: Caller) -> None:
    erp.put(ORDER.replace("4500016221", "A"), order_body())
    blocked, free = asked(erp, "A", "B"), asked(erp, "C")

    def work() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        return jobs.do_all(now_fn=lambda: NOON)

    with beside() as start:
        with transaction.atomic():
            held(PurchaseOrder.objects.get())
            finished = start(work).result(60)
        states = [Job.objects.get(pk=job.pk).state for job in (blocked, free)]
        later = start(work).result(60)

    assert (finished, states) == (1, ["running", "done"])
    assert (later, Job.objects.get(pk=blocked.pk).state, PurchaseOrder.objects.count()) == (1, "done", 3)


def test_a_job_of_all_or_none_is_whole_or_not_begun_after_a_crash(erp: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    job = asked(erp, "A", "B", query="?atomic=true")
    end = jobs._end

    def die(*_: Any) -> None:
        monkeypatch.setattr(jobs, "_end", end)
        raise SystemExit

    monkeypatch.setattr(jobs, "_end", die)
    with pytest.raises(SystemExit):
        jobs.do_all(now_fn=lambda: NOON)

    assert jobs.do_all(now_fn=lambda: NOON) == 1
    job.refresh_from_db()
    assert (job.state, job.problem, PurchaseOrder.objects.count()) == ("done", None, 2)


def test_a_job_that_is_begun_again_and_again_is_given_up(erp: Caller) -> None:
    deadly, behind = asked(erp, "A"), asked(erp, "B")
    Job.objects.filter(pk=deadly.pk).update(state="running", started_at=NOON, attempts=jobs.MOST_ATTEMPTS)

    jobs.do_all(now_fn=lambda: NOON)

    deadly.refresh_from_db()
    behind.refresh_from_db()
    assert (deadly.state, behind.state) == ("failed", "done")
    assert deadly.problem is not None
    assert deadly.problem["detail"].startswith("It was begun 3 times")


# -- what is forgotten -------------------------------------------------------------------------------------------------


def test_deliveries_and_jobs_that_ended_are_forgotten_after_ninety_days(erp: Caller) -> None:
    endpoint = erp.post("/webhook-endpoints", {"url": URL}).json()["id"]
    for _twice in range(2):
        erp.post(f"/webhook-endpoints/{endpoint}/ping", {})
    webhooks.deliver_due(poster=PostRecorder(), now_fn=timezone.now)
    WebhookDelivery.objects.filter(pk=WebhookDelivery.objects.latest("pk").pk).update(
        state="due", next_attempt_at=timezone.now(), finished_at=None
    )
    asked(erp, "A")
    jobs.do_all(now_fn=timezone.now)
    asked(erp, "B")
    before, after = timezone.now() + timedelta(days=89), timezone.now() + timedelta(days=91)

    assert (webhooks.purge(before), jobs.purge(before)) == (0, 0)
    assert (webhooks.purge(after), jobs.purge(after)) == (1, 1)
    assert (WebhookDelivery.objects.get().state, Job.objects.get().state) == ("due", "queued")
