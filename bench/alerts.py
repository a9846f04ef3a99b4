"""Looking at every site's alerts, beside nothing but reading the rows that it takes."""

from datetime import datetime

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.case import Case, beside, seconds
from procurement.services import alerts
from procurement.services.forecasts import local_date
from sites.models import Site

TIMES_THE_READING = 2.0


def cases(*, lines: int, now: datetime) -> list[Case]:
    """Of a portfolio that is loaded: one pass over all sites in which nothing has changed, as on most nights."""
    sites = list(Site.objects.order_by("pk"))

    def whole_pass() -> None:
        for site in sites:
            alerts.evaluate_site(site_id=site.pk, as_of=local_date(site, now), now=now)

    whole_pass()
    with CaptureQueriesContext(connection) as queries:
        whole_pass()
    reading = [each["sql"] for each in queries if each["sql"].lstrip().startswith(("SELECT", "WITH"))]
    reading = [sql for sql in reading if "FOR UPDATE" not in sql and "pg_advisory" not in sql]

    def read() -> None:
        with connection.cursor() as cursor:
            for sql in reading:
                cursor.execute(sql)
                cursor.fetchall()

    looked, read_alone = seconds(whole_pass, rounds=3), seconds(read, rounds=3)
    return [
        beside(
            f"all alerts looked at, {lines} lines",
            looked,
            TIMES_THE_READING * read_alone,
            "twice the reading of the rows it takes",
        )
    ]
