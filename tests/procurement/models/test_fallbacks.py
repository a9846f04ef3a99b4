"""A class whose history is thin falls back on another one, and never on itself."""

import pytest

from procurement.models import EquipmentClass
from tests.factories.procurement import EquipmentClassFactory
from tests.refusals import kept, refused_by

pytestmark = pytest.mark.django_db


def _falls_back(row: EquipmentClass, on: EquipmentClass) -> None:
    EquipmentClass.objects.filter(pk=row.pk).update(fallback=on)


def test_a_class_does_not_fall_back_on_itself() -> None:
    chiller = EquipmentClassFactory.create(code="chiller")

    with refused_by("fallbacks_of_classes_form_no_cycle"):
        _falls_back(chiller, chiller)


def test_fallbacks_lead_to_an_end() -> None:
    chiller, plant = EquipmentClassFactory.create(code="chiller"), EquipmentClassFactory.create(code="plant")
    _falls_back(chiller, plant)

    with refused_by("fallbacks_of_classes_form_no_cycle"):
        _falls_back(plant, chiller)


def test_two_classes_may_share_a_fallback() -> None:
    plant = EquipmentClassFactory.create(code="plant")

    with kept():
        _falls_back(EquipmentClassFactory.create(code="air"), plant)
        _falls_back(EquipmentClassFactory.create(code="water"), plant)
