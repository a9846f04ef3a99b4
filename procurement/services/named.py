"""People and calendars as they are named in records and forms."""

from django.utils.translation import gettext as _

from sites.accounts.models import User
from sites.domain.errors import BadInput
from sites.models import WorkCalendar


def person(name: str, field: str) -> User | None:
    """None for an empty name. Raises BadInput naming the field."""
    if not name:
        return None
    found: User | None = User.objects.filter(username__iexact=name, is_active=True).first()
    if found is None:
        raise BadInput(_("Nobody is called %(name)s.") % {"name": name}, field=field)
    return found


def calendar(name: str, field: str) -> WorkCalendar | None:
    """None for an empty name. Raises BadInput naming the field."""
    if not name:
        return None
    found = WorkCalendar.objects.filter(name=name).first()
    if found is None:
        raise BadInput(_("There is no calendar %(name)s.") % {"name": name}, field=field)
    return found
