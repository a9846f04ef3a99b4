"""Runs the engine over what a change can touch and stores the answers that changed, in the writing transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from procurement.models import ForecastRun, Requirement
from procurement.queries.alert_facts import Subjects
from procurement.services import alerts, forecast_store, probabilities
from procurement.services.forecast_store import Moved
from procurement.services.site_answers import SiteWork, Touched, answer_chains, combined_hash
from procurement.vocabulary import RunCause
from sites.accounts.models import User
from sites.domain.probability import TRIALS
from sites.domain.schedule import ENGINE_VERSION, input_hash
from sites.models import Chain, Site
from sites.queries.columns import uuids
from sites.vocabulary import ChainKind

__all__ = ["Moved", "Recalculated", "Touched", "local_date", "recalculate", "recalculate_power"]


@dataclass(frozen=True, slots=True)
class Recalculated:
    run: ForecastRun
    moved: tuple[Moved, ...]


def local_date(site: Site, now: datetime) -> date:
    """The site's own date at this instant: the as-of date of everything there."""
    return now.astimezone(ZoneInfo(site.time_zone)).date()


@transaction.atomic
def recalculate(
    *,
    site_id: UUID,
    as_of: date,
    now: datetime,
    cause: RunCause,
    cause_text: str = "",
    cause_key: str = "",
    actor: User | None = None,
    touched: Touched | None = None,
    evaluate: bool = True,
    sample: bool = True,
    whole_look: bool = False,
) -> Recalculated:
    """Answer what `touched` can move at a site (None: everything), store what changed, sample the futures of the same
    lots and blocks, and look at the alerts.

    Alerts are looked at for what `touched` can have changed, once the site has been looked at that day; `whole_look`
    is for changes of thousands, of which all alerts of the site are read sooner than named.
    Locks the touched blocks in the order of their keys first. Raises BadInput where stored facts contradict the
    engine (an actual after tomorrow).
    """
    site = Site.objects.select_related("calendar").get(pk=site_id)
    work = SiteWork(site, as_of, touched)
    work.calculate()
    run = ForecastRun.objects.create(
        site=site,
        as_of=as_of,
        engine_version=ENGINE_VERSION,
        input_hash=work.input_hash(),
        cause=cause,
        cause_text=cause_text[:300],
        cause_key=cause_key,
        actor=actor,
        seed=probabilities.SEED if sample else 0,
        trials=TRIALS if sample else 0,
    )
    moved = forecast_store.store(work, run)
    if sample:
        probabilities.sample(work, run)
    if evaluate:
        alerts.evaluate_site(
            site_id=site_id,
            as_of=as_of,
            now=now,
            cause_key=cause_key,
            cause_text=cause_text,
            only=None if whole_look else _subjects(work),
        )
        if touched is None or touched.chains:
            alerts.evaluate_power(as_of=as_of, now=now, cause_key=cause_key, cause_text=cause_text)
    return Recalculated(run, moved)


def _subjects(work: SiteWork) -> Subjects | None:
    """What the alerts of a site may say something else about; None: anything. Beside what was calculated, that is what
    has other figures now, and all members of a block whose answer has changed: its date stands in their alerts.
    """
    touched, news = work.touched, work.news
    if touched is None:
        return None
    blocks = news.blocks | touched.blocks
    groups = {need.group for block in work.engine_blocks if UUID(block.id) in blocks for need in block.needs}
    requirements = {*uuids(work.requirements.key), *touched.requirements} | news.requirements
    requirements.update(UUID(unit.id) for unit in work.units if unit.group in groups)
    if blocks:
        requirements.update(Requirement.objects.filter(block__in=list(blocks)).values_list("pk", flat=True))
    lots = {*uuids(work.lots.key), *touched.lots} | news.lots
    return Subjects(frozenset(lots), frozenset(requirements), frozenset(blocks), bool(touched.chains))


@transaction.atomic
def recalculate_power(
    *,
    as_of: date,
    now: datetime,
    cause: RunCause,
    cause_text: str = "",
    cause_key: str = "",
    actor: User | None = None,
    chains: Collection[UUID] | None = None,
) -> Recalculated:
    """Answer the chains of power purchase agreements (None: all of them) and look at the power alerts."""
    owned = Chain.objects.filter(kind=ChainKind.AGREEMENT)
    if chains is not None:
        owned = owned.filter(pk__in=chains)
    answers = answer_chains(list(owned.select_related("site__calendar").order_by("pk")), as_of)
    run = ForecastRun.objects.create(
        site=None,
        as_of=as_of,
        engine_version=ENGINE_VERSION,
        input_hash=combined_hash(input_hash(facts) for facts, _ in answers.values()),
        cause=cause,
        cause_text=cause_text[:300],
        cause_key=cause_key,
        actor=actor,
    )
    moved = forecast_store.store_chains(run, answers)
    ForecastRun.objects.filter(pk=run.pk).update(changed_answers=len(moved))
    alerts.evaluate_power(as_of=as_of, now=now, cause_key=cause_key, cause_text=cause_text)
    return Recalculated(run, tuple(moved))
