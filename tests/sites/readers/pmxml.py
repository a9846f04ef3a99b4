"""Small PMXML files, written as Primavera writes them."""

from xml.sax.saxutils import escape

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = "http://xmlns.oracle.com/Primavera/P6/V22.12/API/BusinessObjects"


def element(name: str, *inner: str, **values: str) -> str:
    fields = "".join(f"<{key}>{escape(value)}</{key}>\n" for key, value in values.items())
    return f"<{name}>\n{fields}{''.join(inner)}</{name}>\n"


def pmxml(*inner: str, namespace: str = NAMESPACE) -> bytes:
    return (f'{HEAD}<APIBusinessObjects xmlns="{namespace}">\n{"".join(inner)}</APIBusinessObjects>\n').encode()


def calendar(key: str = "7", name: str = "Five days", start: str = "08:00:00", finish: str = "15:59:00") -> str:
    days = "".join(
        f"<StandardWorkHours><DayOfWeek>{day}</DayOfWeek><WorkTime><Start>{start}</Start><Finish>{finish}</Finish>"
        "</WorkTime></StandardWorkHours>\n"
        for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    )
    week = f"<StandardWorkWeek>{days}</StandardWorkWeek>\n"
    off = (
        "<HolidayOrExceptions><HolidayOrException><Date>2026-12-25T00:00:00</Date><WorkTime/></HolidayOrException>"
        "</HolidayOrExceptions>\n"
    )
    return element("Calendar", week, off, ObjectId=key, Name=name, HoursPerDay="8", Type="Global")


def activity(key: str, code: str, *inner: str, **given: str) -> str:
    values = {
        "ObjectId": key, "Id": code, "Name": f"Task {code}", "CalendarObjectId": "7", "Type": "Task Dependent",
        "Status": "Not Started", "PlannedStartDate": "2027-01-04T08:00:00", "PlannedFinishDate": "2027-01-29T16:00:00",
        "EarlyStartDate": "2027-01-11T08:00:00", "EarlyFinishDate": "2027-02-05T16:00:00", **given,
    }  # fmt: skip
    return element("Activity", *inner, **values)


def link(key: str, predecessor: str, successor: str, kind: str = "Finish to Start", lag: str = "0") -> str:
    return element(
        "Relationship", ObjectId=key, PredecessorActivityObjectId=predecessor, SuccessorActivityObjectId=successor,
        Type=kind, Lag=lag,
    )  # fmt: skip


def project(*inner: str, name: str = "Project", **given: str) -> str:
    values = {
        "ObjectId": "1", "Id": "DC1", "Name": "Data centre one", "DataDate": "2026-11-20T08:00:00",
        "WBSObjectId": "10", **given,
    }  # fmt: skip
    return element(name, *inner, **values)


def wbs(key: str, name: str, parent: str = "") -> str:
    return element("WBS", ObjectId=key, Name=name, Code=name[:4], ParentObjectId=parent)


SMALL = (
    calendar(),
    project(
        wbs("11", "Hall A", "10"),
        wbs("12", "MV room", "11"),
        activity("100", "A100", WBSObjectId="12"),
        activity("101", "A110", WBSObjectId="11"),
        link("1", "100", "101", lag="16"),
    ),
)
