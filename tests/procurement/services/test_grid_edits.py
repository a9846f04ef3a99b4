"""Rows typed into a grid: what can be saved is, the rest is named, and nobody's date is overwritten unseen."""

from datetime import UTC, date, datetime

import pytest

from procurement.models import DeliveryLot, ForecastRun
from procurement.services import grid_edits
from procurement.services.grid_edits import Edit, Outcome
from procurement.vocabulary import RevisionKind
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput
from sites.models import Milestone, Promise, Site
from sites.vocabulary import PromiseSource
from tests.factories.procurement import DeliveryLotFactory, PurchaseOrderFactory
from tests.factories.sites import MembershipFactory, SiteFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 3, tzinfo=UTC)


@pytest.fixture
def site() -> Site:
    return SiteFactory.create()


@pytest.fixture
def expediter(site: Site) -> User:
    return MembershipFactory.create(role=Role.EXPEDITER, site=site).person


def lots(site: Site, number: int) -> list[DeliveryLot]:
    order = PurchaseOrderFactory.create()
    return [
        DeliveryLotFactory.create(
            site=site, schedule_line__line__order=order, schedule_line__line__number=10 * (place + 1)
        )
        for place in range(number)
    ]


def save(actor: User, *edits: Edit) -> list[grid_edits.Answer]:
    return grid_edits.save(
        edits, stated_on=date(2026, 11, 20), source=PromiseSource.EMAIL, document="Mail", actor=actor, now=NOON
    )


def typed(lot: DeliveryLot, said: str, was: str | None = "") -> Edit:
    return Edit(lot.schedule_line_id, said, was, reason_code="capacity")


def test_what_is_right_is_saved_and_what_is_wrong_is_named(site: Site, expediter: User) -> None:
    made = lots(site, 6)
    words = ["CW23", "Jun 27", "sometime", "Q3", "TBD", "31/31/2027"]

    answers = save(expediter, *map(typed, made, words))

    assert [answer.outcome for answer in answers] == ["saved", "saved", "refused", "saved", "saved", "refused"]
    assert [answer.said for answer in answers if answer.outcome == Outcome.SAVED] == [
        "2027-W23", "2027-06", "2027-Q3", "TBD",
    ]  # fmt: skip
    assert "sometime" in answers[2].message
    assert (Promise.objects.count(), {row.reason_code for row in Promise.objects.all()}) == (4, {"capacity"})


def test_many_rows_are_one_statement_an_order_and_one_calculation(site: Site, expediter: User) -> None:
    save(expediter, *(typed(lot, "2027-05-21") for lot in lots(site, 4)))

    assert Promise.objects.values("statement_id").distinct().count() == 1
    assert ForecastRun.objects.filter(site=site).count() == 1


def test_what_somebody_else_wrote_meanwhile_is_a_conflict_with_their_name(site: Site, expediter: User) -> None:
    (lot,) = lots(site, 1)
    other = MembershipFactory.create(role=Role.BUYER, site=site, person__name="Olga Other").person
    save(other, typed(lot, "2027-05-21"))

    (answer,) = save(expediter, typed(lot, "CW30"))

    assert (answer.outcome, answer.said, answer.by, answer.at) == ("conflict", "2027-05-21", "Olga Other", NOON)
    assert Promise.objects.count() == 1


def test_who_has_seen_what_stands_may_overwrite_it(site: Site, expediter: User) -> None:
    (lot,) = lots(site, 1)
    save(expediter, typed(lot, "2027-05-21"))

    (answer,) = save(expediter, typed(lot, "CW30", was="2027-05-21"))

    assert (answer.outcome, answer.said) == ("saved", "2027-W30")


def test_saying_what_stands_already_writes_nothing(site: Site, expediter: User) -> None:
    (lot,) = lots(site, 1)
    save(expediter, typed(lot, "2027-05-21"))

    (answer,) = save(expediter, typed(lot, "21 May 2027"))

    assert (answer.outcome, Promise.objects.count()) == ("unchanged", 1)


