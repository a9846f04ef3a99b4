"""How agreements are written: whole from their record, and step by step; who may, and what is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from procurement.models import ChainForecast
from procurement.services import agreements
from sites.accounts.models import AuditEvent, User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, Conflict, NotFound, NotPermitted
from sites.models import PowerPurchaseAgreement, Site
from sites.queries.agreements import document_of, record_of
from sites.readers import agreement_record
from sites.vocabulary import AgreementState
from tests.factories.accounts import UserFactory
from tests.factories.power import ConditionFactory, NoticeFactory
from tests.factories.sites import AgreementFactory, MembershipFactory, ShareFactory, SiteFactory
from tests.sites.readers.test_agreement_record import RIGHT

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)


def _energy(*sites: Site) -> User:
    """The energy lead of these sites, of everything where none is named."""
    person = UserFactory.create()
    for site in sites:
        MembershipFactory.create(person=person, role=Role.ENERGY_LEAD, site=site)
    if not sites:
        MembershipFactory.create(person=person, role=Role.ENERGY_LEAD)
    return person


def _sites() -> tuple[Site, Site]:
    return SiteFactory.create(code="SYD01"), SiteFactory.create(code="SYD02")


def _save(actor: User, **given: Any) -> agreements.Saved:
    return agreements.save(agreement_record.of(RIGHT | given), actor=actor, now=NOW)


def test_a_record_becomes_rows_and_the_rows_the_same_record() -> None:
    _sites()

    saved = _save(_energy())

    assert saved.created
    again = document_of(record_of(saved.agreement))
    assert agreement_record.of(again) == agreement_record.of(
        RIGHT | {"milestones": [{"code": "SIGNED", "planned_on": "2026-05-07"}, RIGHT["milestones"][1]]}
    )  # the plan of the first step is the target COD less the way to it: 390 days before 1 June 2027


def test_saving_a_record_again_changes_nothing() -> None:
    _sites()
    actor = _energy()
    saved = _save(actor)
    before = document_of(record_of(saved.agreement))
    keys = set(saved.agreement.shares.values_list("pk", flat=True))

    again = agreements.save(agreement_record.of(before), actor=actor, now=NOW)

    assert not again.created
    assert document_of(record_of(again.agreement)) == before
    assert set(again.agreement.shares.values_list("pk", flat=True)) == keys


def test_rows_that_the_record_lacks_are_removed() -> None:
    _sites()
    actor = _energy()
    _save(actor)

    saved = _save(actor, shares=RIGHT["shares"][:1], conditions=[], delay_damages=[])

    assert list(saved.agreement.shares.values_list("site__code", flat=True)) == ["SYD01"]
    assert not saved.agreement.conditions.exists()
    assert not saved.agreement.delay_damages.exists()


def test_a_new_agreement_has_a_forecast_of_its_cod_at_once() -> None:
    _sites()

    saved = _save(_energy())

    answer = ChainForecast.objects.get(chain=saved.agreement.chain, current=True)
    assert answer.forecast_on == date(2027, 12, 15)  # not signed on paper in the past: today and 390 days


def test_what_was_agreed_first_is_kept_once_it_is_signed() -> None:
    _sites()
    actor = _energy()
    draft = _save(actor, state="term_sheet")
    assert not draft.agreement.chain.baselines.exists()

    agreements.move(agreement_id=draft.agreement.pk, state=AgreementState.SIGNED, actor=actor, now=NOW)

    baseline = draft.agreement.chain.baselines.get()
    assert (baseline.version, baseline.dates["COD"], baseline.author) == (1, "2027-06-01", actor)


def test_a_later_target_leaves_what_was_agreed_first() -> None:
    _sites()
    actor = _energy()
    saved = _save(actor)

    _save(actor, target_cod_on="2027-08-01")

    assert saved.agreement.chain.baselines.get().dates["COD"] == "2027-06-01"


# -- who may --------------------------------------------------------------------------------------------------------


def test_rights_at_one_of_its_sites_are_not_enough() -> None:
    one, _other = _sites()
    _save(_energy())

    with pytest.raises((NotPermitted, BadInput)):
        _save(_energy(one), name="Renamed")

    assert PowerPurchaseAgreement.objects.get().name == RIGHT["name"]


def test_rights_at_all_of_its_sites_are_enough() -> None:
    one, other = _sites()

    assert _save(_energy(one, other)).created


def test_an_agreement_without_a_site_needs_the_portfolio() -> None:
    one, _other = _sites()

    with pytest.raises(NotPermitted):
        _save(_energy(one), shares=[])


def test_a_site_out_of_sight_is_as_unknown_as_one_that_does_not_exist() -> None:
    one, _other = _sites()

    with pytest.raises(BadInput) as refusal:
        _save(_energy(one))

    assert refusal.value.field == "shares/1/site"


def test_the_code_of_an_agreement_out_of_sight_is_taken() -> None:
    one, _other = _sites()
    AgreementFactory.create(code=RIGHT["code"])

    with pytest.raises(Conflict) as refusal:
        _save(_energy(one), shares=RIGHT["shares"][:1])

    assert refusal.value.field == "code"


def test_a_viewer_changes_nothing() -> None:
    one, other = _sites()
    person = UserFactory.create()
    for site in (one, other):
        MembershipFactory.create(person=person, role=Role.VIEWER, site=site)

    with pytest.raises(NotPermitted):
        _save(person)


# -- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"owner": "nobody"}, "owner"),
        ({"calendar": "Nowhere"}, "calendar"),
        ({"conditions": [RIGHT["conditions"][0] | {"owner": "nobody"}]}, "conditions/0/owner"),
        ({"notices": [RIGHT["notices"][0] | {"calendar": "Nowhere"}]}, "notices/0/calendar"),
        ({"credit_support": RIGHT["credit_support"] * 2}, "credit_support"),
        ({"milestones": [{"code": "SIGNED"}]}, "milestones/0/code"),
    ],
)
def test_what_the_tracker_does_not_know_is_refused_by_its_field(given: dict[str, Any], field: str) -> None:
    _sites()

    with pytest.raises(BadInput) as refusal:
        _save(_energy(), **given)

    assert refusal.value.field == field
    assert not PowerPurchaseAgreement.objects.exists()


def test_power_of_one_country_is_not_delivered_to_a_site_in_another() -> None:
    """A virtual agreement delivers none, so it may serve a site anywhere."""
    SiteFactory.create(code="TYO01", country="JP")
    shares = [{"site": "TYO01", "share_mw": "16"}]

    with pytest.raises(BadInput) as refusal:
        _save(_energy(), structure="physical", shares=shares)

    assert refusal.value.field == "shares/0/site"
    assert _save(_energy(), structure="virtual", shares=shares).created


def test_a_milestone_is_not_added_to_a_chain_that_has_dates() -> None:
    _sites()
    actor = _energy()
    _save(actor)

    with pytest.raises(BadInput) as refusal:
        _save(actor, milestones=[{"code": "SIGNED"}, {"code": "BACKFEED"}, {"code": "COD"}])

    assert refusal.value.field == "milestones/1/code"


def test_a_record_does_not_jump_over_states() -> None:
    _sites()
    actor = _energy()
    _save(actor, state="screening")

    with pytest.raises(Conflict) as refusal:
        _save(actor, state="operating")

    assert refusal.value.field == "state"


# -- moves ----------------------------------------------------------------------------------------------------------


def _agreement(state: AgreementState, **given: Any) -> PowerPurchaseAgreement:
    made: PowerPurchaseAgreement = AgreementFactory.create(state=state, settlement_zone="NSW1", **given)
    return made


def _move(agreement: PowerPurchaseAgreement, state: AgreementState, **given: Any) -> None:
    agreements.move(agreement_id=agreement.pk, state=state, actor=_energy(), now=NOW, **given)


def test_a_move_is_made_and_remembered() -> None:
    agreement = _agreement(AgreementState.TERM_SHEET)

    _move(agreement, AgreementState.SIGNED, signed_on=date(2026, 11, 19))

    agreement.refresh_from_db()
    assert (agreement.state, agreement.signed_on) == ("signed", date(2026, 11, 19))
    event = AuditEvent.objects.get(verb="agreement.moved")
    assert event.reason == "term_sheet -> signed"


def test_a_move_that_is_not_permitted_is_refused() -> None:
    with pytest.raises(Conflict) as refusal:
        _move(_agreement(AgreementState.SCREENING), AgreementState.OPERATING)

    assert refusal.value.field == "state"


def test_a_state_names_what_it_still_lacks() -> None:
    with pytest.raises(BadInput) as refusal:
        _move(_agreement(AgreementState.TERM_SHEET), AgreementState.SIGNED)

    assert refusal.value.field == "signed_on"


def test_an_open_condition_keeps_the_conditions_from_being_met() -> None:
    agreement = _agreement(AgreementState.SIGNED, signed_on=date(2026, 11, 1))
    condition = ConditionFactory.create(agreement=agreement)

    with pytest.raises(Conflict) as refusal:
        _move(agreement, AgreementState.CP_MET)
    assert refusal.value.field == "conditions"

    agreements.close_condition(
        condition_id=condition.pk, on=date(2026, 11, 19), waived=True, document="Letter", actor=_energy(), now=NOW
    )
    _move(agreement, AgreementState.CP_MET)


def test_commercial_operation_needs_its_day() -> None:
    agreement = _agreement(AgreementState.CONSTRUCTION, signed_on=date(2026, 5, 1))

    with pytest.raises(Conflict):
        _move(agreement, AgreementState.COD)

    agreement.chain.milestones.filter(code="COD").update(actual_on=date(2026, 11, 1))
    _move(agreement, AgreementState.COD)


def test_an_agreement_out_of_sight_does_not_exist() -> None:
    here, there = _sites()
    share = ShareFactory.create(site=there)

    with pytest.raises(NotFound):
        agreements.move(agreement_id=share.agreement_id, state=AgreementState.COD, actor=_energy(here), now=NOW)


# -- conditions and notices -----------------------------------------------------------------------------------------


def _close(condition_id: Any, on: date = date(2026, 11, 19)) -> None:
    agreements.close_condition(
        condition_id=condition_id, on=on, waived=False, document="Letter of 19 November", actor=_energy(), now=NOW
    )


def test_a_condition_is_closed_once_and_not_in_the_future() -> None:
    condition = ConditionFactory.create()

    with pytest.raises(BadInput) as refusal:
        _close(condition.pk, date(2026, 11, 22))
    assert refusal.value.field == "on"

    _close(condition.pk)
    condition.refresh_from_db()
    assert (condition.met_on, condition.document) == (date(2026, 11, 19), "Letter of 19 November")
    with pytest.raises(Conflict):
        _close(condition.pk)


def test_a_notice_is_served_once() -> None:
    notice = NoticeFactory.create()
    given: dict[str, Any] = {"notice_id": notice.pk, "on": date(2026, 11, 19), "document": "Courier 4711"}

    agreements.serve_notice(**given, actor=_energy(), now=NOW)

    notice.refresh_from_db()
    assert (notice.served_on, notice.document) == (date(2026, 11, 19), "Courier 4711")
    with pytest.raises(Conflict):
        agreements.serve_notice(**given, actor=_energy(), now=NOW)


def test_a_condition_out_of_sight_does_not_exist() -> None:
    here, there = _sites()
    condition = ConditionFactory.create(agreement=ShareFactory.create(site=there).agreement)
    given: dict[str, Any] = {"on": date(2026, 11, 19), "waived": False, "document": ""}

    with pytest.raises(NotFound):
        agreements.close_condition(condition_id=condition.pk, **given, actor=_energy(here), now=NOW)


def test_a_notice_out_of_sight_does_not_exist() -> None:
    here, there = _sites()
    notice = NoticeFactory.create(agreement=ShareFactory.create(site=there).agreement)
    given: dict[str, Any] = {"on": date(2026, 11, 19), "document": ""}

    with pytest.raises(NotFound):
        agreements.serve_notice(notice_id=notice.pk, **given, actor=_energy(here), now=NOW)


def test_amounts_come_back_to_the_cent() -> None:
    _sites()
    saved = _save(_energy())

    saved.agreement.refresh_from_db()

    assert (saved.agreement.price, saved.agreement.contracted_mw) == (Decimal("61.5000"), Decimal("24.000"))
