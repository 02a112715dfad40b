"""The operations on models and endpoint configurations.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.clock import utc
from localcloud.sagemaker.hosting.store import HostingStore, StoredDefinition
from localcloud.sagemaker.requests import (
    already_exists,
    check_name,
    check_unsupported,
    list_page,
    not_found,
    validation_error,
)
from localcloud.sagemaker.roles import CheckRole
from localcloud.service import CloudContext, Params, Result

MODEL, CONFIG = "model", "endpoint-config"
_ARCHIVE_URL = re.compile(r"s3://[^/]+/.+\.tar\.gz")
_UNSUPPORTED_IN_MODEL = (
    "Containers",
    "InferenceExecutionConfig",
    "VpcConfig",
    "EnableNetworkIsolation",
)
_UNSUPPORTED_IN_CONTAINER = (
    "ImageConfig",
    "ModelDataSource",
    "AdditionalModelDataSources",
    "ModelPackageName",
    "InferenceSpecificationName",
    "MultiModelConfig",
)
_UNSUPPORTED_IN_CONFIG = (
    "DataCaptureConfig",
    "ExplainerConfig",
    "ShadowProductionVariants",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
    "CrossRegionTrafficConfig",
)
_UNSUPPORTED_IN_VARIANT = (
    "AcceleratorType",
    "CoreDumpConfig",
    "EnableSSMAccess",
    "InstancePools",
    "ManagedInstanceScaling",
    "CapacityReservationConfig",
    "AcceleratorPartitionLayouts",
)


class DefinitionOperations:
    """The operations on models and endpoint configurations."""

    def __init__(
        self, surroundings: CloudContext, store: HostingStore, check_role: CheckRole
    ) -> None:
        """Store them in `store`; `check_role` checks the role of a model."""
        self._surroundings = surroundings
        self._store = store
        self._check_role = check_role

    def create_model(self, params: Params) -> Result:
        """Create a model. Raises AwsError if it could not be deployed here."""
        name = params["ModelName"]
        check_name(name)
        check_unsupported(params, _UNSUPPORTED_IN_MODEL)
        container = params.get("PrimaryContainer")
        if not container:
            raise validation_error("A model needs a PrimaryContainer.")
        _check_container(container)
        if "ExecutionRoleArn" not in params:
            raise validation_error(
                "A model needs an ExecutionRoleArn, as which its package is read."
            )
        self._check_role(params["ExecutionRoleArn"])
        return {"ModelArn": self._create(MODEL, name, params)}

    def create_endpoint_config(self, params: Params) -> Result:
        """Create an endpoint configuration. Raises AwsError if it could not be deployed here."""
        name = params["EndpointConfigName"]
        check_name(name)
        check_unsupported(params, _UNSUPPORTED_IN_CONFIG)
        variants = params["ProductionVariants"]
        for variant in variants:
            self._check_variant(variant)
        _check_together(variants)
        if "AsyncInferenceConfig" in params:
            _check_async_config(params["AsyncInferenceConfig"], variants)
        return {"EndpointConfigArn": self._create(CONFIG, name, params)}

    def describe_model(self, params: Params) -> Result:
        """Return the description of a model."""
        definition = self.model(params["ModelName"])
        return {
            **_without_tags(definition),
            "ModelArn": self.arn(MODEL, definition.name),
            "CreationTime": utc(definition.created_at),
        }

    def describe_endpoint_config(self, params: Params) -> Result:
        """Return the description of an endpoint configuration."""
        definition = self.config(params["EndpointConfigName"])
        return {
            **_without_tags(definition),
            "EndpointConfigArn": self.arn(CONFIG, definition.name),
            "CreationTime": utc(definition.created_at),
        }

    def list_models(self, params: Params) -> Result:
        """List models, newest first by default."""
        return list_page(params, "Models", self._store.definitions(MODEL), self._model_summary)

    def list_endpoint_configs(self, params: Params) -> Result:
        """List endpoint configurations, newest first by default."""
        return list_page(
            params, "EndpointConfigs", self._store.definitions(CONFIG), self._config_summary
        )

    def delete_model(self, params: Params) -> Result:
        """Delete a model; endpoints that run it continue."""
        self._delete(MODEL, params["ModelName"])
        return {}

    def delete_endpoint_config(self, params: Params) -> Result:
        """Delete an endpoint configuration; endpoints that have it continue."""
        self._delete(CONFIG, params["EndpointConfigName"])
        return {}

    def model(self, name: str) -> StoredDefinition:
        """Return a model. Raises ValidationException."""
        return self._get(MODEL, name)

    def config(self, name: str) -> StoredDefinition:
        """Return an endpoint configuration. Raises ValidationException."""
        return self._get(CONFIG, name)

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a resource, in which names are in lower case."""
        return self._surroundings.arn("sagemaker", f"{kind}/{name.lower()}")

    def _create(self, kind: str, name: str, params: Params) -> str:
        arn = self.arn(kind, name)
        if not self._store.add_definition(kind, name, dict(params)):
            raise already_exists(_KIND_NAMES[kind], arn)
        return arn

    def _get(self, kind: str, name: str) -> StoredDefinition:
        definition = self._store.definition(kind, name)
        if definition is None:
            raise not_found(_KIND_NAMES[kind], self.arn(kind, name))
        return definition

    def _delete(self, kind: str, name: str) -> None:
        if not self._store.remove_definition(kind, name):
            raise not_found(_KIND_NAMES[kind], self.arn(kind, name))

    def _check_variant(self, variant: Mapping[str, Any]) -> None:
        check_unsupported(variant, _UNSUPPORTED_IN_VARIANT, "a variant")
        if "ModelName" not in variant:
            raise validation_error(
                "The local cloud has no inference components; a variant needs ModelName."
            )
        self.model(variant["ModelName"])
        serverless = "ServerlessConfig" in variant
        if serverless == ("InstanceType" in variant):
            raise validation_error("A variant needs either an InstanceType or a ServerlessConfig.")
        if not serverless and "InitialInstanceCount" not in variant:
            raise validation_error("A variant of instances needs an InitialInstanceCount.")
        if variant.get("ServerlessConfig", {}).get("ProvisionedConcurrency"):
            raise validation_error(
                "The local cloud keeps nothing warm; leave out ProvisionedConcurrency."
            )

    def _model_summary(self, definition: StoredDefinition) -> dict[str, Any]:
        return {
            "ModelName": definition.name,
            "ModelArn": self.arn(MODEL, definition.name),
            "CreationTime": utc(definition.created_at),
        }

    def _config_summary(self, definition: StoredDefinition) -> dict[str, Any]:
        return {
            "EndpointConfigName": definition.name,
            "EndpointConfigArn": self.arn(CONFIG, definition.name),
            "CreationTime": utc(definition.created_at),
        }


