"""What a mail says, in its reader's language: what moved, why, what it costs, what to do, who else knows.

Alerts that say the same of several units of one line are one entry: it names the units once, and links each.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

import css_inline
from django.conf import settings
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import formats, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from procurement.models import (
    Alert,
    LotForecast,
    Notification,
    NotificationItem,
    Requirement,
    RequirementForecast,
)
from procurement.services import alert_text, mail_links
from procurement.services.mail_links import Purpose
from procurement.services.recipients import Reason
from procurement.vocabulary import AlertEventKind, AlertSubject, CloseReason, Lane, MessageKind, Rule, Severity
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.calendar import WorkingCalendar
from sites.domain.text import one_line
from sites.models import Site
from sites.queries.chains import working_calendars
from sites.vocabulary import AssignmentScope, Driver, Party, ScopeKind, step_name

LINES_IN_A_MAIL: Final = 20
UNITS_IN_A_LINE: Final = 20
_UNITS_IN_A_TITLE: Final = 3
_ALERTS_IN_A_HEADER: Final = 20
_EARLIER_MESSAGES: Final = 3
_LENGTH: Final = 200
RECOVERED_SINCE: Final = "recovered since"
_OVER: Final = (AlertEventKind.RECOVERED, AlertEventKind.CLOSED)
_SEVERITIES: Final = list(Severity)
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

_DRIVERS: Final[dict[str, str | Promise]] = {
    Driver.ACTUAL: gettext_lazy("%(step)s happened on the day recorded."),
    Driver.IMPLIED: gettext_lazy("%(step)s must have happened, because a later step did."),
    Driver.LOCKED: gettext_lazy("A planner pinned %(step)s."),
    Driver.PROMISE: gettext_lazy("The vendor's promise for %(step)s decides."),
    Driver.PROMISE_SHIFTED: gettext_lazy(
        "The vendor's promise for %(step)s has moved, because what it depended on is late."
    ),
    Driver.DURATION: gettext_lazy("The usual duration up to %(step)s decides."),
    Driver.PLAN: gettext_lazy("The plan of %(step)s decides."),
    Driver.TODAY: gettext_lazy("%(step)s is not done, and it cannot be in the past."),
    Driver.PREDECESSOR: gettext_lazy("%(step)s cannot come before the step before it."),
    Driver.SPAN: gettext_lazy("The lead time up to %(step)s decides."),
}
_NEXT: Final[dict[str, str | Promise]] = {
    Rule.NO_ROS: gettext_lazy("Give the requirement a date or an anchor in the site's schedule."),
    Rule.ORDER_BY: gettext_lazy("Place the order, or agree on a later required-on-site date."),
    Rule.LATE_FORECAST: gettext_lazy(
        "Acknowledge it with a date by which it will be better, and get an earlier promise from the vendor."
    ),
    Rule.LOW_FLOAT: gettext_lazy("Hold the vendor to the promised date: the buffer is used up."),
    Rule.SLIP_GREW: gettext_lazy("Ask the vendor for the reason and for a plan to win days back."),
    Rule.MILESTONE_OVERDUE: gettext_lazy("Ask for the date on which it happened, or for a new promise."),
    Rule.VENDOR_SILENT: gettext_lazy("Ask the vendor where the order stands."),
    Rule.PROMISE_TBD: gettext_lazy("Ask the vendor for a day."),
    Rule.ROS_PULLED_FORWARD: gettext_lazy("Ask whether the vendor can follow, or agree on the former date."),
    Rule.ANCHOR_LOST: gettext_lazy("Name the activity that the date now follows, or fix the date."),
    Rule.RFS_HIT: gettext_lazy("See which equipment decides the date, and tell who waits for the capacity."),
    Rule.ENERGISATION_HIT: gettext_lazy("Ask the utility for a new date, and arrange temporary power."),
    Rule.ENERGISATION_AFTER_LOAD: gettext_lazy("Arrange power for the load until then, or move the load."),
    Rule.COD_NEAR_GUARANTEED: gettext_lazy("Decide whether to extend the guaranteed date or to use the right to end."),
    Rule.LONG_STOP_NEAR: gettext_lazy("Agree on a later long-stop date, or look for other power."),
    Rule.POWER_GAP: gettext_lazy("Cover the gap: another agreement, a share of one, or a later load."),
    Rule.SHARE_OVERLAP: gettext_lazy("Reduce the shares to what is contracted."),
    Rule.AGREEMENT_OVERLAP: gettext_lazy(
        "Let the later agreement start later, end the earlier one, or share it out anew."
    ),
    Rule.UNMATCHED_EXPIRY: gettext_lazy("Prolong the agreement, or contract its successor."),
    Rule.CONTRACT_CLOCK: gettext_lazy("Serve the notice in time, or record that it was served."),
    Rule.COD_AFTER_ENERGISATION: gettext_lazy("Arrange power for the days between, or agree on an earlier start."),
    Rule.ERP_DISAGREEMENT: gettext_lazy("Compare the order in the ERP with the lots and allocations here."),
}
_REASONS: Final[dict[str, str | Promise]] = {
    Reason.OWNER: gettext_lazy("You get this because it is assigned to you."),
    Reason.ROLE_HOLDER: gettext_lazy("You get this because of your role; nobody is assigned to it."),
    Reason.DEPUTY: gettext_lazy("You get this because you stand in for somebody who cannot be reached."),
    Reason.ADMINISTRATOR: gettext_lazy("You get this because nobody else was found who could be told."),
    Reason.WATCHER: gettext_lazy("You get this because you watch what it is about."),
    Reason.ESCALATION: gettext_lazy("You get this because nobody has answered it."),
}
_DUE_KINDS: Final[dict[str, str | Promise]] = {
    "lock": gettext_lazy("pinned"),
    "promise": gettext_lazy("promised"),
    "plan": gettext_lazy("planned"),
    "baseline": gettext_lazy("agreed at the start"),
}


@dataclass(frozen=True, slots=True)
class Written:
    subject: str
    text: str
    html: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Unit:
    """A requirement's tag, and where its alert is answered."""

    tag: str
    url: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert as the templates show it, or several that differ only in their unit.

    `stem` is the title without the unit, `url` that of the first alert; `units` is empty where the alert is about no
    single requirement, and holds at most 20 of those it is about. `more_units` are the others.
    """

    site: str
    stem: str
    title: str
    status: str
    url: str
    units: tuple[Unit, ...]
    more_units: int
    alerts: int
    moved: list[str]
    why: list[str]
    effect: list[str]
    next_step: str
    weight: tuple[int, int]
    is_over: bool = False


@dataclass(slots=True)
class _Told:
    """The alert with the events of it that one message tells, in the order in which they happened."""

    alert: Alert
    items: list[NotificationItem] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """All that is told of it is that it has recovered, or that it is closed."""
        return all(item.event.kind in _OVER for item in self.items)

    @property
    def is_closed(self) -> bool:
        return any(item.event.kind == AlertEventKind.CLOSED for item in self.items)


def write(row: Notification, items: Sequence[NotificationItem]) -> Written:
    """The frozen text of a message. Everything that people or machines typed is cleaned on its way in."""
    told: dict[UUID, _Told] = {}
    for item in items:
        told.setdefault(item.event.alert_id, _Told(item.event.alert)).items.append(item)
    calendars = working_calendars()
    tags = _tags(each.alert for each in told.values())
    recovered = _now(told.values())
    with translation.override(language_of(row.recipient)):
        entries = _joined(
            _entry(each, _calendar(each.alert.site, calendars), tags.get(each.alert.subject_id, ""), recovered)
            for each in told.values()
        )
        if len(entries) > 1 or _is_named_above(row, entries):
            entries = [_without_cause(entry, row.cause_text) for entry in entries]
        common, step = _said_of_all(entries)
        if len(entries) > 1:
            entries = [_without(entry, common, step) for entry in entries]
        context = {
            "entries": entries[:LINES_IN_A_MAIL],
            "entry": entries[0] if len(entries) == 1 else None,
            "headline": _headline(row, entries),
            "common": common,
            "step": step,
            "has_why": any(entry.why for entry in entries),
            "more": sum(entry.alerts for entry in entries[LINES_IN_A_MAIL:]),
            "cause": "" if _is_named_above(row, entries) else clean(row.cause_text),
            "untold": _untold(row),
            "others": _others(row, items),
            "reason": _reason(row, items),
            "answers": [] if all(entry.is_over for entry in entries) else _answers(row),
            "unsubscribe_url": mail_links.url(Purpose.UNSUBSCRIBE, row.pk),
            "preferences_url": f"{settings.BASE_URL}/preferences/",
            "reply_to": settings.MAIL_REPLY_TO,
            "list_url": f"{settings.BASE_URL}/alerts/",
            "language": translation.get_language(),
        }
        text = render_to_string("email/alerts.txt", context)
        html = _INLINER.inline(render_to_string("email/alerts.html", context))
        subject = _subject(row, entries)
    headers = _headers(row, [each.alert for each in told.values()], is_one_thing=len(entries) == 1)
    return Written(subject, re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n", html, headers)


def clean(text: str, most: int = _LENGTH) -> str:
    """One line without control or direction marks, at most so long."""
    return one_line(text, most=most)


def alert_url(alert: Alert) -> str:
    return f"{settings.BASE_URL}/alerts/{alert.pk}/"


def language_of(person: User) -> str:
    """The reader's language, ours where nobody translated theirs."""
    try:
        return translation.get_supported_language_variant(person.language)
    except LookupError:
        return settings.LANGUAGE_CODE


