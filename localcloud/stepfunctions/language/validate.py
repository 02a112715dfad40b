"""What is wrong with a definition, as ValidateStateMachineDefinition and CreateStateMachine say.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

import json
from typing import Final

from localcloud.stepfunctions.language.findings import (
    INVALID_JSON_DESCRIPTION,
    SCHEMA_VALIDATION_FAILED,
    TOO_DEEPLY_NESTED,
    Diagnostic,
    MachineType,
    Place,
    ResourcePredicate,
)
from localcloud.stepfunctions.language.validate_graph import check_transitions
from localcloud.stepfunctions.language.validate_states import check_top_level, effective_language
from localcloud.stepfunctions.language.values import loads

__all__ = [
    "Diagnostic",
    "MachineType",
    "ResourcePredicate",
    "any_resource",
    "diagnostics",
    "invalid_definition_message",
]


LONGEST_QUOTE: Final = 500
"""How much of a text that is no JSON its diagnostic quotes, in characters."""


def any_resource(resource: str) -> str | None:
    """Accept every resource whose ARN has a valid form."""
    return None


def diagnostics(
    definition_json: str,
    machine_type: MachineType = "STANDARD",
    resources: ResourcePredicate = any_resource,
) -> list[Diagnostic]:
    """Return every finding, errors first, in the order of the text within a severity."""
    try:
        machine = loads(definition_json or "null")
        if not isinstance(machine, dict):
            message = "Definition must be a valid JSON object"
            return [Diagnostic("ERROR", SCHEMA_VALIDATION_FAILED, message, None)]
        language = effective_language(machine, "JSONPath")
        place = Place("", machine_type, language, language, resources)
        check_top_level(place, machine)
        check_transitions(place, machine)
    except json.JSONDecodeError as problem:
        where = f"line: {problem.lineno}, column: {problem.colno}"
        location = f'[Source: (String)"{definition_json[:LONGEST_QUOTE]}"; {where}]'
        return [Diagnostic("ERROR", INVALID_JSON_DESCRIPTION, problem.msg, location)]
    except RecursionError:
        message = "The states are too deeply nested"
        return [Diagnostic("ERROR", TOO_DEEPLY_NESTED, message, None)]
    return sorted(place.found, key=lambda found: found.severity)


def invalid_definition_message(findings: list[Diagnostic]) -> str | None:
    """Return the message of the InvalidDefinition error, or None if nothing is an error."""
    told = [
        f"{found.code}: {found.message} at {found.location or 'null'}"
        for found in findings
        if found.severity == "ERROR"
    ]
    return f"Invalid State Machine Definition: '{', '.join(told)}'" if told else None
