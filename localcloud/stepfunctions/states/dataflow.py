"""The way of data through a state, which the state types share.

JSONPath: InputPath → Parameters → work → ResultSelector → ResultPath → OutputPath.
JSONata: Arguments → work → Output. Assign is evaluated beside the output.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language import errors, payload
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.states import Number, Transforming, Working
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject, Template


def arguments(visit: Visit, state: Working) -> Json:
    """Return what the work of `state` is given."""
    if state.uses_jsonata:
        if state.arguments is ABSENT:
            return visit.strand.input
        return visit.evaluate(state.arguments, "Arguments")
    return payload.fill(state.parameters, visit.effective_input(), visit.environment())


def leave_with_result(visit: Visit, state: Working, result: Json) -> None:
    """Leave a state whose work gave `result`."""
    visit.check_size(result)
    if state.uses_jsonata:
        output = result
        if state.output is not ABSENT:
            output = visit.evaluate(state.output, "Output", result=result)
        visit.leave(state.next, output, assigned(visit, state.assign, result, result=result))
        return
    environment = visit.environment()
    selected = payload.fill(state.result_selector, result, environment)
    merged = payload.merge(state.result_path, visit.strand.input, selected)
    output = payload.select(state.output_path, merged, environment, "OutputPath")
    visit.leave(state.next, output, assigned(visit, state.assign, result))


def leave_simply(visit: Visit, state: Transforming, effective: Json) -> None:
    """Leave a state that does no work on its effective input."""
    if state.uses_jsonata:
        output = effective
        if state.output is not ABSENT:
            output = visit.evaluate(state.output, "Output")
    else:
        output = payload.select(state.output_path, effective, visit.environment(), "OutputPath")
    visit.leave(state.next, output, assigned(visit, state.assign, effective))


def assigned(
    visit: Visit,
    template: JsonObject | None,
    value: Json,
    *,
    result: Template = ABSENT,
    error_output: Template = ABSENT,
) -> JsonObject | None:
    """Return the variables that an Assign sets; in JSONPath its `$` is `value`."""
    if template is None:
        return None
    if visit.state.uses_jsonata:
        values = visit.evaluate(template, "Assign", result=result, error_output=error_output)
    else:
        values = payload.fill(template, value, visit.environment())
    if not isinstance(values, dict):
        raise StatesError(errors.RUNTIME, "Assign must give an object.")
    return values


def number(visit: Visit, written: Number | None, path: str | None, field: str) -> float | None:
    """Return the number that `field` or its `…Path` gives, or None if neither is written."""
    value: Json = written
    if path is not None:
        value = payload.select(path, visit.effective_input(), visit.environment(), f"{field}Path")
    elif isinstance(written, str):
        value = visit.evaluate(written, field)
    if value is None and path is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        name = errors.QUERY_EVALUATION_ERROR if path is None else errors.RUNTIME
        raise StatesError(name, f"The value of {field} must be a number, not {value!r}.")
    return value


def whole(visit: Visit, written: Number | None, path: str | None, field: str) -> int | None:
    """Return the whole number, zero or more, that `field` or its `…Path` gives, or None."""
    value = number(visit, written, path, field)
    if value is None:
        return None
    if value < 0 or value != int(value):
        name = errors.QUERY_EVALUATION_ERROR if path is None else errors.RUNTIME
        raise StatesError(name, f"The value of {field} must be a whole number, not {value}.")
    return int(value)
