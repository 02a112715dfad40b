"""The endpoint of the template, made by the local cloud, changed and scaled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.sagemaker_variants import SageMakerVariants
from localcloud.composition import run_cloud
from tests.architecture.templates import plain
from tests.integration.sagemaker.conftest import eventually, package

NAMES = (
    *("DocumentsBucket", "EndpointLogs", "EndpointRole", "EndpointModel", "EndpointConfig"),
    *("Endpoint", "EndpointTarget", "EndpointTracking", "EndpointWake", "EndpointBacklog"),
    *("EndpointChallenger", "EndpointErrors", "EndpointLatency"),
    *("ChatAsksEndpoint", "StreamChatRole", "RolloutsMoveWeights", "AdvanceRolloutRole"),
)
ON = {"Stage": "try", "Endpoints": "on", "EndpointModelBucket": "models"}


def template() -> dict[str, Any]:
    """Return the template with what an endpoint takes and nothing more."""
    whole = plain("try")
    resources = {name: whole["Resources"][name] for name in NAMES}
    for name in ("StreamChatRole", "AdvanceRolloutRole"):
        role = resources[name]
        resources[name] = {**role, "Properties": {**role["Properties"], "Policies": []}}
        resources[name].pop("Metadata", None)
    made = {name: whole[name] for name in ("Parameters", "Conditions")}
    key = {"Type": "AWS::KMS::Key", "Condition": "MakesKey", "Properties": {"KeyPolicy": {}}}
    return {**made, "Resources": {**resources, "StageKey": key}}


def test_off_it_should_make_nothing_of_sagemaker(tmp_path: Path) -> None:
    with run_cloud(tmp_path / "data", template(), {"Stage": "try"}, tmp_path, 0) as (cloud, _):
        assert cloud.client("sagemaker").list_models()["Models"] == []
        assert cloud.client("sagemaker").list_endpoints()["Endpoints"] == []


def settled(sagemaker: Any) -> Mapping[str, Any]:
    """Return the endpoint once no deployment is in progress."""

    def look() -> Any:
        found = sagemaker.describe_endpoint(EndpointName="headrace-try-model")
        return found["EndpointStatus"] not in ("Creating", "Updating", "RollingBack") and found

    found: Mapping[str, Any] = eventually(look)
    return found


def test_on_it_should_make_an_endpoint_that_answers_changes_and_goes_down_to_none(
    tmp_path: Path,
) -> None:
    with run_cloud(tmp_path / "data", template(), ON, tmp_path, 0) as (cloud, _):
        s3, sagemaker = cloud.client("s3"), cloud.client("sagemaker")
        assert settled(sagemaker)["EndpointStatus"] == "Failed", "its package is not there yet"
        s3.create_bucket(Bucket="models")
        s3.put_object(Bucket="models", Key="second.tar.gz", Body=package())
    changed = {**ON, "EndpointModelKey": "second.tar.gz", "EndpointMaxInstances": "3"}
    with run_cloud(tmp_path / "data", template(), changed, tmp_path, 0) as (cloud, _):
        s3, sagemaker = cloud.client("s3"), cloud.client("sagemaker")
        assert settled(sagemaker)["EndpointStatus"] == "InService"
        (bucket,) = [b["Name"] for b in s3.list_buckets()["Buckets"] if "documents" in b["Name"]]
        s3.put_object(Bucket=bucket, Key="jobs/acme/calls/1.in", Body=b'{"n": 1}')
        told = cloud.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName="headrace-try-model",
            InputLocation=f"s3://{bucket}/jobs/acme/calls/1.in",
        )
        key = told["OutputLocation"].removeprefix(f"s3://{bucket}/")
        assert key.startswith("jobs/.answers/")
        there = {"Bucket": bucket, "Prefix": key}
        eventually(lambda: s3.list_objects_v2(**there).get("KeyCount"))
        answer = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        assert answer["data"] == {"n": 1}
        scaling = cloud.client("application-autoscaling")
        (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ]
        assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)
        policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")
        kinds = {each["PolicyType"] for each in policies["ScalingPolicies"]}
        assert kinds == {"TargetTrackingScaling", "StepScaling"}
        (name,) = [n for n in _roles(cloud.client("iam")) if "streamchat" in n.lower()]
        assert cloud.client("iam").list_role_policies(RoleName=name)["PolicyNames"] == [
            "AskEndpoint"
        ]


def test_an_update_should_shift_by_canary_and_keep_what_a_rollout_moved(tmp_path: Path) -> None:
    real_time = {
        **ON,
        "EndpointMode": "real-time",
        "EndpointChallengerKey": "second.tar.gz",
        "EndpointShiftPercent": "50",
        "EndpointBakeSeconds": "1",
    }
    with run_cloud(tmp_path / "data", template(), real_time, tmp_path, 0) as (cloud, _):
        s3, sagemaker = cloud.client("s3"), cloud.client("sagemaker")
        assert settled(sagemaker)["EndpointStatus"] == "Failed", "its packages are not there yet"
        s3.create_bucket(Bucket="models")
        for key in ("model.tar.gz", "second.tar.gz", "third.tar.gz"):
            s3.put_object(Bucket="models", Key=key, Body=package())
        sagemaker.update_endpoint(
            EndpointName="headrace-try-model",
            EndpointConfigName=settled(sagemaker)["EndpointConfigName"],
        )
        made = settled(sagemaker)
        assert made["EndpointStatus"] == "InService", made.get("FailureReason")
        assert weights(made) == {"main": 1, "challenger": 0}
        _move_as_rollouts_do(cloud)
        assert weights(settled(sagemaker)) == {"main": 0.75, "challenger": 0.25}
    changed = {**real_time, "EndpointModelKey": "third.tar.gz"}
    with run_cloud(tmp_path / "data", template(), changed, tmp_path, 0) as (cloud, _):
        after = settled(cloud.client("sagemaker"))
        assert after.get("FailureReason") is None, "its role may read the alarms"
        assert after["EndpointConfigName"] != made["EndpointConfigName"]
        assert weights(after) == {"main": 0.75, "challenger": 0.25}
        shift = after["LastDeploymentConfig"]
        routing = shift["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
        assert (routing["Type"], routing["CanarySize"]["Value"]) == ("CANARY", 50)
        alarms = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="headrace-try-endpoint")
        latency = {each["MetricName"]: each["Threshold"] for each in alarms["MetricAlarms"]}
        assert latency == {"Invocation5XXErrors": 0.05, "ModelLatency": 30_000_000}
        assert {each["AlarmName"] for each in alarms["MetricAlarms"]} == {
            each["AlarmName"] for each in shift["AutoRollbackConfiguration"]["Alarms"]
        }


def weights(described: Mapping[str, Any]) -> dict[str, float]:
    return {each["VariantName"]: each["CurrentWeight"] for each in described["ProductionVariants"]}


def _move_as_rollouts_do(cloud: Any) -> None:
    """Set weights with the role of the function that advances rollouts, which may do no more."""
    (name,) = [n for n in _roles(cloud.client("iam")) if "advancerollout" in n.lower()]
    arn = cloud.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    given = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    client = boto3.client(
        "sagemaker",
        region_name="us-east-1",
        endpoint_url=cloud.client("sts").meta.endpoint_url,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    variants = SageMakerVariants(client)
    assert variants.traffic("headrace-try-model").weights == {"main": 1, "challenger": 0}
    variants.set_weights("headrace-try-model", {"main": 0.75, "challenger": 0.25})
    with pytest.raises(ClientError, match="sagemaker:DeleteEndpoint"):
        client.delete_endpoint(EndpointName="headrace-try-model")


def _roles(iam: Any) -> list[str]:
    return [role["RoleName"] for role in iam.list_roles()["Roles"]]
