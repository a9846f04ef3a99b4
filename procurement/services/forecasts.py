"""Runs the engine over what a change can touch and stores the answers that changed, in the writing transaction."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from procurement.models import ForecastRun, Requirement
from procurement.queries.alert_facts import Subjects
from procurement.services import alerts, forecast_store, probabilities
from procurement.services.forecast_store import Moved
from procurement.services.single import hold_site
from procurement.services.site_answers import SiteWork, Touched, answer_chains, combined_hash
from procurement.vocabulary import RunCause
from sites.accounts.models import User
from sites.domain.calendar import WorkingCalendar
from sites.domain.probability import TRIALS
from sites.domain.schedule import ENGINE_VERSION, input_hash
from sites.models import Chain, Site
from sites.queries.columns import uuids
from sites.vocabulary import ChainKind

__all__ = ["Moved", "Recalculated", "Touched", "local_date", "recalculate", "recalculate_power"]


@dataclass(frozen=True)
class Recalculated:
    run: ForecastRun
    nameless: tuple[Moved, ...]

    @cached_property
    def moved(self) -> tuple[Moved, ...]:
        """With what a reader calls each; looked up for who asks."""
        return forecast_store.named(self.nameless)


def local_date(site: Site, now: datetime) -> date:
    """The site's own date at this instant: the as-of date of everything there."""
    return now.astimezone(ZoneInfo(site.time_zone)).date()


# Of a call that fails nothing is kept, and who goes on after it has a savepoint of its own.
@transaction.atomic(savepoint=False)
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
    site: Site | None = None,
    calendars: Mapping[UUID, WorkingCalendar] | None = None,
) -> Recalculated:
    """Answer what `touched` can move at a site (None: everything), store what changed, and look at the alerts. The
    futures are sampled with everything; of what is touched they become due, and a worker draws them after the commit.

    Alerts are looked at for what `touched` can have changed, once the site has been looked at that day; `whole_look`
    is for changes of thousands, of which all alerts of the site are read sooner than named. `site` and `calendars` are
    what the caller has read in this transaction already.
    Nobody else calculates the site meanwhile; locks the touched blocks in the order of their keys. Raises BadInput
    where stored facts contradict the engine (an actual after tomorrow).
    """
    hold_site(site_id)
    site = site or Site.objects.get(pk=site_id)
    due = probabilities.due_before(site_id) if sample and touched is None else {}
    work = SiteWork(site, as_of, touched, calendars)
    work.calculate()
    run = ForecastRun(
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
    run.changed_answers = len(moved)
    run.save(force_insert=True)
    if sample and touched is None:
        probabilities.sample(work, run, due)
    elif sample:
        probabilities.make_due(work, run)
    if evaluate:
        alerts.evaluate_site(
            site_id=site_id,
            as_of=as_of,
            now=now,
            cause_key=cause_key,
            cause_text=cause_text,
            only=None if whole_look else _subjects(work),
            calendar=work.calendar,
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
    run = ForecastRun(
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
    run.changed_answers = len(moved)
    run.save(force_insert=True)
    alerts.evaluate_power(as_of=as_of, now=now, cause_key=cause_key, cause_text=cause_text)
    return Recalculated(run, tuple(moved))
