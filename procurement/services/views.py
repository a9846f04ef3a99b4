"""Saved views: a list's address under a name, for oneself, for everybody, or for whoever holds a role."""

from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils.crypto import get_random_string
from django.utils.text import slugify
from django.utils.translation import gettext as _

from procurement.models import SavedView
from procurement.queries.log_address import kept, removed_by
from procurement.vocabulary import ViewList
from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Permission, Role
from sites.domain.errors import BadInput, NotFound
from sites.services.access import check_can

MOST_VIEWS: Final = 100
_LONGEST_SLUG: Final = 80


@transaction.atomic
def save(
    *, actor: User, name: str, query: str, listing: ViewList, shared: bool = False, default_for: Role | None = None
) -> SavedView:
    """A view of this name of one's own is replaced and keeps its address. What a role begins with is shared, and takes
    the place of the view before it. Raises BadInput naming `name` or `query`, and NotPermitted.
    """
    name = " ".join(name.split())
    if not name:
        raise BadInput(_("Give the view a name."), field="name")
    if len(name) > 80:
        raise BadInput(_("At most %(most)d characters.") % {"most": 80}, field="name")
    said = kept(QueryDict(query))
    if len(said) > 1000:
        raise BadInput(_("The address of this view is too long."), field="query")
    row = SavedView.objects.select_for_update().filter(owner=actor, name=name).first()
    if row is None:
        _check_room(actor)
    if default_for or (row is not None and row.default_for):
        check_can(actor, Permission.PEOPLE_WRITE, site_id=None)
    if default_for:
        SavedView.objects.filter(default_for=default_for).update(default_for="")
    row = row or SavedView(owner=actor, name=name, slug=_free_slug(name))
    row.query, row.listing, row.shared = said, listing, shared or bool(default_for)
    row.default_for = default_for or ""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise BadInput(_("Somebody saved a view of this name at this moment."), field="name") from None
    audit.record(
        actor=actor,
        verb="view.saved",
        subject_kind="saved_view",
        subject_id=row.pk,
        facts={"shared": row.shared, "default_for": row.default_for},
    )
    return row


@transaction.atomic
def remove(*, actor: User, key: UUID) -> None:
    """One's own. Raises NotFound."""
    row = SavedView.objects.select_for_update().filter(owner=actor, pk=key).first()
    if row is None:
        raise NotFound(_("There is no such view."), field="view")
    audit.record(actor=actor, verb="view.removed", subject_kind="saved_view", subject_id=row.pk)
    row.delete()


@transaction.atomic
def put_back(*, actor: User, key: UUID) -> SavedView:
    """One's own view as it was when it was removed, at its old address. A role that began with it begins with it no
    more. Raises NotFound, and BadInput naming `name`.
    """
    was = removed_by(actor).filter(pgh_obj_id=key).first()
    if was is None:
        raise NotFound(_("There is no such view."), field="view")
    if SavedView.objects.filter(owner=actor, name=was.name).exists():
        raise BadInput(_("Another view of yours has this name now."), field="name")
    _check_room(actor)
    slug = _free_slug(was.name) if SavedView.objects.filter(slug=was.slug).exists() else was.slug
    row = SavedView.objects.create(
        pk=key, owner=actor, name=was.name, slug=slug, listing=was.listing, query=was.query, shared=was.shared
    )
    audit.record(actor=actor, verb="view.put_back", subject_kind="saved_view", subject_id=row.pk)
    return row


def _check_room(actor: User) -> None:
    if SavedView.objects.filter(owner=actor).count() >= MOST_VIEWS:
        raise BadInput(_("At most %(most)d views.") % {"most": MOST_VIEWS}, field="name")


def _free_slug(name: str) -> str:
    slug = slugify(name, allow_unicode=True)[:_LONGEST_SLUG] or "view"
    if not SavedView.objects.filter(slug=slug).exists():
        return slug
    return f"{slug}-{get_random_string(6, 'abcdefghijkmnpqrstuvwxyz23456789')}"
