"""What the `type` of a problem document leads to: a page for each code, open to all, with nothing from elsewhere."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe


def meanings() -> dict[str, str]:
    """What each code means and what to do about it; for people, so it is translated."""
    return {
        "malformed": _("The body cannot be read as what it claims to be. Send other bytes."),
        "invalid_parameter": _("A header or a query parameter cannot be read; the detail names it."),
        "too_large": _("The body is larger than is taken. Send fewer rows at a time."),
        "unsupported_charset": _("The body claims another charset than UTF-8. Send JSON as UTF-8."),
        "unsupported_media_type": _("The body is of another type than this call takes."),
        "not_acceptable": _("Only JSON is answered here, and a file where a file is asked for."),
        "method_not_allowed": _("The address knows other methods."),
        "not_authenticated": _("No key or token was shown in Authorization: Bearer."),
        "authentication_failed": _("The key or token is unknown, expired, revoked, or used from elsewhere."),
        "validation_error": _("The body can be read but is wrong; its errors name each part by a JSON pointer."),
        "scope": _("The key or token lacks the scope that this call needs. Ask an administrator for one that has it."),
        "foreign_system": _("The address names ids of another system than the caller's own."),
        "not_permitted": _("The role of the service account does not allow this there."),
        "not_found": _("There is no such thing, or it is out of this client's sight; the two are answered alike."),
        "conflict": _("The state of the thing refuses this. Read it again and decide anew."),
        "order_number_taken": _("Another document has this order number already."),
        "schedule_is_suspicious": _("Something about the schedule is odd. Accept it again with a reason."),
        "rule_broken": _("A rule of the trade refuses this; the detail says which."),
        "idempotency_key_required": _("A POST says an Idempotency-Key, so that sending it twice does nothing twice."),
        "idempotency_key_reused": _("This Idempotency-Key stood for another call. Take a new one for a new thing."),
        "in_flight": _("A call with this Idempotency-Key is being answered. Send it again after Retry-After seconds."),
        "version_required": _("A change names in If-Match the ETag that it was made from."),
        "stale_version": _("Somebody changed it first. Read it again, merge, and send that with the present ETag."),
        "cursor_expired": _("The feed cannot be continued from this cursor: read everything anew, then follow it."),
        "throttled": _("Too many calls. Send it again after Retry-After seconds."),
        "unavailable": _("The database cannot be reached. Send the same call again after Retry-After seconds."),
        "internal_error": _("Something broke on our side. Send the same call again with the same key."),
    }


@require_safe
def page(request: HttpRequest, code: str) -> HttpResponse:
    said = meanings().get(code.replace("-", "_"))
    if said is None:
        raise Http404
    return render(request, "api/problem.html", {"code": code.replace("-", "_"), "meaning": said})
