"""Recorded histories of what fields and paths may lead to: numbers, times and items."""

from __future__ import annotations

from typing import Any

from tests.unit.stepfunctions.recorded import (
    DISTRIBUTED,
    FROM_S3,
    FUNCTION,
    ITERATION,
    STARTED,
    Case,
    Events,
    machine,
    one,
    stored,
)

_SCENARIO = "LS scenarios/test_base_scenarios.py::"
_MAX_ITEMS = _SCENARIO + "test_map_item_reader_csv_max_items_paths"
_INLINE: dict[str, Any] = {"Type": "Map", "ItemsPath": "$.Items", "ItemProcessor": ITERATION}
_PROCESSOR: dict[str, Any] = {**ITERATION, "ProcessorConfig": DISTRIBUTED}
_RUN: dict[str, Any] = {"Type": "Map", "ItemsPath": "$.Items", "ItemProcessor": _PROCESSOR}
_READ: dict[str, Any] = {
    "Type": "Map",
    "ItemProcessor": _PROCESSOR,
    "ItemReader": {
        **FROM_S3,
        "ReaderConfig": {"InputType": "JSON", "MaxItemsPath": "$.N"},
    },
}
_NO_ITEMS = (2, "MapStateStarted", {"length": 0})
_RUN_SUCCEEDED: Events = [
    (3, "MapRunStarted", {}),
    (4, "MapRunSucceeded", {}),
    (5, "MapStateSucceeded", {}),
]
_BAD_LIMIT = {"error": "States.ItemReaderFailed", "cause": "field MaxItems must be positive"}


def _failed(previous: int, cause: str, error: str = "States.Runtime") -> Events:
    whole = f"An error occurred while executing the state 'S' (entered at the event id #2). {cause}"
    return [(previous, "ExecutionFailed", {"error": error, "cause": whole})]


def _not_valid(field: str, shown: str, kind: str = "integer") -> str:
    return f'The {field}Path field refers to value "{shown}" which is not a valid {kind}: $.N'


def _case(source: str, state: dict[str, Any], events: Events, value: Any) -> Case:
    return Case(
        f"{source.partition('[')[0].rpartition('::')[2]}_{value['N']}",
        source,
        one(state),
        [STARTED, (0, f"{state['Type']}StateEntered", {}), *events],
        value,
        {"s3.get_object": stored("[1,2,3]")},
    )


def _concurrency(value: Any, cause: str) -> Case:
    source = _SCENARIO + "test_max_concurrency_path"
    state = {**_INLINE, "MaxConcurrencyPath": "$.N"}
    return _case(source, state, _failed(2, cause), {"Items": [0], "N": value})


def _tolerated(kind: str, value: Any, cause: str | None = None) -> Case:
    succeeded: Events = [
        *_RUN_SUCCEEDED,
        (5, "MapStateExited", {}),
        (7, "ExecutionSucceeded", {}),
    ]
    events = succeeded if cause is None else _failed(3, cause)
    return _case(
        f"{_SCENARIO}test_map_state_tolerated_failure_{kind.lower()}_path",
        {**_RUN, f"ToleratedFailure{kind}Path": "$.N"},
        [(2, "MapStateStarted", {"length": 1}), *events],
        {"Items": [0], "N": value},
    )


def _max_items(value: Any, output: str) -> Case:
    end: Events = [(5, "MapStateExited", {"output": output}), (7, "ExecutionSucceeded", {})]
    return _case(_MAX_ITEMS, _READ, [_NO_ITEMS, *_RUN_SUCCEEDED, *end], {"N": value})


def _seconds(value: Any, cause: str) -> Case:
    return _case(
        "LS base/test_wait.py::test_base_wait_seconds_path",
        {"Type": "Wait", "SecondsPath": "$.N"},
        _failed(2, f"The SecondsPath parameter {cause}: $.N == {value}"),
        {"N": value},
    )


def _wrong_items(kind: str, value: Any, shown: str) -> Case:
    cause = (
        "The JSONata expression '$states.input' specified for the field 'Items' returned an "
        f"unexpected result type. Expected 'array', but was '{kind}' for value: {shown}"
    )
    state = {"Type": "Map", "Items": "{% $states.input %}", "ItemProcessor": ITERATION}
    return Case(
        f"map_state_items_eval_jsonata_{kind}",
        _SCENARIO + "test_map_state_items_eval_jsonata_variable_sampling_fail",
        one(state, QueryLanguage="JSONata"),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (0, "EvaluationFailed", {"location": "Items", "state": "S"}),
            (3, "MapStateFailed", {}),
            *_failed(4, cause, "States.QueryEvaluationError"),
        ],
        value,
    )


def _missing(field: str, state: dict[str, Any], cause: str) -> Case:
    """A path that leads to nothing; LS calls the case by the field."""
    ends = state["Type"] == "Fail"
    return Case(
        f"missing_{field}",
        f"{_SCENARIO}test_invalid_jsonpath[ST.INVALID_JSONPATH_IN_{field.upper()}]",
        machine({"S": state}) if ends else one(state),
        [STARTED, (0, f"{state['Type']}StateEntered", {}), *_failed(2, cause)],
        {"a": 0},
    )


def _no_results(field: str, state: dict[str, Any]) -> Case:
    cause = "Invalid path '$.no' : No results for path: $['no']"
    return _missing(field, {**state, field: "$.no"}, cause)


