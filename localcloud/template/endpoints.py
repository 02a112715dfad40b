"""Endpoints of SageMaker, their scaling and policies added to roles, from CloudFormation types.

Models and configurations never change, so each is named anew when its properties are; an endpoint
is then updated. Nothing waits for an endpoint to be in service.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from infra.cloudformation.errors import TemplateError
from localcloud.template.policies import role_policies
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]

_MODEL = ("PrimaryContainer", "ExecutionRoleArn")
_CONFIG = ("ProductionVariants", "AsyncInferenceConfig")
_TARGET = ("ServiceNamespace", "ScalableDimension", "ResourceId", "MinCapacity", "MaxCapacity")
_POLICIES = ("TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration")
_IN_PROGRESS = ("Creating", "Updating", "Deleting")
_log = logging.getLogger(__name__)


def _model(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    client, name = shop.client("sagemaker"), _named(shop, logical_id, properties)
    wanted = {key: properties[key] for key in _MODEL if key in properties}
    with suppress(client.exceptions.ClientError):
        arn = client.describe_model(ModelName=name)["ModelArn"]
        return CreatedResource(arn, {"ModelName": name})
    arn = client.create_model(ModelName=name, **wanted)["ModelArn"]
    return CreatedResource(arn, {"ModelName": name})


def _config(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    client, name = shop.client("sagemaker"), _named(shop, logical_id, properties)
    wanted = {key: properties[key] for key in _CONFIG if key in properties}
    wanted["ProductionVariants"] = [_variant(each) for each in wanted["ProductionVariants"]]
    with suppress(client.exceptions.ClientError):
        arn = client.describe_endpoint_config(EndpointConfigName=name)["EndpointConfigArn"]
        return CreatedResource(arn, {"EndpointConfigName": name})
    arn = client.create_endpoint_config(EndpointConfigName=name, **wanted)["EndpointConfigArn"]
    return CreatedResource(arn, {"EndpointConfigName": name})


def _variant(given: Properties) -> dict[str, Any]:
    """Return a variant with its numbers as numbers; a template may write them as text."""
    made = dict(given)
    if "InitialInstanceCount" in made:
        made["InitialInstanceCount"] = int(made["InitialInstanceCount"])
    if "InitialVariantWeight" in made:
        made["InitialVariantWeight"] = float(made["InitialVariantWeight"])
    if "ServerlessConfig" in made:
        made["ServerlessConfig"] = {
            name: int(value) for name, value in made["ServerlessConfig"].items()
        }
    return made


def _endpoint(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    client = shop.client("sagemaker")
    name = properties.get("EndpointName") or shop.physical_name(logical_id)
    wanted = properties["EndpointConfigName"]
    try:
        there = client.describe_endpoint(EndpointName=name)
    except client.exceptions.ClientError:
        arn = client.create_endpoint(EndpointName=name, EndpointConfigName=wanted)["EndpointArn"]
        return CreatedResource(arn, {"EndpointName": name})
    if there["EndpointConfigName"] != wanted:
        if there["EndpointStatus"] in _IN_PROGRESS:
            _log.warning("%s is %s; the next start updates it", name, there["EndpointStatus"])
        else:
            client.update_endpoint(EndpointName=name, EndpointConfigName=wanted)
    return CreatedResource(there["EndpointArn"], {"EndpointName": name})


def _target(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    wanted = {key: properties[key] for key in _TARGET}
    wanted |= {key: int(wanted[key]) for key in ("MinCapacity", "MaxCapacity")}
    shop.client("application-autoscaling").register_scalable_target(**wanted)
    names = (wanted["ResourceId"], wanted["ScalableDimension"], wanted["ServiceNamespace"])
    return CreatedResource("|".join(names), {"Id": "|".join(names)})


def _policy(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    parts = properties["ScalingTargetId"].split("|")
    if len(parts) != 3:
        raise TemplateError(f"{logical_id}: ScalingTargetId must be a reference to a target.")
    resource, dimension, namespace = parts
    settings = {key: _numbers(properties[key]) for key in _POLICIES if key in properties}
    arn = shop.client("application-autoscaling").put_scaling_policy(
        PolicyName=properties["PolicyName"],
        PolicyType=properties["PolicyType"],
        ServiceNamespace=namespace,
        ResourceId=resource,
        ScalableDimension=dimension,
        **settings,
    )["PolicyARN"]
    return CreatedResource(arn, {"Arn": arn})


def _numbers(given: Properties) -> dict[str, Any]:
    """Return a policy's settings with its numbers as numbers."""
    made = dict(given)
    for name in ("ScaleInCooldown", "ScaleOutCooldown", "Cooldown"):
        if name in made:
            made[name] = int(made[name])
    if "TargetValue" in made:
        made["TargetValue"] = float(made["TargetValue"])
    return made


def _role_policy(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    ((name, document),) = role_policies({"Policies": [properties]}, logical_id).items()
    shop.client("iam").put_role_policy(
        RoleName=properties["RoleName"], PolicyName=name, PolicyDocument=document
    )
    return CreatedResource(logical_id)


def _named(shop: StackContext, logical_id: str, properties: Properties) -> str:
    """Return a name that changes with the properties."""
    written = json.dumps(properties, sort_keys=True).encode()
    stable = shop.physical_name(logical_id)[:54].rstrip("-")
    return f"{stable}-{hashlib.sha256(written).hexdigest()[:8]}"


TYPES: Mapping[str, ResourceType] = {
    "AWS::SageMaker::Model": ResourceType(
        frozenset(),
        _model,
        required=frozenset(_MODEL),
        inert=frozenset({"Tags"}),
    ),
    "AWS::SageMaker::EndpointConfig": ResourceType(
        frozenset({"AsyncInferenceConfig"}),
        _config,
        required=frozenset({"ProductionVariants"}),
        inert=frozenset({"KmsKeyId", "Tags"}),
    ),
    "AWS::SageMaker::Endpoint": ResourceType(
        frozenset({"EndpointName"}),
        _endpoint,
        required=frozenset({"EndpointConfigName"}),
        inert=frozenset({"Tags"}),
        every_start=True,
    ),
    "AWS::ApplicationAutoScaling::ScalableTarget": ResourceType(
        frozenset(), _target, required=frozenset(_TARGET)
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ResourceType(
        frozenset(_POLICIES),
        _policy,
        required=frozenset({"PolicyName", "PolicyType", "ScalingTargetId"}),
    ),
    # The role's own policies are put in order when the role is; what was added comes after that.
    "AWS::IAM::RolePolicy": ResourceType(
        frozenset(),
        _role_policy,
        required=frozenset({"RoleName", "PolicyName", "PolicyDocument"}),
        every_start=True,
    ),
}
