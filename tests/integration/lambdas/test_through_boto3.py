"""Lambda as boto3 sees it: through the front door, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from localcloud.lambdas import LambdaService
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


ROLE = "arn:aws:iam::000000000000:role/made"


def zipped(**files: str) -> bytes:
    """Return an archive of these modules."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return written.getvalue()


def made(client: Any, name: str, code: bytes, **more: Any) -> Any:
    settings = {"Runtime": "python3.13", "Role": ROLE, "Handler": "main.handler", **more}
    return client.create_function(FunctionName=name, Code={"ZipFile": code}, **settings)


def said(client: Any, name: str) -> Any:
    return json.loads(client.invoke(FunctionName=name, Payload=b"{}")["Payload"].read())


def test_a_function_of_a_zip_runs_changes_and_ends(bench: Bench, client: Any) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
    source = (
        "import os, words\ndef handler(event, context):\n    return words.said, os.getenv('MOOD')"
    )
    code = zipped(main=source, words="said = 'one'")
    created = made(client, "zipped", code, Environment={"Variables": {"MOOD": "good"}})
    assert (created["State"], created["Version"]) == ("Active", "$LATEST")
    assert created["CodeSize"] == len(code)
    assert base64.b64decode(created["CodeSha256"]) == hashlib.sha256(code).digest()
    assert said(client, "zipped") == ["one", "good"]
    with pytest.raises(ClientError, match="ResourceConflictException"):
        made(client, "zipped", code)
    client.update_function_configuration(FunctionName="zipped", Timeout=9, Environment={})
    client.update_function_code(
        FunctionName="zipped", ZipFile=zipped(main=source, words="said = 'two'")
    )
    assert said(client, "zipped") == ["two", None]
    assert client.get_function_configuration(FunctionName="zipped")["Timeout"] == 9
    client.delete_function(FunctionName="zipped")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.invoke(FunctionName="zipped")


def test_a_created_function_is_there_after_a_restart(bench: Bench, client: Any) -> None:
    made(client, "kept", zipped(main="def handler(event, context):\n    return 'kept'"))
    again = LambdaService(bench.context, bench.sqs)
    try:
        answer = again.invoke({"FunctionName": "kept", "Payload": b"{}"})
        assert json.loads(answer["Payload"]) == "kept"
    finally:
        again.stop()


@pytest.mark.parametrize(
    ("code", "more", "message"),
    [
        (b"no zip", {}, "Could not unzip uploaded file"),
        (zipped(main=""), {"Runtime": "nodejs22.x"}, "the runtime nodejs22.x; it runs Python"),
        (zipped(main=""), {"Role": "someone"}, "is not the ARN of a role"),
        (zipped(main=""), {"Handler": "main"}, "is not a handler"),
        (zipped(main=""), {"MemorySize": 20_000}, "MemorySize"),
        (zipped(**{"../main": ""}), {}, "a file outside of it"),
        (zipped(main=""), {"Layers": ["l"]}, "the parameter Layers"),
    ],
)
def test_a_function_that_lambda_would_not_take_is_refused(
    client: Any, code: bytes, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        made(client, "refused", code, **more)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_function(FunctionName="refused")


def test_a_function_should_inherit_nothing_of_one_of_its_name(bench: Bench, client: Any) -> None:
    made(client, "named", zipped(main="def handler(event, context):\n    raise ValueError"))
    client.invoke(FunctionName="named", InvocationType="Event")
    allowed = {"Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com"}
    client.add_permission(FunctionName="named", StatementId="s", **allowed)
    client.delete_function(FunctionName="named")
    assert bench.service.pending() == 0
    made(client, "named", zipped(main=""))
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_policy(FunctionName="named")


def test_a_name_should_lead_to_no_other_folder(bench: Bench, client: Any) -> None:
    folder = bench.context.data_dir.parent
    files = set(folder.rglob("*"))
    for name in ("..", "../..", "../../../x", "/tmp/x", "a/b", "a.b", "f:1", "n" * 65):
        with pytest.raises((ClientError, ParamValidationError)):
            made(client, name, zipped(main=""), Role="someone")
    assert set(folder.rglob("*")) == files
    arn = "arn:aws:lambda:us-east-1:000000000000:function:by-arn"
    assert made(client, arn, zipped(main=""))["FunctionName"] == "by-arn"
    client.delete_function(FunctionName="by-arn")


def test_code_that_no_function_has_should_go(bench: Bench, client: Any) -> None:
    """A damaged archive leaves nothing, and former code goes with the next start."""
    folder = bench.context.folder("lambdas") / "code" / "grown"
    damaged = bytearray(zipped(main="x" * 100_000))
    damaged[40:60] = b"\xff" * 20
    with pytest.raises(ClientError, match="Could not unzip uploaded file"):
        made(client, "grown", bytes(damaged))
    assert not any(folder.glob("*"))
    source = "def handler(event, context):\n    return "
    made(client, "grown", zipped(main=source + "1"))
    client.update_function_code(FunctionName="grown", ZipFile=zipped(main=source + "2"))
    again = LambdaService(bench.context, bench.sqs)
    try:
        assert len(list(folder.glob("*"))) == 1
        assert json.loads(again.invoke({"FunctionName": "grown", "Payload": b"{}"})["Payload"]) == 2
    finally:
        again.stop()


def test_a_function_of_the_template_is_changed_there_alone(bench: Bench, client: Any) -> None:
    bench.add("echo")
    with pytest.raises(ClientError, match="comes from infra/template"):
        client.delete_function(FunctionName="echo")
    with pytest.raises(ClientError, match="comes from infra/template"):
        client.update_function_configuration(FunctionName="echo", Timeout=9)
    with pytest.raises(ClientError, match="comes from infra/template"):
        client.update_function_code(FunctionName="echo", ZipFile=zipped(main=""))
    with pytest.raises(ClientError, match="ResourceConflictException"):
        made(client, "echo", zipped(main=""))