_KIND_NAMES = {MODEL: "model", CONFIG: "endpoint configuration"}


def _without_tags(definition: StoredDefinition) -> dict[str, Any]:
    return {name: value for name, value in definition.request.items() if name != "Tags"}


def _check_container(container: Mapping[str, Any]) -> None:
    check_unsupported(container, _UNSUPPORTED_IN_CONTAINER, "a container")
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise validation_error("The local cloud has one model a container; leave out Mode.")
    if not container.get("Image"):
        raise validation_error("A container needs an Image.")
    if not _ARCHIVE_URL.fullmatch(container.get("ModelDataUrl", "")):
        raise validation_error(
            "A container needs a ModelDataUrl, s3://BUCKET/KEY.tar.gz: images are not run here, so "
            "all that the model needs has to be in its package."
        )


def _check_together(variants: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValidationException if an endpoint can't have these variants together.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    """
    names = [each["VariantName"] for each in variants]
    if len(set(names)) < len(names):
        raise validation_error(f"The names of variants must be unique; there are {names}.")
    if len(variants) > 1 and any("ServerlessConfig" in each for each in variants):
        raise validation_error(
            f"A serverless endpoint has one variant, not {len(variants)}; use instances to divide "
            "traffic between variants."
        )
    if not any(each.get("InitialVariantWeight", 1) for each in variants):
        raise validation_error("At least one variant needs an InitialVariantWeight above 0.")


def _check_async_config(config: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]) -> None:
    output = config["OutputConfig"]
    check_unsupported(output, ("KmsKeyId", "NotificationConfig"), "OutputConfig")
    if "ServerlessConfig" in variants[0]:
        raise validation_error("A serverless variant cannot be asynchronous.")
    if len(variants) > 1:
        raise validation_error(
            f"The local cloud has one variant an asynchronous endpoint, not {len(variants)}."
        )
    if not str(output.get("S3OutputPath", "")).startswith("s3://"):
        raise validation_error(
            "An asynchronous endpoint needs an S3OutputPath, s3://BUCKET/PREFIX."
        )