def _calendar(site: Site | None, calendars: dict[UUID, WorkingCalendar]) -> WorkingCalendar | None:
    return calendars.get(site.calendar_id) if site else None


def _subject(row: Notification, entries: Sequence[Entry]) -> str:
    """What it is about, and nothing that changes: mails of one subject lie together in a mailbox."""
    if row.kind == MessageKind.DIGEST:
        return clean(f"[Longlead] {_('Digest')} {_month(row)}")
    if len(entries) == 1:
        return clean(f"[Longlead]{entries[0].site} {entries[0].title}")
    several = _("several dates")
    site = entries[0].site if all(entry.site == entries[0].site for entry in entries) else ""
    return clean(f"[Longlead]{site} {clean(row.cause_text, 100) or several}")


def _month(row: Notification) -> str:
    return formats.date_format(row.digest_on, "YEAR_MONTH_FORMAT") if row.digest_on else ""


def _untold(row: Notification) -> int:
    """How many alerts recovered while they were held for this reader, since the digest before."""
    if row.kind != MessageKind.DIGEST:
        return 0
    mine = Notification.objects.filter(recipient=row.recipient_id, channel=row.channel, kind=row.kind)
    before = mine.filter(release_at__lt=row.release_at).order_by("-release_at").first()
    dropped = NotificationItem.objects.filter(
        recipient=row.recipient_id, channel=row.channel, dropped_because=RECOVERED_SINCE
    )
    if before is not None:
        dropped = dropped.filter(notification__release_at__gt=before.release_at)
    return dropped.values("event__alert").distinct().count()


