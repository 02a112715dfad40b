"""Rollouts simulated: how often a good one is rolled back, a bad one promoted, and how soon.

Each rollout draws the counts of its windows, and is decided by the product's own code. A version
that is worse by exactly a margin is at the border of what may be promoted; a seeded bad version has
to be stopped within two windows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np

from benchmarks.reporting import Result, spread
from benchmarks.rollouts_users import rolled_back
from chalicelib.contracts.rollouts import (
    ArmCounts,
    CreateRolloutRequest,
    Guard,
    GuardEvidence,
    RolloutView,
    StageReport,
    Subject,
)
from chalicelib.rollouts.decision import decide
from chalicelib.rollouts.evidence import judged_evidence
from chalicelib.rollouts.plans import plan_guards, plan_stages
from chalicelib.rollouts.records import RolloutState
from chalicelib.rollouts.sequential_tests import compare_pairs, compare_shares
from chalicelib.rollouts.transitions import begin_stage

ROLLOUTS = 1_000
SEED = 17
CALLS = 1_000
"""Calls of a window."""
MAX_WINDOWS = 300
WINDOW = timedelta(hours=1)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TIES = 0.5
SPREADS = {"latency": 0.5, "cost": 0.3}
"""Standard deviations of the logarithms of a call's latency and cost."""


@dataclass(frozen=True, slots=True)
class SimulatedVersion:
    """Rates of unwanted events of a version, and its median latency and cost, in units.

    `wrong` is the share of answers that are wrong, which only a judge sees. It prefers a right
    answer to a wrong one; of others it calls `TIES` even, and prefers either as often of the rest.
    """

    errors: float = 0.02
    refusals: float = 0.03
    unsafe: float = 0.002
    wrong: float = 0.02
    latency: float = 1.0
    cost: float = 1.0


LIVE = SimulatedVersion()
JUDGED = Guard(metric="preference", margin=0.05)
BAD: Mapping[str, SimulatedVersion] = {
    "20 % errors": replace(LIVE, errors=0.2),
    "20 % wrong": replace(LIVE, wrong=0.2),
    "3x latency": replace(LIVE, latency=3.0),
    "3x cost": replace(LIVE, cost=3.0),
    "20 % unsafe words": replace(LIVE, unsafe=0.2),
}


def measure(repetitions: int) -> Result:
    """Simulate `ROLLOUTS` rollouts of each kind; `repetitions` is one, for seeds repeat."""
    request = CreateRolloutRequest(
        subject=Subject(kind="prompt", name="faq", label="production"), to="2"
    )
    stages = plan_stages(request, is_monitored=True)
    guards = plan_guards(request, stages)
    facts: dict[str, Any] = {"seed": SEED, "rollouts": ROLLOUTS, "calls of a window": CALLS}
    plan = _plan(request, stages, guards)
    judged = _plan(request, stages, (*guards, JUDGED))

    alike = _all(plan, LIVE)
    facts["alike"] = _shares(alike)
    facts["alike, judged"] = _shares(_all(judged, LIVE))
    required = [guard for guard in guards if guard.required]
    for guard in required:
        at_margin = _all(plan, _worse_by(guard))
        facts[f"worse by exactly the margin of {guard.metric}"] = _shares(at_margin)
    for name, bad in BAD.items():
        ends = _all(judged, bad)
        facts[f"bad: {name}"] = {
            **_shares(ends),
            "within two windows": sum(
                end.outcome == "roll_back" and end.windows <= 2 for end in ends
            )
            / len(ends),
        }
    facts["alike, rolled back where few end users call"] = rolled_back(plan)
    promoted = [end for end in alike if end.outcome == "promote"]
    return Result(
        name="rollouts",
        repetitions=repetitions,
        measured={
            "a good version, calls of all kinds until it is promoted": spread(
                [end.windows * CALLS for end in promoted], "calls"
            ),
            "a good version, calls at 5 % until that stage ends": spread(
                [end.first_stage * CALLS for end in promoted], "calls"
            ),
        },
        facts=facts,
        notes=(
            f"Seeds from {SEED * 1_000_003}; the tests are set at 2.5 %.",
            f"A rollout that has not ended after {MAX_WINDOWS} windows counts as open.",
            "Rates of the live version: 2 % errors, 3 % refusals, 0.2 % unsafe, 2 % wrong.",
            "Of few end users: 100 seeds, 12 windows of 500 calls, by Pareto(1.2) of end users.",
            "Their rates of errors are of Beta(.5, 9.5), their latencies log-normal of .5 twice.",
            "The judge finds a tie in half of the calls in which both answers are right or wrong.",
        ),
    )


@dataclass(frozen=True, slots=True)
class SimulatedEnd:
    """How a rollout ended, after how many windows, and how many its first live stage took."""

    outcome: str
    windows: int
    first_stage: int


