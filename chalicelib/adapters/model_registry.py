"""Versions of trained models in SageMaker's registry: their artefacts, and verdicts on them.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.adapters.aws import translated
from chalicelib.contracts.improvement import REJECTED
from chalicelib.contracts.registry import ModelVersionList, ModelVersionView, VersionState
from chalicelib.errors import InvalidInput, NotFound

_MAX_REASON = 1024
_TRAINING = "training"
"""The property of a version that names its training; the others are numbers of its gates."""
_STATES: Mapping[str, VersionState] = {
    "PendingManualApproval": "waiting",
    "Approved": "approved",
    "Rejected": "rejected",
}
_VERDICTS: Mapping[VersionState, str] = {ours: theirs for theirs, ours in _STATES.items()}


class SageMakerRegistry(Protocol):
    """The part of boto3's client of `sagemaker` that is used here."""

    def list_model_packages(self, **params: Any) -> Any: ...

    def describe_model_package(self, **params: Any) -> Any: ...

    def update_model_package(self, **params: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A version: its approval status, and the S3 address of its model.tar.gz."""

    status: str
    artefact: str


class ModelRegistry:
    """The registry of the stage's account and region."""

    def __init__(self, client: SageMakerRegistry) -> None:
        self._client = client

    def version(self, arn: str) -> RegisteredModel:
        """Return a version. Raises `InvalidInput` if it does not exist."""
        with translated(f"reading {arn}"):
            found = self._client.describe_model_package(ModelPackageName=arn)
        container = found["InferenceSpecification"]["Containers"][0]
        return RegisteredModel(str(found["ModelApprovalStatus"]), str(container["ModelDataUrl"]))

    def reject(self, arn: str, reason: str) -> None:
        """Reject a version; may be repeated."""
        _decide(self._client, arn, REJECTED, reason)


class StageRegistry:
    """The versions of one stage, whose groups are named `headrace-STAGE-…`."""

    def __init__(self, client: SageMakerRegistry, stage: str, account_region: str) -> None:
        """Read and decide by `client`.

        Args:
            client: boto3's client of SageMaker.
            stage: The name of the stage.
            account_region: What ARNs of the stage begin with: `arn:aws:sagemaker:REGION:ACCOUNT`.
        """
        self._client = client
        self._prefix = f"headrace-{stage}-"
        self._arn = f"{account_region}:model-package"

    def versions(self, group: str | None, cursor: str | None, limit: int) -> ModelVersionList:
        """Return a page of versions, newest first.

        Raises:
            NotFound: there is no such group on this stage.
            InvalidInput: SageMaker did not write the cursor.
        """
        wanted: dict[str, Any] = {"MaxResults": limit, "SortBy": "CreationTime"}
        wanted |= {"SortOrder": "Descending", "ModelPackageType": "Versioned"}
        if group is not None:
            wanted["ModelPackageGroupName"] = self._own(group)
        if cursor is not None:
            wanted["NextToken"] = cursor
        try:
            with translated("listing versions"):
                page = self._client.list_model_packages(**wanted)
        except InvalidInput as error:
            if group is None:
                raise
            raise NotFound(f"There is no group {group} of versions.", field="group") from error
        found = page["ModelPackageSummaryList"]
        items = tuple(_viewed(each) for each in found if self._is_own(each))
        return ModelVersionList(items=items, next_cursor=page.get("NextToken"))

    def version(self, group: str, number: int) -> ModelVersionView:
        """Return one version with its numbers. Raises `NotFound`."""
        return _viewed(self._described(group, number))

    def decide(
        self, group: str, number: int, state: VersionState, comment: str
    ) -> ModelVersionView:
        """Approve or reject a version, which may be repeated, and return it. Raises `NotFound`."""
        arn = str(self._described(group, number)["ModelPackageArn"])
        _decide(self._client, arn, _VERDICTS[state], comment)
        return self.version(group, number)

    def _described(self, group: str, number: int) -> Mapping[str, Any]:
        arn = f"{self._arn}/{self._own(group)}/{number}"
        try:
            with translated(f"reading {arn}"):
                found: Mapping[str, Any] = self._client.describe_model_package(ModelPackageName=arn)
        except InvalidInput as error:
            raise NotFound(f"There is no version {group}/{number}.", field="number") from error
        return found

    def _own(self, group: str) -> str:
        if not group.startswith(self._prefix):
            raise NotFound(
                f"Groups of this stage begin with {self._prefix}, unlike {group[:100]}.",
                field="group",
            )
        return group

    def _is_own(self, package: Mapping[str, Any]) -> bool:
        return str(package["ModelPackageGroupName"]).startswith(self._prefix)


def _measured_numbers(package: Mapping[str, Any]) -> dict[str, float]:
    """Return the measurements of a version's gates, of SageMaker's description of it."""
    properties = package.get("CustomerMetadataProperties", {})
    return {name: float(value) for name, value in properties.items() if name != _TRAINING}


def _decide(client: SageMakerRegistry, arn: str, status: str, reason: str) -> None:
    said = {"ApprovalDescription": reason[:_MAX_REASON]} if reason else {}
    with translated(f"deciding on {arn}"):
        client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status, **said)


def _viewed(package: Mapping[str, Any]) -> ModelVersionView:
    return ModelVersionView(
        group=str(package["ModelPackageGroupName"]),
        number=int(package["ModelPackageVersion"]),
        state=_STATES[str(package["ModelApprovalStatus"])],
        description=str(package.get("ModelPackageDescription", "")),
        comment=str(package.get("ApprovalDescription", "")),
        created_at=package["CreationTime"],
        numbers=_measured_numbers(package),
        training=str(package.get("CustomerMetadataProperties", {}).get(_TRAINING, "")),
    )
