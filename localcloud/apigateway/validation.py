"""Request validators: checks of a request before its function is invoked.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import parse_qs

from jsonschema import Draft4Validator
from jsonschema.exceptions import SchemaError

from localcloud.apigateway.gateway_responses import (
    BAD_BODY,
    GatewayFailure,
    missing_parameters_failure,
)
from localcloud.apigateway.http_request import HttpRequest
from localcloud.errors import unsupported

VALIDATORS = "x-amazon-apigateway-request-validators"
VALIDATOR = "x-amazon-apigateway-request-validator"
_VALIDATOR_MEMBERS = frozenset({"validateRequestBody", "validateRequestParameters"})
_DEFAULT_TYPE = "application/json"
_DEFINITION = "#/definitions/"


@dataclass(frozen=True, slots=True)
class RequestValidation:
    """The checks of a method's requests.

    `models` are JSON Schemas by media type; a body of another type is not checked. `required`
    are parameters, as (`query` or `header`, name), that must not be missing or blank.
    """

    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[tuple[str, str], ...] = ()

    def check(self, request: HttpRequest) -> GatewayFailure | None:
        """Return the failure of a request, None if it passes."""
        missing = [
            name for location, name in self.required if not _has_value(request, location, name)
        ]
        if missing:
            return missing_parameters_failure(missing)
        return None if self._matches_model(request) else BAD_BODY

    def _matches_model(self, request: HttpRequest) -> bool:
        media_type = request.header("Content-Type") or _DEFAULT_TYPE
        model = self.models.get(media_type.partition(";")[0].strip().lower())
        # AWS does not document empty bodies; here the function reports what is missing.
        if model is None or not request.body:
            return True
        try:
            content = json.loads(
                request.body.decode("utf-8", "replace"), parse_constant=_refuse_constant
            )
        except (ValueError, RecursionError):
            return False
        return bool(Draft4Validator(model).is_valid(content))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _has_value(request: HttpRequest, location: str, name: str) -> bool:
    if location == "header":
        return bool((request.header(name) or "").strip())
    values = parse_qs(request.query, keep_blank_values=True).get(name, [""])
    return bool(values[-1].strip())


class RequestValidators:
    """The request validators and models that an API defines."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read the swagger `document`. Refuse by an AwsError what is not supported."""
        self._definitions: Mapping[str, Any] = document.get("definitions", {})
        self._named: Mapping[str, Mapping[str, Any]] = document.get(VALIDATORS, {})
        self._default = document.get(VALIDATOR)
        for name, validator in self._named.items():
            if set(validator) - _VALIDATOR_MEMBERS:
                raise unsupported(
                    "API Gateway", f"{sorted(set(validator) - _VALIDATOR_MEMBERS)} of {name}"
                )

    def for_method(self, method: str, definition: Mapping[str, Any]) -> RequestValidation:
        """Return the checks of a method's requests; `method` names it in errors."""
        name = definition.get(VALIDATOR, self._default)
        if name is None:
            return RequestValidation()
        if name not in self._named:
            raise unsupported(
                "API Gateway", f"the request validator {name} of {method}, not defined"
            )
        validator = self._named[name]
        checked = definition if validator.get("validateRequestBody") else {}
        models = {
            media_type: self._model(method, parameter["schema"])
            for parameter in checked.get("parameters", ())
            if parameter["in"] == "body"
            for media_type in definition.get("consumes", [_DEFAULT_TYPE])
        }
        required = definition if validator.get("validateRequestParameters") else {}
        return RequestValidation(models, tuple(_required_parameters(required)))

    def _model(self, method: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = str(schema.get("$ref", ""))
        model = self._definitions.get(reference.removeprefix(_DEFINITION))
        if not reference.startswith(_DEFINITION) or model is None:
            raise unsupported("API Gateway", f"the model {schema} of {method}: name a definition")
        try:
            Draft4Validator.check_schema(model)
        except SchemaError as error:
            raise unsupported("API Gateway", f"the model {reference} of {method}") from error
        return {**model, "definitions": self._definitions}


def _required_parameters(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter in definition.get("parameters", ()):
        if parameter["in"] in ("query", "header") and parameter.get("required"):
            yield str(parameter["in"]), str(parameter["name"])
