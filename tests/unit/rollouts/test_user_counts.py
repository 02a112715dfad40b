"""How many calls of an end user a stage counts."""

from __future__ import annotations

from chalicelib.contracts.rollouts import CallMetrics
from chalicelib.rollouts.transitions import ObservedCalls, begin_stage, count_calls
from chalicelib.rollouts.user_counts import MAX_USER_CALLS, UserCounts
from tests.unit.rollouts.examples import NOW, call, state


def of_user(user: str, count: int, arm: str = "live") -> list[CallMetrics]:
    return [call(n, arm, end_user=user) for n in range(count)]


def test_should_take_few_calls_of_an_end_user_and_the_time_of_the_first() -> None:
    taken = UserCounts.read("").take(of_user("ada", 20))
    assert len(taken) == MAX_USER_CALLS
    assert [each.latency_ms for each in taken] == [1_000, *[None] * (MAX_USER_CALLS - 1)]
    assert [each.nanodollars for each in taken] == [1_000, *[None] * (MAX_USER_CALLS - 1)]


def test_should_take_every_call_whose_end_user_is_not_known() -> None:
    calls = of_user("", 20)
    assert UserCounts.read("").take(calls) == calls


def test_should_count_each_arm_and_end_user_apart_and_go_on_from_text() -> None:
    counts = UserCounts.read("")
    counts.take([*of_user("ada", 4), *of_user("ben", 2), *of_user("ada", 3, "candidate")])
    again = UserCounts.read(counts.text())
    assert len(again.take(of_user("ada", 9))) == 1
    assert len(again.take(of_user("ben", 9))) == 3
    assert len(again.take(of_user("ada", 9, "candidate"))) == 2


def test_should_stay_small_whoever_calls() -> None:
    counts = UserCounts.read("")
    for n in range(3_000):
        counts.take([call(n, end_user=f"user-{n % 1_700}"), call(n, "candidate", end_user=f"{n}")])
    assert len(counts.text()) < 6_000


def test_a_busy_end_user_should_not_decide_a_stage_and_the_next_counts_anew() -> None:
    slow = [call(n, "candidate", end_user="ada", latency_ms=9_000) for n in range(500)]
    usual = [call(n, end_user=f"user-{n}") for n in range(500)]
    begun = begin_stage(state(), 1, NOW)
    counted = count_calls(begun, ObservedCalls((*usual, *slow), "9"), NOW)
    report = counted.rollout.reports[-1]
    assert (report.live_calls, report.candidate_calls) == (500, MAX_USER_CALLS)
    assert {each.verdict for each in report.evidence} == {"open"}
    assert begin_stage(counted, 2, NOW).users == ""


def test_should_count_every_call_that_both_versions_answered() -> None:
    calls = (*of_user("ada", 40), *of_user("ada", 40, "candidate"))
    counted = count_calls(begin_stage(state(), 0, NOW), ObservedCalls(calls, "9"), NOW)
    assert counted.rollout.reports[-1].candidate_calls == 40
