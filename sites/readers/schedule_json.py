"""Site schedules as JSON: between the closed room where files are read and the rest, and as a summary for people."""

import json
from collections import Counter
from decimal import Decimal

from pydantic import TypeAdapter

from sites.domain.site_schedule import ScheduleFile, ScheduleProject
from sites.readers import schedule_file
from sites.vocabulary import ActivityStatus

_FILE = TypeAdapter(ScheduleFile)


def parse(content: bytes) -> bytes:
    """All of a schedule file of any format. Raises BadInput naming the line."""
    return _FILE.dump_json(schedule_file.read(content))


def load(raw: bytes) -> ScheduleFile:
    return _FILE.validate_json(raw)


def summarise(content: bytes) -> bytes:
    """The summary of a schedule file of any format. Raises BadInput naming the line."""
    return json.dumps(summary(schedule_file.read(content))).encode()


def summary(file: ScheduleFile) -> list[dict[str, object]]:
    """One entry a project: counts, ISO dates, float in hours as written; null where the file does not say."""
    return [_project(project) for project in file.projects]


def _project(project: ScheduleProject) -> dict[str, object]:
    floats = [activity.total_float_hours for activity in project.activities if activity.total_float_hours is not None]
    by_status = Counter(activity.status for activity in project.activities)
    finish_on = project.finish_on
    return {
        "id": project.id,
        "name": project.name,
        "data_date": project.data_date.isoformat() if project.data_date else None,
        "activities": len(project.activities),
        "links": len(project.links),
        "calendars": len(project.calendars),
        "wbs": len(project.wbs),
        "finish": finish_on.isoformat() if finish_on else None,
        "by_status": {status.value: by_status[status] for status in ActivityStatus},
        "negative_float": sum(hours < 0 for hours in floats),
        "lowest_float_hours": _plain(min(floats)) if floats else None,
        "warnings": list(project.warnings),
    }


def _plain(hours: Decimal) -> int | float:
    return int(hours) if hours == hours.to_integral_value() else float(hours)
