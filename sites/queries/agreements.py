"""An agreement as its published record."""

from collections.abc import Collection
from datetime import date
from enum import Enum
from functools import cache
from typing import Any, get_args
from uuid import UUID

from django.db.models import Model
from pydantic import BaseModel

from sites.accounts.models import User
from sites.models import PowerPurchaseAgreement, PpaShare, Site
from sites.readers.agreement_record import (
    COLUMNS,
    AgreementRecord,
    BandRecord,
    ConditionRecord,
    CreditRecord,
    DamagesRecord,
    DocumentRecord,
    MilestoneRecord,
    NoticeRecord,
    ShareRecord,
    ShareStep,
)
from sites.vocabulary import AgreementState

_WITH_OWNER = ("owner",)


def seen_whole(actor: User, agreement_ids: Collection[UUID]) -> frozenset[UUID]:
    """Of agreements the reader may see, those that supply no site out of sight. Of the others only the shares at the
    reader's own sites, the dates and the state may be shown: totals would tell of the rest. One query.
    """
    mine = Site.objects.visible_to(actor)
    partly = PpaShare.objects.filter(agreement__in=agreement_ids).exclude(site__in=mine)
    return frozenset(agreement_ids) - frozenset(partly.order_by().values_list("agreement_id", flat=True))


def record_of(agreement: PowerPurchaseAgreement) -> AgreementRecord:
    """Everything stored of it, whoever asks: the caller checks that the reader may see all of it. Ten queries."""
    shares = agreement.shares.select_related("site").prefetch_related("steps").order_by("site__code", "from_on")
    damages = agreement.delay_damages.prefetch_related("bands").order_by("direction")
    return AgreementRecord.model_construct(
        code=agreement.code,
        state=AgreementState(agreement.state),
        owner=agreement.owner.username if agreement.owner else "",
        calendar=agreement.calendar.name if agreement.calendar else "",
        **{name: _typed(AgreementRecord, name, getattr(agreement, name)) for name in COLUMNS},
        shares=tuple(
            ShareRecord.model_construct(
                site=row.site.code,
                share_mw=row.share_mw,
                from_on=row.from_on,
                until_on=row.until_on,
                steps=tuple(
                    ShareStep.model_construct(from_on=step.from_on, share_mw=step.share_mw)
                    for step in sorted(row.steps.all(), key=lambda step: step.from_on)
                ),
            )
            for row in shares
        ),
        delay_damages=tuple(
            DamagesRecord.model_construct(
                **_values(row, DamagesRecord, but=("bands",)),
                bands=tuple(
                    BandRecord.model_construct(from_day=band.from_day, amount_per_mw_day=band.amount_per_mw_day)
                    for band in sorted(row.bands.all(), key=lambda band: band.from_day)
                ),
            )
            for row in damages
        ),
        conditions=tuple(
            ConditionRecord.model_construct(**_values(row, ConditionRecord))
            for row in agreement.conditions.select_related("owner").order_by("number")
        ),
        notices=tuple(
            NoticeRecord.model_construct(
                **_values(row, NoticeRecord, but=("calendar",)), calendar=row.calendar.name if row.calendar else ""
            )
            for row in agreement.notices.select_related("owner", "calendar").order_by("number")
        ),
        credit_support=tuple(
            CreditRecord.model_construct(**_values(row, CreditRecord))
            for row in agreement.credit_support.select_related("owner").order_by("given_by", "form", "pk")
        ),
        documents=tuple(
            DocumentRecord.model_construct(**_values(row, DocumentRecord))
            for row in agreement.documents.order_by("dated_on", "reference")
        ),
        milestones=tuple(
            MilestoneRecord.model_construct(code=row.code, duration_days=row.duration_days, planned_on=row.planned_on)
            for row in agreement.chain.milestones.filter(applicable=True).order_by("sequence")
        ),
    )


def _values(row: Model, shape: Any, but: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in shape.model_fields:
        if name in but:
            continue
        value = getattr(row, name)
        found[name] = (value.username if value else "") if name in _WITH_OWNER else _typed(shape, name, value)
    return found


def _typed(shape: type[BaseModel], name: str, value: Any) -> Any:
    """What a column keeps as text, as the choice that it is; empty stays empty."""
    kind = _choices(shape).get(name)
    return kind(value) if kind and value else value


@cache
def _choices(shape: type[BaseModel]) -> dict[str, type[Enum]]:
    return {
        name: kind
        for name, field in shape.model_fields.items()
        for kind in (field.annotation, *get_args(field.annotation))
        if isinstance(kind, type) and issubclass(kind, Enum)
    }


def document_of(record: AgreementRecord) -> dict[str, Any]:
    """Plain JSON values: days as text, amounts as text without trailing zeros, what is not known left out."""
    found: dict[str, Any] = _plain(record.model_dump())
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each not in (None, "", (), [])}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (bool, int)):
        return value
    if hasattr(value, "as_tuple"):
        return format(value.normalize() + 0, "f")
    return str(value)
