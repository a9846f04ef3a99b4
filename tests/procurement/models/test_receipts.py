"""Receipts only grow: a mistake is answered by a receipt that reverses it."""

import pytest

from procurement.models import Receipt
from tests.factories.procurement import ReceiptFactory
from tests.refusals import kept, refused_by

pytestmark = pytest.mark.django_db


def test_a_receipt_is_not_rewritten() -> None:
    receipt = ReceiptFactory.create()

    with refused_by("a_receipt_is_never_changed"):
        Receipt.objects.filter(pk=receipt.pk).update(quantity=2)


def test_a_receipt_is_not_removed() -> None:
    receipt = ReceiptFactory.create()

    with refused_by("a_receipt_is_never_changed"):
        Receipt.objects.filter(pk=receipt.pk).delete()


def test_a_receipt_is_reversed_by_another() -> None:
    receipt = ReceiptFactory.create()

    with kept():
        ReceiptFactory.create(lot=receipt.lot, reverses=receipt)
