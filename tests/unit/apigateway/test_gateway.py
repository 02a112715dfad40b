"""The gateway in front of functions that are plain callables."""

from __future__ import annotations

import base64
import copy
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from localcloud.apigateway import ApiGateway, RestApi
from localcloud.apigateway.stage import ApiStage
from localcloud.errors import AwsError
from tests.unit.apigateway.swagger import SWAGGER

Handler = Callable[[dict[str, Any]], Any]


def _allow(event: dict[str, Any]) -> dict[str, Any]:
    effect = {"good": "Allow", "denied": "Deny"}.get(event["authorizationToken"])
    resource = event["methodArn"] if effect else "arn:aws:execute-api:*:*:elsewhere"
    statement = {
        "Effect": effect or "Allow",
        "Action": "execute-api:Invoke",
        "Resource": [resource],
    }
    return {
        "principalId": "tenant-1",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"tenant": "tenant-1", "level": 3, "admin": False},
    }


class Stage:
    """A gateway whose API handler and authorizer are set by a test."""

    def __init__(
        self,
        ttl_s: int = 0,
        max_in_flight: int = 16,
        responses: dict[str, Any] | None = None,
    ) -> None:
        self.handler: Handler = lambda event: {"statusCode": 200, "body": json.dumps(event)}
        self.authorizer: Handler = _allow
        self.events: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.now = 0.0
        document = copy.deepcopy(SWAGGER)
        document["x-amazon-apigateway-gateway-responses"] = responses or {}
        definition = document["securityDefinitions"]["authorize"]
        definition["x-amazon-apigateway-authorizer"]["authorizerResultTtlInSeconds"] = ttl_s
        self.gateway = ApiGateway(
            self._invoke,
            replace(RestApi.from_swagger(document), settings=ApiStage(max_in_flight=max_in_flight)),
            timeout_s=30,
            monotonic=lambda: self.now,
        )
        self.client = Client(self.gateway)

    def _invoke(self, function: str, payload: bytes) -> dict[str, Any]:
        event = json.loads(payload)
        if function == "Authorize":
            self.asked.append(event["methodArn"])
            answer = self.authorizer(event)
        else:
            self.events.append(event)
            answer = self.handler(event)
        if isinstance(answer, Exception):
            return {"FunctionError": "Unhandled", "Payload": _error(str(answer))}
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return {"StatusCode": 200, "Payload": raw}

    def get(self, path: str = "/", **settings: Any) -> TestResponse:
        return self.client.get(path, **settings)


def _error(message: str) -> bytes:
    return json.dumps({"errorType": "Exception", "errorMessage": message}).encode()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_the_event_is_that_of_a_rest_api(stage: Stage) -> None:
    answer = stage.client.put(
        "/v1/things/a%20b?tag=1&tag=2&empty=",
        headers={"Authorization": "good", "X-Custom": "y"},
        json={"n": 1},
    )
    assert answer.status_code == 200
    event = stage.events[0]
    assert event["resource"] == event["requestContext"]["resourcePath"] == "/v1/things/{id}"
    assert event["httpMethod"] == event["requestContext"]["httpMethod"] == "PUT"
    assert event["path"] == "/v1/things/a%20b"
    assert event["requestContext"]["path"] == f"/{event['requestContext']['stage']}{event['path']}"
    assert event["pathParameters"] == {"id": "a%20b"}
    assert event["queryStringParameters"] == {"tag": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"tag": ["1", "2"], "empty": [""]}
    assert event["headers"]["X-Custom"] == "y"
    assert event["multiValueHeaders"]["X-Custom"] == ["y"]
    assert json.loads(event["body"]) == {"n": 1}
    assert event["isBase64Encoded"] is False
    assert event["requestContext"]["authorizer"] == {
        "tenant": "tenant-1",
        "level": "3",
        "admin": "false",
        "principalId": "tenant-1",
    }
    assert event["requestContext"]["requestId"] == answer.headers["x-amzn-RequestId"]
    assert event["headers"]["X-Amzn-Trace-Id"] == answer.headers["X-Amzn-Trace-Id"]


def test_a_request_with_nothing_has_nulls_where_aws_has_them(stage: Stage) -> None:
    stage.get("/")
    event = stage.events[0]
    for name in ("body", "pathParameters", "queryStringParameters", "stageVariables"):
        assert event[name] is None


