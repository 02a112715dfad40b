"""What is wrong with a definition, as ValidateStateMachineDefinition and CreateStateMachine say.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

MachineType: TypeAlias = Literal["STANDARD", "EXPRESS"]
ResourcePredicate: TypeAlias = Callable[[str], str | None]
"""Given a resource ARN, says what is wrong with it, or None if the engine can run it."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding; `location` is like `/States/Name/Field`, or None for the text as a whole."""

    severity: Literal["ERROR", "WARNING"]
    code: str
    message: str
    location: str | None


def any_resource(resource: str) -> str | None:
    """Accept every resource whose ARN has a valid form."""
    return None


def diagnostics(
    definition_json: str,
    machine_type: MachineType = "STANDARD",
    resources: ResourcePredicate = any_resource,
) -> list[Diagnostic]:
    """Return every finding, errors first, in the order of the text within a severity."""
    raise NotImplementedError


def invalid_definition_message(findings: list[Diagnostic]) -> str | None:
    """Return the message of the InvalidDefinition error, or None if nothing is an error."""
    raise NotImplementedError
