"""The schedules of a site: every revision, what was decided about it, and one activity over all of them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count

from sites.accounts.models import User
from sites.models import Activity, ScheduleDecision, ScheduleRevision, Site
from sites.vocabulary import RevisionState

REVISIONS_A_PAGE = 30
_HOURS_A_DAY = Decimal(8)


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """`decisions` are newest first: who, when and why."""

    revision: ScheduleRevision
    activities: int
    decisions: tuple[ScheduleDecision, ...]


@dataclass(frozen=True, slots=True)
class ProjectRevisions:
    """One project of a site, its newest data date first."""

    project_code: str
    project_name: str
    rows: tuple[RevisionRow, ...]
    hidden: int

    @property
    def accepted(self) -> RevisionRow | None:
        return next((row for row in self.rows if row.revision.state == RevisionState.ACCEPTED), None)


def find_revision(actor: User, key: UUID) -> ScheduleRevision | None:
    rows = ScheduleRevision.objects.visible_to(actor).select_related("site__desk", "uploaded_by", "decided_by")
    return rows.filter(pk=key).first()


def site_revisions(site: Site) -> tuple[ProjectRevisions, ...]:
    """For somebody who may see the site; the caller asked at the door. Three queries."""
    rows = ScheduleRevision.objects.filter(site=site).select_related("uploaded_by", "decided_by")
    of_project: dict[str, list[ScheduleRevision]] = defaultdict(list)
    for row in rows.order_by("project_code", "-data_date", "-created_at"):
        of_project[row.project_code].append(row)
    shown = [row for group in of_project.values() for row in group[:REVISIONS_A_PAGE]]
    sizes = _sizes(shown)
    decided = _decisions(shown)
    return tuple(
        ProjectRevisions(
            code,
            group[0].project_name,
            tuple(
                RevisionRow(row, sizes.get(row.pk, 0), tuple(decided.get(row.pk, ())))
                for row in group[:REVISIONS_A_PAGE]
            ),
            max(0, len(group) - REVISIONS_A_PAGE),
        )
        for code, group in of_project.items()
    )


def revision_row(revision: ScheduleRevision) -> RevisionRow:
    return RevisionRow(
        revision, _sizes([revision]).get(revision.pk, 0), tuple(_decisions([revision]).get(revision.pk, ()))
    )


def _sizes(revisions: Sequence[ScheduleRevision]) -> dict[UUID, int]:
    rows = Activity.objects.filter(revision__in=revisions).order_by().values_list("revision").annotate(Count("pk"))
    return dict(rows)


def _decisions(revisions: Sequence[ScheduleRevision]) -> dict[UUID, list[ScheduleDecision]]:
    found: dict[UUID, list[ScheduleDecision]] = defaultdict(list)
    rows = ScheduleDecision.objects.filter(revision__in=revisions).select_related("decided_by", "replaced")
    for row in rows.order_by("-decided_at", "-pk"):
        found[row.revision_id].append(row)
    return found


@dataclass(frozen=True, slots=True)
class AcrossRow:
    """One activity in one revision; null where the revision does not have it. Days are against the revision before,
    above zero later."""

    revision: ScheduleRevision
    activity: Activity | None
    start_days: int | None
    finish_days: int | None
    float_days: Decimal | None


def across_revisions(revision: ScheduleRevision, code: str) -> tuple[AcrossRow, ...]:
    """The dates of the same code over all revisions of the project, the newest first. Two queries."""
    revisions = list(
        ScheduleRevision.objects.filter(site=revision.site_id, project_code=revision.project_code)
        .select_related("decided_by")
        .order_by("data_date", "created_at")
    )
    rows = {row.revision_id: row for row in Activity.objects.filter(revision__in=revisions, code=code)}
    found: list[AcrossRow] = []
    before: Activity | None = None
    for each in revisions:
        row = rows.get(each.pk)
        found.append(
            AcrossRow(
                each,
                row,
                _days(before.start_on, row.start_on) if before and row else None,
                _days(before.finish_on, row.finish_on) if before and row else None,
                float_days(row.total_float_hours) if row else None,
            )
        )
        if row is not None and each.state != RevisionState.REJECTED:
            before = row
    return tuple(reversed(found))


def _days(before: date | None, after: date | None) -> int | None:
    return (after - before).days if before and after else None


def float_days(hours: Decimal | None, hours_a_day: Decimal | None = None) -> Decimal | None:
    """In days of the activity's calendar; of eight hours where that is not known."""
    return None if hours is None else round(hours / (hours_a_day or _HOURS_A_DAY), 1)
