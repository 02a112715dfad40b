"""Recorded histories of variables, of context objects, and of expressions that give nothing."""

from __future__ import annotations

from typing import Any

from tests.unit.stepfunctions.recorded import (
    HANDLED,
    LAMBDA,
    STARTED,
    Case,
    Events,
    entered,
    exited,
    failing,
    machine,
    one,
)

_REFERENCES = "LS assign/test_assign_reference_variables.py::"
_NOTHING = "{% $doesNotExist %}"
_QUESTION = '{"theQuestion":"What?"}'
_PASS = {"Type": "Pass", "End": True}


def _undefined(state: dict[str, Any], field: str) -> Case:
    """Return the case of a first state whose `field` is undefined: the event follows nothing."""
    cause = (
        "An error occurred while executing the state 'S' (entered at the event id #2). The JSONata "
        f"expression '$doesNotExist' specified for the field '{field}' returned nothing "
        "(undefined)."
    )
    error = {"error": "States.QueryEvaluationError", "cause": cause}
    kind = state["Type"]
    return Case(
        f"undefined_{kind}_{field}",
        f"{_REFERENCES}test_undefined_reference",
        one(state, QueryLanguage="JSONata"),
        [
            STARTED,
            (0, f"{kind}StateEntered", {}),
            (0, "EvaluationFailed", {**error, "location": field, "state": "S"}),
            (3, "ExecutionFailed", error),
        ],
    )


def _assigned(name: str, output: str, **variables: str) -> dict[str, Any]:
    return {**exited(name, output), "assignedVariables": variables}


def _choice(source: str, value: Any, state: dict[str, Any], events: Events) -> Case:
    states = {"S": state, "T": _PASS, "D": {"Type": "Fail", "Cause": "Condition is false"}}
    language = "JSONata" if "Condition" in state["Choices"][0] else "JSONPath"
    return Case(
        f"choice_{language}_{value}", source, machine(states, QueryLanguage=language), events, value
    )


