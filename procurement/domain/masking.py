"""Bodies of messages as people may see them: without what opens a door."""

import json
from typing import Any, Final

_HIDDEN: Final = ("secret", "password", "token", "key", "authorization")


def masked(payload: str) -> str:
    """Values under telling names are starred; a text that is no JSON and holds such a word is not shown at all."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return payload if not any(word in payload.lower() for word in _HIDDEN) else ""
    return json.dumps(_without_secrets(document), ensure_ascii=False)


def _without_secrets(document: Any) -> Any:
    if isinstance(document, dict):
        return {
            name: "***" if any(word in name.lower() for word in _HIDDEN) else _without_secrets(inner)
            for name, inner in document.items()
        }
    return [_without_secrets(inner) for inner in document] if isinstance(document, list) else document
