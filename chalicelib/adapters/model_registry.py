"""Versions of trained models in SageMaker's registry: their artefacts, and verdicts on them.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.adapters.aws import translated
from chalicelib.contracts.improvement import REJECTED

_MAX_REASON = 1024


class SageMakerRegistry(Protocol):
    """The part of boto3's client of `sagemaker` that is used here."""

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
        with translated(f"rejecting {arn}"):
            self._client.update_model_package(
                ModelPackageArn=arn,
                ModelApprovalStatus=REJECTED,
                ApprovalDescription=reason[:_MAX_REASON],
            )
