"""SageMaker models and endpoints, and Application Auto Scaling of endpoints.

Models and endpoint configurations never change, so each gets a new name when its properties
change, and the endpoint is then updated. Nothing waits until an endpoint is in service.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from infra.cloudformation.errors import TemplateError
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]

_MODEL_PROPERTIES = ("PrimaryContainer", "ExecutionRoleArn")

_ENDPOINT_CONFIG_PROPERTIES = ("ProductionVariants", "AsyncInferenceConfig")

_UPDATE_PROPERTIES = (
    "DeploymentConfig",
    "RetainDeploymentConfig",
    "RetainAllVariantProperties",
    "ExcludeRetainedVariantProperties",
)

_UPDATE_NUMBERS = (
    "MaximumExecutionTimeoutInSeconds",
    "TerminationWaitInSeconds",
    "Value",
    "WaitIntervalInSeconds",
)
_UPDATE_FLAGS = ("RetainDeploymentConfig", "RetainAllVariantProperties")

_SCALABLE_TARGET_PROPERTIES = (
    "ServiceNamespace",
    "ScalableDimension",
    "ResourceId",
    "MinCapacity",
    "MaxCapacity",
)

_SCALING_POLICY_CONFIGURATIONS = (
    "TargetTrackingScalingPolicyConfiguration",
    "StepScalingPolicyConfiguration",
)

_IN_PROGRESS = ("Creating", "Updating", "Deleting")

_log = logging.getLogger(__name__)


def _ensure_model(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    client, name = stack.client("sagemaker"), _versioned_name(stack, logical_id, properties)
    wanted = {key: properties[key] for key in _MODEL_PROPERTIES if key in properties}
    with suppress(client.exceptions.ClientError):
        arn = client.describe_model(ModelName=name)["ModelArn"]
        return CreatedResource(arn, {"ModelName": name})
    arn = client.create_model(ModelName=name, **wanted)["ModelArn"]
    return CreatedResource(arn, {"ModelName": name})


def _ensure_endpoint_config(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    client, name = stack.client("sagemaker"), _versioned_name(stack, logical_id, properties)
    wanted = {key: properties[key] for key in _ENDPOINT_CONFIG_PROPERTIES if key in properties}
    wanted["ProductionVariants"] = [
        _production_variant(variant) for variant in wanted["ProductionVariants"]
    ]
    with suppress(client.exceptions.ClientError):
        arn = client.describe_endpoint_config(EndpointConfigName=name)["EndpointConfigArn"]
        return CreatedResource(arn, {"EndpointConfigName": name})
    arn = client.create_endpoint_config(EndpointConfigName=name, **wanted)["EndpointConfigArn"]
    return CreatedResource(arn, {"EndpointConfigName": name})


def _production_variant(given: Properties) -> dict[str, Any]:
    """Return a variant with its numbers as numbers; a template may write them as text."""
    variant = dict(given)
    if "InitialInstanceCount" in variant:
        variant["InitialInstanceCount"] = int(variant["InitialInstanceCount"])
    if "InitialVariantWeight" in variant:
        variant["InitialVariantWeight"] = float(variant["InitialVariantWeight"])
    if "ServerlessConfig" in variant:
        variant["ServerlessConfig"] = {
            name: int(value) for name, value in variant["ServerlessConfig"].items()
        }
    return variant


def _ensure_endpoint(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    client = stack.client("sagemaker")
    name = properties.get("EndpointName") or stack.physical_name(logical_id)
    wanted = properties["EndpointConfigName"]
    update = _typed({key: properties[key] for key in _UPDATE_PROPERTIES if key in properties})
    try:
        existing = client.describe_endpoint(EndpointName=name)
    except client.exceptions.ClientError:
        first = {key: update[key] for key in ("DeploymentConfig",) if key in update}
        arn = client.create_endpoint(EndpointName=name, EndpointConfigName=wanted, **first)[
            "EndpointArn"
        ]
        return CreatedResource(arn, {"EndpointName": name})
    if existing["EndpointConfigName"] != wanted:
        if existing["EndpointStatus"] in _IN_PROGRESS:
            _log.warning("%s is %s; the next start updates it", name, existing["EndpointStatus"])
        else:
            client.update_endpoint(EndpointName=name, EndpointConfigName=wanted, **update)
    return CreatedResource(existing["EndpointArn"], {"EndpointName": name})


def _typed(given: Any) -> Any:
    """Return properties of an update with numbers and booleans that a template wrote as text."""
    if isinstance(given, Mapping):
        return {
            key: int(value)
            if key in _UPDATE_NUMBERS
            else str(value).lower() == "true"
            if key in _UPDATE_FLAGS
            else _typed(value)
            for key, value in given.items()
        }
    return [_typed(each) for each in given] if isinstance(given, list) else given


def _register_scalable_target(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    wanted = {key: properties[key] for key in _SCALABLE_TARGET_PROPERTIES}
    wanted |= {key: int(wanted[key]) for key in ("MinCapacity", "MaxCapacity")}
    stack.client("application-autoscaling").register_scalable_target(**wanted)
    names = (wanted["ResourceId"], wanted["ScalableDimension"], wanted["ServiceNamespace"])
    return CreatedResource("|".join(names), {"Id": "|".join(names)})


def _put_scaling_policy(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    parts = properties["ScalingTargetId"].split("|")
    if len(parts) != 3:
        raise TemplateError(f"{logical_id}: ScalingTargetId must be a reference to a target.")
    resource, dimension, namespace = parts
    settings = {
        key: _numeric_settings(properties[key])
        for key in _SCALING_POLICY_CONFIGURATIONS
        if key in properties
    }
    arn = stack.client("application-autoscaling").put_scaling_policy(
        PolicyName=properties["PolicyName"],
        PolicyType=properties["PolicyType"],
        ServiceNamespace=namespace,
        ResourceId=resource,
        ScalableDimension=dimension,
        **settings,
    )["PolicyARN"]
    return CreatedResource(arn, {"Arn": arn})


def _numeric_settings(given: Properties) -> dict[str, Any]:
    """Return a scaling policy's settings with its numbers as numbers."""
    settings = dict(given)
    for name in ("ScaleInCooldown", "ScaleOutCooldown", "Cooldown"):
        if name in settings:
            settings[name] = int(settings[name])
    if "TargetValue" in settings:
        settings["TargetValue"] = float(settings["TargetValue"])
    return settings


