"""JSONata in states: `{% … %}` strings anywhere in a template.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject, Template


@dataclass(frozen=True, slots=True)
class Bindings:
    """What an expression may read: `$states` and the workflow variables.

    An absent member is not bound, so that reading it is undefined.
    """

    input: Template = ABSENT
    context: JsonObject = field(default_factory=dict)
    result: Template = ABSENT
    error_output: Template = ABSENT
    variables: Mapping[str, Json] = field(default_factory=dict)


def is_expression(value: Json) -> bool:
    """Return whether `value` is a string of the form `{% … %}`."""
    raise NotImplementedError


def check_expression(text: str) -> str | None:
    """Return what is wrong with the syntax of `{% … %}`, or None."""
    raise NotImplementedError


def evaluate(template: Json, bindings: Bindings, where: str) -> Json:
    """Return `template` with each expression in it replaced by its value, as plain JSON.

    `where` names the field in the cause, for example `Arguments` or `Choices[0]/Condition`.
    Raises `StatesError` (`States.QueryEvaluationError`) for an error, an undefined value, a
    value that is not JSON, or an evaluation that takes too long.
    """
    raise NotImplementedError
