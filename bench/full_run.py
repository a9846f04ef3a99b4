"""One full run over all sites of the database that DATABASE_URL names; in its own process, its memory is the run's.

`python -m bench.full_run DAYS` calculates as of so many days after today and prints one JSON document.
"""

import json
import resource
import sys
import time
from datetime import timedelta
from typing import Any


def main(days: int) -> dict[str, Any]:
    """`read` is what fetching the facts and the current answers costs, `write` what copying as many answers as
    changed into a table of the same shape costs.
    """
    import django

    django.setup()
    from django.utils import timezone

    from bench import rows
    from procurement.services import forecasts
    from procurement.services.forecasts import local_date
    from procurement.vocabulary import RunCause
    from sites.models import Site

    now = timezone.now() + timedelta(days=days)
    sites = list(Site.objects.order_by("pk"))
    started = time.perf_counter()
    runs = [
        forecasts.recalculate(
            site_id=site.pk,
            as_of=local_date(site, now),
            now=now,
            cause=RunCause.NIGHTLY,
            evaluate=False,
            sample=False,
        ).run
        for site in sites
    ]
    taken = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": taken,
        "changed": sum(run.changed_answers for run in runs),
        "peak_mb": peak,
        "read_seconds": sum(rows.reading(site.pk) for site in sites),
        "write_seconds": sum(rows.writing(run.pk) for run in runs),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
