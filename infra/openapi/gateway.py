"""Settings of the API's methods at API Gateway: bodies must be JSON, and no request is lost.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-set-up-simple-proxy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.contracts.operations import Operation
from infra.openapi.routes import streamed_operation

_CATCH_ALL_INTEGRATION: Mapping[str, Any] = {
    "type": "aws_proxy",
    "httpMethod": "POST",
    "uri": {
        "Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/"
        "functions/${APIHandler.Arn}/invocations"
    },
}
_PROXY_PARAMETER = {"name": "proxy", "in": "path", "required": True, "type": "string"}
_BODY = {
    "in": "body",
    "name": "body",
    "required": True,
    "schema": {"$ref": "#/definitions/JsonObject"},
}


ANY_METHOD = "x-amazon-apigateway-any-method"
CATCH_ALL = "/{proxy+}"
_INTEGRATION = "x-amazon-apigateway-integration"
_ROOT = "/"


def catch_unknown_routes(swagger: dict[str, Any]) -> dict[str, Any]:
    """Send what no route of `swagger` takes to the API's function; return the swagger.

    Of a path that is there, those are its other methods. They need no key, as a request without
    one should also learn that its path is wrong.
    """
    paths = swagger.setdefault("paths", {})
    for path in [*paths, _ROOT, CATCH_ALL]:
        method: dict[str, Any] = {
            "responses": {"200": {"description": "What the function answers."}},
            _INTEGRATION: dict(_CATCH_ALL_INTEGRATION),
        }
        if path == CATCH_ALL:
            method["parameters"] = [dict(_PROXY_PARAMETER)]
        paths.setdefault(path, {})[ANY_METHOD] = method
    return swagger


def require_json_bodies(
    swagger: dict[str, Any], routes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Mark in the `swagger` of a REST API which methods take a JSON object; return it.

    `routes` are those of its Chalice app. A view without a declared body is left alone.
    """
    for path, methods in swagger.get("paths", {}).items():
        for verb, method in methods.items():
            operation = _operation(routes, path, verb.upper())
            if operation is None or operation.body is None:
                continue
            if operation.body_may_be_left_out or operation.checked_by_view_alone:
                continue
            method["consumes"] = ["application/json"]
            method["parameters"] = [*method.get("parameters", ()), _BODY]
    return swagger


def _operation(routes: Mapping[str, Mapping[str, Any]], path: str, method: str) -> Operation | None:
    entry = routes.get(path, {}).get(method)
    if entry is None:
        return streamed_operation(path)
    operation = vars(entry.view_function).get("operation")
    return operation if isinstance(operation, Operation) else None
