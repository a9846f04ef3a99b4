"""Loaded by schemathesis: every other call names things that are there, or nothing it generates would be found.

LONGLEAD_FUZZ_KNOWN holds them as JSON: for each parameter of a path, values by the beginning of the path.
"""

import json
import os
from typing import Any

import schemathesis

KNOWN: dict[str, dict[str, list[str]]] = json.loads(os.environ.get("LONGLEAD_FUZZ_KNOWN", "{}"))


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """The choice follows from what was generated, so that a seed repeats its calls."""
    if not path_parameters or context.operation is None:
        return path_parameters
    area = context.operation.path.removeprefix("/api/v1/").split("/")[0]
    chance = sum(map(ord, json.dumps(path_parameters, default=str, sort_keys=True)))
    if chance % 2:
        return path_parameters
    return {name: _known(area, name, chance) or value for name, value in path_parameters.items()}


def _known(area: str, name: str, chance: int) -> str | None:
    values = KNOWN.get(area, {}).get(name, [])
    return values[chance // 2 % len(values)] if values else None
