"""The accepted schedules of a site as networks ready to be asked "what if"."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.db.models import Count

from sites.domain.errors import BadInput
from sites.domain.network_answer import Calculation
from sites.domain.network_passes import calculate
from sites.domain.network_plan import Plan
from sites.domain.schedule_network import key_of, network_of
from sites.models import Activity, ScheduleRevision
from sites.queries.site_schedules import stored_project
from sites.vocabulary import RevisionState, ScheduleFormat

# Beyond, a page would wait for it; such a schedule is calculated by `import_schedule --recalculate` alone.
MOST_ACTIVITIES = 30_000
_KEPT = 8


@dataclass(frozen=True, slots=True)
class SiteNetwork:
    """`calculation` is None where the schedule cannot be calculated, and `why_not` then says why. `names` are those of
    the activities, by their keys."""

    projects: frozenset[str]
    names: Mapping[str, str]
    calculation: Calculation | None
    why_not: str
    not_followed: tuple[str, ...]

    def key_of(self, code: str) -> str:
        """Of a network with one project."""
        (project,) = self.projects
        return key_of(project, code)


def site_networks(site_id: UUID) -> tuple[SiteNetwork, ...]:
    """One network per tool and options: links cross projects only where both were scheduled by the same rules."""
    rows = ScheduleRevision.objects.filter(site_id=site_id, state=RevisionState.ACCEPTED).order_by("project_code")
    together: dict[tuple[str, str], list[tuple[UUID, int]]] = defaultdict(list)
    for key, format, options, size in rows.values_list("pk", "format", "options", Count("activities")):
        together[format, repr(sorted(options.items()))].append((key, size))
    return tuple(
        _network(tuple(key for key, _ in group), sum(size for _, size in group)) for group in together.values()
    )


def network_of_revision(revision: ScheduleRevision) -> SiteNetwork:
    """One revision by itself, accepted or not."""
    return _network((revision.pk,), Activity.objects.filter(revision=revision).count())


def of_project(networks: tuple[SiteNetwork, ...], project_code: str) -> SiteNetwork | None:
    return next((each for each in networks if project_code in each.projects), None)


# What an accepted revision holds never changes, so that its network is made once in each process.
@lru_cache(maxsize=_KEPT)
def _network(revisions: tuple[UUID, ...], size: int) -> SiteNetwork:
    rows = list(ScheduleRevision.objects.filter(pk__in=revisions).order_by("project_code"))
    codes = frozenset(row.project_code for row in rows)
    if size > MOST_ACTIVITIES:
        return SiteNetwork(
            codes, {}, None, f"It has {size} activities; up to {MOST_ACTIVITIES} are calculated here.", ()
        )
    projects = [stored_project(row) for row in rows]
    made = network_of(projects, ScheduleFormat(rows[0].format), projects[0].options)
    notes = tuple(note for project in projects for note in made.not_followed[project.id])
    names = {key_of(project.id, row.code): row.name for project in projects for row in project.activities}
    try:
        return SiteNetwork(codes, names, calculate(Plan(made.network)), "", notes)
    except BadInput as refused:
        return SiteNetwork(codes, names, None, refused.message, notes)
