"""What was agreed first about a chain of power: the plan of every step, kept once and never rewritten."""

from collections.abc import Mapping
from datetime import date

from sites.accounts.models import User
from sites.domain.calendar import WorkingCalendar
from sites.domain.schedule import forecast_chain
from sites.models import Baseline, Chain, Site
from sites.queries.chains import UNPLACED, chain_facts, working_calendars


def keep(
    chain: Chain, *, agreed: Mapping[str, date | None], cause: str, site: Site | None, actor: User, as_of: date
) -> None:
    """Nothing where there is one already. `agreed` are the days that were agreed for single steps, None where not."""
    if chain.baselines.exists():
        return
    calendars = working_calendars()
    here: WorkingCalendar = calendars[site.calendar_id] if site else UNPLACED
    facts = chain_facts([chain.pk], as_of=as_of, site_calendar=here, calendars=calendars)
    if chain.pk not in facts:
        return
    dates = {step.code: step.forecast_on for step in forecast_chain(facts[chain.pk]).steps if step.forecast_on}
    dates |= {code: day for code, day in agreed.items() if day is not None}
    Baseline.objects.create(
        chain=chain,
        version=1,
        dates={code: day.isoformat() for code, day in dates.items()},
        cause=cause,
        author=actor,
    )
