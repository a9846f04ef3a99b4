"""Confirmations only grow, and are seen with their order."""

import pytest

from procurement.models import Confirmation
from sites.accounts.permissions import Role
from tests.factories.procurement import ConfirmationFactory, DeliveryLotFactory
from tests.factories.sites import MembershipFactory, SiteFactory
from tests.refusals import refused_by

pytestmark = pytest.mark.django_db


def test_a_confirmation_is_never_changed() -> None:
    row = ConfirmationFactory.create()

    with refused_by("a_confirmation_is_never_changed"):
        Confirmation.objects.filter(pk=row.pk).update(number="AB-2")


def test_a_confirmation_is_not_removed() -> None:
    row = ConfirmationFactory.create()

    with refused_by("a_confirmation_is_never_changed"):
        Confirmation.objects.filter(pk=row.pk).delete()


def test_a_confirmation_is_seen_with_its_order() -> None:
    line = DeliveryLotFactory.create().schedule_line
    row = ConfirmationFactory.create(order=line.line.order)
    here = MembershipFactory.create(role=Role.VIEWER, site=line.site).person
    elsewhere = MembershipFactory.create(role=Role.VIEWER, site=SiteFactory.create()).person

    assert list(Confirmation.objects.visible_to(here)) == [row]
    assert not Confirmation.objects.visible_to(elsewhere).exists()
