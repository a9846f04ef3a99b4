"""Looking at a site's alerts, beside nothing but reading the rows that it takes."""

from datetime import datetime

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.case import Case, beside, seconds
from procurement.services import alerts, portfolio_loader
from procurement.services.forecasts import local_date
from sites.models import Site

TIMES_THE_READING = 2.0
LARGE_LINES = 100_000
LINES_A_SITE = LARGE_LINES // portfolio_loader.MOST_SITES
_SEED = 2


def cases(*, lines: int, now: datetime) -> list[Case]:
    """One pass in which nothing has changed, as on most nights, over a site as large as each of a portfolio of 100,000
    lines: one of them where so many are loaded, else one that is loaded for it.

    The reading is the statements of that pass, as they went to PostgreSQL, with their rows as the driver gives them.
    """
    if lines < LARGE_LINES:
        portfolio_loader.load(lines=LINES_A_SITE, seed=_SEED, today=now.date(), now=now, look=False, most_sites=1)
    site = Site.objects.order_by("-created_at", "-pk")[0]

    def look() -> None:
        alerts.evaluate_site(site_id=site.pk, as_of=local_date(site, now), now=now)

    look()
    with CaptureQueriesContext(connection) as queries:
        look()
    reading = [each["sql"] for each in queries if each["sql"].lstrip().startswith(("SELECT", "WITH"))]
    reading = [sql for sql in reading if "FOR UPDATE" not in sql and "pg_advisory" not in sql]

    def read() -> None:
        with connection.cursor() as cursor:
            for sql in reading:
                cursor.execute(sql)
                cursor.fetchall()

    looked, read_alone = seconds(look), seconds(read)
    return [
        beside(
            f"all alerts of a site of {LINES_A_SITE} lines looked at",
            looked,
            TIMES_THE_READING * read_alone,
            "twice the reading of the rows it takes",
        )
    ]
