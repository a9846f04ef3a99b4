"""What a call under a key was answered, kept with its effect: whoever sends it again is told the same, once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from procurement.services.single import mine_to_commit
from sites.accounts.models import ApiClient, KeptAnswer

KEPT_FOR: Final = timedelta(days=7)


def claim(client: ApiClient, key: str) -> bool:
    """Whether nobody else is at work under this key just now. It never waits, and holds until the transaction ends."""
    return mine_to_commit(f"answer:{client.pk}:{key}")


def find(client: ApiClient, key: str, now: datetime) -> KeptAnswer | None:
    """To be asked after `claim`: what another transaction wrote under the key shows only then."""
    kept = KeptAnswer.objects.filter(client=client, key=key).first()
    if kept is not None and kept.at <= now - KEPT_FOR:
        kept.delete()
        return None
    return kept


def keep(
    client: ApiClient, key: str, fingerprint: bytes, *, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """In the transaction of the effect, so that there is never one without the other."""
    KeptAnswer.objects.create(
        client=client, key=key, fingerprint=fingerprint, status=status, headers=dict(headers), body=body
    )


def purge(now: datetime) -> int:
    """Forget answers older than seven days; how many went."""
    return KeptAnswer.objects.filter(at__lte=now - KEPT_FOR).delete()[0]
