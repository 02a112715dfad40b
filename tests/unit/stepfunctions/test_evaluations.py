"""Every JSONata field that gives a wrong value: the event, the error and where it is.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html: what fails
to evaluate, or has a wrong type or range, is States.QueryEvaluationError, which Catch takes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.stepfunctions.bench import Bench
from tests.unit.stepfunctions.recorded import (
    DISTRIBUTED,
    FUNCTION,
    ITERATION,
    machine,
    one,
    payload,
)

INPUT = {"text": "soon", "list": [1, 2], "half": 1.5, "below": -1, "above": 101}
TASK = {"Type": "Task", "Resource": FUNCTION}
MAP = {"Type": "Map", "Items": "{% $states.input.list %}", "ItemProcessor": ITERATION}
RUN = {**MAP, "ItemProcessor": {**ITERATION, "ProcessorConfig": DISTRIBUTED}}
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"Type": "Wait"}, "Seconds", "text"),
    ({"Type": "Wait"}, "Seconds", "half"),
    ({"Type": "Wait"}, "Seconds", "below"),
    ({"Type": "Wait"}, "Timestamp", "text"),
    ({"Type": "Wait"}, "Timestamp", "below"),
    (TASK, "TimeoutSeconds", "text"),
    (TASK, "TimeoutSeconds", "below"),
    (TASK, "HeartbeatSeconds", "half"),
    (MAP, "MaxConcurrency", "text"),
    (MAP, "MaxConcurrency", "below"),
    (RUN, "ToleratedFailureCount", "half"),
    (RUN, "ToleratedFailureCount", "below"),
    (RUN, "ToleratedFailurePercentage", "text"),
    (RUN, "ToleratedFailurePercentage", "above"),
    ({"Type": "Fail"}, "Error", "list"),
    ({"Type": "Fail"}, "Cause", "below"),
    *[(TASK, field, "nothing") for field in ("Arguments", "Output", "Assign")],
    *[({"Type": "Pass"}, field, "nothing") for field in ("Output", "Assign")],
]


@pytest.mark.parametrize(
    ("state", "field", "member"),
    CASES,
    ids=lambda value: value["Type"] if isinstance(value, dict) else value,
)
def test_a_wrong_value_is_recorded_with_its_field(
    state: dict[str, Any], field: str, member: str, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, {"lambda.invoke": payload(1)})
    value: Any = f"{{% $states.input.{member} %}}"
    given = {**state, field: {"x": value} if field == "Assign" else value}
    states = {"S": given if state["Type"] == "Fail" else {**given, "End": True}}
    described = bench.run(machine(states, QueryLanguage="JSONata"), INPUT)
    assert (described["status"], described["error"]) == ("FAILED", "States.QueryEvaluationError")
    events = bench.events(described["executionArn"])
    [failed] = [event for event in events if event["type"] == "EvaluationFailed"]
    details = failed["evaluationFailedEventDetails"]
    assert details["location"].partition("/")[0] == field
    assert (details["state"], details["error"]) == ("S", "States.QueryEvaluationError")
    assert details["cause"] == described["cause"]


def test_a_condition_that_is_no_boolean_is_recorded(tmp_path: Path) -> None:
    """state-choice.html: a Condition must evaluate to a boolean"""
    bench = Bench(tmp_path)
    choices = [{"Condition": "{% $states.input.text %}", "Next": "T"}]
    states = {"S": {"Type": "Choice", "Choices": choices}, "T": {"Type": "Succeed"}}
    described = bench.run(machine(states, QueryLanguage="JSONata"), INPUT)
    failed = bench.events(described["executionArn"])[2]
    assert failed["type"] == "EvaluationFailed"
    assert failed["evaluationFailedEventDetails"]["location"] == "Choices[0]/Condition"


def test_a_catcher_takes_a_failed_evaluation_and_may_fail_itself(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"lambda.invoke": payload(1)})
    catcher = {"ErrorEquals": ["States.QueryEvaluationError"], "Next": "T"}
    task = {**TASK, "Arguments": "{% $states.input.no %}", "End": True}
    states = {"S": {**task, "Catch": [catcher]}, "T": {"Type": "Pass", "End": True}}
    described = bench.run(machine(states, QueryLanguage="JSONata"), INPUT)
    assert described["status"] == "SUCCEEDED"
    wrong = {**catcher, "Output": "{% $states.errorOutput.No %}"}
    states["S"] = {**task, "Catch": [wrong]}
    broken = Bench(tmp_path / "broken", {"lambda.invoke": payload(1)})
    described = broken.run(machine(states, QueryLanguage="JSONata"), INPUT)
    types = [event["type"] for event in broken.events(described["executionArn"])]
    assert types[2:] == ["EvaluationFailed", "EvaluationFailed", "ExecutionFailed"]


def test_an_inline_map_takes_arrays_only(tmp_path: Path) -> None:
    """state-map-inline.html: "accepts only a JSON array as input"; a Map Run takes objects"""
    bench = Bench(tmp_path)
    inline = bench.run(one({"Type": "Map", "ItemProcessor": ITERATION}), {"a": 1})
    assert inline["error"] == "States.Runtime"
    processor = {**ITERATION, "ProcessorConfig": DISTRIBUTED}
    run = Bench(tmp_path / "run")
    arn = run.begin(one({"Type": "Map", "ItemProcessor": processor}), {"a": 1})
    run.finish(arn)
    assert run.output(arn) == [{"Key": "a", "Value": 1}]
