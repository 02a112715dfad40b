"""Request validators: what the gateway refuses without asking a function.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from localcloud.apigateway import ApiGateway, RestApi
from localcloud.errors import AwsError
from tests.unit.apigateway.swagger import SWAGGER, proxy

BODY = {"in": "body", "name": "b", "required": True, "schema": {"$ref": "#/definitions/Thing"}}
LIMIT = {"in": "query", "name": "limit", "required": True, "type": "string"}
TRACE = {"in": "header", "name": "X-Trace", "required": True, "type": "string"}
FREE = {"in": "query", "name": "other", "required": False, "type": "string"}


def api(*parameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(SWAGGER)
    document["definitions"] = {
        "Thing": {"type": "object", "properties": {"part": {"$ref": "#/definitions/Part"}}},
        "Part": {"type": "integer"},
    }
    document["x-amazon-apigateway-request-validators"] = {
        "whole": {"validateRequestBody": True, "validateRequestParameters": True},
        "nothing": {},
    }
    document["x-amazon-apigateway-request-validator"] = "whole"
    document["paths"] = {"/": {"post": proxy() | {"parameters": list(parameters)}}}
    return document | changes


class World:
    def __init__(self, document: dict[str, Any]) -> None:
        self.invoked = 0
        self.client = Client(ApiGateway(self._invoke, RestApi.from_swagger(document)))

    def _invoke(self, function: str, payload: bytes) -> dict[str, Any]:
        self.invoked += 1
        return {"Payload": b'{"statusCode": 200}'}

    def post(self, body: bytes, path: str = "/", **headers: str) -> TestResponse:
        sent = {"Content-Type": "application/json", **headers}
        return self.client.post(path, data=body, headers=sent)


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"NaN", b'{"part": "x"}', b"\xff"])
def test_should_refuse_what_is_not_of_the_model_and_ask_no_function(body: bytes) -> None:
    world = World(api(BODY))
    answer = world.post(body)
    assert (answer.status_code, answer.json) == (400, {"message": "Invalid request body"})
    assert answer.headers["x-amzn-ErrorType"] == "BadRequestException"
    assert world.invoked == 0


@pytest.mark.parametrize("body", [b"{}", b'{"part": 1, "more": []}', b" {} "])
def test_should_let_through_what_is(body: bytes) -> None:
    assert World(api(BODY)).post(body).status_code == 200


def test_should_not_look_at_a_body_of_another_type() -> None:
    assert World(api(BODY)).post(b"[]", **{"Content-Type": "text/plain"}).status_code == 200
    charset = {"Content-Type": "application/json; charset=utf-8"}
    assert World(api(BODY)).post(b"[]", **charset).status_code == 400


def test_should_leave_an_empty_body_to_the_function() -> None:
    assert World(api(BODY)).post(b"").status_code == 200


def test_should_name_the_parameters_that_are_missing_or_blank() -> None:
    world = World(api(LIMIT, TRACE, FREE))
    missing = "Missing required request parameters: [limit, X-Trace]"
    assert world.post(b"").json == {"message": missing}
    blank = world.post(b"", "/?limit=", **{"X-Trace": " "})
    assert (blank.status_code, blank.json) == (400, {"message": missing})
    assert world.post(b"", "/?limit=any", **{"X-Trace": "1"}).status_code == 200


def test_should_look_at_nothing_where_no_validator_says_so() -> None:
    unlooked = {"x-amazon-apigateway-request-validator": "nothing"}
    assert World(api(BODY, LIMIT, **unlooked)).post(b"[").status_code == 200
    document = api(BODY, LIMIT)
    del document["x-amazon-apigateway-request-validator"]
    assert World(document).post(b"[").status_code == 200


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_should_refuse_every_json_that_is_no_object(content: object) -> None:
    assert World(api(BODY)).post(json.dumps(content).encode()).status_code == 400


def test_should_refuse_a_body_that_is_nested_too_deep_to_be_read() -> None:
    assert World(api(BODY)).post(b"[" * 100_000).status_code == 400


@pytest.mark.parametrize(
    ("document", "what"),
    [
        (api(BODY, **{"x-amazon-apigateway-request-validator": "other"}), "other"),
        (api(BODY | {"schema": {"type": "object"}}), "name a definition"),
        (api(BODY | {"schema": {"$ref": "#/definitions/None"}}), "name a definition"),
        (api(BODY, definitions={"Thing": {"type": "thing"}}), "Thing"),
        (
            api(**{"x-amazon-apigateway-request-validators": {"whole": {"validateAll": True}}}),
            "validateAll",
        ),
    ],
)
def test_should_refuse_loudly_what_it_does_not_serve(document: dict[str, Any], what: str) -> None:
    with pytest.raises(AwsError, match=what):
        RestApi.from_swagger(document)
