"""Application Auto Scaling of endpoint variants (botocore's `application-autoscaling`).

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.sagemaker.hosting.deployment import Deployment
from localcloud.sagemaker.hosting.endpoints import check_instance_count
from localcloud.sagemaker.hosting.store import (
    Endpoint,
    HostingStore,
    ScalingActivity,
    StoredDefinition,
)
from localcloud.sagemaker.requests import check_unsupported, validation_error
from localcloud.service import CloudContext, Params, Result

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
TARGET, POLICY = "target", "policy"
ROLE = "aws-service-role/sagemaker.application-autoscaling.amazonaws.com"
_RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")
_CONFIGURATION_FIELDS = {
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "StepScaling": "StepScalingPolicyConfiguration",
}
_PAGE_SIZE = 50


class AutoScalingService:
    """The operations on scalable targets and scaling policies."""

    name = "application-autoscaling"

    def __init__(
        self, surroundings: CloudContext, store: HostingStore, on_change: Callable[[], None]
    ) -> None:
        """Store them in `store`; `on_change` is called after each change."""
        self._surroundings = surroundings
        self._store = store
        self._on_change = on_change

    def start(self) -> None:
        """Do nothing: the endpoint monitor applies the policies."""

    def stop(self) -> None:
        """Do nothing."""

    def register_scalable_target(self, params: Params) -> Result:
        """Create a target, or update the given fields of an existing one."""
        resource = self._resource_id(params)
        before = self._store.definition(TARGET, resource)
        check_unsupported(params, ("Tags",))
        target = {**(before.request if before else {}), **params}
        if not {"MinCapacity", "MaxCapacity"} <= target.keys():
            raise validation_error("A new scalable target needs MinCapacity and MaxCapacity.")
        if not 0 <= target["MinCapacity"] <= target["MaxCapacity"]:
            raise validation_error(
                f"MinCapacity {target['MinCapacity']} must be 0 or more and no more than "
                f"MaxCapacity {target['MaxCapacity']}."
            )
        check_instance_count(self._deployment(resource), target["MinCapacity"])
        arn = target.get("arn") or self._surroundings.arn(
            "application-autoscaling", f"scalable-target/{uuid.uuid4().hex[:20]}"
        )
        self._store.put_definition(TARGET, resource, {**target, "arn": arn})
        self._on_change()
        return {"ScalableTargetARN": arn}

    def deregister_scalable_target(self, params: Params) -> Result:
        """Remove a target with its policies; the capacity stays as it is."""
        resource = self._resource_id(params)
        if not self._store.remove_definition(TARGET, resource):
            raise _not_found(resource)
        for policy in self.policies_of(resource):
            self._store.remove_definition(POLICY, policy.name)
        return {}

    def describe_scalable_targets(self, params: Params) -> Result:
        """List targets."""
        self._check_dimension(params)
        wanted = params.get("ResourceIds")
        entries = [
            each for each in self._store.definitions(TARGET) if not wanted or each.name in wanted
        ]
        return _page(params, "ScalableTargets", [self._describe_target(each) for each in entries])

    def put_scaling_policy(self, params: Params) -> Result:
        """Create or replace a policy of an existing target."""
        resource = self._resource_id(params)
        if self._store.definition(TARGET, resource) is None:
            raise _not_found(resource)
        kind = params.get("PolicyType", "StepScaling")
        field = _CONFIGURATION_FIELDS.get(kind)
        if field is None:
            raise validation_error(
                f"The local cloud can't use {kind}; there are {', '.join(_CONFIGURATION_FIELDS)}."
            )
        if not params.get(field):
            raise validation_error(f"A policy of the type {kind} needs {field}.")
        if kind == "TargetTrackingScaling" and params[field]["TargetValue"] <= 0:
            raise validation_error("TargetValue must be above 0.")
        name = f"{resource}:policyName/{params['PolicyName']}"
        before = self._store.definition(POLICY, name)
        arn = (before.request["arn"] if before else "") or self._policy_arn(name)
        self._store.put_definition(POLICY, name, {**params, "PolicyType": kind, "arn": arn})
        self._on_change()
        return {"PolicyARN": arn, "Alarms": []}

    def delete_scaling_policy(self, params: Params) -> Result:
        """Remove a policy."""
        name = f"{self._resource_id(params)}:policyName/{params['PolicyName']}"
        if not self._store.remove_definition(POLICY, name):
            raise _not_found(name)
        return {}

    def describe_scaling_policies(self, params: Params) -> Result:
        """List policies."""
        self._check_dimension(params)
        names, resource = params.get("PolicyNames"), params.get("ResourceId")
        entries = [
            _describe_policy(each)
            for each in self._store.definitions(POLICY)
            if (not names or each.request["PolicyName"] in names)
            and resource in (None, each.request["ResourceId"])
        ]
        return _page(params, "ScalingPolicies", entries)

    def describe_scaling_activities(self, params: Params) -> Result:
        """List changes of capacity, newest first."""
        self._check_dimension(params)
        resource = params.get("ResourceId")
        entries = [
            _describe_activity(each)
            for each in self._store.activities()
            if resource in (None, each.resource)
        ]
        return _page(params, "ScalingActivities", entries)

    def policies_of(self, resource: str) -> list[StoredDefinition]:
        """Return the policies of a target."""
        return [
            each
            for each in self._store.definitions(POLICY)
            if each.request["ResourceId"] == resource
        ]

    def _resource_id(self, params: Params) -> str:
        self._check_dimension(params)
        return str(params["ResourceId"])

    def _check_dimension(self, params: Params) -> None:
        if (
            params["ServiceNamespace"] != NAMESPACE
            or params.get("ScalableDimension", DIMENSION) != DIMENSION
        ):
            raise validation_error(
                "The local cloud scales endpoints only: ServiceNamespace sagemaker and "
                f"ScalableDimension {DIMENSION}."
            )

    def _deployment(self, resource: str) -> Deployment:
        endpoint, variant = parse_resource_id(resource)
        endpoint_record: Endpoint | None = self._store.endpoint(endpoint)
        if endpoint_record is not None:
            deployment = endpoint_record.fleet.variant(variant)
            if deployment is not None:
                return deployment
        raise validation_error(f"There is no {resource}.")

    def _describe_target(self, definition: StoredDefinition) -> dict[str, Any]:
        description = {name: value for name, value in definition.request.items() if name != "arn"}
        role = f"arn:aws:iam::{self._surroundings.account_id}:role/{ROLE}"
        return {
            "RoleARN": f"{role}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
            **description,
            "ScalableTargetARN": definition.request["arn"],
            "CreationTime": utc(definition.created_at),
        }

    def _policy_arn(self, name: str) -> str:
        return self._surroundings.arn(
            "autoscaling", f"scalingPolicy:{uuid.uuid4()}:resource/sagemaker/{name}"
        )


def parse_resource_id(resource: str) -> tuple[str, str]:
    """Return the endpoint and the variant of a resource id. Raises ValidationException."""
    match = _RESOURCE.fullmatch(resource)
    if match is None:
        raise validation_error(f"{resource!r} must be endpoint/NAME/variant/NAME.")
    return match[1], match[2]


def _describe_policy(definition: StoredDefinition) -> dict[str, Any]:
    description = {name: value for name, value in definition.request.items() if name != "arn"}
    return {
        **description,
        "PolicyARN": definition.request["arn"],
        "Alarms": [],
        "CreationTime": utc(definition.created_at),
    }


def _describe_activity(activity: ScalingActivity) -> dict[str, Any]:
    return {
        "ActivityId": str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps([activity.id, activity.at]))),
        "ServiceNamespace": NAMESPACE,
        "ResourceId": activity.resource,
        "ScalableDimension": DIMENSION,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": utc(activity.at),
        "EndTime": utc(activity.at),
        "StatusCode": "Successful",
    }


def _page(
    params: Params, member: str, entries: list[Mapping[str, Any]] | list[dict[str, Any]]
) -> Result:
    token = params.get("NextToken", "0")
    if not token.isdecimal():
        raise AwsError("InvalidNextTokenException", "The NextToken is not valid.")
    begin, size = int(token), params.get("MaxResults", _PAGE_SIZE)
    more = {"NextToken": str(begin + size)} if len(entries) > begin + size else {}
    return {member: entries[begin : begin + size], **more}


def _not_found(name: str) -> AwsError:
    return AwsError("ObjectNotFoundException", f"No scalable target or policy found for {name}.")
