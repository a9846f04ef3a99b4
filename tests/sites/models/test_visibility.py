"""Nobody sees a row of a site without a right at it."""

import pytest

from sites.accounts.permissions import Permission, Role, roles_with
from sites.models import (
    AgreementDocument,
    AgreementNotice,
    AnchorRule,
    Assignment,
    Block,
    Chain,
    ConditionPrecedent,
    CreditSupport,
    DamagesBand,
    DelayDamages,
    Gate,
    GridCapacityStep,
    GridConnection,
    LoadStep,
    NetworkWorks,
    Phase,
    PowerPurchaseAgreement,
    PpaShare,
    PpaShareStep,
    ScheduleDocument,
    ScheduleRevision,
    Site,
    SpotPrice,
)
from sites.vocabulary import AssignmentScope, ChainKind
from tests.factories.accounts import UserFactory
from tests.factories.power import (
    AgreementDocumentFactory,
    CapacityStepFactory,
    ConditionFactory,
    CreditSupportFactory,
    DamagesBandFactory,
    DelayDamagesFactory,
    NetworkWorksFactory,
    NoticeFactory,
    ShareStepFactory,
    SpotPriceFactory,
)
from tests.factories.sites import (
    AgreementFactory,
    AnchorRuleFactory,
    AssignmentFactory,
    BlockFactory,
    ChainFactory,
    GateFactory,
    GridConnectionFactory,
    LoadStepFactory,
    MembershipFactory,
    PhaseFactory,
    ScheduleDocumentFactory,
    ScheduleRevisionFactory,
    ShareFactory,
)
from tests.visibility import BAY, HARBOUR, NOWHERE, REACHES, RIDGE, Kind, make_places

pytestmark = pytest.mark.django_db


def _agreement(site: Site | None) -> PowerPurchaseAgreement:
    agreement: PowerPurchaseAgreement = AgreementFactory.create()
    if site is not None:
        ShareFactory.create(agreement=agreement, site=site)
    return agreement


def _site(site: Site | None) -> Site:
    assert site is not None
    return site


