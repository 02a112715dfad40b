"""Input and output processing of a state, shared by the state executors.

JSONPath: InputPath → Parameters → work → ResultSelector → ResultPath → OutputPath.
JSONata: Arguments → work → Output. Assign is evaluated beside the output.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.jsonpath import payload_templates
from localcloud.stepfunctions.language.state_machine import (
    RetryableState,
    TransformingState,
)
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject, Template


def evaluate_arguments(visit: StateVisit, state: RetryableState) -> Json:
    """Return the arguments of the work of `state`."""
    if state.uses_jsonata:
        if state.arguments is ABSENT:
            return visit.branch.input
        arguments = visit.evaluate(state.arguments, "Arguments")
        visit.inspect("afterArguments", arguments)
        return arguments
    environment = visit.environment()
    filled = payload_templates.fill(state.parameters, visit.effective_input(), environment)
    visit.inspect("afterParameters", filled)
    return filled


def leave_with_result(visit: StateVisit, state: RetryableState, result: Json) -> None:
    """Leave a state whose work returned `result`."""
    visit.check_size(result)
    if state.uses_jsonata:
        output = result
        if state.output is not ABSENT:
            output = visit.evaluate(state.output, "Output", result=result)
        visit.leave(state.next, output, evaluate_assign(visit, state.assign, result, result=result))
        return
    environment = visit.environment()
    selected = payload_templates.fill(state.result_selector, result, environment)
    visit.inspect("afterResultSelector", selected)
    merged = payload_templates.merge(state.result_path, visit.branch.input, selected)
    visit.inspect("afterResultPath", merged)
    output = payload_templates.select(state.output_path, merged, environment, "OutputPath")
    visit.leave(state.next, output, evaluate_assign(visit, state.assign, result))


def leave_with_input(visit: StateVisit, state: TransformingState, effective: Json) -> None:
    """Leave a state that does no work, with its effective input."""
    if state.uses_jsonata:
        output = effective
        if state.output is not ABSENT:
            output = visit.evaluate(state.output, "Output")
    else:
        output = payload_templates.select(
            state.output_path, effective, visit.environment(), "OutputPath"
        )
    visit.leave(state.next, output, evaluate_assign(visit, state.assign, effective))


def evaluate_assign(
    visit: StateVisit,
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
        values = payload_templates.fill(template, value, visit.environment())
    if not isinstance(values, dict):
        raise StatesError(errors.RUNTIME, "Assign must give an object.")
    return values