def test_a_binary_body_travels_as_base64_both_ways(stage: Stage) -> None:
    stage.handler = lambda event: {
        "statusCode": 200,
        "headers": {"Content-Type": "image/png"},
        "body": event["body"],
        "isBase64Encoded": True,
    }
    answer = stage.client.put(
        "/v1/things/1",
        data=b"\x00\xff",
        headers={
            "Authorization": "good",
            "Content-Type": "application/octet-stream",
            "Accept": "image/png, */*",
        },
    )
    assert stage.events[0]["isBase64Encoded"] is True
    assert base64.b64decode(stage.events[0]["body"]) == b"\x00\xff"
    assert answer.data == b"\x00\xff"


def test_base64_stays_base64_for_a_caller_who_does_not_accept_the_type(stage: Stage) -> None:
    stage.handler = lambda _: {"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}
    assert stage.get("/").data == b"AP8="


def test_headers_of_the_function_are_the_answer_s(stage: Stage) -> None:
    stage.handler = lambda _: {
        "statusCode": 201,
        "headers": {"X-One": "1", "X-Number": 5},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
        "body": "made",
    }
    answer = stage.get("/")
    assert answer.status == "201 Created"
    assert answer.headers["X-One"] == "1"
    assert answer.headers["X-Number"] == "5"
    assert answer.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.data == b"made"


@pytest.mark.parametrize(
    ("path", "headers", "error_type"),
    [
        ("/nowhere", {}, "MissingAuthenticationTokenException"),
        ("/nowhere", {"Authorization": "good"}, "IncompleteSignatureException"),
    ],
)
def test_an_unknown_route_is_403_as_on_aws(
    stage: Stage, path: str, headers: dict[str, str], error_type: str
) -> None:
    answer = stage.get(path, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["x-amzn-ErrorType"] == error_type


def test_an_unknown_route_asks_for_a_token(stage: Stage) -> None:
    assert stage.get("/nowhere").json == {"message": "Missing Authentication Token"}
    assert stage.client.delete("/").json == {"message": "Missing Authentication Token"}


def test_no_key_is_401(stage: Stage) -> None:
    answer = stage.get("/v1/things/1")
    assert answer.status_code == 401
    assert answer.json == {"message": "Unauthorized"}
    assert answer.headers["x-amzn-ErrorType"] == "UnauthorizedException"
    assert stage.events == []


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("denied", "User is not authorized to access this resource with an explicit deny"),
        ("other", "User is not authorized to access this resource"),
    ],
)
def test_a_caller_who_is_not_let_in_is_403(stage: Stage, token: str, message: str) -> None:
    answer = stage.get("/v1/things/1", headers={"Authorization": token})
    assert answer.status_code == 403
    assert answer.json == {"Message": message}
    assert stage.events == []


def test_an_authorizer_that_raises_unauthorized_is_401(stage: Stage) -> None:
    stage.authorizer = lambda _: Exception("Unauthorized")
    assert stage.get("/v1/things/1", headers={"Authorization": "x"}).status_code == 401


@pytest.mark.parametrize(
    ("authorizer", "error_type"),
    [
        (lambda _: Exception("broken"), "AuthorizerFailureException"),
        (lambda _: None, "AuthorizerConfigurationException"),
        (lambda _: {"principalId": "x"}, "AuthorizerConfigurationException"),
        (
            lambda event: {**_allow(event), "context": {"nested": {"not": "allowed"}}},
            "AuthorizerConfigurationException",
        ),
    ],
)
def test_a_broken_authorizer_is_500(stage: Stage, authorizer: Handler, error_type: str) -> None:
    stage.authorizer = authorizer
    answer = stage.get("/v1/things/1", headers={"Authorization": "good"})
    assert answer.status_code == 500
    assert answer.json == {"message": None}
    assert answer.headers["x-amzn-ErrorType"] == error_type


def test_an_authorizer_s_answer_is_kept_for_its_time_to_live_only() -> None:
    stage = Stage(ttl_s=60)
    headers = {"Authorization": "good"}
    stage.get("/v1/things/1", headers=headers)
    stage.now = 59.0
    assert stage.get("/v1/things/1", headers=headers).status_code == 200
    assert len(stage.asked) == 1
    assert stage.get("/v1/things/2", headers=headers).status_code == 403, "policy of thing 1"
    stage.now = 60.0
    stage.get("/v1/things/1", headers=headers)
    assert len(stage.asked) == 2