def _versioned_name(stack: StackContext, logical_id: str, properties: Properties) -> str:
    """Return a name that changes with the properties."""
    text = json.dumps(properties, sort_keys=True).encode()
    stable = stack.physical_name(logical_id)[:54].rstrip("-")
    return f"{stable}-{hashlib.sha256(text).hexdigest()[:8]}"


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "AWS::SageMaker::Model": ResourceType(
        frozenset(),
        _ensure_model,
        required=frozenset(_MODEL_PROPERTIES),
        inert=frozenset({"Tags"}),
    ),
    "AWS::SageMaker::EndpointConfig": ResourceType(
        frozenset({"AsyncInferenceConfig"}),
        _ensure_endpoint_config,
        required=frozenset({"ProductionVariants"}),
        inert=frozenset({"KmsKeyId", "Tags"}),
    ),
    "AWS::SageMaker::Endpoint": ResourceType(
        frozenset({"EndpointName", *_UPDATE_PROPERTIES}),
        _ensure_endpoint,
        required=frozenset({"EndpointConfigName"}),
        inert=frozenset({"Tags"}),
        every_start=True,
    ),
    "AWS::ApplicationAutoScaling::ScalableTarget": ResourceType(
        frozenset(), _register_scalable_target, required=frozenset(_SCALABLE_TARGET_PROPERTIES)
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ResourceType(
        frozenset(_SCALING_POLICY_CONFIGURATIONS),
        _put_scaling_policy,
        required=frozenset({"PolicyName", "PolicyType", "ScalingTargetId"}),
    ),
}
