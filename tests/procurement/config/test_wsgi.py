"""The application as a server loads it: before its workers part, in a process of its own."""

import subprocess
import sys

_LOADED = """
import sys
import procurement.config.wsgi
print(*sorted(sys.modules), sep="\\n")
"""


def test_a_server_loads_every_page_once_and_no_library_that_few_of_them_need() -> None:
    told = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)
    loaded = set(told.stdout.split())

    assert {"procurement.api.v1.urls", "procurement.portal.urls"} <= loaded
    assert not {"openpyxl", "icalendar", "procurement.services.demo"} & loaded