def _headline(row: Notification, entries: Sequence[Entry]) -> str:
    """What one thing moved stands under its name; what is told of one alert alone says its cause below."""
    if row.digest_on:
        return f"{_date(row.digest_on)}: {_count(entries)}" if len(entries) > 1 else _of_one(entries[0])
    said = _count(entries) if len(entries) > 1 else _of_one(entries[0])
    return f"{clean(row.cause_text)}: {said}" if _is_named_above(row, entries) else said


def _of_one(entry: Entry) -> str:
    return f"{entry.status}: {entry.title}"


def _is_named_above(row: Notification, entries: Sequence[Entry]) -> bool:
    return bool(row.cause_text) and not row.digest_on and sum(entry.alerts for entry in entries) > 1


def _count(entries: Sequence[Entry]) -> str:
    number = sum(entry.alerts for entry in entries)
    return ngettext("%(number)d alert", "%(number)d alerts", number) % {"number": number}


def _tags(alerts: Iterable[Alert]) -> dict[UUID, str]:
    """The tag of each requirement that an alert is about."""
    keys = [alert.subject_id for alert in alerts if alert.subject_kind == AlertSubject.REQUIREMENT]
    return dict(Requirement.objects.filter(pk__in=keys).values_list("pk", "tag"))


def _joined(entries: Iterable[Entry]) -> list[Entry]:
    """Worst first. What is said of several units in the same words is said once."""
    alike: dict[object, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: (-entry.weight[0], -entry.weight[1], entry.title)):
        same = (entry.site, entry.stem, entry.status, *entry.moved, *entry.why, *entry.effect, entry.next_step)
        alike.setdefault(same if entry.units else entry.url, []).append(entry)
    return [_one(group) for group in alike.values()]


