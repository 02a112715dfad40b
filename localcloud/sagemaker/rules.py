"""How many instances an asynchronous endpoint is to have. Pure.

A target is tracked as AWS documents it for the backlog of an endpoint: up so that no instance has
more than the target, and down to the least once nothing was asked for the cooldown. From none it
goes up with a step policy at once, and without one when more than the target wait.
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_COOLDOWN_S = 300
"""ScaleInCooldown where a policy does not say."""


@dataclass(frozen=True, slots=True)
class Load:
    """Instances now, invocations that wait or are in hand, seconds since there was the last."""

    instances: int
    backlog: int
    idle_s: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """A scalable target's least and most instances, and which way it is suspended."""

    least: int
    most: int
    no_out: bool = False
    no_in: bool = False

    @classmethod
    def of(cls, target: Mapping[str, Any]) -> Bounds:
        """Read what RegisterScalableTarget was given."""
        suspended = target.get("SuspendedState", {})
        return cls(
            int(target["MinCapacity"]),
            int(target["MaxCapacity"]),
            bool(suspended.get("DynamicScalingOutSuspended")),
            bool(suspended.get("DynamicScalingInSuspended")),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """How many instances there shall be, and why."""

    instances: int
    cause: str


def change(load: Load, bounds: Bounds, policies: Sequence[Mapping[str, Any]]) -> Change | None:
    """Return what is to be changed, or None."""
    if load.instances < bounds.least:
        return Change(bounds.least, "minimum capacity was raised")
    if load.instances > bounds.most:
        return Change(bounds.most, "maximum capacity was lowered")
    tracked = [
        each["TargetTrackingScalingPolicyConfiguration"]
        for each in policies
        if "TargetTrackingScalingPolicyConfiguration" in each
    ]
    stepped = any("StepScalingPolicyConfiguration" in each for each in policies)
    if load.backlog:
        return _out(load, bounds, tracked, stepped)
    return _in(load, bounds, tracked)


def _out(
    load: Load, bounds: Bounds, tracked: Sequence[Mapping[str, Any]], stepped: bool
) -> Change | None:
    if bounds.no_out or bounds.most <= load.instances:
        return None
    wanted = max((math.ceil(load.backlog / _target(each)) for each in tracked), default=0)
    if load.instances:
        wanted = min(wanted, bounds.most)
        if wanted > load.instances:
            return Change(wanted, f"{load.backlog} invocations wait")
        return None
    if stepped:
        return Change(min(max(wanted, 1), bounds.most), "a backlog without capacity")
    if any(load.backlog > _target(each) for each in tracked):
        return Change(min(wanted, bounds.most), f"{load.backlog} invocations wait")
    return None


def _in(load: Load, bounds: Bounds, tracked: Sequence[Mapping[str, Any]]) -> Change | None:
    if bounds.no_in or load.instances <= bounds.least:
        return None
    cooldowns = [
        int(each.get("ScaleInCooldown", DEFAULT_COOLDOWN_S))
        for each in tracked
        if not each.get("DisableScaleIn")
    ]
    if not cooldowns or len(cooldowns) < len(tracked) or load.idle_s < max(cooldowns):
        return None
    return Change(bounds.least, f"nothing was asked for {max(cooldowns)} s")


def _target(policy: Mapping[str, Any]) -> float:
    return float(policy["TargetValue"])
