"""What somebody says about a date of an order: one shape for the form, the API and every file."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from procurement.vocabulary import RevisionKind
from sites.domain.imprecise import ImpreciseDate


@dataclass(frozen=True, slots=True)
class DateRevision:
    """`schedule_number` None: every open schedule line of the line that the actor may see. `lot_number` None: every
    open lot. `milestone` None: the contract step. `said` None only when a lock is released. `quantity` less than a
    lot splits it. `reason_code` empty: not stated; `responsible` empty: who answers for the reason, else for the step.
    `field` is the path of this revision in the caller's own input, for refusals.
    """

    kind: RevisionKind
    line_number: int
    said: ImpreciseDate | None
    schedule_number: int | None = None
    lot_number: int | None = None
    milestone: str | None = None
    conditional_on: date | None = None
    quantity: Decimal | None = None
    reason_code: str = ""
    responsible: str = ""
    note: str = ""
    field: str = ""
