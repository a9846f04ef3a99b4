"""Who acts: turns the person of a request into a known user."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from sites.accounts.models import User


def acting_user(request: HttpRequest) -> User:
    """Raises PermissionDenied where nobody is logged in; `login_required` sends them to the log-in page before."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
