"""How the history of new rows is written."""

import copy
from typing import Any

import pghistory
import pgtrigger


class NewRows(pghistory.InsertEvent):
    """One statement for all rows of an INSERT: of thousands, a trigger a row costs more than the row."""

    level = pgtrigger.Statement

    def __deepcopy__(self, memo: dict[int, Any]) -> "NewRows":
        """Each model gets a copy of its own. Operation and level stay the very ones that the triggers compare with."""
        return copy.copy(self)
