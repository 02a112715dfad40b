"""Scaling by a backlog, as AWS documents it for asynchronous endpoints.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.sagemaker.hosting.scaling_rules import CapacityLimits, EndpointLoad, plan_capacity

STEP: dict[str, Any] = {"StepScalingPolicyConfiguration": {"AdjustmentType": "ChangeInCapacity"}}


def tracking(target: float = 5, **more: Any) -> dict[str, Any]:
    return {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": target, **more}}


def wanted(load: EndpointLoad, bounds: CapacityLimits, *policies: dict[str, Any]) -> int | None:
    found = plan_capacity(load, bounds, policies)
    return None if found is None else found.instances


@pytest.mark.parametrize(
    ("backlog", "policies", "instances"),
    [
        (1, (tracking(5), STEP), 1),
        (5, (tracking(5),), None),
        (6, (tracking(5),), 2),
        (1, (STEP,), 1),
        (9, (), None),
        (100, (tracking(5), STEP), 4),
    ],
)
def test_from_none_it_should_wake_at_once_by_a_step_and_by_a_target_when_that_is_passed(
    backlog: int, policies: tuple[dict[str, Any], ...], instances: int | None
) -> None:
    assert wanted(EndpointLoad(0, backlog, 0.0), CapacityLimits(0, 4), *policies) == instances


@pytest.mark.parametrize(
    ("idle_s", "policies", "instances"),
    [
        (299.0, (tracking(),), None),
        (300.0, (tracking(),), 0),
        (2.0, (tracking(ScaleInCooldown=2),), 0),
        (1.9, (tracking(ScaleInCooldown=2),), None),
        (999.0, (tracking(DisableScaleIn=True),), None),
        (999.0, (STEP,), None),
        (999.0, (), None),
    ],
)
def test_it_should_go_down_to_the_least_once_nothing_was_asked_for_the_cooldown(
    idle_s: float, policies: tuple[dict[str, Any], ...], instances: int | None
) -> None:
    assert wanted(EndpointLoad(2, 0, idle_s), CapacityLimits(0, 4), *policies) == instances


def test_what_is_suspended_should_not_be_done() -> None:
    suspended = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True}
    bounds = CapacityLimits.from_target(
        {"MinCapacity": 0, "MaxCapacity": 4, "SuspendedState": suspended}
    )
    assert wanted(EndpointLoad(0, 9, 0.0), bounds, tracking(), STEP) is None
    assert wanted(EndpointLoad(1, 0, 999.0), bounds, tracking(), STEP) is None


LOADS = st.builds(
    EndpointLoad, st.integers(0, 10), st.integers(0, 200), st.floats(0, 1_000, allow_nan=False)
)
BOUNDS = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(
    lambda p: CapacityLimits(min(p), max(p))
)
POLICIES = st.lists(
    st.one_of(
        st.just(STEP),
        st.builds(
            lambda target, cooldown: tracking(target, ScaleInCooldown=cooldown),
            st.floats(0.5, 50),
            st.integers(0, 600),
        ),
    ),
    max_size=3,
)


@given(LOADS, BOUNDS, POLICIES)
def test_capacity_should_keep_within_its_bounds_and_settle(
    load: EndpointLoad, bounds: CapacityLimits, policies: list[dict[str, Any]]
) -> None:
    found = plan_capacity(load, bounds, policies)
    if found is not None:
        assert bounds.min_instances <= found.instances <= bounds.max_instances
        assert found.instances != load.instances
        if load.backlog and bounds.min_instances <= load.instances <= bounds.max_instances:
            assert found.instances > load.instances, "what is asked for is not taken away"
    settled = load
    for _ in range(4):
        after = plan_capacity(settled, bounds, policies)
        if after is None:
            break
        settled = EndpointLoad(after.instances, load.backlog, load.idle_s)
    assert plan_capacity(settled, bounds, policies) is None
