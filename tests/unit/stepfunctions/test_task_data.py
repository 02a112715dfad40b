"""Payloads of tasks, their results, and the answers of a holder of a task token.

`LS` is explained in `recorded.py`.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.stepfunctions.language.errors import MAX_DATA_BYTES
from tests.unit.stepfunctions.bench import Answer, Bench
from tests.unit.stepfunctions.recorded import FUNCTION, LAMBDA, QUEUE, SENT, machine, one, payload

HANDLED = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
CAUGHT = {"Caught": {"Type": "Pass", "End": True}}


def texts(text: str) -> Answer:
    return lambda _: {"StatusCode": 200, "Payload": io.BytesIO(text.encode())}


def types(bench: Bench, arn: str) -> list[str]:
    return [event["type"] for event in bench.events(arn)]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (None, "{}"),
        ({}, "{}"),
        ("HelloWorld", '"HelloWorld"'),
        ("", '""'),
        ('{"a": 1}', '{"a": 1}'),
        ("[1, 2]", "[1, 2]"),
        ("1", "1"),
        (0, "0"),
        (False, "false"),
        ([], "[]"),
        ({"a": None}, '{"a":null}'),
    ],
)
def test_a_payload_is_sent_as_aws_sends_it(given: Any, sent: str, tmp_path: Path) -> None:
    """LS services/test_lambda_task_service.py::test_invoke_json_values, …_bytes_payload"""
    bench = Bench(tmp_path, {"lambda.invoke": payload(1)})
    parameters = {"FunctionName": "f", "Payload.$": "$.p"}
    bench.run(one({"Type": "Task", "Resource": LAMBDA, "Parameters": parameters}), {"p": given})
    assert bench.calls[0][1]["Payload"] == sent.encode()


@pytest.mark.parametrize(
    ("resource", "name", "failed"),
    [(LAMBDA, "lambda", "TaskFailed"), (FUNCTION, FUNCTION, "LambdaFunctionFailed")],
)
def test_too_large_a_result_fails_the_task(
    resource: str, name: str, failed: str, tmp_path: Path
) -> None:
    """LS error_handling/test_states_errors.py: the task fails, not the state, under its name.

    The text that the function returned counts, with its spaces.
    """
    text = json.dumps({"a": 1}) + " " * MAX_DATA_BYTES
    bench = Bench(tmp_path, {"lambda.invoke": texts(text)})
    task = {"Type": "Task", "Resource": resource, "End": True, "Catch": HANDLED}
    if resource == LAMBDA:
        task["Parameters"] = {"FunctionName": "f"}
    arn = bench.begin(machine({"S": task, **CAUGHT}))
    output = json.loads(bench.finish(arn)["output"])
    assert output["Error"] == "States.DataLimitExceeded"
    assert output["Cause"].startswith(f"The state/task '{name}' returned a result")
    assert types(bench, arn)[-4:-2] == ["TaskStateExited", "PassStateEntered"]
    assert failed in types(bench, arn)


def test_a_result_at_the_limit_is_taken(tmp_path: Path) -> None:
    """service-quotas.html: 256 KiB are the most that a task may give back"""
    text = json.dumps("x" * (MAX_DATA_BYTES - 2))
    bench = Bench(tmp_path, {"lambda.invoke": texts(text)})
    described = bench.run(one({"Type": "Task", "Resource": FUNCTION}))
    assert described["output"] == text
    longer = Bench(tmp_path / "longer", {"lambda.invoke": texts(text[:-1] + 'x"')})
    assert longer.run(one({"Type": "Task", "Resource": FUNCTION}))["status"] == "FAILED"


def test_a_json_value_is_the_input_that_the_sdk_takes_as_text(tmp_path: Path) -> None:
    """LS services/test_aws_sdk_task_service.py::test_sfn_start_execution_implicit_json_…"""
    bench = Bench(tmp_path)
    inner = bench.create(one({"Type": "Pass"}), "inner")
    resource = "arn:aws:states:::aws-sdk:sfn:startExecution"
    given = {"StateMachineArn": inner, "Input": {"key": "value"}, "Name": "n"}
    arn = bench.begin(one({"Type": "Task", "Resource": resource, "Parameters": given}))
    started = json.loads(bench.finish(arn)["output"])["ExecutionArn"]
    scheduled = bench.events(arn)[2]["taskScheduledEventDetails"]["parameters"]
    assert json.loads(scheduled)["Input"] == {"key": "value"}
    assert bench.describe(started)["input"] == '{"key":"value"}'


def test_a_failure_without_words_is_null(tmp_path: Path) -> None:
    """LS callback/test_callback.py::test_sqs_failure_in_wait_for_task_tok_no_error_field"""
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    bench = Bench(tmp_path, {"sqs.send_message": lambda _: {"MessageId": "m"}})
    task = {"Type": "Task", "Resource": resource, "Parameters": SENT, "Next": "Caught"}
    arn = bench.begin(machine({"S": {**task, "Catch": HANDLED}, **CAUGHT}))
    bench.schedule.settle()
    token = json.loads(bench.calls[0][1]["MessageBody"])["Token"]
    bench.service.send_task_failure({"taskToken": token})
    assert json.loads(bench.finish(arn)["output"]) == {"Error": None, "Cause": None}
    failed = next(one for one in bench.events(arn) if one["type"] == "TaskFailed")
    assert set(failed["taskFailedEventDetails"]) == {"resource", "resourceType"}


@pytest.mark.parametrize("pattern", ["sync", "sync:2"])
def test_a_task_that_waits_for_a_job_has_a_token_too(pattern: str, tmp_path: Path) -> None:
    """LS callback/test_callback.py::test_sync_with_task_token: the token ends the task early."""
    bench = Bench(tmp_path)
    inner = bench.create(one({"Type": "Wait", "Seconds": 500}), "inner")
    resource = f"arn:aws:states:::states:startExecution.{pattern}"
    given = {"StateMachineArn": inner, "Input": {"Token.$": "$$.Task.Token"}}
    arn = bench.begin(one({"Type": "Task", "Resource": resource, "Parameters": given}))
    bench.schedule.settle()
    token = json.loads(bench.calls[0][1]["input"])["Token"]
    bench.service.send_task_success({"taskToken": token, "output": '"early"'})
    bench.schedule.settle()
    assert bench.output(arn) == "early"
    assert types(bench, arn)[4:] == [
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_an_asynchronous_express_execution_has_its_redrives(tmp_path: Path) -> None:
    """LS express/test_express_async.py::test_query_runtime_memory"""
    bench = Bench(tmp_path, {"sqs.send_message": lambda _: {"MessageId": "m"}})
    sent = {"QueueUrl": QUEUE, "MessageBody.$": "$$.Execution"}
    send = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": sent}
    bench.service.start_execution({"stateMachineArn": bench.create(one(send), type="EXPRESS")})
    bench.schedule.settle()
    assert json.loads(bench.calls[0][1]["MessageBody"])["RedriveCount"] == 0