def test_a_line_of_another_site_is_no_line(site: Site, expediter: User) -> None:
    (lot,) = lots(SiteFactory.create(), 1)

    (answer,) = save(expediter, typed(lot, "2027-05-21"))

    assert (answer.outcome, answer.message, Promise.objects.count()) == ("refused", "There is no such line.", 0)


def test_who_may_only_read_is_told_so_at_each_row(site: Site) -> None:
    viewer = MembershipFactory.create(role=Role.VIEWER, site=site).person

    answers = save(viewer, *(typed(lot, "2027-05-21") for lot in lots(site, 2)))

    assert [answer.outcome for answer in answers] == ["refused", "refused"]
    assert "role" in answers[0].message


def test_too_many_rows_are_refused_whole(site: Site, expediter: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid_edits, "MOST_EDITS", 1)

    with pytest.raises(BadInput) as refused:
        save(expediter, *(typed(lot, "2027-05-21") for lot in lots(site, 2)))

    assert refused.value.field == "edits"


# -- what happened, and what is pinned -------------------------------------------------------------------------------


def of(lot: DeliveryLot, kind: RevisionKind, said: str, was: str = "", note: str = "") -> Edit:
    return Edit(lot.schedule_line_id, said, was, note=note, kind=kind)


def contract_step(lot: DeliveryLot) -> Milestone:
    return lot.chain.milestones.get(code=lot.schedule_line.contract_step)


def test_what_happened_and_what_is_pinned_are_saved_beside_a_promise(site: Site, expediter: User) -> None:
    done, pinned, promised = lots(site, 3)

    answers = save(
        expediter,
        of(done, RevisionKind.ACTUAL, "2026-11-18"),
        of(pinned, RevisionKind.LOCK, "2027-06-30", note="The vendor's plant is shut in May"),
        typed(promised, "CW23"),
    )

    assert [(answer.outcome, answer.said) for answer in answers] == [
        ("saved", "2026-11-18"), ("saved", "2027-06-30"), ("saved", "2027-W23"),
    ]  # fmt: skip
    assert contract_step(done).actual_on == date(2026, 11, 18)
    row = contract_step(pinned)
    assert (row.locked_on, row.lock_reason) == (date(2027, 6, 30), "The vendor's plant is shut in May")


def test_a_pinned_day_that_is_emptied_is_released(site: Site, expediter: User) -> None:
    (lot,) = lots(site, 1)
    save(expediter, of(lot, RevisionKind.LOCK, "2027-06-30", note="Ours"))

    answers = save(expediter, of(lot, RevisionKind.LOCK, "", "2027-06-30"))

    assert [(answer.outcome, answer.said) for answer in answers] == [("saved", "")]
    assert contract_step(lot).locked_on is None


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (RevisionKind.ACTUAL, ""),
        (RevisionKind.ACTUAL, "Q3 2026"),
        (RevisionKind.ACTUAL, "2027-05-01"),
        (RevisionKind.LOCK, "TBD"),
    ],
)
def test_no_day_is_refused_at_its_row(site: Site, expediter: User, kind: RevisionKind, said: str) -> None:
    wrong, right = lots(site, 2)

    answers = save(expediter, of(wrong, kind, said, note="Why"), typed(right, "CW23"))

    assert [answer.outcome for answer in answers] == ["refused", "saved"]
    assert answers[0].message


def test_an_actual_that_somebody_else_wrote_is_a_conflict(site: Site, expediter: User) -> None:
    (lot,) = lots(site, 1)
    save(expediter, of(lot, RevisionKind.ACTUAL, "2026-11-18"))

    (answer,) = save(expediter, of(lot, RevisionKind.ACTUAL, "2026-11-17"))

    assert (answer.outcome, answer.said, answer.by) == ("conflict", "2026-11-18", str(expediter))


def test_who_may_not_pin_is_refused_and_their_promise_saved(site: Site) -> None:
    lead = MembershipFactory.create(role=Role.SITE_LEAD, site=site).person
    (lot,) = lots(site, 1)

    answers = save(lead, of(lot, RevisionKind.LOCK, "2027-06-30", note="Ours"), typed(lot, "CW23"))

    assert [answer.outcome for answer in answers] == ["refused", "saved"]
