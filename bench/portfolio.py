"""The product over a synthetic portfolio: what a person waits for, and what a change costs."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta

from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from bench import alerts as alert_cases
from bench import log as log_cases
from bench import paint, scale
from bench.case import Case, seconds, within
from procurement.domain.revision import DateRevision
from procurement.models import LotForecast
from procurement.services import alerts, dates, forecasts, portfolio_loader
from procurement.services.forecasts import local_date
from procurement.vocabulary import RevisionKind, RunCause
from sites.accounts.models import User
from sites.domain.imprecise import on_day
from sites.models import Membership, Site
from sites.vocabulary import PromiseSource, ScopeKind

PAGE_SECONDS = 1.0
WRITE_SECONDS = 1.0
SITE_SECONDS = 5.0
LOAD_SECONDS, LOAD_LINES = 300.0, 100_000


def cases() -> Iterator[Case]:
    """BENCH_LINES order lines (4000), loaded into an empty database."""
    lines = int(os.environ.get("BENCH_LINES", "4000"))
    now = timezone.now()
    started = time.perf_counter()
    portfolio_loader.load(lines=lines, seed=1, today=now.date(), now=now, look=False)
    loading = time.perf_counter() - started
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    site = Site.objects.order_by("code").first()
    reader = User.objects.create(username="bench", name="Bench", email="bench@longlead.example")
    Membership.objects.create(person=reader, role="buyer", scope=ScopeKind.PORTFOLIO)
    assert site is not None
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(reader)

    def page(path: str) -> float:
        def read() -> None:
            response = client.get(path)
            assert response.status_code == 200, (path, response.status_code)

        return seconds(read)

    row = LotForecast.objects.filter(current=True, delivered_on=None, lot__schedule_line__site=site)
    lot = row.select_related("lot__schedule_line__line__order").order_by("-forecast_on")[0].lot
    days = iter(range(1, 1000))

    def promise() -> None:
        said = on_day(local_date(site, now) + timedelta(days=300 + next(days)))
        revision = DateRevision(
            RevisionKind.PROMISE,
            lot.schedule_line.line.number,
            said,
            schedule_number=lot.schedule_line.number,
            lot_number=lot.number,
            milestone="ON_SITE",
        )
        with transaction.atomic():
            dates.record(
                order_id=lot.schedule_line.line.order_id,
                revisions=[revision],
                stated_on=local_date(site, now),
                source=PromiseSource.EMAIL,
                document="",
                actor=reader,
                now=timezone.now(),
            )

    def whole_site() -> None:
        forecasts.recalculate(
            site_id=site.pk, as_of=local_date(site, now), now=now, cause=RunCause.NIGHTLY, evaluate=False
        )

    def look() -> None:
        alerts.evaluate_site(site_id=site.pk, as_of=local_date(site, now), now=now)

    of = f"of {lines} lines"
    yield within(f"a portfolio of {lines} lines loaded and calculated", loading, LOAD_SECONDS * lines / LOAD_LINES)
    yield within(f"the log, 100 rows {of}", page("/log/"), PAGE_SECONDS)
    yield within(f"the log of late lines {of}", page("/log/?late=1"), PAGE_SECONDS)
    yield within(f"the log searched {of}", page("/log/?q=transformer"), PAGE_SECONDS)
    yield within(f"the portfolio {of}", page("/"), PAGE_SECONDS)
    yield within(f"a line page {of}", page(f"/lines/{lot.schedule_line_id}/"), PAGE_SECONDS)
    yield within(f"a site page {of}", page(f"/sites/{site.code}/"), PAGE_SECONDS)
    yield within(f"one promise, forecasts and alerts, {of}", seconds(promise), WRITE_SECONDS)
    yield within(f"a whole site recalculated, {of}", seconds(whole_site), SITE_SECONDS)
    yield within(f"a whole site's alerts, {of}", seconds(look), SITE_SECONDS)
    yield from log_cases.cases(reader=reader, lines=lines)
    yield from paint.cases(reader=reader, lines=lines)
    yield from scale.cases(lines=lines, now=now)
    yield from alert_cases.cases(lines=lines, now=now)
