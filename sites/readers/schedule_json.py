"""A site schedule in figures, for people and programs that ask what a file holds."""

import json
from collections import Counter
from decimal import Decimal

from sites.domain.site_schedule import ScheduleFile, ScheduleProject
from sites.readers import schedule_file
from sites.vocabulary import ActivityStatus


def summarise(content: bytes) -> bytes:
    """The summary of a schedule file of any format. Raises BadInput naming the line."""
    return json.dumps(summary(schedule_file.read(content))).encode()


def summary(file: ScheduleFile) -> list[dict[str, object]]:
    """One entry a project: counts, ISO dates, float in hours as written; null where the file does not say."""
    return [summary_of(project) for project in file.projects]


def summary_of(project: ScheduleProject) -> dict[str, object]:
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
