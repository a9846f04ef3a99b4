"""What a request is before any view or middleware sees it."""

import codecs
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class TextRequest(WSGIRequest):
    """Knows that not every codec of Python reads text: with `charset=zlib` Django fails before any view is asked."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        charset = self.content_params.get("charset")
        if charset is not None and _is_of_text(charset):
            self.encoding = charset


def _is_of_text(charset: str) -> bool:
    try:
        return bool(codecs.lookup(charset)._is_text_encoding)
    except (LookupError, ValueError):
        return False


class Handler(WSGIHandler):
    request_class = TextRequest
