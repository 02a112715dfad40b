"""The operations on executions and tasks, held to AWS's answers.

`LS` is explained in `recorded.py`; the rest is from the API reference,
https://docs.aws.amazon.com/step-functions/latest/apireference/.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from localcloud.service import CloudContext
from localcloud.stepfunctions import StepFunctionsService
from localcloud.stepfunctions.integrations.integration import RoleClients
from tests.unit.stepfunctions.bench import MACHINE, ROLE, Bench, refusal
from tests.unit.stepfunctions.recorded import FUNCTION, PASS, WAIT, machine, one


def test_the_same_start_while_running_is_the_same_execution(bench: Bench) -> None:
    arn = bench.begin(WAIT, {"a": 1})
    again = {"stateMachineArn": MACHINE, "name": "execution", "input": '{"a":1}'}
    assert bench.service.start_execution(again)["executionArn"] == arn
    other = {**again, "input": "{}"}
    code, message = refusal(lambda: bench.service.start_execution(other))
    assert (code, message) == ("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
    bench.finish(arn)
    assert refusal(lambda: bench.service.start_execution(again))[0] == "ExecutionAlreadyExists"


def test_a_name_is_free_again_after_90_days(bench: Bench) -> None:
    arn = bench.begin(PASS)
    bench.finish(arn)
    bench.schedule.advance(89 * 24 * 3600)
    bench.restart()
    again = {"stateMachineArn": MACHINE, "name": "execution"}
    assert refusal(lambda: bench.service.start_execution(again))[0] == "ExecutionAlreadyExists"
    bench.schedule.advance(2 * 24 * 3600)
    bench.restart()
    assert bench.service.start_execution(again)["executionArn"] == arn


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "not some json",
            (
                "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object "
                "or token 'null', 'true' or 'false')"
            ),
        ),
        (
            "{'not': 'json'}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
        ),
        ("", "Invalid execution input."),
    ],
)
def test_an_input_that_is_no_json_is_refused(text: str, complaint: str, bench: Bench) -> None:
    """LS test_sfn_api.py::test_invalid_start_execution_input"""
    bench.create(PASS)
    start = {"stateMachineArn": MACHINE, "input": text}
    assert refusal(lambda: bench.service.start_execution(start)) == (
        "InvalidExecutionInput",
        f"Invalid State Machine Execution Input: '{complaint}'",
    )


def test_an_input_above_256_kib_is_refused(bench: Bench) -> None:
    bench.create(PASS)
    start = {"stateMachineArn": MACHINE, "input": json.dumps("é" * 140_000, ensure_ascii=False)}
    assert refusal(lambda: bench.service.start_execution(start))[0] == "ValidationException"


def test_an_execution_is_described_as_aws_does(bench: Bench) -> None:
    """LS test_sfn_api.py::test_describe_execution"""
    described = bench.run(PASS)
    described.pop("startDate")
    described.pop("stopDate")
    assert described == {
        "executionArn": "arn:aws:states:us-east-1:000000000000:execution:machine:execution",
        "stateMachineArn": MACHINE,
        "name": "execution",
        "status": "SUCCEEDED",
        "input": "{}",
        "inputDetails": {"included": True},
        "output": '{"Arg1":"argument1"}',
        "outputDetails": {"included": True},
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    }


def test_executions_are_listed_newest_first_and_by_status(bench: Bench) -> None:
    """LS test_sfn_api.py::test_list_executions_pagination, test_state_machine_status_filter"""
    bench.create(PASS)
    for number in range(5):
        start = {"stateMachineArn": MACHINE, "name": f"e{number}"}
        bench.service.start_execution(start)
    bench.schedule.settle()
    listed, token = [], None
    while True:
        more: dict[str, str] = {"nextToken": token} if token else {}
        page = bench.service.list_executions({"stateMachineArn": MACHINE, "maxResults": 2, **more})
        listed += [one["name"] for one in page["executions"]]
        token = page.get("nextToken")
        if token is None:
            break
    assert listed == ["e4", "e3", "e2", "e1", "e0"]
    running = {"stateMachineArn": MACHINE, "statusFilter": "RUNNING"}
    assert bench.service.list_executions(running)["executions"] == []
    assert refusal(lambda: bench.service.list_executions({}))[0] == "ValidationException"


def test_what_ended_last_is_listed_first(bench: Bench) -> None:
    """API_ListExecutions.html: what has ended is sorted by its end, what runs by its start"""
    for seconds in (30, 10, 20):
        definition = one({"Type": "Wait", "Seconds": seconds})
        bench.service.delete_state_machine({"stateMachineArn": MACHINE})
        bench.begin(definition, name=f"e{seconds}")
        bench.schedule.advance(1)
    bench.schedule.advance(25)
    listed = bench.service.list_executions({"stateMachineArn": MACHINE})["executions"]
    assert [one["name"] for one in listed] == ["e20", "e10", "e30"]


def test_filters_that_a_state_machine_does_not_have_are_refused(bench: Bench) -> None:
    """API_ListExecutions.html"""
    bench.create(PASS)
    for more in ({"redriveFilter": "REDRIVEN"}, {"statusFilter": "PENDING_REDRIVE"}):
        listing = {"stateMachineArn": MACHINE, **more}
        assert refusal(partial(bench.service.list_executions, listing))[0] == "ValidationException"
    gone = MACHINE.replace(":stateMachine:", ":mapRun:") + "/label:gone"
    assert refusal(lambda: bench.service.list_executions({"mapRunArn": gone})) == (
        "ResourceNotFound",
        f"Resource not found: '{gone}'",
    )


def test_an_arn_of_another_resource_is_refused(bench: Bench) -> None:
    """InvalidArn of API_StartExecution.html"""
    arn = bench.run(PASS)["executionArn"]
    calls: list[tuple[Callable[[dict[str, str]], Any], str, str]] = [
        (bench.service.start_execution, "stateMachineArn", arn),
        (bench.service.delete_state_machine, "stateMachineArn", arn),
        (bench.service.describe_execution, "executionArn", MACHINE),
        (bench.service.stop_execution, "executionArn", MACHINE),
        (bench.service.list_map_runs, "executionArn", MACHINE),
        (bench.service.describe_map_run, "mapRunArn", arn),
    ]
    for call, member, given in calls:
        kind = given.split(":")[5]
        assert refusal(partial(call, {member: given})) == (
            "InvalidArn",
            f"Invalid Arn: 'Resource type not valid in this context: {kind}'",
        )


def test_history_comes_in_pages_and_backwards(bench: Bench) -> None:
    """LS test_sfn_api.py::test_get_execution_history_reversed"""
    arn = bench.run(PASS)["executionArn"]

    def ids(**more: Any) -> tuple[list[int], str | None]:
        page = bench.service.get_execution_history({"executionArn": arn, **more})
        return [event["id"] for event in page["events"]], page.get("nextToken")

    assert ids() == ([1, 2, 3, 4], None)
    assert ids(reverseOrder=True) == ([4, 3, 2, 1], None)
    assert ids(maxResults=3) == ([1, 2, 3], "3")
    assert ids(maxResults=3, nextToken="3") == ([4], None)
    assert ids(maxResults=3, reverseOrder=True) == ([4, 3, 2], "2")
    assert ids(maxResults=3, reverseOrder=True, nextToken="2") == ([1], None)
    assert refusal(lambda: ids(nextToken="x"))[0] == "InvalidToken"


def test_history_can_leave_data_out(bench: Bench) -> None:
    arn = bench.run(PASS)["executionArn"]
    given = {"executionArn": arn, "includeExecutionData": False}
    text = json.dumps(bench.service.get_execution_history(given)["events"], default=str)
    assert '"input":' not in text
    assert '"output":' not in text


def test_express_executions_cannot_be_asked_after(bench: Bench) -> None:
    """LS test_sfn_api_express.py::test_start_async_describe_history_execution"""
    machine_arn = bench.create(PASS, type="EXPRESS")
    arn = bench.service.start_execution({"stateMachineArn": machine_arn})["executionArn"]
    assert arn.startswith("arn:aws:states:us-east-1:000000000000:express:machine:")
    bench.schedule.settle()
    for operation in ("describe_execution", "stop_execution", "get_execution_history"):
        call = getattr(bench.service, operation)
        assert refusal(partial(call, {"executionArn": arn})) == (
            "InvalidArn",
            "Invalid Arn: 'Resource type not valid in this context: express'",
        )
    listing = {"stateMachineArn": machine_arn}
    assert refusal(lambda: bench.service.list_executions(listing)) == (
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
    )


def test_sync_execution_needs_an_express_machine(bench: Bench) -> None:
    """LS test_sfn_api.py::test_start_sync_execution"""
    bench.create(PASS)
    start = {"stateMachineArn": MACHINE}
    assert refusal(lambda: bench.service.start_sync_execution(start))[0] == (
        "StateMachineTypeNotSupported"
    )


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (PASS, {"status": "SUCCEEDED", "output": '{"Arg1":"argument1"}'}),
        (
            machine({"F": {"Type": "Fail", "Error": "SomeFailure", "Cause": "why"}}),
            {"status": "FAILED", "error": "SomeFailure", "cause": "why"},
        ),
        (
            one({"Type": "Pass", "Parameters": {"r.$": "$$.Execution['Name','RedriveCount']"}}),
            {"status": "SUCCEEDED", "output": '{"r":{"Name":"e"}}'},
        ),
    ],
)
def test_sync_execution_tells_how_it_ended(
    definition: dict[str, Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    """LS express/test_express_sync.py::test_base, ::test_query_runtime_memory"""
    service = StepFunctionsService(
        CloudContext(tmp_path, "http://127.0.0.1:0"), RoleClients(lambda *_: None), lambda _: None
    )
    given = {"name": "m", "roleArn": ROLE, "definition": json.dumps(definition)}
    arn = service.create_state_machine({**given, "type": "EXPRESS"})["stateMachineArn"]
    answer = service.start_sync_execution({"stateMachineArn": arn, "name": "e"})
    service.stop()
    assert {name: answer[name] for name in expected} == expected
    assert ("output" in answer) == ("output" in expected)
    assert answer["billingDetails"]["billedMemoryUsedInMB"] == 64
    assert answer["inputDetails"] == answer["outputDetails"] == {"included": True}


def test_tags_are_kept_until_they_are_taken_away(bench: Bench) -> None:
    arn = bench.create(PASS, tags=[{"key": "a", "value": "1"}])
    bench.service.tag_resource({"resourceArn": arn, "tags": [{"key": "b", "value": "2"}]})
    bench.service.untag_resource({"resourceArn": arn, "tagKeys": ["a"]})
    listed = bench.service.list_tags_for_resource({"resourceArn": arn})
    assert listed == {"tags": [{"key": "b", "value": "2"}]}
    many = [{"key": str(number), "value": ""} for number in range(50)]
    tagging = {"resourceArn": arn, "tags": many}
    assert refusal(lambda: bench.service.tag_resource(tagging))[0] == "TooManyTags"
    tagging = {"resourceArn": arn, "tags": [{"key": "aws:a", "value": "b"}]}
    assert refusal(lambda: bench.service.tag_resource(tagging))[0] == "ValidationException"
    own = tagging["tags"]
    assert refusal(lambda: bench.create(PASS, "other", tags=own))[0] == "ValidationException"
    missing = {"resourceArn": arn + "x", "tags": many[:1]}
    assert refusal(lambda: bench.service.tag_resource(missing))[0] == "ResourceNotFound"


def test_a_stopped_execution_stays_as_it_is(bench: Bench) -> None:
    arn = bench.begin(WAIT)
    stop = {"executionArn": arn, "error": "E", "cause": "C"}
    stopped = bench.service.stop_execution(stop)
    bench.schedule.advance(100)
    assert bench.service.stop_execution({"executionArn": arn}) == stopped
    described = bench.describe(arn)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "E", "C")


def test_tokens_are_checked(tmp_path: Path) -> None:
    """LS …::test_sfn_send_task_outcome_with_no_such_token: the token is checked first"""
    resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    given = {"FunctionName": FUNCTION, "Payload": {"token.$": "$$.Task.Token"}}
    bench = Bench(tmp_path, {"lambda.invoke": lambda _: {"Payload": b"{}"}})
    arn = bench.begin(one({"Type": "Task", "Resource": resource, "Parameters": given}))
    bench.schedule.settle()
    token = json.loads(bench.calls[0][1]["Payload"])["token"]
    service = bench.service
    wrong = {"taskToken": "wrong", "output": "1"}
    assert refusal(lambda: service.send_task_success(wrong)) == (
        "InvalidToken",
        "Invalid Token: 'Invalid token'",
    )
    both = {"taskToken": "wrong", "output": "nonsense"}
    assert refusal(lambda: service.send_task_success(both))[0] == "InvalidToken"
    broken = {"taskToken": token, "output": "nonsense"}
    assert refusal(lambda: service.send_task_success(broken))[0] == "InvalidOutput"
    service.send_task_heartbeat({"taskToken": token})
    service.send_task_success({"taskToken": token, "output": "1"})
    assert bench.finish(arn)["output"] == "1"
    late = {"taskToken": token, "output": "2"}
    assert refusal(lambda: service.send_task_success(late)) == (
        "TaskTimedOut",
        "Task Timed Out: 'Provided task does not exist anymore'",
    )
