"""Facts on paper: what is read, what is refused by name, and how the answer is told."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given

from sites.domain.calendar import WorkingCalendar
from sites.domain.errors import BadInput
from sites.domain.schedule import ChainFacts, RequiredOnSite
from sites.readers import facts
from sites.vocabulary import DurationBasis
from tests.sites.domain.test_schedule import EXAMPLE
from tests.sites.domain.test_schedule_properties import chains


def case(**more: object) -> dict[str, Any]:
    return {
        "as_of": "2027-03-01",
        "site_calendar": "AU-NSW",
        "steps": [{"code": "PO_ISSUED"}, {"code": "ON_SITE", "duration_days": 10}],
        **more,
    }


def step(**more: object) -> dict[str, Any]:
    return case(steps=[{"code": "PO_ISSUED"}, {"code": "ON_SITE", "duration_days": 10, **more}])


def promise(**more: object) -> dict[str, Any]:
    row = {"id": "p1", "value": "2027-05-21", "precision": "day", "stated_on": "2027-02-01"}
    return step(promises=[{**row, **more}])


def told(raw: object) -> Any:
    return facts.explain(json.dumps(raw)).document


def test_defaults_are_those_of_the_page() -> None:
    read = facts.read(case(required_on_site={"anchors": ["2027-10-05"]}))

    on_site = read.steps[1]
    assert (read.anchor_step, read.site_calendar) == ("ON_SITE", WorkingCalendar("AU-NSW"))
    assert read.required_on_site == RequiredOnSite(anchors=(date(2027, 10, 5),), offset_days=0)
    assert (on_site.basis, on_site.calendar, on_site.applicable, on_site.promises) == (
        DurationBasis.CALENDAR,
        None,
        True,
        (),
    )


def test_the_answer_is_told_with_these_keys_and_no_others() -> None:
    assert told(step(baseline_on="2027-03-01")) == {
        "required_on_site": None,
        "forecast_on_site": "2027-03-11",
        "float_days": None,
        "float_working_days": None,
        "steps": [
            {
                "code": "PO_ISSUED",
                "forecast_on": "2027-03-01",
                "driver": "today",
                "flags": [],
                "latest_on": None,
                "float_days": None,
                "slip_days": None,
            },
            {
                "code": "ON_SITE",
                "forecast_on": "2027-03-11",
                "driver": "duration",
                "flags": [],
                "latest_on": None,
                "float_days": None,
                "slip_days": 10,
            },
        ],
    }


def test_a_fixed_ros_and_none_at_all_are_both_read() -> None:
    assert told(case(required_on_site={"fixed_on": "2027-03-21"}))["float_days"] == 10
    assert told(case(required_on_site=None))["float_days"] is None
    assert told(case(required_on_site={"anchors": []}))["required_on_site"] is None


def test_the_closures_of_a_step_come_on_top_of_those_of_the_site() -> None:
    raw = step(basis="working", duration_days=1, closures=[["2027-03-09", "2027-03-09"]])
    raw |= {"site_closures": [["2027-03-02", "2027-03-08"]]}

    assert told(raw)["forecast_on_site"] == "2027-03-10"


def test_a_step_with_its_own_calendar_takes_its_own_closures_only() -> None:
    raw = step(basis="working", duration_days=1, calendar="JP", closures=[["2027-03-02", "2027-03-02"]])
    raw |= {"site_closures": [["2027-03-02", "2027-03-08"]]}

    assert told(raw)["forecast_on_site"] == "2027-03-03"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2027-02-01T09:00:00Z", datetime(2027, 2, 1, 9, tzinfo=UTC)),
        ("2027-02-01T09:00:00+09:00", datetime(2027, 2, 1, 0, tzinfo=UTC)),
        ("2027-02-01T09:00:00.250000Z", datetime(2027, 2, 1, 9, 0, 0, 250000, tzinfo=UTC)),
        ("2027-02-01 09:00", datetime(2027, 2, 1, 9, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_with_its_offset_or_as_utc(text: str, instant: datetime) -> None:
    assert facts.read(promise(recorded_at=text)).steps[1].promises[0].recorded_at == instant


@pytest.mark.parametrize(
    ("value", "precision"),
    [("2027-05-21", "day"), ("2027-W23", "week"), ("2027-06-T2", "third"), ("2027-06", "month"), ("2027-Q2", "quarter"),
     ("", "tbd"), (None, "tbd")],
)  # fmt: skip
def test_every_precision_is_read(value: str | None, precision: str) -> None:
    said = facts.read(promise(value=value, precision=precision)).steps[1].promises[0].said

    assert (said.value, said.precision.value) == (value or "", precision)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (case(colour="red"), "colour"),
        (case(as_of=None), "as_of"),
        (case(as_of="2027-3-1"), "as_of"),
        (case(as_of="2027-02-30"), "as_of"),
        (case(as_of="12027-02-01"), "as_of"),
        (case(as_of="2150-02-01"), "as_of"),
        (case(as_of=20270301), "as_of"),
        (case(site_calendar=None), "site_calendar"),
        (case(site_calendar="XX"), "site_calendar"),
        (case(site_closures=[["2027-01-05", "2027-01-04"]]), "site_closures[0]"),
        (case(site_closures=[["2027-01-05"]]), "site_closures[0]"),
        (case(site_closures=[["2027-01-05", True]]), "site_closures[0][1]"),
        (case(site_closures="2027-01-05"), "site_closures"),
        (case(required_on_site="2027-10-05"), "required_on_site"),
        (case(required_on_site={"on": "2027-10-05"}), "required_on_site.on"),
        (case(required_on_site={"anchors": ["soon"]}), "required_on_site.anchors[0]"),
        (case(required_on_site={"anchors": ["2027-10-05"], "offset_days": -1}), "required_on_site.offset_days"),
        (case(required_on_site={"anchors": ["2027-10-05"], "offset_basis": "weeks"}), "required_on_site.offset_basis"),
        (case(required_on_site={"anchors": ["2027-10-05"], "fixed_on": "2027-10-05"}), "required_on_site.fixed_on"),
        (case(anchor_step="SET"), "anchor_step"),
        (case(steps=[]), "steps"),
        (case(steps={}), "steps"),
        (case(steps=[[]]), "steps[0]"),
        (case(steps=[{"code": "ON_SITE"}, {"code": "ON_SITE", "duration_days": 1}]), "steps[1].code"),
        (case(steps=[{"code": "A"}]), "anchor_step"),
        (case(steps=[{}]), "steps[0].code"),
        (case(steps=[{"code": "ON_SITE", "applicable": False}]), "anchor_step"),
        (step(code=""), "steps[1].code"),
        (step(code=5), "steps[1].code"),
        (step(code="A\nB"), "steps[1].code"),
        (step(duration_days=None), "steps[1].duration_days"),
        (step(duration_days=-1), "steps[1].duration_days"),
        (step(duration_days=True), "steps[1].duration_days"),
        (step(duration_days=1.0), "steps[1].duration_days"),
        (step(duration_days="1"), "steps[1].duration_days"),
        (step(duration_days=10**40), "steps[1].duration_days"),
        (step(basis="weeks"), "steps[1].basis"),
        (step(calendar="JAPAN"), "steps[1].calendar"),
        (step(calendar=81), "steps[1].calendar"),
        (step(closures=[["2027-01-05", "2027-01-04"]]), "steps[1].closures[0]"),
        (step(applicable=1), "steps[1].applicable"),
        (step(locked_on="tomorrow"), "steps[1].locked_on"),
        (step(actual_on="2027-03-03"), "steps[1].actual_on"),
        (step(notes=""), "steps[1].notes"),
        (promise(value="2027-W53", precision="week"), "steps[1].promises[0].value"),
        (promise(value="2027-06", precision="day"), "steps[1].promises[0].value"),
        (promise(precision="about"), "steps[1].promises[0].precision"),
        (promise(precision=None), "steps[1].promises[0].precision"),
        (promise(stated_on=None), "steps[1].promises[0].stated_on"),
        (promise(stated_on="2027-03-03"), "steps[1].promises[0].stated_on"),
        (promise(recorded_at="2027-02-01"), "steps[1].promises[0].recorded_at"),
        (promise(recorded_at="2027-02-01T25:00:00Z"), "steps[1].promises[0].recorded_at"),
        (promise(supersedes="p9"), "steps[1].promises[0].supersedes"),
        (promise(retracted="no"), "steps[1].promises[0].retracted"),
        (promise(weight=1), "steps[1].promises[0].weight"),
        ("text", "facts"),
        (None, "facts"),
        (7, "facts"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_the_path_of_the_field(raw: object, field: str) -> None:
    explained = facts.explain(json.dumps(raw))

    assert explained.document is None
    assert [refusal.field for refusal in explained.refusals] == [field]
    assert "\n" not in str(explained.refusals[0])


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"as_of": NaN}', '{"as_of": Infinity}', "[" * 100_000, b"\xff\xfe", "9" * 5000],
    ids=["empty", "cut", "nan", "infinity", "deep", "no utf-8", "huge number"],
)
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    (refusal,) = facts.explain(text).refusals

    assert (refusal.field, "\n" in refusal.message) == ("facts", False)


def test_a_repeated_key_is_refused_because_two_readers_would_take_two_values() -> None:
    (refusal,) = facts.explain('{"as_of": "2027-03-01", "as_of": "2027-03-02"}').refusals

    assert refusal.field == "as_of"


def test_in_a_list_the_bad_case_is_answered_by_its_error_and_the_others_as_usual() -> None:
    good = case()

    explained = facts.explain(json.dumps([good, case(as_of=1), good]))

    assert explained.document == [
        told(good),
        {"error": {"field": "as_of", "message": "This is not a date such as 2027-05-21."}},
        told(good),
    ]
    assert [str(refusal) for refusal in explained.refusals] == ["[1].as_of: This is not a date such as 2027-05-21."]


def test_an_empty_list_has_an_empty_answer() -> None:
    assert facts.explain("[]") == facts.Explained([], ())


def test_the_example_survives_export_and_reading() -> None:
    assert facts.read(json.loads(json.dumps(facts.export(EXAMPLE)))) == EXAMPLE


@given(chains())
def test_an_export_loses_nothing(chain: ChainFacts) -> None:
    assert facts.read(facts.export(chain)) == chain


def test_a_refusal_outside_a_case_is_a_bad_input_too() -> None:
    with pytest.raises(BadInput):
        facts.parse("{")
