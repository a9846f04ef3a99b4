"""The story of the product, told without a browser: a promise slips, one mail about it arrives, a person acts.

It speaks to the running demo as the ERP (API), as a person (portal) and, to watch, as the database.
"""

import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from procurement.management.runtime.lines import say
from procurement.models import Alert, AlertEvent, LotForecast, Notification, Requirement, RequirementForecast
from procurement.services import requirements, schedules
from procurement.services.forecasts import local_date
from procurement.vocabulary import AlertEventKind, AlertState, AlertSubject, NotificationState, Rule
from sites.accounts.models import User
from sites.domain.errors import RuleBroken
from sites.models import Activity, Site
from sites.vocabulary import ActivityEdge, ActivityStatus, Driver, DurationBasis, ScopeKind

DONE, FAILED, BAD_INPUT = 0, 1, 2
DAYS_LATE = 12
MAIL_SECONDS = 120.0
_LOOK_EVERY_SECONDS = 0.25
_PASSWORD = "demo"  # noqa: S105


class StoryBroken(Exception):
    """A step did not happen; the message says which and what was seen instead."""


@dataclass(slots=True)
class _Telling:
    started: float = field(default_factory=time.monotonic)

    def say(self, what: str, **more: object) -> None:
        say(f"  {time.monotonic() - self.started:6.2f} s  {what}")
        for name, value in more.items():
            say(f"            {name.replace('_', ' ')}: {value}")


def run(base_url: str, schedule: Path | None) -> int:
    """Tell the story against the demo at `base_url`; 0 when every step happened, else 1 and the reason."""
    telling = _Telling()
    say("\nThe story")
    try:
        bound = _read_schedule(schedule, telling) if schedule else None
        _tell(base_url, telling, bound)
    except RuleBroken as refusal:
        say(f"\nThe story ended: {refusal.field}: {refusal.message}")
        return BAD_INPUT
    except StoryBroken as broken:
        say(f"\nThe story ended: {broken}")
        return FAILED
    say(f"\nThe story is told in {time.monotonic() - telling.started:.1f} s.")
    return DONE


def _tell(base_url: str, telling: _Telling, bound: "Requirement | None") -> None:
    before = _choose(bound)
    lot, requirement = before.lot, _served(before)
    line = lot.schedule_line
    telling.say(
        f"{line.site} waits for {requirement.tag}: order {line.line.order.number}, line {line.line.number}",
        vendor=line.line.order.seller,
        required_on_site=before.required_on_site,
        forecast=f"{before.forecast_on} (float {before.float_days} days)",
    )
    answer = _slip(base_url, before)
    after = LotForecast.objects.get(lot=lot, current=True)
    if after.forecast_on is None or after.required_on_site is None or after.forecast_on <= after.required_on_site:
        raise StoryBroken(f"the forecast is {after.forecast_on}, still not after {after.required_on_site}")
    telling.say(
        f"The vendor's new promise went in through the API (order now {answer['etag']})",
        forecast=f"{before.forecast_on} became {after.forecast_on} (float {after.float_days} days)",
    )
    event = _raised(requirement)
    telling.say("The alert opened", rule=event.alert, band=f"{event.band} days late", told_first=event.alert.told_role)
    mail = _delivered(event)
    telling.say(
        f"The mail arrived at {mail.recipient.name} <{mail.address}>",
        subject=mail.subject,
        message_id=mail.message_id,
        first_lines=" / ".join(row for row in mail.body_text.splitlines() if row.strip())[:300],
    )
    _acknowledge(base_url, event, mail)
    alert = Alert.objects.get(pk=event.alert_id)
    if alert.state != AlertState.ACKNOWLEDGED or alert.acknowledged_by_id != mail.recipient_id:
        raise StoryBroken(f"the alert is {alert.state} after the acknowledgement")
    telling.say(f"{mail.recipient.name} acknowledged it in the portal", commitment=alert.commitment_on)
    _once(event)
    telling.say("Counted: one mail for one cause, by Message-ID")


# -- the schedule --------------------------------------------------------------------------------------------------


