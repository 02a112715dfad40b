"""Swagger in the form in which Chalice writes it."""

from __future__ import annotations

from typing import Any

_FUNCTIONS = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions"


def _uri(logical: str) -> dict[str, str]:
    return {"Fn::Sub": f"{_FUNCTIONS}/${{{logical}.Arn}}/invocations"}


def proxy(*security: dict[str, list[str]]) -> dict[str, Any]:
    """Return a method that is the API handler's."""
    return {
        "consumes": ["application/json"],
        "security": list(security),
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": _uri("APIHandler"),
            "contentHandling": "CONVERT_TO_TEXT",
        },
    }


SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"version": "1.0", "title": "t"},
    "paths": {
        "/": {"get": proxy(), "head": proxy()},
        "/v1/things/{id}": {
            "get": proxy({"authorize": []}),
            "put": proxy({"authorize": []}),
            "options": {
                "x-amazon-apigateway-integration": {
                    "type": "mock",
                    "requestTemplates": {"application/json": '{"statusCode": 200}'},
                    "responses": {
                        "default": {
                            "statusCode": "200",
                            "responseParameters": {
                                "method.response.header.Access-Control-Allow-Methods": (
                                    "'GET,PUT,OPTIONS'"
                                ),
                                "method.response.header.Access-Control-Allow-Origin": "'*'",
                            },
                        }
                    },
                }
            },
        },
    },
    "x-amazon-apigateway-binary-media-types": ["application/octet-stream", "image/png"],
    "securityDefinitions": {
        "authorize": {
            "in": "header",
            "type": "apiKey",
            "name": "Authorization",
            "x-amazon-apigateway-authtype": "custom",
            "x-amazon-apigateway-authorizer": {
                "type": "token",
                "authorizerUri": _uri("Authorize"),
                "authorizerResultTtlInSeconds": 0,
            },
        }
    },
}
