"""Application Auto Scaling for the variants of endpoints, botocore's `application-autoscaling`.

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
from localcloud.sagemaker.deployment import Deployment
from localcloud.sagemaker.endpoints import least_of
from localcloud.sagemaker.refusals import invalid, refuse
from localcloud.sagemaker.store import Activity, Endpoint, Store, Thing
from localcloud.service import CloudContext, Params, Result

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
TARGET, POLICY = "target", "policy"
ROLE = "aws-service-role/sagemaker.application-autoscaling.amazonaws.com"
_RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")
_CONFIGURATIONS = {
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "StepScaling": "StepScalingPolicyConfiguration",
}
_PAGE = 50


class AutoScalingService:
    """Scalable targets and their policies."""

    name = "application-autoscaling"

    def __init__(
        self, surroundings: CloudContext, store: Store, changed: Callable[[], None]
    ) -> None:
        """Keep them in `store`; `changed` is told of each change."""
        self._surroundings = surroundings
        self._store = store
        self._changed = changed

    def start(self) -> None:
        """Do nothing: whoever keeps the endpoints scales them."""

    def stop(self) -> None:
        """Do nothing."""

    def register_scalable_target(self, params: Params) -> Result:
        """Keep a target, or change what is given of one that is there."""
        resource = self._checked(params)
        before = self._store.get(TARGET, resource)
        refuse(params, ("Tags",))
        given = {**(before.asked if before else {}), **params}
        if not {"MinCapacity", "MaxCapacity"} <= given.keys():
            raise invalid("A new scalable target needs MinCapacity and MaxCapacity.")
        if not 0 <= given["MinCapacity"] <= given["MaxCapacity"]:
            raise invalid(
                f"MinCapacity {given['MinCapacity']} must be 0 or more and no more than "
                f"MaxCapacity {given['MaxCapacity']}."
            )
        least_of(self._deployment(resource), given["MinCapacity"])
        made = given.get("arn") or self._surroundings.arn(
            "application-autoscaling", f"scalable-target/{uuid.uuid4().hex[:20]}"
        )
        self._store.put(TARGET, resource, {**given, "arn": made})
        self._changed()
        return {"ScalableTargetARN": made}

    def deregister_scalable_target(self, params: Params) -> Result:
        """Forget a target and its policies; capacity stays as it is."""
        resource = self._checked(params)
        if not self._store.remove(TARGET, resource):
            raise _not_found(resource)
        for policy in self.policies_of(resource):
            self._store.remove(POLICY, policy.name)
        return {}

    def describe_scalable_targets(self, params: Params) -> Result:
        """List targets."""
        self._check_dimension(params)
        wanted = params.get("ResourceIds")
        found = [each for each in self._store.all(TARGET) if not wanted or each.name in wanted]
        return _paged(params, "ScalableTargets", [self._target(each) for each in found])

    def put_scaling_policy(self, params: Params) -> Result:
        """Keep a policy of a target that is there."""
        resource = self._checked(params)
        if self._store.get(TARGET, resource) is None:
            raise _not_found(resource)
        kind = params.get("PolicyType", "StepScaling")
        needed = _CONFIGURATIONS.get(kind)
        if needed is None:
            raise invalid(
                f"The local cloud can't use {kind}; there are {', '.join(_CONFIGURATIONS)}."
            )
        if not params.get(needed):
            raise invalid(f"A policy of the type {kind} needs {needed}.")
        if kind == "TargetTrackingScaling" and params[needed]["TargetValue"] <= 0:
            raise invalid("TargetValue must be above 0.")
        name = f"{resource}:policyName/{params['PolicyName']}"
        before = self._store.get(POLICY, name)
        arn = (before.asked["arn"] if before else "") or self._policy_arn(name)
        self._store.put(POLICY, name, {**params, "PolicyType": kind, "arn": arn})
        self._changed()
        return {"PolicyARN": arn, "Alarms": []}

    def delete_scaling_policy(self, params: Params) -> Result:
        """Forget a policy."""
        name = f"{self._checked(params)}:policyName/{params['PolicyName']}"
        if not self._store.remove(POLICY, name):
            raise _not_found(name)
        return {}

    def describe_scaling_policies(self, params: Params) -> Result:
        """List policies."""
        self._check_dimension(params)
        names, resource = params.get("PolicyNames"), params.get("ResourceId")
        found = [
            _policy(each)
            for each in self._store.all(POLICY)
            if (not names or each.asked["PolicyName"] in names)
            and resource in (None, each.asked["ResourceId"])
        ]
        return _paged(params, "ScalingPolicies", found)

    def describe_scaling_activities(self, params: Params) -> Result:
        """List changes of capacity, newest first."""
        self._check_dimension(params)
        resource = params.get("ResourceId")
        found = [
            _activity(each)
            for each in self._store.activities()
            if resource in (None, each.resource)
        ]
        return _paged(params, "ScalingActivities", found)

    def policies_of(self, resource: str) -> list[Thing]:
        """Return the policies of a target."""
        return [each for each in self._store.all(POLICY) if each.asked["ResourceId"] == resource]

    def _checked(self, params: Params) -> str:
        self._check_dimension(params)
        return str(params["ResourceId"])

    def _check_dimension(self, params: Params) -> None:
        if (
            params["ServiceNamespace"] != NAMESPACE
            or params.get("ScalableDimension", DIMENSION) != DIMENSION
        ):
            raise invalid(
                "The local cloud scales endpoints only: ServiceNamespace sagemaker and "
                f"ScalableDimension {DIMENSION}."
            )

    def _deployment(self, resource: str) -> Deployment:
        endpoint, variant = endpoint_of(resource)
        found: Endpoint | None = self._store.endpoint(endpoint)
        if found is not None:
            deployment = Deployment.of(found.deployed or found.wanted)
            if deployment.variant_name == variant:
                return deployment
        raise invalid(f"There is no {resource}.")

    def _target(self, thing: Thing) -> dict[str, Any]:
        shown = {name: value for name, value in thing.asked.items() if name != "arn"}
        role = f"arn:aws:iam::{self._surroundings.account_id}:role/{ROLE}"
        return {
            "RoleARN": f"{role}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
            **shown,
            "ScalableTargetARN": thing.asked["arn"],
            "CreationTime": utc(thing.created_at),
        }

    def _policy_arn(self, name: str) -> str:
        return self._surroundings.arn(
            "autoscaling", f"scalingPolicy:{uuid.uuid4()}:resource/sagemaker/{name}"
        )


def endpoint_of(resource: str) -> tuple[str, str]:
    """Return the endpoint and the variant that a resource id names."""
    found = _RESOURCE.fullmatch(resource)
    if found is None:
        raise invalid(f"{resource!r} must be endpoint/NAME/variant/NAME.")
    return found[1], found[2]


def _policy(thing: Thing) -> dict[str, Any]:
    shown = {name: value for name, value in thing.asked.items() if name != "arn"}
    return {
        **shown,
        "PolicyARN": thing.asked["arn"],
        "Alarms": [],
        "CreationTime": utc(thing.created_at),
    }


def _activity(activity: Activity) -> dict[str, Any]:
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


def _paged(
    params: Params, member: str, found: list[Mapping[str, Any]] | list[dict[str, Any]]
) -> Result:
    token = params.get("NextToken", "0")
    if not token.isdecimal():
        raise AwsError("InvalidNextTokenException", "The NextToken is not one that was given.")
    begin, size = int(token), params.get("MaxResults", _PAGE)
    more = {"NextToken": str(begin + size)} if len(found) > begin + size else {}
    return {member: found[begin : begin + size], **more}


def _not_found(what: str) -> AwsError:
    return AwsError("ObjectNotFoundException", f"No scalable target or policy found for {what}.")
