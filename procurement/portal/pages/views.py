"""Saved views: what a list can be asked again by name."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.portal.actor import acting_user
from procurement.portal.forms.base import attempt
from procurement.portal.forms.views import SaveView
from procurement.queries.log_address import removed_by, views_of
from procurement.services import views
from procurement.vocabulary import ViewList
from sites.accounts.models import User
from sites.accounts.permissions import Permission, Role
from sites.domain.errors import NotFound, RuleBroken
from sites.queries.access import can

_REMOVED_SHOWN = 10


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    return _page(request, actor, _form(actor, initial={"query": request.GET.get("of", "")[:4000]}))


@require_POST
@login_required
def save(request: HttpRequest) -> HttpResponse:
    actor = acting_user(request)
    form = _form(actor, request.POST)

    def done() -> HttpResponse:
        given = form.cleaned_data
        view = views.save(
            actor=actor,
            name=given["name"],
            query=given["query"],
            listing=_listing(given["query"]),
            shared=given["shared"],
            default_for=Role(given["default_for"]) if given.get("default_for") else None,
        )
        messages.success(request, _("The view is saved. Its address can be handed round."))
        return redirect(f"{reverse('log')}?{_address(view.slug)}")

    return attempt(form, done, lambda status: _page(request, actor, form, status=status))


@require_POST
@login_required
def remove(request: HttpRequest, key: UUID) -> HttpResponse:
    try:
        views.remove(actor=acting_user(request), key=key)
    except NotFound:
        raise Http404 from None
    messages.success(request, _("The view is removed. It can be put back below."))
    return redirect(f"{reverse('views')}#removed")


@require_POST
@login_required
def put_back(request: HttpRequest, key: UUID) -> HttpResponse:
    try:
        view = views.put_back(actor=acting_user(request), key=key)
    except NotFound:
        raise Http404 from None
    except RuleBroken as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The view “%(name)s” is back.") % {"name": view.name})
    return redirect("views")


def _form(actor: User, data: QueryDict | None = None, initial: dict[str, object] | None = None) -> SaveView:
    may = can(actor, Permission.PEOPLE_WRITE, site_id=None)
    return SaveView(data, may_choose_role=may, initial=initial)


def _listing(query: str) -> ViewList:
    return ViewList.UNORDERED if QueryDict(query).get("shown") == ViewList.UNORDERED else ViewList.LOG


def _address(slug: str) -> str:
    query = QueryDict(mutable=True)
    query["view"] = slug
    return query.urlencode()


def _page(request: HttpRequest, actor: User, form: SaveView, *, status: int = 200) -> HttpResponse:
    rows = [(view, _address(view.slug)) for view in views_of(actor)]
    removed = list(removed_by(actor)[:_REMOVED_SHOWN])
    context = {"form": form, "rows": rows, "removed": removed, "crumbs": [(reverse("log"), _("Log"))]}
    return render(request, "views/views.html", context, status=status)
