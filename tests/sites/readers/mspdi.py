"""Small MSPDI files, written as Microsoft Project writes them."""

from tests.sites.readers.pmxml import HEAD, element

NAMESPACE = "http://schemas.microsoft.com/project"


def mspdi(*inner: str, tasks: tuple[str, ...] = (), calendars: tuple[str, ...] = (), **given: str) -> bytes:
    values = {
        "Name": "fitout.xml", "Title": "Fit-out", "ScheduleFromStart": "1", "StartDate": "2027-01-04T08:00:00",
        "CalendarUID": "1", "CurrencyCode": "AUD", "StatusDate": "2026-11-20T17:00:00", **given,
    }  # fmt: skip
    fields = "".join(f"<{key}>{value}</{key}>\n" for key, value in values.items())
    body = f"{fields}{''.join(inner)}{element('Calendars', *calendars)}{element('Tasks', *tasks)}"
    return f'{HEAD}<Project xmlns="{NAMESPACE}">\n{body}</Project>\n'.encode()


def task(uid: str, *inner: str, level: str = "1", **given: str) -> str:
    values = {
        "UID": uid, "Name": f"Task {uid}", "OutlineLevel": level, "Summary": "0", "Milestone": "0",
        "Start": "2027-01-11T08:00:00", "Finish": "2027-01-15T17:00:00", "Duration": "PT40H0M0S",
        "RemainingDuration": "PT40H0M0S", "PercentComplete": "0", "TotalSlack": "4800", "ConstraintType": "0",
        "CalendarUID": "-1", **given,
    }  # fmt: skip
    return element("Task", *inner, **values)


def summary(uid: str, name: str, level: str) -> str:
    return task(uid, level=level, Summary="1", Name=name, WBS=uid)


def after(uid: str, kind: str = "1", lag: str = "0", lag_format: str = "7") -> str:
    return element("PredecessorLink", PredecessorUID=uid, Type=kind, LinkLag=lag, LagFormat=lag_format)


def weekday(number: int, *times: tuple[str, str]) -> str:
    hours = "".join(element("WorkingTime", FromTime=begin, ToTime=end) for begin, end in times)
    return element("WeekDay", element("WorkingTimes", hours), DayType=str(number), DayWorking="1" if times else "0")


def calendar(uid: str = "1", *days: str, base: str = "-1", exceptions: tuple[str, ...] = (), **given: str) -> str:
    values = {"UID": uid, "Name": "Standard", "IsBaseCalendar": "1", "BaseCalendarUID": base, **given}
    return element("Calendar", element("WeekDays", *days) if days else "", element("Exceptions", *exceptions), **values)


def exception(first: str, last: str, **given: str) -> str:
    period = element("TimePeriod", FromDate=f"{first}T00:00:00", ToDate=f"{last}T23:59:00")
    return element("Exception", period, DayWorking="0", **given)
