"""Resources are mounted when one of their paths is requested, and the same views answer."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from chalice.app import AuthRequest, AuthResponse, Chalice, ChaliceAuthorizer

from chalicelib.api.application import MountedResources, mount
from chalicelib.api.resources import ApiResource, resource_at
from chalicelib.errors import NotFound

AT_ONCE = {"/v1/health", "/v1/openapi.json", "/v1/docs"}


class Records:
    """Records that have no document, and count how often they were asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def document(self, tenant: str, document_id: str) -> None:
        self.asked.append(document_id)


def mounted(services: object = None) -> tuple[Chalice, MountedResources]:
    app = Chalice("headrace")

    @app.authorizer()
    def authorizer(request: AuthRequest) -> AuthResponse:
        return AuthResponse(["*"], "acme")

    def services_of(resource: ApiResource) -> Any:
        return getattr(services, resource.module)

    return app, mount(app, services_of, cast("ChaliceAuthorizer", authorizer))


def whole() -> Chalice:
    app, routes = mounted()
    routes.mount_all()
    return app


def asked(method: str, path: str, **parameters: str) -> dict[str, Any]:
    return {
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": path,
            "path": f"/prod{path}",
            "httpMethod": method,
            "requestId": "r-1",
            "authorizer": {"tenant": "acme"},
        },
    }


def context() -> Any:
    return SimpleNamespace(
        function_name="api",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:0:function:api",
        aws_request_id="r-1",
    )


WHOLE = whole().routes
ROUTES = [
    (method, path) for path, methods in WHOLE.items() if path not in AT_ONCE for method in methods
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_asking_for_a_route_mounts_the_view_that_answers_it(method: str, path: str) -> None:
    resource = resource_at(method, path)
    assert resource is not None
    app = Chalice("headrace")
    app.register_blueprint(resource.load().routes(lambda: None, cast("ChaliceAuthorizer", None)))
    found, wanted = (routes[path][method].view_function for routes in (app.routes, WHOLE))
    assert (found.__module__, found.__name__) == (wanted.__module__, wanted.__name__)


def test_asking_for_one_path_mounts_its_resource_once_and_no_other() -> None:
    records = Records()
    app, _ = mounted(SimpleNamespace(documents=SimpleNamespace(records=records)))
    assert set(app.routes) == AT_ONCE
    for name in ("doc_a", "doc_b"):
        event = asked("GET", "/v1/documents/{document_id}", document_id=name)
        answer = app(event, context())
        assert answer["statusCode"] == 404
        assert json.loads(answer["body"])["error"]["type"] == NotFound.__name__
    assert records.asked == ["doc_a", "doc_b"]
    assert set(app.routes) == {*AT_ONCE, "/v1/documents", "/v1/documents/{document_id}"}


def test_a_method_that_a_path_does_not_have_is_refused_with_those_that_it_has() -> None:
    app, _ = mounted()
    answer = app(asked("PATCH", "/v1/search"), context())
    assert answer["statusCode"] == 405
    assert answer["headers"]["Allow"] == "POST"
    error = json.loads(answer["body"])["error"]
    assert (error["type"], error["request_id"]) == ("MethodNotAllowed", "r-1")
    assert error["message"] == "/v1/search takes POST, not PATCH."
    assert app.routes.keys() >= {"/v1/search"}


@pytest.mark.parametrize(
    ("method", "path", "nearest"),
    [
        ("GET", "/v1/serach", "POST /v1/search"),
        ("POST", "/search", "POST /v1/search"),
        ("GET", "/v1/document/doc_a", "GET /v1/documents/{document_id}"),
        ("DELETE", "/v1/document/doc_a", "DELETE /v1/documents/{document_id}"),
        ("POST", "/v1/chat/completion", "POST /v1/chat/completions"),
        ("GET", "/", "GET /v1/docs"),
        ("GET", "/v1/" + "x" * 100_000, "GET /v1/docs"),
    ],
)
def test_a_path_that_is_not_there_is_refused_with_the_nearest(
    method: str, path: str, nearest: str
) -> None:
    app, _ = mounted()
    event = asked(method, "/{proxy+}", proxy=path[1:])
    event["requestContext"]["path"] = f"/prod{path}"
    answer = app(event, context())
    error = json.loads(answer["body"])["error"]
    assert (answer["statusCode"], error["type"]) == (404, "NotFound")
    assert error["message"].startswith(f"There is no route {method} {path[:200]}. ")
    assert f"The nearest is {nearest};" in error["message"]
    assert len(answer["body"]) < 600


def test_a_path_of_another_function_is_refused_by_its_methods_too() -> None:
    app, _ = mounted()
    answer = app(asked("GET", "/v1/ask/stream"), context())
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "POST")
