"""Requests that nobody's client writes: each is refused by the name of what is wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from localcloud.errors import AwsError
from localcloud.wire import constraints
from localcloud.wire.requests import decode, parse_json, parse_rest
from localcloud.wire.service_models import match_rest, match_target
from tests.unit.wire.shapes import operation_named


def read(service: str, name: str, body: bytes) -> Any:
    shape = operation_named(service, name).input_shape
    assert shape is not None
    params = decode(shape, parse_json(body))
    constraints.check(shape, params)
    return params


def refused(service: str, name: str, body: bytes) -> AwsError:
    with pytest.raises(AwsError) as caught:
        read(service, name, body)
    return caught.value


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "The body must be an object, not list"),
        (b"null", "The body must be an object, not null"),
        (b"{", "The body is not JSON"),
        (b"\xff\xfe{}", "The body is not JSON"),
        (b"[" * 100_000, "The body is not JSON"),
        (b'{"QueueUrl": "q", "MaxNumberOfMessages": NaN}', "out of the range of type integer"),
        (b'{"QueueUrl": "q", "MaxNumberOfMessages": 1e999}', "out of the range of type integer"),
        (b'{"QueueUrl": "q", "MaxNumberOfMessages": 4294967296}', "out of the range"),
        (b'{"QueueUrl": "q", "MaxNumberOfMessages": 1.5}', "must be a whole number"),
        (b'{"QueueUrl": "q", "MaxNumberOfMessages": true}', "must be a whole number, not bool"),
        (b'{"QueueUrl": "\\ud800"}', "half a surrogate pair"),
        (b'{"QueueUrl": "q", "AttributeNames": "All"}', "AttributeNames must be a list"),
        (b'{"QueueUrl": "q", "AttributeNames": [3]}', r"AttributeNames[0] must be a string"),
    ],
)
def test_what_is_not_a_request_should_be_a_serialization_error(body: bytes, words: str) -> None:
    error = refused("sqs", "ReceiveMessage", body)
    assert error.code == "SerializationException"
    assert words in error.message


def test_a_number_too_large_for_a_float_should_be_refused() -> None:
    body = b'{"mapRunArn": "a", "toleratedFailurePercentage": 1' + b"0" * 400 + b"}"
    assert (
        "out of the range of type float" in refused("stepfunctions", "UpdateMapRun", body).message
    )


def test_an_unknown_member_should_be_named_with_its_path() -> None:
    entry = {"Id": "1", "MessageBody": "m", "MessageAttributes": {"a": {"Datatype": "String"}}}
    body = json.dumps({"QueueUrl": "q", "Entries": [entry]}).encode()
    error = refused("sqs", "SendMessageBatch", body)
    assert error.code == "ValidationException"
    assert "in Entries[0].MessageAttributes.a: Datatype" in error.message


@pytest.mark.parametrize(
    ("service", "name", "params", "words"),
    [
        ("stepfunctions", "StartExecution", {}, "Value at 'stateMachineArn' failed"),
        (
            "stepfunctions",
            "ListExecutions",
            {"maxResults": 1001},
            "Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value",
        ),
        (
            "stepfunctions",
            "CreateStateMachine",
            {"name": "", "definition": "{}", "roleArn": "r"},
            "Value '' at 'name' failed to satisfy constraint: Member must have length greater than",
        ),
        (
            "s3vectors",
            "CreateIndex",
            {"indexName": "abc", "dataType": "float64", "dimension": 3, "distanceMetric": "cosine"},
            "at 'dataType' failed to satisfy constraint: Member must satisfy enum value set: [flo",
        ),
        (
            "events",
            "PutEvents",
            {"Entries": []},
            "Value '[]' at 'entries' failed to satisfy constraint: Member must have length greater",
        ),
        (
            "events",
            "PutTargets",
            {
                "Rule": "r",
                "Targets": [
                    {
                        "Id": "i",
                        "Arn": "a",
                        "InputTransformer": {"InputTemplate": "t", "InputPathsMap": {"": "$.x"}},
                    }
                ],
            },
            "Map keys must satisfy constraint: [Member must have length greater than or equal to 1",
        ),
    ],
)
def test_broken_constraints_should_be_worded_as_aws_words_them(
    service: str, name: str, params: dict[str, Any], words: str
) -> None:
    error = refused(service, name, json.dumps(params).encode())
    assert error.code == "ValidationException"
    assert error.message.startswith("1 validation error detected: ")
    assert words in error.message


def test_every_broken_constraint_should_be_listed() -> None:
    error = refused("stepfunctions", "CreateStateMachine", b'{"type": "SLOW"}')
    assert error.message.startswith("4 validation errors detected: ")


def test_a_long_value_should_be_shortened_in_the_message() -> None:
    body = json.dumps({"Rule": "r" * 5000, "Targets": [{"Id": "i", "Arn": "a"}]}).encode()
    assert len(refused("events", "PutTargets", body).message) < 500


@pytest.mark.parametrize(
    "value", ["2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00", 1767323045, "1767323045"]
)
def test_every_way_to_write_a_moment_should_be_read(value: Any) -> None:
    body = {"Entries": [{"Time": value, "Source": "s"}]}
    entry = read("events", "PutEvents", json.dumps(body).encode())["Entries"][0]
    assert entry["Time"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@settings(deadline=None)
@example(value="INF")
@given(
    value=st.text(max_size=20)
    | st.floats()
    | st.integers()
    | st.booleans()
    | st.lists(st.none(), max_size=1)
)
def test_any_other_moment_should_be_refused_and_never_break_the_door(value: Any) -> None:
    body = json.dumps({"Entries": [{"Time": value}]}).encode()
    with suppress(AwsError):
        assert read("events", "PutEvents", body)["Entries"][0]["Time"].tzinfo is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Name", "Target", "Arn", "StartDate", "x", "FlexibleTimeWindow"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(value=JSON)
def test_any_json_should_be_read_or_refused(value: Any) -> None:
    operation = operation_named("scheduler", "CreateSchedule")
    with suppress(AwsError):
        params = parse_rest(operation, {"Name": "n"}, {}, {}, json.dumps(value).encode())
        constraints.check(operation.input_shape, params)


@pytest.mark.parametrize("text", ["", "1_0", " 1", "１", "0x1", "1e3", "9" * 5000])  # noqa: RUF001
def test_only_digits_should_be_a_number_in_a_query(text: str) -> None:
    operation = operation_named("scheduler", "ListSchedules")
    with pytest.raises(AwsError, match="MaxResults"):
        parse_rest(operation, {}, {"MaxResults": [text]}, {}, b"")


def test_a_query_parameter_that_nobody_knows_should_be_refused() -> None:
    operation = operation_named("scheduler", "ListSchedules")
    with pytest.raises(AwsError, match="Unknown query parameter: Colour"):
        parse_rest(operation, {}, {"Colour": ["red"]}, {}, b"")


def test_an_unknown_target_or_path_should_name_no_operation() -> None:
    with pytest.raises(AwsError, match="UnknownOperationException"):
        match_target("sqs", "AmazonSQS.Explode")
    with pytest.raises(AwsError, match="UnknownOperationException"):
        match_target("sqs", "AWSStepFunctions.SendMessage")
    assert match_rest("scheduler", "PATCH", "/schedules/x", {}) is None


def test_an_encoded_label_should_be_read_decoded() -> None:
    found = match_rest("lambda", "GET", "/2015-03-31/functions/arn%3Aaws%3Alambda%2Fx", {})
    assert found is not None
    assert found.operation.name == "GetFunction"
    assert found.labels == {"FunctionName": "arn:aws:lambda/x"}