def _read_schedule(path: Path, telling: _Telling) -> Requirement:
    """Read a P6 file as if its data date were today and bind a requirement to one of its unstarted activities."""
    now = timezone.now()
    admin = User.objects.get(username="admin")
    approver = (
        User.objects.filter(memberships__role="approver", memberships__scope=ScopeKind.PORTFOLIO).first() or admin
    )
    site = Site.objects.get(code=_story_site())
    today = local_date(site, now)
    revision = schedules.read_revision(
        site=site, content=path.read_bytes(), file_name=path.name, actor=admin, now=now, shift_to=today
    )
    telling.say(
        f"Read {path.name}: project {revision.project_code}, {revision.activities.count()} activities",
        data_date=f"{revision.data_date - timedelta(days=revision.shifted_days)}, taken as {revision.data_date}",
        shift=f"every date of the file moved by {revision.shifted_days} whole days, for this story only",
    )
    schedules.accept(revision_id=revision.pk, actor=approver, now=now)
    requirement, activity = _match(site, revision.activities.filter(status=ActivityStatus.NOT_STARTED), today)
    requirements.bind_ros(
        requirement_id=requirement.pk,
        project_code=revision.project_code,
        activity_code=activity.code,
        edge=ActivityEdge.START,
        shake_out_days=10,
        shake_out_basis=DurationBasis.WORKING,
        reason="The story of the demo",
        actor=admin,
        now=now,
    )
    requirement.refresh_from_db()
    telling.say(
        f"{requirement.tag} is now required on site by activity {activity.code} ({activity.name})",
        activity_starts=activity.start_on,
        required_on_site=f"{requirement.required_on_site}, ten working days before",
    )
    return requirement


def _story_site() -> str:
    row = LotForecast.objects.filter(current=True, delivered_on=None).select_related("lot__schedule_line__site")
    first = row.filter(lot__schedule_line__site__country="AU").order_by("lot__schedule_line__site__code").first()
    chosen = first or row.exclude(lot__schedule_line__site=None).order_by("lot__schedule_line__site__code").first()
    if chosen is None or chosen.lot.schedule_line.site is None:
        raise StoryBroken("the demo portfolio has no open order")
    return chosen.lot.schedule_line.site.code


def _match(site: Site, activities: Any, today: date) -> tuple[Requirement, Activity]:
    """The open requirement and the unstarted activity whose dates lie nearest above its forecast, so that it is in
    time before the story begins."""
    open_rows = RequirementForecast.objects.filter(
        current=True, ordered=True, requirement__site=site, forecast_on__gt=today + timedelta(days=60)
    ).exclude(requirement__in=_alerted())
    rows = list(open_rows.select_related("requirement").order_by("forecast_on", "requirement__tag"))
    best: tuple[int, str, Requirement, Activity] | None = None
    for activity in activities.order_by("code"):
        starts = activity.start_on
        for row in rows if starts else ():
            spare = (starts - row.forecast_on).days - 20
            rank = (spare if spare >= 0 else 10_000 - spare, activity.code)
            if best is None or rank < best[:2]:
                best = (*rank, row.requirement, activity)
    if best is None:
        raise StoryBroken("the schedule has no unstarted activity with a date")
    return best[2], best[3]


# -- the slip ------------------------------------------------------------------------------------------------------


def _alerted() -> Any:
    told = Alert.objects.filter(rule=Rule.LATE_FORECAST, subject_kind=AlertSubject.REQUIREMENT)
    return told.exclude(state=AlertState.CLOSED).values("subject_id")


def _choose(bound: Requirement | None) -> LotForecast:
    """An open lot that is in time with the least float, at a site that the story's people answer for."""
    rows = LotForecast.objects.filter(current=True, delivered_on=None, float_days__gte=0)
    rows = rows.filter(lot__allocations__ended_at=None, lot__allocations__requirement__isnull=False)
    if bound is not None:
        rows = LotForecast.objects.filter(current=True, lot__allocations__requirement=bound, delivered_on=None)
    else:
        rows = rows.filter(lot__schedule_line__site__code=_story_site())
        rows = rows.exclude(lot__allocations__requirement__in=_alerted())
    chosen = rows.select_related("lot__schedule_line__line__order__seller", "lot__schedule_line__site").order_by(
        "float_days", "lot__schedule_line__line__order__number", "lot__schedule_line__line__number", "lot__number"
    )
    first = chosen.first()
    if first is None:
        raise StoryBroken("no open lot is in time; `make clean-demo` starts afresh")
    return first


def _served(row: LotForecast) -> Requirement:
    """The requirement of the lot that needs it first: its alert is the one to come."""
    served = Requirement.objects.filter(allocations__lot=row.lot, allocations__ended_at=None)
    first = served.order_by("required_on_site", "tag").first()
    if first is None:
        raise StoryBroken("the lot serves no requirement")
    return first


