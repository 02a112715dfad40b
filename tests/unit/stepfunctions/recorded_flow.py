"""Recorded histories of states that call nothing, and of Maps."""

from __future__ import annotations

from tests.unit.stepfunctions.recorded import (
    BROKEN,
    DISTRIBUTED,
    FROM_S3,
    HANDLED,
    ITERATION,
    STARTED,
    WHOLE,
    Case,
    entered,
    exited,
    iteration,
    machine,
    one,
    stored,
)

FLOW = [
    Case(
        "pass",
        "LS test_sfn_api.py::test_start_execution",
        one({"Type": "Pass", "Result": {"Arg1": "argument1"}}),
        [
            STARTED,
            (0, "PassStateEntered", entered("S", "{}")),
            (2, "PassStateExited", exited("S", '{"Arg1":"argument1"}')),
            (3, "ExecutionSucceeded", {"output": '{"Arg1":"argument1"}', "outputDetails": WHOLE}),
        ],
    ),
    Case(
        "map_one_at_a_time",
        "LS scenarios/test_base_scenarios.py::test_map_state_break_condition",
        one({"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": ITERATION}),
        [
            STARTED,
            (0, "MapStateEntered", entered("S", '[1,"Hello"]')),
            (2, "MapStateStarted", {"length": 2}),
            (3, "MapIterationStarted", iteration(0)),
            (4, "PassStateEntered", entered("I", "1")),
            (5, "PassStateExited", exited("I", "1")),
            (6, "MapIterationSucceeded", iteration(0)),
            (6, "MapIterationStarted", iteration(1)),
            (8, "PassStateEntered", entered("I", '"Hello"')),
            (9, "PassStateExited", exited("I", '"Hello"')),
            (10, "MapIterationSucceeded", iteration(1)),
            (11, "MapStateSucceeded", {}),
            (11, "MapStateExited", exited("S", '[1,"Hello"]')),
            (13, "ExecutionSucceeded", {}),
        ],
        value=[1, "Hello"],
    ),
    Case(
        "map_caught",
        "LS scenarios/test_base_scenarios.py::test_map_state_catch",
        machine(
            {
                "S": {"Type": "Map", "ItemProcessor": BROKEN, "End": True, "Catch": [HANDLED]},
                "Caught": {"Type": "Pass", "End": True},
            }
        ),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (2, "MapStateStarted", {"length": 1}),
            (3, "MapIterationStarted", iteration(0)),
            (4, "FailStateEntered", entered("I", "1")),
            (5, "MapIterationFailed", iteration(0)),
            (5, "MapStateFailed", {}),
            (7, "MapStateExited", exited("S", '{"Error":"E","Cause":"C"}')),
            (8, "PassStateEntered", entered("Caught", '{"Error":"E","Cause":"C"}')),
            (9, "PassStateExited", {}),
            (10, "ExecutionSucceeded", {}),
        ],
        value=[1],
    ),
    Case(
        "map_retried",
        "LS scenarios/test_base_scenarios.py::test_map_state_retry",
        one(
            {
                "Type": "Map",
                "ItemProcessor": BROKEN,
                "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}],
            }
        ),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (2, "MapStateStarted", {"length": 1}),
            (3, "MapIterationStarted", iteration(0)),
            (4, "FailStateEntered", {}),
            (5, "MapIterationFailed", iteration(0)),
            (5, "MapStateStarted", {"length": 1}),
            (7, "MapIterationStarted", iteration(0)),
            (8, "FailStateEntered", {}),
            (9, "MapIterationFailed", iteration(0)),
            (9, "MapStateFailed", {}),
            (11, "ExecutionFailed", {"error": "E", "cause": "C"}),
        ],
        value=[1],
    ),
    Case(
        "items_from_s3",
        "LS scenarios/test_base_scenarios.py::test_map_item_reader_csv_headers_first_row…",
        one(
            {
                "Type": "Map",
                "ItemReader": FROM_S3,
                "ItemProcessor": {**ITERATION, "ProcessorConfig": DISTRIBUTED},
            }
        ),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (2, "MapStateStarted", {"length": 0}),
            (3, "MapRunStarted", {}),
            (4, "MapRunSucceeded", {}),
            (5, "MapStateSucceeded", {}),
            (5, "MapStateExited", exited("S", "[1,2]")),
            (7, "ExecutionSucceeded", {}),
        ],
        answers={"s3.get_object": stored("[1,2]")},
    ),
    Case(
        "no_items_in_s3",
        "LS scenarios/test_base_scenarios.py::test_map_item_reader_json_no_json_list_object",
        one(
            {
                "Type": "Map",
                "ItemReader": FROM_S3,
                "ItemProcessor": {**ITERATION, "ProcessorConfig": DISTRIBUTED},
            }
        ),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (2, "MapStateStarted", {"length": 0}),
            (3, "MapRunStarted", {}),
            (
                4,
                "MapRunFailed",
                {
                    "error": "States.ItemReaderFailed",
                    "cause": "Attempting to map over non-iterable node.",
                },
            ),
            (5, "MapStateFailed", {}),
            (
                6,
                "ExecutionFailed",
                {
                    "error": "States.ItemReaderFailed",
                    "cause": "Attempting to map over non-iterable node.",
                },
            ),
        ],
        answers={"s3.get_object": stored("3")},
    ),
]
