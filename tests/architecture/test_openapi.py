"""The OpenAPI document: whole, valid, up to date, and the same as the gateway serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from infra.cloudformation.intrinsics import TemplateScope
from infra.openapi.gateway import ANY_METHOD, CATCH_ALL
from infra.openapi.published_files import described, examples, published_files, routes
from localcloud.apigateway.gateway_responses import (
    AUTHORIZER_FAILURE,
    AUTHORIZER_MISCONFIGURED,
    FUNCTION_THROTTLED,
    THROTTLED,
    TIMED_OUT,
    GatewayFailure,
    GatewayResponses,
)
from localcloud.apigateway.stage import EVERY_METHOD, ApiStage
from tests.architecture.templates import plain

DEAR = {("/v1/ask", "POST"), ("/v1/ask/stream", "POST"), ("/v1/search", "POST")}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return described()


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_the_docs_that_the_api_serves_are_up_to_date() -> None:
    stale = [
        file.name for file, text in published_files().items() if file.read_text("utf-8") != text
    ]
    assert not stale, "run python -m infra.openapi"


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_it_has_every_method_that_the_gateway_serves(document: dict[str, Any]) -> None:
    body = plain("try")["Resources"]["RestAPI"]["Properties"]["Body"]
    served = {
        (path, method.upper())
        for path, methods in body["paths"].items()
        for method in methods
        if method not in ("options", ANY_METHOD)
    }
    assert {(path, method) for path, method, _ in operations(document)} == served


def test_every_method_of_the_gateway_says_that_it_responds() -> None:
    """Swagger 2.0 requires a response of every operation, also of those that stream.

    https://swagger.io/specification/v2/#operation-object
    """
    paths = plain("try")["Resources"]["RestAPI"]["Properties"]["Body"]["paths"]
    methods = {
        f"{method} {path}": told
        for path, item in paths.items()
        for method, told in item.items()
        if isinstance(told, dict)
    }
    assert {"post /v1/ask/stream", "post /v1/responses"} <= methods.keys()
    for name, told in methods.items():
        assert told["responses"], name
        assert all("description" in each for each in told["responses"].values()), name


def test_what_no_route_takes_should_reach_the_api(document: dict[str, Any]) -> None:
    """API Gateway would answer it with 403, and with a key by a message about a signature.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-set-up-simple-proxy.html
    """
    paths = plain("try")["Resources"]["RestAPI"]["Properties"]["Body"]["paths"]
    assert set(paths) == {*document["paths"], "/", CATCH_ALL}
    for path, methods in paths.items():
        caught = methods[ANY_METHOD]
        assert "security" not in caught, path
        assert "${APIHandler.Arn}" in str(caught["x-amazon-apigateway-integration"]["uri"]), path


@pytest.mark.parametrize(
    "failure",
    [THROTTLED, FUNCTION_THROTTLED, AUTHORIZER_FAILURE, AUTHORIZER_MISCONFIGURED, TIMED_OUT],
    ids=lambda failure: failure.response_type,
)
def test_overload_is_told_with_a_time_to_come_again(failure: GatewayFailure) -> None:
    """Whichever part of the gateway is short of room: the method, the function, the authorizer.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    """
    body = plain("try")["Resources"]["RestAPI"]["Properties"]["Body"]
    responses = GatewayResponses.from_definitions(body["x-amazon-apigateway-gateway-responses"])
    told = responses.response(failure, {"requestId": "r"})
    assert told.status in (429, 503, 504)
    assert dict(told.headers)["Retry-After"] == "1"
    assert json.loads(told.body)["error"]["type"] in ("Throttled", "Transient")


def test_an_operation_asks_for_a_key_where_the_gateway_does(document: dict[str, Any]) -> None:
    body = plain("try")["Resources"]["RestAPI"]["Properties"]["Body"]
    for path, method, operation in operations(document):
        keyed = bool(body["paths"][path][method.lower()].get("security"))
        assert ("security" not in operation) == keyed, path
        assert ("401" in operation["responses"]) == keyed, path


def test_every_operation_says_what_it_is(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names) == len(routes())
    for _, _, operation in operations(document):
        assert operation["summary"]
        assert any(status.startswith(("2", "3")) for status in operation["responses"])
    for schema in document["components"]["schemas"].values():
        assert schema["description"]


def test_every_error_has_the_one_body(document: dict[str, Any]) -> None:
    responses = document["components"]["responses"]
    one = {"$ref": "#/components/schemas/ErrorBody"}
    assert all(each["content"]["application/json"]["schema"] == one for each in responses.values())
    own = {"400", "404", "406"}
    for path, _, operation in operations(document):
        errors = {k: v for k, v in operation["responses"].items() if k >= "400"}
        of_json_rpc = own if path == "/mcp" else set()
        assert all(set(errors[k]) == {"$ref"} for k in errors.keys() - of_json_rpc)
        assert all("RpcFailure" in str(errors[k]) for k in of_json_rpc)
    retried = {name for name, each in responses.items() if "Retry-After" in each["headers"]}
    assert retried == {"TooManyRequests", "Unavailable", "TimedOut"}


def test_every_repeatable_post_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    taking = {
        operation["operationId"]
        for _, _, operation in operations(document)
        if key in operation.get("parameters", ())
    }
    assert taking == {route.operation_id for route in routes() if route.operation.once}
    assert {"create_document", "search", "ask", "rate", "create_export"} <= taking


def test_every_example_is_of_an_operation_and_fits_its_schema(document: dict[str, Any]) -> None:
    known = {operation["operationId"]: operation for _, _, operation in operations(document)}
    shown = examples()
    assert set(shown) <= set(known)
    for name, example in shown.items():
        if example.request is not None:
            body = known[name]["requestBody"]["content"]["application/json"]
            _check(document, body["schema"], example.request)
        for status, answer in example.answers.items():
            content = known[name]["responses"][status].get("content", {})
            if "application/json" in content and answer is not None:
                _check(document, content["application/json"]["schema"], answer)


def test_what_can_be_shown_by_example_is(document: dict[str, Any]) -> None:
    lacking = [
        operation["operationId"]
        for _, _, operation in operations(document)
        if "requestBody" in operation
        and operation["requestBody"]["required"]
        and "example"
        not in operation["requestBody"]["content"].get("application/json", {"example"})
    ]
    assert lacking == []


def _check(document: Mapping[str, Any], schema: Mapping[str, Any], content: object) -> None:
    whole = {**schema, "components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(content)


def test_the_stage_limits_every_method_and_dear_ones_more() -> None:
    template = plain("try")
    found = template["Resources"]["RestAPIapiStage"]["Properties"]["MethodSettings"]
    scope = TemplateScope(template, {"Stage": "try"}, {})
    stage = ApiStage.from_properties({"MethodSettings": scope.resolve(found)})
    methods = {(route.path, route.method) for route in routes()}
    assert set(stage.limits) - {EVERY_METHOD} <= methods
    assert set(stage.limits) >= DEAR
    assert all(
        stage.limits[each].rate < stage.limits[EVERY_METHOD].rate
        for each in stage.limits
        if each != EVERY_METHOD
    )


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if tag == "a" else []
        self.loads += [given["src"] or ""] if "src" in given else []


def test_the_page_loads_nothing_and_its_links_lead_somewhere() -> None:
    text = next(text for file, text in published_files().items() if file.suffix == ".html")
    page = _Page()
    page.feed(text)
    assert page.loads == []
    assert {"script", "link", "iframe", "img"}.isdisjoint(page.tags)
    assert not re.search(r"url\(|@import", text)
    assert len(set(page.ids)) == len(page.ids)
    within = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert within <= set(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == {"openapi.json"}
    assert {route.operation_id for route in routes()} <= within


def test_the_page_can_be_read_with_a_keyboard_and_read_out() -> None:
    text = next(text for file, text in published_files().items() if file.suffix == ".html")
    assert '<html lang="en">' in text
    assert text.count("<h1>") == 1
    assert 'class="skip" href="#main"' in text
    assert "prefers-color-scheme: dark" in text
    assert ":focus-visible" in text
    page = _Page()
    page.feed(text)
    assert {"main", "nav", "header"} <= set(page.tags)
    assert page.tags.count("table") == text.count("<thead>")