def _one(group: Sequence[Entry]) -> Entry:
    first, units = group[0], [unit for entry in group for unit in entry.units]
    if len(units) < 2:
        return first
    named = ", ".join(unit.tag for unit in units[:_UNITS_IN_A_TITLE])
    others = f" +{len(units) - _UNITS_IN_A_TITLE}" if len(units) > _UNITS_IN_A_TITLE else ""
    return replace(
        first,
        title=f"{first.stem} {named}{others}",
        units=tuple(units[:UNITS_IN_A_LINE]),
        more_units=max(0, len(units) - UNITS_IN_A_LINE),
        alerts=len(units),
    )


def _without_cause(entry: Entry, cause: str) -> Entry:
    """The cause that stands above all entries is not said again in each."""
    return replace(entry, why=[line for line in entry.why if line != _caused_by(cause)])


def _said_of_all(entries: Sequence[Entry]) -> tuple[list[str], str]:
    """Why and what to do, as far as it is the same of each: it is said once, above them."""
    why = [line for line in entries[0].why if all(line in entry.why for entry in entries)]
    step = entries[0].next_step
    return why, step if all(entry.next_step == step for entry in entries) else ""


def _without(entry: Entry, why: Sequence[str], step: str) -> Entry:
    return replace(
        entry,
        why=[line for line in entry.why if line not in why],
        next_step="" if entry.next_step == step else entry.next_step,
    )


def _entry(told: _Told, calendar: WorkingCalendar | None, tag: str, now: dict[UUID, dict[str, Any]]) -> Entry:
    alert = told.alert
    facts: dict[str, Any] = alert.facts | now.get(alert.pk, {}) if told.is_over else alert.facts
    days = facts.get("days_late") or -(facts.get("days_left") or 0)
    has_unit = bool(tag) and alert.subject_text.endswith(f" {tag}")
    return Entry(
        site=f"[{clean(alert.site.code)}]" if alert.site else "",
        stem=clean(alert.subject_text.removesuffix(f" {tag}") if has_unit else alert.subject_text),
        title=clean(alert.subject_text),
        status=_status(told),
        url=alert_url(alert),
        units=(Unit(clean(tag), alert_url(alert)),) if has_unit else (),
        more_units=0,
        alerts=1,
        moved=_moved(told, facts, calendar),
        why=_why(alert, facts),
        effect=[*_moves(told, facts), *_effect(told, facts)],
        next_step=_to_do(told),
        weight=(-1 if told.is_over else 1 if alert.lane == Lane.URGENT else 0, days),
        is_over=told.is_over,
    )


def _to_do(told: _Told) -> str:
    if told.is_closed:
        return _("Nothing: it is closed.")
    return _("Nothing: it has recovered.") if told.is_over else str(_NEXT[told.alert.rule])


def _now(told: Iterable[_Told]) -> dict[UUID, dict[str, Any]]:
    """What holds now of what has recovered; its alert keeps what held while it stood."""
    over = [each.alert for each in told if each.is_over]
    needs = [alert.subject_id for alert in over if alert.subject_kind == AlertSubject.REQUIREMENT]
    lots = [alert.subject_id for alert in over if alert.subject_kind == AlertSubject.LOT]
    rows: dict[UUID, RequirementForecast | LotForecast] = {}
    if needs:
        answers = RequirementForecast.objects.filter(current=True, requirement__in=needs).defer("steps")
        rows |= {row.requirement_id: row for row in answers}
    if lots:
        rows |= {row.lot_id: row for row in LotForecast.objects.filter(current=True, lot__in=lots).defer("steps")}
    return {
        alert.pk: {
            "forecast_on": row.forecast_on.isoformat() if row.forecast_on else None,
            "required_on_site": row.required_on_site.isoformat() if row.required_on_site else None,
            "float_days": row.float_days,
            "float_working_days": row.float_working_days,
            "slip_days": row.slip_days if isinstance(row, LotForecast) else None,
            "driver": None,
        }
        for alert in over
        if (row := rows.get(alert.subject_id)) is not None
    }