KINDS = [
    Kind(Site, _site),
    Kind(Phase, lambda site: PhaseFactory.create(site=site)),
    Kind(Block, lambda site: BlockFactory.create(phase__site=site)),
    Kind(Gate, lambda site: GateFactory.create(site=site)),
    Kind(Chain, lambda site: ChainFactory.create(site=site)),
    Kind(ScheduleRevision, lambda site: ScheduleRevisionFactory.create(site=site)),
    Kind(ScheduleDocument, lambda site: ScheduleDocumentFactory.create(site=site)),
    Kind(AnchorRule, lambda site: AnchorRuleFactory.create(site=site)),
    Kind(GridConnection, lambda site: GridConnectionFactory.create(site=site)),
    Kind(LoadStep, lambda site: LoadStepFactory.create(site=site)),
    Kind(PowerPurchaseAgreement, _agreement, placeless=True),
    Kind(PpaShare, lambda site: ShareFactory.create(site=site)),
    Kind(PpaShareStep, lambda site: ShareStepFactory.create(share__site=site)),
    Kind(SpotPrice, lambda site: SpotPriceFactory.create(site=site)),
    Kind(NetworkWorks, lambda site: NetworkWorksFactory.create(connection__site=site)),
    Kind(GridCapacityStep, lambda site: CapacityStepFactory.create(connection__site=site)),
    Kind(DelayDamages, lambda site: DelayDamagesFactory.create(agreement=_agreement(site)), placeless=True),
    Kind(DamagesBand, lambda site: DamagesBandFactory.create(damages__agreement=_agreement(site)), placeless=True),
    Kind(ConditionPrecedent, lambda site: ConditionFactory.create(agreement=_agreement(site)), placeless=True),
    Kind(AgreementNotice, lambda site: NoticeFactory.create(agreement=_agreement(site)), placeless=True),
    Kind(CreditSupport, lambda site: CreditSupportFactory.create(agreement=_agreement(site)), placeless=True),
    Kind(AgreementDocument, lambda site: AgreementDocumentFactory.create(agreement=_agreement(site)), placeless=True),
    Kind(Assignment, lambda site: AssignmentFactory.create(site=site)),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_role_sees_the_rows_of_its_own_sites_only(kind: Kind) -> None:
    seen = kind.seen_through(REACHES, make_places())

    assert seen == kind.opened_by(REACHES)


@pytest.mark.parametrize("permission", Permission)
def test_a_door_can_ask_for_any_permission(permission: Permission) -> None:
    places = make_places()

    opened = {role for role in Role if Site.objects.visible_to(REACHES[2].person(role, places), permission).exists()}

    assert opened == set(roles_with(permission))


def test_a_permission_at_one_site_says_nothing_about_another() -> None:
    places = make_places()
    person = UserFactory.create()
    MembershipFactory.create(person=person, role=Role.VIEWER, desk=places[HARBOUR].desk)
    MembershipFactory.create(person=person, role=Role.BUYER, site=places[RIDGE])

    may_write = Site.objects.visible_to(person, Permission.ORDER_WRITE)

    assert list(may_write) == [places[RIDGE]]
    assert set(Site.objects.visible_to(person)) == {places[HARBOUR], places[RIDGE]}


def test_a_site_seen_in_two_ways_is_listed_once() -> None:
    places = make_places()
    person = UserFactory.create()
    MembershipFactory.create(person=person, role=Role.VIEWER)
    MembershipFactory.create(person=person, role=Role.BUYER, site=places[RIDGE])
    MembershipFactory.create(person=person, role=Role.VIEWER, desk=places[RIDGE].desk)

    assert Site.objects.visible_to(person).count() == 3


def test_the_rights_of_others_open_nothing() -> None:
    places = make_places()
    MembershipFactory.create(role=Role.ADMINISTRATOR)

    assert not Site.objects.visible_to(UserFactory.create()).exists()
    assert places.keys() == {HARBOUR, RIDGE, BAY}


def test_a_right_that_is_taken_away_closes_the_door_at_once() -> None:
    person = MembershipFactory.create(site=make_places()[BAY]).person

    person.memberships.all().delete()

    assert not Site.objects.visible_to(person).exists()


def test_a_person_disabled_since_they_were_read_sees_no_portfolio_rows() -> None:
    """The object in hand still says active; the row decides what has no site."""
    agreement = _agreement(None)
    person = MembershipFactory.create().person
    type(person).objects.filter(pk=person.pk).update(is_active=False)

    assert agreement not in PowerPurchaseAgreement.objects.visible_to(person)


def test_an_agreement_is_seen_by_whoever_sees_one_of_its_sites() -> None:
    places = make_places()
    agreement = _agreement(places[HARBOUR])
    ShareFactory.create(agreement=agreement, site=places[BAY])
    person = MembershipFactory.create(site=places[BAY]).person

    assert list(PowerPurchaseAgreement.objects.visible_to(person)) == [agreement]
    assert [share.site for share in PpaShare.objects.visible_to(person)] == [places[BAY]]


def test_a_chain_without_a_site_is_reached_through_its_agreement_only() -> None:
    ChainFactory.create(kind=ChainKind.AGREEMENT, site=None)

    assert not Chain.objects.visible_to(MembershipFactory.create().person).exists()


def test_a_duty_without_a_site_is_in_nobody_list_of_a_site() -> None:
    AssignmentFactory.create(scope=AssignmentScope.DISCIPLINE, discipline="mechanical", site=None)

    assert not Assignment.objects.visible_to(MembershipFactory.create().person).exists()


def test_nowhere_is_part_of_the_portfolio_only() -> None:
    assert [str(reach) for reach in REACHES if NOWHERE in reach.opens] == ["the portfolio"]
