"""Functions, their sources and permissions, and state machines from their types."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import scalar_text
from localcloud.lambdas.spec import FunctionSpec
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]


def _function(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("FunctionName") or shop.physical_name(logical_id)
    variables = properties.get("Environment", {}).get("Variables", {})
    reserved = properties.get("ReservedConcurrentExecutions")
    logging = properties.get("LoggingConfig", {})
    spec = FunctionSpec(
        name=name,
        handler=properties["Handler"],
        code_path=shop.code(logical_id),
        environment={
            **{key: scalar_text(value, f"{logical_id}: {key}") for key, value in variables.items()},
            **shop.environment,
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
        snap_start=properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions",
    )
    shop.lambdas.register(spec)
    return CreatedResource(name, {"Arn": shop.context.arn("lambda", f"function:{name}")})


def _permission(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    client = shop.client("lambda")
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


_SOURCE = (
    "EventSourceArn",
    "FunctionName",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "FunctionResponseTypes",
    "ScalingConfig",
    "FilterCriteria",
    "Enabled",
)


def _source(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    wanted = {key: properties[key] for key in _SOURCE if key in properties}
    mapping = shop.lambdas.ensure_event_source_mapping(wanted)
    return CreatedResource(str(mapping["UUID"]), {"Id": mapping["UUID"]})


def _machine(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("StateMachineName") or shop.physical_name(logical_id)
    states = shop.client("stepfunctions")
    arn = shop.context.arn("states", f"stateMachine:{name}")
    definition = _definition(logical_id, properties)
    kind = properties.get("StateMachineType", "STANDARD")
    try:
        there = states.describe_state_machine(stateMachineArn=arn)
    except states.exceptions.StateMachineDoesNotExist:
        states.create_state_machine(
            name=name,
            definition=definition,
            roleArn=properties["RoleArn"],
            type=kind,
        )
    else:
        if there["type"] != kind:
            raise TemplateError(
                f"{logical_id}: {name} is {there['type']} and cannot become {kind}; name it anew."
            )
        states.update_state_machine(
            stateMachineArn=arn, definition=definition, roleArn=properties["RoleArn"]
        )
    return CreatedResource(arn, {"Arn": arn, "Name": name})


def _definition(logical_id: str, properties: Properties) -> str:
    """Return the definition with its `${Name}` substitutions put in."""
    if ("DefinitionString" in properties) == ("Definition" in properties):
        raise TemplateError(f"{logical_id} needs either Definition or DefinitionString.")
    given = properties.get("DefinitionString") or json.dumps(properties["Definition"])
    values = properties.get("DefinitionSubstitutions", {})

    def replaced(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise TemplateError(f"{logical_id}: ${{{found[1]}}} has no DefinitionSubstitution.")
        value = scalar_text(values[found[1]], f"{logical_id}: ${{{found[1]}}}")
        return json.dumps(value)[1:-1]

    return re.sub(r"\$\{(\w+)\}", replaced, given)


TYPES: Mapping[str, ResourceType] = {
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
            }
        ),
        _function,
        required=frozenset({"Handler", "Runtime", "Role"}),
        # The code lies on this disk.
        inert=frozenset({"Code", "Tags"}),
        every_start=True,
    ),
    "AWS::Lambda::Permission": ResourceType(
        frozenset({"SourceArn", "SourceAccount"}),
        _permission,
        required=frozenset({"Action", "FunctionName", "Principal"}),
    ),
    "AWS::Lambda::EventSourceMapping": ResourceType(
        frozenset(_SOURCE),
        _source,
        required=frozenset({"EventSourceArn", "FunctionName"}),
        inert=frozenset({"Tags"}),
    ),
    "AWS::StepFunctions::StateMachine": ResourceType(
        frozenset(
            {
                "StateMachineName",
                "StateMachineType",
                "Definition",
                "DefinitionString",
                "DefinitionSubstitutions",
            }
        ),
        _machine,
        required=frozenset({"RoleArn"}),
        inert=frozenset({"LoggingConfiguration", "TracingConfiguration", "Tags"}),
    ),
}
