"""Which handler reads the rows of which kind."""

from collections.abc import Mapping
from typing import Final

from procurement.models import Company, LeadTimeObservation, Requirement
from procurement.services import import_dates, import_documents, import_orders
from procurement.services.import_blocks import Blocks
from procurement.services.import_companies import Companies
from procurement.services.import_gates import Gates
from procurement.services.import_lead_times import LeadTimes
from procurement.services.import_records import RecordImport
from procurement.services.import_requirements import Requirements
from procurement.services.import_rows import Handler
from procurement.vocabulary import ImportKind
from sites.models import Block, Gate

_HANDLERS: Final[Mapping[str, Handler]] = {
    ImportKind.PROMISES: import_dates,
    ImportKind.ACTUALS: import_dates,
    ImportKind.ORDER_LINES: import_orders,
    ImportKind.REQUIREMENTS: RecordImport(Requirements, Requirement),
    ImportKind.COMPANIES: RecordImport(Companies, Company),
    ImportKind.LEAD_TIMES: RecordImport(LeadTimes, LeadTimeObservation),
    ImportKind.BLOCKS: RecordImport(Blocks, Block),
    ImportKind.GATES: RecordImport(Gates, Gate),
    ImportKind.DOCUMENTS: import_documents,
}


def handler(kind: str) -> Handler:
    return _HANDLERS[kind]
