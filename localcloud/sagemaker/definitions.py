"""Models and endpoint configurations: kept, shown, listed and deleted.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localcloud.clock import utc
from localcloud.sagemaker.listing import listed
from localcloud.sagemaker.refusals import invalid, missing, refuse, taken
from localcloud.sagemaker.roles import CheckRole
from localcloud.sagemaker.store import Store, Thing
from localcloud.service import CloudContext, Params, Result

MODEL, CONFIG = "model", "endpoint-config"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_PACKAGE = re.compile(r"s3://[^/]+/.+\.tar\.gz")
_NOT_OF_MODELS = ("Containers", "InferenceExecutionConfig", "VpcConfig", "EnableNetworkIsolation")
_NOT_OF_CONTAINERS = (
    "ImageConfig",
    "ModelDataSource",
    "AdditionalModelDataSources",
    "ModelPackageName",
    "InferenceSpecificationName",
    "MultiModelConfig",
)
_NOT_OF_CONFIGS = (
    "DataCaptureConfig",
    "ExplainerConfig",
    "ShadowProductionVariants",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
    "CrossRegionTrafficConfig",
)
_NOT_OF_VARIANTS = (
    "AcceleratorType",
    "CoreDumpConfig",
    "EnableSSMAccess",
    "InstancePools",
    "ManagedInstanceScaling",
    "CapacityReservationConfig",
    "AcceleratorPartitionLayouts",
)


class Definitions:
    """Models and endpoint configurations."""

    def __init__(self, surroundings: CloudContext, store: Store, check_role: CheckRole) -> None:
        """Keep them in `store`; a model's role is held to `check_role`."""
        self._surroundings = surroundings
        self._store = store
        self._check_role = check_role

    def create_model(self, params: Params) -> Result:
        """Keep a model. Raises AwsError for what could not be deployed here."""
        name = _named(params["ModelName"])
        refuse(params, _NOT_OF_MODELS)
        container = params.get("PrimaryContainer")
        if not container:
            raise invalid("A model needs a PrimaryContainer.")
        _check_container(container)
        if "ExecutionRoleArn" not in params:
            raise invalid("A model needs an ExecutionRoleArn, as which its package is read.")
        self._check_role(params["ExecutionRoleArn"])
        return {"ModelArn": self._made(MODEL, name, params)}

    def create_endpoint_config(self, params: Params) -> Result:
        """Keep a configuration. Raises AwsError for what could not be deployed here."""
        name = _named(params["EndpointConfigName"])
        refuse(params, _NOT_OF_CONFIGS)
        variants = params["ProductionVariants"]
        if len(variants) != 1:
            raise invalid(f"The local cloud has one variant an endpoint, not {len(variants)}.")
        self._check_variant(variants[0])
        if "AsyncInferenceConfig" in params:
            _check_asynchronous(params["AsyncInferenceConfig"], variants[0])
        return {"EndpointConfigArn": self._made(CONFIG, name, params)}

    def describe_model(self, params: Params) -> Result:
        """Describe a model."""
        found = self.model(params["ModelName"])
        return {
            **_without_tags(found),
            "ModelArn": self.arn(MODEL, found.name),
            "CreationTime": utc(found.created_at),
        }

    def describe_endpoint_config(self, params: Params) -> Result:
        """Describe a configuration."""
        found = self.config(params["EndpointConfigName"])
        return {
            **_without_tags(found),
            "EndpointConfigArn": self.arn(CONFIG, found.name),
            "CreationTime": utc(found.created_at),
        }

    def list_models(self, params: Params) -> Result:
        """List models, newest first unless asked otherwise."""
        return listed(params, "Models", self._store.all(MODEL), self._model_summary)

    def list_endpoint_configs(self, params: Params) -> Result:
        """List configurations, newest first unless asked otherwise."""
        return listed(params, "EndpointConfigs", self._store.all(CONFIG), self._config_summary)

    def delete_model(self, params: Params) -> Result:
        """Forget a model; endpoints that run it go on."""
        self._deleted(MODEL, params["ModelName"])
        return {}

    def delete_endpoint_config(self, params: Params) -> Result:
        """Forget a configuration; endpoints that have it go on."""
        self._deleted(CONFIG, params["EndpointConfigName"])
        return {}

    def model(self, name: str) -> Thing:
        """Return a model. Raises ValidationException."""
        return self._found(MODEL, name)

    def config(self, name: str) -> Thing:
        """Return a configuration. Raises ValidationException."""
        return self._found(CONFIG, name)

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a thing; IAM and SageMaker write names in lower case there."""
        return self._surroundings.arn("sagemaker", f"{kind}/{name.lower()}")

    def _made(self, kind: str, name: str, params: Params) -> str:
        arn = self.arn(kind, name)
        if not self._store.add(kind, name, dict(params)):
            raise taken(_WORDS[kind], arn)
        return arn

    def _found(self, kind: str, name: str) -> Thing:
        found = self._store.get(kind, name)
        if found is None:
            raise missing(_WORDS[kind], self.arn(kind, name))
        return found

    def _deleted(self, kind: str, name: str) -> None:
        if not self._store.remove(kind, name):
            raise missing(_WORDS[kind], self.arn(kind, name))

    def _check_variant(self, variant: Mapping[str, Any]) -> None:
        refuse(variant, _NOT_OF_VARIANTS, "a variant")
        if "ModelName" not in variant:
            raise invalid("The local cloud has no inference components; a variant needs ModelName.")
        self.model(variant["ModelName"])
        serverless = "ServerlessConfig" in variant
        if serverless == ("InstanceType" in variant):
            raise invalid("A variant needs either an InstanceType or a ServerlessConfig.")
        if not serverless and "InitialInstanceCount" not in variant:
            raise invalid("A variant of instances needs an InitialInstanceCount.")
        if variant.get("ServerlessConfig", {}).get("ProvisionedConcurrency"):
            raise invalid("The local cloud keeps nothing warm; leave out ProvisionedConcurrency.")

    def _model_summary(self, thing: Thing) -> dict[str, Any]:
        return {
            "ModelName": thing.name,
            "ModelArn": self.arn(MODEL, thing.name),
            "CreationTime": utc(thing.created_at),
        }

    def _config_summary(self, thing: Thing) -> dict[str, Any]:
        return {
            "EndpointConfigName": thing.name,
            "EndpointConfigArn": self.arn(CONFIG, thing.name),
            "CreationTime": utc(thing.created_at),
        }


_WORDS = {MODEL: "model", CONFIG: "endpoint configuration"}


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise invalid(f"{name!r} is no name: letters and digits, with hyphens between them.")
    return name


def _without_tags(thing: Thing) -> dict[str, Any]:
    return {name: value for name, value in thing.asked.items() if name != "Tags"}


def _check_container(container: Mapping[str, Any]) -> None:
    refuse(container, _NOT_OF_CONTAINERS, "a container")
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise invalid("The local cloud has one model a container; leave out Mode.")
    if not container.get("Image"):
        raise invalid("A container needs an Image.")
    if not _PACKAGE.fullmatch(container.get("ModelDataUrl", "")):
        raise invalid(
            "A container needs a ModelDataUrl, s3://BUCKET/KEY.tar.gz: images are not run here, so "
            "all that the model needs has to be in its package."
        )


def _check_asynchronous(config: Mapping[str, Any], variant: Mapping[str, Any]) -> None:
    output = config["OutputConfig"]
    refuse(output, ("KmsKeyId", "NotificationConfig"), "OutputConfig")
    if "ServerlessConfig" in variant:
        raise invalid("A serverless variant cannot be asynchronous.")
    if not str(output.get("S3OutputPath", "")).startswith("s3://"):
        raise invalid("An asynchronous endpoint needs an S3OutputPath, s3://BUCKET/PREFIX.")
