"""Deployment guardrails: the steps in which a blue/green update shifts traffic. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.hosting.fleet import Fleet
from localcloud.sagemaker.requests import check_unsupported, validation_error

DEFAULT_TIMEOUT_S = 28_800
"""The longest MaximumExecutionTimeoutInSeconds; AWS does not document its default."""
_MAX_STEP = 0.5
_MIN_LINEAR_STEP = 0.1
_SIZES = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """How an update shifts traffic to the new fleet.

    Attributes:
        shares: the share of traffic on the new fleet after each step; the last is 1.
        bake_s: seconds for which the alarms are watched after each step.
        termination_wait_s: seconds after the last baking period until the old fleet is stopped.
        timeout_s: seconds after which the update is rolled back.
        alarms: names of the CloudWatch alarms that roll the update back.
    """

    shares: tuple[float, ...]
    bake_s: float
    termination_wait_s: float
    timeout_s: float
    alarms: tuple[str, ...]


def check_guardrails(config: Mapping[str, Any], current: Fleet | None, new: Fleet) -> None:
    """Raise ValidationException if an update can't shift traffic by this DeploymentConfig."""
    check_unsupported(config, ("RollingUpdatePolicy",), "DeploymentConfig")
    if current is not None and _names(current) != _names(new):
        raise validation_error(
            f"The new configuration must have the variants of the old one, {_names(current)}, for "
            f"an update with a DeploymentConfig; it has {_names(new)}."
        )
    plan = shift_plan(config, new)
    waits_s = plan.bake_s * len(plan.shares) + plan.termination_wait_s
    if waits_s >= plan.timeout_s:
        raise validation_error(
            f"MaximumExecutionTimeoutInSeconds {plan.timeout_s} must be larger than the total "
            f"waiting time, {waits_s} s."
        )


def shift_plan(config: Mapping[str, Any], new: Fleet) -> ShiftPlan:
    """Return the steps of an update to the fleet `new`. Raises ValidationException.

    An endpoint on Inf1 instances falls back to all at once without baking, as on AWS.
    """
    policy = config.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {})
    shares, bake_s = _shares(routing, new), routing.get("WaitIntervalInSeconds", 0)
    if any(each.instance_type.startswith("ml.inf1.") for each in new.variants):
        shares, bake_s = (1.0,), 0
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", ())
    return ShiftPlan(
        shares,
        bake_s,
        policy.get("TerminationWaitInSeconds", 0),
        policy.get("MaximumExecutionTimeoutInSeconds", DEFAULT_TIMEOUT_S),
        tuple(each["AlarmName"] for each in alarms),
    )


def _shares(routing: Mapping[str, Any], fleet: Fleet) -> tuple[float, ...]:
    kind = routing.get("Type", "ALL_AT_ONCE")
    for other, field in _SIZES.items():
        if (field in routing) != (other == kind):
            raise validation_error(
                f"A TrafficRoutingConfiguration of the type {kind} "
                + (f"needs {field}." if other == kind else f"can't have {field}.")
            )
    if kind == "ALL_AT_ONCE":
        return (1.0,)
    field = _SIZES[kind]
    step = _step_share(routing[field], fleet, field)
    if kind == "CANARY":
        return (step, 1.0)
    if step < _MIN_LINEAR_STEP:
        raise validation_error(
            f"LinearStepSize must be 10-50% of the variant's total instance count, not {step:.0%}."
        )
    # Rounded, as 1 / 0.1 must be 10 steps whatever the binary fraction is.
    steps = math.ceil(round(1 / step, 9))
    return tuple(min(1.0, step * (number + 1)) for number in range(steps))


def _step_share(size: Mapping[str, Any], fleet: Fleet, field: str) -> float:
    if size["Type"] == "CAPACITY_PERCENT":
        step = size["Value"] / 100
    elif any(each.mode == "serverless" for each in fleet.variants):
        raise validation_error(
            f"{field} of a serverless endpoint must be a CAPACITY_PERCENT; it has no instances."
        )
    else:
        step = size["Value"] / max(min(each.initial for each in fleet.variants), 1)
    if step > _MAX_STEP:
        raise validation_error(
            f"{field} must be less than or equal to 50% of the variant's total instance count, "
            f"not {step:.0%}."
        )
    return float(step)


def _names(fleet: Fleet) -> Sequence[str]:
    return sorted(each.variant_name for each in fleet.variants)
