"""What Invoke takes."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.lambdas.invoke_request import MAX_ASYNC_PAYLOAD, MAX_SYNC_PAYLOAD, parse


def test_nothing_means_an_empty_object_and_a_synchronous_call() -> None:
    request = parse({"FunctionName": "read"})
    assert (request.invocation_type, request.payload, request.wants_log) == (
        "RequestResponse",
        b"{}",
        False,
    )


@pytest.mark.parametrize("payload", [b"[1]", "[1]", bytearray(b"[1]"), io.BytesIO(b"[1]")])
def test_a_payload_may_be_bytes_text_or_a_stream(payload: Any) -> None:
    assert parse({"Payload": payload}).payload == b"[1]"


@pytest.mark.parametrize(
    ("kind", "limit"), [("RequestResponse", MAX_SYNC_PAYLOAD), ("Event", MAX_ASYNC_PAYLOAD)]
)
def test_a_payload_is_taken_up_to_the_limit(kind: str, limit: int) -> None:
    payload = b'"' + b"x" * (limit - 2) + b'"'
    assert parse({"InvocationType": kind, "Payload": payload}).payload == payload
    with pytest.raises(AwsError) as refused:
        parse({"InvocationType": kind, "Payload": payload + b" "})
    assert refused.value.code == "RequestEntityTooLargeException"
    assert refused.value.status == 413


@pytest.mark.parametrize("payload", [b"{", b"\xff", b"nope"])
def test_a_payload_that_is_not_json_is_refused(payload: bytes) -> None:
    with pytest.raises(AwsError) as refused:
        parse({"Payload": payload})
    assert refused.value.code == "InvalidRequestContentException"


def test_a_client_context_is_base64_of_json() -> None:
    encoded = base64.b64encode(b'{"custom": {"k":\n "v"}}').decode()
    context = parse({"ClientContext": encoded}).client_context
    assert context is not None
    assert json.loads(context) == {"custom": {"k": "v"}}
    assert "\n" not in context
    for broken in ("%%%", base64.b64encode(b"no json").decode(), "QQ" * 2000):
        with pytest.raises(AwsError, match="InvalidRequestContentException"):
            parse({"ClientContext": broken})


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"InvocationType": "Later"}, "InvalidParameterValueException"),
        ({"LogType": "All"}, "InvalidParameterValueException"),
        ({"TenantId": "x"}, "UnsupportedOperation"),
        ({"DurableExecutionName": "x"}, "UnsupportedOperation"),
    ],
)
def test_an_unknown_word_is_refused(params: dict[str, str], code: str) -> None:
    with pytest.raises(AwsError) as refused:
        parse(params)
    assert refused.value.code == code
