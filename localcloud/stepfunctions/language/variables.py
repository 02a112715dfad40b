"""Workflow variables: scopes, limits and `Assign`.

https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from localcloud.stepfunctions.language.errors import DATA_LIMIT_EXCEEDED, RUNTIME, StatesError
from localcloud.stepfunctions.language.values import Json, JsonObject, size_of

MAX_VARIABLE_BYTES: Final = 256 * 1024
MAX_ASSIGN_BYTES: Final = 256 * 1024
MAX_TOTAL_BYTES: Final = 10 * 1024 * 1024
MAX_NAME_CHARACTERS: Final = 80
RESERVED_NAME: Final = "states"


def is_valid_name(name: str) -> bool:
    """Return whether `name` may name a variable: a Unicode identifier that is not reserved."""
    return name.isidentifier() and len(name) <= MAX_NAME_CHARACTERS and name != RESERVED_NAME


@dataclass(frozen=True, slots=True)
class VariableScope:
    """The variables of a state machine, branch or iteration; immutable, `assign` returns another.

    Inner scopes read the outer ones; they cannot change them.
    """

    own: Mapping[str, Json] = field(default_factory=dict)
    outer: VariableScope | None = None

    def visible(self) -> Mapping[str, Json]:
        """Return every variable that can be read here."""
        return dict(self.own) if self.outer is None else {**self.outer.visible(), **self.own}

    def inner(self) -> VariableScope:
        """Return an empty scope inside this one, for a branch or an iteration."""
        return VariableScope(outer=self)

    def assign(self, values: JsonObject) -> VariableScope:
        """Return this scope with `values` set.

        All values are computed before, from what was visible when the state was entered. Raises
        `StatesError`: `States.DataLimitExceeded` past a size limit (256 KiB a variable and an
        Assign, 10 MiB in all), `States.Runtime` for a name of an outer scope.
        """
        if not values:
            return self
        taken = set() if self.outer is None else values.keys() & self.outer.visible().keys()
        if taken:
            raise StatesError(
                RUNTIME, f"Variable '{min(taken)}' belongs to an outer scope and cannot be assigned"
            )
        sizes = {name: size_of(value) for name, value in values.items()}
        for name, size in sizes.items():
            if size > MAX_VARIABLE_BYTES:
                raise _too_large(f"variable '{name}'", MAX_VARIABLE_BYTES)
        if sum(sizes.values()) > MAX_ASSIGN_BYTES:
            raise _too_large("variables assigned at once", MAX_ASSIGN_BYTES)
        assigned = replace(self, own={**self.own, **values})
        if sum(map(size_of, assigned.visible().values())) > MAX_TOTAL_BYTES:
            raise _too_large("all variables", MAX_TOTAL_BYTES)
        return assigned


def _too_large(what: str, limit: int) -> StatesError:
    return StatesError(
        DATA_LIMIT_EXCEEDED, f"The size of {what} exceeds the limit of {limit} bytes."
    )
