"""People and their first right."""

from collections.abc import Callable
from datetime import date

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator, validate_email
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from sites.accounts import audit
from sites.accounts.models import User
from sites.accounts.permissions import Role
from sites.domain.errors import BadInput
from sites.models import Membership
from sites.vocabulary import ScopeKind


@transaction.atomic
def create_administrator(*, username: str, email: str, name: str, password: str) -> User:
    """A person who may set the tracker up. Raises BadInput naming `username`, `email`, `name` or `password`."""
    # Django's admin shows technical tables only, to read; rights in the tracker come from the membership alone.
    user = User(username=username, email=email, name=name or username, is_staff=True, is_superuser=True)
    for field in User._meta.fields:
        if field.name in {"username", "email", "name"}:
            _check(field.name, field.run_validators, getattr(user, field.name))
    _check("username", User.username_validator, username)
    _check("email", validate_email, email)
    _check("name", ProhibitNullCharactersValidator(), user.name)
    if User.objects.filter(username__iexact=username).exists():
        raise BadInput(_("This user name is taken."), field="username")
    if User.objects.filter(email__iexact=email).exists():
        raise BadInput(_("This address belongs to somebody else."), field="email")
    _check("password", lambda value: validate_password(value, user), password)
    user.set_password(password)
    user.save(force_insert=True)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    Membership.objects.create(person=user, role=Role.ADMINISTRATOR, scope=ScopeKind.PORTFOLIO)
    audit.record(actor=None, verb="person.created", subject_kind="user", subject_id=user.pk)
    return user


def visit(person: User, today: date) -> None:
    """Keep the day of the last visit, and of the one before it: one statement on the first page of a day.

    `today` is that of the person. A day before the last one changes nothing: the person moved to a zone further west.
    """
    if person.visited_on is not None and today <= person.visited_on:
        return
    first = Q(visited_on__isnull=True) | Q(visited_on__lt=today)
    User.objects.filter(first, pk=person.pk).update(visited_before_on=F("visited_on"), visited_on=today)
    person.refresh_from_db(fields=["visited_on", "visited_before_on"])


def _check(field: str, validate: Callable[[str], object], value: str) -> None:
    try:
        validate(value)
    except ValidationError as refusal:
        raise BadInput(" ".join(refusal.messages), field=field) from None
