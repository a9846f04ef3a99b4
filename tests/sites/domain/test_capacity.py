"""Blocks over redundancy groups: k of n, unknown dates, and what a line recovers and costs."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sites.domain.calendar import WorkingCalendar
from sites.domain.capacity import (
    Block,
    BlockAnswer,
    GroupNeed,
    LineAnswer,
    ReadinessFacts,
    SiteAnswer,
    Unit,
    assess,
    nth_ready,
    rank,
    ready_on,
)
from sites.domain.errors import BadInput
from sites.vocabulary import BlockPolicy

RFS = date(2028, 1, 1)
SYDNEY = WorkingCalendar("AU-NSW")
AS_OF = date(2027, 3, 1)
dates = st.dates(date(2027, 1, 1), date(2028, 12, 31))


def late_by(days: int) -> date:
    return RFS + timedelta(days=days)


def group(name: str, *late_days: int | None, lines: str = "") -> list[Unit]:
    """Units ready so many days after RFS, all due on it; None is unknown. `lines` gives each unit's line."""
    return [
        Unit(
            id=f"{name}{n}",
            group=name,
            ready_on=None if late is None else late_by(late),
            ready_at_ros_on=RFS,
            line=lines[n] if lines else f"{name}{n}",
        )
        for n, late in enumerate(late_days)
    ]


def block(*needs: tuple[str, int], **more: object) -> Block:
    made = Block(
        id="hall 1",
        it_mw=Decimal("2.5"),
        policy=BlockPolicy.CAN_CARRY,
        needs=tuple(GroupNeed(name, k) for name, k in needs),
        schedule_rfs_on=RFS,
        rfs_baseline_on=RFS,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def one(answer: SiteAnswer) -> BlockAnswer:
    (found,) = answer.blocks
    return found


def lines(answer: SiteAnswer) -> dict[str, LineAnswer]:
    return {line.line: line for line in answer.lines}


def figures(line: LineAnswer) -> tuple[int | Decimal | None, int | Decimal | None]:
    return line.recovers_mw_days, line.costs_mw_days


# Readiness

CHAIN_TO_SITE = ReadinessFacts(
    on_site_forecast_on=date(2027, 8, 31),
    last_step_forecast_on=date(2027, 8, 31),
    last_step_actual_on=None,
    goes_beyond_on_site=False,
    installation_days=10,
    commissioning_days=5,
)


@pytest.mark.parametrize(
    ("unit", "ready"),
    [
        (CHAIN_TO_SITE, date(2027, 9, 21)),
        (replace(CHAIN_TO_SITE, goes_beyond_on_site=True, last_step_forecast_on=date(2027, 12, 1)), date(2027, 12, 1)),
        (replace(CHAIN_TO_SITE, on_site_forecast_on=date(2027, 1, 4)), AS_OF),
        (replace(CHAIN_TO_SITE, last_step_actual_on=date(2027, 1, 4)), date(2027, 1, 4)),
        (replace(CHAIN_TO_SITE, on_site_forecast_on=None), None),
        (replace(CHAIN_TO_SITE, goes_beyond_on_site=True, last_step_forecast_on=None), None),
    ],
    ids=["installed", "beyond the site", "not before today", "actual", "no date on site", "no last date"],
)
def test_a_unit_is_ready_when_its_work_is_done(unit: ReadinessFacts, ready: date | None) -> None:
    assert ready_on(unit, calendar=SYDNEY, as_of=AS_OF) == ready


# k of n


@given(st.lists(st.none() | dates, min_size=1, max_size=12), st.integers(1, 13))
def test_k_of_n_equals_brute_force(ready: list[date | None], k: int) -> None:
    full = [max(some) for some in combinations([day for day in ready if day is not None], k)]

    assert nth_ready(ready, k) == (min(full) if full else None)


@given(st.lists(st.none() | st.integers(0, 300), min_size=1, max_size=12), st.integers(1, 13))
def test_a_block_takes_the_kth_and_the_nth_of_its_group(late: list[int | None], k: int) -> None:
    units = group("g", *late)
    answer = one(assess([block(("g", k))], units))

    assert answer.can_carry_on == nth_ready([unit.ready_on for unit in units], k)
    assert answer.redundant_on == nth_ready([unit.ready_on for unit in units], max(k, len(units)))


@given(st.lists(st.integers(0, 300), min_size=2, max_size=12), st.data())
def test_a_redundant_unit_that_slips_never_moves_can_carry_while_k_others_are_ready(
    late: list[int], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(late) - 1))
    spare = max(range(len(late)), key=late.__getitem__)
    slipped = [days + (data.draw(st.integers(0, 500)) if n == spare else 0) for n, days in enumerate(late)]

    before, after = (one(assess([block(("g", k))], group("g", *days))) for days in (late, slipped))

    assert before.can_carry_on == after.can_carry_on


