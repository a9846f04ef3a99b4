"""The hours of a P6 calendar, out of the text that XER keeps them in."""

from datetime import date

import pytest

from sites.readers import xer_calendar


def text(days: str, exceptions: str = "") -> str:
    view = "(0||VIEW(ShowTotal|N)())"
    return f"(0||CalendarData()(\x7f\x7f  (0||DaysOfWeek()({days})){view}(0||Exceptions()({exceptions}))))"


def day(number: int, *shifts: str) -> str:
    inner = "".join(f"\x7f\x7f(0||{place}({shift})())" for place, shift in enumerate(shifts))
    return f"(0||{number}()({inner}))"


def test_days_begin_on_sunday_and_shifts_come_in_any_order() -> None:
    found = xer_calendar.read(text(day(1) + day(2, "s|13:00|f|17:00", "f|12:00|s|08:00") + day(7, "s|08:00|f|12:00")))

    assert found.week == (((480, 720), (780, 1020)), (), (), (), (), ((480, 720),), ())


def test_the_end_of_the_day_is_midnight() -> None:
    found = xer_calendar.read(text(day(2, "s|00:00|f|00:00") + day(3, "f|12:00|s|01:00", "f|00:00|s|13:00")))

    assert found.week[:2] == (((0, 1440),), ((60, 720), (780, 1440)))


def test_shifts_that_touch_are_one() -> None:
    assert xer_calendar.read(text(day(2, "s|12:00|f|16:00", "s|08:00|f|12:00"))).week[0] == ((480, 960),)


def test_exceptions_count_days_from_1899() -> None:
    found = xer_calendar.read(text(day(2), "(0||0(d|40179)())(0||1(d|40180)((0||0(s|08:00|f|10:00)())))"))

    assert found.exceptions == {date(2010, 1, 1): (), date(2010, 1, 2): ((480, 600),)}


def test_clocks_of_twelve_hours() -> None:
    found = xer_calendar.read(text(day(2, "s|08:00 AM|f|12:00 PM", "s|1:00 PM|f|5:00 PM")))

    assert found.week[0] == ((480, 720), (780, 1020))


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "(0||CalendarData()())",
        "8 hours, five days",
        text(day(9, "s|08:00|f|16:00")),
        text(day(2, "s|8h|f|16:00")),
        text(day(2, "s|25:00|f|16:00")),
        text(day(2), "(0||0(d|soon)())"),
        "(0||a()(" * 20,
    ],
)
def test_what_is_no_calendar_is_a_value_error(broken: str) -> None:
    with pytest.raises(ValueError):
        xer_calendar.read(broken)