def _status(told: _Told) -> str:
    if told.is_closed:
        return str(CloseReason(told.alert.close_reason).label)
    if told.is_over:
        return _("recovered")
    if any(item.event.kind == AlertEventKind.UNSTABLE for item in told.items):
        return _("unstable date")
    return alert_text.status(told.alert.rule, told.alert.facts)


def _moved(told: _Told, facts: dict[str, Any], calendar: WorkingCalendar | None) -> list[str]:
    """From what it was before the first event told here to what it is now."""
    # Of an alert that was handed on, the event says only to whom.
    before = told.alert.facts | told.items[0].event.facts
    lines = []
    for label, name, from_names in (
        (_("Forecast"), "forecast_on", ("forecast_from_on",)),
        (_("Required on site"), "required_on_site", ("pulled_from_on", "required_from_on")),
        (_("Start of power (COD)"), "cod_forecast_on", ("cod_from_on",)),
        (_("Energisation"), "energisation_on", ("energisation_from_on", "energisation_planned_on")),
    ):
        until = _day(facts.get(name))
        if until is None:
            continue
        earlier = (before.get(f"told_{name}"), *(before.get(each) for each in from_names), before.get(name))
        since = _day(before.get(name) if told.is_over else next(filter(None, earlier), None))
        lines.append(f"{label}: {_from_to(since, until, calendar)}")
    if not told.is_over:
        lines += _dates(facts)
    return lines


def _dates(facts: dict[str, Any]) -> list[str]:
    """The days that a rule is about and that do not move."""
    lines = []
    if (due := _day(facts.get("due_on"))) and facts.get("milestone"):
        kind = str(_DUE_KINDS.get(facts.get("due_kind") or "", ""))
        said = f"{_date(due)} ({kind})" if kind else _date(due)
        lines.append(f"{clean(step_name(facts['milestone']))}: {said}")
    elif due:
        lines.append(f"{_('Due')}: {_date(due)}")
    for label, name in (
        (_("Order by"), "order_by_on"),
        (_("To be decided since"), "tbd_since_on"),
        (_("Last heard of"), "heard_on"),
        (_("Load starts"), "load_on"),
        (_("Not covered from"), "gap_from_on"),
        (_("Not covered until"), "gap_until_on"),
        (_("More shared than contracted from"), "overlap_on"),
        (_("Overlap from"), "overlap_from_on"),
        (_("Overlap until"), "overlap_until_on"),
        (_("Expires"), "expires_on"),
        (_("Expected"), "expected_on"),
    ):
        if day := _day(facts.get(name)):
            lines.append(f"{label}: {_date(day)}")
    return lines


def _from_to(since: date | None, until: date, calendar: WorkingCalendar | None) -> str:
    if since is None or since == until:
        return _date(until)
    moved = f"{_date(since)} → {_date(until)}"
    if calendar is None:
        return f"{moved} ({_days((until - since).days, signed=True)})"
    return f"{moved} ({_days((until - since).days, calendar.working_days_between(since, until), signed=True)})"


def _moves(told: _Told, facts: dict[str, Any]) -> list[str]:
    """How far it moved since people were last told, and how far in all."""
    said = told.items[0].event.facts
    lines = []
    if (moved := said.get("since_told_days")) is not None:
        since = _day(said.get("told_before_on"))
        before = _("Since last told")
        lines.append(f"{before}{f' ({_date(since)})' if since else ''}: {_move(moved)}")
    if (slip := facts.get("slip_days")) is not None:
        against = _("Against the baseline")
        lines.append(f"{against}: {_move(slip)}")
    return lines


