"""Gateway responses: what API Gateway itself answers, in its words or in the API's. Pure.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.apigateway.proxy_response import HttpResponse
from localcloud.errors import unsupported

_TYPES = frozenset(
    {
        "ACCESS_DENIED",
        "API_CONFIGURATION_ERROR",
        "AUTHORIZER_CONFIGURATION_ERROR",
        "AUTHORIZER_FAILURE",
        "BAD_REQUEST_BODY",
        "BAD_REQUEST_PARAMETERS",
        "DEFAULT_4XX",
        "DEFAULT_5XX",
        "EXPIRED_TOKEN",
        "INTEGRATION_FAILURE",
        "INTEGRATION_TIMEOUT",
        "INVALID_API_KEY",
        "INVALID_SIGNATURE",
        "MISSING_AUTHENTICATION_TOKEN",
        "QUOTA_EXCEEDED",
        "REQUEST_TOO_LARGE",
        "RESOURCE_NOT_FOUND",
        "THROTTLED",
        "UNAUTHORIZED",
        "UNSUPPORTED_MEDIA_TYPE",
        "WAF_FILTERED",
    }
)
_DEFINITION_MEMBERS = frozenset({"statusCode", "responseParameters", "responseTemplates"})
_JSON = "application/json"
_HEADER = "gatewayresponse.header."
_STATIC_VALUE = re.compile(r"'([^']*)'")
_VARIABLE = re.compile(r"\$(\w+(?:\.\w+)*)")
_VARIABLES = frozenset(
    {
        "context.error.message",
        "context.error.messageString",
        "context.error.responseType",
        "context.httpMethod",
        "context.path",
        "context.requestId",
        "context.stage",
    }
)


@dataclass(frozen=True, slots=True)
class GatewayFailure:
    """A request that API Gateway itself answers, with the defaults of its response type.

    AWS spells the member of the message in two ways; `member` is the one of this failure.
    """

    response_type: str
    status: int
    error_type: str
    message: str | None
    member: str = "message"

    @property
    def default_type(self) -> str:
        """The response type whose definition is used if this type has none."""
        return f"DEFAULT_{self.status // 100}XX"


MISSING_TOKEN = GatewayFailure(
    "MISSING_AUTHENTICATION_TOKEN",
    403,
    "MissingAuthenticationTokenException",
    "Missing Authentication Token",
)
UNAUTHORIZED = GatewayFailure("UNAUTHORIZED", 401, "UnauthorizedException", "Unauthorized")
TOO_LARGE = GatewayFailure("REQUEST_TOO_LARGE", 413, "RequestTooLargeException", "Request Too Long")
THROTTLED = GatewayFailure("THROTTLED", 429, "TooManyRequestsException", "Too Many Requests")
BAD_BODY = GatewayFailure("BAD_REQUEST_BODY", 400, "BadRequestException", "Invalid request body")
TIMED_OUT = GatewayFailure(
    "INTEGRATION_TIMEOUT", 504, "InternalServerErrorException", "Endpoint request timed out"
)
FUNCTION_THROTTLED = GatewayFailure(
    "INTEGRATION_FAILURE", 500, "InternalServerErrorException", "Internal server error"
)
"""Lambda's 429: a failure of the integration, whose status is 500 unless the API defines another.

https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html
"""

BAD_GATEWAY = GatewayFailure(
    "DEFAULT_5XX", 502, "InternalServerErrorException", "Internal server error"
)
INTERNAL_ERROR = GatewayFailure(
    "DEFAULT_5XX", 500, "InternalServerErrorException", "Internal server error"
)
AUTHORIZER_FAILURE = GatewayFailure("AUTHORIZER_FAILURE", 500, "AuthorizerFailureException", None)
AUTHORIZER_MISCONFIGURED = GatewayFailure(
    "AUTHORIZER_CONFIGURATION_ERROR", 500, "AuthorizerConfigurationException", None
)


def missing_parameters_failure(names: Sequence[str]) -> GatewayFailure:
    """Return the failure of a request that lacks required parameters."""
    message = f"Missing required request parameters: [{', '.join(names)}]"
    return GatewayFailure("BAD_REQUEST_PARAMETERS", 400, "BadRequestException", message)


def access_denied(explicitly: bool) -> GatewayFailure:
    """Return the failure of a caller whom the authorizer's policy does not allow."""
    message = "User is not authorized to access this resource"
    if explicitly:
        message += " with an explicit deny"
    return GatewayFailure("ACCESS_DENIED", 403, "AccessDeniedException", message, "Message")


