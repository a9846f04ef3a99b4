import gc
import os

import django
from django.urls import get_resolver

from procurement.config.request import Handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "procurement.config.settings")
# A page or an API call that waits longer than this has lost its reader; other processes may take their time.
os.environ.setdefault("LONGLEAD_STATEMENT_TIMEOUT_MS", "15000")
os.environ.setdefault("LONGLEAD_LOCK_TIMEOUT_MS", "3000")

django.setup(set_prefix=False)
application = Handler()
# Every address with its code now, once for all workers, rather than in a thread of each at its first request.
get_resolver().url_patterns  # noqa: B018
# All of it stays as long as the process: going through it again for garbage took a large page as long as all its rows.
gc.collect()
gc.freeze()
