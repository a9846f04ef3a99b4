"""How long a browser with an empty cache shows nothing: the two workers of the product, headless Chromium."""

import http.client
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, sync_playwright

from bench.api import until_it_answers
from bench.case import Case, within
from procurement.management.runtime import processes, stack
from procurement.management.runtime.places import REPOSITORY
from procurement.management.runtime.redis import LOOPBACK, free_port
from procurement.models import Alert, LogLine, Plant, Requirement
from sites.accounts.models import User
from sites.models import Block, GridConnection, PowerPurchaseAgreement, Site

PAINT_SECONDS = 1.0
LOG_KB = 400.0
SLOWEST = 5
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_PAINTED = """() => new Promise(done => {
  const look = () => {
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    paint ? done(paint.startTime / 1000) : setTimeout(look, 20);
  };
  look();
})"""


def cases(*, reader: User, lines: int) -> list[Case]:
    """The slowest pages, and what the log transfers; nothing where there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("first paint is not measured: there is no Chromium on PATH", flush=True)
        return []
    pages = _pages()
    with _server() as address:
        client = Client()
        client.force_login(reader)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
            # Both workers have read their templates before the first page counts.
            for page in ["/log/", "/", *pages[:4]] * 2:
                _load(browser, address, session, page)
            taken = {page: _load(browser, address, session, page) for page in pages}
            browser.close()
    slowest = sorted(taken, key=lambda page: -taken[page][0])
    in_time = sum(seconds <= PAINT_SECONDS for seconds, _kilobytes in taken.values())
    of = f"of {lines} lines"
    return [
        *(within(f"first paint of {page} {of}", taken[page][0], PAINT_SECONDS) for page in slowest[:SLOWEST]),
        Case(
            f"pages painted within a second {of}", in_time, "pages", f"all {len(pages)}", len(pages) / max(in_time, 1)
        ),
        within(f"the log transferred, all it loads, {of}", taken["/log/?view="][1], LOG_KB, "KB"),
    ]


def _pages() -> list[str]:
    """Every kind of page, and of lists their heavier filters."""
    site, block = Site.objects.order_by("code")[0], Block.objects.order_by("pk").first()
    line = LogLine.objects.filter(shown="open").order_by("float_days", "pk").select_related("schedule_line__line")[0]
    alert, plant = Alert.objects.order_by("pk").first(), Plant.objects.order_by("pk").first()
    need = Requirement.objects.order_by("pk").first()
    grid, agreement = GridConnection.objects.first(), PowerPurchaseAgreement.objects.first()
    classes = LogLine.objects.values("equipment_class__code").annotate(lines=Count("pk")).order_by("-lines")
    last = LogLine.objects.filter(shown="open").count() // 100
    order, month_ago = line.schedule_line.line.order_id, timezone.localdate() - timedelta(days=30)
    return [
        "/log/?view=", "/log/?view=&size=500", "/log/?late=1", "/log/?q=transformer", f"/log/?view=&page={last}",
        "/log/?sort=-forecast", "/log/?shown=unordered", "/log/?shown=unordered&since=week", "/log/?since=week",
        "/log/?since=week&changed=1", "/log/?shown=all&sort=-vendor", "/log/?shown=delivered&sort=-actual",
        f"/log/?as_known_on={month_ago}", f"/log/?site={site.code}", f"/log/?vendor={line.seller.code}",
        "/log/gantt/", "/log/grid/", "/register/", "/register/?shown=open", "/register/?shown=done",
        "/register/?about=tests", "/register/?since=week",
        "/", "/blocks/", "/blocks/?since=week", f"/sites/{site.code}/", f"/sites/{site.code}/anchors/",
        f"/sites/{site.code}/power/", f"/sites/{site.code}/schedules/", f"/packs/sites/{site.code}/",
        "/alerts/", "/alerts/?shown=mine", "/alerts/?shown=standing", "/alerts/?shown=standing&page=100000",
        "/alerts/what-if/", "/alerts/rules/", "/messages/undelivered/",
        "/power/", "/power/agreements/", "/power/grid/",
        "/vendors/", "/vendors/?as=maker", "/vendors/?since=week", f"/vendors/{line.seller_id}/",
        f"/packs/vendors/{line.seller_id}/", f"/notes/company/{line.seller_id}/",
        "/lead-times/", f"/lead-times/{classes[0]['equipment_class__code']}/",
        f"/lines/{line.pk}/", f"/lines/{line.pk}/?in=view%3D", f"/notes/line/{line.pk}/", f"/units/{line.pk}/receive/",
        f"/orders/{order}/", f"/orders/{order}/changes/", f"/notes/order/{order}/",
        "/units/", "/units/?q=00014", "/find/?q=transformer", "/views/", "/imports/", "/rounds/", "/preferences/",
        "/forecasts/quality/", "/glossary/",
        *([f"/blocks/{block.pk}/"] if block else []), *([f"/alerts/{alert.pk}/"] if alert else []),
        *([f"/plants/{plant.pk}/"] if plant else []), *([f"/requirements/{need.pk}/"] if need else []),
        *([f"/power/grid/{grid.pk}/"] if grid else []),
        *([f"/power/agreements/{agreement.pk}/"] if agreement else []),
    ]  # fmt: skip


def _load(browser: Browser, address: str, session: str, page: str) -> tuple[float, float]:
    """Seconds until something is painted, and kilobytes over the wire."""
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": address}])
    tab = context.new_page()
    wire = context.new_cdp_session(tab)
    wire.send("Network.enable")
    loaded: list[float] = []
    wire.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    answer = tab.goto(page, wait_until="load", timeout=60_000)
    assert answer is not None, page
    assert answer.status == 200, (page, answer.status)
    painted = tab.evaluate(_PAINTED)
    context.close()
    return painted, sum(loaded) / 1000


@contextmanager
def _server() -> Iterator[str]:
    port = free_port()
    database = connection.settings_dict
    host = str(database["HOST"]).replace("/", "%2F")
    env = os.environ | {"DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}?host={host}"}
    address = f"http://{LOOPBACK}:{port}"
    argv = stack.web(address, port).argv
    child = processes.start(argv, env=env, cwd=REPOSITORY, output=subprocess.DEVNULL)
    try:
        until_it_answers(http.client.HTTPConnection(LOOPBACK, port, timeout=60))
        yield address
    finally:
        processes.end(child, stop_signal=signal.SIGTERM, seconds=10)
