"""Which variant serves an invocation, and in which steps an update shifts traffic.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-ab-testing.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green-linear.html
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from localcloud.sagemaker.hosting.deployment import Deployment
from localcloud.sagemaker.hosting.fleet import Fleet, VariantCapacity
from localcloud.sagemaker.hosting.guardrails import shift_plan


def fleet(*names: str, instances: int = 1, instance_type: str = "ml.m5.large") -> Fleet:
    return Fleet(
        tuple(
            Deployment(
                id=name,
                endpoint="e",
                mode="instances",
                package="",
                role_arn="",
                image="",
                environment={},
                startup_s=60,
                initial=instances,
                variant={"VariantName": name, "InstanceType": instance_type},
            )
            for name in names
        )
    )


def test_variants_should_be_chosen_by_the_ratio_of_their_weights() -> None:
    weights = {"a": 1.0, "b": 0.0, "c": 3.0}
    capacities = {name: VariantCapacity(weight, 1) for name, weight in weights.items()}
    draws = [number / 1000 for number in range(1000)]
    chosen = Counter(fleet("a", "b", "c").choose(capacities, draw).id for draw in draws)
    assert chosen == {"a": 250, "c": 750}


@pytest.mark.parametrize(
    ("size", "shares"),
    [
        ({"CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10}}, (0.1, 1.0)),
        ({"CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}, (0.25, 1.0)),
        ({"LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 2}}, (0.5, 1.0)),
        ({"LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 30}}, (0.3, 0.6, 0.9, 1.0)),
    ],
)
def test_traffic_should_shift_in_the_steps_of_the_configuration(
    size: dict[str, Any], shares: tuple[float, ...]
) -> None:
    kind = "CANARY" if "CanarySize" in size else "LINEAR"
    routing = {"Type": kind, "WaitIntervalInSeconds": 5, **size}
    config = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    assert shift_plan(config, fleet("a", instances=4)).shares == pytest.approx(shares)
    inferentia = shift_plan(config, fleet("a", instances=4, instance_type="ml.inf1.xlarge"))
    assert (inferentia.shares, inferentia.bake_s) == ((1.0,), 0)
