"""The front door: which service a request reaches, and how its answer is worded."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import create_parser

from localcloud.dynamodb.service import DynamoDbService
from localcloud.errors import AwsError
from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from localcloud.moto.engine import MotoEngine
from localcloud.service import CloudContext
from localcloud.wire.service_models import service_model
from tests import clients
from tests.signing import signed_headers


class FakeSqs:
    name = "sqs"

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def create_queue(self, params: Any) -> Any:
        self.seen.append(params)
        return {"QueueUrl": f"http://queue/{params['QueueName']}"}

    def get_queue_url(self, params: Any) -> Any:
        raise AwsError("QueueDoesNotExist", f"There is no queue {params['QueueName']}.")

    def list_queues(self, params: Any) -> Any:
        raise RuntimeError("a bug")


class FakeStates:
    name = "stepfunctions"

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def start_execution(self, params: Any) -> Any:
        return {
            "executionArn": params["stateMachineArn"],
            "startDate": datetime(2026, 1, 2, tzinfo=UTC),
        }


class FakeBedrock:
    name = "bedrock-runtime"

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def converse_stream(self, params: Any) -> Any:
        def events() -> Iterator[Any]:
            yield {"messageStart": {"role": "assistant"}}
            yield {
                "contentBlockDelta": {"delta": {"text": params["modelId"]}, "contentBlockIndex": 0}
            }
            if params["modelId"] == "breaks/off":
                raise AwsError("ModelStreamErrorException", "It broke off.", 424)
            yield {"messageStop": {"stopReason": "end_turn"}}

        return {"stream": events()}


def _echo(name: str) -> Any:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [name.encode()]

    return application


@pytest.fixture(scope="module")
def sqs() -> FakeSqs:
    return FakeSqs()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, sqs: FakeSqs) -> Iterator[str]:
    context = CloudContext(tmp_path_factory.mktemp("data"), "http://127.0.0.1")
    moto, dynamodb = MotoEngine(context), DynamoDbService(context)
    backends = Backends(
        {"sqs": (sqs,), "states": (FakeStates(),), "bedrock": (FakeBedrock(),)},
        moto,
        _echo("s3"),
        _echo("api"),
        dynamodb,
    )
    server = HttpServer()
    server.start(FrontDoor(backends))
    yield server.url
    for each in set(_made):
        client(server.url, each).close()
    server.stop()
    moto.close()
    dynamodb.close()


_made: list[str] = []


@cache
def client(url: str, service: str) -> Any:
    _made.append(service)
    config = Config(retries={"max_attempts": 0}, parameter_validation=False)
    return clients.client(service, endpoint_url=url, config=config)


def test_a_json_call_should_reach_its_service_by_the_signing_name(url: str, sqs: FakeSqs) -> None:
    answer = client(url, "sqs").create_queue(QueueName="jobs", Attributes={"DelaySeconds": "3"})
    assert answer["QueueUrl"] == "http://queue/jobs"
    assert sqs.seen[-1] == {"QueueName": "jobs", "Attributes": {"DelaySeconds": "3"}}
    assert answer["ResponseMetadata"]["RequestId"]


def test_a_timestamp_should_come_back_as_a_datetime(url: str) -> None:
    answer = client(url, "stepfunctions").start_execution(stateMachineArn="arn:x")
    assert answer["startDate"] == datetime(2026, 1, 2, tzinfo=UTC)


def test_an_error_should_carry_the_query_compatible_code_too(url: str) -> None:
    with pytest.raises(ClientError) as caught:
        client(url, "sqs").get_queue_url(QueueName="nope")
    error: Mapping[str, object] = caught.value.response["Error"]
    assert error["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert error["QueryErrorCode"] == "QueueDoesNotExist"


def test_a_bug_in_a_service_should_be_an_internal_failure_in_json(url: str) -> None:
    with pytest.raises(ClientError) as caught:
        client(url, "sqs").list_queues()
    assert caught.value.response["Error"]["Code"] == "InternalFailure"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"QueueName": "q", "Colour": "red"}, "ValidationException", "Unknown parameter: Colour"),
        ({}, "ValidationException", "'queueName' failed to satisfy constraint"),
        ({"QueueName": 3}, "SerializationException", "QueueName must be a string, not int"),
        ({"QueueName": "q", "tags": ["a"]}, "SerializationException", "tags must be an object"),
    ],
)
def test_bad_parameters_should_be_refused_by_name(
    url: str, params: dict[str, Any], code: str, words: str
) -> None:
    body = json.dumps(params).encode()
    headers = signed_headers("sqs", url, body, {"X-Amz-Target": "AmazonSQS.CreateQueue"})
    answer = httpx.post(url, content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["__type"] == code
    assert words in answer.json()["message"]


def test_a_body_that_breaks_off_should_not_be_taken_for_a_shorter_one(
    url: str, sqs: FakeSqs
) -> None:
    body = b'{"QueueName": "half"}'
    signed = signed_headers("sqs", url, body, {"X-Amz-Target": "AmazonSQS.CreateQueue"})
    lines = [f"{name}: {value}\r\n" for name, value in signed.items()]
    head = "".join(
        [
            "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
            *lines,
            f"Content-Length: {len(body) + 5}\r\n\r\n",
        ]
    )
    seen = len(sqs.seen)
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            continue
    assert len(sqs.seen) == seen


def test_a_missing_operation_and_a_missing_service_should_be_refused(url: str) -> None:
    with pytest.raises(ClientError, match=r"UnsupportedOperation.*PurgeQueue"):
        client(url, "sqs").purge_queue(QueueUrl="x")
    with pytest.raises(ClientError, match=r"UnsupportedOperation.*rekognition"):
        client(url, "rekognition").list_collections()


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("cloudformation", "list_stacks"),
        ("ec2", "describe_instances"),
        ("elbv2", "describe_load_balancers"),
        ("route53", "list_hosted_zones"),
        ("cloudfront", "list_distributions"),
        ("glue", "get_databases"),
        ("efs", "describe_file_systems"),
    ],
)
def test_a_service_that_is_not_served_should_answer_in_its_own_protocol(
    url: str, service: str, operation: str
) -> None:
    """https://smithy.io/2.0/aws/protocols/index.html: XML for query, ec2 and rest-xml."""
    with pytest.raises(ClientError) as caught:
        getattr(client(url, service), operation)()
    error = caught.value.response["Error"]
    assert error["Code"] == "UnsupportedOperation"
    assert "does not implement" in error["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_an_error_in_cbor_should_be_read_by_botocore(url: str) -> None:
    """https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html"""
    body = b"\xa0"
    path = "/service/GraniteServiceVersion20100801/operation/MakeTea"
    headers = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
    answer = httpx.post(
        url + path, content=body, headers=signed_headers("monitoring", url + path, body, headers)
    )
    shape: Any = service_model("cloudwatch").operation_model("PutMetricData").output_shape
    parsed = create_parser("smithy-rpc-v2-cbor").parse(
        {"status_code": answer.status_code, "headers": answer.headers, "body": answer.content},
        shape,
    )
    assert parsed["Error"]["Code"] == "UnknownOperationException"
    assert "MakeTea" in parsed["Error"]["Message"]


def test_an_event_stream_should_be_read_by_botocore(url: str) -> None:
    answer = client(url, "bedrock-runtime").converse_stream(modelId="a:b/c", messages=[])
    with closing(answer["stream"]) as stream:
        names = [next(iter(event)) for event in stream]
    assert names == ["messageStart", "contentBlockDelta", "messageStop"]


def test_an_error_inside_a_stream_should_be_raised_by_botocore(url: str) -> None:
    answer = client(url, "bedrock-runtime").converse_stream(modelId="breaks/off", messages=[])
    with closing(answer["stream"]) as stream, pytest.raises(ClientError, match="It broke off"):
        list(stream)


SIGNED_FOR_THE_API = signed_headers("execute-api", "http://127.0.0.1/v1/health", method="GET")


@pytest.mark.parametrize(
    ("method", "path", "headers", "room"),
    [
        ("GET", "/v1/health", {}, "api"),
        ("POST", "/v1/ask", {"Authorization": "Bearer hr_x"}, "api"),
        ("GET", "/v1/health", SIGNED_FOR_THE_API, "api"),
        ("POST", "/bucket", {"Content-Type": "multipart/form-data; boundary=x"}, "s3"),
        ("POST", "/v1/files", {"Content-Type": "multipart/form-data; boundary=x"}, "api"),
        ("OPTIONS", "/bucket", {}, "s3"),
        ("POST", "/", {"Host": "bucket.localhost:4510"}, "s3"),
        ("GET", "/v1/health", {"Host": "bucket.s3.eu-central-1.amazonaws.com"}, "s3"),
        ("GET", "/b/k?X-Amz-Credential=test/20260101/us-east-1/s3/aws4_request", {}, "s3"),
    ],
)
def test_unsigned_requests_should_reach_the_api_or_s3(
    url: str, method: str, path: str, headers: dict[str, str], room: str
) -> None:
    assert httpx.request(method, url + path, headers=headers).text == room


def test_dynamodb_and_moto_should_answer(url: str) -> None:
    table = client(url, "dynamodb")
    table.create_table(
        TableName="tab",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.put_item(TableName="tab", Item={"pk": {"S": "a"}})
    assert table.get_item(TableName="tab", Key={"pk": {"S": "a"}})["Item"] == {"pk": {"S": "a"}}
    arn = client(url, "sns").create_topic(Name="news")["TopicArn"]
    assert arn == "arn:aws:sns:us-east-1:000000000000:news"
    with pytest.raises(ClientError, match="UnsupportedOperation"):
        client(url, "sns").subscribe(TopicArn=arn, Protocol="sms", Endpoint="+1555")
    with pytest.raises(ClientError, match="Invalid parameter: SQS endpoint ARN"):
        client(url, "sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:::q")
