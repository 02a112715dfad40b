"""REST APIs, read from the swagger that Chalice writes for API Gateway.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from localcloud.apigateway.gateway_responses import GatewayResponses
from localcloud.apigateway.stage import ApiStage
from localcloud.apigateway.validation import (
    VALIDATOR,
    VALIDATORS,
    RequestValidation,
    RequestValidators,
)
from localcloud.errors import unsupported

ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_AUTHORIZER = "x-amazon-apigateway-authorizer"
_FUNCTION_URI = re.compile(r"functions/(.+)/(response-streaming-)?invocations$")
_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", ANY})
_DEFAULT_TTL_S = 300
_STREAMING_URI = "/response-streaming-invocations"
_HEADER = "method.response.header."
_JSON = "application/json"
_BINARY_TYPES = "x-amazon-apigateway-binary-media-types"
_GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"
_MIN_COMPRESSED = "x-amazon-apigateway-minimum-compression-size"
_EXTENSIONS = frozenset({_BINARY_TYPES, _GATEWAY_RESPONSES, _MIN_COMPRESSED, VALIDATOR, VALIDATORS})

FunctionName = Callable[[str], str]
"""Returns the name of the function that an integration refers to by ARN or `${Logical.Arn}`."""


def name_in_arn(reference: str) -> str:
    """Return the name in a function's ARN with its qualifier, or the id in `${Logical.Arn}`."""
    logical = re.fullmatch(r"\$\{(\w+)\.Arn\}", reference)
    if logical:
        return logical[1]
    return reference.split(":function:")[-1]


@dataclass(frozen=True, slots=True)
class TokenAuthorizer:
    """A Lambda authorizer of type TOKEN. Its results are cached for `ttl_s` seconds."""

    name: str
    function: str
    header: str = "Authorization"
    ttl_s: int = _DEFAULT_TTL_S
    token_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class ProxyIntegration:
    """A Lambda proxy integration, whose response may be streamed."""

    function: str
    authorizer: TokenAuthorizer | None = None
    streams: bool = False
    validation: RequestValidation = field(default_factory=RequestValidation)


@dataclass(frozen=True, slots=True)
class MockIntegration:
    """A mock integration, which answers at once, such as a preflight request."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


Integration = ProxyIntegration | MockIntegration


@dataclass(frozen=True, slots=True)
class ResourceMatch:
    """A resource path and the values of its variables, percent-encoded as they came.

    A REST API passes path parameters on undecoded, and query parameters decoded.
    """

    resource: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RestApi:
    """A deployed API.

    `routes` is resource path → upper-case method (or ANY) → integration. `responses` are the
    gateway responses that the API defines, `settings` those of its stage. Responses are compressed
    from `min_compressed_bytes` on, or never.
    """

    routes: Mapping[str, Mapping[str, Integration]]
    binary_types: frozenset[str] = frozenset()
    stage: str = "api"
    api_id: str = "local"
    responses: GatewayResponses = field(default_factory=GatewayResponses)
    settings: ApiStage = field(default_factory=ApiStage)
    region: str = "us-east-1"
    min_compressed_bytes: int | None = None

    @classmethod
    def from_swagger(
        cls,
        document: Mapping[str, Any],
        function_name: FunctionName = name_in_arn,
        stage: str = "api",
    ) -> RestApi:
        """Read the API that `document` (swagger 2.0 or OpenAPI 3) describes.

        Refuse by an AwsError extensions, integrations and authorizers that are not supported.
        """
        _check_extensions(document)
        authorizers = {each.name: each for each in _authorizers(document, function_name)}
        validators = RequestValidators(document)
        routes = {
            path: {
                "ANY" if verb == ANY else verb.upper(): _integration(
                    f"{verb} {path}", definition, authorizers, function_name, validators
                )
                for verb, definition in item.items()
                if verb in _METHODS
            }
            for path, item in document["paths"].items()
        }
        return cls(
            routes,
            frozenset(document.get(_BINARY_TYPES, ())),
            stage,
            responses=GatewayResponses.from_definitions(document.get(_GATEWAY_RESPONSES, {})),
            min_compressed_bytes=document.get(_MIN_COMPRESSED),
        )


def match_resource(resources: Iterable[str], path: str) -> ResourceMatch | None:
    """Return the resource of `path` (undecoded, without query), or None.

    Literal segments are preferred to variables, and variables to `{proxy+}`.
    """
    segments = _segments(path)
    candidates = [
        (rank, resource, parameters)
        for resource in resources
        for rank, parameters in [_match_segments(_pattern(resource), segments)]
        if rank is not None
    ]
    if not candidates:
        return None
    _, resource, parameters = min(candidates, key=lambda each: (each[0], each[1]))
    return ResourceMatch(resource, parameters)


def _segments(path: str) -> list[str]:
    trimmed = path.rstrip("/") if path != "/" else path
    return trimmed.split("/")[1:]


@lru_cache(maxsize=1024)
def _pattern(resource: str) -> tuple[str, ...]:
    return tuple(_segments(resource))


def _match_segments(
    pattern: Sequence[str], segments: list[str]
) -> tuple[list[int] | None, dict[str, str]]:
    """Return a rank, which is less the more literal the match is, and the path parameters.

    The rank is None if the pattern does not match.
    """
    if len(pattern) != len(segments) and not pattern[-1].endswith("+}"):
        return None, {}
    rank: list[int] = []
    parameters: dict[str, str] = {}
    for number, part in enumerate(pattern):
        if part.endswith("+}") and number < len(segments):
            parameters[part[1:-2]] = "/".join(segments[number:])
            return [*rank, 2], parameters
        if number >= len(segments):
            return None, {}
        if part.startswith("{") and part.endswith("}") and segments[number]:
            parameters[part[1:-1]] = segments[number]
            rank.append(1)
        elif part == segments[number]:
            rank.append(0)
        else:
            return None, {}
    return (rank, parameters) if len(pattern) == len(segments) else (None, {})


def _check_extensions(document: Mapping[str, Any]) -> None:
    for name in document:
        if name.startswith("x-amazon-apigateway-") and name not in _EXTENSIONS:
            raise unsupported("API Gateway", f"the extension {name}")


def _uri_text(value: Any) -> str:
    """Return the text of an integration's URI, also if it still is an `Fn::Sub`."""
    if isinstance(value, Mapping):
        value = value.get("Fn::Sub", "")
        value = value[0] if isinstance(value, list) else value
    return str(value)


