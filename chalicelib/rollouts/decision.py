"""What a rollout does next: go on, ask, promote, or roll back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from chalicelib.contracts.rollouts import MAX_WINDOW_SECONDS

if TYPE_CHECKING:
    from chalicelib.contracts.rollouts import GuardEvidence, RolloutStage, StageReport
    from chalicelib.rollouts.records import RolloutState

_SHARE_OF_STAGE = 0.05
"""A stage that has lasted long is looked at less often: after another twentieth of its time."""


@dataclass(frozen=True, slots=True)
class RolloutDecision:
    """What follows from a stage's evidence, and why.

    `ask` waits for a person, with the traffic as it is and the guards on.
    """

    action: Literal["watch", "advance", "ask", "promote", "roll_back"]
    reason: str = ""


def decide(state: RolloutState, now: datetime) -> RolloutDecision:
    """Return what a rollout does whose present stage has been counted up to `now`."""
    rollout = state.rollout
    stage, report = rollout.stages[rollout.stage], rollout.reports[-1]
    worse = [each for each in report.evidence if each.verdict == "worse"]
    if worse:
        return RolloutDecision("roll_back", _worse(worse[0], stage))
    if rollout.stage in state.decided:
        return _onward(state, "approved")
    elapsed = (now - report.began_at).total_seconds()
    missing = _missing(report, stage)
    if not missing and elapsed >= stage.dwell_seconds:
        if stage.approval:
            return RolloutDecision("ask", f"Stage {rollout.stage + 1} has passed; approve its end.")
        return _onward(state, "proven")
    if elapsed >= stage.max_dwell_seconds:
        return RolloutDecision(
            "ask",
            f"Stage {rollout.stage + 1} has lasted its {stage.max_dwell_seconds} s, and this is "
            f"not known: {'; '.join(missing)}. Approve its end all the same, or reject.",
        )
    return RolloutDecision("watch", "; ".join(missing))


def next_look_seconds(state: RolloutState, now: datetime) -> int:
    """Return after how many seconds a rollout is looked at again."""
    rollout = state.rollout
    stage, report = rollout.stages[rollout.stage], rollout.reports[-1]
    elapsed = (now - report.began_at).total_seconds()
    seconds = min(max(rollout.window_seconds, elapsed * _SHARE_OF_STAGE), MAX_WINDOW_SECONDS)
    if elapsed < stage.dwell_seconds:
        seconds = min(seconds, stage.dwell_seconds - elapsed)
    return max(1, round(seconds))


def _onward(state: RolloutState, why: str) -> RolloutDecision:
    is_last = state.rollout.stage == len(state.rollout.stages) - 1
    return RolloutDecision("promote" if is_last else "advance", why)


def _missing(report: StageReport, stage: RolloutStage) -> list[str]:
    """Return what is not known yet that a stage has to know before it ends.

    Where everybody has the candidate nothing is left to compare with: it has to do no harm.
    """
    missing = []
    if report.candidate_calls < stage.min_calls:
        missing.append(f"the candidate has {report.candidate_calls} of {stage.min_calls} calls")
    if stage.share == 100:
        return missing
    if report.live_calls < stage.min_calls:
        missing.append(f"the live version has {report.live_calls} of {stage.min_calls} calls")
    missing += [
        f"{each.guard.metric} within {each.guard.margin:g} of the live version's "
        f"(by {each.candidate.calls} {'pairs' if not each.live.calls else 'calls'})"
        for each in report.evidence
        if each.guard.required
        and each.verdict != "not_worse"
        and (stage.shadow or each.guard.metric != "preference")
    ]
    return missing


def _worse(evidence: GuardEvidence, stage: RolloutStage) -> str:
    guard, candidate, live = evidence.guard, evidence.candidate, evidence.live
    where = "in the shadow stage" if stage.shadow else f"at {stage.share:g} %"
    if guard.metric == "preference":
        return (
            f"preference {where}: the live version's answer was preferred in {candidate.events} of "
            f"{candidate.calls} judged calls; the margin is {guard.margin:g} above half."
        )
    if not live.calls:
        return (
            f"{guard.metric} {where}: above the live version's by more than {guard.margin:.0%} in "
            f"{candidate.events} of {candidate.calls} pairs of calls."
        )
    return (
        f"{guard.metric} {where}: {candidate.events} of {candidate.calls} calls of the candidate, "
        f"{live.events} of {live.calls} of the live version; the margin is {guard.margin:g}."
    )