def _plan(request: CreateRolloutRequest, stages: Any, guards: tuple[Guard, ...]) -> RolloutState:
    return RolloutState(
        tenant="bench",
        rollout=RolloutView(
            rollout_id="r",
            status="preparing",
            subject=request.subject,
            live="1",
            to="2",
            stages=stages,
            guards=guards,
            stage=0,
            window_seconds=300,
            shadow_budget=Decimal(1),
            created_at=BEGAN,
            updated_at=BEGAN,
        ),
    )


def _all(plan: RolloutState, candidate: SimulatedVersion) -> list[SimulatedEnd]:
    with ProcessPoolExecutor() as pool:
        return list(pool.map(partial(_run, plan, candidate), range(ROLLOUTS), chunksize=25))


def _run(plan: RolloutState, candidate: SimulatedVersion, seed: int) -> SimulatedEnd:
    rng = np.random.default_rng(SEED * 1_000_003 + seed)
    now, first_stage = BEGAN, 0
    state = begin_stage(plan, 0, now)
    for window in range(1, MAX_WINDOWS + 1):
        now += WINDOW
        state = _counted(state, candidate, rng)
        first_stage += state.rollout.stage == 1
        match decide(state, now).action:
            case "roll_back" | "promote" as outcome:
                return SimulatedEnd(outcome, window, first_stage)
            case "advance":
                state = begin_stage(state, state.rollout.stage + 1, now)
            case "ask":
                return SimulatedEnd("ask", window, first_stage)
    return SimulatedEnd("open", MAX_WINDOWS, first_stage)


def _counted(
    state: RolloutState, candidate: SimulatedVersion, rng: np.random.Generator
) -> RolloutState:
    """Return the state after a window of calls: in a shadow stage both arms answer each."""
    rollout = state.rollout
    report = rollout.reports[-1]
    new = CALLS if report.shadow else int(rng.binomial(CALLS, report.share / 100))
    old = CALLS if report.shadow else CALLS - new
    alarms = len(rollout.stages) * len(rollout.guards)
    evidence = tuple(
        _drawn(each, report, old, new, candidate, alarms, rng) for each in report.evidence
    )
    after = report.model_copy(
        update={
            "live_calls": report.live_calls + old,
            "candidate_calls": report.candidate_calls + new,
            "evidence": evidence,
        }
    )
    changed = rollout.model_copy(update={"reports": (*rollout.reports[:-1], after)})
    return state.model_copy(update={"rollout": changed})


def _drawn(
    evidence: GuardEvidence,
    report: StageReport,
    old: int,
    new: int,
    candidate: SimulatedVersion,
    alarms: int,
    rng: np.random.Generator,
) -> GuardEvidence:
    guard = evidence.guard
    if guard.metric == "preference":
        if not report.shadow:
            return evidence
        lost = candidate.wrong * (1 - LIVE.wrong)
        won = LIVE.wrong * (1 - candidate.wrong)
        either = (1 - lost - won) * (1 - TIES)
        decided = lost + won + either
        judged = int(rng.binomial(new, decided))
        counts = _more(evidence.candidate, judged, (lost + either / 2) / decided, rng)
        found = compare_pairs(counts, 0.5 + guard.margin)
        return judged_evidence(evidence, evidence.live, counts, found, alarms)
    if guard.metric in SPREADS:
        counts = _more(evidence.candidate, min(old, new), _above(guard, candidate), rng)
        return judged_evidence(evidence, evidence.live, counts, compare_pairs(counts), alarms)
    live = _more(evidence.live, old, getattr(LIVE, guard.metric), rng)
    theirs = _more(evidence.candidate, new, getattr(candidate, guard.metric), rng)
    found = compare_shares(live, theirs, guard.margin)
    return judged_evidence(evidence, live, theirs, found, alarms)


def _more(counts: ArmCounts, calls: int, rate: float, rng: np.random.Generator) -> ArmCounts:
    events = int(rng.binomial(calls, rate))
    return ArmCounts(calls=counts.calls + calls, events=counts.events + events)


def _above(guard: Guard, candidate: SimulatedVersion) -> float:
    """Return how often a candidate's value is above a live one's by more than the margin."""
    ratio = getattr(candidate, guard.metric) / getattr(LIVE, guard.metric)
    scale = SPREADS[guard.metric] * math.sqrt(2)
    return NormalDist(0, scale).cdf(math.log(ratio) - math.log(1 + guard.margin))


def _worse_by(guard: Guard) -> SimulatedVersion:
    if guard.metric in SPREADS:
        return replace(LIVE, **{guard.metric: 1 + guard.margin})
    return replace(LIVE, **{guard.metric: getattr(LIVE, guard.metric) + guard.margin})


def _shares(ends: list[SimulatedEnd]) -> dict[str, float]:
    counted = Counter(end.outcome for end in ends)
    return {outcome: count / len(ends) for outcome, count in sorted(counted.items())}
