"""Several production variants of an endpoint, their weights, and updates with guardrails.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-ab-testing.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpointWeightsAndCapacities.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker.conftest import Bench, eventually

ALARM = "endpoint-errors"


def answers(bench: Bench, **more: str) -> set[tuple[str, str]]:
    """Return which variants answered 12 calls, and what they said."""
    seen = set()
    for _ in range(12):
        answered = bench.runtime.invoke_endpoint(EndpointName="e", Body=b"{}", **more)
        said = "old" if b"old" in answered["Body"].read() else "new"
        seen.add((answered["InvokedProductionVariant"], said))
    return seen


def weights(bench: Bench) -> dict[str, tuple[float, float, int]]:
    described = bench.sagemaker.describe_endpoint(EndpointName="e")
    return {
        each["VariantName"]: (
            each["CurrentWeight"],
            each["DesiredWeight"],
            each["CurrentInstanceCount"],
        )
        for each in described["ProductionVariants"]
    }


def refusal(call: Callable[..., Any], **params: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**params)
    error = raised.value.response["Error"]
    assert error["Code"] in ("ValidationException", "ValidationError")
    return error["Message"]


def divided(bench: Bench, champion: float, challenger: float) -> Bench:
    """Have an endpoint with two variants of these weights."""
    bench.model("champion", GREETING="old")
    bench.model("challenger", GREETING="new")
    config = bench.divided("both", {"champion": champion, "challenger": challenger})
    bench.endpoint("e", config)
    return bench


def test_calls_should_go_by_weight_or_to_the_variant_that_is_asked_for(bench: Bench) -> None:
    divided(bench, 1, 0)
    assert weights(bench) == {"champion": (1, 1, 1), "challenger": (0, 0, 1)}
    assert answers(bench) == {("champion", "old")}
    assert answers(bench, TargetVariant="challenger") == {("challenger", "new")}
    unknown = refusal(bench.runtime.invoke_endpoint, EndpointName="e", TargetVariant="x", Body=b"")
    assert unknown == "The endpoint e has no variant x."

    def move(*changes: dict[str, Any]) -> None:
        bench.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="e", DesiredWeightsAndCapacities=list(changes)
        )
        described = bench.sagemaker.describe_endpoint(EndpointName="e")
        assert described["EndpointStatus"] == "Updating"
        assert "PendingDeploymentSummary" not in described
        again = bench.sagemaker.update_endpoint_weights_and_capacities
        said = refusal(again, EndpointName="e", DesiredWeightsAndCapacities=list(changes))
        assert said.startswith("Cannot update in-progress endpoint")
        bench.settled("e")

    move({"VariantName": "challenger", "DesiredWeight": 3, "DesiredInstanceCount": 2})
    assert weights(bench) == {"champion": (1, 1, 1), "challenger": (3, 3, 2)}
    move({"VariantName": "champion", "DesiredWeight": 0})
    assert answers(bench) == {("challenger", "new")}
    nobody = [{"VariantName": "challenger", "DesiredWeight": 0}]
    call = bench.sagemaker.update_endpoint_weights_and_capacities
    zero = refusal(call, EndpointName="e", DesiredWeightsAndCapacities=nobody)
    assert zero == "At least one variant needs a weight above 0."
    bench.divided("again", {"champion": 1, "challenger": 1})
    bench.sagemaker.update_endpoint(
        EndpointName="e",
        EndpointConfigName="again",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )
    bench.settled("e")
    assert weights(bench) == {"champion": (0, 0, 1), "challenger": (3, 3, 1)}


def test_weights_should_be_there_after_a_restart(make_bench: Callable[..., Bench]) -> None:
    divided(make_bench(), 0, 2.5)
    again = make_bench()
    assert weights(again) == {"champion": (0, 0, 1), "challenger": (2.5, 2.5, 1)}
    assert answers(again) == {("challenger", "new")}


def guarded(bench: Bench, wait_s: int) -> dict[str, Any]:
    """Update an endpoint that says old to one that says new, with a canary and an alarm."""
    bench.written.alarms = {ALARM: "OK"}
    bench.endpoint("e", bench.config("one", bench.model("first", GREETING="old")))
    bench.config("two", bench.model("second", GREETING="new"))
    canary = {"Type": "CAPACITY_PERCENT", "Value": 50}
    routing = {"Type": "CANARY", "WaitIntervalInSeconds": wait_s, "CanarySize": canary}
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]},
    }
    bench.sagemaker.update_endpoint(
        EndpointName="e", EndpointConfigName="two", DeploymentConfig=config
    )
    return config


def baking(bench: Bench) -> Any:
    """Return the description of the endpoint if its update bakes."""
    described = bench.sagemaker.describe_endpoint(EndpointName="e")
    pending = described.get("PendingDeploymentSummary")
    status = pending and pending["ProductionVariants"][0]["VariantStatus"][0]
    return status and status["Status"] == "Baking" and described


def served(bench: Bench) -> Any:
    """Return the description of the endpoint once no update is in progress."""
    described = bench.sagemaker.describe_endpoint(EndpointName="e")
    return described["EndpointStatus"] == "InService" and described


def test_a_canary_should_take_its_share_and_then_the_rest(bench: Bench) -> None:
    config = guarded(bench, wait_s=1)
    during = eventually(lambda: baking(bench))
    assert during["EndpointConfigName"] == "one"
    pending = during["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == "two"
    message = pending["ProductionVariants"][0]["VariantStatus"][0]["StatusMessage"]
    assert message == "50% of the traffic is on the new fleet."
    after = eventually(lambda: served(bench))
    assert after["EndpointConfigName"] == "two"
    assert after["LastDeploymentConfig"] == config
    assert "FailureReason" not in after
    assert answers(bench) == {("main", "new")}


def test_an_alarm_should_bring_all_traffic_back(bench: Bench) -> None:
    guarded(bench, wait_s=60)
    eventually(lambda: baking(bench))
    bench.written.alarms[ALARM] = "ALARM"
    after = eventually(lambda: served(bench))
    assert after["EndpointConfigName"] == "one"
    assert after["FailureReason"] == f"The alarm {ALARM} is in the state ALARM."
    assert answers(bench) == {("main", "old")}


def test_an_update_that_was_killed_while_it_baked_should_begin_again(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    guarded(bench, wait_s=60)
    eventually(lambda: baking(bench))
    again = make_bench()
    eventually(lambda: served(again))
    assert answers(again) == {("main", "old")}  # its alarm does not exist, so it went back


def test_an_update_that_aws_would_refuse_should_be_refused_by_name(bench: Bench) -> None:
    bench.endpoint("e", bench.config("one", bench.model()))
    bench.divided("other", {"model": 1})

    def policy(**routing: Any) -> dict[str, Any]:
        given = {"WaitIntervalInSeconds": 0, **routing}
        return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": given}}

    def percent(value: int) -> dict[str, Any]:
        return {"Type": "CAPACITY_PERCENT", "Value": value}

    one = {"Type": "INSTANCE_COUNT", "Value": 1}
    long = policy(Type="ALL_AT_ONCE", WaitIntervalInSeconds=3600)
    long["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    rolling = {"MaximumBatchSize": one, "WaitIntervalInSeconds": 0}
    for config, name, said in (
        (policy(Type="CANARY"), "one", "needs CanarySize"),
        (policy(Type="ALL_AT_ONCE", CanarySize=percent(5)), "one", "can't have CanarySize"),
        (policy(Type="CANARY", CanarySize=percent(51)), "one", "equal to 50%"),
        (policy(Type="CANARY", CanarySize=one), "one", "equal to 50%"),
        (policy(Type="LINEAR", LinearStepSize=percent(9)), "one", "10-50%"),
        (long, "one", "larger than the total waiting time"),
        (policy(Type="ALL_AT_ONCE"), "other", "must have the variants of the old one"),
        ({"RollingUpdatePolicy": rolling}, "one", "RollingUpdatePolicy"),
    ):
        params = {"EndpointName": "e", "EndpointConfigName": name, "DeploymentConfig": config}
        assert said in refusal(bench.sagemaker.update_endpoint, **params)
    assert bench.settled("e")["EndpointStatus"] == "InService"
