"""What botocore writes our parser reads, and what we write botocore reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.wire import constraints, responses
from tests.unit.wire.shapes import (
    operation_named,
    read_by_botocore,
    requests_of,
    results_of,
    sent_by_botocore,
)

REQUESTS = [
    ("sqs", "SendMessage"),
    ("sqs", "SendMessageBatch"),
    ("sqs", "ReceiveMessage"),
    ("sqs", "SetQueueAttributes"),
    ("lambda", "CreateEventSourceMapping"),
    ("lambda", "Invoke"),
    ("lambda", "ListFunctions"),
    ("lambda", "RemovePermission"),
    ("scheduler", "CreateSchedule"),
    ("scheduler", "ListSchedules"),
    ("scheduler", "DeleteSchedule"),
    ("s3vectors", "CreateIndex"),
    ("s3vectors", "PutVectors"),
    ("s3vectors", "QueryVectors"),
    ("stepfunctions", "CreateStateMachine"),
    ("stepfunctions", "StartExecution"),
    ("stepfunctions", "UpdateMapRun"),
    ("events", "PutEvents"),
    ("events", "PutRule"),
    ("bedrock-runtime", "Converse"),
]
ANSWERS = [
    ("sqs", "ReceiveMessage"),
    ("sqs", "SendMessageBatch"),
    ("lambda", "GetFunction"),
    ("lambda", "ListEventSourceMappings"),
    ("scheduler", "GetSchedule"),
    ("s3vectors", "QueryVectors"),
    ("s3vectors", "GetIndex"),
    ("stepfunctions", "DescribeExecution"),
    ("stepfunctions", "DescribeMapRun"),
    ("events", "ListRules"),
]
SETTINGS = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize(("service", "name"), REQUESTS)
@SETTINGS
@given(data=st.data())
def test_a_request_should_be_read_as_it_was_meant(
    service: str, name: str, data: st.DataObject
) -> None:
    operation = operation_named(service, name)
    params = data.draw(requests_of(service, name))
    read = sent_by_botocore(operation, params)
    assert read == params
    constraints.check(operation.input_shape, read)


@pytest.mark.parametrize(("service", "name"), ANSWERS)
@SETTINGS
@given(data=st.data())
def test_an_answer_should_be_read_as_it_was_meant(
    service: str, name: str, data: st.DataObject
) -> None:
    operation = operation_named(service, name)
    result = data.draw(results_of(service, name))
    assert read_by_botocore(operation, responses.success_response(operation, result)) == result


def test_a_payload_and_headers_should_be_kept_apart() -> None:
    operation = operation_named("lambda", "Invoke")
    result: dict[str, Any] = {"Payload": b"\x00{}", "StatusCode": 202, "FunctionError": "Unhandled"}
    answer = responses.success_response(operation, result)
    assert (answer.status, answer.body) == (202, b"\x00{}")
    assert answer.headers["X-Amz-Function-Error"] == "Unhandled"
