import gc
import os

import django
from django.conf import settings
from django.template.loader import get_template
from django.urls import get_resolver

from procurement.config.request import Handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "procurement.config.settings")
# A page or an API call that waits longer than this has lost its reader; other processes may take their time.
os.environ.setdefault("LONGLEAD_STATEMENT_TIMEOUT_MS", "15000")
os.environ.setdefault("LONGLEAD_LOCK_TIMEOUT_MS", "3000")

django.setup(set_prefix=False)
application = Handler()
# Every address with its code and every template now, once for all workers: not in a thread of each at a first request.
get_resolver().url_patterns  # noqa: B018
for folder in settings.TEMPLATES[0]["DIRS"]:
    for path in folder.rglob("*.html"):
        get_template(str(path.relative_to(folder)))
# All of it stays as long as the process: going through it again for garbage took a large page as long as all its rows.
gc.collect()
gc.freeze()
