"""Plans for the times of a schedule that are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.schedules import CatchUp
from chalicelib.schedules.due import LATE_AFTER, MAX_CLAIMED, DuePlan, due_plan
from chalicelib.schedules.times import TICK, Timing, parse_timing

NIGHT = datetime(2027, 3, 27, 1, 30, tzinfo=UTC)
DAY = timedelta(days=1)
NO_WINDOW = timedelta(0)


def timing(expression: str, anchor: datetime = NIGHT, end: datetime | None = None) -> Timing:
    return parse_timing(expression, "Europe/Berlin", None, end, anchor)


def nightly(now: datetime, catch_up: CatchUp, most: int = 10) -> DuePlan:
    """Plan a schedule of 02:30 whose first night nothing was decided about is `NIGHT`."""
    return due_plan(timing("cron(30 2 * * ? *)"), NIGHT, now, NO_WINDOW, catch_up, most)


def test_a_time_that_has_just_come_runs() -> None:
    plan = nightly(NIGHT + timedelta(seconds=3), "none")
    assert plan == DuePlan(((NIGHT, "time"),), None, NIGHT + DAY)


def test_nothing_runs_before_its_time() -> None:
    assert nightly(NIGHT - TICK, "all") == DuePlan((), None, NIGHT)


def test_a_time_is_late_half_an_hour_after_its_window() -> None:
    rule, window = timing("cron(30 2 * * ? *)"), timedelta(minutes=90)
    last = NIGHT + window + LATE_AFTER
    for now, trigger in ((last, "time"), (last + TICK, "catch_up")):
        assert due_plan(rule, NIGHT, now, window, "latest", 10).runs == ((NIGHT, trigger),)


@pytest.mark.parametrize(
    ("catch_up", "most", "made_up", "missed"),
    [("none", 10, 0, 3), ("latest", 10, 1, 2), ("all", 10, 3, 0), ("all", 2, 2, 1)],
)
def test_an_outage_of_three_nights_is_made_up_for_as_the_policy_says(
    catch_up: CatchUp, most: int, made_up: int, missed: int
) -> None:
    nights = (NIGHT, NIGHT + DAY, NIGHT + 2 * DAY - timedelta(hours=1))
    plan = nightly(NIGHT + 2 * DAY + timedelta(hours=6), catch_up, most)
    assert plan.runs == tuple((night, "catch_up") for night in nights[3 - made_up :])
    assert plan.following == NIGHT + 3 * DAY - timedelta(hours=1)
    if missed:
        assert plan.missed is not None
        counted = (plan.missed.count, plan.missed.first, plan.missed.last)
        assert counted == (missed, nights[0], nights[missed - 1])
    else:
        assert plan.missed is None


def test_only_the_newest_time_runs_after_an_outage_even_if_others_are_not_late() -> None:
    plan = due_plan(
        timing("rate(10 minutes)"), NIGHT, NIGHT + timedelta(hours=1), NO_WINDOW, "latest", 10
    )
    assert plan.runs == ((NIGHT + timedelta(hours=1), "time"),)
    assert plan.missed is not None
    assert plan.missed.count == 6


@pytest.mark.parametrize("expression", ["rate(1 minute)", "cron(* * * * ? *)"])
@pytest.mark.parametrize("catch_up", get_args(CatchUp))
def test_a_year_of_missed_minutes_is_counted_and_not_listed(
    expression: str, catch_up: CatchUp
) -> None:
    rule, now = timing(expression), NIGHT + 365 * DAY
    plan = due_plan(rule, NIGHT, now, NO_WINDOW, catch_up, 40)
    # The hour that autumn repeats has no times of a cron expression.
    minutes = 365 * 24 * 60 + 1 - (60 if expression.startswith("cron") else 0)
    assert plan.missed is not None
    assert plan.following is not None
    rest = rule.count(plan.following - TICK, now)
    assert plan.missed.count + len(plan.runs) + rest == minutes
    assert len(plan.runs) <= MAX_CLAIMED


def test_a_plan_that_is_full_leaves_the_rest_to_the_next() -> None:
    rule, now = timing("rate(1 minute)"), NIGHT + timedelta(minutes=99)
    first = due_plan(rule, NIGHT, now, timedelta(hours=2), "none", 1)
    assert first.following == NIGHT + timedelta(minutes=MAX_CLAIMED)
    assert first.following <= now
    second = due_plan(rule, first.following, now, timedelta(hours=2), "none", 1)
    assert len(first.runs) + len(second.runs) == 100
    assert second.following == now + timedelta(minutes=1)


def test_the_last_time_of_a_schedule_has_none_that_follows() -> None:
    plan = due_plan(
        timing("rate(1 day)", end=NIGHT), NIGHT, NIGHT + timedelta(minutes=1), NO_WINDOW, "all", 1
    )
    assert plan == DuePlan(((NIGHT, "time"),), None, None)


@given(
    expression=st.sampled_from(
        ["rate(7 minutes)", "rate(5 hours)", "cron(0/20 1-3 * * ? *)", "cron(30 2 L * ? *)",
         "at(2027-03-28T02:30:00)"]
    ),
    begun=st.timedeltas(-timedelta(days=3), timedelta(days=3)),
    outage=st.one_of(
        st.timedeltas(-timedelta(hours=1), timedelta(hours=3)),
        st.timedeltas(timedelta(0), timedelta(days=40)),
    ),
    window=st.integers(0, 1440).map(lambda minutes: timedelta(minutes=minutes)),
    catch_up=st.sampled_from(get_args(CatchUp)),
    most=st.integers(1, 100),
)  # fmt: skip
def test_every_time_that_is_due_runs_or_is_counted_once(
    expression: str,
    begun: timedelta,
    outage: timedelta,
    window: timedelta,
    catch_up: CatchUp,
    most: int,
) -> None:
    rule = timing(expression, NIGHT - timedelta(days=9))
    next_at = rule.after(NIGHT + begun)
    if next_at is None:
        return
    now = next_at + outage
    plan = due_plan(rule, next_at, now, window, catch_up, most)
    ran = [time for time, _ in plan.runs]
    missed = plan.missed.count if plan.missed else 0
    decided = plan.following - TICK if plan.following else now
    assert missed + len(ran) == rule.count(next_at - TICK, decided)
    assert plan.following is None or plan.following > now or len(ran) == MAX_CLAIMED
    assert ran == sorted(set(ran))
    assert all(next_at <= time <= now for time in ran)
    late = [time for time, trigger in plan.runs if trigger == "catch_up"]
    assert late == [time for time in ran if now - time > window + LATE_AFTER]
    assert len(late) <= {"none": 0, "latest": 1, "all": most}[catch_up]
    if plan.missed is not None:
        assert plan.missed.first == next_at
        assert plan.missed.last < (ran[0] if ran else now)
        assert catch_up != "all" or missed > 0
