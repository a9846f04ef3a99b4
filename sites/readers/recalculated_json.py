"""A site schedule in figures, beside what its own logic gives when it is calculated again."""

import json

from sites.domain.recalculation import document, recalculate
from sites.readers import schedule_file, schedule_json


def summarise(content: bytes) -> bytes:
    """As `schedule_json.summarise`, with `recalculation` per project. Raises BadInput naming the line."""
    file = schedule_file.read(content)
    return json.dumps(
        [
            schedule_json.summary_of(project) | {"recalculation": document(answer)}
            for project, answer in zip(file.projects, recalculate(file), strict=True)
        ]
    ).encode()
