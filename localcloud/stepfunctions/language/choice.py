"""Choosing the next state.

https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

from localcloud.stepfunctions.language.states import Choice, ChoiceRule, Test
from localcloud.stepfunctions.language.values import Environment, Json


def choose(state: Choice, value: Json, environment: Environment) -> ChoiceRule | None:
    """Return the first rule that holds for the effective input `value`; None means `Default`.

    Raises `StatesError`: `States.NoChoiceMatched` if no rule holds and there is no default,
    `States.Runtime` if a compared path leads to nothing, `States.QueryEvaluationError` if a
    JSONata condition is no boolean.
    """
    raise NotImplementedError


def holds(test: Test, value: Json, environment: Environment) -> bool:
    """Return whether a JSONPath test holds for `value`."""
    raise NotImplementedError
