"""A route that does not say what it takes and answers is refused, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from chalice.app import Chalice, Response

from chalicelib.api.http import describe_view
from chalicelib.contracts.answers import AskRequest
from chalicelib.contracts.operations import CURSOR, Operation, limit_parameter
from chalicelib.contracts.uploads import RetryDocumentRequest
from infra.openapi.document import document
from infra.openapi.gateway import require_json_bodies
from infra.openapi.routes import UndeclaredRouteError, routes_of_app, routes_of_template

GIVEN = Operation("service", {200: None})


def app(path: str, *decorators: Callable[[Any], Any], text: str | None = "Say it.") -> Chalice:
    made = Chalice(app_name="made")

    def view(**names: str) -> Response:
        return Response("")

    view.__doc__ = text
    decorated: Any = view
    for decorate in decorators:
        decorated = decorate(decorated)
    made.route(path, methods=["POST"])(decorated)
    return made


def made(path: str, operation: Operation) -> dict[str, Any]:
    routes = list(routes_of_app(app(path, describe_view(operation)).routes))
    return document(routes, "1", {})


def test_a_view_without_an_operation_is_refused() -> None:
    with pytest.raises(UndeclaredRouteError, match=r"POST /v1/things: .*Operation"):
        list(routes_of_app(app("/v1/things").routes))


def test_a_view_without_a_docstring_is_refused() -> None:
    with pytest.raises(UndeclaredRouteError, match="docstring"):
        list(routes_of_app(app("/v1/things", describe_view(GIVEN), text=None).routes))


def test_a_path_of_the_template_that_is_no_functions_is_refused() -> None:
    with pytest.raises(UndeclaredRouteError, match="/v1/other/stream"):
        list(routes_of_template({"/v1/other/stream": {"post": {}}}))


def test_a_stream_is_described_by_its_function() -> None:
    (route,) = routes_of_template({"/v1/ask/stream": {"post": {"security": [{"authorizer": []}]}}})
    assert (route.operation_id, route.keyed, route.method) == ("ask_stream", True, "POST")
    assert route.operation.body is AskRequest
    assert route.summary


@pytest.mark.parametrize(
    ("path", "operation", "what"),
    [
        ("/v1/things/{thing}", GIVEN, "the parameter thing"),
        ("/v1/things", Operation("colours", {200: None}), "the tag colours"),
    ],
)
def test_what_is_not_described_is_refused(path: str, operation: Operation, what: str) -> None:
    with pytest.raises(UndeclaredRouteError, match=what):
        made(path, operation)


def test_two_views_of_one_name_are_refused() -> None:
    routes = list(routes_of_app(app("/v1/things", describe_view(GIVEN)).routes))
    with pytest.raises(UndeclaredRouteError, match="names are unique"):
        document([*routes, *routes], "1", {})


def test_query_parameters_and_an_idempotency_key_are_parameters() -> None:
    operation = Operation("service", {200: None}, query=(limit_parameter(7), CURSOR), once=True)
    made_of = made("/v1/things", operation)["paths"]["/v1/things"]["post"]
    limit, cursor, key = made_of["parameters"]
    assert (limit["name"], limit["in"], limit["schema"]["maximum"]) == ("limit", "query", 7)
    assert (cursor["name"], cursor["required"]) == ("cursor", False)
    assert key == {"$ref": "#/components/parameters/IdempotencyKey"}
    assert "409" in made_of["responses"], "a key may be used for something else"


def test_the_gateway_looks_at_the_bodies_that_must_be_there() -> None:
    swagger: dict[str, Any] = {"paths": {"/a": {"post": {}}, "/b": {"post": {"parameters": [1]}}}}
    needed = app("/a", describe_view(Operation("service", {200: None}, body=AskRequest)))
    optional = Operation(
        "service", {200: None}, body=RetryDocumentRequest, body_may_be_left_out=True
    )
    routes = {**needed.routes, **app("/b", describe_view(optional)).routes}
    paths = require_json_bodies(swagger, routes)["paths"]
    (parameter,) = paths["/a"]["post"]["parameters"]
    assert (parameter["in"], parameter["required"]) == ("body", True)
    assert paths["/b"]["post"] == {"parameters": [1]}


def test_the_gateway_leaves_a_view_alone_that_says_nothing() -> None:
    assert require_json_bodies({"paths": {"/a": {"post": {}}}}, app("/a").routes) == {
        "paths": {"/a": {"post": {}}}
    }
