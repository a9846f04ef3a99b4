"""What every page knows besides its own subject."""

from django.conf import settings
from django.http import HttpRequest


def portal(request: HttpRequest) -> dict[str, object]:
    return {"demo": settings.DEMO, "mailbox": settings.MAIL_TO_MAILBOX}
