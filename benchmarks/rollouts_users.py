"""Rollouts of a version that is alike, while few end users make most of the calls.

Each end user has a rate of errors and a usual latency of their own, and calls as often as a Pareto
law says. Differences between end users then look like differences between versions, unless a
rollout counts few calls of each.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from chalicelib.contracts.rollouts import CallMetrics
from chalicelib.rollouts.assignment import assign_arm, end_user_position
from chalicelib.rollouts.decision import decide
from chalicelib.rollouts.transitions import ObservedCalls, begin_stage, count_calls

if TYPE_CHECKING:
    from chalicelib.rollouts.records import RolloutState

SEEDS = 100
WINDOWS = 12
CALLS = 500
"""Calls of a window."""
SETTINGS = ((20, 25.0), (100, 5.0), (100, 25.0), (1_000, 5.0), (1_000, 25.0))
"""End users, and the share of the candidate."""


def rolled_back(plan: RolloutState) -> dict[str, dict[str, float]]:
    """Return how often versions that are alike are rolled back, by end users and share.

    `as they come` counts every call, as if each had an end user of its own.
    """
    found: dict[str, dict[str, float]] = {}
    with ProcessPoolExecutor() as pool:
        for users, share in SETTINGS:
            for known, name in ((True, "few of each"), (False, "as they come")):
                run = partial(_is_rolled_back, plan, users, share, known)
                ends = list(pool.map(run, range(SEEDS), chunksize=10))
                found.setdefault(f"{users} end users, {share:g} %", {})[name] = sum(ends) / SEEDS
    return found


def _is_rolled_back(plan: RolloutState, users: int, share: float, known: bool, seed: int) -> bool:
    rng = np.random.default_rng(seed)
    errors = rng.beta(0.5, 9.5, users)
    latency = np.exp(rng.normal(0, 0.5, users)) * 1_000
    weights = rng.pareto(1.2, users) + 0.01
    arms = [assign_arm(share, end_user_position(f"{seed}", "bench", f"{n}")) for n in range(users)]
    stages = tuple(
        stage.model_copy(update={"share": share, "shadow": False}) for stage in plan.rollout.stages
    )
    rollout = plan.rollout.model_copy(update={"stages": stages})
    now = plan.rollout.created_at
    state = begin_stage(plan.model_copy(update={"rollout": rollout}), 1, now)
    for window in range(WINDOWS):
        callers = rng.choice(users, CALLS, p=weights / weights.sum())
        calls = tuple(
            CallMetrics(
                call_id=f"{window:04d}-{n:04d}",
                arm=arms[user],
                at=now + timedelta(seconds=n),
                error=bool(rng.random() < errors[user]),
                end_user=f"{user}" if known else "",
                latency_ms=int(latency[user] * np.exp(rng.normal(0, 0.5))),
                nanodollars=1_000,
            )
            for n, user in enumerate(callers)
        )
        now += timedelta(seconds=CALLS)
        state = count_calls(state, ObservedCalls(calls, f"{window}"), now)
        if decide(state, now).action == "roll_back":
            return True
    return False
