"""Scaling decisions for asynchronous endpoints. Pure.

Target tracking follows AWS's documentation for the backlog of an endpoint: it scales out so that no
instance has more than the target, and in to the minimum once there was no invocation for the
cooldown. From zero a step policy scales out at once; without one, more than the target must wait.
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_COOLDOWN_S = 300
"""Default of ScaleInCooldown."""


@dataclass(frozen=True, slots=True)
class EndpointLoad:
    """Current instances, invocations without a result, and seconds since there was the last one."""

    instances: int
    backlog: int
    idle_s: float


@dataclass(frozen=True, slots=True)
class CapacityLimits:
    """The capacity limits of a scalable target, and the directions that are suspended."""

    min_instances: int
    max_instances: int
    scale_out_suspended: bool = False
    scale_in_suspended: bool = False

    @classmethod
    def from_target(cls, target: Mapping[str, Any]) -> CapacityLimits:
        """Return the limits of a RegisterScalableTarget request."""
        suspended = target.get("SuspendedState", {})
        return cls(
            int(target["MinCapacity"]),
            int(target["MaxCapacity"]),
            bool(suspended.get("DynamicScalingOutSuspended")),
            bool(suspended.get("DynamicScalingInSuspended")),
        )


@dataclass(frozen=True, slots=True)
class CapacityChange:
    """The new number of instances, and the cause of the change."""

    instances: int
    cause: str


def plan_capacity(
    load: EndpointLoad, limits: CapacityLimits, policies: Sequence[Mapping[str, Any]]
) -> CapacityChange | None:
    """Return the change of capacity that the policies require, or None."""
    if load.instances < limits.min_instances:
        return CapacityChange(limits.min_instances, "minimum capacity was raised")
    if load.instances > limits.max_instances:
        return CapacityChange(limits.max_instances, "maximum capacity was lowered")
    trackers = [
        each["TargetTrackingScalingPolicyConfiguration"]
        for each in policies
        if "TargetTrackingScalingPolicyConfiguration" in each
    ]
    has_step_policy = any("StepScalingPolicyConfiguration" in each for each in policies)
    if load.backlog:
        return _scale_out(load, limits, trackers, has_step_policy)
    return _scale_in(load, limits, trackers)


def _scale_out(
    load: EndpointLoad,
    limits: CapacityLimits,
    trackers: Sequence[Mapping[str, Any]],
    has_step_policy: bool,
) -> CapacityChange | None:
    if limits.scale_out_suspended or limits.max_instances <= load.instances:
        return None
    desired = max((math.ceil(load.backlog / _target(each)) for each in trackers), default=0)
    if load.instances:
        desired = min(desired, limits.max_instances)
        if desired > load.instances:
            return CapacityChange(desired, f"{load.backlog} invocations wait")
        return None
    if has_step_policy:
        return CapacityChange(
            min(max(desired, 1), limits.max_instances), "a backlog without capacity"
        )
    if any(load.backlog > _target(each) for each in trackers):
        return CapacityChange(
            min(desired, limits.max_instances), f"{load.backlog} invocations wait"
        )
    return None


def _scale_in(
    load: EndpointLoad, limits: CapacityLimits, trackers: Sequence[Mapping[str, Any]]
) -> CapacityChange | None:
    if limits.scale_in_suspended or load.instances <= limits.min_instances:
        return None
    cooldowns = [
        int(each.get("ScaleInCooldown", DEFAULT_COOLDOWN_S))
        for each in trackers
        if not each.get("DisableScaleIn")
    ]
    if not cooldowns or len(cooldowns) < len(trackers) or load.idle_s < max(cooldowns):
        return None
    return CapacityChange(limits.min_instances, f"no invocation for {max(cooldowns)} s")


def _target(policy: Mapping[str, Any]) -> float:
    return float(policy["TargetValue"])
