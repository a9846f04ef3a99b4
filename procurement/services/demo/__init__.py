"""The demo portfolio: the same on every machine on the same day, with every date relative to that day.

Keys, dates and amounts follow from `today` alone. What is stored beside them and does differ: password hashes, the
ERP client and its key, runs and forecasts, alerts, audit rows and history.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pghistory
from django.conf import settings
from django.db import connection, transaction

from procurement.services import api_keys, forecasts, histories, probabilities
from procurement.services.demo.catalogue import add_catalogue
from procurement.services.demo.companies import add_companies
from procurement.services.demo.draft import Draft, learn_sizes
from procurement.services.demo.history import add_history
from procurement.services.demo.lead_times import add_lead_times
from procurement.services.demo.orders import ERP_SYSTEM, add_orders
from procurement.services.demo.people import ACCOUNTS, add_duties, add_people, add_rights
from procurement.services.demo.places import SITES, add_desks, add_site
from procurement.services.demo.power import add_power
from procurement.services.demo.requirements import Slot, add_requirements
from procurement.services.demo.vendor_news import add_vendor_news
from procurement.services.lead_times import derive_achieved
from procurement.vocabulary import RunCause
from sites.accounts import audit
from sites.accounts.models import ApiClient, ApiKey, User
from sites.accounts.permissions import Role, scopes_of
from sites.domain.errors import Conflict
from sites.models import Site

ERP_CLIENT = "Demo ERP"
_CAUSE = "Demo portfolio loaded"


@dataclass(frozen=True, slots=True)
class DemoLoaded:
    """`counts` are rows by table name; `erp_key_plain` is shown this once, only its hash is stored."""

    counts: dict[str, int]
    accounts: tuple[str, ...]
    erp_key_plain: str


def is_loaded() -> bool:
    return Site.objects.filter(code=SITES[0].code).exists()


@transaction.atomic
def load_demo(*, today: date, now: datetime, recalculate: bool = True) -> DemoLoaded:
    """Fill an empty database. Raises Conflict in production and where there is a site already.

    `now` is when it is said to be recorded; forecasts are those of each site's local date at that instant, so `today`
    is the date of `now` in some zone.
    """
    if settings.MODE == "production":
        raise Conflict("The demo portfolio has well-known passwords; it is not loaded in production.")
    if Site.objects.exists():
        raise Conflict("The demo portfolio is loaded into an empty database only.")
    draft = Draft(today, now)
    people = draw(draft)
    # A trigger that finds its setting undefined raises and catches, and each such catch walks all constraints that
    # wait for the commit: with both settings there, the rows are written several times faster.
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pgtrigger.ignore', '{}', true)")
    with pghistory.context(reason=_CAUSE):
        counts = draft.save()
    learn_sizes()
    derive_achieved(now=now)
    audit.record(
        actor=people["admin"],
        verb="demo.loaded",
        subject_kind="portfolio",
        subject_id=today.isoformat(),
        facts=dict(counts),
    )
    client = api_keys.make_client(name=ERP_CLIENT, system=ERP_SYSTEM, actor=None, owner=people["admin"])
    plain = _erp_key(client, now)
    if recalculate:
        _recalculate(today, now)
        learn_sizes()
        add_vendor_news(people["expediter"], now=now)
        probabilities.draw_due()
    return DemoLoaded(counts, tuple(plan.username for plan in ACCOUNTS), plain)


def renew_erp_key(*, now: datetime) -> str:
    """A key in place of those that the client of the demo has, of which nobody knows the secrets any more."""
    client = ApiClient.objects.get(name=ERP_CLIENT)
    for key in ApiKey.objects.filter(client=client, revoked_at__isnull=True):
        api_keys.revoke(key=key, actor=None, now=now)
    return _erp_key(client, now)


def _erp_key(client: ApiClient, now: datetime) -> str:
    _key, plain = api_keys.make_key(
        client=client, scopes=scopes_of(Role.ERP_CLIENT), expires_at=None, addresses=[], actor=None, now=now
    )
    return plain


def draw(draft: Draft) -> dict[str, User]:
    """All rows of the portfolio, unsaved, and the people by user name."""
    people = add_people(draft)
    desks = add_desks(draft)
    classes = add_catalogue(draft)
    companies = add_companies(draft)
    sites = {plan.code: add_site(draft, plan, desks[plan.desk], people["approver"]) for plan in SITES}
    rows = {code: site.row for code, site in sites.items()}
    add_rights(draft, people, desks, rows)
    add_duties(draft, people, rows, classes)
    slots: list[Slot] = []
    for site in sites.values():
        slots += add_requirements(draft, site, classes)
    purchases = add_orders(draft, sites, slots, classes, companies, people)
    add_history(draft, sites, classes, companies, people)
    add_lead_times(draft, classes, companies, purchases, people)
    add_power(draft, sites, people)
    return people


def _recalculate(today: date, now: datetime) -> None:
    """Agreements first: their alerts compare COD with the sites' energisation, looked at again with each site."""
    key = f"demo:{today.isoformat()}"
    histories.learn(as_of=now.astimezone(UTC).date())
    forecasts.recalculate_power(as_of=today, now=now, cause=RunCause.LOAD, cause_text=_CAUSE, cause_key=key)
    for site in Site.objects.order_by("code"):
        forecasts.recalculate(
            site_id=site.pk,
            as_of=forecasts.local_date(site, now),
            now=now,
            cause=RunCause.LOAD,
            cause_text=_CAUSE,
            cause_key=key,
        )
