"""SageMaker's registry in memory, with versions of two stages and an account's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

PREFIX = "arn:aws:sagemaker:us-east-1:1:model-package"


class FakePackages:
    """The calls of boto3's client that are made here, with its errors."""

    def __init__(self) -> None:
        named = ("headrace-test-vae", "headrace-test-gan", "headrace-other-vae", "theirs")
        self.packages = {f"{PREFIX}/{group}/1": self._package(group) for group in named}
        self.packages[f"{PREFIX}/headrace-test-vae/2"] = self._package("headrace-test-vae", 2)

    def list_model_packages(self, **params: Any) -> Any:
        group = params.get("ModelPackageGroupName")
        found = [each for each in self.packages.values() if self._is_of(each, group)]
        if group and not found:
            raise refused(f"ModelPackageGroup {group} does not exist.")
        begin = int(params.get("NextToken", 0))
        end = begin + params["MaxResults"]
        rest = {"NextToken": str(end)} if end < len(found) else {}
        return {"ModelPackageSummaryList": found[begin:end], **rest}

    def describe_model_package(self, **params: Any) -> Any:
        arn = params["ModelPackageName"]
        if arn not in self.packages:
            raise refused(f"ModelPackage {arn} does not exist.")
        return self.packages[arn]

    def update_model_package(self, **params: Any) -> Any:
        self.describe_model_package(ModelPackageName=params["ModelPackageArn"]).update(params)
        return {"ModelPackageArn": params["ModelPackageArn"]}

    def _is_of(self, package: dict[str, Any], group: str | None) -> bool:
        return group in (None, package["ModelPackageGroupName"])

    def _package(self, group: str, number: int = 1) -> dict[str, Any]:
        return {
            "ModelPackageArn": f"{PREFIX}/{group}/{number}",
            "ModelPackageGroupName": group,
            "ModelPackageVersion": number,
            "ModelApprovalStatus": "PendingManualApproval",
            "CreationTime": datetime(2026, 11, number, tzinfo=UTC),
            "CustomerMetadataProperties": {"training": "job-1", "loss": "0.25"},
        }


def refused(message: str) -> ClientError:
    """The error by which SageMaker says that something is not there."""
    told = {"Code": "ValidationException", "Message": message}
    answer = {"Error": told, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(answer, "DescribeModelPackage")  # type: ignore[arg-type]
