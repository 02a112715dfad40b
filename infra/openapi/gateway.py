"""Body validation by API Gateway: a required body must be JSON.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.contracts.operations import Operation
from infra.openapi.routes import streamed_operation

_BODY = {
    "in": "body",
    "name": "body",
    "required": True,
    "schema": {"$ref": "#/definitions/JsonObject"},
}


def require_json_bodies(
    swagger: dict[str, Any], routes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Mark in the `swagger` of a REST API which methods take a JSON object; return it.

    `routes` are those of its Chalice app. A view without a declared body is left alone.
    """
    for path, methods in swagger.get("paths", {}).items():
        for verb, method in methods.items():
            operation = _operation(routes, path, verb.upper())
            if operation is None or operation.body is None or operation.body_may_be_left_out:
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
