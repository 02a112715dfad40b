"""Step Functions state machines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import scalar_text
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]


def _ensure_state_machine(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    name = properties.get("StateMachineName") or stack.physical_name(logical_id)
    client = stack.client("stepfunctions")
    arn = stack.cloud.arn("states", f"stateMachine:{name}")
    definition = _definition(logical_id, properties)
    kind = properties.get("StateMachineType", "STANDARD")
    try:
        existing = client.describe_state_machine(stateMachineArn=arn)
    except client.exceptions.StateMachineDoesNotExist:
        client.create_state_machine(
            name=name,
            definition=definition,
            roleArn=properties["RoleArn"],
            type=kind,
        )
    else:
        if existing["type"] != kind:
            raise TemplateError(
                f"{logical_id}: {name} is {existing['type']} and cannot become {kind}; "
                "name it anew."
            )
        client.update_state_machine(
            stateMachineArn=arn, definition=definition, roleArn=properties["RoleArn"]
        )
    return CreatedResource(arn, {"Arn": arn, "Name": name})


def _definition(logical_id: str, properties: Properties) -> str:
    """Return the definition with its `${Name}` substitutions applied."""
    if ("DefinitionString" in properties) == ("Definition" in properties):
        raise TemplateError(f"{logical_id} needs either Definition or DefinitionString.")
    text = properties.get("DefinitionString") or json.dumps(properties["Definition"])
    values = properties.get("DefinitionSubstitutions", {})

    def replacement(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise TemplateError(f"{logical_id}: ${{{found[1]}}} has no DefinitionSubstitution.")
        value = scalar_text(values[found[1]], f"{logical_id}: ${{{found[1]}}}")
        return json.dumps(value)[1:-1]

    return re.sub(r"\$\{(\w+)\}", replacement, text)


RESOURCE_TYPES: Mapping[str, ResourceType] = {
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
        _ensure_state_machine,
        required=frozenset({"RoleArn"}),
        inert=frozenset({"LoggingConfiguration", "TracingConfiguration", "Tags"}),
    ),
}
