"""The query parameters of an operation, as its description in the schema names them; and telling of any other."""

from functools import cache
from typing import Any, Final
from urllib.parse import quote

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from procurement.api.asking import is_strict
from procurement.api.errors import BadParameter, FieldError, UnknownParameters
from procurement.api.writing import WRITES, warn

HEADER: Final = "X-Unknown-Parameters"
_UNKNOWN: Final = "longlead.unknown_parameters"


def check(request: Request, view: Any) -> None:
    """What nobody knows is kept for the answer, and for the warnings of a write. Raises UnknownParameters where the
    caller is strict, BadParameter where one is given twice.
    """
    method = "get" if request.method == "HEAD" else str(request.method).lower()
    of_this = known(view, method)
    for name in of_this:
        if len(request.query_params.getlist(name)) > 1:
            raise BadParameter(_("%(name)s is given twice.") % {"name": name})
    # Named as in an address, which may hold what no JSON of PostgreSQL does.
    unknown = [quote(name, safe="") for name in request.query_params if name not in of_this]
    if not unknown:
        return
    request._request.META[_UNKNOWN] = unknown
    message = _("Nobody knows the parameter %(name)s; it was not read.")
    found = [FieldError(None, "unknown_parameter", message % {"name": name}) for name in unknown]
    if is_strict(request):
        raise UnknownParameters(found)
    if method in WRITES:
        warn(request, found)


def name_unknown(request: Request, answer: Response) -> None:
    if unknown := request._request.META.get(_UNKNOWN):
        answer[HEADER] = ", ".join(unknown)


@cache
def known(view: Any, method: str) -> frozenset[str]:
    """What the schema says may follow the question mark; of a method that it does not describe, nothing."""
    described = getattr(getattr(view, method, None), "kwargs", {}).get("schema")
    if described is None:
        return frozenset()
    operation = described()
    operation.method = method.upper()
    operation.view = view()
    operation.view.request, operation.view.kwargs = None, {}
    names: set[str] = set()
    for parameter in operation.get_override_parameters():
        if not isinstance(parameter, OpenApiParameter):  # a serializer
            names.update(parameter().fields)
        elif parameter.location == OpenApiParameter.QUERY:
            names.add(parameter.name)
    return frozenset(names)
