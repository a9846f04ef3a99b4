"""What a change of the sites themselves is followed by."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from procurement.gateways import wake
from procurement.services import forecasts, progress
from procurement.services.forecasts import Touched, local_date
from procurement.vocabulary import ProgressStep, RunCause
from sites.accounts.models import User
from sites.models import Site


def recalculate_sites(
    site_ids: Collection[UUID],
    *,
    actor: User,
    cause_key: str,
    cause_text: str,
    now: datetime,
    touched: Touched | None = None,
) -> None:
    """Each site once, in the order of the keys; `touched` None: all of it."""
    sites = list(Site.objects.filter(pk__in=site_ids).order_by("pk"))
    for site in progress.told(ProgressStep.CALCULATING, sites):
        forecasts.recalculate(
            site_id=site.pk,
            as_of=local_date(site, now),
            now=now,
            cause=RunCause.CHANGE,
            cause_text=cause_text,
            cause_key=cause_key,
            actor=actor,
            touched=touched,
        )
    if site_ids:
        wake.after_commit()