def test_without_a_time_to_live_every_request_is_asked_about(stage: Stage) -> None:
    for _ in range(2):
        stage.get("/v1/things/1", headers={"Authorization": "good"})
    assert len(stage.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        Exception("boom"),
        b"not json",
        [1],
        {"statusCode": "many"},
        {"statusCode": 200, "unknown": 1},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 99},
    ],
)
def test_a_failed_or_malformed_answer_is_502(stage: Stage, answer: Any) -> None:
    stage.handler = lambda _: answer
    response = stage.get("/")
    assert response.status_code == 502
    assert response.json == {"message": "Internal server error"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AwsError("TooManyRequestsException", "Rate Exceeded.", 429), 500),
        (AwsError("ResourceNotFoundException", "no", 404), 500),
        (AwsError("RequestEntityTooLargeException", "6 MB", 413), 413),
    ],
)
def test_a_refusal_by_lambda_is_answered_as_api_gateway_does(
    stage: Stage, error: AwsError, status: int
) -> None:
    def refuse(_: dict[str, Any]) -> Any:
        raise error

    stage.handler = refuse
    assert stage.get("/").status_code == status


@pytest.mark.parametrize(
    ("path", "failing", "type_", "status"),
    [
        ("/", "handler", "INTEGRATION_FAILURE", 503),
        ("/v1/things/1", "authorizer", "AUTHORIZER_CONFIGURATION_ERROR", 503),
    ],
)
def test_a_throttled_function_is_answered_as_the_api_defines(
    path: str, failing: str, type_: str, status: int
) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html"""

    def throttled(_: dict[str, Any]) -> Any:
        raise AwsError("TooManyRequestsException", "Rate Exceeded.", 429)

    defined = {
        type_: {
            "statusCode": str(status),
            "responseParameters": {"gatewayresponse.header.Retry-After": "'1'"},
        }
    }
    stage = Stage(responses=defined)
    setattr(stage, failing, throttled)
    answer = stage.get(path, headers={"Authorization": "good"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "1")


def test_what_would_wait_long_is_refused_at_once() -> None:
    """200 clients on a laptop's few functions: those beyond a limit are told to come again."""
    limit, released, running = 3, threading.Event(), threading.Semaphore(0)

    def wait(_: dict[str, Any]) -> Any:
        running.release()
        released.wait(30)
        return {"statusCode": 200, "body": "done"}

    stage = Stage(max_in_flight=limit)
    stage.handler = wait
    with ThreadPoolExecutor(limit) as pool:
        admitted = [pool.submit(stage.get, "/") for _ in range(limit)]
        for _ in range(limit):
            assert running.acquire(timeout=30)
        refused = [stage.get("/") for _ in range(20)]
        assert {each.status_code for each in refused} == {429}
        assert {each.headers["x-amzn-ErrorType"] for each in refused} == {
            "TooManyRequestsException"
        }
        assert len(stage.events) == limit, "no function is asked for what is refused"
        released.set()
        assert [each.result().status_code for each in admitted] == [200] * limit
    assert stage.get("/").status_code == 200
    stage.handler = lambda _: Exception("boom")
    assert [stage.get("/").status_code for _ in range(limit + 1)] == [502] * (limit + 1)


@contextmanager
def _hanging(stage: Stage) -> Iterator[ApiGateway]:
    release = threading.Event()
    stage.handler = lambda _: release.wait() and {}
    try:
        yield ApiGateway(stage._invoke, RestApi.from_swagger(SWAGGER), timeout_s=0.01)
    finally:
        release.set()


def test_an_integration_that_takes_too_long_is_504(stage: Stage) -> None:
    with _hanging(stage) as gateway:
        answer = Client(gateway).get("/")
    assert answer.status_code == 504
    assert answer.json == {"message": "Endpoint request timed out"}


def test_a_body_over_ten_megabytes_is_413(stage: Stage) -> None:
    answer = stage.client.put("/v1/things/1", data=b"x" * (10 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert stage.events == []


def test_a_preflight_request_is_answered_without_a_function(stage: Stage) -> None:
    answer = stage.client.options("/v1/things/1")
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Methods"] == "GET,PUT,OPTIONS"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert stage.events == []
    assert stage.asked == []


def test_head_has_the_headers_and_no_body(stage: Stage) -> None:
    stage.handler = lambda _: {"statusCode": 200, "body": "12345"}
    answer = stage.client.head("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == "5"
    assert answer.data == b""
