"""What a command is given: the content of a file, and the person in whose name it works."""

from pathlib import Path

from django.utils.translation import gettext as _

from procurement.domain.table import MOST_BYTES
from sites.accounts.models import User
from sites.domain.errors import BadInput


def content_of(path: Path) -> bytes:
    """Raises BadInput naming `file` where there is none, it cannot be read, or it is larger than an upload may be."""
    try:
        if not path.is_file():
            raise BadInput(_("There is no such file."), field="file")
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(_("The file is larger than %(size)s MB.") % {"size": MOST_BYTES // 1024**2}, field="file")
        return path.read_bytes()
    except OSError as problem:
        raise BadInput(problem.strerror or _("The file cannot be read."), field="file") from None


def person_named(username: str) -> User:
    """Raises BadInput naming `as` where there is no active account of this name."""
    person: User | None = User.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise BadInput(_("There is no such account."), field="as")
    return person