def _move(days: int) -> str:
    return _days(days, signed=True) if days else _("no change")


def _why(alert: Alert, facts: dict[str, Any]) -> list[str]:
    lines = []
    if sentence := _DRIVERS.get(facts.get("driver") or ""):
        lines.append(str(sentence) % {"step": alert_text.quoted(facts.get("driver_code") or "")})
    if alert.cause_text:
        lines.append(_caused_by(alert.cause_text))
    if facts.get("responsible") in Party.values:
        waits = _("Waits for")
        lines.append(f"{waits}: {Party(facts['responsible']).label}")
    if facts.get("vendor"):
        lines.append(f"{_('Vendor')}: {clean(facts['vendor'])}")
    return lines


def _caused_by(text: str) -> str:
    return f"{_('Cause')}: {clean(text)}"


def _effect(told: _Told, facts: dict[str, Any]) -> list[str]:
    lines = []
    if facts.get("float_days") is not None:
        lines.append(f"{_('Float')}: {_days(facts['float_days'], facts.get('float_working_days'), signed=True)}")
    if told.is_over:
        return lines
    lines += _counted(facts)
    if facts.get("mw_days") not in (None, "0"):
        at_risk = formats.number_format(facts["mw_days"], use_l10n=True, force_grouping=True)
        lines.append(f"{_('MW-days at risk')}: {at_risk}")
    baseline, forecast = _day(facts.get("rfs_baseline_on")), _day(facts.get("rfs_forecast_on"))
    if baseline and forecast:
        block = clean(facts.get("block") or "")
        label = f"{_('Ready for service')} {block}"
        if facts.get("mw_days") == "0":
            alone = _("not moved by one unit alone")
            label += f" ({alone})"
        lines.append(
            f"{label}: {_date(baseline)} → {_date(forecast)} ({_days((forecast - baseline).days, signed=True)})"
        )
    uncovered = _("Power not covered")
    if mw := facts.get("uncovered_mw") or facts.get("gap_mw"):
        lines.append(f"{uncovered}: {mw} MW")
    elif facts.get("share_mw") and told.alert.rule == Rule.COD_AFTER_ENERGISATION:
        lines.append(f"{uncovered}: {facts['share_mw']} MW")
    elif facts.get("share_mw"):
        lines.append(f"{_('Share')}: {facts['share_mw']} MW")
    for label, name in ((_("Guaranteed COD"), "guaranteed_cod_on"), (_("Long-stop date"), "long_stop_on")):
        if day := _day(facts.get(name)):
            lines.append(f"{label}: {_date(day)}")
    return lines


def _says_float(facts: dict[str, Any]) -> bool:
    """Whether the line of the float says already how late it is, in both kinds of days."""
    return facts.get("float_days") == -facts["days_late"] and facts.get("float_working_days") is not None


def _counted(facts: dict[str, Any]) -> list[str]:
    """What is counted in days, working days or units and is not the float."""
    lines = []
    for label, name, working in (
        (_("Late"), "days_late", "working_days_late"),
        (_("Left"), "days_left", "working_days_left"),
        (_("Without a word"), "days_silent", "working_days_silent"),
        (_("Without a date"), "days_waited", "working_days_waited"),
        (_("Required earlier by"), "days_pulled", "working_days_pulled"),
        (_("Buffer"), "buffer_days", ""),
    ):
        if facts.get(name) is not None and not (name == "days_late" and _says_float(facts)):
            lines.append(f"{label}: {_days(facts[name], facts.get(working))}")
    for label, name in (
        (_("Open lots"), "open_lots"),
        (_("Of these late"), "late_lots"),
        (_("Units lost"), "units_lost"),
        (_("Disagreements"), "disagreements"),
        (_("Units wanted"), "units_wanted"),
        (_("Decided by"), "decided_by"),
        (_("To be served by"), "owner"),
    ):
        if facts.get(name) not in (None, "", 0):
            lines.append(f"{label}: {clean(str(facts[name]))}")
    return lines


