"""Lambda functions with their versions, aliases, permissions and event source mappings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from infra.cloudformation.intrinsics import scalar_text
from localcloud.lambdas.spec import FunctionSpec
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]

_MAPPING_PROPERTIES = (
    "EventSourceArn",
    "FunctionName",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "FunctionResponseTypes",
    "ScalingConfig",
    "FilterCriteria",
    "Enabled",
)


def _register_function(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    name = properties.get("FunctionName") or stack.physical_name(logical_id)
    variables = properties.get("Environment", {}).get("Variables", {})
    reserved = properties.get("ReservedConcurrentExecutions")
    logging = properties.get("LoggingConfig", {})
    spec = FunctionSpec(
        name=name,
        handler=properties["Handler"],
        code_path=stack.code_folder(logical_id),
        environment={
            **{key: scalar_text(value, f"{logical_id}: {key}") for key, value in variables.items()},
            **stack.environment,
        },
        memory_mb=int(properties.get("MemorySize", 128)),
        timeout_s=int(properties.get("Timeout", 3)),
        role_arn=properties.get("Role", ""),
        reserved_concurrency=int(reserved) if reserved is not None else None,
        architecture=properties.get("Architectures", ["x86_64"])[0],
        runtime=properties["Runtime"],
        description=properties.get("Description", ""),
        dead_letter=properties.get("DeadLetterConfig", {}).get("TargetArn"),
        tracing=properties.get("TracingConfig", {}).get("Mode", "PassThrough"),
        storage_mb=int(properties.get("EphemeralStorage", {}).get("Size", 512)),
        log_format=logging.get("LogFormat", "Text"),
        log_group=logging.get("LogGroup", ""),
        recursive_loop=properties.get("RecursiveLoop", "Terminate"),
        snap_start=properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions",
    )
    stack.lambdas.register(spec)
    return CreatedResource(name, {"Arn": stack.cloud.arn("lambda", f"function:{name}")})


def _publish_version(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    name = _function_name(properties["FunctionName"])
    number = stack.lambdas.publish(name, logical_id)
    arn = stack.cloud.arn("lambda", f"function:{name}:{number}")
    return CreatedResource(arn, {"Version": number, "FunctionArn": arn})


def _point_alias(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name, alias = _function_name(properties["FunctionName"]), properties["Name"]
    arn = stack.lambdas.point_alias(name, alias, str(properties["FunctionVersion"]))
    return CreatedResource(arn, {"AliasArn": arn})


def _function_name(reference: str) -> str:
    """Return the name of a function that is given by name or ARN."""
    return reference.rpartition(":function:")[2]


def _ensure_permission(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    client = stack.client("lambda")
    function = properties["FunctionName"]
    with suppress(client.exceptions.ResourceNotFoundException):
        client.remove_permission(FunctionName=function, StatementId=logical_id)
    client.add_permission(
        FunctionName=function,
        StatementId=logical_id,
        Action=properties["Action"],
        Principal=properties["Principal"],
        **{key: properties[key] for key in ("SourceArn", "SourceAccount") if key in properties},
    )
    return CreatedResource(logical_id)


def _ensure_event_source_mapping(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    mapping = {key: properties[key] for key in _MAPPING_PROPERTIES if key in properties}
    ensured = stack.lambdas.ensure_event_source_mapping(mapping)
    return CreatedResource(str(ensured["UUID"]), {"Id": ensured["UUID"]})


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "AWS::Lambda::Function": ResourceType(
        frozenset(
            {
                "FunctionName",
                "Handler",
                "Runtime",
                "Role",
                "MemorySize",
                "Timeout",
                "Environment",
                "Architectures",
                "Description",
                "DeadLetterConfig",
                "ReservedConcurrentExecutions",
                "TracingConfig",
                "EphemeralStorage",
                "LoggingConfig",
                "SnapStart",
                "RecursiveLoop",
            }
        ),
        _register_function,
        required=frozenset({"Handler", "Runtime", "Role"}),
        # The code is on this disk.
        inert=frozenset({"Code", "Tags"}),
        every_start=True,
    ),
    "AWS::Lambda::Version": ResourceType(
        frozenset(),
        _publish_version,
        required=frozenset({"FunctionName"}),
        inert=frozenset({"Description", "CodeSha256"}),
        every_start=True,
    ),
    # Without RoutingConfig and ProvisionedConcurrencyConfig: an alias is one version here.
    "AWS::Lambda::Alias": ResourceType(
        frozenset(),
        _point_alias,
        required=frozenset({"FunctionName", "FunctionVersion", "Name"}),
        inert=frozenset({"Description"}),
        every_start=True,
    ),
    "AWS::Lambda::Permission": ResourceType(
        frozenset({"SourceArn", "SourceAccount"}),
        _ensure_permission,
        required=frozenset({"Action", "FunctionName", "Principal"}),
        every_start=True,
    ),
    "AWS::Lambda::EventSourceMapping": ResourceType(
        frozenset(_MAPPING_PROPERTIES),
        _ensure_event_source_mapping,
        required=frozenset({"EventSourceArn", "FunctionName"}),
        inert=frozenset({"Tags"}),
    ),
}
