"""What a person wished to hear, and how: the choice that names most about an alert decides."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from procurement.vocabulary import Channel, Lane, Rule, Severity, WishedLane

_RANK: Final = {Severity.NOTICE: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


@dataclass(frozen=True, slots=True)
class Wish:
    """One row of choices; null or empty means every one. `severity` is the least it is about."""

    lane: WishedLane
    rule: Rule | None = None
    site_id: UUID | None = None
    class_id: UUID | None = None
    severity: Severity | None = None
    channel: Channel | None = None

    def is_about(self, alert: "Wished") -> bool:
        return (
            self.rule in (None, alert.rule)
            and self.site_id in (None, alert.site_id)
            and (self.class_id is None or self.class_id in alert.class_ids)
            and (self.severity is None or _RANK[self.severity] <= _RANK[alert.severity])
            and self.channel in (None, alert.channel)
        )

    @property
    def narrowness(self) -> tuple[int, tuple[bool, ...]]:
        """Rows that name more come first; of those that name as many, rule before site, class, severity and channel."""
        named = tuple(
            each is not None for each in (self.rule, self.site_id, self.class_id, self.severity, self.channel)
        )
        return sum(named), named


@dataclass(frozen=True, slots=True)
class Wished:
    """An alert on its way to somebody."""

    rule: Rule
    site_id: UUID | None
    class_ids: Collection[UUID]
    severity: Severity
    channel: Channel = Channel.EMAIL


def chosen(wishes: Iterable[Wish], alert: Wished) -> WishedLane | None:
    """None where the person chose nothing about it, and the rule's own lane counts."""
    mine = [wish for wish in wishes if wish.is_about(alert)]
    return max(mine, key=lambda wish: wish.narrowness).lane if mine else None


def lane_for(lane: Lane, wished: WishedLane | None, *, is_duty: bool) -> Lane | None:
    """The lane in which a person is told; None: not at all. A duty cannot go silent: muted, it waits for the digest."""
    if wished is None:
        return lane
    if wished == WishedLane.MUTE:
        return Lane.DIGEST if is_duty else None
    return Lane.URGENT if wished == WishedLane.URGENT else Lane.DIGEST
