"""Intentions, written in the same transaction as what they did."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sites.accounts.models import AuditEvent, User

_ROWS_AT_ONCE = 1000


def record(
    *,
    actor: User | None,
    verb: str,
    subject_kind: str,
    subject_id: UUID | str,
    reason: str = "",
    request_id: str = "",
    facts: dict[str, object] | None = None,
) -> AuditEvent:
    """Write one intention. `actor` is None for the tracker itself (nightly runs)."""
    return AuditEvent.objects.create(
        actor=actor,
        verb=verb,
        subject_kind=subject_kind,
        subject_id=str(subject_id),
        reason=reason,
        request_id=request_id,
        facts=facts or {},
    )


@dataclass(frozen=True, slots=True)
class Said:
    """One subject of an intention that is about many."""

    subject_id: str
    facts: dict[str, object]


def record_each(
    said: Iterable[Said], *, actor: User, verb: str, subject_kind: str, reason: str = "", request_id: str = ""
) -> None:
    """As `record`, one row a subject."""
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                actor=actor,
                verb=verb,
                subject_kind=subject_kind,
                subject_id=each.subject_id,
                reason=reason,
                request_id=request_id,
                facts=each.facts,
            )
            for each in said
        ],
        batch_size=_ROWS_AT_ONCE,
    )
