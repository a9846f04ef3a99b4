"""What a person is told, how and when; their subscriptions, calendar and chats."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.models import (
    Alert,
    AlertPreference,
    CalendarFeed,
    ChatEndpoint,
    OrderLine,
    PurchaseOrder,
    Subscription,
    Watch,
)
from procurement.portal.actor import acting_user
from procurement.portal.forms.preferences import Chat, Choice, Hours, Subscribe, Until
from procurement.queries import subjects
from procurement.queries.log_address import find_view, read_filter, spelled_out
from procurement.services import preferences, subscriptions
from procurement.vocabulary import Channel, Rhythm, Rule, Severity, WatchKind, WatchSubject, WishedLane
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput, NotFound, RuleBroken
from sites.models import PersonCalendar, Site


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    return _page(request, acting_user(request))


@require_POST
@login_required
def prefer(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)

    def save(given: dict[str, Any]) -> None:
        preferences.prefer(
            actor=actor,
            lane=WishedLane(given["lane"]),
            rule=Rule(given["rule"]) if given["rule"] else None,
            site=given["site"],
            equipment_class=given["equipment_class"],
            severity=Severity(given["severity"]) if given["severity"] else None,
            channel=Channel(given["channel"]) if given["channel"] else None,
        )

    return _saved(request, actor, "choice", Choice(request.POST, actor=actor), save)


@require_POST
@login_required
def forget(request: HttpRequest, key: UUID) -> HttpResponse:
    try:
        preferences.forget(actor=acting_user(request), key=key)
    except NotFound:
        raise Http404 from None
    return redirect("preferences")


@require_POST
@login_required
def hours(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    return _saved(
        request, actor, "hours", Hours(request.POST), lambda given: preferences.choose_hours(actor=actor, **given)
    )


@require_POST
@login_required
def shortcuts(request: HttpRequest) -> HttpResponse:
    """From the list of keys on every page, and back to it."""
    preferences.choose_shortcuts(actor=acting_user(request), on=request.POST.get("shortcuts") == "1")
    return redirect(_back(request))


@require_POST
@login_required
def watch(request: HttpRequest) -> HttpResponse:
    """From a button on the page of a site, an order, a line or an alert, or from the list of them, and back to it."""
    kind, subject = request.POST.get("kind", ""), request.POST.get("subject", "")
    until = Until(request.POST)
    if not until.is_valid():
        messages.error(request, " ".join(str(each) for each in until.errors["until_on"]))
        return redirect(_back(request))
    try:
        preferences.watch(
            actor=acting_user(request),
            subject=WatchSubject(subject),
            key=UUID(request.POST.get("key", "")),
            kind=WatchKind(kind) if kind else None,
            now=timezone.now(),
            until_on=until.cleaned_data["until_on"],
        )
    except (ValueError, NotFound):
        raise Http404 from None
    except BadInput as refusal:
        messages.error(request, refusal.message)
    return redirect(_back(request))


def _back(request: HttpRequest) -> str:
    back = request.POST.get("next", "")
    return back if url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}) else reverse("preferences")


@require_POST
@login_required
def subscribe(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)

    def save(given: dict[str, Any]) -> None:
        query = given["query"].removeprefix("?")
        subscriptions.subscribe(
            actor=actor,
            name=given["name"],
            query=query,
            wanted=read_filter(spelled_out(QueryDict(query), actor)[0]),
            rhythm=Rhythm(given["rhythm"]),
        )

    return _saved(request, actor, "subscribe", Subscribe(request.POST), save)


@require_POST
@login_required
def unsubscribe(request: HttpRequest, key: UUID) -> HttpResponse:
    row = get_object_or_404(Subscription, person=acting_user(request), pk=key)
    subscriptions.end(row)
    return redirect("preferences")


@require_POST
@login_required
def calendar(request: HttpRequest) -> HttpResponse:
    """Makes a new address, which ends the one before, or revokes it. The address is shown this once."""
    actor, now = acting_user(request), timezone.now()
    if request.POST.get("revoke"):
        preferences.revoke_calendar(actor=actor, now=now)
        return redirect("preferences")
    return _page(request, actor, calendar_url=preferences.make_calendar(actor=actor, now=now))


@require_POST
@login_required
def add_chat(request: HttpRequest) -> HttpResponse:
    """The secret is shown this once."""
    actor, form = acting_user(request), Chat(request.POST, actor=acting_user(request))
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = preferences.add_chat(
                actor=actor,
                name=given["name"],
                url=given["url"],
                role=Role(given["role"]) if given["role"] else None,
                site=given["site"],
            )
            return _page(request, actor, chat=made)
        except RuleBroken as refusal:
            form.refuse(refusal)
    return _page(request, actor, forms={"add_chat": form}, status=422)


@require_POST
@login_required
def switch_chat(request: HttpRequest, key: UUID) -> HttpResponse:
    try:
        preferences.switch_chat(actor=acting_user(request), key=key, active=request.POST.get("active") == "1")
    except NotFound:
        raise Http404 from None
    return redirect("preferences")


def _saved(
    request: HttpRequest, actor: User, name: str, form: Any, save: Callable[[dict[str, Any]], None]
) -> HttpResponse:
    if form.is_valid():
        try:
            save(form.cleaned_data)
        except RuleBroken as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("preferences")
    return _page(request, actor, forms={name: form}, status=422)


def _page(
    request: HttpRequest,
    actor: User,
    *,
    forms: dict[str, Any] | None = None,
    calendar_url: str = "",
    chat: ChatEndpoint | None = None,
    status: int = 200,
) -> HttpResponse:
    mine = PersonCalendar.objects.filter(person=actor).first() or PersonCalendar(person=actor)
    context = {
        "choice": Choice(actor=actor),
        "hours": Hours(initial={name: getattr(mine, name, None) for name in Hours.base_fields} | {
            "digest_at": actor.digest_at
        }),
        "subscribe": Subscribe(initial=_view_asked(request, actor)),
        "add_chat": Chat(actor=actor),
        "wishes": AlertPreference.objects.filter(person=actor).select_related("site", "equipment_class").order_by("pk"),
        "watches": _watched(actor),
        "subscriptions": Subscription.objects.filter(person=actor, active=True).order_by("name"),
        "feed": CalendarFeed.objects.filter(person=actor, revoked_at__isnull=True).first(),
        "calendar_url": calendar_url,
        "chats": ChatEndpoint.objects.filter(owner=actor).select_related("site").order_by("name"),
        "chat": chat,
        "person": actor,
    } | (forms or {})  # fmt: skip
    return render(request, "preferences/preferences.html", context, status=status)


def _view_asked(request: HttpRequest, actor: User) -> dict[str, str]:
    """A saved view by its `slug`, followed as it changes, or the address of a list as `view`."""
    view = find_view(actor, request.GET.get("slug", ""))
    if view is not None:
        return {"query": urlencode({"view": view.slug}), "name": view.name}
    return {"query": request.GET.get("view", "")[:1000]}


def _watched(actor: User) -> list[dict[str, Any]]:
    """What the actor watches or mutes and can still see, with its name. At most a query a kind, and one more."""
    rows = list(Watch.objects.filter(person=actor).order_by("subject_kind", "pk"))
    keys: dict[str, list[UUID]] = defaultdict(list)
    for row in rows:
        keys[row.subject_kind].append(row.subject_id)
    found: dict[UUID, str] = {}
    for kind, seen in _seen(actor).items():
        if keys[kind]:
            found |= {thing.pk: str(thing) for thing in seen(keys[kind])}
    return [{"row": row, "name": found[row.subject_id]} for row in rows if row.subject_id in found]


def _seen(actor: User) -> dict[str, Callable[[list[UUID]], Iterable[Any]]]:
    return {
        WatchSubject.SITE: lambda keys: Site.objects.visible_to(actor).filter(pk__in=keys),
        WatchSubject.ORDER: lambda keys: PurchaseOrder.objects.visible_to(actor).filter(pk__in=keys),
        WatchSubject.ORDER_LINE: lambda keys: (
            OrderLine.objects.visible_to(actor).filter(pk__in=keys).select_related("order")
        ),
        WatchSubject.ALERT: lambda keys: Alert.objects.visible_to(actor).filter(pk__in=keys),
        WatchSubject.REQUIREMENT: partial(_things, actor, WatchSubject.REQUIREMENT),
        WatchSubject.COMPANY: partial(_things, actor, WatchSubject.COMPANY),
        WatchSubject.PLANT: partial(_things, actor, WatchSubject.PLANT),
        WatchSubject.EQUIPMENT_CLASS: partial(_things, actor, WatchSubject.EQUIPMENT_CLASS),
    }


def _things(actor: User, kind: WatchSubject, keys: list[UUID]) -> Iterable[Any]:
    return subjects.seen(actor, kind.value).filter(pk__in=keys)
