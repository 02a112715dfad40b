"""Input and output processing of JSONPath states.

InputPath → Parameters → (work) → ResultSelector → ResultPath → OutputPath.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html
"""

from __future__ import annotations

from localcloud.stepfunctions.language.values import Environment, Json, Template


def select(path: str | None, value: Json, environment: Environment, field: str) -> Json:
    """Apply InputPath, OutputPath, ItemsPath, SecondsPath…; None gives `{}`.

    `field` names the path's field in the cause. Raises `StatesError` (`States.Runtime`).
    """
    raise NotImplementedError


def fill(template: Template, value: Json, environment: Environment) -> Json:
    """Fill a payload template (Parameters, ResultSelector, ItemSelector…) from `value`.

    An absent template gives `value`. A key that ends in `.$` is a path or an intrinsic.
    Raises `StatesError`: `States.ParameterPathFailure` or `States.IntrinsicFailure`.
    """
    raise NotImplementedError


def merge(result_path: str | None, raw_input: Json, result: Json) -> Json:
    """Apply ResultPath: None discards `result`, `$` replaces the input, else it is inserted.

    Raises `StatesError` (`States.ResultPathMatchFailure`).
    """
    raise NotImplementedError
