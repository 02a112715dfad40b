"""The events that functions get from Lambda proxy integrations (REST API, payload 1.0).

The path of their context begins with the stage, their own does not.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from localcloud.apigateway.http_request import HttpRequest
from localcloud.apigateway.rest_api import ResourceMatch, RestApi

_ACCOUNT = "000000000000"


def proxy_event(
    api: RestApi, request: HttpRequest, match: ResourceMatch, authorizer: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the event for a request; `authorizer` is the authorizer's context, if it has one."""
    query = parse_qs(request.query, keep_blank_values=True)
    headers = {**request.headers, **_forwarded_headers(request)}
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(match.parameters) or None,
        "stageVariables": None,
        "requestContext": _request_context(api, request, match.resource, authorizer),
        **_body(api, request),
    }


def authorizer_arn(api: RestApi, name: str) -> str:
    """Return the ARN of an authorizer, as which API Gateway invokes its function."""
    return f"arn:aws:execute-api:{api.region}:{_ACCOUNT}:{api.api_id}/authorizers/{name}"


def method_arn(api: RestApi, request: HttpRequest) -> str:
    """Return the ARN of the called method, which an authorizer and its policy name."""
    path = request.path.lstrip("/")
    return (
        f"arn:aws:execute-api:{api.region}:{_ACCOUNT}:{api.api_id}/{api.stage}/"
        f"{request.method}/{path}"
    )


def is_binary(media_type: str | None, binary_types: frozenset[str]) -> bool:
    """Return whether a Content-Type or Accept header names a binary media type of the API."""
    if "*/*" in binary_types:
        return True
    first = (media_type or "").split(",")[0].split(";")[0].strip().lower()
    return first in binary_types


def _forwarded_headers(request: HttpRequest) -> dict[str, str]:
    return {
        "X-Amzn-Trace-Id": request.trace_id,
        "X-Forwarded-For": request.source_ip,
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }


def _body(api: RestApi, request: HttpRequest) -> dict[str, Any]:
    if not request.body:
        return {"body": None, "isBase64Encoded": False}
    if is_binary(request.header("Content-Type"), api.binary_types):
        return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}
    return {"body": request.body.decode("utf-8", "replace"), "isBase64Encoded": False}


def _request_context(
    api: RestApi, request: HttpRequest, resource: str, authorizer: Mapping[str, Any] | None
) -> dict[str, Any]:
    now = time.time()
    host = request.header("Host") or "localhost"
    context: dict[str, Any] = {
        "accountId": _ACCOUNT,
        "apiId": api.api_id,
        "domainName": host.rsplit(":", 1)[0],
        "domainPrefix": host.split(".")[0].split(":")[0],
        "extendedRequestId": secrets.token_urlsafe(11),
        "httpMethod": request.method,
        "identity": {"sourceIp": request.source_ip, "userAgent": request.header("User-Agent")},
        "path": f"/{api.stage}{request.path}",
        "protocol": "HTTP/1.1",
        "requestId": request.request_id,
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": secrets.token_hex(3),
        "resourcePath": resource,
        "stage": api.stage,
    }
    return {**context, "authorizer": dict(authorizer)} if authorizer is not None else context
