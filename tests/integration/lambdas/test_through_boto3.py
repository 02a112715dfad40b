"""Lambda as boto3 sees it: through the front door, over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from tests.cloud import PROJECT
from tests.integration.lambdas.conftest import Bench


@pytest.fixture
def client(bench: Bench) -> Iterator[Any]:
    server = HttpServer()
    backends = Backends({"lambda": (bench.service,)}, None, None, None)  # type: ignore[arg-type]
    server.start(FrontDoor(backends))
    client = boto3.client(
        "lambda",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()
    server.stop()


def test_a_synchronous_invocation(bench: Bench, client: Any) -> None:
    bench.add("echo")
    answer = client.invoke(FunctionName="echo", Payload=b'{"a": 1}', LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert json.loads(answer["Payload"].read()) == {"a": 1}
    assert b"REPORT RequestId" in base64.b64decode(answer["LogResult"])
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]


def test_a_function_error_is_a_successful_call(bench: Bench, client: Any) -> None:
    bench.add("fail")
    answer = client.invoke(FunctionName="fail")
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "ValueError"


@pytest.mark.parametrize(("kind", "status"), [("Event", 202), ("DryRun", 204)])
def test_other_kinds_have_their_own_status(
    bench: Bench, client: Any, kind: str, status: int
) -> None:
    bench.add("echo")
    answer = client.invoke(FunctionName="echo", InvocationType=kind, Payload=b"{}")
    assert answer["StatusCode"] == answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert answer["Payload"].read() == b""


def test_errors_have_aws_s_codes(bench: Bench, client: Any) -> None:
    bench.add("echo", reserved_concurrency=0)
    for settings, code, status in (
        ({"FunctionName": "none"}, "ResourceNotFoundException", 404),
        ({"FunctionName": "echo"}, "TooManyRequestsException", 429),
        ({"FunctionName": "echo", "Payload": b"{"}, "InvalidRequestContentException", 400),
        (
            {"FunctionName": "echo", "Payload": b'"' + b"x" * 7_000_000 + b'"'},
            "RequestEntityTooLargeException",
            413,
        ),
    ):
        with pytest.raises(ClientError) as refused:
            client.invoke(**settings)
        response = refused.value.response
        assert response["Error"]["Code"] == code
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_functions_and_mappings_are_described(bench: Bench, client: Any) -> None:
    _, arn = bench.queue("work")
    bench.add("echo", environment={"A": "b"}, reserved_concurrency=2)
    assert client.get_function(FunctionName="echo")["Configuration"]["Timeout"] == 10
    shown = client.get_function_configuration(FunctionName="echo")
    assert shown["Environment"]["Variables"] == {"A": "b"}
    assert [each["FunctionName"] for each in client.list_functions()["Functions"]] == ["echo"]
    assert client.get_function_concurrency(FunctionName="echo")["ReservedConcurrentExecutions"] == 2
    created = client.create_event_source_mapping(
        EventSourceArn=arn, FunctionName="echo", BatchSize=3, Enabled=False
    )
    shown = client.get_event_source_mapping(UUID=created["UUID"])
    assert (shown["BatchSize"], shown["State"]) == (3, "Disabled")
    assert shown["LastModified"].tzinfo is not None
    listed = client.list_event_source_mappings(FunctionName="echo")["EventSourceMappings"]
    assert [each["UUID"] for each in listed] == [created["UUID"]]
    client.delete_event_source_mapping(UUID=created["UUID"])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_event_source_mapping(UUID=created["UUID"])


def test_permissions(bench: Bench, client: Any) -> None:
    bench.add("echo")
    client.add_permission(
        FunctionName="echo",
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    policy = json.loads(client.get_policy(FunctionName="echo")["Policy"])
    assert policy["Statement"][0]["Sid"] == "api"
    client.remove_permission(FunctionName="echo", StatementId="api")


def test_code_is_not_taken(client: Any) -> None:
    with pytest.raises(ClientError, match="template") as refused:
        client.create_function(
            FunctionName="x",
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/x",
            Handler="app.handler",
            Code={"ZipFile": b"zip"},
        )
    assert refused.value.response["Error"]["Code"] == "UnsupportedOperation"


STREAMING = """
import os
import sys
import time

sys.path.insert(0, {project!r})
from chalicelib.adapters.lambda_runtime import serve
from chalicelib.contracts.http import Head, Streamed


def body(event):
    for word in event["words"]:
        yield word.encode()
    if event.get("fails"):
        raise ValueError("no more words")


serve(lambda event: Streamed(Head(200, {{}}), body(event)), os.environ["AWS_LAMBDA_RUNTIME_API"])
"""


def _add_streaming(bench: Bench) -> None:
    (bench.code / "streaming.py").write_text(STREAMING.format(project=str(PROJECT)))
    wrapper = bench.code / "bootstrap"
    wrapper.write_text('#!/bin/sh\nexec "$1" -m streaming\n')
    wrapper.chmod(0o755)
    environment = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/bootstrap"}
    bench.add("streaming", "streaming.unused", environment=environment)


def test_a_streamed_invocation(bench: Bench, client: Any) -> None:
    _add_streaming(bench)
    answer = client.invoke_with_response_stream(
        FunctionName="streaming", Payload=b'{"words": ["one", "two"]}', LogType="Tail"
    )
    events = list(answer["EventStream"])
    chunks = [event["PayloadChunk"]["Payload"] for event in events[:-1]]
    assert chunks[1:] == [b"one", b"two"]
    assert b"REPORT RequestId" in base64.b64decode(events[-1]["InvokeComplete"]["LogResult"])


def test_a_stream_that_fails_tells_so_at_its_end(bench: Bench, client: Any) -> None:
    _add_streaming(bench)
    answer = client.invoke_with_response_stream(
        FunctionName="streaming", Payload=b'{"words": ["one"], "fails": true}'
    )
    *chunks, end = answer["EventStream"]
    assert [chunk["PayloadChunk"]["Payload"] for chunk in chunks][1:] == [b"one"]
    assert end["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorMessage"] == "no more words"


def test_a_function_that_does_not_stream_can_be_asked_to(bench: Bench, client: Any) -> None:
    bench.add("echo")
    answer = client.invoke_with_response_stream(FunctionName="echo", Payload=b'{"a": 1}')
    assert list(answer["EventStream"]) == [
        {"PayloadChunk": {"Payload": b'{"a": 1}'}},
        {"InvokeComplete": {}},
    ]


def test_a_streaming_function_can_be_invoked_in_one_piece(bench: Bench, client: Any) -> None:
    _add_streaming(bench)
    answer = client.invoke(FunctionName="streaming", Payload=b'{"words": ["one", "two"]}')
    assert answer["Payload"].read().endswith(b"\0onetwo")