def _slip(base_url: str, row: LotForecast) -> dict[str, Any]:
    line = row.lot.schedule_line
    assert row.required_on_site is not None  # a lot in time has one
    assert row.forecast_on is not None
    assert line.site is not None  # and a lot that is calculated a site
    step = _open_step(row)
    present = date.fromisoformat(str(step["forecast_on"]))
    late = max(0, (row.required_on_site - row.forecast_on).days) + DAYS_LATE
    body = {
        "stated_on": local_date(line.site, timezone.now()).isoformat(),
        "source": "email",
        "document": "Letter of the vendor to the story of the demo",
        "revisions": [
            {
                "kind": "promise",
                "line_number": line.line.number,
                "schedule_number": line.number,
                "lot_number": row.lot.number,
                "milestone": step["code"],
                "date": (present + timedelta(days=late)).isoformat(),
                "reason_code": "sub_supplier",
                "responsible": "vendor",
            }
        ],
    }
    key = (settings.DATA_DIR / "erp-key").read_text().strip()
    request = urllib.request.Request(  # noqa: S310
        f"{base_url}/api/v1/purchase-orders/{line.line.order_id}/date-revisions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": str(uuid4())},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return {"etag": response.headers["ETag"], **json.load(response)}
    except urllib.error.HTTPError as refusal:
        raise StoryBroken(f"the API answered {refusal.code}: {refusal.read().decode()[:500]}") from None


def _open_step(row: LotForecast) -> dict[str, Any]:
    """The step that the contract names, or the arrival where that one has happened."""
    contract = row.lot.schedule_line.contract_step
    by_code: dict[str, dict[str, Any]] = {str(step["code"]): step for step in row.steps}
    happened = {Driver.ACTUAL, Driver.IMPLIED}
    if contract in by_code and by_code[contract]["driver"] not in happened:
        return by_code[contract]
    return next(step for step in by_code.values() if step["is_anchor"])


# -- the alert and its mail ----------------------------------------------------------------------------------------


def _raised(requirement: Requirement) -> AlertEvent:
    events = AlertEvent.objects.filter(
        alert__rule=Rule.LATE_FORECAST,
        alert__subject_kind=AlertSubject.REQUIREMENT,
        alert__subject_id=requirement.pk,
        alert__state=AlertState.OPEN,
        kind=AlertEventKind.BAND,
    )
    event = events.select_related("alert").order_by("-at", "-band").first()
    if event is None:
        raise StoryBroken(f"no alert opened for {requirement.tag}")
    return event


def _delivered(event: AlertEvent) -> Notification:
    """Wait for the mail, whatever is killed meanwhile: the row is the truth and the supervisor restarts the rest."""
    wanted = Notification.objects.filter(items__event=event).select_related("recipient").order_by("sent_at")
    deadline = time.monotonic() + MAIL_SECONDS
    while time.monotonic() < deadline:
        sent = wanted.filter(state=NotificationState.SENT).first()
        if sent is not None:
            return sent
        time.sleep(_LOOK_EVERY_SECONDS)
    seen = ", ".join(wanted.values_list("state", flat=True)) or "none was written"
    raise StoryBroken(f"no mail was sent within {MAIL_SECONDS:.0f} s (notifications: {seen})")


def _once(event: AlertEvent) -> None:
    rows = Notification.objects.filter(items__event=event, state=NotificationState.SENT)
    ids = list(rows.values_list("message_id", flat=True))
    people = list(rows.values_list("recipient", flat=True))
    if len(set(ids)) != len(set(people)):
        raise StoryBroken(f"{len(set(ids))} mails went to {len(set(people))} people")


# -- the person ----------------------------------------------------------------------------------------------------


def _acknowledge(base_url: str, event: AlertEvent, mail: Notification) -> None:
    browser = _Browser(base_url)
    browser.log_in(mail.recipient.username, _PASSWORD)
    page = f"/alerts/{event.alert_id}/"
    browser.get(page)
    commitment = timezone.localdate() + timedelta(days=7)
    browser.post(
        f"{page}acknowledge/",
        {"commitment_on": commitment.isoformat(), "note": "Asked the vendor for a recovery plan."},
        came_from=page,
    )


class _Browser:
    """Just enough of one: cookies, and the form token of the page before."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies)
        self.token = ""

    def get(self, path: str) -> str:
        return self._open(urllib.request.Request(self.base_url + path))  # noqa: S310

    def post(self, path: str, form: dict[str, str], *, came_from: str) -> str:
        data = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": self.token}).encode()
        headers = {"Referer": self.base_url + came_from}
        return self._open(urllib.request.Request(self.base_url + path, data=data, headers=headers))  # noqa: S310

    def log_in(self, username: str, password: str) -> None:
        self.get("/account/login/")
        self.post("/account/login/", {"login": username, "password": password}, came_from="/account/login/")

    def _open(self, request: urllib.request.Request) -> str:
        try:
            with self.opener.open(request, timeout=30) as response:
                text: str = response.read().decode()
        except urllib.error.HTTPError as refusal:
            raise StoryBroken(f"{request.selector} answered {refusal.code}") from None
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
        self.token = found.group(1) if found else self.token
        return text
