"""API Gateway's own answers in the words that an API defines for them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from chalicelib.contracts.http import ErrorBody
from infra.synthesis.sources import read_sources
from localcloud.apigateway import ApiGateway, RestApi
from localcloud.apigateway.gateway_responses import (
    AUTHORIZER_FAILURE,
    AUTHORIZER_MISCONFIGURED,
    BAD_BODY,
    BAD_GATEWAY,
    INTERNAL_ERROR,
    MISSING_TOKEN,
    THROTTLED,
    TIMED_OUT,
    TOO_LARGE,
    UNAUTHORIZED,
    GatewayFailure,
    GatewayResponses,
    access_denied,
    incomplete_signature,
    missing_parameters_failure,
)
from localcloud.errors import AwsError
from tests.cloud import PROJECT
from tests.unit.apigateway.swagger import SWAGGER

EVERY_FAILURE = [
    MISSING_TOKEN,
    UNAUTHORIZED,
    TOO_LARGE,
    TIMED_OUT,
    BAD_GATEWAY,
    INTERNAL_ERROR,
    AUTHORIZER_FAILURE,
    AUTHORIZER_MISCONFIGURED,
    BAD_BODY,
    THROTTLED,
    missing_parameters_failure(["limit"]),
    access_denied(explicitly=True),
    incomplete_signature("digest"),
]
CONTEXT = {"requestId": "r-1", "httpMethod": "GET", "path": "/x", "stage": "test"}
TEMPLATE = (
    '{"said": $context.error.messageString, "kind": "$context.error.responseType",'
    ' "id": "$context.requestId", "where": "$context.httpMethod $context.path"}'
)


def call(definitions: dict[str, Any], path: str, **settings: Any) -> TestResponse:
    """Call an API that defines `definitions` and whose functions always fail."""
    document = copy.deepcopy(SWAGGER) | {"x-amazon-apigateway-gateway-responses": definitions}
    failed = {"FunctionError": "Unhandled", "Payload": b'{"errorMessage": "no"}'}
    gateway = ApiGateway(lambda name, payload: failed, RestApi.from_swagger(document))
    return Client(gateway).open(path, **settings)


def defined(status: int | None = None, **headers: str) -> dict[str, Any]:
    return {
        "responseTemplates": {"application/json": TEMPLATE},
        "responseParameters": {
            f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()
        },
        **({"statusCode": str(status)} if status else {}),
    }


def test_should_fill_in_what_the_template_names() -> None:
    answer = call({"UNAUTHORIZED": defined(Hint="Bearer")}, "/v1/things/1")
    assert answer.status_code == 401
    assert answer.headers["Hint"] == "Bearer"
    assert answer.headers["x-amzn-ErrorType"] == "UnauthorizedException"
    assert answer.json == {
        "said": "Unauthorized",
        "kind": "UNAUTHORIZED",
        "id": answer.headers["x-amzn-RequestId"],
        "where": "GET /v1/things/1",
    }


def test_should_answer_by_the_status_that_is_defined() -> None:
    answer = call({"MISSING_AUTHENTICATION_TOKEN": defined(404)}, "/nowhere")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("path", "settings", "status"),
    [
        ("/nowhere", {}, 403),
        ("/nowhere", {"headers": {"Authorization": "Bearer x"}}, 403),
        ("/v1/things/1", {}, 401),
        ("/v1/things/1", {"headers": {"Authorization": "x"}}, 500),
        ("/", {}, 502),
        ("/v1/things/1", {"method": "PUT", "data": bytes(10 * 1024 * 1024 + 1)}, 413),
    ],
)
def test_should_fall_back_to_the_default_of_the_class_with_the_failure_s_own_status(
    path: str, settings: dict[str, Any], status: int
) -> None:
    defaults = {"DEFAULT_4XX": defined(), "DEFAULT_5XX": defined()}
    answer = call(defaults, path, **settings)
    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["id"] == answer.headers["x-amzn-RequestId"]


@pytest.mark.parametrize("failure", EVERY_FAILURE, ids=lambda failure: failure.error_type)
def test_should_keep_aws_s_words_where_nothing_is_defined(failure: GatewayFailure) -> None:
    answer = GatewayResponses().response(failure, CONTEXT)
    assert answer.status == failure.status
    assert json.loads(answer.body) == {failure.member: failure.message}


def test_should_write_a_message_so_that_it_is_json() -> None:
    failure = GatewayFailure("DEFAULT_4XX", 400, "X", 'a "quoted" \\ word')
    answer = GatewayResponses.from_definitions({"DEFAULT_4XX": defined()}).response(
        failure, CONTEXT
    )
    assert json.loads(answer.body)["said"] == failure.message


@pytest.mark.parametrize(
    ("definitions", "what"),
    [
        ({"TEAPOT": {}}, "TEAPOT"),
        ({"THROTTLED": {"colour": "red"}}, "colour"),
        ({"THROTTLED": {"responseTemplates": {"text/html": "<p>"}}}, "text/html"),
        (
            {"THROTTLED": {"responseTemplates": {"application/json": "$util.escape(1)"}}},
            "util.escape",
        ),
        (
            {"THROTTLED": {"responseParameters": {"gatewayresponse.header.A": "context.x"}}},
            "single quotes",
        ),
        ({"THROTTLED": {"responseParameters": {"gatewayresponse.path.A": "'x'"}}}, "a header"),
    ],
)
def test_should_refuse_what_it_does_not_serve(definitions: dict[str, Any], what: str) -> None:
    with pytest.raises(AwsError, match=what):
        GatewayResponses.from_definitions(definitions)


@pytest.fixture(scope="module")
def ours() -> GatewayResponses:
    """The responses that the product's template defines."""
    api = read_sources(PROJECT)["Resources"]["RestAPI"]
    written = api["Properties"]["GatewayResponses"]
    return GatewayResponses.from_definitions(
        {name: {"responseTemplates": each["ResponseTemplates"]} for name, each in written.items()}
    )


@pytest.mark.parametrize("failure", EVERY_FAILURE, ids=lambda failure: failure.error_type)
def test_the_product_should_give_every_failure_its_one_body(
    ours: GatewayResponses, failure: GatewayFailure
) -> None:
    error = ErrorBody.model_validate_json(ours.response(failure, CONTEXT).body, strict=True).error
    assert error.type
    assert error.message
    assert error.request_id == "r-1"


def test_the_product_should_define_its_own_words_for_what_a_caller_can_meet(
    ours: GatewayResponses,
) -> None:
    for name, response in ours.defined.items():
        failure = GatewayFailure(name, 400, "X", "AWS's words")
        body = ours.response(failure, CONTEXT).body
        error = ErrorBody.model_validate_json(body, strict=True).error
        assert response.template
        aws_says_it = name in {"DEFAULT_4XX", "BAD_REQUEST_PARAMETERS"}
        assert (error.message == failure.message) == aws_says_it
