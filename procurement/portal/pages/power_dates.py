"""The door through which a date of an agreement, a grid connection or its works is said."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from procurement.portal import words
from procurement.portal.actor import acting_user
from procurement.portal.forms.base import PortalForm, attempt
from procurement.portal.forms.chain_dates import FORMS
from procurement.portal.pages import agreement, grid_connection
from procurement.portal.pages.power_chain import form_name
from procurement.services import chain_dates
from procurement.services.forecasts import local_date
from sites.accounts.models import User
from sites.models import Chain, GridConnection, NetworkWorks, PowerPurchaseAgreement

Owner = PowerPurchaseAgreement | GridConnection


@require_POST
@login_required
def record(request: HttpRequest, chain: UUID, kind: str) -> HttpResponse:
    actor, now = acting_user(request), timezone.now()
    if kind not in FORMS:
        raise Http404
    owner, said_of = _owner(actor, chain), Chain.objects.filter(pk=chain).first()
    if owner is None or said_of is None:
        raise Http404
    today = local_date(owner.site, now) if isinstance(owner, GridConnection) else now.date()
    form = FORMS[kind](
        request.POST, milestones=list(said_of.milestones.order_by("sequence")), today=today, key=f"{said_of.pk}-"
    )

    def done() -> HttpResponse:
        done = chain_dates.record(
            chain_id=said_of.pk,
            revisions=[form.revision()],
            stated_on=form.said_on(),
            source=form.said_through(),
            document=form.said_in(),
            actor=actor,
            now=now,
        )
        mine = [each for each in done.moved if each.kind == said_of.kind]
        messages.success(request, _told(mine[0].before_on, mine[0].after_on) if mine else _unmoved())
        return redirect("agreement" if isinstance(owner, PowerPurchaseAgreement) else "grid_connection", key=owner.pk)

    def again(status: int) -> HttpResponse:
        return _again(request, actor, owner, now, {form_name(kind, said_of): form}, status)

    return attempt(form, done, again)


def _owner(actor: User, chain: UUID) -> Owner | None:
    works = NetworkWorks.objects.visible_to(actor).filter(chain=chain).values("connection")
    connections = GridConnection.objects.visible_to(actor).select_related("site")
    return (
        PowerPurchaseAgreement.objects.visible_to(actor).filter(chain=chain).first()
        or connections.filter(chain=chain).first()
        or connections.filter(pk__in=works).first()
    )


def _again(
    request: HttpRequest, actor: User, owner: Owner, now: datetime, refused: dict[str, PortalForm], status: int
) -> HttpResponse:
    if isinstance(owner, PowerPurchaseAgreement):
        return agreement.page(request, actor, owner, now, refused=refused, status=status)
    return grid_connection.page(request, actor, owner, now, refused=refused, status=status)


def _told(before: object, after: object) -> str:
    return _("Recorded. The forecast was %(before)s and is %(after)s.") % {
        "before": words.day(before),  # type: ignore[arg-type]
        "after": words.day(after),  # type: ignore[arg-type]
    }


def _unmoved() -> str:
    return _("Recorded. No forecast moved.")
