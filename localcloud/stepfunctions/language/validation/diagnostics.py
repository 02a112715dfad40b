"""Diagnostics of a definition, and the context in which its parts are checked.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from localcloud.stepfunctions.language.state_machine import QueryLanguage
from localcloud.stepfunctions.language.values import Json, JsonObject

DUPLICATE_LABEL_NAME: Final = "DUPLICATE_LABEL_NAME"
DUPLICATE_STATE_NAME: Final = "DUPLICATE_STATE_NAME"
INVALID_JSON_DESCRIPTION: Final = "INVALID_JSON_DESCRIPTION"
INVALID_LABEL_NAME: Final = "INVALID_LABEL_NAME"
INVALID_RESOURCE: Final = "INVALID_RESOURCE"
INVALID_STATE_NAME: Final = "INVALID_STATE_NAME"
MISSING_END_STATE: Final = "MISSING_END_STATE"
MISSING_TRANSITION_TARGET: Final = "MISSING_TRANSITION_TARGET"
SCHEMA_VALIDATION_FAILED: Final = "SCHEMA_VALIDATION_FAILED"
TOO_DEEPLY_NESTED: Final = "TOO_DEEPLY_NESTED"
NO_DOLLAR: Final = "NO_DOLLAR"
NO_PATH: Final = "NO_PATH"
PASS_RESULT_IS_STATIC: Final = "PASS_RESULT_IS_STATIC"  # noqa: S105 - a code of AWS

MachineType: TypeAlias = Literal["STANDARD", "EXPRESS"]
ResourcePredicate: TypeAlias = Callable[[str], str | None]
"""Returns why a resource ARN is not supported, or None if it is."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One diagnostic; `location` is like `/States/Name/Field`, or None for the whole text."""

    severity: Literal["ERROR", "WARNING"]
    code: str
    message: str
    location: str | None


@dataclass(frozen=True, slots=True)
class ValidationContext:
    """The location, kind of state machine and query language of a check, with what it found."""

    location: str
    machine_type: MachineType
    machine_language: QueryLanguage
    language: QueryLanguage
    resources: ResourcePredicate
    state_type: str = ""
    found: list[Diagnostic] = field(default_factory=list)

    @property
    def uses_jsonata(self) -> bool:
        """Whether the fields here are JSONata."""
        return self.language == "JSONata"

    def at(self, step: str) -> ValidationContext:
        """Return the context of a field or element here; `step` is `/Name` or `[0]`."""
        return replace(self, location=self.location + step)

    def error(self, message: str, code: str = SCHEMA_VALIDATION_FAILED) -> None:
        """Record an error here."""
        self.found.append(Diagnostic("ERROR", code, message, self.location or "/"))

    def warn(self, code: str, message: str) -> None:
        """Record a warning here."""
        self.found.append(Diagnostic("WARNING", code, message, self.location or "/"))

    def expect_object(self, value: Json) -> JsonObject | None:
        """Return `value` if it is an object, else record an error."""
        if isinstance(value, dict):
            return value
        self.error("Expected value of type [OBJECT]")
        return None

    def expect_array(self, value: Json) -> list[Json] | None:
        """Return `value` if it is a non-empty array, else record an error."""
        if not isinstance(value, list):
            self.error("Expected value of type [ARRAY]")
            return None
        if not value:
            self.error("Minimum number of items is 1")
            return None
        return value

    def expect_string(self, value: Json) -> str | None:
        """Return `value` if it is a string, else record an error."""
        if isinstance(value, str):
            return value
        self.error("Expected value of type [STRING]")
        return None

    def expect_one_of(self, value: Json, allowed: tuple[str, ...]) -> None:
        """Record an error unless `value` is one of the strings `allowed`."""
        text = self.expect_string(value)
        if text is not None and text not in allowed:
            self.error(f"Value should be one of the following: [{', '.join(allowed)}]")

    def expect_number(
        self, value: Json, minimum: float, maximum: float | None = None, *, whole: bool = True
    ) -> None:
        """Record an error unless `value` is a number from `minimum` to `maximum`."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.error("Expected value of type [NUMBER]")
        elif whole and not isinstance(value, int):
            self.error("Expected value of type [INTEGER]")
        elif value < minimum:
            self.error(f"Minimum value is {minimum}")
        elif maximum is not None and value > maximum:
            self.error(f"Maximum value is {maximum}")

    def expect_fields(
        self, source: JsonObject, allowed: frozenset[str], required: tuple[str, ...] = ()
    ) -> None:
        """Record an error for each field that is missing or unknown."""
        missing = [name for name in required if name not in source]
        if missing:
            self.error(f"These fields are required: [{', '.join(missing)}]")
        for name in source:
            if name not in allowed:
                self.error(f"Field '{name}' is not supported")

    def expect_at_most_one(self, source: JsonObject, *names: str) -> None:
        """Record an error if more than one of the fields is present."""
        present = [name for name in names if name in source]
        if len(present) > 1:
            self.at(f"/{present[0]}").error(
                f"Only one of these fields may be specified: [{', '.join(present)}]"
            )
