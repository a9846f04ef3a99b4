"""The application as a server loads it: before its workers part, in a process of its own."""

import subprocess
import sys

_LOADED = """
import sys
import procurement.config.wsgi
print(*sorted(sys.modules), sep="\\n")
"""
_TO_GO_THROUGH = """
import gc
import procurement.config.wsgi
print(gc.get_freeze_count(), len(gc.get_objects()))
"""


def test_a_server_loads_every_page_once_and_no_library_that_few_of_them_need() -> None:
    loaded = set(_told_by(_LOADED))

    assert {"procurement.api.v1.urls", "procurement.portal.urls"} <= loaded
    assert not {"openpyxl", "icalendar", "procurement.services.demo"} & loaded


def test_what_a_server_has_loaded_is_not_gone_through_for_garbage_again() -> None:
    kept, to_go_through = map(int, _told_by(_TO_GO_THROUGH))

    assert kept > 100_000 > to_go_through


def _told_by(program: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