def test_a_unit_without_a_date_sorts_last() -> None:
    answer = one(assess([block(("g", 2))], group("g", None, 10, 20)))

    assert (answer.can_carry_on, answer.redundant_on) == (late_by(20), None)


def test_a_unit_without_a_date_that_decides_makes_the_block_unknown_never_zero() -> None:
    answer = one(assess([block(("g", 2), ("h", 1))], [*group("g", None, 10), *group("h", 5)]))

    assert (answer.can_carry_on, answer.rfs_forecast_on, answer.mw_days_at_risk) == (None, None, None)


def test_a_group_with_fewer_units_than_needed_is_unknown() -> None:
    answer = one(assess([block(("g", 3), ("empty", 1))], group("g", 1, 2)))

    assert [(need.units, need.can_carry_on) for need in answer.needs] == [(2, None), (0, None)]


# RFS and risk


def test_rfs_is_the_latest_of_the_schedule_and_the_groups() -> None:
    units = [*group("g", 10, 20, 60), *group("h", 30)]

    answer = one(assess([block(("g", 2), ("h", 1))], units))

    assert (answer.rfs_forecast_on, answer.deciding_group, answer.mw_days_at_risk) == (late_by(30), "h", Decimal(75))


def test_under_the_redundant_policy_the_last_unit_decides() -> None:
    answer = one(assess([block(("g", 2), policy=BlockPolicy.REDUNDANT)], group("g", 10, 20, 60)))

    assert (answer.rfs_forecast_on, answer.mw_days_at_risk) == (late_by(60), Decimal(150))


def test_the_schedule_decides_where_it_is_later_than_every_group() -> None:
    answer = one(assess([block(("g", 1), schedule_rfs_on=late_by(40))], group("g", 10)))

    assert (answer.rfs_forecast_on, answer.deciding_group, answer.mw_days_at_risk) == (late_by(40), None, Decimal(100))


def test_an_rfs_actual_is_the_rfs() -> None:
    answer = assess([block(("g", 1), rfs_actual_on=late_by(4))], group("g", 90))

    assert (one(answer).rfs_forecast_on, one(answer).mw_days_at_risk) == (late_by(4), Decimal(10))
    assert figures(lines(answer)["g0"]) == (0, 0)


def test_an_early_block_has_no_days_at_risk() -> None:
    assert one(assess([block(("g", 1), schedule_rfs_on=None)], group("g", -30))).mw_days_at_risk == 0


@pytest.mark.parametrize("more", [{"rfs_baseline_on": None}, {"schedule_rfs_on": None, "needs": ()}])
def test_without_a_baseline_or_any_date_the_risk_is_unknown(more: dict[str, object]) -> None:
    assert one(assess([block(("g", 1), **more)], group("g", 30))).mw_days_at_risk is None


@pytest.mark.parametrize("needs", [(("g", 0),), (("g", 1), ("g", 2))])
def test_a_need_that_cannot_be_meant_is_refused(needs: tuple[tuple[str, int], ...]) -> None:
    with pytest.raises(BadInput):
        assess([block(*needs)], group("g", 1))


# Lines


def test_two_groups_both_late_recover_nothing_alone_and_cost_their_days_each() -> None:
    answer = assess([block(("g", 1), ("h", 1))], [*group("g", 60), *group("h", 60)])

    assert [figures(line) for line in answer.lines] == [(0, 150), (0, 150)]


def test_the_only_late_line_recovers_what_it_costs() -> None:
    found = lines(assess([block(("g", 1), ("h", 1))], [*group("g", 60), *group("h", 0)]))

    assert (*figures(found["g0"]), found["g0"].is_covered) == (150, 150, False)
    assert figures(found["h0"]) == (0, 0)


def test_a_line_recovers_only_up_to_the_next_late_group() -> None:
    found = lines(assess([block(("g", 1), ("h", 1))], [*group("g", 60), *group("h", 40)]))

    assert figures(found["g0"]) == (50, 150)


