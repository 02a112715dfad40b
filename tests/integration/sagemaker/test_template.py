"""The endpoint of the template, made by the local cloud, changed and scaled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.composition import run_cloud
from tests.architecture.templates import plain
from tests.integration.sagemaker.conftest import eventually, package

NAMES = (
    *("DocumentsBucket", "EndpointLogs", "EndpointRole", "EndpointModel", "EndpointConfig"),
    *("Endpoint", "EndpointTarget", "EndpointTracking", "EndpointWake", "EndpointBacklog"),
    *("ChatAsksEndpoint", "StreamChatRole"),
)
ON = {"Stage": "try", "Endpoints": "on", "EndpointModelBucket": "models"}


def template() -> dict[str, Any]:
    """Return the template with what an endpoint takes and nothing more."""
    whole = plain("try")
    resources = {name: whole["Resources"][name] for name in NAMES}
    role = resources["StreamChatRole"]
    resources["StreamChatRole"] = {**role, "Properties": {**role["Properties"], "Policies": []}}
    resources["StreamChatRole"].pop("Metadata", None)
    made = {name: whole[name] for name in ("Parameters", "Conditions")}
    key = {"Type": "AWS::KMS::Key", "Condition": "MakesKey", "Properties": {"KeyPolicy": {}}}
    return {**made, "Resources": {**resources, "StageKey": key}}


def test_off_it_should_make_nothing_of_sagemaker(tmp_path: Path) -> None:
    with run_cloud(tmp_path / "data", template(), {"Stage": "try"}, tmp_path, 0) as (cloud, _):
        assert cloud.client("sagemaker").list_models()["Models"] == []
        assert cloud.client("sagemaker").list_endpoints()["Endpoints"] == []


def test_on_it_should_make_an_endpoint_that_answers_changes_and_goes_down_to_none(
    tmp_path: Path,
) -> None:
    def settled(sagemaker: Any) -> Mapping[str, Any]:
        def look() -> Any:
            found = sagemaker.describe_endpoint(EndpointName="headrace-try-model")
            return found["EndpointStatus"] not in ("Creating", "Updating") and found

        found: Mapping[str, Any] = eventually(look)
        return found

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


def _roles(iam: Any) -> list[str]:
    return [role["RoleName"] for role in iam.list_roles()["Roles"]]
