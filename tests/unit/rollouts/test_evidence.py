"""What calls make of the evidence of a stage."""

from __future__ import annotations

from chalicelib.contracts.rollouts import (
    DEFAULT_STAGES,
    Arm,
    ArmCounts,
    CallMetrics,
    Guard,
    GuardEvidence,
    StageReport,
)
from chalicelib.rollouts.evidence import fold, new_evidence
from tests.unit.rollouts.examples import NOW, call


def report(*guards: Guard, shadow: bool = False) -> StageReport:
    return StageReport(
        stage=0, share=0, shadow=shadow, began_at=NOW, evidence=new_evidence(guards, None)
    )


def folded(guard: Guard, calls: list[CallMetrics], *, shadow: bool = False) -> GuardEvidence:
    after = fold(report(guard, shadow=shadow), calls, DEFAULT_STAGES)
    return after.evidence[0]


def test_should_count_what_was_measured_alone() -> None:
    calls = [call(1, refused=True), call(2, refused=None), call(3, "candidate", refused=None)]
    found = folded(Guard(metric="refusals", margin=0.1), calls)
    assert (found.live, found.candidate) == (ArmCounts(calls=1, events=1), ArmCounts())
    assert found.verdict == "open"


def test_should_reach_the_same_by_any_cuts_into_windows() -> None:
    guards = (Guard(metric="errors", margin=0.05), Guard(metric="unsafe", margin=0.01))
    calls = [
        call(n, "candidate" if n % 3 == 0 else "live", error=n % 7 == 0, unsafe=n % 11 == 0)
        for n in range(200)
    ]
    at_once = fold(report(*guards), calls, DEFAULT_STAGES)
    cut = report(*guards)
    for n in range(0, 200, 17):
        cut = fold(cut, calls[n : n + 17], DEFAULT_STAGES)
    assert cut == at_once
    assert (at_once.live_calls, at_once.candidate_calls) == (133, 67)


def test_should_pair_a_shadow_answer_with_its_own_call() -> None:
    calls = [call(n, latency_ms=n * 100) for n in (1, 2, 3)]
    calls += [call(n, "candidate", latency_ms=n * 100 + 10) for n in (3, 2, 9)]
    found = folded(Guard(metric="latency", margin=0.04), calls, shadow=True)
    assert found.candidate == ArmCounts(calls=2, events=1), "310 of 300, but 210 of 200"


def test_should_pair_each_call_once_with_one_near_it() -> None:
    calls = [call(1, latency_ms=100), call(50, latency_ms=1_000)]
    calls += [call(51, "candidate", latency_ms=1_100), call(52, "candidate", latency_ms=110)]
    calls += [call(53, "candidate", latency_ms=9_999)]
    found = folded(Guard(metric="latency", margin=0.2), calls)
    assert found.candidate == ArmCounts(calls=2, events=0)


def test_should_not_take_an_error_for_a_quick_answer() -> None:
    calls = [call(1), call(2, "candidate", error=True, latency_ms=1, nanodollars=0)]
    for metric in ("latency", "cost"):
        guard = Guard.model_validate({"metric": metric, "margin": 0.2})
        assert folded(guard, calls).candidate == ArmCounts()
    slow = Guard(metric="slow", margin=0.1, threshold_ms=900)
    found = folded(slow, calls)
    assert (found.live.events, found.candidate.calls) == (1, 0)


def test_should_prove_three_times_the_latency_and_the_same_latency() -> None:
    guard = Guard(metric="latency", margin=0.25)
    live = [call(n, latency_ms=500 + n % 50) for n in range(60)]
    slow = [call(n, "candidate", latency_ms=1_500 + n % 50) for n in range(60)]
    same = [call(n, "candidate", latency_ms=500 + n % 40) for n in range(60)]
    assert folded(guard, live + slow).verdict == "worse"
    assert folded(guard, live + same).verdict == "not_worse"


def test_should_hold_the_last_stage_against_the_stage_before() -> None:
    guard = Guard(metric="errors", margin=0.05)
    before = fold(report(guard), [call(n) for n in range(300)], DEFAULT_STAGES)
    last = StageReport(
        stage=3, share=100, shadow=False, began_at=NOW, evidence=new_evidence((guard,), before)
    )
    bad = [call(n, "candidate", error=n % 5 == 0) for n in range(300)]
    assert fold(last, bad, DEFAULT_STAGES).evidence[0].verdict == "worse"


def test_should_weigh_what_a_judge_prefers() -> None:
    guard = Guard(metric="preference", margin=0.1)
    calls = [call(n, "candidate", preferred="live" if n % 5 else "candidate") for n in range(150)]
    calls += [call(n, "candidate", preferred=each) for n, each in ((151, "tie"), (152, None))]
    found = folded(guard, calls, shadow=True)
    assert (found.candidate, found.verdict) == (ArmCounts(calls=150, events=120), "worse")
    alike = [call(n, "candidate", preferred=("live", "candidate")[n % 2]) for n in range(400)]
    assert folded(guard, alike, shadow=True).verdict == "not_worse"


def test_should_count_ratings_anew_at_each_look_because_they_come_late_and_change() -> None:
    guard = Guard(metric="bad_ratings", margin=0.1)
    first: dict[Arm, ArmCounts] = {
        "live": ArmCounts(calls=40, events=2),
        "candidate": ArmCounts(calls=40, events=38),
    }
    mended: dict[Arm, ArmCounts] = {**first, "candidate": ArmCounts(calls=41, events=3)}
    looked = fold(report(guard), [], DEFAULT_STAGES, first)
    assert looked.evidence[0].verdict == "worse"
    again = fold(looked, [call(1, "candidate")], DEFAULT_STAGES, mended)
    assert again.evidence[0].candidate == ArmCounts(calls=41, events=3)
    assert again.evidence[0].verdict == "open"


def test_should_hold_the_last_ratings_against_those_of_the_stage_before() -> None:
    guard = Guard(metric="bad_ratings", margin=0.1)
    before = fold(report(guard), [], DEFAULT_STAGES, {"live": ArmCounts(calls=90, events=1)})
    last = StageReport(
        stage=3, share=100, shadow=False, began_at=NOW, evidence=new_evidence((guard,), before)
    )
    bad: dict[Arm, ArmCounts] = {"live": ArmCounts(), "candidate": ArmCounts(calls=50, events=40)}
    assert fold(last, [], DEFAULT_STAGES, bad).evidence[0].verdict == "worse"
