"""Business documents out of a closed process, as JSON that keeps their types."""

from typing import Final

from pydantic import TypeAdapter

from procurement.readers import ubl
from procurement.readers.ubl import BusinessDocument

TARGET: Final = f"{__name__}:read_json"
# Built while the module is imported: the closed process may open no file after that.
_DOCUMENT: Final = TypeAdapter(BusinessDocument)


def read_json(content: bytes) -> bytes:
    """Raises what `ubl.read` raises."""
    return _DOCUMENT.dump_json(ubl.read(content))


def load(content: bytes) -> BusinessDocument:
    return _DOCUMENT.validate_json(content)
