"""What has a history, comments and files: who may see it, what it is called, and which rows are its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from procurement.models import (
    Allocation,
    ChainStep,
    ChainTemplate,
    Company,
    Contact,
    DeliveryLot,
    EquipmentClass,
    LogLine,
    OrderLine,
    Plant,
    PurchaseOrder,
    Requirement,
    RosAnchor,
    ScheduleLine,
)
from procurement.queries.agreement import sight
from procurement.vocabulary import TalkSubject
from sites.accounts.models import User
from sites.models import (
    AgreementNotice,
    Block,
    ConditionPrecedent,
    Gate,
    GridCapacityStep,
    GridConnection,
    Milestone,
    MilestoneRound,
    NetworkWorks,
    Phase,
    PowerPurchaseAgreement,
    PpaShare,
    Site,
)
from sites.models.site import holds_portfolio

# Of each kind of row those that are there, or what its events say, which finds those that are gone too.
Parts = Mapping[type[Model], QuerySet[Any] | Q]


@dataclass(frozen=True, slots=True)
class Subject:
    """`shows_amounts`: whether its history may name prices and damages."""

    kind: TalkSubject
    key: UUID
    title: str
    parts: Parts
    shows_amounts: bool
    address: tuple[str, object]


def find(actor: User, kind: str, key: UUID) -> Subject | None:
    """None where there is no such thing, or none that the actor may see."""
    if kind not in TalkSubject.values:
        return None
    word = TalkSubject(kind)
    row = _SEEN[word](actor).filter(pk=key).first()
    if row is None:
        return None
    parts, shows_amounts, address = _PARTS[word](actor, row)
    return Subject(word, key, str(row), parts, shows_amounts, address)


def seen(actor: User, kind: str) -> QuerySet[Any]:
    """All things of a kind that the actor may see."""
    return _SEEN[TalkSubject(kind)](actor)


def _companies(actor: User) -> QuerySet[Any]:
    mine = LogLine.objects.visible_to(actor)
    return Company.objects.filter(
        Exists(mine.filter(seller=OuterRef("pk"))) | Exists(mine.filter(maker=OuterRef("pk"))) | holds_portfolio(actor)
    )


def _plants(actor: User) -> QuerySet[Any]:
    lines = OrderLine.objects.visible_to(actor).filter(plant=OuterRef("pk"))
    return Plant.objects.filter(Exists(lines) | holds_portfolio(actor)).select_related("company")


def _agreements(actor: User) -> QuerySet[Any]:
    """Those of which every site they supply is in sight: the others show a reader their own share alone."""
    elsewhere = PpaShare.objects.filter(agreement=OuterRef("pk")).exclude(site__in=Site.objects.visible_to(actor))
    return PowerPurchaseAgreement.objects.visible_to(actor).filter(holds_portfolio(actor) | ~Exists(elsewhere))


_SEEN: Final[Mapping[TalkSubject, Callable[[User], QuerySet[Any]]]] = {
    TalkSubject.ORDER: lambda actor: PurchaseOrder.objects.visible_to(actor),
    TalkSubject.LINE: lambda actor: ScheduleLine.objects.visible_to(actor).select_related("line__order"),
    TalkSubject.REQUIREMENT: lambda actor: Requirement.objects.visible_to(actor),
    TalkSubject.COMPANY: _companies,
    TalkSubject.PLANT: _plants,
    # The library of classes is everybody's.
    TalkSubject.EQUIPMENT_CLASS: lambda actor: EquipmentClass.objects.all(),
    TalkSubject.SITE: lambda actor: Site.objects.visible_to(actor),
    TalkSubject.BLOCK: lambda actor: Block.objects.visible_to(actor).select_related("phase"),
    TalkSubject.AGREEMENT: _agreements,
    TalkSubject.GRID_CONNECTION: lambda actor: GridConnection.objects.visible_to(actor).select_related("site"),
}

_Found = tuple[Parts, bool, tuple[str, object]]


def _order(actor: User, row: PurchaseOrder) -> _Found:
    schedules = ScheduleLine.objects.visible_to(actor).filter(line__order=row)
    parts: Parts = {
        PurchaseOrder: PurchaseOrder.objects.filter(pk=row.pk),
        OrderLine: OrderLine.objects.filter(pk__in=schedules.values("line")),
        ScheduleLine: schedules,
    }
    return parts, _may_see_amounts(actor, row.pk), ("order", row.pk)


def _line(actor: User, row: ScheduleLine) -> _Found:
    lots = DeliveryLot.objects.filter(schedule_line=row)
    steps = Milestone.objects.filter(chain__in=lots.values("chain"))
    parts: Parts = {
        OrderLine: OrderLine.objects.filter(pk=row.line_id),
        ScheduleLine: ScheduleLine.objects.filter(pk=row.pk),
        DeliveryLot: lots,
        Milestone: steps,
        MilestoneRound: Q(milestone__in=steps.values("pk")),
        Allocation: Allocation.objects.filter(lot__in=lots),
    }
    return parts, _may_see_amounts(actor, row.line.order_id), ("line", row.pk)


def _requirement(actor: User, row: Requirement) -> _Found:
    parts: Parts = {
        Requirement: Requirement.objects.filter(pk=row.pk),
        RosAnchor: RosAnchor.objects.filter(requirement=row),
        Allocation: Allocation.objects.filter(requirement=row),
    }
    return parts, False, ("requirement", row.pk)


def _company(actor: User, row: Company) -> _Found:
    parts: Parts = {
        Company: Company.objects.filter(pk=row.pk),
        Plant: Plant.objects.filter(company=row),
        Contact: Contact.objects.filter(company=row),
    }
    return parts, False, ("vendor", row.pk)


def _plant(actor: User, row: Plant) -> _Found:
    parts: Parts = {Plant: Plant.objects.filter(pk=row.pk), Contact: Contact.objects.filter(plant=row)}
    return parts, False, ("plant", row.pk)


def _class(actor: User, row: EquipmentClass) -> _Found:
    templates = ChainTemplate.objects.filter(pk=row.template_id)
    parts: Parts = {
        EquipmentClass: EquipmentClass.objects.filter(pk=row.pk),
        ChainTemplate: templates,
        ChainStep: ChainStep.objects.filter(template__in=templates),
    }
    return parts, False, ("lead_time_class", row.code)


def _site(actor: User, row: Site) -> _Found:
    parts: Parts = {
        Site: Site.objects.filter(pk=row.pk),
        Phase: Phase.objects.filter(site=row),
        Block: Block.objects.filter(phase__site=row),
        Gate: Gate.objects.filter(site=row),
    }
    return parts, False, ("site", row.code)


def _block(actor: User, row: Block) -> _Found:
    parts: Parts = {Block: Block.objects.filter(pk=row.pk), Gate: Gate.objects.filter(block=row)}
    return parts, False, ("block", row.pk)


def _agreement(actor: User, row: PowerPurchaseAgreement) -> _Found:
    """Many of its own fields are money under other names: without the right to amounts none of them is told."""
    amounts = sight(actor, row).amounts
    parts: dict[type[Model], QuerySet[Any] | Q] = {
        PpaShare: PpaShare.objects.filter(agreement=row),
        ConditionPrecedent: ConditionPrecedent.objects.filter(agreement=row),
        AgreementNotice: AgreementNotice.objects.filter(agreement=row),
        Milestone: Milestone.objects.filter(chain=row.chain_id),
    }
    if amounts:
        parts[PowerPurchaseAgreement] = PowerPurchaseAgreement.objects.filter(pk=row.pk)
    return parts, amounts, ("agreement", row.pk)


def _grid_connection(actor: User, row: GridConnection) -> _Found:
    parts: Parts = {
        GridConnection: GridConnection.objects.filter(pk=row.pk),
        GridCapacityStep: GridCapacityStep.objects.filter(connection=row),
        NetworkWorks: NetworkWorks.objects.filter(connection=row),
        Milestone: Milestone.objects.filter(chain=row.chain_id),
    }
    return parts, False, ("grid_connection", row.pk)


def _may_see_amounts(actor: User, order: UUID) -> bool:
    return PurchaseOrder.objects.amounts_visible_to(actor).filter(pk=order).exists()


_PARTS: Final[Mapping[TalkSubject, Callable[[User, Any], _Found]]] = {
    TalkSubject.ORDER: _order,
    TalkSubject.LINE: _line,
    TalkSubject.REQUIREMENT: _requirement,
    TalkSubject.COMPANY: _company,
    TalkSubject.PLANT: _plant,
    TalkSubject.EQUIPMENT_CLASS: _class,
    TalkSubject.SITE: _site,
    TalkSubject.BLOCK: _block,
    TalkSubject.AGREEMENT: _agreement,
    TalkSubject.GRID_CONNECTION: _grid_connection,
}
