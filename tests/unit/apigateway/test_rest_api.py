"""What is read from swagger, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from localcloud.apigateway import RestApi
from localcloud.apigateway.rest_api import MockIntegration, ProxyIntegration, TokenAuthorizer
from localcloud.errors import AwsError
from tests.unit.apigateway.swagger import SWAGGER


def test_chalice_s_swagger_is_understood() -> None:
    api = RestApi.from_swagger(SWAGGER)
    authorizer = TokenAuthorizer("authorize", "Authorize", "Authorization", 0)
    assert api.routes["/v1/things/{id}"]["GET"] == ProxyIntegration("APIHandler", authorizer)
    assert api.routes["/"]["GET"] == ProxyIntegration("APIHandler")
    assert api.routes["/v1/things/{id}"]["OPTIONS"] == MockIntegration(
        200,
        {
            "Access-Control-Allow-Methods": "GET,PUT,OPTIONS",
            "Access-Control-Allow-Origin": "*",
        },
    )
    assert api.binary_types == {"application/octet-stream", "image/png"}


def test_function_names_are_the_loader_s_to_say() -> None:
    api = RestApi.from_swagger(SWAGGER, lambda reference: f"<{reference}>")
    assert api.routes["/"]["GET"] == ProxyIntegration("<${APIHandler.Arn}>")


def test_a_resolved_arn_names_its_function() -> None:
    document = copy.deepcopy(SWAGGER)
    document["paths"]["/"]["get"]["x-amazon-apigateway-integration"]["uri"] = (
        "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
        "arn:aws:lambda:us-east-1:000000000000:function:headrace-api/invocations"
    )
    assert RestApi.from_swagger(document).routes["/"]["GET"] == ProxyIntegration("headrace-api")


def _without(change: Any) -> dict[str, Any]:
    document = copy.deepcopy(SWAGGER)
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda d: d.update({"x-amazon-apigateway-policy": {}}), "x-amazon-apigateway-policy"),
        (
            lambda d: d["paths"]["/"]["get"]["x-amazon-apigateway-integration"].update(
                {"type": "http"}
            ),
            "http",
        ),
        (
            lambda d: d["paths"]["/"]["get"]["x-amazon-apigateway-integration"].update(
                {"responseTransferMode": "STREAM"}
            ),
            "transfer mode",
        ),
        (lambda d: d["paths"]["/"]["get"].update({"security": [{"api_key": []}]}), "api_key"),
        (
            lambda d: d["securityDefinitions"]["authorize"][
                "x-amazon-apigateway-authorizer"
            ].update({"type": "request"}),
            "TOKEN",
        ),
    ],
)
def test_what_is_not_served_is_refused(change: Any, what: str) -> None:
    with pytest.raises(AwsError, match=what):
        RestApi.from_swagger(_without(change))
