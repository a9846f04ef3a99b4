"""The schedules of a site: uploaded into quarantine, seen for what they change, accepted, rejected, rolled back."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.portal import schedule_words
from procurement.portal.actor import acting_user
from procurement.portal.forms.base import PortalForm, attempt, status_of
from procurement.portal.forms.schedules import AcceptSchedule, RejectSchedule, RollBackSchedule, UploadSchedule
from procurement.portal.gantt import gantt
from procurement.queries.schedule_activities import ActivityFilter, activity_page, activity_view
from procurement.queries.schedule_revisions import across_revisions, find_revision, revision_row, site_revisions
from procurement.services import schedule_preview, schedules
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import RuleBroken
from sites.models import ScheduleRevision, Site
from sites.queries.access import can
from sites.vocabulary import ActivityStatus, RevisionState

_LONGEST_CODE = 80


@require_safe
@login_required
def index(request: HttpRequest, code: str) -> HttpResponse:
    return _index(request, _site(acting_user(request), code), None)


@require_POST
@login_required
def upload(request: HttpRequest, code: str) -> HttpResponse:
    actor = acting_user(request)
    site = _site(actor, code)
    form = UploadSchedule(request.POST, request.FILES, projects=_project_codes(site))
    where, status = "", 422
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            revision = schedules.read_revision(
                site=site,
                content=file.read(),
                file_name=file.name,
                actor=actor,
                now=timezone.now(),
                project_code=form.cleaned_data["project_code"],
                update_of=form.cleaned_data["update_of"],
            )
        except RuleBroken as refusal:
            form.refuse(refusal)
            where = "" if refusal.field in form.fields else refusal.field or ""
            status = status_of(refusal)
        else:
            messages.success(request, _("Read whole, and quarantined: nothing has moved yet."))
            return redirect("schedule", key=revision.pk)
    return _index(request, site, form, where=where, status=status)


def _index(
    request: HttpRequest, site: Site, refused: UploadSchedule | None, *, where: str = "", status: int = 200
) -> HttpResponse:
    form = refused
    if form is None and can(acting_user(request), Permission.SCHEDULE_WRITE, site_id=site.pk):
        form = UploadSchedule(projects=_project_codes(site))
    context = {
        "site": site,
        "projects": site_revisions(site),
        "form": form,
        "where": where,
        "crumbs": [(reverse("portfolio"), _("Portfolio")), (reverse("site", args=[site.code]), site.name)],
    }
    return render(request, "schedules/schedules.html", context, status=status)


@require_safe
@login_required
def show(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    return _page(request, actor, _revision(actor, key), {})


@require_POST
@login_required
def accept(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    revision = _revision(actor, key)
    # Whether a reason is needed is the service's to say: it looks again under its lock.
    form = AcceptSchedule(request.POST, needs_reason=False)

    def act() -> None:
        done = schedules.accept(
            revision_id=revision.pk, reason=form.cleaned_data["reason"], actor=actor, now=timezone.now()
        )
        messages.success(request, _("Accepted. Dates that moved: %(count)s.") % {"count": len(done.moved)})

    return _try(request, actor, revision, "accept", form, act)


@require_POST
@login_required
def reject(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    revision = _revision(actor, key)
    form = RejectSchedule(request.POST)

    def act() -> None:
        schedules.reject(revision_id=revision.pk, reason=form.cleaned_data["reason"], actor=actor, now=timezone.now())
        messages.success(request, _("Rejected. Nothing has moved."))

    return _try(request, actor, revision, "reject", form, act)


@require_POST
@login_required
def roll_back(request: HttpRequest, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    revision = _revision(actor, key)
    form = RollBackSchedule(request.POST)

    def act() -> None:
        done = schedules.roll_back(
            revision_id=revision.pk,
            reason=form.cleaned_data["reason"],
            force=form.cleaned_data["force"],
            actor=actor,
            now=timezone.now(),
        )
        messages.success(request, _("Rolled back. Dates that moved: %(count)s.") % {"count": len(done.moved)})
        kept = [str(row["what"]) for row in done.left if not row["forced"]]
        if kept:
            messages.warning(request, _("Changed since, and left as it is: %(what)s.") % {"what": ", ".join(kept)})

    return _try(request, actor, revision, "roll-back", form, act)


def _try(
    request: HttpRequest,
    actor: User,
    revision: ScheduleRevision,
    name: str,
    form: PortalForm,
    act: Callable[[], None],
) -> HttpResponse:
    def done() -> HttpResponse:
        act()
        return redirect("schedule", key=revision.pk)

    def again(status: int) -> HttpResponse:
        return _page(request, actor, revision, {name: form}, status=status)

    return attempt(form, done, again)


def _page(
    request: HttpRequest,
    actor: User,
    revision: ScheduleRevision,
    refused: dict[str, PortalForm],
    *,
    status: int = 200,
) -> HttpResponse:
    view = schedule_preview.preview(revision_id=revision.pk, actor=actor, now=timezone.now())
    moved = schedule_words.linked(view.effect.moved if view.effect else ())
    context = {
        "revision": revision,
        "preview": view,
        "anomalies": schedule_words.odd(view.difference.anomalies),
        "parts": schedule_words.parts(view.difference),
        "followers": schedule_words.followers(view.bound, moved),
        "effect_rows": moved[: schedule_words.MOST_ROWS],
        "effect_more": max(0, len(moved) - schedule_words.MOST_ROWS),
        "alerts": schedule_words.alerts(view.effect.alerts) if view.effect else [],
        "forms": _forms(actor, revision, bool(view.difference.anomalies), refused),
        "decisions": revision_row(revision).decisions,
        "crumbs": _crumbs(revision),
    }
    return render(request, "schedules/schedule.html", context, status=status)


def _forms(
    actor: User, revision: ScheduleRevision, is_odd: bool, refused: dict[str, PortalForm]
) -> list[dict[str, Any]]:
    """What the actor may decide about it as it stands; what was refused is shown with its message."""
    may_approve = can(actor, Permission.APPROVE, site_id=revision.site_id)
    may_reject = may_approve or can(actor, Permission.SCHEDULE_WRITE, site_id=revision.site_id)
    waits = revision.state == RevisionState.QUARANTINED
    offered: list[tuple[str, str, str, str, PortalForm, bool]] = [
        (
            "accept", "check", _("Accept it"), _("Gates, required-on-site dates, forecasts and alerts move together."),
            AcceptSchedule(needs_reason=is_odd), waits and may_approve,
        ),
        ("reject", "x", _("Reject it"), _("Nothing moves; it stays readable."), RejectSchedule(), waits and may_reject),
        (
            "roll-back", "history", _("Roll it back"), _("The schedule before it stands again, with all it said."),
            RollBackSchedule(), revision.state == RevisionState.ACCEPTED and may_approve,
        ),
    ]  # fmt: skip
    return [
        {
            "name": name,
            "icon": sign,
            "title": title,
            "advice": advice,
            "form": refused.get(name, form),
            "is_open": name in refused or name == "accept",
            "url": reverse(f"schedule_{name.replace('-', '_')}", args=[revision.pk]),
        }
        for name, sign, title, advice, form, is_offered in offered
        if is_offered or name in refused
    ]


@require_safe
@login_required
def activities(request: HttpRequest, key: UUID) -> HttpResponse:
    revision = _revision(acting_user(request), key)
    wanted = ActivityFilter.of(request.GET.dict())
    page = activity_page(revision, wanted)
    context = {
        "revision": revision,
        "filter": wanted,
        "page": page,
        "before": page.page - 1,
        "after": page.page + 1,
        "statuses": ActivityStatus.choices,
        "crumbs": _crumbs(revision),
    }
    return render(request, "schedules/activities.html", context)


@require_safe
@login_required
def activity(request: HttpRequest, key: UUID) -> HttpResponse:
    revision = _revision(acting_user(request), key)
    code = request.GET.get("code", "").replace("\x00", "")[:_LONGEST_CODE]
    view = activity_view(revision, code)
    if view is None:
        raise Http404
    context = {
        "revision": revision,
        "view": view,
        "picture": gantt(view.path, data_date=revision.data_date),
        "across": across_revisions(revision, code),
        "crumbs": [*_crumbs(revision), (reverse("schedule_activities", args=[revision.pk]), _("Activities"))],
    }
    return render(request, "schedules/activity.html", context)


@require_safe
@login_required
def follow(request: HttpRequest, code: str) -> HttpResponse:
    """From what follows an activity to its page in the schedule that is in force."""
    site = _site(acting_user(request), code)
    project, activity_code = (
        request.GET.get(name, "").replace("\x00", "")[:_LONGEST_CODE] for name in ("project", "code")
    )
    accepted = ScheduleRevision.objects.filter(site=site, project_code=project, state=RevisionState.ACCEPTED).first()
    if accepted is None:
        raise Http404
    query = urlencode({"code": activity_code})
    return redirect(f"{reverse('schedule_activity', args=[accepted.pk])}?{query}")


def _site(actor: User, code: str) -> Site:
    return get_object_or_404(Site.objects.visible_to(actor).select_related("desk", "calendar"), code=code)


def _revision(actor: User, key: UUID) -> ScheduleRevision:
    revision = find_revision(actor, key)
    if revision is None:
        raise Http404
    return revision


def _project_codes(site: Site) -> list[str]:
    rows = ScheduleRevision.objects.filter(site=site).order_by("project_code").values_list("project_code", flat=True)
    return list(rows.distinct())


def _crumbs(revision: ScheduleRevision) -> list[tuple[str, str]]:
    site = revision.site
    return [
        (reverse("portfolio"), _("Portfolio")),
        (reverse("site", args=[site.code]), site.name),
        (reverse("schedules", args=[site.code]), _("Schedules")),
    ]
