from __future__ import annotations

import io
import json

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from chalicelib.adapters.functions import EmbedFunction
from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure, Throttled, Transient


def embed(answer: object, function_error: str | None = None) -> tuple[float, ...]:
    client = boto3.client(
        "lambda", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    response: dict[str, object] = {
        "StatusCode": 200,
        "Payload": StreamingBody(io.BytesIO(raw), len(raw)),
    }
    if function_error:
        response["FunctionError"] = function_error
    request = {"texts": ["a text"], "model": "minilm", "truncate": True, "correlation_id": "req-1"}
    with Stubber(client) as stub:
        expected = {
            "FunctionName": "embed",
            "Payload": json.dumps(request, separators=(",", ":")).encode(),
        }
        stub.add_response("invoke", response, expected)
        return EmbedFunction(client, "embed").embed(["a text"], "req-1", "minilm").vectors[0]


def test_should_return_the_function_s_vectors() -> None:
    answer = {"vectors": [[0.6, 0.8]], "model": "m", "tokens": 2, "seconds": 0.1}
    assert embed(answer) == (0.6, 0.8)


@pytest.mark.parametrize(
    ("error_type", "expected"),
    [
        ("InvalidInput", InvalidInput),
        ("ModelFailure", ModelFailure),
        ("Throttled", Throttled),
        ("KeyError", Transient),
        ("Sandbox.Timedout", Transient),
    ],
)
def test_should_raise_what_the_function_raised(
    error_type: str, expected: type[HeadraceError]
) -> None:
    with pytest.raises(expected, match="why"):
        embed({"errorType": error_type, "errorMessage": "why"}, "Unhandled")


@pytest.mark.parametrize(
    "answer",
    [b"null", b"not json", {"vectors": [], "model": "m", "tokens": 0, "seconds": 0}, {"x": 1}],
)
def test_should_not_take_a_malformed_answer(answer: object) -> None:
    with pytest.raises(ModelFailure):
        embed(answer)