def _function(uri: Any, function_name: FunctionName) -> str:
    match = _FUNCTION_URI.search(_uri_text(uri))
    if match is None:
        raise unsupported("API Gateway", f"the integration with {_uri_text(uri)!r}")
    return function_name(match[1])


def _authorizers(
    document: Mapping[str, Any], function_name: FunctionName
) -> Iterator[TokenAuthorizer]:
    schemes = document.get("securityDefinitions")
    if schemes is None:
        schemes = document.get("components", {}).get("securitySchemes", {})
    for name, scheme in schemes.items():
        definition = scheme.get(_AUTHORIZER)
        if definition is None or str(definition.get("type")).lower() != "token":
            raise unsupported("API Gateway", f"the authorizer {name}: only TOKEN is served")
        yield TokenAuthorizer(
            name=name,
            function=_function(definition.get("authorizerUri"), function_name),
            header=scheme.get("name", "Authorization"),
            ttl_s=int(definition.get("authorizerResultTtlInSeconds", _DEFAULT_TTL_S)),
            token_pattern=definition.get("identityValidationExpression"),
        )


def _integration(
    method: str,
    definition: Mapping[str, Any],
    authorizers: Mapping[str, TokenAuthorizer],
    function_name: FunctionName,
    validators: RequestValidators,
) -> Integration:
    integration = definition.get(_INTEGRATION, {})
    kind = str(integration.get("type", "")).lower()
    if kind == "mock":
        return _mock_integration(integration)
    if kind != "aws_proxy":
        raise unsupported("API Gateway", f"the integration of {method}: {kind or 'none'}")
    streams = str(integration.get("responseTransferMode", "BUFFERED")) == "STREAM"
    if streams != _uri_text(integration.get("uri")).endswith(_STREAMING_URI):
        raise unsupported(
            "API Gateway", f"the transfer mode of {method}, which its URI contradicts"
        )
    names = [name for requirement in definition.get("security", ()) for name in requirement]
    unknown = [name for name in names if name not in authorizers]
    if unknown or len(names) > 1:
        raise unsupported("API Gateway", f"the security of {method}: {', '.join(names)}")
    authorizer = authorizers[names[0]] if names else None
    validation = validators.for_method(method, definition)
    function = _function(integration.get("uri"), function_name)
    return ProxyIntegration(function, authorizer, streams, validation)


def _mock_integration(integration: Mapping[str, Any]) -> MockIntegration:
    response = integration.get("responses", {}).get("default", {})
    headers = {
        name.removeprefix(_HEADER): str(value).strip("'")
        for name, value in response.get("responseParameters", {}).items()
    }
    body = str(response.get("responseTemplates", {}).get(_JSON, ""))
    if "$" in body or "#" in body:
        raise unsupported("API Gateway", f"the mapping template {body!r}")
    return MockIntegration(int(response.get("statusCode", 200)), headers, body)
