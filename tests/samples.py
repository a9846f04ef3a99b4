"""Files that others wrote, outside the repository; a test that needs one skips and says so where there are none."""

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[1]


def sample(name: str) -> Path:
    """The file of that name under LONGLEAD_SAMPLES, which is `../shared/samples` unless set."""
    folder = _REPOSITORY / os.environ.get("LONGLEAD_SAMPLES", "../shared/samples")
    file = folder / name
    if not file.is_file():
        pytest.skip(f"no sample file {name}: set LONGLEAD_SAMPLES to the folder that holds it")
    return file
