"""Shipment notices only grow, and are seen with their lot."""

import pytest

from procurement.models import ShipmentNotice
from sites.accounts.permissions import Role
from tests.factories.procurement import ShipmentNoticeFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.refusals import refused_by

pytestmark = pytest.mark.django_db


def test_a_shipment_notice_is_never_changed() -> None:
    notice = ShipmentNoticeFactory.create()

    with refused_by("a_shipment_notice_is_never_changed"):
        ShipmentNotice.objects.filter(pk=notice.pk).update(quantity=2)


def test_a_shipment_notice_is_not_removed() -> None:
    notice = ShipmentNoticeFactory.create()

    with refused_by("a_shipment_notice_is_never_changed"):
        ShipmentNotice.objects.filter(pk=notice.pk).delete()


def test_a_shipment_notice_is_seen_with_its_lot() -> None:
    notice = ShipmentNoticeFactory.create()
    here = MembershipFactory.create(role=Role.VIEWER, site=notice.lot.schedule_line.site).person
    elsewhere = MembershipFactory.create(role=Role.VIEWER, site=SiteFactory.create()).person

    assert list(ShipmentNotice.objects.visible_to(here)) == [notice]
    assert not ShipmentNotice.objects.visible_to(elsewhere).exists()