_CONDITION = {
    "Type": "Choice",
    "Choices": [
        {"Condition": "{% $states.input %}", "Next": "T", "Assign": {"A": "Condition assignment"}}
    ],
    "Default": "D",
    "Assign": {"A": "Default Assignment"},
}
_CONDITIONS = "LS assign/test_assign_base.py::test_assign_in_choice"
VARIABLES = [
    _undefined({"Type": "Pass", "Output": _NOTHING}, "Output"),
    _undefined({"Type": "Pass", "Output": {"result": _NOTHING}}, "Output/result"),
    _undefined({"Type": "Pass", "Assign": {"result": _NOTHING}}, "Assign/result"),
    _undefined({"Type": "Task", "Resource": LAMBDA, "Arguments": _NOTHING}, "Arguments"),
    _undefined(
        {"Type": "Task", "Resource": LAMBDA, "Arguments": {"FunctionName": _NOTHING}},
        "Arguments/FunctionName",
    ),
    Case(
        "undefined_in_a_later_state",
        f"{_REFERENCES}test_undefined_reference[BASE_UNDEFINED_OUTPUT_MULTIPLE_STATES]",
        machine(
            {"A": {"Type": "Pass", "Next": "S"}, "S": {**_PASS, "Output": {"result": _NOTHING}}},
            QueryLanguage="JSONata",
        ),
        [
            STARTED,
            (0, "PassStateEntered", entered("A", "{}")),
            (2, "PassStateExited", exited("A", "{}")),
            (3, "PassStateEntered", entered("S", "{}")),
            (3, "EvaluationFailed", {"location": "Output/result", "state": "S"}),
            (5, "ExecutionFailed", {"error": "States.QueryEvaluationError"}),
        ],
    ),
    Case(
        "order_of_evaluation",
        f"{_REFERENCES}test_state_assign_evaluation_order",
        machine(
            {
                "A": {
                    "Type": "Pass",
                    "Result": {"theQuestion": "What?"},
                    "Assign": {"question.$": "$.theQuestion", "answer": 42},
                    "Next": "S",
                },
                "S": {
                    **_PASS,
                    "InputPath": "$answer",
                    "ResultPath": "$.theAnswer",
                    "OutputPath": "$answer",
                    "Assign": {"answer": "<omitted>"},
                },
            }
        ),
        [
            STARTED,
            (0, "PassStateEntered", {}),
            (2, "PassStateExited", _assigned("A", _QUESTION, question='"What?"', answer="42")),
            (3, "PassStateEntered", entered("S", _QUESTION)),
            (4, "PassStateExited", _assigned("S", "42", answer='"<omitted>"')),
            (5, "ExecutionSucceeded", {"output": "42"}),
        ],
    ),
    Case(
        "assigned_by_a_catcher",
        f"{_REFERENCES}test_assign_in_catch_state",
        machine(
            {
                "S": {
                    "Type": "Task",
                    "QueryLanguage": "JSONata",
                    "Resource": LAMBDA,
                    "Arguments": {"FunctionName": "f"},
                    "Assign": {"result": "SUCCESS"},
                    "Catch": [{**HANDLED, "Assign": {"result": "{% $states.errorOutput.Error %}"}}],
                    "End": True,
                },
                "Caught": _PASS,
            }
        ),
        [
            STARTED,
            (0, "TaskStateEntered", {}),
            (2, "TaskScheduled", {}),
            (3, "TaskStarted", {}),
            (4, "TaskFailed", {"error": "Exception"}),
            (5, "TaskStateExited", {"assignedVariables": {"result": '"Exception"'}}),
            (6, "PassStateEntered", {"name": "Caught"}),
            (7, "PassStateExited", {}),
            (8, "ExecutionSucceeded", {}),
        ],
        answers={"lambda.invoke": failing},
    ),
    _choice(
        _CONDITIONS,
        True,
        _CONDITION,
        [
            STARTED,
            (0, "ChoiceStateEntered", {}),
            (2, "ChoiceStateExited", _assigned("S", "true", A='"Condition assignment"')),
            (3, "PassStateEntered", {}),
            (4, "PassStateExited", {}),
            (5, "ExecutionSucceeded", {}),
        ],
    ),
    _choice(
        _CONDITIONS,
        False,
        _CONDITION,
        [
            STARTED,
            (0, "ChoiceStateEntered", {}),
            (2, "ChoiceStateExited", _assigned("S", "false", A='"Default Assignment"')),
            (3, "FailStateEntered", entered("D", "false")),
            (4, "ExecutionFailed", {"error": None, "cause": "Condition is false"}),
        ],
    ),
    _choice(
        "LS context_object/test_context_object.py::test_variable",
        0,
        {
            "Type": "Choice",
            "Choices": [{"Variable": "$$.Execution.Input", "NumericEquals": 0, "Next": "T"}],
            "Default": "D",
        },
        [
            STARTED,
            (0, "ChoiceStateEntered", {}),
            (2, "ChoiceStateExited", exited("S", "0")),
            (3, "PassStateEntered", {}),
            (4, "PassStateExited", {}),
            (5, "ExecutionSucceeded", {}),
        ],
    ),
    Case(
        "filters_after_a_dot",
        "LS base/test_base.py::test_state_pass_regex_json_path",
        machine(
            {
                "A": {
                    "Type": "Pass",
                    "Parameters": {"Found.$": "States.JsonToString($.[?(@.year <= 1998)])"},
                    "ResultPath": "$[0].found",
                    "Next": "S",
                },
                "S": {**_PASS, "OutputPath": "$.[?(@.year < 1999)].name"},
            }
        ),
        [
            STARTED,
            (0, "PassStateEntered", {}),
            (
                2,
                "PassStateExited",
                exited(
                    "A",
                    '[{"year":1998,"name":"a","found":{"Found":"[{\\"year\\":1998,\\"name\\":'
                    '\\"a\\"}]"}},{"year":1999,"last":"b"}]',
                ),
            ),
            (3, "PassStateEntered", {}),
            (4, "PassStateExited", exited("S", '["a"]')),
            (5, "ExecutionSucceeded", {"output": '["a"]'}),
        ],
        value=[{"year": 1998, "name": "a"}, {"year": 1999, "last": "b"}],
    ),
]
