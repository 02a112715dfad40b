"""Errors as boto3 shows them, and event streams as botocore reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.model import StructureShape
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.errors import AwsError
from localcloud.wire import eventstream, responses
from localcloud.wire.service_models import service_model
from tests.unit.wire.shapes import operation_named, parsed_by_botocore


def messages(buffer: EventStreamBuffer) -> list[tuple[Any, bytes]]:
    """Return the headers and the payload of each message."""
    return [(message.headers, message.payload) for message in buffer]


def shown(service: str, error: AwsError) -> dict[str, Any]:
    model = service_model(service)
    answer = responses.error_response(model, error, "r-1")
    response = {
        "status_code": answer.status,
        "headers": _lower(answer.headers),
        "body": answer.body,
    }
    return parsed_by_botocore(model.metadata["protocol"], response, None)


class _lower(dict[str, str]):  # noqa: N801 - what botocore reads headers from is no class of ours
    def __init__(self, headers: Any) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})


def test_an_error_should_have_code_message_and_request_id_everywhere() -> None:
    error = AwsError("ResourceNotFoundException", "There is none.", 404)
    for service in ("lambda", "scheduler", "s3vectors", "stepfunctions", "events", "bedrock"):
        parsed = shown(service, error)
        assert parsed["Error"]["Code"] == "ResourceNotFoundException", service
        assert parsed["Error"]["Message"] == "There is none.", service
        assert parsed["ResponseMetadata"]["RequestId"] == "r-1", service
        assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 404, service


def test_a_modelled_error_should_have_the_status_of_the_model() -> None:
    error = AwsError("ConflictException", "It is there.")
    assert shown("scheduler", error)["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_fields_of_an_error_should_be_in_its_body() -> None:
    error = AwsError("ResourceInUseException", "Busy.", reason="because")
    answer = responses.error_response(service_model("lambda"), error, "r")
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["reason"] == "because"


@pytest.mark.parametrize(("status", "fault"), [(400, "Sender"), (500, "Receiver")])
def test_an_error_should_say_whose_fault_it_is(status: int, fault: str) -> None:
    error = AwsError("QueueDoesNotExist", "None <here>.", status)
    answer = responses.error_response(service_model("sqs"), error, "r")
    assert answer.headers["x-amzn-query-error"] == (
        f"AWS.SimpleQueueService.NonExistentQueue;{fault}"
    )
    xml = responses.query_error_response(error, "r").body
    response = {"status_code": status, "headers": {}, "body": xml}
    parsed = parsed_by_botocore("query", response, None)
    assert parsed["Error"] == {
        "Type": fault,
        "Code": "QueueDoesNotExist",
        "Message": "None <here>.",
    }


def test_an_unknown_member_of_a_result_should_be_a_bug() -> None:
    with pytest.raises(KeyError):
        responses.success_response(
            operation_named("sqs", "SendMessage"), {"MessageID": "typed wrongly"}
        )


def test_moments_should_be_written_as_each_protocol_wants_them() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)
    answer = responses.success_response(
        operation_named("stepfunctions", "StartExecution"),
        {"executionArn": "a", "startDate": moment},
    )
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["startDate"] == 1767323045.679


@settings(deadline=None)
@given(headers=st.dictionaries(st.text(max_size=10), st.text(max_size=50)), payload=st.binary())
def test_a_message_of_a_stream_should_be_read_by_botocore(
    headers: dict[str, str], payload: bytes
) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.message(headers, payload))
    ((seen, body),) = messages(buffer)
    assert (seen, body) == (headers, payload)


def test_a_stream_should_end_with_the_error_that_ended_it() -> None:
    stream = operation_named("bedrock-runtime", "ConverseStream").get_event_stream_output()
    assert isinstance(stream, StructureShape)

    def events() -> Iterator[tuple[str, Any]]:
        yield "messageStop", {"stopReason": "end_turn"}
        raise AwsError("ThrottlingException", "Slow down.", 429)

    buffer = EventStreamBuffer()
    for chunk in eventstream.encode(stream, events()):
        buffer.add_data(chunk)
    (first, _), (last, payload) = messages(buffer)
    assert first[":event-type"] == "messageStop"
    assert last[":message-type"] == "exception"
    assert last[":exception-type"] == "throttlingException"
    assert json.loads(payload) == {"message": "Slow down."}
