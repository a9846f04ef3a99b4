"""The terms of agreements, the steps of shares, and what lies behind a grid connection."""

from datetime import date
from decimal import Decimal

from factory.declarations import SelfAttribute, Sequence, SubFactory

from sites.models import (
    AgreementDocument,
    AgreementNotice,
    ConditionPrecedent,
    CreditSupport,
    DamagesBand,
    DelayDamages,
    GridCapacityStep,
    NetworkWorks,
    PpaShareStep,
    SpotPrice,
)
from sites.vocabulary import ChainKind, ContractParty, CreditForm, DamagesDirection
from tests.factories.accounts import RowFactory
from tests.factories.sites import AgreementFactory, ChainFactory, GridConnectionFactory, ShareFactory, SiteFactory


class NetworkWorksFactory(RowFactory[NetworkWorks]):
    class Meta:
        model = NetworkWorks

    connection = SubFactory(GridConnectionFactory)
    name = Sequence(lambda n: f"Second circuit {n}")
    chain = SubFactory(
        ChainFactory,
        kind=ChainKind.NETWORK_WORKS,
        site=SelfAttribute("..connection.site"),
        anchor_code="COMPLETE",
        steps=["WORKS", {"code": "COMPLETE", "duration_days": 200}],
    )


class CapacityStepFactory(RowFactory[GridCapacityStep]):
    class Meta:
        model = GridCapacityStep

    connection = SubFactory(GridConnectionFactory)
    number = Sequence(lambda n: n + 1)
    firm_mw = Decimal("10")


class ShareStepFactory(RowFactory[PpaShareStep]):
    class Meta:
        model = PpaShareStep

    share = SubFactory(ShareFactory)
    from_on = date(2028, 7, 1)
    share_mw = Decimal("18")


class SpotPriceFactory(RowFactory[SpotPrice]):
    """Of the whole site; with an `agreement`, for what that one does not yet deliver."""

    class Meta:
        model = SpotPrice

    site = SubFactory(SiteFactory)
    from_on = date(2026, 1, 1)
    price_per_mwh = Decimal("95")
    currency = "AUD"
    source = "Broker's forward curve of November"


class DelayDamagesFactory(RowFactory[DelayDamages]):
    class Meta:
        model = DelayDamages

    agreement = SubFactory(AgreementFactory)
    direction = DamagesDirection.RECEIVABLE


class DamagesBandFactory(RowFactory[DamagesBand]):
    class Meta:
        model = DamagesBand

    damages = SubFactory(DelayDamagesFactory)
    from_day = 1
    amount_per_mw_day = Decimal("150")


class ConditionFactory(RowFactory[ConditionPrecedent]):
    class Meta:
        model = ConditionPrecedent

    agreement = SubFactory(AgreementFactory)
    number = Sequence(lambda n: n + 1)
    text = "Grid connection agreement signed"
    due_on = date(2027, 2, 1)


class NoticeFactory(RowFactory[AgreementNotice]):
    class Meta:
        model = AgreementNotice

    agreement = SubFactory(AgreementFactory)
    number = Sequence(lambda n: n + 1)
    subject = "Notice of delay"
    served_to = "Ridge Renewables"
    days = 30
    reference_on = date(2027, 9, 1)


class CreditSupportFactory(RowFactory[CreditSupport]):
    class Meta:
        model = CreditSupport

    agreement = SubFactory(AgreementFactory)
    given_by = ContractParty.BUYER
    form = CreditForm.LETTER_OF_CREDIT
    amount = Decimal("2500000")
    currency = "AUD"
    expires_on = date(2028, 6, 30)


class AgreementDocumentFactory(RowFactory[AgreementDocument]):
    class Meta:
        model = AgreementDocument

    agreement = SubFactory(AgreementFactory)
    title = "Signed agreement"
    reference = Sequence(lambda n: f"DOC-{n}")
