from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from procurement.config.request import Handler


def answer_to(charset: str, query: str = "") -> str:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api/v1/nowhere",
        "QUERY_STRING": query,
        "HTTP_HOST": "testserver",
        "CONTENT_TYPE": f"application/json; charset={charset}",
        "CONTENT_LENGTH": "0",
        "wsgi.input": BytesIO(),
    }
    setup_testing_defaults(environ)
    said: list[str] = []

    def start(status: str, headers: Any, error: Any = None, /) -> Any:
        said.append(status)

    response = Handler()(environ, start)
    response.close()
    return said[0]


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["zlib", "rot13", "hex", "utf-16", "utf-8", "nonsense", "a\x00b"])
def test_a_request_of_any_charset_reaches_its_view(charset: str) -> None:
    assert answer_to(charset, "format=%e9&x=%00") == "404 Not Found"