def _days(number: int, working: int | None = None, *, signed: bool = False) -> str:
    said = f"{number:+d}" if signed else f"{number:d}"
    words = ngettext("%(days)s day", "%(days)s days", abs(number)) % {"days": said}
    if working is None:
        return words
    counted = f"{working:+d}" if signed else f"{working:d}"
    return words + ", " + ngettext("%(days)s working day", "%(days)s working days", abs(working)) % {"days": counted}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _date(day: date) -> str:
    return formats.date_format(day, "DATE_FORMAT")


def date_text(day: date) -> str:
    return _date(day)


def days_text(number: int) -> str:
    return _days(number, signed=True)


def _reason(row: Notification, items: Sequence[NotificationItem]) -> str:
    """Why this person, with the role and the scope that name them."""
    sentence = str(_REASONS.get(row.reason, _REASONS[Reason.OWNER]))
    first = next((item for item in items if item.reason == row.reason and item.role in Role.values), None)
    if first is None:
        return sentence
    return f"{sentence} ({Role(first.role).label}{_scope(first.scope)})"


def _scope(word: str) -> str:
    for words in (AssignmentScope, ScopeKind):
        if word in words.values:
            return f", {words(word).label}"
    return ""


def _others(row: Notification, items: Sequence[NotificationItem]) -> list[str]:
    """Everybody else who is told of the same, with the role that names them."""
    found: dict[str, str] = {}
    for name, role in (
        NotificationItem.objects.filter(event__in=[item.event_id for item in items], dropped_because="")
        .exclude(recipient=row.recipient_id)
        .values_list("recipient__name", "role")
        .order_by("recipient__name", "-role")
    ):
        found.setdefault(name, role)
    return [
        f"{clean(name, 80)} ({Role(role).label})" if role in Role.values else clean(name, 80)
        for name, role in found.items()
    ]


def _answers(row: Notification) -> list[tuple[str, str]]:
    """(what, link) of each answer that needs no log-in."""
    return [
        (_("Acknowledge"), mail_links.url(Purpose.ACKNOWLEDGE, row.pk)),
        (_("Ask me later"), mail_links.url(Purpose.SNOOZE, row.pk)),
        (_("Not mine"), mail_links.url(Purpose.DECLINE, row.pk)),
    ]


def list_headers(row: Notification, list_name: str) -> dict[str, str]:
    """What lets people and machines sort a message, and take leave of its list with one click (RFC 8058)."""
    headers = {
        "List-Id": f"<{list_name}.{settings.MAIL_DOMAIN}>",
        "List-Unsubscribe": f"<{mail_links.url(Purpose.UNSUBSCRIBE, row.pk)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Longlead-Reason": row.reason,
    }
    if settings.MAIL_REPLY_TO:
        headers["Reply-To"] = settings.MAIL_REPLY_TO
    return headers


def _headers(row: Notification, alerts: Sequence[Alert], *, is_one_thing: bool) -> dict[str, str]:
    site = row.site.code.lower() if row.site else "digest"
    headers = list_headers(row, f"alerts.{site}") | {
        "X-Longlead-Severity": max((Severity(alert.severity) for alert in alerts), key=_SEVERITIES.index),
        "X-Longlead-Alert": " ".join(str(alert.pk) for alert in alerts[:_ALERTS_IN_A_HEADER]),
    }
    earlier = Notification.objects.filter(recipient=row.recipient_id, channel=row.channel).exclude(pk=row.pk)
    if row.kind == MessageKind.DIGEST and row.digest_on:
        month = row.digest_on.replace(day=1)
        return headers | thread(earlier.filter(kind=row.kind, digest_on__gte=month, digest_on__lt=row.digest_on))
    if is_one_thing:
        return headers | thread(earlier.filter(lane=Lane.URGENT, items__event__alert__in=alerts))
    return headers


def thread(earlier: QuerySet[Notification]) -> dict[str, str]:
    """The root of what this reader was sent before about the same, and the last few after it."""
    known = list(
        earlier.exclude(message_id="").distinct().order_by("released_at", "pk").values_list("message_id", flat=True)
    )
    if not known:
        return {}
    return {"In-Reply-To": known[0], "References": " ".join([known[0], *known[1:][-_EARLIER_MESSAGES:]])}
