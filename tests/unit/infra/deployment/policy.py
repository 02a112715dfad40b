"""What the policy for deployers grants: an action, on a resource, in a context."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.deployment.job_permissions import JOB_STATEMENTS
from infra.deployment.permissions import policy_document
from localcloud.iam import actions
from localcloud.iam.conditions import wildcard
from localcloud.iam.resources import AccountResources, resource_of
from tests.unit.infra.deployment.aws import ACCOUNT, REGION

Context = Mapping[str, tuple[str, ...]]

BY_CLOUDFORMATION: Context = {"aws:CalledVia": ("cloudformation.amazonaws.com",)}
OF_A_STAGE: Context = {"aws:ResourceTag/headrace:stage": ("dev",)}
OF_ITS_FUNCTION: Context = {
    "lambda:FunctionArn": (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:headrace-dev-ingest",)
}
PREFIXES = {"stepfunctions": "states", "resourcegroupstaggingapi": "tag"}
_HERE = AccountResources(REGION, ACCOUNT)


@dataclass(frozen=True, slots=True)
class Need:
    """One action on one resource; `context` has a value for each condition key of the request."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


def is_granted(need: Need) -> bool:
    """Say whether some statement allows it."""
    documents = (policy_document(), policy_document(JOB_STATEMENTS))
    return any(_allows(each, need) for document in documents for each in document["Statement"])


def _allows(statement: Mapping[str, Any], need: Need) -> bool:
    return (
        any(wildcard(each).fullmatch(need.action) for each in statement["Action"])
        and any(wildcard(each).fullmatch(need.resource) for each in statement["Resource"])
        and all(
            _holds(operator, values, need.context.get(key, ()))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _holds(operator: str, wanted: str | list[str], given: tuple[str, ...]) -> bool:
    alternatives = [wanted] if isinstance(wanted, str) else wanted
    fits: Mapping[str, Callable[[str], bool]] = {
        "ForAnyValue:StringEquals": lambda value: value in alternatives,
        "StringEquals": lambda value: value in alternatives,
        "StringLike": lambda value: any(wildcard(a).fullmatch(value) for a in alternatives),
    }
    return any(map(fits[operator], given))


def needs_of(name: str, params: Mapping[str, Any]) -> list[Need]:
    """Return what a call of a command needs, such as `s3.PutObject`, made by nobody else."""
    service, _, operation = name.partition(".")
    if service == "apigateway":
        path = {"GetAccount": "account", "GetRestApis": "restapis"}[operation]
        return [Need("apigateway:GET", f"arn:aws:apigateway:{REGION}::/{path}")]
    if service == "dynamodb":
        found = actions.required_permissions(service, operation, params, _HERE)
        return [Need(each.action, each.resource) for each in found]
    action = f"{PREFIXES.get(service, service)}:{operation}"
    resource = _RESOURCES.get(service, _elsewhere(service))(params)
    return [Need(action, resource, _CONTEXTS.get(service, {}))]


def _elsewhere(service: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda params: resource_of(service, params, _HERE)


def _object(params: Mapping[str, Any]) -> str:
    key = f"/{params['Key']}" if "Key" in params else ""
    return f"arn:aws:s3:::{params['Bucket']}{key}"


def _stack(params: Mapping[str, Any]) -> str:
    stack = str(params.get("StackName") or params["ChangeSetName"])
    return stack if stack.startswith("arn:") else _HERE.arn("cloudformation", f"stack/{stack}/1")


def _function_or_mapping(params: Mapping[str, Any]) -> str:
    if "UUID" in params:
        return _HERE.arn("lambda", f"event-source-mapping:{params['UUID']}")
    return resource_of("lambda", params, _HERE)


def _principal(params: Mapping[str, Any]) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/{params.get('RoleName')}"
    return str(params.get("PolicySourceArn", role))


_RESOURCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "cloudformation": _stack,
    "iam": _principal,
    "lambda": _function_or_mapping,
    "s3": _object,
}
_CONTEXTS: Mapping[str, Context] = {"kms": OF_A_STAGE, "lambda": OF_ITS_FUNCTION}
