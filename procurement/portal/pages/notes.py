"""Comments, files and the history of an order, a line, a requirement, a vendor, a plant, a class, a site, a block,
an agreement or a grid connection.
"""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from procurement.models import Attachment, Comment
from procurement.portal.actor import acting_user
from procurement.portal.forms.base import PortalForm
from procurement.portal.forms.notes import Attach, Say
from procurement.queries import subjects
from procurement.queries.log_address import number
from procurement.queries.row_history import row_history
from procurement.queries.subjects import Subject
from procurement.services import talk
from sites.accounts.models import User
from sites.accounts.permissions import Permission
from sites.domain.errors import NotFound, NotPermitted, RuleBroken
from sites.queries.access import can

_COMMENTS_SHOWN = 200


@require_safe
@login_required
def show(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    return _page(request, _found(acting_user(request), kind, key), Say(), Attach())


@require_POST
@login_required
def say(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    subject, form = _found(actor, kind, key), Say(request.POST)

    def act() -> str:
        talk.comment(actor=actor, kind=kind, key=key, text=form.cleaned_data["text"], now=timezone.now())
        return _("The comment is saved.")

    return _done(request, subject, form, act, "comments") or _page(request, subject, form, Attach(), status=422)


@require_POST
@login_required
def attach(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    actor = acting_user(request)
    subject, form = _found(actor, kind, key), Attach(request.POST, request.FILES)

    def act() -> str:
        sent = form.cleaned_data["file"]
        talk.attach(
            actor=actor, kind=kind, key=key, name=sent.name, content=sent.read(), note=form.cleaned_data["note"],
            now=timezone.now(),
        )  # fmt: skip
        return _("The file is kept.")

    return _done(request, subject, form, act, "files") or _page(request, subject, Say(), form, status=422)


@require_safe
@login_required
def download(request: HttpRequest, key: UUID) -> HttpResponse:
    """Always to be saved, never shown inside the portal's own pages."""
    row = talk.find_attachment(acting_user(request), key)
    if row is None:
        raise Http404
    answer = HttpResponse(bytes(row.content.content), content_type=row.content_type)
    answer["Content-Disposition"] = content_disposition_header(True, row.name) or "attachment"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer


@require_POST
@login_required
def remove(request: HttpRequest, key: UUID) -> HttpResponse:
    try:
        row = talk.remove(actor=acting_user(request), attachment_id=key, now=timezone.now())
    except NotFound:
        raise Http404 from None
    except NotPermitted as refusal:
        messages.error(request, refusal.message)
        found = Attachment.objects.get(pk=key)
        return redirect(reverse("notes", args=[found.subject_kind, found.subject_id]))
    messages.success(request, _("The file is removed."))
    return redirect(f"{reverse('notes', args=[row.subject_kind, row.subject_id])}#files")


def _found(actor: User, kind: str, key: UUID) -> Subject:
    subject = subjects.find(actor, kind, key)
    if subject is None:
        raise Http404
    return subject


def _done(
    request: HttpRequest, subject: Subject, form: PortalForm, act: Callable[[], str], part: str
) -> HttpResponse | None:
    """None where it is refused: then the form says why, with what was typed in it."""
    if not form.is_valid():
        return None
    try:
        messages.success(request, act())
    except RuleBroken as refusal:
        form.refuse(refusal)
        return None
    return redirect(f"{reverse('notes', args=[subject.kind.value, subject.key])}#{part}")


def _page(request: HttpRequest, subject: Subject, say: Say, attach: Attach, status: int = 200) -> HttpResponse:
    name, argument = subject.address
    comments = Comment.objects.filter(subject_kind=subject.kind, subject_id=subject.key).select_related("author")
    files = Attachment.objects.filter(subject_kind=subject.kind, subject_id=subject.key, removed_at__isnull=True)
    history = row_history(
        subject.parts, shows_amounts=subject.shows_amounts, page=number(request.GET.get("page", ""), 1)
    )
    context = {
        "subject": subject,
        "address": None,
        "back": reverse(name, args=[argument]),
        "comments": list(comments.order_by("-at")[:_COMMENTS_SHOWN]),
        "files": list(files.select_related("added_by").defer("content__content").order_by("-added_at")),
        "removes_all": can(acting_user(request), Permission.PEOPLE_WRITE, site_id=None),
        "say": say,
        "attach": attach,
        "history": history,
        "filter": history,
        "pages": history.pages,
        "before": history.page - 1,
        "after": history.page + 1,
        "crumbs": [(reverse(name, args=[argument]), f"{subject.kind.label} {subject.title}")],
    }
    return render(request, "notes/notes.html", context, status=status)