def test_a_fifth_generator_costs_nothing_until_another_one_slips() -> None:
    alone = lines(assess([block(("g", 4))], group("g", 0, 0, 0, 0, 90)))
    together = lines(assess([block(("g", 4))], group("g", 0, 0, 0, 30, 90)))

    assert (*figures(alone["g4"]), alone["g4"].is_covered) == (0, 0, True)
    assert figures(together["g4"]) == (75, 0)


def test_a_line_that_brings_several_units_moves_them_together() -> None:
    found = lines(assess([block(("g", 2))], group("g", 0, 50, 60, lines="abb")))

    assert figures(found["b"]) == (125, 125)


def test_a_shared_group_sums_over_the_blocks_it_serves() -> None:
    blocks = [block(("g", 1), id="hall 1"), block(("g", 1), id="hall 2", it_mw=Decimal(4))]

    (line,) = assess(blocks, group("g", 10)).lines

    assert (line.blocks, line.costs_mw_days) == (("hall 1", "hall 2"), Decimal(65))


def test_an_early_line_neither_recovers_nor_costs() -> None:
    (line,) = assess([block(("g", 1))], group("g", -20)).lines

    assert (*figures(line), line.is_covered) == (0, 0, False)


def test_a_schedule_that_is_late_itself_is_not_charged_to_a_line() -> None:
    (line,) = assess([block(("g", 1), schedule_rfs_on=late_by(20))], group("g", 60)).lines

    assert figures(line) == (100, 100)


def test_what_is_unknown_is_unknown_for_the_line_too() -> None:
    found = lines(assess([block(("g", 1), ("h", 1))], [*group("g", 60), *group("h", None)]))

    assert figures(found["g0"]) == (None, 150)
    assert figures(found["h0"]) == (None, None)


def test_a_line_that_serves_no_block_has_no_figure_but_zero() -> None:
    (line,) = assess([], group("g", 60)).lines

    assert (line.blocks, *figures(line), line.is_covered) == ((), 0, 0, False)


@given(
    st.lists(st.tuples(st.none() | st.integers(-30, 90), st.sampled_from("abc")), min_size=1, max_size=6),
    st.lists(st.tuples(st.none() | st.integers(-30, 90), st.sampled_from("abc")), min_size=1, max_size=6),
    st.integers(1, 3),
    st.sampled_from(BlockPolicy),
)
def test_recovers_and_costs_equal_two_whole_assessments(
    g: list[tuple[int | None, str]], h: list[tuple[int | None, str]], k: int, policy: BlockPolicy
) -> None:
    blocks = [block(("g", k), ("h", 1), policy=policy), block(("h", k), id="hall 2", policy=policy)]
    units = [
        unit
        for name, drawn in (("g", g), ("h", h))
        for unit in group(name, *(days for days, _ in drawn), lines="".join(line for _, line in drawn))
    ]

    def at_ros(unit: Unit) -> Unit:
        return replace(unit, ready_on=unit.ready_at_ros_on)

    def risk(moved: list[Unit], served: tuple[str, ...]) -> Decimal | None:
        risks = [found.mw_days_at_risk for found in assess(blocks, moved).blocks if found.block in served]
        return None if None in risks else sum((f for f in risks if f is not None), Decimal(0))

    def difference(more: Decimal | None, less: Decimal | None) -> Decimal | None:
        return None if more is None or less is None else more - less

    for line in assess(blocks, units).lines:
        late = [u for u in units if u.line == line.line and (u.ready_on is None or u.ready_on > RFS)]
        recovered = [at_ros(u) if u in late else u for u in units]
        alone = [u if u in late else at_ros(u) for u in units]
        planned = [at_ros(u) for u in units]
        assert line.recovers_mw_days == difference(risk(units, line.blocks), risk(recovered, line.blocks))
        assert line.costs_mw_days == difference(risk(alone, line.blocks), risk(planned, line.blocks))


def test_lines_rank_by_recovers_then_costs_then_float_and_the_unknown_before_zero() -> None:
    def line(name: str, recovers: int | None, costs: int | None) -> LineAnswer:
        said = [None if figure is None else Decimal(figure) for figure in (recovers, costs)]
        return LineAnswer(name, (), said[0], said[1], is_covered=False)

    ranked = rank(
        [line("zero", 0, 0), line("tight", 0, 0), line("unknown", None, None), line("costly", 0, 9), line("top", 5, 5)],
        {"zero": 30, "tight": -4},
    )

    assert [found.line for found in ranked] == ["top", "unknown", "costly", "tight", "zero"]
    assert [found.larger_mw_days for found in ranked[:3]] == [5, None, 9]
