"""Intentions, written in the same transaction as what they did."""

from uuid import UUID

from sites.accounts.models import AuditEvent, User


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
