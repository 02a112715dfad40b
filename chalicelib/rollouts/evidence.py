"""What a stage has seen, guard by guard: calls are counted, and the counts tested. Pure.

Each stage counts anew. Shares change from stage to stage and rates from day to day, so that counts
of several stages together would compare days instead of versions.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence

from chalicelib.contracts.rollouts import (
    RATIO_METRICS,
    Arm,
    ArmCounts,
    CallMetrics,
    Guard,
    GuardEvidence,
    GuardMetric,
    GuardVerdict,
    RolloutStage,
    StageReport,
)
from chalicelib.rollouts.sequential_tests import EValues, compare_pairs, compare_shares

ALPHA = 0.025
"""How often a rollout may go wrong by chance: promote what is worse by a whole margin, and roll
back what is not, either."""

_EVENTS: Mapping[GuardMetric, Callable[[CallMetrics], bool | None]] = {
    "errors": lambda call: call.error,
    "refusals": lambda call: call.refused,
    "unsupported": lambda call: call.unsupported,
    "unsafe": lambda call: call.unsafe,
}
_VALUES: Mapping[GuardMetric, Callable[[CallMetrics], int | None]] = {
    "latency": lambda call: None if call.error else call.latency_ms,
    "cost": lambda call: None if call.error else call.nanodollars,
}


def new_evidence(guards: Iterable[Guard], before: StageReport | None) -> tuple[GuardEvidence, ...]:
    """Return the evidence that a stage begins with.

    Args:
        guards: The guards of the rollout.
        before: The report of the stage before, if this stage serves everybody with the candidate:
            the live version's calls of then are what it is held against. None counts from nothing.
    """
    lives = {each.guard: each.live for each in before.evidence} if before is not None else {}
    return tuple(GuardEvidence(guard=guard, live=lives.get(guard, ArmCounts())) for guard in guards)


def fold(
    report: StageReport,
    calls: Sequence[CallMetrics],
    stages: Sequence[RolloutStage],
    ratings: Mapping[Arm, ArmCounts] | None = None,
) -> StageReport:
    """Return a stage's report with further calls counted, each of them once.

    Args:
        report: What was counted before.
        calls: The calls since then, of both arms.
        stages: The stages of the rollout, among which the chance of a false alarm is shared.
        ratings: All ratings of the stage's answers by arm, in place of those counted before; None
            if no guard asks for them.
    """
    live = [call for call in calls if call.arm == "live"]
    candidate = [call for call in calls if call.arm == "candidate"]
    alarms = len(stages) * len(report.evidence)
    return report.model_copy(
        update={
            "live_calls": report.live_calls + len(live),
            "candidate_calls": report.candidate_calls + len(candidate),
            "evidence": tuple(
                _rated(each, ratings or {}, report, alarms)
                if each.guard.metric == "bad_ratings"
                else _folded(each, live, candidate, report, alarms)
                for each in report.evidence
            ),
        }
    )


def _folded(
    evidence: GuardEvidence,
    live: Sequence[CallMetrics],
    candidate: Sequence[CallMetrics],
    report: StageReport,
    alarms: int,
) -> GuardEvidence:
    guard = evidence.guard
    if guard.metric in RATIO_METRICS:
        value = _VALUES[guard.metric]
        pairs = _pairs(live, candidate, value, by_call=report.shadow)
        above = sum(theirs > ours * (1 + guard.margin) for ours, theirs in pairs)
        counts = _added(evidence.candidate, len(pairs), above)
        return judged_evidence(evidence, evidence.live, counts, compare_pairs(counts), alarms)
    if guard.metric == "preference":
        judged = [call.preferred for call in candidate if call.preferred in ("live", "candidate")]
        counts = _added(evidence.candidate, len(judged), judged.count("live"))
        compared = compare_pairs(counts, 0.5 + guard.margin)
        return judged_evidence(evidence, evidence.live, counts, compared, alarms)
    event = _event(guard)
    ours = _counted(evidence.live, live, event)
    theirs = _counted(evidence.candidate, candidate, event)
    found = compare_shares(ours, theirs, guard.margin)
    return judged_evidence(evidence, ours, theirs, found, alarms)


def _rated(
    evidence: GuardEvidence, ratings: Mapping[Arm, ArmCounts], report: StageReport, alarms: int
) -> GuardEvidence:
    """Return evidence with the ratings of its stage; where nobody has the live version any more,
    it is held against those of the stage before.
    """
    ours = evidence.live if report.share == 100 else ratings.get("live", ArmCounts())
    theirs = ratings.get("candidate", ArmCounts())
    found = compare_shares(ours, theirs, evidence.guard.margin)
    return judged_evidence(evidence, ours, theirs, found, alarms)


def judged_evidence(
    evidence: GuardEvidence, live: ArmCounts, candidate: ArmCounts, found: EValues, alarms: int
) -> GuardEvidence:
    """Return evidence with its counts and what follows from them, one of `alarms` tests."""
    verdict: GuardVerdict = "open"
    if found.worse >= -math.log(ALPHA / alarms):
        verdict = "worse"
    elif found.not_worse >= -math.log(ALPHA):
        verdict = "not_worse"
    return evidence.model_copy(
        update={
            "live": live,
            "candidate": candidate,
            "log_worse": round(found.worse, 4),
            "log_not_worse": round(found.not_worse, 4),
            "verdict": verdict,
        }
    )


def _event(guard: Guard) -> Callable[[CallMetrics], bool | None]:
    if guard.metric != "slow":
        return _EVENTS[guard.metric]
    threshold = guard.threshold_ms or 0

    def is_slow(call: CallMetrics) -> bool | None:
        return None if call.error or call.latency_ms is None else call.latency_ms > threshold

    return is_slow


def _counted(
    counts: ArmCounts, calls: Iterable[CallMetrics], event: Callable[[CallMetrics], bool | None]
) -> ArmCounts:
    found = [happened for call in calls if (happened := event(call)) is not None]
    return _added(counts, len(found), sum(found))


def _added(counts: ArmCounts, calls: int, events: int) -> ArmCounts:
    return ArmCounts(calls=counts.calls + calls, events=counts.events + events)


def _pairs(
    live: Sequence[CallMetrics],
    candidate: Sequence[CallMetrics],
    value: Callable[[CallMetrics], int | None],
    *,
    by_call: bool,
) -> list[tuple[int, int]]:
    """Pair values of the two arms: of the same call, or of calls near each other in time."""
    ours = [(call, found) for call in live if (found := value(call)) is not None]
    theirs = [(call, found) for call in candidate if (found := value(call)) is not None]
    if by_call:
        of_call = {call.call_id: found for call, found in ours}
        return [(of_call[call.call_id], found) for call, found in theirs if call.call_id in of_call]
    ours.sort(key=lambda each: (each[0].at, each[0].call_id))
    theirs.sort(key=lambda each: (each[0].at, each[0].call_id))
    pairs = []
    for call, found in theirs:
        if not ours:
            break
        times = [each[0].at for each in ours]
        place = min(bisect_left(times, call.at), len(ours) - 1)
        pairs.append((ours.pop(place)[1], found))
    return pairs
