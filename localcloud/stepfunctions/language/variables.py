"""Workflow variables: scopes, limits and `Assign`.

https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from localcloud.stepfunctions.language.values import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables of a machine, branch or iteration. A scope is a value: `assign` gives another.

    Inner scopes read the outer ones; they cannot change them.
    """

    own: Mapping[str, Json] = field(default_factory=dict)
    outer: Scope | None = None

    def visible(self) -> Mapping[str, Json]:
        """Return every variable that can be read here."""
        raise NotImplementedError

    def inner(self) -> Scope:
        """Return an empty scope inside this one, for a branch or an iteration."""
        raise NotImplementedError

    def assign(self, values: JsonObject) -> Scope:
        """Return this scope with `values` set.

        Raises `StatesError` (`States.DataLimitExceeded`) past a size limit: 256 KiB a variable
        and an Assign, 10 MiB in all; `States.Runtime` for a name that an outer scope has.
        """
        raise NotImplementedError
