"""Who would be told what, if a date were stated or a threshold set: the change is made, looked at and taken back."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from procurement.domain.revision import DateRevision
from procurement.models import EquipmentClass, PurchaseOrder, Requirement
from procurement.services import dates, requirements, rule_settings
from procurement.services.rehearsal import Rehearsal, rehearse, seen_by
from procurement.vocabulary import RevisionKind, Rule
from sites.accounts.models import User
from sites.domain.errors import BadInput, NotFound
from sites.domain.imprecise import read_as_said
from sites.models import Site
from sites.vocabulary import PromiseSource

_PROMISE: Final = ("order", "line", "schedule", "lot", "milestone", "value", "stated_on")
_REQUIRED: Final = ("site", "requirement", "on")
_THRESHOLD: Final = ("rule", "site", "equipment_class", "parameters")

Given = Mapping[str, Any]


def preview(change: Given, *, actor: User, now: datetime) -> Rehearsal:
    """Rehearse one change as this person would make it, and say what of it they may know. It names one kind:

    `promise`: order, line, schedule and lot (else all), milestone (else the contract step), value as a vendor says it,
    stated_on (else today); `required_on_site`: site, requirement (tag), on; `threshold`: rule, site and equipment_class
    (else everywhere, every class), parameters. Raises BadInput naming what is wrong, and what the change itself would.
    """
    if len(change) != 1:
        raise BadInput(_("Name one change: promise, required_on_site or threshold."), field="change")
    kind, given = next(iter(change.items()))
    if kind not in _KINDS or not isinstance(given, Mapping):
        raise BadInput(_("Name one change: promise, required_on_site or threshold."), field="change")
    return seen_by(rehearse(_KINDS[kind](given, actor, now), now=now), actor)


def _promise(given: Given, actor: User, now: datetime) -> Callable[[], object]:
    _check_names(given, _PROMISE, "promise")
    order = _orders(actor, _text(given, "order", "promise"))
    today = now.date()
    stated_on = _day(given["stated_on"], "promise.stated_on") if "stated_on" in given else today
    revision = DateRevision(
        kind=RevisionKind.PROMISE,
        line_number=_number(given, "line", "promise"),
        said=read_as_said(_text(given, "value", "promise"), as_of=stated_on, field="promise.value"),
        schedule_number=_number(given, "schedule", "promise") if "schedule" in given else None,
        lot_number=_number(given, "lot", "promise") if "lot" in given else None,
        milestone=given.get("milestone"),
        field="promise",
    )
    return lambda: dates.record(
        order_id=order,
        revisions=[revision],
        stated_on=stated_on,
        source=PromiseSource.PORTAL,
        document="",
        actor=actor,
        now=now,
    )


def _orders(actor: User, number: str) -> UUID:
    found = PurchaseOrder.objects.visible_to(actor).filter(number=number).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(_("There is no such order."), field="promise.order")
    return found


def _required(given: Given, actor: User, now: datetime) -> Callable[[], object]:
    _check_names(given, _REQUIRED, "required_on_site")
    tag = _text(given, "requirement", "required_on_site")
    found = Requirement.objects.visible_to(actor).filter(tag=tag, site__code=_text(given, "site", "required_on_site"))
    requirement = found.first()
    if requirement is None:
        raise NotFound(_("There is no such requirement."), field="required_on_site.requirement")
    on = _day(given.get("on"), "required_on_site.on")
    return lambda: requirements.set_ros_fixed(
        requirement_id=requirement.pk, required_on=on, reason="preview", actor=actor, now=now
    )


def _threshold(given: Given, actor: User, now: datetime) -> Callable[[], object]:
    _check_names(given, _THRESHOLD, "threshold")
    rule = _text(given, "rule", "threshold")
    if rule not in Rule.values:
        raise BadInput(_("There is no such rule."), field="threshold.rule")
    parameters = given.get("parameters")
    if not isinstance(parameters, Mapping):
        raise BadInput(_("Give parameters by name."), field="threshold.parameters")
    site = Site.objects.visible_to(actor).filter(code=given["site"]).first() if given.get("site") else None
    if given.get("site") and site is None:
        raise NotFound(_("There is no such site."), field="threshold.site")
    code = given.get("equipment_class")
    equipment = EquipmentClass.objects.filter(code=code).first() if code else None
    if code and equipment is None:
        raise NotFound(_("There is no such equipment class."), field="threshold.equipment_class")
    return lambda: rule_settings.save(
        rule=Rule(rule),
        parameters=parameters,
        reason="preview",
        actor=actor,
        now=now,
        site_id=site.pk if site else None,
        class_id=equipment.pk if equipment else None,
    )


_KINDS: Final[dict[str, Callable[[Given, User, datetime], Callable[[], object]]]] = {
    "promise": _promise,
    "required_on_site": _required,
    "threshold": _threshold,
}


def _check_names(given: Given, names: tuple[str, ...], kind: str) -> None:
    for name in given:
        if name not in names:
            raise BadInput(_("There is no such value."), field=f"{kind}.{name}")


def _text(given: Given, name: str, kind: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(_("This is needed, as text."), field=f"{kind}.{name}")
    return value


def _number(given: Given, name: str, kind: str) -> int:
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInput(_("This is needed, as a whole number."), field=f"{kind}.{name}")
    return value


def _day(value: Any, field: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadInput(_("Give a day like 2026-11-20."), field=field) from None


def as_document(found: Rehearsal) -> dict[str, Any]:
    """What a rehearsal found, as plain JSON values: dates as ISO text, MW-days as text."""
    return {
        "moved": [
            {
                "kind": row.kind,
                "id": str(row.key),
                "what": row.label,
                "before_on": _iso(row.before_on),
                "after_on": _iso(row.after_on),
                "days": row.days,
                "required_before_on": _iso(row.required_before_on),
                "required_after_on": _iso(row.required_after_on),
                "float_before_days": row.float_before_days,
                "float_after_days": row.float_after_days,
                "mw_days_before": _plain(row.mw_days_before),
                "mw_days_after": _plain(row.mw_days_after),
            }
            for row in found.moved
        ],
        "alerts": [
            {
                "id": str(row.alert_id),
                "what": row.what,
                "rule": row.rule.value,
                "about": row.subject_text,
                "severity": row.severity.value,
                "lane": row.lane.value,
                "band": row.band,
            }
            for row in found.alerts
        ],
        "told": [
            {
                "person": row.person,
                "reason": row.reason.value,
                "role": row.role,
                "channel": row.channel.value,
                "lane": row.lane.value,
                "release_at": row.release_at.isoformat(),
                "time_zone": row.time_zone,
                "alerts": [str(key) for key in row.alerts],
            }
            for row in found.told
        ],
        "mw_days": _plain(found.mw_days),
    }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _plain(number: Any) -> str | None:
    return None if number is None else format(number, "f")