def _not_found(field: str) -> Case:
    cause = (
        f"The JSONPath '$.no' specified for the field '{field}' could not be found in the input "
        "'{\"a\":0}'"
    )
    return _missing(field, {"Type": "Fail", field: "$.no"}, cause)


_COUNT, _PERCENTAGE = "ToleratedFailureCount", "ToleratedFailurePercentage"
NUMBERS = [
    _concurrency({}, _not_valid("MaxConcurrency", "{}")),
    _concurrency("NoNumber", _not_valid("MaxConcurrency", "NoNumber")),
    _concurrency(-1, "Expected non-negative integer for MaxConcurrency, got '-1' instead."),
    _tolerated("Count", {}, _not_valid(_COUNT, "{}")),
    _tolerated("Count", "NoNumber", _not_valid(_COUNT, "NoNumber")),
    _tolerated("Count", -1, "ToleratedFailureCount cannot be negative."),
    _tolerated("Count", "1"),
    _tolerated("Percentage", {}, _not_valid(_PERCENTAGE, "{}", "float")),
    _tolerated("Percentage", "NoNumber", _not_valid(_PERCENTAGE, "NoNumber", "float")),
    _tolerated("Percentage", -1.1, f"{_PERCENTAGE} must be between 0 and 100."),
    _tolerated("Percentage", 100.1, f"{_PERCENTAGE} must be between 0 and 100."),
    _tolerated("Percentage", 1.1),
    _tolerated("Percentage", "100"),
    _max_items(0, "[1,2,3]"),
    _max_items(2, "[1,2]"),
    _max_items("2", "[1,2]"),
    _max_items(100_000_001, "[1,2,3]"),
    _case(_MAX_ITEMS, _READ, [_NO_ITEMS, *_failed(3, _not_valid("MaxItems", "1.5"))], {"N": 1.5}),
    _case(
        _MAX_ITEMS,
        _READ,
        [
            _NO_ITEMS,
            (3, "MapRunStarted", {}),
            (4, "MapRunFailed", _BAD_LIMIT),
            (5, "MapStateFailed", {}),
            (6, "ExecutionFailed", _BAD_LIMIT),
        ],
        {"N": -1},
    ),
    _seconds(1.5, "cannot be parsed as a long value"),
    _seconds("soon", "cannot be parsed as a long value"),
    _seconds(-1, "references a negative value"),
    _case(
        _SCENARIO + "test_wait_timestamp_path[NO_Z]",
        {"Type": "Wait", "TimestampPath": "$.N"},
        _failed(
            2,
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset "
            "date-time format string: $.N == 2016-12-05T21:29:29",
        ),
        {"N": "2016-12-05T21:29:29"},
    ),
    _wrong_items("number", 1, "1"),
    _wrong_items("string", "string", '"string"'),
    _wrong_items("boolean", True, "true"),
    _wrong_items("object", {"foo": "bar"}, '{"foo":"bar"}'),
    *(
        _case(
            "LS test_state/test_state_context_object.py::test_state_map_context_object",
            {**_INLINE, "ItemsPath": "$.N"},
            _failed(2, 'Reference path "$.N" must point to array.'),
            {"N": wrong},
        )
        for wrong in ({"a": 1}, "text")
    ),
    _no_results("InputPath", {"Type": "Pass"}),
    _no_results("OutputPath", {"Type": "Pass"}),
    _no_results("TimeoutSecondsPath", {"Type": "Task", "Resource": FUNCTION}),
    _no_results("HeartbeatSecondsPath", {"Type": "Task", "Resource": FUNCTION}),
    _not_found("ErrorPath"),
    _not_found("CausePath"),
    Case(
        "map_state_items_of_a_function",
        _SCENARIO + "test_map_state_items_eval_jsonata_fail[function]",
        one(
            {"Type": "Map", "Items": "{% $f := function($x){$x} %}", "ItemProcessor": ITERATION},
            QueryLanguage="JSONata",
        ),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (0, "EvaluationFailed", {"location": "Items", "state": "S"}),
            (3, "MapStateFailed", {}),
            *_failed(
                4,
                "The JSONata expression '$f := function($x){$x}' specified for the field 'Items' "
                "returned an unsupported result type.",
                "States.QueryEvaluationError",
            ),
        ],
    ),
    Case(
        "map_state_items_input_types",
        _SCENARIO + "test_map_state_items_input_types[number]",
        one({"Type": "Map", "ItemProcessor": ITERATION}, QueryLanguage="JSONata"),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (0, "EvaluationFailed", {"state": "S", "location": None}),
            (3, "MapStateFailed", {}),
            *_failed(
                4, "Map state input must be an array but was: 1", "States.QueryEvaluationError"
            ),
        ],
        1,
    ),
    Case(
        "legacy_iterator_distributed",
        _SCENARIO + "test_map_state_legacy_config_distributed",
        one({"Type": "Map", "Iterator": _PROCESSOR}),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (2, "MapStateStarted", {"length": 2}),
            *_RUN_SUCCEEDED,
            (5, "MapStateExited", {"output": '["Hello","World"]'}),
            (7, "ExecutionSucceeded", {}),
        ],
        ["Hello", "World"],
    ),
]
