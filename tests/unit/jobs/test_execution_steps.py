"""States of a machine as histories tell of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.contracts.executions import ExecutionState, ExecutionStep
from chalicelib.jobs.execution_steps import ExecutionEvent, ExecutionRecord, execution_steps

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
MACHINE = {
    "StartAt": "Prepare",
    "States": {
        "Prepare": {
            "Type": "Task",
            "Catch": [
                {"ErrorEquals": ["Odd"], "Next": "Tell"},
                {"ErrorEquals": ["States.ALL"], "Next": "Tell"},
            ],
            "Next": "Decide",
        },
        "Decide": {
            "Type": "Choice",
            "Choices": [{"Next": "Items"}, {"Next": "Prepare"}],
            "Default": "Items",
        },
        "Items": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": True}}},
            "End": True,
        },
        "Tell": {"Type": "Fail"},
    },
}


def steps(
    *events: str, status: ExecutionState = "running", partial: bool = False
) -> dict[str, ExecutionStep]:
    """Return the steps after events, one a second, written as "type" or "type:name"."""
    told = []
    for second, event in enumerate(events):
        kind, _, name = event.partition(":")
        about = {"state" if "State" in kind else "error": name}
        told.append(ExecutionEvent(kind, BEGAN + timedelta(seconds=second), **about))
    ended = None if status == "running" else BEGAN + timedelta(seconds=len(events))
    record = ExecutionRecord(status, BEGAN, ended, MACHINE, told, partial)
    return {each.name: each for each in execution_steps(record, BEGAN + timedelta(seconds=60))}


def test_should_keep_the_order_and_the_ways_between_states() -> None:
    found = steps()
    assert list(found) == ["Prepare", "Decide", "Items", "Tell"]
    assert (found["Prepare"].next, found["Prepare"].on_error) == (("Decide",), ("Tell",))
    assert found["Decide"].next == ("Items", "Prepare")
    assert {each.status for each in found.values()} == {"not_entered"}


def test_should_tell_what_is_done_and_what_runs_since_when() -> None:
    found = steps(
        "ExecutionStarted",
        *("TaskStateEntered:Prepare", "TaskSucceeded", "TaskStateExited:Prepare"),
        *("ChoiceStateEntered:Decide", "ChoiceStateExited:Decide"),
        *("TaskStateEntered:Prepare",),
    )
    assert [each.status for each in found.values()] == [
        *("running", "succeeded", "not_entered", "not_entered")
    ]
    assert (found["Prepare"].entered, found["Prepare"].seconds) == (2, 2 + 54)
    assert found["Decide"].seconds == 1


@pytest.mark.parametrize("error", ["LambdaFunctionFailed", "TaskFailed", "TaskTimedOut"])
def test_should_tell_an_error_that_was_caught_and_forget_one_that_was_retried(error: str) -> None:
    retried = ("TaskStateEntered:Prepare", f"{error}:Throttled", "TaskSucceeded")
    found = steps(*retried, "TaskStateExited:Prepare")
    assert (found["Prepare"].status, found["Prepare"].error) == ("succeeded", "")
    found = steps("TaskStateEntered:Prepare", f"{error}:Odd", "TaskStateExited:Prepare")
    assert (found["Prepare"].status, found["Prepare"].error) == ("failed", "Odd")


def test_should_blame_the_state_in_which_an_execution_ended() -> None:
    found = steps("FailStateEntered:Tell", "ExecutionFailed:Odd", status="failed")
    assert (found["Tell"].status, found["Tell"].error) == ("failed", "Odd")
    found = steps("TaskStateEntered:Prepare", "ExecutionTimedOut", status="timed_out")
    assert (found["Prepare"].status, found["Prepare"].error) == ("failed", "ExecutionTimedOut")
    assert found["Prepare"].seconds == 2


def test_should_not_blame_a_map_for_an_item_whose_error_was_caught() -> None:
    inside = (
        "MapIterationStarted",
        "PassStateEntered:One",
        "TaskFailed:Odd",
        "PassStateExited:One",
    )
    found = steps("MapStateEntered:Items", *inside, "MapStateSucceeded", "MapStateExited:Items")
    assert (found["Items"].status, found["Items"].entered) == ("succeeded", 1)
    assert "One" not in found


def test_should_count_a_visit_whose_entry_is_older_than_what_was_read() -> None:
    found = steps("TaskStateExited:Prepare", "ChoiceStateEntered:Decide", partial=True)
    assert (found["Prepare"].status, found["Prepare"].entered) == ("succeeded", 1)
    assert found["Decide"].status == "running"
