"""Streamed answers: what a function writes, and what a caller gets, while it is written."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from localcloud.apigateway import ApiGateway, RestApi
from localcloud.apigateway.proxy_response import (
    DELIMITER,
    MalformedResponseError,
    read_streamed_response,
)
from tests.unit.apigateway.swagger import SWAGGER

HEAD = json.dumps({"statusCode": 201, "headers": {"Content-Type": "text/event-stream"}}).encode()


@given(st.binary(max_size=60), st.data())
def test_a_stream_should_be_read_however_it_is_cut(body: bytes, data: st.DataObject) -> None:
    whole = HEAD + DELIMITER + body
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    bounds = [0, *cuts, len(whole)]
    answer = read_streamed_response(whole[a:b] for a, b in itertools.pairwise(bounds))
    assert (answer.status, answer.headers) == (201, (("Content-Type", "text/event-stream"),))
    assert b"".join(answer.body) == body


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [b"no delimiter"],
        [b"{" + DELIMITER],
        [b"[]" + DELIMITER],
        [b'{"body": "x"}' + DELIMITER],
        [b'{"statusCode": 99}' + DELIMITER],
        ['{"headers": {"X": "€"}}'.encode() + DELIMITER],
        [b'{"headers": {"X\\r\\nY": "1"}}' + DELIMITER],
        [b"x" * 9_000, b"x" * 9_000, DELIMITER],
    ],
)
def test_a_stream_without_a_beginning_should_be_refused(chunks: list[bytes]) -> None:
    with pytest.raises(MalformedResponseError):
        read_streamed_response(chunks)


def _client(*pieces: bytes) -> tuple[Client, list[bytes]]:
    document = copy.deepcopy(SWAGGER)
    integration = document["paths"]["/"]["get"]["x-amazon-apigateway-integration"]
    integration["responseTransferMode"] = "STREAM"
    integration["uri"] = {
        "Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2021-11-15/"
        "functions/${Streaming.Arn}/response-streaming-invocations"
    }
    sent: list[bytes] = []

    def stream(function: str, payload: bytes) -> Iterator[bytes]:
        assert function == "Streaming"
        assert json.loads(payload)["path"] == "/"
        for piece in pieces:
            sent.append(piece)
            yield piece

    def invoke(function: str, payload: bytes) -> dict[str, object]:
        raise AssertionError(function)

    gateway = ApiGateway(invoke, RestApi.from_swagger(document), stream=stream)
    return Client(gateway), sent


def test_a_caller_should_get_the_first_piece_before_the_last_is_made() -> None:
    client, sent = _client(HEAD + DELIMITER, b"first", b"last")
    response = client.get("/", buffered=False)
    body = response.iter_encoded()
    assert response.status_code == 201
    assert "Content-Length" not in response.headers
    assert next(body) == b"first"
    assert b"last" not in sent
    assert list(body) == [b"last"]


def test_a_function_that_fails_at_once_should_be_a_bad_gateway() -> None:
    client, _ = _client()
    assert client.get("/").status_code == 502
