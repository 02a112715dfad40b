"""InvokeEndpointAsync and scaling to none, in boto3's terms.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker.conftest import BUCKET, Bench, eventually


def test_an_answer_should_come_to_its_place_in_s3(bench: Bench) -> None:
    bench.endpoint("e", bench.asynchronous("c", bench.model()))
    told = bench.later("e", number=7)
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert told["OutputLocation"].startswith(f"s3://{BUCKET}/out/")
    assert told["FailureLocation"].startswith(f"s3://{BUCKET}/failed/")
    body = bench.arrived(told["OutputLocation"])
    assert json.loads(body)["data"] == {"number": 7}
    assert bench.there(told["FailureLocation"]) is None


def test_an_inference_id_should_be_the_callers_where_it_is_given(bench: Bench) -> None:
    bench.endpoint("e", bench.asynchronous("c", bench.model()))
    address = bench.put("in/1", b"{}")
    told = bench.runtime.invoke_endpoint_async(
        EndpointName="e", InputLocation=address, InferenceId="mine"
    )
    assert told["InferenceId"] == "mine"
    assert bench.later("e")["InferenceId"] != bench.later("e")["InferenceId"]


def test_a_failure_should_come_to_its_own_place_with_the_containers_words(bench: Bench) -> None:
    bench.endpoint("e", bench.asynchronous("c", bench.model()))
    refused = bench.later("e", refuse=True)
    assert bench.arrived(refused["FailureLocation"]) == b'{"error": "too long"}'
    missing = bench.runtime.invoke_endpoint_async(
        EndpointName="e", InputLocation=f"s3://{BUCKET}/in/nothing"
    )
    body = bench.arrived(missing["FailureLocation"])
    assert "in/nothing cannot be read" in json.loads(body)["error"]
    assert bench.there(refused["OutputLocation"]) is None


def test_an_invocation_that_takes_too_long_should_fail_and_the_next_be_done(bench: Bench) -> None:
    bench.endpoint("e", bench.asynchronous("c", bench.model()))
    address = bench.put("in/slow", b'{"seconds": 1.5}')
    slow = bench.runtime.invoke_endpoint_async(
        EndpointName="e", InputLocation=address, InvocationTimeoutSeconds=1
    )
    quick = bench.later("e")
    body = bench.arrived(slow["FailureLocation"])
    assert "There was no response in 1 s" in json.loads(body)["error"]
    bench.arrived(quick["OutputLocation"])


def test_a_container_that_dies_should_cost_a_try_and_not_the_invocation(
    bench: Bench, tmp_path: Path
) -> None:
    bench.endpoint("e", bench.asynchronous("c", bench.model()))
    once = bench.later("e", crash_once=str(tmp_path / "crashed"))
    assert bench.arrived(once["OutputLocation"])
    assert (tmp_path / "crashed").exists()
    always = bench.later("e", crash=True)
    body = bench.arrived(always["FailureLocation"])
    assert "no response in 3 attempts" in json.loads(body)["error"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"InputLocation": "https://example.com/in"}, "InputLocation"),
        ({"InputLocation": "s3://b/in", "Filename": "a.out"}, "Filename"),
        ({"Body": b"{}"}, "Body"),
    ],
)
def test_what_cannot_be_queued_should_be_refused_by_name(
    params: dict[str, Any], said: str, bench: Bench
) -> None:
    bench.endpoint("e", bench.asynchronous("c", bench.model()))
    with pytest.raises(ClientError, match=said) as raised:
        bench.runtime.invoke_endpoint_async(EndpointName="e", **params)
    assert raised.value.response["Error"]["Code"] == "ValidationError"


def test_a_real_time_endpoint_should_not_queue(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    with pytest.raises(ClientError, match="use InvokeEndpoint"):
        bench.later("e")


def test_an_endpoint_should_go_down_to_none_and_be_woken_by_what_is_queued(bench: Bench) -> None:
    bench.endpoint("e", bench.asynchronous("c", bench.model()))
    bench.scale_to_none("e")
    first = bench.later("e")
    pid = json.loads(bench.arrived(first["OutputLocation"]))["pid"]
    eventually(lambda: bench.instances("e") == 0)
    (host,) = bench.service.hosts.all()
    assert host.pid is None
    second = bench.later("e")
    assert json.loads(bench.arrived(second["OutputLocation"]))["pid"] != pid
    told = bench.scaling.describe_scaling_activities(ServiceNamespace="sagemaker")
    causes = [each["Cause"] for each in told["ScalingActivities"]]
    assert causes[-2:] == ["a backlog without capacity", "no invocation for 1 s"]


def test_without_a_step_policy_it_should_stay_asleep_until_the_target_is_passed(
    bench: Bench,
) -> None:
    bench.endpoint("e", bench.asynchronous("c", bench.model()))
    bench.scale_to_none("e", wakes=False)
    eventually(lambda: bench.instances("e") == 0)
    asked = [bench.later("e", number=n) for n in range(3)]
    assert bench.service.hosts.all()[0].pid is None
    assert bench.there(asked[0]["OutputLocation"]) is None
    asked.append(bench.later("e", number=3))
    for told in asked:
        bench.arrived(told["OutputLocation"])


def test_what_was_queued_should_be_done_after_a_restart(make_bench: Callable[..., Bench]) -> None:
    first = make_bench()
    first.endpoint("e", first.asynchronous("c", first.model()))
    told = [first.later("e", seconds=0.4, number=n) for n in range(4)]
    first.arrived(told[0]["OutputLocation"])
    second = make_bench()
    answers = [json.loads(second.arrived(t["OutputLocation"])) for t in told]
    assert [answer["data"]["number"] for answer in answers] == [0, 1, 2, 3]


def test_targets_and_policies_should_be_described_changed_and_forgotten(bench: Bench) -> None:
    bench.endpoint("e", bench.asynchronous("c", bench.model()))
    of = bench.scale_to_none("e")
    (target,) = bench.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")[
        "ScalableTargets"
    ]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 2)
    bench.scaling.register_scalable_target(**of, MaxCapacity=4)
    (changed,) = bench.scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[of["ResourceId"]]
    )["ScalableTargets"]
    assert (changed["MinCapacity"], changed["MaxCapacity"]) == (0, 4)
    assert changed["ScalableTargetARN"] == target["ScalableTargetARN"]
    policies = bench.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")
    assert {each["PolicyName"] for each in policies["ScalingPolicies"]} == {"backlog", "wake"}
    bench.scaling.delete_scaling_policy(**of, PolicyName="wake")
    bench.scaling.deregister_scalable_target(**of)
    assert not bench.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")[
        "ScalingPolicies"
    ]
    with pytest.raises(bench.scaling.exceptions.ObjectNotFoundException):
        bench.scaling.deregister_scalable_target(**of)


def test_an_endpoint_that_is_made_again_should_not_have_the_scaling_of_the_one_before(
    bench: Bench,
) -> None:
    bench.endpoint("e", bench.asynchronous("c", bench.model()))
    bench.scale_to_none("e")
    bench.sagemaker.delete_endpoint(EndpointName="e")
    described = bench.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")
    assert described["ScalableTargets"] == []
    bench.endpoint("e", "c")
    told = bench.later("e")
    bench.arrived(told["OutputLocation"])
    assert bench.instances("e") == 1


def test_only_what_goes_down_to_none_should_be_let_to(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    of = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/e/variant/main",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    register = bench.scaling.register_scalable_target
    for params, said in (
        ({**of, "MinCapacity": 0, "MaxCapacity": 1}, "needs at least 1"),
        ({**of, "MinCapacity": 1}, "needs MinCapacity and MaxCapacity"),
        ({**of, "MinCapacity": 3, "MaxCapacity": 2}, "no more than"),
        ({**of, "ResourceId": "endpoint/x/variant/main", "MinCapacity": 1, "MaxCapacity": 1}, "no"),
        ({**of, "ServiceNamespace": "ecs", "MinCapacity": 1, "MaxCapacity": 1}, "endpoints only"),
    ):
        with pytest.raises(ClientError, match=said):
            register(**params)
    with pytest.raises(ClientError, match="needs at least 1"):
        bench.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="e",
            DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 0}],
        )
    register(**of, MinCapacity=2, MaxCapacity=3)
    eventually(lambda: bench.instances("e") == 2)
