"""What a REST API is, read from the swagger that Chalice writes for API Gateway.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.apigateway.gateway_responses import GatewayResponses
from localcloud.apigateway.stage import Stage
from localcloud.apigateway.validation import VALIDATOR, VALIDATORS, Validation, Validators
from localcloud.errors import unsupported

ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_AUTHORIZER = "x-amazon-apigateway-authorizer"
_FUNCTION = re.compile(r"functions/(.+)/(response-streaming-)?invocations$")
_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", ANY})
_DEFAULT_TTL_S = 300
_STREAMING = "/response-streaming-invocations"
_HEADER = "method.response.header."
_JSON = "application/json"
_BINARY_TYPES = "x-amazon-apigateway-binary-media-types"
_RESPONSES = "x-amazon-apigateway-gateway-responses"
_KNOWN_EXTENSIONS = frozenset({_BINARY_TYPES, _RESPONSES, VALIDATOR, VALIDATORS})

FunctionName = Callable[[str], str]
"""Return the name of the function that an integration means: an ARN, or `${Logical.Arn}`."""


def name_in_arn(reference: str) -> str:
    """Return the name in a function's ARN with its qualifier, or the id in `${Logical.Arn}`."""
    logical = re.fullmatch(r"\$\{(\w+)\.Arn\}", reference)
    if logical:
        return logical[1]
    return reference.split(":function:")[-1]


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A Lambda authorizer of type TOKEN. Its answers are kept for `ttl_s` seconds."""

    name: str
    function: str
    header: str = "Authorization"
    ttl_s: int = _DEFAULT_TTL_S
    token_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Proxy:
    """A method that is a function's: the Lambda proxy integration, whose answer may be streamed."""

    function: str
    authorizer: Authorizer | None = None
    streams: bool = False
    validation: Validation = field(default_factory=Validation)


@dataclass(frozen=True, slots=True)
class Mock:
    """A method that is answered at once, such as a preflight request."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


Method = Proxy | Mock


@dataclass(frozen=True, slots=True)
class RestApi:
    """A deployed API. `routes` is path → upper-case method (or ANY) → what answers it;
    `responses` are the gateway's own answers, where nothing of that does; `settings` what its
    stage says of it.
    """

    routes: Mapping[str, Mapping[str, Method]]
    binary_types: frozenset[str] = frozenset()
    stage: str = "api"
    api_id: str = "local"
    responses: GatewayResponses = field(default_factory=GatewayResponses)
    settings: Stage = field(default_factory=Stage)
    region: str = "us-east-1"

    @classmethod
    def from_swagger(
        cls,
        document: Mapping[str, Any],
        function_name: FunctionName = name_in_arn,
        stage: str = "api",
    ) -> RestApi:
        """Read the API that `document` (swagger 2.0 or OpenAPI 3) describes.

        Refuses, by an AwsError, extensions, integrations and authorizers that are not served.
        """
        _check_extensions(document)
        authorizers = {each.name: each for each in _authorizers(document, function_name)}
        validators = Validators(document)
        routes = {
            path: {
                "ANY" if verb == ANY else verb.upper(): _method(
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
            responses=GatewayResponses.of(document.get(_RESPONSES, {})),
        )


def _check_extensions(document: Mapping[str, Any]) -> None:
    for name in document:
        if name.startswith("x-amazon-apigateway-") and name not in _KNOWN_EXTENSIONS:
            raise unsupported("API Gateway", f"the extension {name}")


def _uri(value: Any) -> str:
    """Return the text of an integration's URI, also when it still is an `Fn::Sub`."""
    if isinstance(value, Mapping):
        value = value.get("Fn::Sub", "")
        value = value[0] if isinstance(value, list) else value
    return str(value)


def _function(uri: Any, function_name: FunctionName) -> str:
    match = _FUNCTION.search(_uri(uri))
    if match is None:
        raise unsupported("API Gateway", f"the integration with {_uri(uri)!r}")
    return function_name(match[1])


def _authorizers(document: Mapping[str, Any], function_name: FunctionName) -> Iterator[Authorizer]:
    schemes = document.get("securityDefinitions")
    if schemes is None:
        schemes = document.get("components", {}).get("securitySchemes", {})
    for name, scheme in schemes.items():
        definition = scheme.get(_AUTHORIZER)
        if definition is None or str(definition.get("type")).lower() != "token":
            raise unsupported("API Gateway", f"the authorizer {name}: only TOKEN is served")
        yield Authorizer(
            name=name,
            function=_function(definition.get("authorizerUri"), function_name),
            header=scheme.get("name", "Authorization"),
            ttl_s=int(definition.get("authorizerResultTtlInSeconds", _DEFAULT_TTL_S)),
            token_pattern=definition.get("identityValidationExpression"),
        )


def _method(
    what: str,
    definition: Mapping[str, Any],
    authorizers: Mapping[str, Authorizer],
    function_name: FunctionName,
    validators: Validators,
) -> Method:
    integration = definition.get(_INTEGRATION, {})
    kind = str(integration.get("type", "")).lower()
    if kind == "mock":
        return _mock(integration)
    if kind != "aws_proxy":
        raise unsupported("API Gateway", f"the integration of {what}: {kind or 'none'}")
    streams = str(integration.get("responseTransferMode", "BUFFERED")) == "STREAM"
    if streams != _uri(integration.get("uri")).endswith(_STREAMING):
        raise unsupported("API Gateway", f"the transfer mode of {what}, which its URI contradicts")
    names = [name for each in definition.get("security", ()) for name in each]
    unknown = [name for name in names if name not in authorizers]
    if unknown or len(names) > 1:
        raise unsupported("API Gateway", f"the security of {what}: {', '.join(names)}")
    authorizer = authorizers[names[0]] if names else None
    validation = validators.of_method(what, definition)
    return Proxy(_function(integration.get("uri"), function_name), authorizer, streams, validation)


def _mock(integration: Mapping[str, Any]) -> Mock:
    answer = integration.get("responses", {}).get("default", {})
    headers = {
        name.removeprefix(_HEADER): str(value).strip("'")
        for name, value in answer.get("responseParameters", {}).items()
    }
    body = str(answer.get("responseTemplates", {}).get(_JSON, ""))
    if "$" in body or "#" in body:
        raise unsupported("API Gateway", f"the mapping template {body!r}")
    return Mock(int(answer.get("statusCode", 200)), headers, body)