def incomplete_signature(digest: str) -> GatewayFailure:
    """Return the failure of a header taken for a signature, which has no type of its own."""
    return GatewayFailure(
        "DEFAULT_4XX",
        403,
        "IncompleteSignatureException",
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with "
        f"SHA-256 and encoded with Base64): '{digest}'.",
    )


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """The definition of a response type; None keeps the failure's own status or body."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    template: str | None = None


@dataclass(frozen=True, slots=True)
class GatewayResponses:
    """The gateway responses that an API defines, by response type."""

    defined: Mapping[str, GatewayResponse] = field(default_factory=dict)

    @classmethod
    def from_definitions(cls, definitions: Mapping[str, Any]) -> GatewayResponses:
        """Read `x-amazon-apigateway-gateway-responses`.

        Refuse by an AwsError types, members, headers and variables that are not supported.
        """
        for name in definitions:
            if name not in _TYPES:
                raise unsupported("API Gateway", f"the gateway response {name}")
        return cls({name: _read_definition(name, each) for name, each in definitions.items()})

    def response(self, failure: GatewayFailure, context: Mapping[str, str]) -> HttpResponse:
        """Return the HTTP response of `failure`; `context` has the request's variables."""
        definition = (
            self.defined.get(failure.response_type)
            or self.defined.get(failure.default_type)
            or GatewayResponse()
        )
        variables = _variables(failure, context)
        if definition.template is None:
            body = json.dumps({failure.member: failure.message}, separators=(",", ":"))
        else:
            body = _VARIABLE.sub(lambda match: variables[match[1]], definition.template)
        own = (("Content-Type", _JSON), ("x-amzn-ErrorType", failure.error_type))
        return HttpResponse(
            definition.status or failure.status, (*own, *definition.headers), body.encode()
        )


def _variables(failure: GatewayFailure, context: Mapping[str, str]) -> dict[str, str]:
    return {
        **{f"context.{name}": value for name, value in context.items()},
        "context.error.message": failure.message or "",
        "context.error.messageString": json.dumps(failure.message),
        "context.error.responseType": failure.response_type,
    }


def _read_definition(name: str, definition: Mapping[str, Any]) -> GatewayResponse:
    for member in definition:
        if member not in _DEFINITION_MEMBERS:
            raise unsupported("API Gateway", f"{member} in the gateway response {name}")
    templates = definition.get("responseTemplates", {})
    for media_type in templates:
        if media_type != _JSON:
            raise unsupported("API Gateway", f"{media_type} in the gateway response {name}")
    template = templates.get(_JSON)
    for variable in _VARIABLE.findall(template or ""):
        if variable not in _VARIABLES:
            raise unsupported("API Gateway", f"${variable} in the gateway response {name}")
    status = definition.get("statusCode")
    return GatewayResponse(
        status=int(status) if status is not None else None,
        headers=tuple(
            _header(name, *parameter)
            for parameter in definition.get("responseParameters", {}).items()
        ),
        template=template,
    )


def _header(name: str, parameter: str, value: str) -> tuple[str, str]:
    static = _STATIC_VALUE.fullmatch(value)
    if not parameter.startswith(_HEADER) or static is None:
        raise unsupported(
            "API Gateway",
            f"{parameter}: {value} in the gateway response {name}: give a header "
            "and its value in single quotes",
        )
    return parameter.removeprefix(_HEADER), static[1]
