"""Who sees an agreement whole, and who only the share of their own site."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from procurement.queries import power_balance, power_json
from procurement.queries.power_facts import Knowledge
from sites.accounts.permissions import Role
from sites.models import PowerPurchaseAgreement
from sites.queries.agreements import seen_whole
from tests.factories.sites import AgreementFactory, LoadStepFactory, MembershipFactory, ShareFactory, SiteFactory

pytestmark = pytest.mark.django_db


def test_an_agreement_is_seen_whole_by_who_sees_all_of_its_sites() -> None:
    here, there = SiteFactory.create(), SiteFactory.create()
    shared, own, unplaced = AgreementFactory.create(), AgreementFactory.create(), AgreementFactory.create()
    for agreement, site in ((shared, here), (shared, there), (own, here)):
        ShareFactory.create(agreement=agreement, site=site)
    neighbour = MembershipFactory.create(role=Role.ENERGY_LEAD, site=here).person
    everyone = MembershipFactory.create(role=Role.VIEWER).person

    keys = {shared.pk, own.pk}

    assert seen_whole(neighbour, keys) == {own.pk}
    assert seen_whole(everyone, keys | {unplaced.pk}) == keys | {unplaced.pk}


def test_it_is_one_query_for_any_number() -> None:
    person = MembershipFactory.create(role=Role.VIEWER).person
    keys = [ShareFactory.create().agreement_id for _ in range(3)]

    with CaptureQueriesContext(connection) as made:
        seen_whole(person, keys)

    assert len(made) == 1


def test_the_balance_of_a_site_says_nothing_of_the_other_sites_of_its_agreement() -> None:
    here, there = SiteFactory.create(code="HERE"), SiteFactory.create(code="THERE")
    agreement: PowerPurchaseAgreement = AgreementFactory.create(contracted_mw="41.7")
    ShareFactory.create(agreement=agreement, site=here, share_mw=12)
    ShareFactory.create(agreement=agreement, site=there, share_mw="29.7")
    other = ShareFactory.create(site=there, share_mw=5).agreement
    LoadStepFactory.create(site=here)
    person = MembershipFactory.create(role=Role.ENERGY_LEAD, site=here).person
    step = LoadStepFactory.create(site=there).from_on

    sites = power_balance.visible_sites(person)
    (found,) = power_balance.site_balances(sites, step, step, Knowledge(step))
    told = str(power_json.site_document(found, amounts=True))

    assert [site.code for site in sites] == ["HERE"]
    assert [share["share_mw"] for share in power_json.site_document(found, amounts=True)["shares"]] == ["12"]
    for secret in ("THERE", "29.7", "41.7", other.code):
        assert secret not in told
