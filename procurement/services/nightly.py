"""Once a local day every site is calculated anew and looked at, however late and by however many."""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import InterfaceError, OperationalError, transaction

from procurement.models import ForecastRun
from procurement.services import (
    forecasts,
    histories,
    jobs,
    kept_answers,
    lead_times,
    messages,
    oauth_clients,
    open_orders,
    webhooks,
)
from procurement.services.single import mine_to_commit
from procurement.vocabulary import RunCause
from sites.models import Site
from sites.vocabulary import SiteStatus

logger = logging.getLogger(__name__)

_AT_REST = (SiteStatus.CANCELLED,)


@dataclass(frozen=True, slots=True)
class CaughtUp:
    sites: tuple[str, ...]
    failed: tuple[str, ...]
    power: bool


def catch_up(*, now: datetime) -> CaughtUp:
    """Run every site (and the power portfolio) whose local date has had no nightly run yet.

    The question is what has not been done, never whether it is midnight: a day on which nothing ran is caught up by
    one run, and no hour that a clock skips or repeats matters. A site that fails does not stop the others.
    """
    done, failed = [], []
    is_learnt = False
    _compare_open_orders(now)
    for site in Site.objects.exclude(status__in=_AT_REST).order_by("pk"):
        as_of = forecasts.local_date(site, now)
        if _has_run(site, as_of):
            continue
        if not is_learnt:
            _learn(now)
            is_learnt = True
        try:
            if _run_site(site, as_of, now):
                done.append(site.code)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("The nightly run of %s failed.", site.code)
            failed.append(site.code)
    return CaughtUp(tuple(done), tuple(failed), _run_power(now))


def _compare_open_orders(now: datetime) -> None:
    try:
        open_orders.compare_again(now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("The open orders were not compared.")


def _learn(now: datetime) -> None:
    """How long steps and whole lines took, once a UTC day and by one process; the others go on with what was known.

    With it go the answers of calls that nobody asks for any more, and tokens that have expired.
    """
    as_of = now.astimezone(UTC).date()
    if histories.is_learnt(as_of):
        return
    with transaction.atomic():
        if mine_to_commit("nightly:histories") and not histories.is_learnt(as_of):
            histories.learn(as_of=as_of)
            lead_times.derive_achieved(now=now)
            kept_answers.purge(now)
            oauth_clients.purge(now)
            messages.purge(now)
            webhooks.purge(now)
            jobs.purge(now)


def _has_run(site: Site | None, as_of: date) -> bool:
    # Not the last evaluation: a change of one order evaluates the whole site, but recalculates only what it touched.
    return ForecastRun.objects.filter(site=site, cause=RunCause.NIGHTLY, as_of__gte=as_of).exists()


@transaction.atomic
def _run_site(site: Site, as_of: date, now: datetime) -> bool:
    """False where another process is at it, or was first."""
    if not mine_to_commit(f"nightly:{site.pk}") or _has_run(site, as_of):
        return False
    forecasts.recalculate(site_id=site.pk, as_of=as_of, now=now, cause=RunCause.NIGHTLY, cause_key=_cause_key(as_of))
    return True


@transaction.atomic
def _run_power(now: datetime) -> bool:
    as_of = now.astimezone(UTC).date()
    if _has_run(None, as_of) or not mine_to_commit("nightly:power") or _has_run(None, as_of):
        return False
    forecasts.recalculate_power(as_of=as_of, now=now, cause=RunCause.NIGHTLY, cause_key=_cause_key(as_of))
    return True


def _cause_key(as_of: date) -> str:
    return f"day:{as_of.isoformat()}"
