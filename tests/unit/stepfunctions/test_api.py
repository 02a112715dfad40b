"""The operations, held to AWS's answers.

`LS` is explained in `recorded.py`; the rest is from the API reference,
https://docs.aws.amazon.com/step-functions/latest/apireference/.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.service import Surroundings
from localcloud.stepfunctions import StepFunctionsService
from tests.unit.stepfunctions.bench import ROLE, Bench
from tests.unit.stepfunctions.recorded import FUNCTION, machine, one

PASS = one({"Type": "Pass", "Result": {"Arg1": "argument1"}})
WAIT = one({"Type": "Wait", "Seconds": 60})
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:machine"


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        call()
    return caught.value.code, caught.value.message


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_machine_is_described_as_it_was_created(bench: Bench) -> None:
    """LS test_sfn_api.py::test_create_exact_duplicate_sm"""
    arn = bench.create(PASS)
    described = dict(bench.service.describe_state_machine({"stateMachineArn": arn}))
    described.pop("creationDate")
    assert described == {
        "stateMachineArn": MACHINE,
        "name": "machine",
        "status": "ACTIVE",
        "definition": json.dumps(PASS),
        "roleArn": ROLE,
        "type": "STANDARD",
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
        "tracingConfiguration": {"enabled": False},
    }


def test_creating_the_same_machine_again_changes_nothing(bench: Bench) -> None:
    first = bench.create(PASS)
    given = {"name": "machine", "roleArn": "arn:aws:iam::000000000000:role/other"}
    again = bench.service.create_state_machine({**given, "definition": json.dumps(PASS)})
    assert again["stateMachineArn"] == first
    assert bench.service.describe_state_machine({"stateMachineArn": first})["roleArn"] == ROLE


def test_another_definition_under_the_same_name_is_refused(bench: Bench) -> None:
    """LS test_sfn_api.py::test_create_duplicate_definition_format_sm"""
    bench.create(PASS)
    assert refusal(lambda: bench.create(WAIT)) == (
        "StateMachineAlreadyExists",
        f"State Machine Already Exists: '{MACHINE}'",
    )


@pytest.mark.parametrize(
    "name", ["with space", "a" * 81, "hash#", "slash/", "quo'te\"", "ctrl\x01"]
)
def test_a_name_that_aws_would_not_take_is_refused(name: str, bench: Bench) -> None:
    assert refusal(lambda: bench.create(PASS, name))[0] == "InvalidName"
    arn = bench.create(PASS)
    start = {"stateMachineArn": arn, "name": name}
    assert refusal(lambda: bench.service.start_execution(start))[0] == "InvalidName"


def test_an_invalid_definition_is_refused_with_what_is_wrong(bench: Bench) -> None:
    """LS test_sfn_api.py::test_create_delete_invalid_sm"""
    code, message = refusal(lambda: bench.create({"StartAt": "A"}))
    assert code == "InvalidDefinition"
    assert message.startswith("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ")


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:states:::ecs:runTask",
        "arn:aws:states:::aws-sdk:ec2:describeInstances",
        "arn:aws:states:::aws-sdk:s3:noSuchThing",
        "arn:aws:states:::dynamodb:query",
        "arn:aws:states:::dynamodb:getItem.sync",
        "arn:aws:states:us-east-1:000000000000:activity:a",
    ],
)
def test_a_resource_that_cannot_be_called_is_refused_at_creation(
    resource: str, bench: Bench
) -> None:
    definition = one({"Type": "Task", "Resource": resource})
    assert refusal(lambda: bench.create(definition))[0] == "InvalidDefinition"


@pytest.mark.parametrize("pattern", ["waitForTaskToken", "sync"])
def test_express_machines_cannot_wait(pattern: str, bench: Bench) -> None:
    """LS test_sfn_api_express.py::test_illegal_callbacks"""
    resource = f"arn:aws:states:::states:startExecution.{pattern}"
    definition = one({"Type": "Task", "Resource": resource, "Parameters": {}})
    code, message = refusal(lambda: bench.create(definition, type="EXPRESS"))
    assert code == "InvalidDefinition"
    assert f"Express state machine does not support '.{pattern}'" in message


def test_what_the_local_cloud_lacks_is_refused(bench: Bench) -> None:
    assert refusal(lambda: bench.create(PASS, publish=True))[0] == "UnsupportedOperation"
    for operation in ("create_activity", "test_state", "create_state_machine_alias"):
        assert not hasattr(bench.service, operation)


def test_validation_tells_every_finding(bench: Bench) -> None:
    given = {"definition": json.dumps({"StartAt": "A"})}
    answer = bench.service.validate_state_machine_definition(given)
    assert answer["result"] == "FAIL"
    assert {one["severity"] for one in answer["diagnostics"]} == {"ERROR"}
    fine = bench.service.validate_state_machine_definition({"definition": json.dumps(PASS)})
    assert (fine["result"], fine["diagnostics"]) == ("OK", [])


def test_an_update_gives_a_revision_that_running_executions_do_not_see(bench: Bench) -> None:
    """LS test_sfn_api.py::test_create_update_state_machine_base_definition"""
    arn = bench.begin(WAIT)
    bench.schedule.settle()
    answer = bench.service.update_state_machine(
        {"stateMachineArn": MACHINE, "definition": json.dumps(PASS)}
    )
    described = bench.service.describe_state_machine({"stateMachineArn": MACHINE})
    assert described["revisionId"] == answer["revisionId"]
    assert described["definition"] == json.dumps(PASS)
    of = bench.service.describe_state_machine_for_execution({"executionArn": arn})
    assert of["definition"] == json.dumps(WAIT)
    bench.restart()
    assert bench.finish(arn)["output"] == "{}"


def test_an_update_of_nothing_is_refused(bench: Bench) -> None:
    bench.create(PASS)
    update = {"stateMachineArn": MACHINE}
    assert refusal(lambda: bench.service.update_state_machine(update))[0] == (
        "MissingRequiredParameter"
    )


def test_deleting_a_machine_leaves_its_executions_running(bench: Bench) -> None:
    arn = bench.begin(WAIT)
    bench.service.delete_state_machine({"stateMachineArn": MACHINE})
    bench.service.delete_state_machine({"stateMachineArn": MACHINE})
    assert bench.finish(arn)["status"] == "SUCCEEDED"
    start = {"stateMachineArn": MACHINE}
    assert refusal(lambda: bench.service.start_execution(start)) == (
        "StateMachineDoesNotExist",
        f"State Machine Does Not Exist: '{MACHINE}'",
    )


@pytest.mark.parametrize(
    "operation", ["describe_execution", "get_execution_history", "stop_execution"]
)
def test_what_is_no_arn_or_no_execution_is_refused(operation: str, bench: Bench) -> None:
    """LS test_sfn_api.py::test_describe_execution_invalid_arn and its neighbours"""
    call = getattr(bench.service, operation)
    assert refusal(lambda: call({"executionArn": "nonsense"})) == (
        "InvalidArn",
        "Invalid Arn: 'Invalid ARN prefix: nonsense'",
    )
    missing = "arn:aws:states:us-east-1:000000000000:execution:m:e"
    assert refusal(lambda: call({"executionArn": missing})) == (
        "ExecutionDoesNotExist",
        f"Execution Does Not Exist: '{missing}'",
    )


def test_machines_are_listed_by_name_in_pages(bench: Bench) -> None:
    for name in ("b", "c", "a"):
        bench.create(PASS, name)
    first = bench.service.list_state_machines({"maxResults": 2})
    second = bench.service.list_state_machines({"maxResults": 2, "nextToken": first["nextToken"]})
    named = [one["name"] for one in (*first["stateMachines"], *second["stateMachines"])]
    assert named == ["a", "b", "c"]
    assert "nextToken" not in second
    wrong = {"nextToken": "nobody gave this"}
    assert refusal(lambda: bench.service.list_state_machines(wrong))[0] == "InvalidToken"


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
        more = {"nextToken": token} if token else {}
        page = bench.service.list_executions({"stateMachineArn": MACHINE, "maxResults": 2, **more})
        listed += [one["name"] for one in page["executions"]]
        token = page.get("nextToken")
        if token is None:
            break
    assert listed == ["e4", "e3", "e2", "e1", "e0"]
    running = {"stateMachineArn": MACHINE, "statusFilter": "RUNNING"}
    assert bench.service.list_executions(running)["executions"] == []
    assert refusal(lambda: bench.service.list_executions({}))[0] == "ValidationException"


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
        assert refusal(lambda call=call: call({"executionArn": arn})) == (
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
    ],
)
def test_sync_execution_tells_how_it_ended(
    definition: dict[str, Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    """LS express/test_express_sync.py::test_base"""
    service = StepFunctionsService(
        Surroundings(tmp_path, "http://127.0.0.1:0"), lambda *_: None, lambda _: None
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
