"""What a rollout's plan has to be before anything is written. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from chalicelib.contracts.rollouts import (
    DEFAULT_STAGES,
    MAX_ROLLOUT_SECONDS,
    CreateRolloutRequest,
    Guard,
    GuardMetric,
    RolloutStage,
    SubjectKind,
)
from chalicelib.errors import Conflict, InvalidInput

_MEASURED: Mapping[SubjectKind, tuple[GuardMetric, ...]] = {
    "prompt": ("errors", "refusals", "unsafe", "slow", "latency", "cost", "preference"),
    "model": ("errors", "refusals", "unsafe", "slow", "latency", "cost", "preference"),
    "retrieval": (
        *("errors", "refusals", "unsupported", "unsafe", "bad_ratings"),
        *("slow", "latency", "cost", "preference"),
    ),
}
"""The metrics that calls of a subject have."""
_DEFAULT_GUARDS = (
    Guard(metric="errors", margin=0.05),
    Guard(metric="latency", margin=0.25),
    Guard(metric="cost", margin=0.25),
    Guard(metric="refusals", margin=0.05, required=False),
    Guard(metric="unsafe", margin=0.02, required=False),
)
_DEFAULT_OF_RETRIEVAL = (Guard(metric="unsupported", margin=0.05, required=False),)


def plan_stages(request: CreateRolloutRequest, *, is_monitored: bool) -> tuple[RolloutStage, ...]:
    """Return the stages of a rollout.

    Args:
        request: What was asked for.
        is_monitored: Whether a monitor samples calls of the subject, from which alone a shadow
            stage takes them.

    Raises:
        InvalidInput: the shares do not rise to 100, nothing would be compared, or it takes too
            long.
        Conflict: a shadow stage is wanted, and no monitor samples the subject's calls.
    """
    if request.stages is None:
        return DEFAULT_STAGES if is_monitored else DEFAULT_STAGES[1:]
    stages = request.stages
    _check_shares(stages)
    if stages[0].share == 100:
        raise InvalidInput(
            "Nothing would be compared: begin with a shadow stage, or with a share below 100.",
            field="stages",
        )
    whole = sum(stage.max_dwell_seconds for stage in stages)
    if whole > MAX_ROLLOUT_SECONDS:
        raise InvalidInput(
            f"The stages may take {whole} s together, but a rollout lasts at most "
            f"{MAX_ROLLOUT_SECONDS} s (60 days); lower max_dwell_seconds.",
            field="stages",
            limit=str(MAX_ROLLOUT_SECONDS),
        )
    if any(stage.shadow for stage in stages) and not is_monitored:
        raise Conflict(
            f"A shadow stage answers captured calls anew, and no monitor samples calls of "
            f"{request.subject.name}. Make one (headrace monitors), or leave the shadow stage out.",
            field="stages",
        )
    return stages


def _check_shares(stages: Sequence[RolloutStage]) -> None:
    shares = [stage.share for stage in stages]
    for n, (earlier, later) in enumerate(itertools.pairwise(shares), start=1):
        if later <= earlier:
            raise InvalidInput(
                f"Stage {n + 1} has a share of {later:g} % after {earlier:g} %; shares have to "
                "rise from stage to stage, so that nobody goes back and forth.",
                field=f"stages.{n}.share",
            )
    if shares[-1] != 100:
        raise InvalidInput(
            f"The last stage has a share of {shares[-1]:g} %; a rollout ends at 100 %. Add a stage "
            "with a share of 100.",
            field=f"stages.{len(stages) - 1}.share",
            limit="100",
        )


def plan_guards(request: CreateRolloutRequest, stages: Sequence[RolloutStage]) -> tuple[Guard, ...]:
    """Return the guards of a rollout with these stages.

    Raises:
        InvalidInput: calls of the subject do not have a guard's metric, two guards are of one
            metric, a preference is guarded and nothing judged, or no guard is required.
    """
    kind = request.subject.kind
    if request.guards is None:
        return _DEFAULT_GUARDS + (_DEFAULT_OF_RETRIEVAL if kind == "retrieval" else ())
    measured = _MEASURED[kind]
    seen = set()
    for n, guard in enumerate(request.guards):
        if guard.metric not in measured:
            raise InvalidInput(
                f"Calls of a {kind} have no {guard.metric}; guard one of {', '.join(measured)}.",
                field=f"guards.{n}.metric",
            )
        if guard.metric == "preference" and not any(stage.shadow for stage in stages):
            raise InvalidInput(
                "Answers are judged in shadow stages alone; begin with one.",
                field=f"guards.{n}.metric",
            )
        if guard.metric in seen:
            raise InvalidInput(
                f"Two guards are of {guard.metric}; name each metric once.",
                field=f"guards.{n}.metric",
            )
        seen.add(guard.metric)
    if not any(guard.required for guard in request.guards):
        raise InvalidInput(
            "No guard is required, so that nothing would have to be proven; require one.",
            field="guards",
        )
    return request.guards
