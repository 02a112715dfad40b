from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sizing import figures_of
from benchmarks.sizing_choice import (
    MARGIN,
    STEPS,
    WHOLE_VCPU_MB,
    Budget,
    Figures,
    beside,
    fits,
    least,
    price_of_thousand,
    short,
    wall_s,
)
from benchmarks.sizing_workers import Taken
from benchmarks.summary_sizing import sizing

EASY = Budget(100.0, 100.0, "nobody waits")
GB_SECOND, REQUEST = Decimal("0.0000133334"), Decimal("0.0000002")


def test_a_whole_vcpu_is_the_most_that_one_thread_uses() -> None:
    assert wall_s(1.0, 1769) == wall_s(1.0, 3072) == 1.0
    assert wall_s(1.0, 512) == pytest.approx(3.455, abs=0.001)


def test_work_costs_the_same_until_there_is_a_whole_vcpu_and_more_from_there_on() -> None:
    below, whole, above = (
        price_of_thousand(0.2, memory, GB_SECOND, REQUEST) for memory in (256, 1769, 3072)
    )
    assert below == pytest.approx(whole)
    assert whole == pytest.approx(1000 * (0.2 * 1769 / 1024 * 0.0000133334 + 0.0000002))
    assert above > 1.7 * whole


def test_memory_decides_where_there_is_time_enough() -> None:
    assert least(Figures(0.3, 0.01, 0.01, 419.0), EASY, 300) == 640


@pytest.mark.parametrize(
    ("figures", "budget", "timeout", "memory"),
    [
        (Figures(0.3, 0.06, 0.06, 100.0), Budget(0.15, 9.0, "warm"), 29, 768),
        (Figures(0.3, 0.01, 0.01, 100.0), Budget(0.15, 1.5, "cold"), 29, 384),
        (Figures(0.3, 0.01, 40.0, 100.0), EASY, 270, 640),
    ],
    ids=["warm", "cold", "large, in half of the timeout"],
)
def test_each_limit_can_be_what_decides(
    figures: Figures, budget: Budget, timeout: int, memory: int
) -> None:
    assert least(figures, budget, timeout) == memory


def test_what_computes_gets_a_whole_vcpu_which_costs_the_same() -> None:
    figures = Figures(0.3, 0.01, 0.01, 100.0)
    assert least(figures, EASY, 300) == 256
    assert least(figures, replace(EASY, computes=True), 300) == WHOLE_VCPU_MB
    assert least(figures, replace(EASY, held_to_mib=1000), 300) == 1536


def test_what_no_memory_is_enough_for_is_an_error() -> None:
    with pytest.raises(ValueError, match="No memory is enough"):
        least(Figures(0.3, 0.2, 0.2, 100.0), Budget(0.15, 1.5, "fast"), 29)


@given(
    cold=st.floats(0.01, 1.4),
    warm=st.floats(0.001, 0.14),
    peak=st.floats(30, 2000),
)
def test_the_least_fits_and_no_smaller_step_does(cold: float, warm: float, peak: float) -> None:
    figures, budget = Figures(cold, warm, warm, peak), Budget(0.15, 1.5, "asked")
    chosen = least(figures, budget, 29)
    assert chosen >= peak * MARGIN
    assert next(step for step in STEPS if fits(figures, budget, 29, step)) == chosen


def test_the_ends_of_the_steps_have_nothing_beside_them() -> None:
    assert beside(512) == (384, 640)
    assert beside(STEPS[0])[0] == STEPS[0]
    assert beside(STEPS[-1])[1] == STEPS[-1]


def test_functions_should_be_called_as_people_call_them() -> None:
    assert short("functions.read_document.handler.handler") == "read_document"
    assert short("app.sweep") == "app.sweep"


def test_starts_warm_work_and_large_work_should_be_told_apart() -> None:
    """One start of 0.3 s; then four of 0.02 s; then a second worker, and three of 5 s."""
    found = figures_of(
        (1, Taken(1, 0.3, 90.0)),
        (5, Taken(1, 0.38, 91.0)),
        (9, Taken(2, 0.38 + 0.3 + 15.0 - 0.0, 150.4)),
    )
    assert (found.cold_s, found.warm_s, found.peak_mib) == (0.3, 0.02, 150)
    assert found.large_s == pytest.approx(15.02 / 4, abs=0.01)


def test_a_start_should_be_told_from_what_came_with_it() -> None:
    """Three invocations before anything was looked at, of which one began the worker."""
    found = figures_of(
        (3, Taken(1, 0.34, 90.0)), (5, Taken(1, 0.38, 90.0)), (5, Taken(1, 0.38, 90.0))
    )
    assert (found.cold_s, found.warm_s, found.large_s) == (0.3, 0.02, 0.02)


def test_invocations_that_nothing_tells_apart_should_share_what_was_taken() -> None:
    never, all_ = (0, Taken(0, 0.0, 0.0)), (4, Taken(1, 0.6, 156.0))
    assert figures_of(never, all_, all_).cold_s == figures_of(never, all_, all_).warm_s == 0.15
    assert figures_of(never, never, all_).large_s == 0.15


def test_the_page_should_show_what_a_function_gets_and_why() -> None:
    told = {
        "cold_s": 0.3,
        "warm_s": 0.02,
        "large_s": 5.0,
        "peak_mib": 320,
        "timeout_s": 300,
    }
    found = {"facts": {"functions": {"chunk_document": told}, "whole files, MiB": {".docx": 419}}}
    head, rule, row, _, files, *_ = sizing(found)
    assert head.count("|") == rule.count("|") == row.count("|") == 11
    assert row.startswith("| chunk_document | 512 | 320 | 62% | 0.3, 0.02, 5 | 1, 0.069, 17 |")
    assert "1.5, 0.5, 150" in row
    assert ".docx 419 MiB" in files
