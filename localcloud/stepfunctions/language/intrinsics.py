"""The intrinsic functions of JSONPath states, `States.Format('{}', $.a)` and the like.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

from localcloud.stepfunctions.language.values import Environment, Json


class IntrinsicSyntaxError(Exception):
    """The text is not a call of an intrinsic function; `str()` says why."""


def check(text: str) -> None:
    """Raise `IntrinsicSyntaxError` unless `text` is a well-formed call of a known function."""
    raise NotImplementedError


def evaluate(text: str, value: Json, environment: Environment) -> Json:
    """Evaluate the call with paths read from `value`.

    Raises `StatesError` (`States.IntrinsicFailure`, or `States.ParameterPathFailure` where a
    path argument leads to nothing).
    """
    raise NotImplementedError
