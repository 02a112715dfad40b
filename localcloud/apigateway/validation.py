"""Request validators: what the gateway refuses by itself, before a function is asked.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs

from jsonschema import Draft4Validator
from jsonschema.exceptions import SchemaError

from localcloud.apigateway.gateway_responses import BAD_BODY, Failure, missing_parameters
from localcloud.errors import unsupported

if TYPE_CHECKING:
    from localcloud.apigateway.request import HttpRequest

VALIDATORS = "x-amazon-apigateway-request-validators"
VALIDATOR = "x-amazon-apigateway-request-validator"
_MEMBERS = frozenset({"validateRequestBody", "validateRequestParameters"})
_DEFAULT_TYPE = "application/json"
_DEFINITION = "#/definitions/"


@dataclass(frozen=True, slots=True)
class Validation:
    """What of a method's requests is looked at.

    `models` are JSON Schemas by media type; a body of another type is not looked at. `required`
    are parameters in query or header that must be there and not be blank.
    """

    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[tuple[str, str], ...] = ()

    def refusal(self, request: HttpRequest) -> Failure | None:
        """Return how a request is refused, None where it is not."""
        missing = [name for place, name in self.required if not _given(request, place, name)]
        if missing:
            return missing_parameters(missing)
        return None if self._fits(request) else BAD_BODY

    def _fits(self, request: HttpRequest) -> bool:
        given = request.header("Content-Type") or _DEFAULT_TYPE
        model = self.models.get(given.partition(";")[0].strip().lower())
        # AWS does not say what becomes of an empty body; here the function says what it lacks.
        if model is None or not request.body:
            return True
        try:
            content = json.loads(request.body.decode("utf-8", "replace"), parse_constant=_no_json)
        except (ValueError, RecursionError):
            return False
        return bool(Draft4Validator(model).is_valid(content))


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _given(request: HttpRequest, place: str, name: str) -> bool:
    if place == "header":
        return bool((request.header(name) or "").strip())
    values = parse_qs(request.query, keep_blank_values=True).get(name, [""])
    return bool(values[-1].strip())


class Validators:
    """The validators and models of an API, by which its methods are read."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read the swagger `document`; refuses, by an AwsError, what is not served."""
        self._definitions: Mapping[str, Any] = document.get("definitions", {})
        self._named: Mapping[str, Mapping[str, Any]] = document.get(VALIDATORS, {})
        self._default = document.get(VALIDATOR)
        for name, validator in self._named.items():
            if set(validator) - _MEMBERS:
                raise unsupported("API Gateway", f"{sorted(set(validator) - _MEMBERS)} of {name}")

    def of_method(self, what: str, definition: Mapping[str, Any]) -> Validation:
        """Return what is looked at of the requests of a method."""
        name = definition.get(VALIDATOR, self._default)
        if name is None:
            return Validation()
        if name not in self._named:
            raise unsupported("API Gateway", f"the request validator {name} of {what}, not defined")
        validator = self._named[name]
        looks = definition if validator.get("validateRequestBody") else {}
        models = {
            media_type: self._model(what, parameter["schema"])
            for parameter in looks.get("parameters", ())
            if parameter["in"] == "body"
            for media_type in definition.get("consumes", [_DEFAULT_TYPE])
        }
        needs = definition if validator.get("validateRequestParameters") else {}
        return Validation(models, tuple(_required(needs)))

    def _model(self, what: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = str(schema.get("$ref", ""))
        model = self._definitions.get(reference.removeprefix(_DEFINITION))
        if not reference.startswith(_DEFINITION) or model is None:
            raise unsupported("API Gateway", f"the model {schema} of {what}: name a definition")
        try:
            Draft4Validator.check_schema(model)
        except SchemaError as error:
            raise unsupported("API Gateway", f"the model {reference} of {what}") from error
        return {**model, "definitions": self._definitions}


def _required(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter in definition.get("parameters", ()):
        if parameter["in"] in ("query", "header") and parameter.get("required"):
            yield str(parameter["in"]), str(parameter["name"])
