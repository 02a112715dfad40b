"""Redrive, by https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.stepfunctions.operations.executions import redrive_status
from tests.unit.stepfunctions.bench import Bench, aws_error
from tests.unit.stepfunctions.recorded import FUNCTION, machine, one, payload
from tests.unit.stepfunctions.test_crashes import wait_for
from tests.unit.stepfunctions.test_map_runs import mapped, run_of

CALL = {"Type": "Task", "Resource": FUNCTION, "End": True}
DAY = 24 * 3600


def broken(_: dict[str, Any]) -> dict[str, Any]:
    raise aws_error("ServiceException", "down", 500)


def redrive(bench: Bench, arn: str, **more: Any) -> Any:
    return bench.service.redrive_execution({"executionArn": arn, **more})["redriveDate"]


def test_a_redrive_goes_on_from_the_state_that_failed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"lambda.invoke": broken})
    states = {"First": {"Type": "Pass", "Result": 7, "Next": "T"}, "T": CALL}
    arn = bench.run(machine(states))["executionArn"]
    before = bench.events(arn)
    bench.answers["lambda.invoke"] = payload("mended")
    bench.schedule.advance(60)
    redrive(bench, arn)
    described = bench.finish(arn)
    assert (described["output"], described["redriveCount"]) == ('"mended"', 1)
    events = bench.events(arn)
    assert events[: len(before)] == before
    assert [event["type"] for event in events[len(before) :]] == [
        "ExecutionRedriven",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert events[len(before)]["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert [call for call in bench.calls if call[0] == "lambda.invoke"][-1][1]["Payload"] == b"7"


def test_only_the_branches_that_did_not_succeed_run_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"lambda.invoke": broken})
    fine = machine({"P": {"Type": "Pass", "Result": 1, "End": True}})
    arn = bench.run(one({"Type": "Parallel", "Branches": [fine, machine({"T": CALL})]}))[
        "executionArn"
    ]
    bench.answers["lambda.invoke"] = payload(2)
    redrive(bench, arn)
    assert bench.finish(arn)["output"] == "[1,2]"
    kinds = [event["type"] for event in bench.events(arn)]
    assert kinds.count("PassStateEntered") == 1
    assert kinds.count("ParallelStateStarted") == 1


def test_only_the_iterations_that_did_not_succeed_run_again(tmp_path: Path) -> None:
    calls: list[bytes] = []

    def second_fails(params: dict[str, Any]) -> dict[str, Any]:
        calls.append(params["Payload"])
        if params["Payload"] == b"2" and calls.count(b"2") == 1:
            raise aws_error("ServiceException", "down", 500)
        return payload("ok")(params)

    bench = Bench(tmp_path, {"lambda.invoke": second_fails})
    inner = machine({"T": CALL})
    definition = one({"Type": "Map", "ItemProcessor": inner, "MaxConcurrency": 1})
    arn = bench.finish(bench.begin(definition, [1, 2, 3]))["executionArn"]
    assert bench.status(arn) == "FAILED"
    redrive(bench, arn)
    assert bench.finish(arn)["output"] == '["ok","ok","ok"]'
    assert calls == [b"1", b"2", b"2", b"3"]


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_only_the_children_that_did_not_succeed_run_again(kind: str, tmp_path: Path) -> None:
    """redrive-map-run.html"""
    calls: list[bytes] = []

    def second_fails(params: dict[str, Any]) -> dict[str, Any]:
        calls.append(params["Payload"])
        if params["Payload"] == b"2" and calls.count(b"2") == 1:
            raise aws_error("ServiceException", "down", 500)
        return payload("ok")(params)

    bench = Bench(tmp_path, {"lambda.invoke": second_fails})
    arn = bench.begin(mapped({"T": CALL}, kind, MaxConcurrency=1), [1, 2, 3])
    assert bench.finish(arn)["error"] == "States.ExceedToleratedFailureThreshold"
    redrive(bench, arn)
    assert bench.finish(arn)["output"] == '["ok","ok","ok"]'
    assert calls == [b"1", b"2", b"2", b"3"]
    run = run_of(bench, arn)
    assert (run["status"], run["redriveCount"]) == ("SUCCEEDED", 1)
    assert run["executionCounts"]["succeeded"] == 3
    redriven = next(event for event in bench.events(arn) if event["type"] == "MapRunRedriven")
    assert redriven["mapRunRedrivenEventDetails"] == {
        "mapRunArn": run["mapRunArn"],
        "redriveCount": 1,
    }
    listing = {"mapRunArn": run["mapRunArn"], "redriveFilter": "REDRIVEN"}
    assert len(bench.service.list_executions(listing)["executions"]) == 1


def test_a_stopped_wait_waits_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    arn = bench.begin(one({"Type": "Wait", "Seconds": 30}))
    bench.schedule.advance(20)
    bench.service.stop_execution({"executionArn": arn})
    redrive(bench, arn)
    bench.schedule.advance(29)
    assert bench.status(arn) == "RUNNING"
    bench.schedule.advance(2)
    assert bench.status(arn) == "SUCCEEDED"


def test_a_redrive_outlives_a_crash(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"lambda.invoke": broken})
    arn = bench.run(one(CALL))["executionArn"]
    bench.restart()
    bench.answers["lambda.invoke"] = payload(1)
    redrive(bench, arn)
    bench.restart()
    assert bench.finish(arn)["output"] == "1"
    assert bench.describe(arn)["redriveCount"] == 1


def test_the_same_token_redrives_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"lambda.invoke": broken})
    arn = bench.run(one(CALL))["executionArn"]
    first = redrive(bench, arn, clientToken="t")
    bench.finish(arn)
    bench.schedule.advance(5)
    assert redrive(bench, arn, clientToken="t") == first
    assert bench.describe(arn)["redriveCount"] == 1


def test_what_succeeded_or_failed_long_ago_cannot_be_redriven(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"lambda.invoke": broken})
    arn = bench.run(one(CALL))["executionArn"]
    bench.schedule.advance(15 * DAY)
    with pytest.raises(AwsError, match=r"ExecutionNotRedrivable.*redrivable period exceeded"):
        redrive(bench, arn)
    fine = bench.begin(one({"Type": "Pass"}), machine="fine")
    bench.finish(fine)
    with pytest.raises(AwsError, match="Execution is SUCCEEDED and cannot be redriven"):
        redrive(bench, fine)


@pytest.mark.parametrize(
    ("days", "events", "reason"),
    [
        (13, 24_990, None),
        (13, 24_991, "Execution history event limit exceeded"),
        (15, 5, "Execution redrivable period exceeded"),
        (365, 5, "Execution has exceeded the max execution time"),
    ],
)
def test_the_limits_of_a_redrive(
    days: int, events: int, reason: str | None, tmp_path: Path
) -> None:
    """API_DescribeExecution.html; API_RedriveExecution.html: room for two events

    The limit lies eight events lower here, where executions that reach it end.
    """
    bench = Bench(tmp_path, {"lambda.invoke": broken})
    arn = bench.run(one(CALL))["executionArn"]
    found = bench.service._deps.executions.find(arn)
    assert found is not None
    status = "REDRIVABLE" if reason is None else "NOT_REDRIVABLE"
    now = found.identity.started + days * 24 * 3600
    assert redrive_status(found, now, events) == (status, reason)


def test_the_children_of_a_map_run_are_redriven_by_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"lambda.invoke": broken})
    bench.service.start()
    arn = bench.begin(mapped({"T": CALL}, "STANDARD"), [1])
    bench.finish(arn)

    def failed() -> list[dict[str, Any]]:
        return [one["detail"] for one in bench.published if one["detail"]["status"] == "FAILED"]

    wait_for(lambda: len(failed()) == 2)
    ended = failed()
    assert {one["executionArn"] == arn: one["redriveStatus"] for one in ended} == {
        True: "REDRIVABLE",
        False: "REDRIVABLE_BY_MAP_RUN",
    }


def test_a_redrive_ends_with_the_year_of_the_execution(tmp_path: Path) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html: a year in all."""
    bench = Bench(tmp_path)
    arn = bench.begin(one({"Type": "Wait", "Seconds": 99_999_999}))
    bench.schedule.settle()
    bench.schedule.advance(300 * DAY)
    bench.service.stop_execution({"executionArn": arn})
    redrive(bench, arn)
    bench.schedule.advance(64 * DAY)
    assert bench.status(arn) == "RUNNING"
    bench.schedule.advance(2 * DAY)
    assert bench.status(arn) == "TIMED_OUT"
