"""The registry of models through boto3.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-approve.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker.conftest import Bench

SERVES = {
    "Containers": [{"Image": "image", "ModelDataUrl": "s3://models/one.tar.gz"}],
    "SupportedContentTypes": ["application/json"],
    "SupportedResponseMIMETypes": ["application/json"],
}
METRICS = {
    "ModelQuality": {
        "Statistics": {"ContentType": "application/json", "S3Uri": "s3://models/evaluation.json"}
    }
}


def registered(bench: Bench, group: str = "vae", **more: Any) -> str:
    made = bench.sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=SERVES, ModelMetrics=METRICS, **more
    )
    return str(made["ModelPackageArn"])


@pytest.fixture
def group(bench: Bench) -> Bench:
    bench.sagemaker.create_model_package_group(
        ModelPackageGroupName="vae", ModelPackageGroupDescription="Digits"
    )
    return bench


def numbers(bench: Bench, **asked: Any) -> list[int]:
    found = bench.sagemaker.list_model_packages(ModelPackageGroupName="vae", **asked)
    return [each["ModelPackageVersion"] for each in found["ModelPackageSummaryList"]]


def test_should_number_the_versions_of_a_group_and_keep_what_is_said_of_them(group: Bench) -> None:
    first = registered(group, CustomerMetadataProperties={"code": "abc"})
    second = registered(group, ModelPackageDescription="better")
    assert first.endswith(":model-package/vae/1")
    assert second.endswith(":model-package/vae/2")
    found = group.sagemaker.describe_model_package(ModelPackageName=first)
    assert (found["ModelPackageVersion"], found["ModelPackageStatus"]) == (1, "Completed")
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert found["InferenceSpecification"] == SERVES
    assert found["ModelMetrics"] == METRICS
    assert found["CustomerMetadataProperties"] == {"code": "abc"}
    assert numbers(group) == [2, 1]


def test_should_approve_a_version_and_list_by_that(group: Bench) -> None:
    first, _ = registered(group), registered(group)
    group.sagemaker.update_model_package(
        ModelPackageArn=first,
        ModelApprovalStatus="Approved",
        ApprovalDescription="beats the champion",
        CustomerMetadataProperties={"by": "operator"},
    )
    found = group.sagemaker.describe_model_package(ModelPackageName=first)
    assert found["ApprovalDescription"] == "beats the champion"
    assert found["LastModifiedTime"] >= found["CreationTime"]
    assert numbers(group, ModelApprovalStatus="Approved") == [1]
    assert numbers(group, ModelApprovalStatus="PendingManualApproval") == [2]
    group.sagemaker.update_model_package(
        ModelPackageArn=first, CustomerMetadataPropertiesToRemove=["by"]
    )
    found = group.sagemaker.describe_model_package(ModelPackageName=first)
    assert found.get("CustomerMetadataProperties", {}) == {}
    assert found["ModelApprovalStatus"] == "Approved"


def test_should_register_once_for_a_token_and_give_no_number_twice(group: Bench) -> None:
    made = [registered(group, ClientToken="t" * 36) for _ in range(2)]
    assert made[0] == made[1]
    group.sagemaker.delete_model_package(ModelPackageName=made[0])
    assert numbers(group) == []
    assert registered(group).endswith("/2")


def test_should_keep_versions_over_a_restart(
    group: Bench, make_bench: Callable[..., Bench]
) -> None:
    arn = registered(group)
    again = make_bench()
    assert again.sagemaker.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn


def test_should_describe_list_and_delete_groups(group: Bench) -> None:
    found = group.sagemaker.describe_model_package_group(ModelPackageGroupName="vae")
    assert found["ModelPackageGroupDescription"] == "Digits"
    listed = group.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert [each["ModelPackageGroupName"] for each in listed] == ["vae"]
    arn = registered(group)
    with pytest.raises(ClientError, match="has versions"):
        group.sagemaker.delete_model_package_group(ModelPackageGroupName="vae")
    group.sagemaker.delete_model_package(ModelPackageName=arn)
    group.sagemaker.delete_model_package_group(ModelPackageGroupName="vae")
    with pytest.raises(ClientError, match="does not exist"):
        group.sagemaker.describe_model_package_group(ModelPackageGroupName="vae")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"ModelPackageGroupName": "none"}, "does not exist"),
        ({}, "give a ModelPackageGroupName"),
        ({"ModelPackageGroupName": "vae", "ModelPackageName": "x"}, "can't use ModelPackageName"),
    ],
)
def test_should_refuse_what_it_does_not_keep(
    group: Bench, asked: dict[str, Any], told: str
) -> None:
    with pytest.raises(ClientError, match=told):
        group.sagemaker.create_model_package(InferenceSpecification=SERVES, **asked)
    with pytest.raises(ClientError, match="already exists"):
        group.sagemaker.create_model_package_group(ModelPackageGroupName="VAE")
    with pytest.raises(ClientError, match="does not exist"):
        group.sagemaker.describe_model_package(ModelPackageName="vae/7")
