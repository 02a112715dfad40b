"""Logging: which configurations are taken, and which events reach CloudWatch Logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stepfunctions.bench import MACHINE, Bench, refusal
from tests.unit.stepfunctions.recorded import PASS, machine

GROUP = "/aws/vendedlogs/states/machine"
FAIL = machine({"F": {"Type": "Fail", "Error": "SomeFailure", "Cause": "why"}})


def destination(group: str = GROUP) -> dict[str, Any]:
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*"
    return {"cloudWatchLogsLogGroup": {"logGroupArn": arn}}


def logging(level: str, **more: Any) -> dict[str, Any]:
    return {"level": level, "destinations": [destination()], **more}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    groups = {"logGroups": [{"logGroupName": GROUP}, {"logGroupName": GROUP + "-2"}]}
    return Bench(
        tmp_path,
        {
            "logs.describe_log_groups": lambda _: groups,
            "logs.create_log_stream": lambda _: {},
            "logs.put_log_events": lambda _: {},
        },
    )


def logged(bench: Bench) -> list[dict[str, Any]]:
    puts = [params for name, params in bench.calls if name == "logs.put_log_events"]
    assert {put["logGroupName"] for put in puts} <= {GROUP}
    return [json.loads(event["message"]) for put in puts for event in put["logEvents"]]


@pytest.mark.parametrize(
    ("configuration", "why"),
    [
        ({"level": "ALL"}, "Must specify exactly one Log Destination."),
        ({"level": "FATAL", "destinations": []}, "Must specify exactly one Log Destination."),
        (
            {"level": "OFF", "destinations": [destination(), destination()]},
            "Must specify exactly one Log Destination.",
        ),
        ({"level": "ALL", "destinations": [destination("no")]}, "Log Destination not found."),
        ({"level": "OFF", "destinations": [destination("no")]}, "Log Destination not found."),
        ({"level": "ALL", "destinations": [{}]}, "Log Destination not found."),
    ],
)
def test_an_invalid_configuration_is_refused(
    configuration: dict[str, Any], why: str, bench: Bench
) -> None:
    """LS test_sfn_api_logs.py::test_invalid_logging_configuration, ::test_deleted_log_group"""
    expected = ("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {why}")
    assert refusal(lambda: bench.create(PASS, loggingConfiguration=configuration)) == expected
    arn = bench.create(PASS)
    update = {"stateMachineArn": arn, "loggingConfiguration": configuration}
    assert refusal(lambda: bench.service.update_state_machine(update)) == expected


@pytest.mark.parametrize("configuration", [{}, {"destinations": []}, {"level": "OFF"}])
def test_an_incomplete_configuration_logs_nothing(
    configuration: dict[str, Any], bench: Bench
) -> None:
    """LS test_sfn_api_logs.py::test_incomplete_logging_configuration"""
    bench.create(PASS, loggingConfiguration=configuration)
    described = bench.service.describe_state_machine({"stateMachineArn": MACHINE})
    assert described["loggingConfiguration"] == {
        "level": "OFF",
        "includeExecutionData": False,
        **configuration,
    }
    assert described["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}


@pytest.mark.parametrize(
    ("level", "types"),
    [
        ("ALL", ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]),
        ("ERROR", ["FailStateEntered", "ExecutionFailed"]),
        ("FATAL", ["ExecutionFailed"]),
        ("OFF", []),
    ],
)
@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_level_chooses_the_events(kind: str, level: str, types: list[str], bench: Bench) -> None:
    """LS logs/test_logs.py::test_partial_log_levels, express/test_express_async.py::test_base"""
    arn = bench.create(FAIL, type=kind, loggingConfiguration=logging(level))
    begun = bench.service.start_execution({"stateMachineArn": arn, "name": "e"})
    bench.schedule.settle()
    events = logged(bench)
    assert [event["type"] for event in events] == types
    for event in events:
        assert event["execution_arn"] == begun["executionArn"]
        assert event["redrive_count"] == "0"
    if types:
        assert events[-1]["details"] == {"error": "SomeFailure", "cause": "why"}
        assert (events[-1]["id"], events[-1]["previous_event_id"]) == ("3", "2")


@pytest.mark.parametrize("with_data", [True, False])
def test_data_is_logged_on_request(with_data: bool, bench: Bench) -> None:
    """LS logs/test_logs.py::test_base"""
    configuration = logging("ALL", includeExecutionData=with_data)
    bench.create(PASS, loggingConfiguration=configuration)
    bench.service.start_execution({"stateMachineArn": MACHINE, "name": "e"})
    bench.schedule.settle()
    entered = logged(bench)[1]["details"]
    data = {"input": "{}", "inputDetails": {"truncated": False}}
    assert entered == {"name": "S", **(data if with_data else {})}


def test_a_log_that_cannot_be_written_ends_no_execution(bench: Bench) -> None:
    del bench.answers["logs.put_log_events"]
    bench.create(PASS, loggingConfiguration=logging("ALL"))
    arn = bench.service.start_execution({"stateMachineArn": MACHINE})["executionArn"]
    assert bench.finish(arn)["status"] == "SUCCEEDED"


def test_an_update_that_changes_nothing_gives_no_revision(bench: Bench) -> None:
    """LS test_sfn_api_logs.py::test_update_logging_configuration"""
    bench.create(PASS, loggingConfiguration=logging("ALL"))
    changed = {"stateMachineArn": MACHINE, "loggingConfiguration": logging("FATAL")}
    first = bench.service.update_state_machine(changed)["revisionId"]
    assert bench.service.update_state_machine(changed)["revisionId"] == first
    flag = {"loggingConfiguration": logging("FATAL", includeExecutionData=True)}
    assert bench.service.update_state_machine(changed | flag)["revisionId"] != first
